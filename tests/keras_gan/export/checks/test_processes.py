"""Tests of the process that exported generators are checked in, and of its measures."""

import sys
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from keras_gan.export.checks import processes
from tests.test_case import TestCase


class Doubling(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def double(self, x):
        return {"y": 2.0 * x}


class RunTest(TestCase):
    """That results and refusals come back is seen in the tests of what is exported."""

    def test_keras_cannot_be_imported(self):
        folder, module = self.get_temp_dir(), Doubling()
        tf.saved_model.save(module, folder, signatures={"double": module.double})
        with mock.patch.dict(sys.modules):
            find, *_ = processes._open_saved_model(folder)
            for name in ("keras", "keras_gan"):
                with self.assertRaises(ImportError):
                    __import__(name)
            np.testing.assert_array_equal(find("double")(x=np.float32([1, 3]))["y"], [2, 6])

    def test_a_file_that_cannot_be_read_is_an_error(self):
        file = Path(self.get_temp_dir(), "generator.tflite")
        file.write_bytes(b"not a model")
        with self.assertRaisesRegex(ValueError, "could not be run .*: .*not a valid Flatbuffer"):
            processes.run([(file, "serving_default", {})])


class MeasuresTest(TestCase):
    def test_max_difference(self):
        self.assertEqual(processes.max_difference(np.uint8([0, 255]), np.uint8([3, 254])), 3.0)
        self.assertEqual(processes.max_difference(np.float32([1, 2]), np.float32([1, 2.5])), 0.5)
        self.assertEqual(processes.max_difference(np.float32([1, 2]), np.float32([1, np.nan])), np.inf)
        self.assertEqual(processes.max_difference(np.float32([]), np.float32([])), 0.0)

    def test_max_difference_needs_like_arrays(self):
        with self.assertRaisesRegex(ValueError, r"must return float32 of shape \(1,\).*uint8 of shape \(1,\)"):
            processes.max_difference(np.float32([1]), np.uint8([1]))
        with self.assertRaisesRegex(ValueError, r"float32 of shape \(2, 1\)"):
            processes.max_difference(np.float32([1]), np.float32([[1], [1]]))

    def test_psnr(self):
        # A mean squared error of 0.04 is 1/100 of the peak's square 4.
        self.assertAlmostEqual(processes.psnr(np.zeros(5), np.full(5, 0.2)), 20.0)
        self.assertEqual(processes.psnr(np.ones(5), np.ones(5)), np.inf)
