"""The pool of images that were generated earlier, from which a discriminator learns beside new ones."""

import keras
import tensorflow as tf

from keras_gan import random


@keras.saving.register_keras_serializable("keras_gan")
class ImagePool(keras.layers.Layer):
    """Images that were generated in earlier steps, some of which are shown in place of new ones.

    Of the images of a batch, one after another: while the pool is not full, an image goes in and is shown; afterwards,
    with probability 1/2, it changes places with one of the pool, each with the same probability, which is shown in its
    place, and otherwise it is shown and not kept.

    What the pool holds, and how many, are weights, so that every checkpoint has them. Under a distribution strategy it
    is one pool of the global batch, the same on all replicas.

    Args:
        size: Number of images it can hold; of 0 every image is shown.

    Call arguments:
        images: float32 `(batch, height, width, channels)`.
        seed: Two int64 that determine every random number of this call.

    Returns:
        Images of the same shape. Nothing is differentiated through them.

    Raises:
        ValueError: If `size` is negative.

    Example:

    >>> pool = keras_gan.models.pool.ImagePool(2)
    >>> first, second = tf.zeros((2, 1, 1, 1)), tf.ones((2, 1, 1, 1))
    >>> bool(tf.reduce_all(pool(first, seed=(0, 0)) == first)), int(pool.count)
    (True, 2)
    >>> shown = [pool(second, seed=(0, step)) for step in range(1, 5)]
    >>> float(tf.add_n([tf.reduce_sum(1.0 - images) for images in shown]))  # both were shown again
    2.0

    Reference: Shrivastava et al. 2017, "Learning from simulated and unsupervised images through adversarial training"
    (https://arxiv.org/abs/1612.07828), section 2.3; with 50 images in Zhu et al. 2017
    (https://arxiv.org/abs/1703.10593), section 4.
    """

    def __init__(self, size=50, **kwargs):
        super().__init__(autocast=False, **{"dtype": "float32", **kwargs})
        if int(size) < 0:
            raise ValueError(f"A pool holds at least 0 images. Received: size={size}")
        self.size = int(size)

    def build(self, input_shape):
        def add(name, shape, dtype):
            return self.add_weight(
                name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False,
                aggregation="only_first_replica",
            )  # fmt: skip

        self.count = add("count", (), "int64")
        self.images = add("images", (self.size, *input_shape[1:]), "float32")

    def call(self, images, seed):
        images = tf.stop_gradient(images)
        if self.size == 0:
            return images
        rows = tf.shape(images)[0]
        context = tf.distribute.get_replica_context()
        replicas = 1 if context is None else context.num_replicas_in_sync
        everything = images if replicas == 1 else context.all_gather(images, axis=0)
        shown = self._exchange(everything, seed)
        if replicas == 1:
            return shown
        first = context.replica_id_in_sync_group * rows
        return tf.ensure_shape(shown[first : first + rows], images.shape)

    def _exchange(self, images, seed):
        """The images shown of the global batch: rows are settled at once, as if they came one after another."""
        rows = tf.shape(images)[0]
        order = tf.range(rows)
        draws = random.uniform((rows, 2), seed)
        drawn = tf.cast(draws[:, 1] * self.size, tf.int32)
        place = tf.cast(self.count.value, tf.int32) + order
        filling = place < self.size
        trading = ~filling & (draws[:, 0] < 0.5)
        # The slot that a row is written to, if any.
        slot = tf.where(filling, place, tf.where(trading, drawn, -1))
        # What a row that trades gets is of the row before it that was last written there, or else of the pool.
        before = (slot[None, :] == drawn[:, None]) & (order[None, :] < order[:, None])
        latest = tf.reduce_max(tf.where(before, order[None, :], -1), axis=1)
        found = _chosen(latest >= 0, tf.gather(images, tf.maximum(latest, 0)), tf.gather(self.images.value, drawn))
        shown = _chosen(trading, found, images)
        written = slot[None, :] == tf.range(self.size)[:, None]
        last = tf.reduce_max(tf.where(written, order[None, :], -1), axis=1)
        self.images.assign(_chosen(last >= 0, tf.gather(images, tf.maximum(last, 0)), self.images.value))
        self.count.assign(tf.minimum(self.count.value + tf.cast(rows, tf.int64), self.size))
        return tf.ensure_shape(shown, images.shape)

    def compute_output_shape(self, input_shape, seed=None):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def _chosen(condition, images, others):
    """The images of the rows where a condition holds, and the others of the rest."""
    return tf.where(tf.reshape(condition, (-1, *[1] * (images.shape.rank - 1))), images, others)
