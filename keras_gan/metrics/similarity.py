"""Similarity of two pictures, pixel by pixel and in structure; all of it differentiable everywhere."""

import numpy as np
import tensorflow as tf

# Of the five scales from the finest on, as found in the experiments of Wang et al. 2003.
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _DEVIATION = 11, 1.5
_RANGE = 2.0
# Factors that are smaller have no gradient; that of a fractional power at 0 would be infinite.
_LEAST = 1e-4


def scales_of(image_shape):
    """The number of scales at which a window of 11 pixels fits into images, at most five, and the window's size.

    Args:
        image_shape: `(height, width, channels)`.

    Returns:
        The pair `(scales, window)`. Where not even the image itself has 11 pixels a side, the window is the largest
        odd one that fits.

    Example:

    >>> keras_gan.metrics.similarity.scales_of((28, 28, 1))
    (2, 11)
    >>> [keras_gan.metrics.similarity.scales_of((n, n, 3)) for n in (8, 64, 256)]
    [(1, 7), (3, 11), (5, 11)]
    """
    side = min(image_shape[:2])
    if side < _WINDOW:
        return 1, side - 1 + side % 2
    fitting = [scale for scale in range(len(WEIGHTS)) if side >> scale >= _WINDOW]
    return len(fitting), _WINDOW


def ms_ssim(first, second):
    """Multi-scale structural similarity of pairs of images: 1 for equal ones, 0 for those with nothing in common.

    At scale j, of images averaged over 2x2 pixels j times, with local means m, variances v and covariance c under a
    Gaussian window (deviation 1.5) and L = 2 the range of pixels,
    `cs_j = mean((2 c + (0.03 L)^2) / (v_1 + v_2 + (0.03 L)^2))`, and `l` is the same of means, with 0.01. The result
    is `mean(l cs)^w_M` of the last scale times the product of `cs_j^w_j` of the others, averaged over channels.
    Weights are those of the paper for as many scales as fit (`scales_of`), divided by their sum.

    The paper's pixels are not negative, so 1 is added to images first. Factors are bounded below by 1e-4, because
    structures that contradict each other make them negative, which has no fractional power.

    Args:
        first: Images in [-1, 1], `(batch, height, width, channels)` with known sizes.
        second: Images of the same shape.

    Returns:
        float32 tensor `(batch,)`.

    Example:

    >>> images = keras_gan.random.uniform((2, 28, 28, 1), seed=(0, 0))
    >>> keras_gan.metrics.similarity.ms_ssim(images, images).numpy().round(4).tolist()
    [1.0, 1.0]

    Reference:
        Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity for image quality assessment", equation 7;
        means over positions before powers, as `tf.image.ssim_multiscale`, from which this differs where factors are
        not positive (there their power has a gradient that is not a number) and at sides that are odd (there the last
        row is repeated, here it is left out).
    """
    first, second = (tf.cast(images, tf.float32) + 1.0 for images in (first, second))
    scales, window = scales_of(first.shape[1:])
    weights = np.float32(WEIGHTS[:scales]) / np.float32(sum(WEIGHTS[:scales]))
    result = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            first, second = (tf.nn.avg_pool2d(images, 2, 2, "VALID") for images in (first, second))
        luminance, structure = _compare(first, second, window)
        factor = luminance * structure if scale == scales - 1 else structure
        result *= tf.maximum(tf.reduce_mean(factor, axis=(1, 2)), _LEAST) ** weight
    # Rounding makes more than 1 of equal images.
    return tf.minimum(tf.reduce_mean(result, axis=1), 1.0)


def ssim(first, second):
    """Structural similarity of pairs of images: 1 for equal ones.

    `mean(l cs)` over positions and channels, as `ms_ssim` has it at its first scale; where not even the image has 11
    pixels a side, the window is the largest odd one that fits.

    Args:
        first: Images in [-1, 1], `(batch, height, width, channels)` with known sizes.
        second: Images of the same shape.

    Returns:
        float32 tensor `(batch,)`.

    Example:

    >>> images = keras_gan.random.uniform((2, 28, 28, 1), seed=(0, 0))
    >>> keras_gan.metrics.similarity.ssim(images, images).numpy().round(4).tolist()
    [1.0, 1.0]

    Reference: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", equation
    13.
    """
    first, second = (tf.cast(images, tf.float32) + 1.0 for images in (first, second))
    luminance, structure = _compare(first, second, scales_of(first.shape[1:])[1])
    return tf.minimum(tf.reduce_mean(luminance * structure, axis=(1, 2, 3)), 1.0)


def psnr(first, second):
    """Peak signal-to-noise ratio of pairs of images in decibels: `10 log10(4 / mean((x - y)^2))`.

    Args:
        first: Images in [-1, 1], `(batch, height, width, channels)`.
        second: Images of the same shape.

    Returns:
        float32 tensor `(batch,)`; of equal images 100, where others of 8 bits have at most 96 or so.

    Example: half a range away everywhere.

    >>> [decibels] = keras_gan.metrics.similarity.psnr(tf.zeros((1, 2, 2, 1)), tf.ones((1, 2, 2, 1)))
    >>> round(float(decibels), 3)
    6.021
    """
    difference = tf.cast(first, tf.float32) - tf.cast(second, tf.float32)
    error = tf.reduce_mean(tf.square(difference), axis=(1, 2, 3))
    return 10.0 * tf.math.log(_RANGE**2 / tf.maximum(error, _RANGE**2 * 1e-10)) / np.float32(np.log(10.0))


def l1(first, second):
    """The mean absolute difference of pairs of images, on the scale of [-1, 1].

    Args:
        first: Images in [-1, 1], `(batch, height, width, channels)`.
        second: Images of the same shape.

    Returns:
        float32 tensor `(batch,)`.

    Example:

    >>> keras_gan.metrics.similarity.l1(tf.zeros((1, 2, 2, 1)), tf.ones((1, 2, 2, 1))).numpy().tolist()
    [1.0]
    """
    return tf.reduce_mean(tf.abs(tf.cast(first, tf.float32) - tf.cast(second, tf.float32)), axis=(1, 2, 3))


def _compare(first, second, window):
    """Luminance, and contrast and structure, at each position where the window fits."""
    channels = first.shape[-1]
    moments = tf.concat([first, second, first**2 + second**2, first * second], axis=-1)
    kernel = tf.tile(tf.constant(_gaussian(window))[:, :, None, None], (1, 1, 4 * channels, 1))
    local = tf.nn.depthwise_conv2d(moments, kernel, (1, 1, 1, 1), "VALID")
    mean_1, mean_2, squares, product = tf.split(local, 4, axis=-1)
    c_1, c_2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2
    both, sums = 2.0 * mean_1 * mean_2, mean_1**2 + mean_2**2
    return (both + c_1) / (sums + c_1), (2.0 * product - both + c_2) / (squares - sums + c_2)


def _gaussian(window):
    offsets = np.arange(window) - (window - 1) / 2.0
    weights = np.exp(-(offsets**2) / (2.0 * _DEVIATION**2))
    weights = np.outer(weights, weights)
    return (weights / weights.sum()).astype(np.float32)
