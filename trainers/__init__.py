"""Recipes that train from the command line: `python -m trainers.dcgan`."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

# What `--minutes` counts from.
STARTED = time.monotonic()

# TensorFlow reads it once, when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# With it, which Ray sets, TensorBoard asks for Keras 2, through TensorFlow, and has no hyperparameters without.
os.environ.pop("TF_USE_LEGACY_KERAS", None)


def import_quietly():
    """Imports the package, and TensorFlow with it, without the page about the machine that would come first.

    Ctrl+C meanwhile ends the process, which has done nothing yet, without a traceback through the imports.
    """
    sys.stderr.flush()
    ours = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    plain = ours and before is signal.default_int_handler
    if plain:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras_gan  # noqa: F401
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)
        if plain:
            signal.signal(signal.SIGINT, before)


# `keras-gan` lists commands without TensorFlow, and does this itself before it runs one.
if Path(sys.argv[0]).stem != "keras-gan":
    import_quietly()
