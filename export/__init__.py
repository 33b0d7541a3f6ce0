"""Commands that turn a saved generator into files for other programs.

`export.saved_model` writes a TensorFlow SavedModel, `export.tflite` a file for LiteRT. Each checks what it wrote
in a fresh process that cannot import Keras, and leaves nothing behind if that check fails.
"""

import contextlib
import os
import sys


@contextlib.contextmanager
def silenced():
    """Discards what compiled code prints to the terminal meanwhile; exceptions pass."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for terminal, copy in enumerate(saved, start=1):
            os.dup2(copy, terminal)
            os.close(copy)
        os.close(nowhere)


# TensorFlow reads the variable once, and for all that prints a page when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with silenced():
    import tensorflow  # noqa: F401
