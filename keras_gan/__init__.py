"""Generative adversarial networks for Keras 3 on TensorFlow."""

from keras_gan import (
    augmentation,
    callbacks,
    data,
    export,
    latents,
    layers,
    losses,
    metrics,
    models,
    networks,
    optimizers,
    regularizers,
    unlearning,
)
from keras_gan.models import GAN, VAE, CycleGAN, Pix2Pix

__version__ = "0.2.0"
__all__ = [
    "GAN",
    "VAE",
    "CycleGAN",
    "Pix2Pix",
    "augmentation",
    "callbacks",
    "data",
    "export",
    "latents",
    "layers",
    "losses",
    "metrics",
    "models",
    "networks",
    "optimizers",
    "regularizers",
    "unlearning",
]


def __dir__():
    return [*__all__, "__version__"]
