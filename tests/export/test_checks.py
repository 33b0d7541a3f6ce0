"""Tests of the process that exported generators are checked in, and of its measures."""

import keras
import numpy as np
import tensorflow as tf

from export import checks
from tests.test_case import TestCase


class Imports(tf.Module):
    """Says whether the process that runs it can import Keras."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def importable(self, x):
        return {"y": tf.numpy_function(lambda: 1.0, [], tf.float32) * x}


class RunTest(TestCase):
    def test_results_and_refusals_come_back(self):
        pass


class MeasuresTest(TestCase):
    def test_max_difference(self):
        self.assertEqual(checks.max_difference(np.uint8([0, 255]), np.uint8([3, 254])), 3.0)
        self.assertEqual(checks.max_difference(np.float32([1, 2]), np.float32([1, 2.5])), 0.5)
        self.assertEqual(checks.max_difference(np.float32([1, 2]), np.float32([1, np.nan])), np.inf)
        self.assertEqual(checks.max_difference(np.float32([]), np.float32([])), 0.0)

    def test_max_difference_needs_like_arrays(self):
        with self.assertRaisesRegex(ValueError, r"must return float32 of shape \(1,\).*uint8 of shape \(1,\)"):
            checks.max_difference(np.float32([1]), np.uint8([1]))
        with self.assertRaisesRegex(ValueError, r"float32 of shape \(2, 1\)"):
            checks.max_difference(np.float32([1]), np.float32([[1], [1]]))

    def test_psnr(self):
        # A mean squared error of 0.04 is 1/100 of the peak's square 4.
        self.assertAlmostEqual(checks.psnr(np.zeros(5), np.full(5, 0.2)), 20.0)
        self.assertEqual(checks.psnr(np.ones(5), np.ones(5)), np.inf)
