"""Quality after equal steps: the networks of TensorFlow's DCGAN tutorial, trained by its own loop and by `GAN.fit`.

    python -m benchmarks.equal_steps --steps=600 --seeds=3

What makes a step faster must not make it worse. Both sides train the networks of work (b) in `works.py` on MNIST, with
the same optimizers, batches and number of updates; latents, dropout and the order of images differ. Their generators'
images are compared with MNIST's training images by the classifier Frechet distance, through the same network.
"""

import dataclasses
import statistics
import sys

import keras
import numpy as np
import tqdm

from benchmarks import tables
from benchmarks.peers import tensorflow as peers
from keras_gan import data, metrics
from keras_gan.cli import option
from keras_gan.files import pictures

FEATURES = "mnist_classifier"


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    steps: int = option(600, "Updates of either network.", low=1)
    batch: int = option(64, "Images in a step; the tutorial has 256.", low=2)
    seeds: int = option(3, "Trainings of each side.", low=1)
    samples: int = option(5000, "Images of each generator.", low=100)
    dataset: str = option("mnist", "mnist, or mnist5k, which comes with the package.")


class Enough(Exception):
    """Ends a loop that would go on for ever."""


class Gate:
    """Lets some steps pass; to be called after each.

    Args:
        steps: Their number.
    """

    def __init__(self, steps):
        self._left = steps
        self._bar = tqdm.tqdm(total=steps, leave=False, disable=None)

    def __call__(self):
        self._left -= 1
        self._bar.update()
        if not self._left:
            self._bar.close()
            raise Enough


def main(argv=None):
    """Trains, measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains both sides with every seed.

    Returns:
        Dictionary of `distances`, a dictionary from sides to lists, a number for each seed.
    """
    images = data.open_source(config.dataset).images
    network = metrics.features.get(FEATURES)
    real = network(images[np.linspace(0, len(images), min(len(images), 10_000), endpoint=False).astype(int)])
    measured = {side: [] for side in SIDES}
    for seed in range(config.seeds):
        for side in measured:
            keras.utils.set_random_seed(seed)
            fakes = draw(SIDES[side](images, config.batch, Gate(config.steps)), config.samples)
            measured[side].append(metrics.distances.frechet_distance(real, network(fakes)))
            keras.backend.clear_session()
    return {"distances": measured}


def train_tutorial(images, batch, gate):
    """The tutorial's loop; returns its generator."""
    networks = peers.tutorial_networks(keras.layers.BatchNormalization, keras.layers.Dropout)
    try:
        peers.train_tutorial(gate, networks, images, batch)
    except Enough:
        return networks[0]


def train_keras_gan(images, batch, gate):
    """`GAN.fit`; returns its generator."""
    gan = peers.our_gan("b")
    try:
        peers.train_keras_gan(gate, gan, data.load(images, batch_size=batch)[0])
    except Enough:
        return gan.generator


SIDES = {"tutorial": train_tutorial, "keras_gan": train_keras_gan}


def draw(generator, count):
    """uint8 images by a generator, of the same latents for every one."""
    latents = np.random.RandomState(0).normal(size=(count, generator.input_shape[-1])).astype("float32")
    return pictures.to_uint8(generator.predict(latents, batch_size=250, verbose=0))


def render(run):
    """Every distance, and means and deviations over seeds, as Markdown."""
    measured = run["distances"]
    rows = [
        [side, len(values), f"{statistics.mean(values):.4g}", f"{statistics.stdev(values):.3g}" if values[1:] else None]
        for side, values in measured.items()
    ]
    each = [[side, seed, f"{value:.4g}"] for side, values in measured.items() for seed, value in enumerate(values)]
    return (
        tables.table(["side", "seeds", "classifier Frechet distance, mean", "deviation"], rows)
        + "\n\n"
        + tables.table(["side", "seed", "classifier Frechet distance"], each)
    )


if __name__ == "__main__":
    main()
