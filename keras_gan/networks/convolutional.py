"""Sizes from stage to stage, initial values and normalization, which the convolutional networks share."""

import math

import keras

from keras_gan import layers

NORMALIZATIONS = ("batch", None)
# Of networks from images to images, and of what judges their patches.
IMAGE_NORMALIZATIONS = ("instance", "batch", None)


def stage_sizes(height, width):
    """Heights and widths from the image's down to the smallest, each half the one before, rounded up.

    At least one halving; then until the smaller side is at most 7, which leaves it between 4 and 7 for every
    image with sides of 7 or more.

    Args:
        height: Height of the image.
        width: Width of the image.

    Returns:
        List of pairs `(height, width)`, the image's first.

    Example:

    >>> keras_gan.networks.convolutional.stage_sizes(28, 28)
    [(28, 28), (14, 14), (7, 7)]
    >>> keras_gan.networks.convolutional.stage_sizes(45, 80)
    [(45, 80), (23, 40), (12, 20), (6, 10)]
    """
    sizes = [(height, width)]
    while len(sizes) == 1 or min(sizes[-1]) > 7:
        sizes.append(tuple(math.ceil(side / 2) for side in sizes[-1]))
    return sizes


def stage_filters(filters, stages):
    """Widths of the stages, from the image's side: doubling, up to eight times the first."""
    return [filters * min(2**stage, 8) for stage in range(stages)]


def kernel():
    """Initializer of kernels, N(0, 0.02)."""
    # A fresh initializer for each layer: one object gives equal shapes equal values.
    return keras.initializers.RandomNormal(0.0, 0.02)


def normalizer(normalization, dtype, num_classes=None):
    """Batch normalization with gains from N(1, 0.02), of each class if there are any, or instance normalization
    without gains and offsets, or the identity.
    """
    if normalization is None:
        return keras.layers.Identity(dtype=dtype)
    if normalization == "instance":
        return layers.GroupNormalization(groups=-1, epsilon=1e-5, center=False, scale=False, dtype=dtype)
    gains = keras.initializers.RandomNormal(1.0, 0.02)
    if num_classes is not None:
        return layers.ConditionalBatchNormalization(num_classes, gamma_initializer=gains, dtype=dtype)
    return layers.BatchNormalization(gamma_initializer=gains, dtype=dtype)


def check_filters(filters):
    """`filters` as an integer; raises a `ValueError` unless it is at least 1."""
    if int(filters) < 1:
        raise ValueError(f"`filters` must be at least 1. Received: filters={filters}")
    return int(filters)


def check_translator(translator, least, because):
    """Raises a `ValueError` unless a translator keeps the size of images, and can take that.

    Args:
        translator: A `keras_gan.networks.Translator`.
        least: The smallest height and width that it can take.
        because: What in the network decides that, in words.
    """
    source, image = translator.source_shape, translator.image_shape
    check_image(source)
    check_image(image)
    if source[:2] != image[:2]:
        raise ValueError(
            f"{type(translator).__name__} keeps height and width. Received: source_shape={source}, image_shape={image}"
        )
    if min(image[:2]) < least:
        raise ValueError(
            f"{type(translator).__name__} with {because} takes images of {least}x{least} pixels and more, of any "
            f"height and width from there on. Received: {image[0]}x{image[1]}"
        )


def check_image(image_shape):
    """Raises a `ValueError` unless a shape is one of images."""
    if len(image_shape) != 3:
        raise ValueError(
            "A convolutional network needs `image_shape` (height, width, channels); for vectors use the MLP "
            f"networks. Received: image_shape={image_shape}"
        )
