"""R3GAN: a relativistic loss with both zero-centred gradient penalties, and residual networks without normalization.

    python -m trainers.r3gan

trains the smallest of its networks on 4,500 MNIST digits that come with the installation. Learning rate, penalty,
Adam's beta_2 and the average's half-life follow half a cosine over the first images, the burn-in, and stay.

    python -m trainers.r3gan --preset=paper

is CIFAR-10 of Huang et al. 2024, "The GAN is dead; long live the GAN!", table 9, for days of eight large GPUs: but
unconditional, and flipped by its augmentation instead of beforehand.
"""

import dataclasses

from keras_gan import GAN, augmentation, networks, optimizers, regularizers
from keras_gan.optimizers.schedules import CosineBurnIn, HalfLife
from trainers import engine
from trainers.engine import option

_PAPER = {
    "dataset": "cifar10", "network": "cifar10", "batch_size": 512, "steps": 488_281, "burn_in": 20e6,
    "learning_rate": 2e-4, "final_learning_rate": 5e-5, "gamma": 0.05, "final_gamma": 0.005,
    "half_life": 5e6, "augmentation": 0.55,
}  # fmt: skip
_POLICY = {"blit": 1.0, "geometry": 1.0, "color": 0.5, "cutout": 1.0}


@dataclasses.dataclass(frozen=True)
class Config(engine.Config):
    PRESETS = {"tiny": {}, "paper": _PAPER}

    preset: str = option("tiny", "tiny or paper: what the flags that are not given are.")
    steps: int = option(2000, "Length in training steps.")
    network: str = option("tiny", "Sizes of both networks: a name in keras_gan.networks.r3gan.PRESETS.")
    latent_dim: int = option(64, "Length of a latent vector.")
    burn_in: float = option(64e3, "Images over which the schedules run.", low=1)
    learning_rate: float = option(1e-3, "Adam's learning rate for both networks at the start.", low=0)
    final_learning_rate: float = option(5e-4, "The same after the burn-in.", low=0)
    gamma: float = option(1.0, "Weight of the R1 and R2 gradient penalties at the start.", low=0)
    final_gamma: float = option(0.1, "The same after the burn-in.", low=0)
    beta_2: float = option(0.9, "Adam's beta_2 at the start; beta_1 is 0.", low=0, below=1)
    final_beta_2: float = option(0.99, "The same after the burn-in.", low=0, below=1)
    half_life: float = option(20e3, "Images after which weights count half in the average, after the burn-in.", low=0)
    augmentation: float = option(0.0, "Probability of augmentation after the burn-in; 0: none.", low=0, below=1)


def build(config, spec):
    """The compiled GAN of a configuration, for images of `spec.image_shape`."""
    known = list(networks.r3gan.PRESETS)
    if config.network not in known:
        raise ValueError(f"--network must be one of {known}. Received: --network={config.network}")

    def schedule(start, end):
        return CosineBurnIn(start, end, config.burn_in, images_per_step=config.batch_size)

    augmenter = augmentation.AdaptiveAugment(_POLICY, probability=schedule(0, config.augmentation))
    gan = GAN(
        networks.R3GANGenerator.from_preset(config.network, image_shape=spec.image_shape, latent_dim=config.latent_dim),
        networks.R3GANDiscriminator.from_preset(config.network, image_shape=spec.image_shape),
        augmenter=augmenter if config.augmentation else None,
        ema_momentum=HalfLife(schedule(0, config.half_life), config.batch_size) if config.half_life else None,
        seed=config.seed,
    )
    gamma = schedule(config.gamma, config.final_gamma)
    rate = schedule(config.learning_rate, config.final_learning_rate)
    beta_2 = schedule(config.beta_2, config.final_beta_2)
    gan.compile(
        *(optimizers.Adam(rate, beta_1=0.0, beta_2=beta_2, epsilon=1e-8) for _ in range(2)),
        loss="relativistic",
        discriminator_regularizers=[regularizers.R1(gamma), regularizers.R2(gamma)],
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
    )
    return gan


if __name__ == "__main__":
    engine.main("r3gan", __doc__, Config, build)
