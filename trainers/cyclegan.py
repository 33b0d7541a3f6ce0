"""CycleGAN: pictures from pictures, learned from two collections without pairs.

    python -m trainers.cyclegan

learns to make fives of threes and threes of fives, on digits that come with the installation. Grids show images, what
became of them, and of that the way back; fives begin in the lower half. Domains are any sources, or classes of one:
`--domain_a=folder:PHOTOS --domain_b=folder:PAINTINGS`, or `--domain_a=cifar10#cat`.

    python -m trainers.cyclegan --preset=paper --domain_a=folder:A --domain_b=folder:B

is the published recipe (Zhu et al. 2017): 256x256 pixels, cut from 286x286 at random and mirrored at random, generators
of nine residual blocks, patches of 70x70, one image of each domain a batch, 200 epochs, in the second half of which the
learning rate falls to 0. That takes a GPU.
"""

import dataclasses

from keras_gan import CycleGAN, networks, optimizers
from trainers import engine
from trainers.engine import option

_PAPER = {
    "image_size": "286x286", "crop": "256x256", "flip": True, "channels": 3, "batch_size": 1, "epochs": 200.0,
    "decay": True, "filters": 64, "blocks": 9, "discriminator_filters": 64, "downsamplings": 3,
    "learning_rate": 2e-4,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(engine.TranslationConfig):
    PRESETS = {"default": {}, "paper": _PAPER}

    preset: str = option("default", "default or paper: what the flags that are not given are.")
    domain_a: str = option("mnist5k#3", "The first domain: a source, or a class of one, as mnist5k#3.")
    domain_b: str = option("mnist5k#5", "The second domain.")
    dataset: str = option("", "Instead of both: domains:A,B, with a source for either.")
    steps: int = option(1000, "Length in training steps.", low=1)
    batch_size: int = option(8, "Images of each domain in one update's minibatch.", low=1)
    filters: int = option(16, "Feature maps at the image's side of the generators.", low=1)
    blocks: int = option(3, "Residual blocks of the generators.", low=0)
    discriminator_filters: int = option(16, "Feature maps of the first layer of the discriminators.", low=1)
    downsamplings: int = option(2, "Halvings in the discriminators: 1, 2, 3 for patches of 16, 34, 70 pixels.", low=1)
    pool_size: int = option(50, "Earlier images that are kept for each discriminator.", low=0)
    loss: str = option("least_squares", "Adversarial loss: a name of keras_gan.losses.get.")
    cycle_weight: float = option(10.0, "Weight of the way there and back.", low=0)
    identity_weight: float = option(
        5.0, "Weight of what a generator changes about images of its target; 0 for domains of different shapes.", low=0
    )
    learning_rate: float = option(1e-3, "Adam's learning rate for all networks.", low=0)
    beta_1: float = option(0.5, "Adam's beta_1.", low=0, below=1)
    decay: bool = option(False, "Whether learning rates fall to 0 in the second half of the run.")
    ema_momentum: float = option(0.0, "Momentum of the generators' averages; 0 for none.", low=0, below=1)

    def settled(self):
        """The configuration with the data that both domains make."""
        if self.dataset:
            return self
        return dataclasses.replace(self, dataset=f"domains:{self.domain_a},{self.domain_b}")


def build(config, spec):
    """The compiled CycleGAN of a configuration, for images of the shapes of `spec`."""
    if spec.source_shape is None:
        raise ValueError(f"--dataset must be of two domains, as domains:A,B. Received: --dataset={config.dataset}")
    shapes = spec.source_shape, spec.image_shape

    def translator(source_shape, image_shape):
        return networks.ResNetTranslator(source_shape, image_shape, filters=config.filters, blocks=config.blocks)

    def discriminator(shape):
        return networks.PatchDiscriminator(
            shape, filters=config.discriminator_filters, downsamplings=config.downsamplings
        )

    model = CycleGAN(
        translator(*shapes),
        translator(*shapes[::-1]),
        discriminator(spec.image_shape),
        discriminator(spec.source_shape),
        pool_size=config.pool_size,
        ema_momentum=config.ema_momentum or None,
        seed=config.seed,
    )

    def adam():
        rate = config.learning_rate
        if config.decay:
            rate = engine.linear_decay(rate, 1, config, spec, constant=0.5)
        return optimizers.Adam(rate, config.beta_1)

    model.compile(
        adam(), adam(), loss=config.loss, cycle_weight=config.cycle_weight, identity_weight=config.identity_weight
    )
    return model


if __name__ == "__main__":
    engine.main("cyclegan", __doc__, Config, build)
