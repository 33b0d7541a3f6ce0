"""Models with `fit`, and the parts of their training step."""

from keras_gan.models.base import GenerativeModel
from keras_gan.models.gan import GAN
from keras_gan.models.translation import CycleGAN, Pix2Pix
from keras_gan.models.vae import VAE

__all__ = ["GAN", "VAE", "CycleGAN", "GenerativeModel", "Pix2Pix"]
