"""Recipes that train from the command line: `python -m trainers.dcgan`."""

import os
import sys
import time

# What `--minutes` counts from.
STARTED = time.monotonic()

# TensorFlow reads it once, when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _import_quietly():
    """Imports the package, and TensorFlow with it, without the page about the machine that would come first."""
    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras_gan  # noqa: F401
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


_import_quietly()
