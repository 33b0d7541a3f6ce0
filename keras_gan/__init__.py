"""Generative adversarial networks for Keras 3 on TensorFlow."""

from keras_gan import latents, networks, serialization

__version__ = "0.1.0"
__all__ = ["latents", "networks", "serialization"]
