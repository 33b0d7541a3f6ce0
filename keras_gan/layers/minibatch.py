"""Layers that show a discriminator a whole minibatch."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gan")
class MinibatchStandardDeviation(keras.layers.Layer):
    """Appends to each example how much the examples of its group differ: a remedy for mode collapse.

    A group is `group_size` consecutive rows. In each group the standard deviation over its rows is taken for every
    feature, and their mean over all features, sqrt(mean_rows (x - mean_rows x)^2 + 1e-8), is appended as one more
    channel to all rows of the group.

    Groups never reach across replicas, and because they are consecutive rows, several replicas whose batches
    `group_size` divides see the groups that one device would have seen. A smaller batch is one group.

    Args:
        group_size: Rows in a group, at least 2; it must divide the batches that are larger.

    Call arguments:
        inputs: Floats of shape `(batch, ..., channels)`.

    Returns:
        Floats of shape `(batch, ..., channels + 1)`.

    Raises:
        ValueError: If `group_size` is less than 2, or does not divide a larger batch of known size.

    Example:

    >>> layer = keras_gan.layers.MinibatchStandardDeviation(group_size=2)
    >>> layer(np.array([[1.0], [5.0], [7.0], [7.0]])).numpy().round(3).tolist()
    [[1.0, 2.0], [5.0, 2.0], [7.0, 0.0], [7.0, 0.0]]

    Reference:
        Karras et al. 2018, "Progressive growing of GANs" (https://arxiv.org/abs/1710.10196), section 3, with groups
        as in its code. There a group's rows lie apart, at a distance of batch / group_size.
    """

    def __init__(self, group_size=4, **kwargs):
        super().__init__(**kwargs)
        if int(group_size) < 2:
            raise ValueError(f"`group_size` must be at least 2. Received: group_size={group_size}")
        self.group_size = int(group_size)

    def call(self, inputs):
        rows = inputs.shape[0]
        if rows is not None and rows > self.group_size and rows % self.group_size:
            raise ValueError(
                f"`group_size` must divide the batch. Received: group_size={self.group_size}, a batch of {rows}"
            )
        # Sizes that are known are numbers, so that XLA sees fixed shapes.
        rows, *rest = shape = keras.ops.shape(inputs)
        size = min(self.group_size, rows) if isinstance(rows, int) else tf.minimum(self.group_size, rows)
        x = tf.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        x = tf.reshape(x, (rows // size, size, *rest))
        centred = x - tf.reduce_mean(x, axis=1, keepdims=True)
        deviation = tf.sqrt(tf.reduce_mean(tf.square(centred), axis=1) + 1e-8)
        deviation = tf.reduce_mean(deviation, axis=range(1, len(shape)), keepdims=True)
        channel = deviation[:, None] * tf.ones((rows // size, size, *rest[:-1], 1), deviation.dtype)
        return tf.concat([inputs, tf.cast(tf.reshape(channel, (*shape[:-1], 1)), inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}
