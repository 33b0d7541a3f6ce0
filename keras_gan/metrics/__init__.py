"""Measures of generated examples."""

from keras_gan.metrics.memorisation import Memorisation, Neighbours, memorisation, nearest
