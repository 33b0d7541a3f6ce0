"""Generators and discriminators."""

from keras_gan.networks.base import Discriminator, Generator

__all__ = ["Discriminator", "Generator"]
