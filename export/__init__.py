"""Commands that turn a saved generator into files for other programs.

`export.saved_model` writes a TensorFlow SavedModel, `export.tflite` a file for LiteRT, `export.onnx` one for ONNX
Runtime; `keras_gan.export` is what they call. Each checks what it wrote in a fresh process that cannot import Keras,
and leaves nothing behind if that check fails.
"""

import trainers  # noqa: F401, because it imports TensorFlow without a page of log lines
