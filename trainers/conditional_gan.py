"""Conditional DCGAN: images of a class that one asks for, and how well they show it.

    python -m trainers.conditional_gan

trains on 4,500 labelled MNIST digits that come with the installation. Labels enter by projection (Miyato and Koyama
2018) and conditional batch normalization, by concatenation, or through an auxiliary classifier (AC-GAN, Odena et al.
2017). Grids have one row a class. At the end classifiers learn from generated digits and are tested on held-out real
ones, beside classifiers that learn from as many real digits; the numbers are kept in `conditional.json`. Data of one's
own need a split "test" with the same classes for that: of `--dataset=folder:PATH` the subfolders train and test.
"""

import dataclasses

from keras_gan import GAN, networks, optimizers, regularizers
from trainers import engine
from trainers.engine import option


@dataclasses.dataclass(frozen=True)
class Config(engine.Config):
    steps: int = option(3000, "Length in training steps.")
    conditioning: str = option("projection", "How labels enter: projection, concat or auxiliary.")
    latent_dim: int = option(64, "Length of a latent vector.")
    filters: int = option(
        0, "Feature maps at the image's side of both networks; auto: from its size and the device.",
        low=1, before=64, auto=0,
    )  # fmt: skip
    loss: str = option("non_saturating", "Adversarial loss: a name of keras_gan.losses.get.")
    r1_gamma: float = option(1.0, "Weight of the R1 gradient penalty; 0 leaves it out.", low=0)
    learning_rate: float = option(2e-3, "Adam's learning rate for both networks.", low=0)
    beta_1: float = option(0.5, "Adam's beta_1.", low=0, below=1)
    beta_2: float = option(0.99, "Adam's beta_2.", low=0, below=1)
    ema_momentum: float = option(0.998, "Momentum of the average of the generator's weights.", low=0, below=1)


def build(config, spec):
    """The compiled GAN of a configuration, for images and classes of `spec`."""
    config = engine.decide_width(config, spec)
    auxiliary = config.conditioning == "auxiliary"
    shared = {"num_classes": spec.num_classes, "class_names": spec.class_names, "filters": config.filters}
    gan = GAN(
        networks.DCGANGenerator(
            spec.image_shape, config.latent_dim, conditioning="concat" if auxiliary else config.conditioning, **shared
        ),
        networks.DCGANDiscriminator(spec.image_shape, normalization=None, conditioning=config.conditioning, **shared),
        ema_momentum=config.ema_momentum or None,
        seed=config.seed,
    )
    penalties = [regularizers.R1(config.r1_gamma)] if config.r1_gamma else []
    classification = regularizers.AuxiliaryClassification
    gan.compile(
        *(optimizers.Adam(config.learning_rate, config.beta_1, config.beta_2) for _ in range(2)),
        loss=config.loss,
        discriminator_regularizers=[*penalties, classification(1.0)] if auxiliary else penalties,
        generator_regularizers=[classification(0.1, images="fake")] if auxiliary else [],
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
    )
    return gan


if __name__ == "__main__":
    engine.main("conditional_gan", __doc__, Config, build, labels=True, epilogue=engine.judge_classes)
