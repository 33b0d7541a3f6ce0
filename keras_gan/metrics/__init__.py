"""Metrics: numbers about samples, each with what it needs to be believed."""

from keras_gan.metrics import conditional, divergence, modes, parzen

__all__ = ["conditional", "divergence", "modes", "parzen"]
