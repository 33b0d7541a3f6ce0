"""Convolutions whose gradients are matrix products where a processor computes those faster."""

import functools
import math
from pathlib import Path

import keras
import tensorflow as tf


class _Convolution:
    """A convolution of `SAME` padding with its two transposes, each of which is the gradient of the others.

    y = c(x, k), x = d(y, k) and k = e(x, y) are the three linear maps of the form sum(y * c(x, k)). So the gradients of
    each are the two others, to any order, whichever way each of them is computed.

    Args:
        size: `(height, width)` of x.
        stride: Of both directions.
        kernel_shape: `(height, width, channels of x, channels of y)`.
        all_products: Whether all three are matrix products, not the last alone.
    """

    def __init__(self, size, stride, kernel_shape, all_products):
        self.size, self.stride, self.kernel_shape = tuple(size), stride, tuple(kernel_shape)
        self.all_products = all_products
        self.out_size = tuple(-(-n // stride) for n in size)
        # Squares of the stride's size: what a kernel of 4 at a stride of 2 sees are 2 by 2 of them.
        self.cells = tuple(-(-k // stride) for k in kernel_shape[:2])
        # Rows and columns before the first and after the last, as of TensorFlow's padding, and up to whole cells.
        self.pads = []
        for n, out, k, cells in zip(size, self.out_size, kernel_shape[:2], self.cells, strict=True):
            before = max((out - 1) * stride + k - n, 0) // 2
            self.pads.append((before, (out - 1 + cells) * stride - n - before))

    def forward(self, x, kernel):
        """y of x and kernel."""

        @tf.custom_gradient
        def compute(x, kernel):
            y = self._forward(x, kernel)
            return y, lambda dy: (self.backward(dy, kernel), self.correlate(x, dy))

        return compute(x, kernel)

    def backward(self, y, kernel):
        """x of y and kernel: the transposed convolution."""

        @tf.custom_gradient
        def compute(y, kernel):
            x = self._backward(y, kernel)
            return x, lambda dx: (self.forward(dx, kernel), self.correlate(dx, y))

        return compute(y, kernel)

    def correlate(self, x, y):
        """The kernel of x and y."""

        @tf.custom_gradient
        def compute(x, y):
            kernel = self._correlate(x, y)
            return kernel, lambda dk: (self.backward(y, dk), self.forward(x, dk))

        return compute(x, y)

    def _forward(self, x, kernel):
        if not self.all_products:
            return tf.nn.conv2d(x, kernel, self.stride, "SAME")
        columns = tf.concat(self._slices(x), -1)
        matrix = self._matrix(kernel)
        y = tf.matmul(tf.reshape(columns, (-1, matrix.shape[0])), matrix)
        return tf.reshape(y, (-1, *self.out_size, self.kernel_shape[3]))

    def _backward(self, y, kernel):
        if not self.all_products:
            shape = (tf.shape(y)[0], *self.size, self.kernel_shape[2])
            return tf.nn.conv2d_transpose(y, kernel, shape, self.stride, "SAME")
        n, m = self.cells
        columns = tf.matmul(tf.reshape(y, (-1, self.kernel_shape[3])), self._matrix(kernel), transpose_b=True)
        columns = tf.reshape(columns, (-1, *self.out_size, n * m, self.stride**2 * self.kernel_shape[2]))
        x = tf.add_n([
            tf.pad(columns[:, :, :, i * m + j], [(0, 0), (i, n - 1 - i), (j, m - 1 - j), (0, 0)])
            for i in range(n)
            for j in range(m)
        ])  # fmt: skip
        x = tf.nn.depth_to_space(x, self.stride) if self.stride > 1 else x
        (top, _), (left, _) = self.pads
        return x[:, top : top + self.size[0], left : left + self.size[1]]

    def _correlate(self, x, y):
        rows = tf.reshape(y, (-1, self.kernel_shape[3]))
        parts = [tf.matmul(tf.reshape(each, (-1, each.shape[-1])), rows, transpose_a=True) for each in self._slices(x)]
        (n, m), s, (height, width, *channels) = self.cells, self.stride, self.kernel_shape
        kernel = tf.transpose(tf.reshape(tf.stack(parts), (n, m, s, s, *channels)), (0, 2, 1, 3, 4, 5))
        return tf.reshape(kernel, (n * s, m * s, *channels))[:height, :width]

    def _slices(self, x):
        """For each cell that a kernel sees, what lies in it under every position of the kernel."""
        x = tf.pad(x, [(0, 0), *self.pads, (0, 0)])
        x = tf.nn.space_to_depth(x, self.stride) if self.stride > 1 else x
        height, width = self.out_size
        return [x[:, i : i + height, j : j + width] for i in range(self.cells[0]) for j in range(self.cells[1])]

    def _matrix(self, kernel):
        """The kernel as a matrix: a row for each number that a position sees, in the order of `_slices`."""
        (n, m), s, (height, width, *channels) = self.cells, self.stride, self.kernel_shape
        kernel = tf.pad(kernel, [(0, n * s - height), (0, m * s - width), (0, 0), (0, 0)])
        kernel = tf.transpose(tf.reshape(kernel, (n, s, m, s, *channels)), (0, 2, 1, 3, 4, 5))
        return tf.reshape(kernel, (-1, channels[-1]))


def _products(layer, size, out_size, kernel, dtype):
    """The part of a convolution that is matrix products: nothing, `"gradient"` by the kernel, or `"all"`.

    A rule, so that equal runs compute the same. oneDNN's gradient by the kernel and, of large kernels over small maps,
    its other two operations make less of a processor's bfloat16 units than its matrix product does:
    `docs/results/convolution_products.md` has the times.
    """
    plain = (
        layer.padding == "same"
        and layer.data_format == "channels_last"
        and layer.strides[0] == layer.strides[1]
        and layer.dilation_rate in (1, (1, 1))
        and getattr(layer, "groups", 1) == 1
    )
    if not plain or None in (*size, *out_size) or dtype != "bfloat16" or not bfloat16_unit():
        return ""
    positions, pairs = math.prod(out_size), math.prod(kernel.shape[2:])
    # A kernel of 3 at a stride of 1 is read nine times.
    if pairs < 1 << 12 or positions > (16 if layer.strides[0] == 1 and tuple(kernel.shape[:2]) == (3, 3) else 64):
        return ""
    return "all" if positions <= 16 and pairs >= 1 << 17 and layer.strides[0] > 1 else "gradient"


@keras.saving.register_keras_serializable("keras_gan")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose gradients are matrix products where a processor computes those faster.

    Arguments, weights and values are those of `keras.layers.Conv2D`. In bfloat16 on processors that multiply in it the
    gradient by the kernel, `dk[a, b] = sum over i of x[s i + (a, b)] dy[i]^T`, is computed as one matrix product for
    each square of the stride's size that the kernel covers, and of large kernels over small maps the convolution and
    its transpose too. Right to second order, as gradient penalties need it.

    Args:
        *args: Those of `keras.layers.Conv2D`.
        **kwargs: Those of `keras.layers.Conv2D`.

    Call arguments:
        inputs: Floats of shape `(batch, height, width, channels)`.

    Returns:
        Floats of shape `(batch, new_height, new_width, filters)`.

    Example:

    >>> layer = keras_gan.layers.Conv2D(8, 4, 2, padding="same")
    >>> layer(np.zeros((2, 14, 14, 3), "float32")).shape
    TensorShape([2, 7, 7, 8])
    """

    def convolution_op(self, inputs, kernel):
        inputs, kernel = _tensor(inputs), _tensor(kernel)
        size = tuple(inputs.shape[1:3])
        out_size = tuple(None if n is None else -(-n // s) for n, s in zip(size, self.strides, strict=True))
        which = _products(self, size, out_size, kernel, inputs.dtype)
        if not which:
            return super().convolution_op(inputs, kernel)
        return _Convolution(size, self.strides[0], kernel.shape, which == "all").forward(inputs, kernel)


@keras.saving.register_keras_serializable("keras_gan")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` whose gradients are matrix products where a processor computes those faster.

    Arguments, weights and values are those of `keras.layers.Conv2DTranspose`; what is computed otherwise is said of
    `Conv2D`, of which this is the gradient by images.

    Args:
        *args: Those of `keras.layers.Conv2DTranspose`.
        **kwargs: Those of `keras.layers.Conv2DTranspose`.

    Call arguments:
        inputs: Floats of shape `(batch, height, width, channels)`.

    Returns:
        Floats of shape `(batch, new_height, new_width, filters)`.

    Example:

    >>> layer = keras_gan.layers.Conv2DTranspose(8, 4, 2, padding="same")
    >>> layer(np.zeros((2, 7, 7, 3), "float32")).shape
    TensorShape([2, 14, 14, 8])
    """

    def call(self, inputs):
        out_size = tuple(inputs.shape[1:3])
        size = tuple(self.compute_output_shape(inputs.shape)[1:3])
        kernel = _tensor(self.kernel)
        which = "" if self.output_padding else _products(self, size, out_size, kernel, inputs.dtype)
        if not which:
            return super().call(inputs)
        outputs = _Convolution(size, self.strides[0], kernel.shape, which == "all").backward(inputs, kernel)
        outputs = outputs + keras.ops.cast(self.bias, outputs.dtype) if self.use_bias else outputs
        return outputs if self.activation is None else self.activation(outputs)


def _tensor(x):
    """A tensor, in the precision of the layer: Keras leaves variables that need no cast as they are."""
    return tf.convert_to_tensor(keras.ops.convert_to_tensor(x))


@functools.cache
def bfloat16_unit():
    """The unit of this processor that multiplies in bfloat16, or `None`, also where not all devices are processors."""
    if {device.device_type for device in tf.config.list_physical_devices()} != {"CPU"}:
        return None
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text("utf-8", errors="replace").split() if cpuinfo.exists() else []
    return next((unit for unit in ("amx_bf16", "avx512_bf16") if unit in flags), None)
