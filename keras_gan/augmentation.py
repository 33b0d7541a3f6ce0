"""Differentiable augmentation of real and generated images alike."""

import keras

from keras_gan import serialization


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
            real_logits: float32 `(batch,)`, the logits of the augmented real images in that update.
        """


_CLASSES = {}


def get(identifier):
    """Returns the augmenter that `identifier` names, describes or is; `None` for `None`."""
    return None if identifier is None else serialization.get(identifier, Augmenter, _CLASSES)


def serialize(augmenter):
    """Returns the configuration that `deserialize` reads."""
    return keras.saving.serialize_keras_object(augmenter)


def deserialize(config):
    """Returns the augmenter that `serialize` described."""
    return serialization.get(config, Augmenter, _CLASSES)
