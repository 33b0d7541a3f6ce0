"""Data sets: `load`, the one entry, and what it reads from."""

from keras_gan.data import decoding, stacked, toy
from keras_gan.data.images import MEMORY_LIMIT, DataSpec, load, open_source

__all__ = ["MEMORY_LIMIT", "DataSpec", "decoding", "load", "open_source", "stacked", "toy"]
