"""Trained generators as files for other programs: SavedModel, TFLite and ONNX.

`keras_gan.export.saved_model.export(gan, "digits")`, `tflite.export` and `onnx.export` each write one such file or
folder, whole or not at all, of a generator, a GAN or a `.keras` file, after they have run it in a process without
Keras. They are imported when they are first used.
"""

import importlib

__all__ = ["onnx", "saved_model", "tflite"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
