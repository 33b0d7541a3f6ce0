"""DCGAN on images: the recipe that a new user gets good pictures with.

    python -m trainers.dcgan

trains on 4,500 MNIST digits that come with the installation, for two to four minutes on two CPU cores. It is the
convolutional GAN of Radford et al. 2015 with what was learned since: no normalization in the discriminator but a
gradient penalty on real images (R1), at every fourth step, which then counts fourfold; a dense layer between its
feature map and the logit; few latents; Adam without momentum; the generator is updated on the images that the
discriminator has just seen; and an average of the generator's weights for sampling.

    python -m trainers.dcgan --preset=paper

is section 4 of the paper as it stands: batch normalization in both networks, no penalty and no average, 128 images a
batch, uniform latents; but kernels are 4x4, which the paper's code has as 5x5.

    python -m trainers.dcgan --preset=before

is the default recipe of version 0.1.0, but for its length; today's beat it in a race at equal time.
"""

import dataclasses

from keras_gan import GAN, augmentation, networks, optimizers, regularizers
from keras_gan.augmentation.base import part_names
from trainers import engine
from trainers.engine import option

_PAPER = {
    "batch_size": 128, "latent_dim": 100, "latent_prior": "uniform", "filters": 128,
    "discriminator_normalization": "batch", "discriminator_units": 0, "r1_gamma": 0.0, "update": "alternating",
    "generator_learning_rate": 2e-4, "discriminator_learning_rate": 2e-4, "beta_1": 0.5, "beta_2": 0.999,
    "ema_momentum": 0.0,
}  # fmt: skip
_BEFORE = {
    "batch_size": 64, "latent_dim": 64, "filters": 64, "discriminator_units": 0, "r1_gamma": 1.0, "penalty_interval": 1,
    "update": "alternating", "beta_1": 0.5, "ema_momentum": 0.998,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(engine.Config):
    PRESETS = {"default": {}, "before": _BEFORE, "paper": _PAPER}

    preset: str = option("default", "default, before or paper: what the flags that are not given are.")
    steps: int = option(8000, "Length in training steps.")
    batch_size: int = option(32, "Images in one update's minibatch.", low=1)
    latent_dim: int = option(16, "Length of a latent vector.")
    latent_prior: str = option("normal", "normal or uniform.")
    filters: int = option(
        0, "Feature maps at the image's side of both networks; auto: from its size and the device.",
        low=1, before=64, auto=0,
    )  # fmt: skip
    discriminator_normalization: str = option("none", "none or batch; batch does not go with penalties.")
    discriminator_units: int = option(
        256, "Units of a dense layer between the discriminator's feature map and its logit; 0 leaves it out.",
        low=0, before=0,
    )  # fmt: skip
    loss: str = option("non_saturating", "Adversarial loss: a name of keras_gan.losses.get.")
    r1_gamma: float = option(3.0, "Weight of the gradient penalty on real images, R1; 0 leaves it out.", low=0)
    r2_gamma: float = option(0.0, "Weight of the same on generated images, R2.", low=0)
    penalty_method: str = option("exact", "How R1 and R2 are computed: exact, or finite_difference of logits.")
    penalty_interval: int = option(
        4, "Steps from one penalty to the next, which counts as many times; 1 for every step.", low=1, before=1
    )
    update: str = option(
        "shared", "alternating: new latents for the generator; shared: those of the discriminator; or simultaneous.",
        before="alternating",
    )  # fmt: skip
    augmentation: str = option(
        "", "Parts of DiffAugment for few pictures, of color, translation and cutout, with commas; none by default."
    )
    penalty_fraction: float = option(0.25, "Share of images that differences are taken of: 1 / k, for an integer k.")
    generator_learning_rate: float = option(2e-3, "Adam's learning rate for the generator.", low=0)
    discriminator_learning_rate: float = option(2e-3, "Adam's learning rate for the discriminator.", low=0)
    beta_1: float = option(0.0, "Adam's beta_1.", low=0, below=1)
    beta_2: float = option(0.99, "Adam's beta_2.", low=0, below=1)
    ema_momentum: float = option(
        0.9995, "Momentum of the average of the generator's weights; 0 leaves it out.", low=0, below=1
    )


def build(config, spec):
    """The compiled GAN of a configuration, for images of `spec.image_shape`."""
    config = engine.decide_width(config, spec)
    normalization = None if config.discriminator_normalization == "none" else config.discriminator_normalization
    for name in ("r1_gamma", "r2_gamma"):
        if normalization == "batch" and (gamma := getattr(config, name)):
            raise ValueError(
                f"--discriminator_normalization=batch makes logits depend on the whole batch, and --{name} penalizes "
                f"gradients of single images: pass --{name}=0. Received: --{name}={gamma}"
            )
    parts = config.augmentation and part_names("--augmentation", config.augmentation, augmentation.DiffAugment.PARTS)
    hidden = (config.discriminator_units,) if config.discriminator_units else ()
    gan = GAN(
        networks.DCGANGenerator(spec.image_shape, config.latent_dim, config.latent_prior, filters=config.filters),
        networks.DCGANDiscriminator(
            spec.image_shape, filters=config.filters, normalization=normalization, hidden_units=hidden
        ),
        augmenter=augmentation.DiffAugment(parts) if parts else None,
        ema_momentum=config.ema_momentum or None,
        seed=config.seed,
    )
    penalties = (regularizers.R1, config.r1_gamma), (regularizers.R2, config.r2_gamma)
    method = {"method": config.penalty_method, "interval": config.penalty_interval}
    if config.penalty_method != "exact":
        method["fraction"] = config.penalty_fraction
    gan.compile(
        optimizers.Adam(config.generator_learning_rate, config.beta_1, config.beta_2),
        optimizers.Adam(config.discriminator_learning_rate, config.beta_1, config.beta_2),
        loss=config.loss,
        discriminator_regularizers=[penalty(gamma, **method) for penalty, gamma in penalties if gamma],
        update=config.update,
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
    )
    return gan


if __name__ == "__main__":
    engine.main("dcgan", __doc__, Config, build)
