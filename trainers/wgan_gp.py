"""Wasserstein GAN with gradient penalty, Gulrajani et al. 2017, or with clipped weights, Arjovsky et al. 2017.

    python -m trainers.wgan_gp

trains small convolutional networks on 4,500 MNIST digits that come with the installation: five discriminator steps
for each of the generator, a penalty of weight 10 where the norm of the gradient between real and generated images is
not 1, and no normalization in the discriminator.

    python -m trainers.wgan_gp --preset=paper

is the paper's CIFAR-10 with residual networks and falling learning rates, but for the generator's batches, which are
twice the discriminator's there, and noise of one grey level on the pixels.

    python -m trainers.wgan_gp --preset=clipping

is the Wasserstein GAN before the penalty: weights clipped to [-0.01, 0.01] and RMSProp at 5e-5, algorithm 1 of 2017.
"""

import dataclasses

import keras

import keras_gan
from keras_gan import networks
from trainers import engine
from trainers.engine import option

_PAPER = {
    "dataset": "cifar10", "network": "resnet", "steps": 100_000, "filters": 128, "learning_rate": 2e-4, "beta_1": 0.0,
    "beta_2": 0.9, "decay": True, "ema_momentum": 0.0,
}  # fmt: skip

_CLIPPING = {
    "optimizer": "rmsprop", "learning_rate": 5e-5, "penalty": 0.0, "weight_clip": 0.01, "ema_momentum": 0.0,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(engine.Config):
    PRESETS = {"tiny": {}, "paper": _PAPER, "clipping": _CLIPPING}

    preset: str = option("tiny", "tiny, paper or clipping: what the flags that are not given are.")
    steps: int = option(1500, "Length in training steps.")
    discriminator_steps: int = option(5, "Discriminator updates per step, each on a minibatch of its own.")
    network: str = option("dcgan", "dcgan or resnet.")
    latent_dim: int = option(128, "Length of a latent vector.")
    filters: int = option(32, "Feature maps at the image's side, of resnet everywhere.")
    penalty: float = option(10.0, "Weight of the gradient penalty; 0 leaves it out.", low=0)
    weight_clip: float = option(0.0, "Bound of the discriminator's weights, for clipping; 0 leaves it out.", low=0)
    optimizer: str = option("adam", "adam or rmsprop.")
    learning_rate: float = option(5e-4, "The optimizer's learning rate for both networks.", low=0)
    decay: bool = option(False, "Whether learning rates fall to 0, in a straight line over the run.")
    beta_1: float = option(0.5, "Adam's beta_1.", low=0, below=1)
    beta_2: float = option(0.9, "Adam's beta_2.", low=0, below=1)
    ema_momentum: float = option(
        0.998, "Momentum of the average of the generator's weights; 0 leaves it out.", low=0, below=1
    )


def build(config, spec):
    """The compiled GAN of a configuration, for images of `spec.image_shape`."""
    sizes = {"filters": config.filters}
    if config.network == "resnet":
        generator = networks.ResNetGenerator(spec.image_shape, config.latent_dim, **sizes)
        discriminator = networks.ResNetDiscriminator(spec.image_shape, normalization=None, pooling="mean", **sizes)
    elif config.network == "dcgan":
        generator = networks.DCGANGenerator(spec.image_shape, config.latent_dim, **sizes)
        discriminator = networks.DCGANDiscriminator(spec.image_shape, normalization=None, **sizes)
    else:
        raise ValueError(f"--network must be dcgan or resnet. Received: --network={config.network}")
    gan = keras_gan.GAN(generator, discriminator, ema_momentum=config.ema_momentum or None, seed=config.seed)

    if config.optimizer not in ("adam", "rmsprop"):
        raise ValueError(f"--optimizer must be adam or rmsprop. Received: --optimizer={config.optimizer}")

    def optimizer(updates):
        rate = config.learning_rate
        if config.decay:
            rate = engine.linear_decay(rate, updates, config, spec)
        if config.optimizer == "rmsprop":
            return keras.optimizers.RMSprop(rate)
        return keras_gan.optimizers.Adam(rate, config.beta_1, config.beta_2)

    gan.compile(
        optimizer(config.generator_steps),
        optimizer(config.discriminator_steps),
        loss="wasserstein",
        discriminator_regularizers=[keras_gan.regularizers.GradientPenalty(config.penalty)] if config.penalty else [],
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
        weight_clip=config.weight_clip or None,
    )
    return gan


if __name__ == "__main__":
    engine.main("wgan_gp", __doc__, Config, build)
