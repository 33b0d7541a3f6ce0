"""Recipes that train from the command line: `python -m trainers.dcgan`."""

import os
import time

# What `--minutes` counts from.
STARTED = time.monotonic()

# TensorFlow logs a page about the machine's processor before anything of ours appears.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
