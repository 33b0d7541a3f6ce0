"""Sides of the comparison of quality over time on MNIST: the default recipe, and the loops of two tutorials.

    python -m benchmarks.peers.quality SIDE FOLDER MINUTES EVERY STARTED

trains for some minutes and saves the weights of the generator every so many seconds since `STARTED`, a reading of
`time.monotonic()` by who started this process, so that imports and compilation count. File names are the seconds.
"""

import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.peers import tensorflow as peers

SIDES = {
    "keras_gan": "python -m trainers.dcgan --dataset=mnist",
    "tutorial": "TensorFlow's DCGAN tutorial",
    "keras_io": "keras.io's GAN on MNIST",
}


class Snapshots:
    """Saves a generator's weights on the clock, and ends the process at the end.

    Args:
        folder: Where to.
        started: When the process was started, as `time.monotonic()` counts.
        every: Seconds between them.
        until: Seconds after which the process ends.
    """

    def __init__(self, folder, started, every, until):
        self.folder, self.started, self.every, self.until = Path(folder), started, every, until
        self._next = 0.0

    def __call__(self, generator):
        """To be called after every step."""
        seconds = time.monotonic() - self.started
        if seconds < self._next:
            return
        np.savez(self.folder / f"{seconds:08.2f}.npz", *generator.get_weights())
        if seconds >= self.until:
            raise SystemExit(0)
        self._next = min(self.until, (seconds // self.every + 1) * self.every)


def keras_io_networks():
    """The networks with which keras.io's example was first published, on MNIST."""
    generator = [keras.Input((128,)), layers.Dense(7 * 7 * 128), layers.LeakyReLU(negative_slope=0.2)]
    generator.append(layers.Reshape((7, 7, 128)))
    for _ in range(2):
        generator.append(layers.Conv2DTranspose(128, 4, 2, padding="same"))
        generator.append(layers.LeakyReLU(negative_slope=0.2))
    generator.append(layers.Conv2D(1, 7, padding="same", activation="sigmoid"))
    discriminator = [keras.Input((28, 28, 1))]
    for width in (64, 128):
        discriminator += [layers.Conv2D(width, 3, 2, padding="same"), layers.LeakyReLU(negative_slope=0.2)]
    discriminator += [layers.GlobalMaxPooling2D(), layers.Dense(1)]
    return keras.Sequential(generator), keras.Sequential(discriminator)


def generator_of(side):
    """A side's generator with initial weights."""
    if side == "tutorial":
        return peers.tutorial_networks(layers.BatchNormalization, layers.Dropout)[0]
    if side == "keras_io":
        return keras_io_networks()[0]
    from keras_gan import data
    from trainers import dcgan

    return dcgan.build(dcgan.Config(), data.load("mnist5k", repeat=True)[1]).generator


def images_of(side, weights, count):
    """uint8 images by a side's generator.

    Args:
        side: Key of `SIDES`.
        weights: As `generator.get_weights()` returned them.
        count: Number of images.
    """
    generator = generator_of(side)
    generator.set_weights(weights)
    width = generator.latent_dim if side == "keras_gan" else generator.input_shape[-1]
    latents = np.random.RandomState(0).normal(size=(count, width)).astype("float32")
    images = generator.predict(latents, batch_size=250, verbose=0)
    scaled = images * 255 if side == "keras_io" else images * 127.5 + 127.5
    return np.clip(np.floor(scaled + 0.5), 0, 255).astype("uint8")


def digits(folder):
    """The training images, uint8. Tutorials find them as a file of arrays, so that theirs is no decoding.

    Args:
        folder: Where the file is, or is made by the first call.
    """
    file = Path(folder, "mnist.npy")
    if not file.exists():
        from keras_gan import data

        np.save(file, data.open_source("mnist").images)
    return np.load(file)


def train(side, snapshots):
    """Trains until the snapshots end it."""
    if side == "keras_gan":
        _train_ours(snapshots)
    elif side == "tutorial":
        networks = peers.tutorial_networks(layers.BatchNormalization, layers.Dropout)
        peers.train_tutorial(lambda: snapshots(networks[0]), networks, digits(snapshots.folder.parent), 256)
    else:
        generator, discriminator = keras_io_networks()
        gan = peers.KerasIO(generator, discriminator, latent_dim=128)
        gan.compile(
            keras.optimizers.Adam(3e-4), keras.optimizers.Adam(3e-4), keras.losses.BinaryCrossentropy(from_logits=True)
        )
        dataset = tf.data.Dataset.from_tensor_slices(digits(snapshots.folder.parent).astype("float32") / 255)
        dataset = dataset.shuffle(1024).batch(64).prefetch(32)
        clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: snapshots(generator))
        gan.fit(dataset, epochs=sys.maxsize, verbose=0, callbacks=[clock])


def _train_ours(snapshots):
    """The trainer as it is, with its evaluations, checkpoints and watchdog, and one callback more."""
    from trainers import dcgan
    from trainers.engine import run

    def build(config, spec):
        gan = dcgan.build(config, spec)
        clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: snapshots(gan.sampler))
        fit = gan.fit
        gan.fit = lambda *args, callbacks, **kwargs: fit(*args, callbacks=[*callbacks, clock], **kwargs)
        return gan

    with tempfile.TemporaryDirectory() as folder:
        flags = ["--dataset=mnist", f"--minutes={snapshots.until / 60 + 1}", f"--out={folder}"]
        run.main("dcgan", dcgan.__doc__, dcgan.Config, build, flags)


def main(side, folder, minutes, every, started):
    """One worker."""
    train(side, Snapshots(folder, float(started), float(every), 60 * float(minutes)))


if __name__ == "__main__":
    main(*sys.argv[1:])
