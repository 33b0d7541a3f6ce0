"""Pix2Pix: pictures from pictures, learned from pairs.

    python -m trainers.pix2pix

learns to draw digits from their edges, on 4,500 digits that come with the installation, in a few minutes on two CPU
cores; what they are is to be seen after a hundred steps. Grids show source, output and target; held-out pairs say how
near outputs come. With --source any images will do: gray, edges, lowres:4, mask or noise is what they are made from.
Pairs of one's own are two folders with files of the same names, `--dataset=pairs:A,B --source=`, or files with both,
`--dataset=side_by_side:FOLDER --source=`.

    python -m trainers.pix2pix --preset=paper --dataset=pairs:A,B --source=

is the published recipe (Isola et al. 2017): 256x256 pixels, cut from 286x286 at random and mirrored at random, the
U-Net of 54.4 million parameters, patches of 70x70, one pair a batch, 200 epochs, in the second half of which the
learning rate falls to 0. That takes a GPU.
"""

import dataclasses

from keras_gan import Pix2Pix, networks, optimizers
from trainers import engine
from trainers.engine import option

_PAPER = {
    "source": "", "image_size": "286x286", "crop": "256x256", "flip": True, "channels": 3, "batch_size": 1,
    "epochs": 200.0, "decay": True, "filters": 64, "discriminator_filters": 64, "downsamplings": 3,
    "discriminator_normalization": "batch", "learning_rate": 2e-4,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(engine.TranslationConfig):
    PRESETS = {"default": {}, "paper": _PAPER}

    preset: str = option("default", "default or paper: what the flags that are not given are.")
    source: str = option(
        "edges", "What sources are made of images: gray, edges, lowres:4, mask, noise; empty for data that are pairs."
    )
    direction: str = option("AtoB", "Of pairs: AtoB or BtoA.")
    steps: int = option(1500, "Length in training steps.", low=1)
    batch_size: int = option(16, "Pairs in one update's minibatch.", low=1)
    filters: int = option(16, "Feature maps at the image's side of the generator.", low=1)
    discriminator_filters: int = option(16, "Feature maps of the first layer of the discriminator.", low=1)
    downsamplings: int = option(2, "Halvings in the discriminator: 1, 2, 3 for patches of 16, 34, 70 pixels.", low=1)
    discriminator_normalization: str = option("instance", "none, instance or batch.")
    loss: str = option("non_saturating", "Adversarial loss: a name of keras_gan.losses.get.")
    reconstruction_weight: float = option(100.0, "Weight of the absolute difference from the target.", low=0)
    adversarial_weight: float = option(1.0, "Weight of the adversarial loss; 0 leaves a regression.", low=0)
    learning_rate: float = option(1e-3, "Adam's learning rate for both networks.", low=0)
    beta_1: float = option(0.5, "Adam's beta_1.", low=0, below=1)
    decay: bool = option(False, "Whether learning rates fall to 0 in the second half of the run.")
    ema_momentum: float = option(0.0, "Momentum of the average of the generator's weights; 0 for none.", low=0, below=1)


def build(config, spec):
    """The compiled Pix2Pix of a configuration, for images of the shapes of `spec`."""
    if spec.source_shape is None:
        raise ValueError(f"--source is needed where the data are no pairs. Received: --dataset={config.dataset}")
    normalization = None if config.discriminator_normalization == "none" else config.discriminator_normalization
    model = Pix2Pix(
        networks.UNetGenerator(spec.source_shape, spec.image_shape, filters=config.filters),
        networks.PatchDiscriminator(
            spec.image_shape,
            spec.source_shape,
            filters=config.discriminator_filters,
            downsamplings=config.downsamplings,
            normalization=normalization,
        ),
        ema_momentum=config.ema_momentum or None,
        seed=config.seed,
    )

    def adam():
        rate = config.learning_rate
        if config.decay:
            rate = engine.linear_decay(rate, 1, config, spec, constant=0.5)
        return optimizers.Adam(rate, config.beta_1)

    model.compile(
        adam(),
        adam(),
        loss=config.loss,
        reconstruction_weight=config.reconstruction_weight,
        adversarial_weight=config.adversarial_weight,
    )
    return model


if __name__ == "__main__":
    engine.main("pix2pix", __doc__, Config, build)
