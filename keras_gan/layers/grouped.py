"""Convolution in groups of channels, fast on processors and right to second order."""

import functools

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gan")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose groups need no XLA on a processor.

    Output channel o, of group g = floor(o / (filters / groups)), is the convolution of that group's input channels
    with the kernel's column o. Arguments, weights and values are those of `keras.layers.Conv2D`, which compiles every
    grouped convolution on a processor with XLA: slow there, and nothing that converters read.

    Here it is TensorFlow's own operation where that has gradients: on GPUs, and on processors with oneDNN in a
    precision that oneDNN has. Elsewhere each group is a convolution of its own. `data_format="channels_first"` is left
    to Keras.

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
    (https://arxiv.org/abs/1611.05431).
    """

    def __init__(self, filters, kernel_size, groups, **kwargs):
        super().__init__(filters, kernel_size, groups=groups, **kwargs)

    def convolution_op(self, inputs, kernel):
        if self.groups == 1 or self.data_format == "channels_first":
            return super().convolution_op(inputs, kernel)
        inputs, kernel = keras.ops.convert_to_tensor(inputs), keras.ops.convert_to_tensor(kernel)
        # With no data format there is no second derivative in eager mode.
        options = {"strides": self.strides, "dilations": self.dilation_rate, "data_format": "NHWC"}
        convolve = functools.partial(tf.nn.convolution, padding=self.padding.upper(), **options)
        if _has_gradients(inputs.dtype):
            return convolve(inputs, kernel)
        groups = zip(tf.split(inputs, self.groups, -1), tf.split(kernel, self.groups, -1), strict=True)
        return tf.concat([convolve(*group) for group in groups], -1)


@functools.cache
def _has_gradients(dtype):
    """Tells whether TensorFlow differentiates grouped convolutions of this precision here."""
    x, kernel = (1, 3, 3, 4), (3, 3, 2, 4)
    options = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    # Eager, and without a tape, which would not record here.
    with tf.init_scope():
        gradient = tf.ones(x, dtype)
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=x, filter=tf.ones(kernel, dtype), out_backprop=gradient, **options
            )
            tf.raw_ops.Conv2DBackpropFilter(
                input=tf.ones(x, dtype), filter_sizes=kernel, out_backprop=gradient, **options
            )
        except tf.errors.OpError:
            return False
    return True
