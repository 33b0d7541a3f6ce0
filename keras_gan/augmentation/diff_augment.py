"""Differentiable augmentation by a fixed policy."""

import keras
import tensorflow as tf

from keras_gan.augmentation import transforms
from keras_gan.augmentation.base import Augmenter, Draws, check_images, part_names


@keras.saving.register_keras_serializable("keras_gan")
class DiffAugment(Augmenter):
    """Differentiable augmentation by a fixed policy, applied to every image.

    - `"color"`: brightness `x + U(-0.5, 0.5)`, then saturation by a factor U(0, 2) around each pixel's mean over
      channels, then contrast by a factor U(0.5, 1.5) around the image's mean.
    - `"translation"`: by whole pixels, uniform up to 1/8 of each side, with zeros coming in.
    - `"cutout"`: a rectangle of half the image's sides is set to 0, with its centre uniform in the image.

    The authors use `"color,cutout"` for all of CIFAR-10 and all three where data are scarce.

    Args:
        policy: Names joined by commas, or a sequence of them; they act in the order above.

    Call arguments:
        images: float32 images in [-1, 1] of shape `(batch, height, width, channels)`.
        seed: Two int64 that determine every random number of this call.

    Returns:
        Images of the same shape; colours may leave [-1, 1].

    Raises:
        ValueError: If the policy names something else, or vectors are to be augmented.

    Example:

    >>> augmenter = keras_gan.augmentation.DiffAugment("translation,cutout")
    >>> augmenter(tf.ones((2, 8, 8, 1)), seed=(0, 1)).shape
    TensorShape([2, 8, 8, 1])

    Reference:
        Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training", with the ranges of the
        released code.
    """

    PARTS = ("color", "translation", "cutout")

    def __init__(self, policy=PARTS, **kwargs):
        super().__init__(**kwargs)
        self.policy = part_names("policy", policy, self.PARTS)

    def build(self, input_shape):
        check_images(self, input_shape)

    def call(self, images, seed):
        draws = Draws(images, seed, 7)
        brightness, saturation, contrast = draws.uniform(-0.5, 0.5), draws.uniform(0.0, 2.0), draws.uniform(0.5, 1.5)
        sides = images.shape[1:3]
        reach = [int(side / 8 + 0.5) for side in sides]
        moves = [draws.integer(2 * most + 1) - most for most in reach]
        lengths = [int(side / 2 + 0.5) for side in sides]
        # A rectangle of even length is centred between two pixels, of which there is one more.
        starts = [
            draws.integer(side + 1 - length % 2) - length // 2 for side, length in zip(sides, lengths, strict=True)
        ]
        if "color" in self.policy:
            images = images + transforms.per_image(brightness)
            images = transforms.scale_colors(images, saturation)
            mean = tf.reduce_mean(images, (1, 2, 3), keepdims=True)
            images = mean + (images - mean) * transforms.per_image(contrast)
        if "translation" in self.policy:
            images = transforms.translate(images, *moves)
        if "cutout" in self.policy:
            covered = [
                (tf.range(side)[None] >= start[:, None]) & (tf.range(side)[None] < start[:, None] + length)
                for side, start, length in zip(sides, starts, lengths, strict=True)
            ]
            images = transforms.erase(images, *covered)
        return images

    def get_config(self):
        return {**super().get_config(), "policy": list(self.policy)}
