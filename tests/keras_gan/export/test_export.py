"""Tests of how the exporting modules are reached."""

import subprocess
import sys

import keras_gan
from keras_gan.export import onnx, saved_model, tflite
from tests.test_case import TestCase

_PROGRAM = """
import sys

import keras_gan

for name in ("ai_edge_litert", "tf2onnx", "onnx", "onnxruntime", "keras_gan.export.saved_model"):
    assert name not in sys.modules, name
assert keras_gan.export.tflite.export
assert "ai_edge_litert" in sys.modules
"""


class ExportTest(TestCase):
    def test_modules_are_attributes(self):
        self.assertEqual(
            (keras_gan.export.onnx, keras_gan.export.saved_model, keras_gan.export.tflite), (onnx, saved_model, tflite)
        )
        self.assertContainsSubset(["onnx", "saved_model", "tflite"], dir(keras_gan.export))
        with self.assertRaisesRegex(AttributeError, "'keras_gan.export' has no attribute 'openvino'"):
            keras_gan.export.openvino  # noqa: B018

    def test_they_are_imported_when_they_are_used(self):
        done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
