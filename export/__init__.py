"""Commands that turn a saved generator into files for other programs.

`export.saved_model` writes a TensorFlow SavedModel, `export.tflite` a file for LiteRT, `export.onnx` one for ONNX
Runtime. Each checks what it wrote in a fresh process that cannot import Keras, and leaves nothing behind if that check
fails.
"""

import os

# TensorFlow reads it once, when it is imported, which is left to keras_gan: that does so without a page of log lines.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_gan  # noqa: F401
