"""The base class of augmenters, and what they share."""

import math

import keras
import tensorflow as tf

from keras_gan import distribution, random


class Augmenter(keras.layers.Layer):
    """Base class of augmenters: what the discriminator sees in place of an image, real or generated.

    The images' distribution is what is augmented, so the generator learns the unaugmented one as long as the
    augmentation can be undone in distribution. It must be differentiable with respect to the images: the
    generator learns through it, and gradient penalties are taken with respect to the images before it.

    Call arguments:
        images: float32 images in [-1, 1] of shape `(batch, height, width, channels)`.
        seed: Two int64 that determine every random number of this call.

    Returns:
        Images of the same shape.

    Example:

    >>> class Brightness(keras_gan.augmentation.Augmenter):
    ...     def call(self, images, seed):
    ...         return images + tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, -0.5, 0.5)
    >>> Brightness()(tf.zeros((2, 4, 4, 1)), seed=(0, 1)).shape
    TensorShape([2, 4, 4, 1])

    Reference:
        Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training", equations 4 to 6.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, images, seed):
        raise NotImplementedError(f"{type(self).__name__} must implement `call(images, seed)`.")

    def update(self, real_logits):
        """Adapts the augmenter's own variables, after each update of the discriminator.

        Args:
            real_logits: float32 `(batch,)`, the logits of the augmented real images in that update; where the
                discriminator packs images, each has that of its pack; of patches `(batch, rows, columns)`.
        """


def part_names(argument, policy, known):
    """The parts of a policy, given as "a,b" or as a sequence, in the order of `known`."""
    names = [name.strip() for name in policy.split(",")] if isinstance(policy, str) else list(policy)
    if not names or any(name not in known for name in names):
        raise ValueError(f"`{argument}` must name some of {list(known)}. Received: {argument}={policy!r}")
    return tuple(name for name in known if name in names)


def check_images(augmenter, shape):
    if len(shape) != 4:
        raise ValueError(
            f"{type(augmenter).__name__} augments images (height, width, channels). Received: shape {tuple(shape[1:])}"
        )


class Draws:
    """Random numbers, one for each image of a batch, in the order in which they are asked for.

    They are all drawn at once, those of the global batch, so that one device and several see the same.
    """

    def __init__(self, images, seed, count):
        numbers = distribution.per_replica(lambda rows: random.uniform((rows, count), seed), tf.shape(images)[0])
        self._numbers = iter(tf.unstack(tf.cast(numbers, images.dtype), axis=1))

    def uniform(self, low=0.0, high=1.0):
        return low + (high - low) * next(self._numbers)

    def integer(self, count):
        """Uniform on 0, 1, ..., count - 1."""
        return tf.cast(tf.floor(next(self._numbers) * count), tf.int32)

    def normal(self, deviation):
        u, v = next(self._numbers), next(self._numbers)
        return deviation * tf.sqrt(-2.0 * tf.math.log1p(-u)) * tf.cos(2.0 * math.pi * v)

    def maybe(self, probability, value, otherwise):
        """`value` with a probability, independently for each image, or else `otherwise`."""
        number = next(self._numbers)
        return tf.where(number < tf.cast(probability, number.dtype), value, tf.cast(otherwise, value.dtype))
