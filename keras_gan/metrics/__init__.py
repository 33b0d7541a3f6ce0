"""Measures of generated examples."""

from keras_gan.metrics.memorisation import DataCopying, Neighbours, data_copying, nearest

__all__ = ["DataCopying", "Neighbours", "data_copying", "nearest"]
