"""Metrics: numbers about samples, each with what it needs to be believed."""

from keras_gan.metrics import divergence, modes, parzen

__all__ = ["divergence", "modes", "parzen"]
