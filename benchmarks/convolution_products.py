"""Convolutions and their gradients as matrix products, beside TensorFlow's operations, in bfloat16 and float32.

    python -m benchmarks.convolution_products

Milliseconds of the three operations of a layer of `keras_gan.layers.Conv2D` (the convolution, its gradient by images,
which is the transposed convolution, and its gradient by the kernel), each by TensorFlow's operation and as matrix
products, all in turn, medians over the rounds. The last column says what the layer's rule takes in bfloat16 on
processors that multiply in it: nothing, the gradient by the kernel, or all.
"""

import dataclasses
import statistics
import sys
import time
from unittest import mock

import keras
import tensorflow as tf
import tqdm

from benchmarks import tables
from keras_gan.cli import option
from keras_gan.layers import convolution

# Images, side, channels, filters, kernel, stride.
LAYERS = (
    (64, 32, 64, 128, 4, 2),  # DCGAN 64x64
    (64, 16, 128, 256, 4, 2),
    (64, 8, 256, 512, 4, 2),
    (64, 14, 64, 128, 4, 2),  # DCGAN 28x28
    (64, 7, 128, 256, 4, 2),
    (64, 16, 32, 64, 4, 2),  # a quarter of the width
    (64, 8, 64, 128, 4, 2),
    (256, 14, 64, 128, 5, 2),  # TensorFlow's tutorial
    (64, 32, 64, 64, 3, 1),  # residual networks
    (64, 16, 128, 128, 3, 1),
    (64, 8, 128, 128, 3, 1),
    (64, 4, 256, 256, 3, 1),
)
OPERATIONS = ("forward", "by images", "by kernel")


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    rounds: int = option(9, "How often each is timed, in turn.", low=1)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Times every layer in both precisions.

    Returns:
        Dictionary of `layers`, a list of dictionaries of a layer's `shape`, `dtype`, `rule` and `seconds`, medians by
        operation of the pair of TensorFlow's operation and products.
    """
    layers = []
    pairs = [(dtype, shape) for dtype in ("bfloat16", "float32") for shape in LAYERS]
    for dtype, shape in tqdm.tqdm(pairs, leave=False, disable=None):
        times = time_layer(*shape, dtype, config.rounds)
        seconds = {name: [statistics.median(each) for each in pair] for name, pair in times.items()}
        layers.append({"shape": shape, "dtype": dtype, "rule": rule(*shape, dtype), "seconds": seconds})
    return {"layers": layers}


def rule(batch, side, channels, filters, size, stride, dtype):
    """The part that the layer computes as products where the processor multiplies in bfloat16."""
    layer = keras.layers.Conv2D(filters, size, stride, padding="same")
    kernel, out = tf.zeros((size, size, channels, filters)), -(-side // stride)
    with mock.patch.object(convolution, "bfloat16_unit", return_value="a unit"):
        return convolution._products(layer, (side, side), (out, out), kernel, dtype)


def time_layer(batch, side, channels, filters, size, stride, dtype, rounds):
    """Seconds of every operation of a layer, both ways.

    Returns:
        Dictionary from `OPERATIONS` to pairs of lists, a number for each round: TensorFlow's operation, products.
    """
    shape, out = (size, size, channels, filters), -(-side // stride)
    x = tf.cast(tf.random.stateless_normal((batch, side, side, channels), (0, 0)), dtype)
    kernel = tf.cast(tf.random.stateless_normal(shape, (0, 1), stddev=0.02), dtype)
    dy = tf.cast(tf.random.stateless_normal((batch, out, out, filters), (0, 2)), dtype)
    maps = convolution._Convolution((side, side), stride, shape, True)
    calls = {
        "forward": (lambda: tf.nn.conv2d(x, kernel, stride, "SAME"), lambda: maps.forward(x, kernel)),
        "by images": (
            lambda: tf.nn.conv2d_transpose(dy, kernel, x.shape, stride, "SAME"),
            lambda: maps.backward(dy, kernel),
        ),
        "by kernel": (
            lambda: tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=shape, out_backprop=dy, strides=[1, stride, stride, 1], padding="SAME"
            ),
            lambda: maps.correlate(x, dy),
        ),
    }
    compiled = {name: [tf.function(call, autograph=False) for call in pair] for name, pair in calls.items()}
    times = {name: ([], []) for name in OPERATIONS}
    for turn in range(rounds + 1):
        for name, pair in compiled.items():
            for call, each in zip(pair, times[name], strict=True):
                began = time.perf_counter()
                call()[0].numpy()
                if turn:  # the first traces
                    each.append(time.perf_counter() - began)
    return times


def render(run):
    """Milliseconds as Markdown, a row for each layer and precision."""
    rows = []
    for layer in run["layers"]:
        batch, side, channels, filters, size, stride = layer["shape"]
        cells = [f"{1000 * value:.1f}" for name in OPERATIONS for value in layer["seconds"][name]]
        title = f"{batch} x {side}x{side}x{channels} to {filters}, kernel {size}, stride {stride}"
        rows.append([title, layer["dtype"], *cells, layer["rule"] or "-"])
    columns = [f"{name}{way}, ms" for name in OPERATIONS for way in ("", ", products")]
    return tables.table(["layer", "dtype", *columns, "rule"], rows)


if __name__ == "__main__":
    main()
