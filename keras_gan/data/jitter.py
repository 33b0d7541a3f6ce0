"""Random crops and mirror images, as functions of a seed and of an example's place in the order alone."""

import tensorflow as tf

from keras_gan.data import conditions, decoding


def check_crop(crop, image_shape):
    """The size of a crop, `(height, width)`, or `None`; refused where it is larger than the images."""
    size = decoding.parse_size(crop)
    if size is None:
        return None
    if len(image_shape) != 3 or size[0] > image_shape[0] or size[1] > image_shape[1]:
        raise ValueError(
            f"A crop must fit into the images, of shape {tuple(image_shape)}: pass a larger image_size. "
            f"Received: crop={crop!r}"
        )
    return size


def crop_and_flip(images, keys, crop=None, flip=False):
    """Cuts a window out of each image, and mirrors every other.

    All channels of an image are treated alike, and so are the two pictures of a pair, which share them.

    Args:
        images: `(batch, height, width, channels)`.
        keys: int64 `(batch, 2)`, which determine where and whether.
        crop: `(height, width)` of the window, or `None` for all.
        flip: Whether to mirror, left to right, with probability 1/2.

    Returns:
        Images of the size of the window.

    Example:

    >>> images, keys = tf.reshape(tf.range(6.0), (1, 1, 6, 1)), tf.constant([[0, 1]], tf.int64)
    >>> keras_gan.data.jitter.crop_and_flip(images, keys, crop=(1, 2)).shape
    TensorShape([1, 1, 2, 1])
    """
    # The first two numbers of a key are those of masks.
    draws = conditions.uniform(keys, 5)[:, 2:]
    if crop is not None:
        for axis, side in enumerate(crop, start=1):
            starts = tf.floor(draws[:, axis - 1] * (images.shape[axis] - side + 1))
            places = tf.cast(starts, tf.int32)[:, None] + tf.range(side)
            images = tf.gather(images, places, axis=axis, batch_dims=1)
    if flip:
        images = tf.where(draws[:, 2, None, None, None] < 0.5, tf.reverse(images, [2]), images)
    return images
