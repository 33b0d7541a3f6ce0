"""Trained generators as files for other programs: SavedModel, TFLite and ONNX.

`keras_gan.export.saved_model.export(gan, "digits")`, `tflite.export` and `onnx.export` each write one such file or
folder, whole or not at all, of a generator, a GAN or a `.keras` file, after they have run it in a process without
Keras. They are imported when they are first used.
"""

import importlib
import pkgutil

# A format is a module with a function `export(model, path)`; these serve all formats.
_SHARED = {"checks", "loading", "portable", "publishing", "translation"}
__all__ = sorted({module.name for module in pkgutil.iter_modules(__path__)} - _SHARED)


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
