"""Ways to compute a DCGAN's convolutions, beside TensorFlow's operations.

    python -m benchmarks.convolutions

For the three large layers of DCGAN 64x64 (kernel 4x4, stride 2, batch 64): milliseconds of TensorFlow's operation and
of its gradients, of the gradient by the kernel as a product of unfolded images, and of the forward pass by Winograd's
algorithm, all in turn. A 4x4 kernel at stride 2 is a 2x2 kernel over four times the channels, of which F(2x2, 2x2)
needs 9 products of maps where the definition has 16; "products" are these alone, with what surrounds them left out.

Reference: Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", section 4.
"""

import dataclasses
import statistics
import sys
import time

import tensorflow as tf
import tqdm

from benchmarks import tables
from keras_gan.cli import option

LAYERS = ((32, 64, 128), (16, 128, 256), (8, 256, 512))  # side, channels, filters


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    batch: int = option(64, "Images.", low=1)
    rounds: int = option(9, "How often each is timed, in turn.", low=1)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Times every layer.

    Returns:
        Dictionary of `layers`, a list of dictionaries of a layer's shape and `seconds`, medians by name of the way.
    """
    layers = []
    for side, channels, filters in tqdm.tqdm(LAYERS, leave=False, disable=None):
        times = time_layer(config.batch, side, channels, filters, config.rounds)
        seconds = {name: statistics.median(each) for name, each in times.items()}
        layers.append({"side": side, "channels": channels, "filters": filters, "seconds": seconds})
    return {"batch": config.batch, "layers": layers}


def render(run):
    """Milliseconds as Markdown, a row for each layer."""
    rows = []
    for layer in run["layers"]:
        side, channels, filters = layer["side"], layer["channels"], layer["filters"]
        flops = 2 * run["batch"] * (side // 2) ** 2 * 16 * channels * filters
        milliseconds = [f"{1000 * layer['seconds'][name]:.0f}" for name in NAMES]
        rows.append([f"{side}x{side}x{channels} to {filters}", f"{flops / 1e9:.1f}", *milliseconds])
    return tables.table(["layer", "GFLOP", *(f"{name}, ms" for name in NAMES)], rows)


def time_layer(batch, side, channels, filters, rounds):
    """Seconds of every way to compute a layer.

    Returns:
        Dictionary from `NAMES` to lists, a number for each round.
    """
    x = tf.random.stateless_normal((batch, side, side, channels), (0, 0))
    kernel = tf.random.stateless_normal((4, 4, channels, filters), (0, 1), stddev=0.02)
    dy = tf.random.stateless_normal((batch, side // 2, side // 2, filters), (0, 2))
    tiles = tf.zeros((9, batch * (side // 4) ** 2, 4 * channels))
    weights = tf.zeros((9, 4 * channels, filters))
    calls = {
        "forward": lambda: forward(x, kernel),
        "by images": lambda: by_images(x, kernel, dy),
        "by kernel": lambda: by_kernel(x, kernel, dy),
        "by kernel, unfolded": lambda: by_kernel_unfolded(x, kernel, dy),
        "Winograd": lambda: winograd(x, kernel),
        "Winograd, XLA": lambda: winograd_xla(x, kernel),
        "Winograd, products": lambda: products(tiles, weights),
    }
    times = {name: [] for name in NAMES}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            tf.reduce_sum(call()[0]).numpy()
            if turn:  # the first traces
                times[name].append(time.perf_counter() - began)
    return times


@tf.function
def forward(x, kernel):
    """The convolution, with padding "same"."""
    return tf.nn.conv2d(x, kernel, 2, "SAME")


@tf.function
def by_images(x, kernel, dy):
    """Its gradient by the images."""
    return tf.nn.conv2d_transpose(dy, kernel, x.shape, 2, "SAME")


@tf.function
def by_kernel(x, kernel, dy):
    """Its gradient by the kernel."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=kernel.shape, out_backprop=dy, strides=[1, 2, 2, 1], padding="SAME"
    )


def _folded(x):
    """Blocks of 2x2 pixels as channels, of an image with a margin of one pixel."""
    return tf.nn.space_to_depth(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 2)


@tf.function
def by_kernel_unfolded(x, kernel, dy):
    """The same as one product of matrices."""
    channels, filters, side = kernel.shape[2], kernel.shape[3], dy.shape[1]
    blocks = _folded(x)
    shifted = [blocks[:, i : i + side, j : j + side] for i in (0, 1) for j in (0, 1)]
    rows = tf.reshape(tf.concat(shifted, -1), (-1, 16 * channels))
    gradient = tf.matmul(rows, tf.reshape(dy, (-1, filters)), transpose_a=True)
    gradient = tf.reshape(gradient, (2, 2, 2, 2, channels, filters))
    return tf.reshape(tf.transpose(gradient, (0, 2, 1, 3, 4, 5)), kernel.shape)


def _winograd(x, kernel):
    batch, side, channels, filters = x.shape[0], x.shape[1] // 2, kernel.shape[2], kernel.shape[3]

    def transformed(first, middle, last):
        return first - middle, middle, last - middle

    # Tile i holds the entries 2 i, 2 i + 1 and 2 i + 2, of which the last belongs to the next one too.
    blocks, ends = _folded(x), [slice(k, k + side - 1, 2) for k in range(3)]
    rows = transformed(*(blocks[:, end] for end in ends))
    tiles = tf.stack([each for row in rows for each in transformed(*(row[:, :, end] for end in ends))])
    folded = tf.transpose(tf.reshape(kernel, (2, 2, 2, 2, channels, filters)), (0, 2, 1, 3, 4, 5))
    folded = tf.reshape(folded, (2, 2, 4 * channels, filters))
    rows = (folded[0], folded[0] + folded[1], folded[1])
    weights = tf.stack([each for row in rows for each in (row[0], row[0] + row[1], row[1])])
    maps = tf.matmul(tf.reshape(tiles, (9, -1, 4 * channels)), weights)
    maps = tf.reshape(maps, (3, 3, batch, side // 2, side // 2, filters))
    above, below = maps[0] + maps[1], maps[1] + maps[2]
    pairs = [tf.stack([row[0] + row[1], row[1] + row[2]], 3) for row in (above, below)]
    return tf.reshape(tf.stack(pairs, 2), (batch, side, side, filters))


winograd = tf.function(_winograd)
winograd_xla = tf.function(_winograd, jit_compile=True)
products = tf.function(tf.matmul)

NAMES = (
    "forward", "by images", "by kernel", "by kernel, unfolded", "Winograd", "Winograd, XLA", "Winograd, products",
)  # fmt: skip


if __name__ == "__main__":
    main()
