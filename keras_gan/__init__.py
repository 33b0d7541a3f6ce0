"""Generative adversarial networks for Keras 3 on TensorFlow."""

from keras_gan import (
    augmentation,
    callbacks,
    critic,
    data,
    latents,
    layers,
    losses,
    networks,
    optimizers,
    pictures,
    regularizers,
    serialization,
)
from keras_gan.gan import GAN

__version__ = "0.1.0"
__all__ = [
    "GAN",
    "augmentation",
    "callbacks",
    "critic",
    "data",
    "latents",
    "layers",
    "losses",
    "networks",
    "optimizers",
    "pictures",
    "regularizers",
    "serialization",
]
