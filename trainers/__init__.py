"""Recipes that train from the command line: `python -m trainers.dcgan`."""

import os
import time

# What `--minutes` counts from.
STARTED = time.monotonic()

# TensorFlow reads it once, when it is imported, which is left to keras_gan: that does so without a page of log lines.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_gan  # noqa: E402, F401
