"""Convolution in groups of channels, fast on processors and right to second order."""

import functools

import keras
import tensorflow as tf

# A convolution of this many channels costs little more than one of 16.
_DENSE_CHANNELS = 64


@keras.saving.register_keras_serializable("keras_gan")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose groups need no XLA on a processor.

    Output channel o, of group g = floor(o / (filters / groups)), is the convolution of that group's input channels
    with the kernel's column o. Arguments, weights and values are those of `keras.layers.Conv2D`, which compiles every
    grouped convolution on a processor with XLA: slow there, and nothing that converters read.

    Here it is TensorFlow's own operation where that has gradients: on GPUs, TPUs, and processors with oneDNN in a
    precision that oneDNN has. Elsewhere as many neighbouring groups as make 64 channels become one dense convolution
    with a block-diagonal kernel. `data_format="channels_first"` is left to Keras.

    Args:
        filters: Number of output channels, divisible by `groups`.
        kernel_size: Height and width of the kernel, one number or two.
        groups: Number of groups, a divisor of the number of input channels.
        **kwargs: Other arguments of `keras.layers.Conv2D`.

    Call arguments:
        inputs: Floats of shape `(batch, height, width, channels)`.

    Returns:
        Floats of shape `(batch, new_height, new_width, filters)`.

    Raises:
        ValueError: If `groups` does not divide both numbers of channels.

    Example:

    >>> layer = keras_gan.layers.GroupedConv2D(2, 1, groups=2, kernel_initializer="ones")
    >>> layer(np.array([1.0, 2.0, 30.0, 40.0], "float32").reshape(1, 1, 1, 4)).numpy().ravel().tolist()
    [3.0, 70.0]

    Reference: Xie et al. 2017, "Aggregated residual transformations for deep neural networks"
    (https://arxiv.org/abs/1611.05431), section 3.3.
    """

    def __init__(self, filters, kernel_size, groups, **kwargs):
        super().__init__(filters, kernel_size, groups=groups, **kwargs)

    def convolution_op(self, inputs, kernel):
        if self.groups == 1 or self.data_format == "channels_first":
            return super().convolution_op(inputs, kernel)
        inputs, kernel = keras.ops.convert_to_tensor(inputs), keras.ops.convert_to_tensor(kernel)
        convolve = functools.partial(
            tf.nn.convolution, strides=self.strides, padding=self.padding.upper(), dilations=self.dilation_rate
        )
        if _has_gradients(inputs.dtype):
            return convolve(inputs, kernel)
        return _in_blocks(convolve, inputs, kernel, self.groups)


@functools.cache
def _has_gradients(dtype):
    """Whether TensorFlow differentiates grouped convolutions of this precision here."""
    with tf.init_scope():
        x, kernel = tf.ones((1, 3, 3, 4), dtype), tf.ones((3, 3, 2, 4), dtype)
        try:
            with tf.GradientTape() as tape:
                tape.watch([x, kernel])
                y = tf.nn.conv2d(x, kernel, 1, "SAME")
            tape.gradient(y, [x, kernel])
        except tf.errors.OpError:
            return False
    return True


def _in_blocks(convolve, x, kernel, groups):
    """The grouped convolution as dense ones, each of several groups at once."""
    *size, inputs, filters = kernel.shape
    outputs = filters // groups
    together = max(n for n in range(1, groups + 1) if groups % n == 0 and (n == 1 or n * inputs <= _DENSE_CHANNELS))
    blocks = groups // together
    columns = tf.reshape(kernel, (*size, 1, inputs, blocks, together, outputs))
    diagonal = tf.reshape(tf.eye(together, dtype=kernel.dtype), (together, 1, 1, together, 1))
    dense = tf.reshape(columns * diagonal, (*size, together * inputs, filters))
    pairs = zip(tf.split(x, blocks, -1), tf.split(dense, blocks, -1), strict=True)
    return tf.concat([convolve(part, block) for part, block in pairs], -1)
