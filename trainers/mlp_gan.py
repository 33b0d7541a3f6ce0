"""The fully connected GAN of 2014 on images, with today's optimizer.

    python -m trainers.mlp_gan

Generator of rectified units with a sigmoid output, discriminator of maxout units with dropout, non-saturating loss:
Goodfellow et al. 2014, section 5. Unlike there, Adam takes the place of momentum, and samples come from an average
of the generator's weights.
"""

import dataclasses

import keras

import keras_gan
from keras_gan.command import option
from trainers import common


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
    steps: int = option(6000, "Length in training steps.")
    checkpoint_every: int = option(1000, "Steps between checkpoints.")
    log_every: int = option(200, "Steps between log entries, each the mean since the last.")
    sample_every: int = option(200, "Steps between sample grids.")
    latent_dim: int = option(100, "Length of a latent vector.")
    latent_prior: str = option("uniform", "normal or uniform.")
    generator_units: int = option(1200, "Width of the generator's two hidden layers.")
    discriminator_units: int = option(240, "Width of the discriminator's two hidden layers.")
    maxout_pieces: int = option(5, "Affine maps per maxout unit of the discriminator.")
    input_dropout: float = option(0.2, "Rate at which the discriminator's inputs are dropped.", low=0, below=1)
    dropout: float = option(0.5, "Rate at which the discriminator's hidden units are dropped.", low=0, below=1)
    loss: str = option("non_saturating", "Adversarial loss: a name of keras_gan.losses.get; the paper's is minimax.")
    update: str = option("alternating", "alternating, as the paper's algorithm, or simultaneous, as its code.")
    generator_learning_rate: float = option(2e-4, "Adam's learning rate for the generator.", low=0)
    discriminator_learning_rate: float = option(2e-4, "Adam's learning rate for the discriminator.", low=0)
    beta_1: float = option(0.5, "Adam's beta_1.", low=0, below=1)
    ema_momentum: float = option(
        0.998, "Momentum of the average of the generator's weights; 0 leaves it out.", low=0, below=1
    )


def build(config, spec):
    """The compiled GAN of a configuration, for images of `spec.image_shape`."""
    units = (config.generator_units,) * 2, (config.discriminator_units,) * 2
    gan = keras_gan.GAN(
        keras_gan.networks.MLPGenerator(
            spec.image_shape, config.latent_dim, latent_prior=config.latent_prior, hidden_units=units[0]
        ),
        keras_gan.networks.MLPDiscriminator(
            spec.image_shape,
            hidden_units=units[1],
            activation="maxout",
            pieces=config.maxout_pieces,
            input_dropout=config.input_dropout,
            dropout=config.dropout,
        ),
        ema_momentum=config.ema_momentum or None,
        seed=config.seed,
    )
    gan.compile(
        keras.optimizers.Adam(config.generator_learning_rate, config.beta_1),
        keras.optimizers.Adam(config.discriminator_learning_rate, config.beta_1),
        loss=config.loss,
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
        update=config.update,
    )
    return gan


if __name__ == "__main__":
    common.main("mlp_gan", __doc__, Config, build)
