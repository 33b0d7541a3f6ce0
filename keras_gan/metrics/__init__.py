"""Metrics: numbers about samples, each with what it needs to be believed."""

from keras_gan.metrics import collapse, divergence, parzen

__all__ = ["collapse", "divergence", "parzen"]
