"""The base of networks from images to images."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_gan import latents
from keras_gan.networks.base import Network, Tensor, check_shape


class Translator(Network):
    """Base class of networks from images to images: the generators of pix2pix and CycleGAN, which have no latents.

    A subclass creates its layers in `__init__`, ends that with `self.build()`, and implements
    `call(inputs, training=None)`. Sublayers are given `dtype=self.dtype_policy`, so that a saved network keeps the
    precision that it was trained in.

    Args:
        source_shape: What is translated: `(height, width, channels)`.
        image_shape: What it becomes; by default of the same shape.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + source_shape` in [-1, 1].
        training: Whether the call is part of a training step.

    Returns:
        float32 images in [-1, 1] of shape `(batch,) + image_shape`.

    Raises:
        ValueError: If a shape is none.

    Example:

    >>> class Recolor(keras_gan.networks.Translator):
    ...     def __init__(self, source_shape=(4, 4, 1), image_shape=(4, 4, 3), **kwargs):
    ...         super().__init__(source_shape, image_shape, **kwargs)
    ...         self.color = keras.layers.Conv2D(3, 1, activation="tanh", dtype="float32")
    ...         self.build()
    ...     def call(self, inputs, training=None):
    ...         return self.color(inputs)
    >>> Recolor().translate(np.zeros((5, 4, 4, 1), "float32")).shape
    (5, 4, 4, 3)
    """

    # It takes images alone.
    num_classes = None
    class_names = None

    def __init__(self, source_shape: Sequence[int], image_shape: Sequence[int] | None = None, **kwargs):
        super().__init__(**kwargs)
        self.source_shape = check_shape("source_shape", source_shape)
        self.image_shape = check_shape("image_shape", source_shape if image_shape is None else image_shape)

    def symbolic_inputs(self) -> keras.KerasTensor:
        """The input of `call` as a Keras tensor."""
        return keras.KerasTensor((None, *self.source_shape), dtype="float32", name="images")

    def unpack(self, inputs: Tensor) -> Tensor:
        """Images in the compute dtype.

        Args:
            inputs: The inputs of `call`.

        Returns:
            One tensor.

        Raises:
            ValueError: If there are several.
        """
        if isinstance(inputs, (list, tuple)):
            raise ValueError(f"{self.name} translates images and takes one tensor. Received: inputs={inputs}")
        return keras.ops.cast(inputs, self.compute_dtype)

    def translate(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Translates images, some at a time; dropout is off.

        Args:
            images: Floats in [-1, 1] of shape `(n,) + source_shape`.
            batch_size: Images translated at a time.

        Returns:
            float32 array of shape `(n,) + image_shape`, in [-1, 1].

        Raises:
            ValueError: If there are none, or they are of another shape, integers or out of range.
        """
        return latents.generate(self, check_images(images, self.source_shape), batch_size=batch_size)

    def get_config(self):
        return {**keras.Model.get_config(self), "source_shape": self.source_shape, "image_shape": self.image_shape}


def check_images(images: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Images that are to be translated, as a float32 array.

    Args:
        images: Floats in [-1, 1] of shape `(n,) + shape`.
        shape: The shape of one.

    Returns:
        The array.

    Raises:
        ValueError: If they are none of that.
    """
    images = np.asarray(images)
    if images.shape[1:] != tuple(shape) or not len(images):
        raise ValueError(
            f"Expected images of shape (n, {', '.join(map(str, shape))}), at least one. "
            f"Received: an array of shape {images.shape}"
        )
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"Expected float images in [-1, 1]: scale uint8 ones by x / 127.5 - 1. Received: dtype {images.dtype}"
        )
    images = images.astype(np.float32, copy=False)
    worst = np.abs(images).max()
    if not worst <= 1.001:
        raise ValueError(f"Expected images in [-1, 1]. Received: values as large as {worst:.4g}")
    return images
