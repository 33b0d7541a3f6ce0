"""Spectral normalization with the hinge loss and residual networks: Miyato et al. 2018.

    python -m trainers.sngan

trains narrow networks on 4,500 MNIST digits that come with the installation; the discriminator learns four times as
fast as the generator (two time scales, Heusel et al. 2017) in place of five steps for one.

    python -m trainers.sngan --preset=paper

is the paper's CIFAR-10 of table 4: five discriminator steps, learning rates that fall to 0. There the generator's
batches are twice the discriminator's; here they are equal.

    python -m trainers.sngan --preset=sagan

adds self-attention to both networks and the learning rates of SAGAN (Zhang et al. 2019, section 4), one step each;
there the generator's convolutions are spectrally normalized too, and the networks are made for 128x128.
"""

import dataclasses

import keras_gan
from keras_gan import networks
from trainers import engine
from trainers.engine import option

_PAPER = {
    "dataset": "cifar10", "steps": 50_000, "discriminator_steps": 5, "generator_filters": 256,
    "discriminator_filters": 128, "generator_learning_rate": 2e-4, "discriminator_learning_rate": 2e-4,
    "decay": True, "ema_momentum": 0.0,
}  # fmt: skip

_SAGAN = {"attention": True, "generator_learning_rate": 1e-4, "discriminator_learning_rate": 4e-4}


@dataclasses.dataclass(frozen=True)
class Config(engine.Config):
    PRESETS = {"tiny": {}, "paper": _PAPER, "sagan": _SAGAN}

    preset: str = option("tiny", "tiny, paper or sagan: what the flags that are not given are.")
    steps: int = option(2000, "Length in training steps.")
    latent_dim: int = option(128, "Length of a latent vector.")
    generator_filters: int = option(32, "Feature maps of the generator.")
    discriminator_filters: int = option(32, "Feature maps of the discriminator.")
    attention: bool = option(False, "Whether both networks have a layer of self-attention.")
    loss: str = option("hinge", "Adversarial loss: a name of keras_gan.losses.get.")
    generator_learning_rate: float = option(5e-4, "Adam's learning rate for the generator.", low=0)
    discriminator_learning_rate: float = option(2e-3, "Adam's learning rate for the discriminator.", low=0)
    decay: bool = option(False, "Whether learning rates fall to 0, in a straight line over the run.")
    beta_1: float = option(0.0, "Adam's beta_1.", low=0, below=1)
    beta_2: float = option(0.9, "Adam's beta_2.", low=0, below=1)
    ema_momentum: float = option(
        0.998, "Momentum of the average of the generator's weights; 0 leaves it out.", low=0, below=1
    )


def build(config, spec):
    """The compiled GAN of a configuration, for images of `spec.image_shape`."""
    gan = keras_gan.GAN(
        networks.ResNetGenerator(
            spec.image_shape, config.latent_dim, filters=config.generator_filters, attention=config.attention
        ),
        networks.ResNetDiscriminator(spec.image_shape, config.discriminator_filters, attention=config.attention),
        ema_momentum=config.ema_momentum or None,
        seed=config.seed,
    )

    def adam(learning_rate, updates):
        if config.decay:
            learning_rate = engine.linear_decay(learning_rate, updates, config, spec)
        return keras_gan.optimizers.Adam(learning_rate, config.beta_1, config.beta_2)

    gan.compile(
        adam(config.generator_learning_rate, config.generator_steps),
        adam(config.discriminator_learning_rate, config.discriminator_steps),
        loss=config.loss,
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
    )
    return gan


if __name__ == "__main__":
    engine.main("sngan", __doc__, Config, build)
