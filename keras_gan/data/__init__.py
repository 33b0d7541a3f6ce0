"""Data sets: `load`, the one entry, and what it reads from."""

from keras_gan.data import conditions, decoding, faces, stacked, toy
from keras_gan.data.images import SOURCES, DataSpec, load, open_source
from keras_gan.data.sources import MEMORY_LIMIT, MissingSplitError

__all__ = [
    "MEMORY_LIMIT",
    "SOURCES",
    "DataSpec",
    "MissingSplitError",
    "conditions",
    "decoding",
    "faces",
    "load",
    "open_source",
    "stacked",
    "toy",
]
