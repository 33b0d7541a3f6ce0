"""Stroke thickness of drawn characters, measured without a network."""

import numpy as np
import scipy

from keras_gan.metrics import arrays

# On the ridge of a distance transform the central differences from both sides cancel: their norm is 0 where borders are
# parallel and at most 1/2 where a stroke is an even number of pixels wide. It is 1 beside the ridge, and sqrt(1/2) on
# the branches into square corners, which would pull the mean down and are no part of a stroke's centre line.
_STEEPEST = 0.6
_CHUNK = 250  # images at a time


def stroke_thickness(images, scale=4):
    """Mean thickness of the strokes in images of bright characters on dark ground, in pixels of the image.

    `2 mean_{p in S} D(p) / scale`: the image is enlarged `scale` times (bilinear) and cut at half intensity; D is the
    Euclidean distance to the dark, and S the centre line, the ridge of D. The ground goes on outside the image. Images
    with several channels are measured on the channels' mean.

    Args:
        images: uint8, or floats in [-1, 1], of shape `(n, height, width, channels)`.
        scale: How many times images are enlarged first, at least 1: a bar of w pixels is measured exactly if
            `scale * w` is even, and as `1 / scale` thicker otherwise.

    Returns:
        float64 array `(n,)`; 0 where nothing is brighter than half.

    Raises:
        ValueError: If the images have another shape or type, or are not finite.

    Example:

    >>> bar = np.full((1, 28, 28, 1), -1.0)
    >>> bar[:, 4:24, 10:13] = 1.0
    >>> keras_gan.metrics.stroke_thickness(bar).tolist()
    [3.0]

    Reference:
        Castro et al. 2019, "Morpho-MNIST: quantitative assessment and diagnostics for representation learning", section
        2.1. Their code enlarges with a cubic filter, cuts midway between the image's own extremes, and averages over
        the whole medial axis, branches into corners included.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not (images.dtype == np.uint8 or np.issubdtype(images.dtype, np.floating)):
        raise ValueError(
            "Strokes are measured in uint8 or float images of shape (n, height, width, channels). "
            f"Received: shape {images.shape} of {images.dtype.name}"
        )
    arrays.finite("images", images)
    if int(scale) < 1:
        raise ValueError(f"`scale` must be at least 1. Received: scale={scale}")
    chunks = [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    return np.concatenate([np.zeros(0), *(_thickness(chunk, int(scale)) for chunk in chunks)])


def _thickness(images, scale):
    bright = _cropped(_enlarge(images, scale) > (127.5 if images.dtype == np.uint8 else 0.0))
    centre = _distance(bright)
    padded = np.pad(centre, ((0, 0), (1, 1), (1, 1)))
    above, below, left, right = padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]
    ridge = (below - above) ** 2 + (right - left) ** 2 < (2 * _STEEPEST) ** 2
    # The middle of a disc may be four equal pixels, of which none is flat.
    ridge |= centre == centre.max(axis=(1, 2), keepdims=True)
    ridge &= bright
    total = np.sum(centre, axis=(1, 2), where=ridge, dtype=np.float64)
    return 2 * total / np.maximum(ridge.sum(axis=(1, 2)), 1) / scale


def _distance(bright):
    """Euclidean distance of every bright pixel to the nearest dark one; all is dark outside the image.

    Args:
        bright: Booleans of shape `(n, height, width)`.

    Returns:
        float32 array of the same shape; 0 where dark.
    """
    padded = np.pad(bright, ((0, 0), (1, 1), (1, 1)))
    distances = np.empty(bright.shape, np.float32)
    for image, distance in zip(padded, distances, strict=True):
        distance[:] = scipy.ndimage.distance_transform_edt(image)[1:-1, 1:-1]
    return distances


def _cropped(bright):
    """The rows and columns that are not dark in all images."""
    rows, columns = (np.flatnonzero(bright.any(axis=(0, axis))) for axis in (2, 1))
    if not len(rows):
        return bright[:, :1, :1]
    return bright[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _enlarge(images, scale):
    """Gray images `(n, scale * height, scale * width)`, bilinear."""
    gray = images.mean(axis=3, dtype=np.float32)
    rows, columns = (_interpolation(size, scale) for size in gray.shape[1:])
    return rows @ gray @ columns.T


def _interpolation(size, scale):
    """The matrix of linear interpolation from pixel centres to those of `scale` times as many pixels."""
    places = np.clip((np.arange(scale * size) + 0.5) / scale - 0.5, 0, size - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(size))).astype(np.float32)
