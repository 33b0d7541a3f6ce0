"""DCGAN on images: the recipe that a new user gets good pictures with.

    python -m trainers.dcgan

trains on 4,500 MNIST digits that come with the installation, for about three minutes on two CPU cores. It is the
convolutional GAN of Radford et al. 2015 with what was learned since: no normalization in the discriminator but a
gradient penalty on real images (R1), and an average of the generator's weights for sampling.
"""

import dataclasses

import keras_gan
from keras_gan.command import option
from trainers import common


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
    steps: int = option(3000, "Length in training steps.")
    latent_dim: int = option(64, "Length of a latent vector.")
    latent_prior: str = option("normal", "normal or uniform.")
    filters: int = option(64, "Feature maps at the image's side of both networks.")
    discriminator_normalization: str = option("none", "none or batch; batch does not go with --r1_gamma.")
    loss: str = option("non_saturating", "Adversarial loss: a name of keras_gan.losses.get.")
    r1_gamma: float = option(1.0, "Weight of the R1 gradient penalty; 0 leaves it out.", low=0)
    generator_learning_rate: float = option(2e-3, "Adam's learning rate for the generator.", low=0)
    discriminator_learning_rate: float = option(2e-3, "Adam's learning rate for the discriminator.", low=0)
    beta_1: float = option(0.5, "Adam's beta_1.", low=0, below=1)
    beta_2: float = option(0.99, "Adam's beta_2.", low=0, below=1)
    ema_momentum: float = option(
        0.998, "Momentum of the average of the generator's weights; 0 leaves it out.", low=0, below=1
    )


def build(config, spec):
    """The compiled GAN of a configuration, for images of `spec.image_shape`."""
    normalization = None if config.discriminator_normalization == "none" else config.discriminator_normalization
    if normalization == "batch" and config.r1_gamma:
        raise ValueError(
            "--discriminator_normalization=batch makes logits depend on the whole batch, and --r1_gamma penalizes "
            f"gradients of single images: pass --r1_gamma=0. Received: --r1_gamma={config.r1_gamma}"
        )
    gan = keras_gan.GAN(
        keras_gan.networks.DCGANGenerator(
            spec.image_shape, config.latent_dim, latent_prior=config.latent_prior, filters=config.filters
        ),
        keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=config.filters, normalization=normalization),
        ema_momentum=config.ema_momentum or None,
        seed=config.seed,
    )

    def adam(learning_rate):
        return keras_gan.optimizers.Adam(learning_rate, config.beta_1, config.beta_2)

    gan.compile(
        adam(config.generator_learning_rate),
        adam(config.discriminator_learning_rate),
        loss=config.loss,
        discriminator_regularizers=[keras_gan.regularizers.R1(config.r1_gamma)] if config.r1_gamma else [],
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
    )
    return gan


if __name__ == "__main__":
    common.main("dcgan", __doc__, Config, build)
