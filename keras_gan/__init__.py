"""Generative adversarial networks for Keras 3 on TensorFlow."""

import sys

from keras_gan import command

# While Python locates a command, such as `python -m trainers.dcgan`, this is what its name is. TensorFlow prints a page
# about the machine when it is imported, which would come before the command's own first line.
if sys.argv[:1] == ["-m"]:
    with command.silenced():
        import tensorflow  # noqa: F401

from keras_gan import (
    augmentation,
    callbacks,
    checkpoints,
    critic,
    data,
    diagnostics,
    history,
    inversion,
    latents,
    layers,
    losses,
    metrics,
    networks,
    optimizers,
    pictures,
    regularizers,
    schedules,
    serialization,
    transforms,
    unlearning,
    vae,
    verdicts,
)
from keras_gan.gan import GAN
from keras_gan.vae import VAE

__version__ = "0.1.0"
__all__ = [
    "GAN",
    "VAE",
    "augmentation",
    "callbacks",
    "checkpoints",
    "critic",
    "data",
    "diagnostics",
    "history",
    "inversion",
    "latents",
    "layers",
    "losses",
    "metrics",
    "networks",
    "optimizers",
    "pictures",
    "regularizers",
    "schedules",
    "serialization",
    "transforms",
    "unlearning",
    "vae",
    "verdicts",
]
