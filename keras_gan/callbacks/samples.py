"""Pictures of what a generator makes, while it is trained."""

import numpy as np
import tensorflow as tf

from keras_gan import latents
from keras_gan.callbacks.base import EverySteps
from keras_gan.files import pictures
from keras_gan.files.run_folder import RunFolder


class SampleGrids(EverySteps):
    """Draws what the sampling generator makes of the same latents, again and again.

    Args:
        folder: Run folder: PNG files go to `samples/`, the same pictures to TensorBoard's files in `logs/`,
            beside a grid of interpolations between pairs of latents.
        every: Steps between grids.
        n: Number of images in a grid; a conditional model's has one row a class instead.
    """

    def __init__(self, folder, every, n=64):
        super().__init__(every)
        self.folder = RunFolder(folder)
        self.n = n
        self.writer = tf.summary.create_noop_writer()

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(str(self.folder.logs))
        if int(self.model.step.numpy()) == 0:
            self.at_step(0, logs)

    def at_step(self, step, logs):
        drawn = {"samples": self.draw(), **self.more()}
        pictures.write_png(self.folder.sample_file(step), drawn["samples"])
        with self.writer.as_default(step):
            for name, picture in drawn.items():
                tf.summary.image(f"pictures/{name}", picture[None])
        self.writer.flush()

    def draw(self):
        """Draws the grid: a uint8 array."""
        return sample_grid(self.model, self.n)

    def more(self):
        """Draws what TensorBoard shows beside it: a dictionary from names to uint8 arrays."""
        return {"interpolations": pictures.grid(latents.interpolations(self.model), columns=8)}

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Closes TensorBoard's file."""
        self.writer.close()


def sample_grid(model, n=64, columns=8, most_rows=32):
    """A grid of samples from consecutive seeds; of a conditional model with one row a class.

    Args:
        model: A `GAN` or a `keras_gan.networks.Generator`.
        n: Number of images of an unconditional model.
        columns: Images per row, where there are classes.
        most_rows: The largest number of classes that are shown, from the first on.

    Returns:
        uint8 array, a `keras_gan.files.pictures.grid`.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator((64, 64, 1), latent_dim=2, hidden_units=(4,), num_classes=3)
    >>> keras_gan.callbacks.samples.sample_grid(generator, columns=2, most_rows=5).shape
    (200, 134, 1)
    """
    if model.num_classes is None:
        return pictures.grid(model.sample(n))
    labels = np.repeat(np.arange(grid_size(model, n, columns, most_rows) // columns), columns)
    return pictures.grid(model.sample(len(labels), labels=labels), columns=columns)


def grid_size(model, n=64, columns=8, most_rows=32):
    """The number of images in a `sample_grid`, which has their seeds from 0 on."""
    return n if model.num_classes is None else columns * min(model.num_classes, most_rows)
