"""Transformations of image batches, each image with parameters of its own; exact derivatives, any compiler.

All are linear in the pixels or affine, and made of gathers and arithmetic, so that gradients with respect to the images
are right to any order; TensorFlow's own resampling has wrong second derivatives or does not compile with XLA.
"""

import math

import tensorflow as tf


def per_image(x):
    """Numbers of shape `(batch,)` as `(batch, 1, 1, 1)`, to be combined with images."""
    return x[:, None, None, None]


def translate(images, down, right):
    """Moves each image by whole pixels; what comes in is 0.

    Args:
        images: Floats of shape `(batch, height, width, channels)`.
        down: int32 `(batch,)`, rows to move down by; negative for up.
        right: int32 `(batch,)`, columns to move right by.

    Returns:
        Floats of the shape of `images`.

    Example:

    >>> image = tf.reshape([1.0, 2.0, 3.0, 4.0], (1, 2, 2, 1))
    >>> keras_gan.augmentation.transforms.translate(image, tf.constant([1]), tf.constant([0])).numpy().ravel().tolist()
    [0.0, 0.0, 1.0, 2.0]
    """
    height, width = images.shape[1:3]
    rows = tf.range(height)[None] - down[:, None]
    columns = tf.range(width)[None] - right[:, None]
    inside = _inside(rows, height)[:, :, None] & _inside(columns, width)[:, None]
    moved = _pick(images, tf.clip_by_value(rows, 0, height - 1), tf.clip_by_value(columns, 0, width - 1))
    return moved * tf.cast(inside, images.dtype)[..., None]


def warp(images, matrices):
    """Resamples each image along an affine map, bilinearly; beyond its border an image is mirrored.

    `output(x, y) = input(A (x, y, 1))`, with x to the right and y down from the image's centre, in pixels. Maps that
    take pixels to pixels, such as flips and quarter turns, are exact. There is no filter against aliasing.

    Args:
        images: Floats of shape `(batch, height, width, channels)`.
        matrices: Floats of shape `(batch, 2, 3)`, one A for each image.

    Returns:
        Floats of the shape of `images`.

    Example:

    >>> image = tf.reshape([1.0, 2.0, 3.0, 4.0], (1, 2, 2, 1))
    >>> flip = tf.constant([[[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> keras_gan.augmentation.transforms.warp(image, flip).numpy().ravel().tolist()
    [2.0, 1.0, 4.0, 3.0]
    """
    height, width = images.shape[1:3]
    centre = tf.constant([(width - 1) / 2, (height - 1) / 2], matrices.dtype)
    x, y = tf.meshgrid(tf.range(width), tf.range(height))
    grid = tf.cast(tf.stack([x, y], -1), matrices.dtype) - centre
    # Sums of products, not a matrix product, which may be rounded to fewer bits.
    source = tf.reduce_sum(matrices[:, None, None, :, :2] * grid[None, :, :, None], -1)
    source += matrices[:, None, None, :, 2] + centre
    first = tf.floor(source)
    right, down = tf.split(tf.cast(source - first, images.dtype), 2, -1)
    column, row = tf.unstack(tf.cast(first, tf.int32), axis=-1)

    def corner(dy, dx):
        return _gather(images, _mirrored(row + dy, height), _mirrored(column + dx, width))

    top = corner(0, 0) * (1 - right) + corner(0, 1) * right
    bottom = corner(1, 0) * (1 - right) + corner(1, 1) * right
    return top * (1 - down) + bottom * down


def erase(images, rows, columns):
    """Sets a rectangle of each image to 0.

    Args:
        images: Floats of shape `(batch, height, width, channels)`.
        rows: Booleans of shape `(batch, height)`: the rows that the rectangle covers.
        columns: Booleans of shape `(batch, width)`.

    Returns:
        Floats of the shape of `images`.

    Example:

    >>> image = tf.ones((1, 2, 2, 1))
    >>> rows, columns = tf.constant([[True, False]]), tf.constant([[False, True]])
    >>> erased = keras_gan.augmentation.transforms.erase(image, rows, columns)
    >>> erased.numpy().ravel().tolist()
    [1.0, 0.0, 1.0, 1.0]
    """
    covered = rows[:, :, None] & columns[:, None]
    return images * (1 - tf.cast(covered, images.dtype)[..., None])


def scale_colors(images, factors):
    """Scales each pixel's distance from its own mean over channels: 0 is grey, 1 changes nothing.

    Args:
        images: Floats of shape `(batch, height, width, channels)`.
        factors: Floats of shape `(batch,)`.

    Returns:
        Floats of the shape of `images`.
    """
    grey = tf.reduce_mean(images, -1, keepdims=True)
    return grey + (images - grey) * per_image(factors)


def rotate_hue(images, angles):
    """Turns each pixel's colour around the grey axis (1, 1, 1), by Rodrigues' formula.

    `c' = c cos a + (v x c) sin a + v (v . c) (1 - cos a)` with `v = (1, 1, 1) / sqrt(3)`.

    Args:
        images: Floats of shape `(batch, height, width, 3)`.
        angles: Floats of shape `(batch,)`, in radians.

    Returns:
        Floats of the shape of `images`.

    Example:

    >>> red = tf.reshape([1.0, 0.0, 0.0], (1, 1, 1, 3))
    >>> green = keras_gan.augmentation.transforms.rotate_hue(red, tf.constant([2 * np.pi / 3]))
    >>> bool(tf.reduce_all(tf.abs(green[0, 0, 0] - [0.0, 1.0, 0.0]) < 1e-6))
    True
    """
    across = (tf.roll(images, 1, -1) - tf.roll(images, -1, -1)) / math.sqrt(3.0)
    grey = tf.reduce_mean(images, -1, keepdims=True)
    cosine, sine = per_image(tf.cos(angles)), per_image(tf.sin(angles))
    return images * cosine + across * sine + grey * (1 - cosine)


def _inside(index, size):
    return (index >= 0) & (index < size)


def _mirrored(index, size):
    """Indices reflected at the centres of the first and the last pixel."""
    period = max(1, 2 * (size - 1))
    index = tf.math.floormod(index, period)
    return tf.minimum(index, period - index)


def _pick(images, rows, columns):
    """Pixels at the crossings of rows `(batch, height)` and columns `(batch, width)`."""
    height, width = images.shape[1:3]
    return _gather(images, tf.repeat(rows[:, :, None], width, 2), tf.repeat(columns[:, None], height, 1))


def _gather(images, rows, columns):
    """Pixels at positions `(batch, height, width)`."""
    height, width, channels = images.shape[1:]
    flat = tf.reshape(images, (-1, height * width, channels))
    return tf.gather(flat, rows * width + columns, batch_dims=1)
