"""Doubling and halving feature maps, right to second order."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gan")
class UpSampling2D(keras.layers.Layer):
    """Doubles height and width.

    `"nearest"` repeats every pixel. `"bilinear"` is, along each axis, y[2i] = (x[i - 1] + 3 x[i]) / 4 and
    y[2i + 1] = (3 x[i] + x[i + 1]) / 4, where the border's pixels are repeated beyond it: the transposed convolution of
    stride 2 with the kernel (1, 3, 3, 1) / 4. Its values are those of `tf.image.resize`, whose second
    derivative, and so that of `keras.layers.UpSampling2D(interpolation="bilinear")`, is wrong.

    Args:
        interpolation: `"nearest"` or `"bilinear"`.

    Call arguments:
        inputs: Floats of shape `(batch, height, width, channels)`.

    Returns:
        Floats of shape `(batch, 2 * height, 2 * width, channels)`.

    Raises:
        ValueError: If there is no such interpolation.

    Example:

    >>> row = np.array([0.0, 4.0], "float32").reshape(1, 1, 2, 1)
    >>> keras_gan.layers.UpSampling2D("bilinear")(row).numpy()[0, 0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    def __init__(self, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.interpolation = _check(interpolation, ("nearest", "bilinear"))

    def call(self, inputs):
        return _up(_up(inputs, 1, self.interpolation), 2, self.interpolation)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and 2 * height, width and 2 * width, channels)

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}


@keras.saving.register_keras_serializable("keras_gan")
class DownSampling2D(keras.layers.Layer):
    """Halves height and width, which must be even.

    `"average"` takes the mean of every 2x2 pixels, and undoes `UpSampling2D("nearest")`. `"bilinear"` is, along
    each axis, y[i] = (x[2i - 1] + 3 x[2i] + 3 x[2i + 1] + x[2i + 2]) / 8, where the border's pixels are repeated beyond
    it: the convolution of stride 2 with the triangular kernel that antialiased bilinear resizing has.

    Args:
        interpolation: `"average"` or `"bilinear"`.

    Call arguments:
        inputs: Floats of shape `(batch, height, width, channels)`.

    Returns:
        Floats of shape `(batch, height / 2, width / 2, channels)`.

    Raises:
        ValueError: If there is no such interpolation, or a side is odd.

    Example:

    >>> row = np.array([0.0, 8.0, 0.0, 0.0], "float32").reshape(1, 1, 4, 1).repeat(2, axis=1)
    >>> keras_gan.layers.DownSampling2D()(row).numpy()[0, 0, :, 0].tolist()
    [4.0, 0.0]
    >>> keras_gan.layers.DownSampling2D("bilinear")(row).numpy()[0, 0, :, 0].tolist()
    [3.0, 1.0]
    """

    def __init__(self, interpolation="average", **kwargs):
        super().__init__(**kwargs)
        self.interpolation = _check(interpolation, ("average", "bilinear"))

    def build(self, input_shape):
        if any(side is not None and side % 2 for side in input_shape[1:3]):
            raise ValueError(f"DownSampling2D needs even sides. Received: input_shape={tuple(input_shape)}")

    def call(self, inputs):
        return _down(_down(inputs, 1, self.interpolation), 2, self.interpolation)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and height // 2, width and width // 2, channels)

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}


def _check(interpolation, known):
    if interpolation not in known:
        raise ValueError(f"`interpolation` must be one of {list(known)}. Received: interpolation={interpolation!r}")
    return interpolation


# The kernels are written out as sums of shifted maps: compilers fuse them, and they are differentiated to any order
# in any precision on every device, which not all depthwise convolutions are.


def _up(x, axis, interpolation):
    if interpolation == "nearest":
        pair = x, x
    else:
        before, after = _neighbours(x, x, axis)
        pair = 0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after
    return _merge(tf.stack(pair, axis=axis + 1), axis)


def _down(x, axis, interpolation):
    even, odd = tf.unstack(_split(x, axis), axis=axis + 1)
    if interpolation == "average":
        return 0.5 * (even + odd)
    before, after = _neighbours(odd, even, axis)
    return 0.125 * (before + after) + 0.375 * (even + odd)


def _neighbours(left, right, axis):
    """`left` moved on by one place, and `right` back by one; beyond the borders stand the map's own last pixels."""
    before = tf.concat([_cut(right, axis, 0, 1), _cut(left, axis, 0, -1)], axis)
    after = tf.concat([_cut(right, axis, 1, None), _cut(left, axis, -1, None)], axis)
    return before, after


def _cut(x, axis, start, stop):
    return x[(slice(None),) * axis + (slice(start, stop),)]


def _merge(x, axis):
    shape = tf.unstack(tf.shape(x))
    return tf.reshape(x, [*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]])


def _split(x, axis):
    shape = tf.unstack(tf.shape(x))
    return tf.reshape(x, [*shape[:axis], shape[axis] // 2, 2, *shape[axis + 1 :]])
