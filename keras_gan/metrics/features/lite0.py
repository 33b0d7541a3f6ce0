"""EfficientNet-Lite0 without its last layer: features of any picture, by weights that come with the package."""

import hashlib
import io
import json

import keras
import numpy as np

from keras_gan.metrics.features.classifiers import FOLDER

NAME = "efficientnet_lite0"
# Of small pictures it tells classes apart as well as at its own 224, in less than half the time: see
# docs/results/lite0.md.
SIZE = 160
RESIZE = "bicubic, antialiased"
# Smaller pictures say nothing to a network of photographs.
LEAST = 8
# Of each stage: blocks, size of the kernel, stride of its first block, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280


def manifest():
    """Facts about the weights, as `keras_gan.metrics.features.convert_lite0` wrote them.

    Returns:
        Dictionary with the `source`, its `source_sha256`, the `license`, and the `sha256` of the file of weights.

    Example:

    >>> keras_gan.metrics.features.lite0.manifest()["license"]
    'Apache-2.0'
    """
    return json.loads((FOLDER / f"{NAME}.json").read_text("utf-8"))


def preprocess(images):
    """Images in [0, 255] as the first convolution sees them: `(x - 127) / 128`."""
    return (images - 127.0) / 128.0


def load():
    """Loads the network.

    Returns:
        The pair of a Keras model, from preprocessed images `(batch, height, width, 3)` to features `(batch, 1280)`, the
        means of the last feature map over its positions; and the SHA-256 of its weights, in hexadecimal.

    Raises:
        ValueError: If their file is damaged.

    Reference:
        Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019
        (arXiv:1905.11946); Lite0 is B0 with ReLU6 for swish and without squeeze-and-excitation.

    Example:

    >>> model, digest = keras_gan.metrics.features.lite0.load()
    >>> model(np.zeros((1, 64, 64, 3), "float32")).shape
    TensorShape([1, 1280])
    """
    content = (FOLDER / f"{NAME}.npz").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest()["sha256"]:
        raise ValueError(f"The weights of {NAME} are damaged: reinstall keras_gan. Received: a file of sha256 {digest}")
    with np.load(io.BytesIO(content)) as arrays:
        return from_arrays(dict(arrays)), digest


def from_arrays(arrays):
    """The network with given weights.

    Args:
        arrays: Dictionary with `NAME/kernel` and `NAME/bias` of each convolution that `blocks` and `build` name, in
            Keras' layouts, any float type.

    Returns:
        The Keras model that `load` describes, in float32.
    """
    model = build()
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([arrays[f"{layer.name}/{part}"].astype(np.float32) for part in ("kernel", "bias")])
    model.trainable = False
    return model


def blocks():
    """The inverted residual blocks in their order.

    Yields:
        Their name, size of the kernel, stride, expansion, and channels before and after.
    """
    before, number = STEM, 0
    for count, kernel, first_stride, expansion, after in STAGES:
        for index in range(count):
            yield f"block_{number:02d}", kernel, first_stride if index == 0 else 1, expansion, before, after
            before, number = after, number + 1


def build():
    """The network with weights of zero, whose batch normalizations are folded into the convolutions before them."""
    # Zeros, because random initial weights would advance Keras' global seed in the middle of somebody's training.
    common = {"padding": "same", "dtype": "float32"}
    zeros = {**common, "kernel_initializer": "zeros"}
    images = keras.Input((None, None, 3), dtype="float32")
    x = keras.layers.Conv2D(STEM, 3, 2, activation="relu6", name="stem", **zeros)(images)
    for name, kernel, stride, expansion, before, after in blocks():
        inner = x
        if expansion > 1:
            inner = keras.layers.Conv2D(before * expansion, 1, activation="relu6", name=f"{name}_expand", **zeros)(x)
        inner = keras.layers.DepthwiseConv2D(
            kernel, stride, activation="relu6", depthwise_initializer="zeros", name=f"{name}_depthwise", **common
        )(inner)
        inner = keras.layers.Conv2D(after, 1, name=f"{name}_project", **zeros)(inner)
        x = keras.layers.Add(dtype="float32")([x, inner]) if stride == 1 and before == after else inner
    x = keras.layers.Conv2D(HEAD, 1, activation="relu6", name="head", **zeros)(x)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D(dtype="float32")(x), name=NAME)
