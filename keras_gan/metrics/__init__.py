"""Measures of what a generator makes."""

from keras_gan.metrics import conditional

__all__ = ["conditional"]
