import contextlib
import io
from unittest import mock

import keras
import pytest
import tensorflow as tf

from benchmarks import gpu
from benchmarks.peers import tensorflow as peers
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


def _said(*flags):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.suppress(SystemExit):
        gpu.main(flags)
    return errors.getvalue()


class GPUTest(TestCase):
    def test_row(self):
        found = {"work": "a", "precision": "strict", "xla": True, "flops": 128e9, "rates": [90.0, 100.0, 130.0]}
        # 100 images of 2 GFLOP each.
        self.assertEqual(gpu.row(found, 1e12), ["a", "strict", "yes", "100", "90", "130", "0.2", "20.0", None])
        found = {"work": "a", "precision": "float16", "xla": False, "flops": 1, "error": "no memory"}
        self.assertEqual(gpu.row(found, 1e12), ["a", "float16", "no", *[None] * 5, "no memory"])

    def test_ceiling(self):
        for precision in gpu.PRECISIONS:
            self.assertGreater(gpu.ceiling(precision, 64), 0)
            self.assertEqual(tf.config.experimental.tensor_float_32_execution_enabled(), precision != "strict")

    def test_precisions_are_those_of_the_workers(self):
        policies = {"strict": "float32", "float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
        before = tf.config.experimental.tensor_float_32_execution_enabled()
        self.addCleanup(tf.config.experimental.enable_tensor_float_32_execution, before)
        self.addCleanup(keras.config.set_dtype_policy, "float32")
        for precision in gpu.PRECISIONS:
            with mock.patch.object(peers, "train_keras_gan"), mock.patch.object(peers, "Gate"):
                peers.main("a", "keras_gan", precision)
            self.assertEqual(keras.config.dtype_policy().name, policies[precision])

    def test_errors(self):
        if not tf.config.list_physical_devices("GPU"):
            self.assertIn("TensorFlow sees no GPU on this machine", _said())
        self.assertIn("--work must be of a, b, c, d1, d2. Received: --work=e", _said("--work=e"))
        self.assertIn("--precisions must be of strict, float32, ", _said("--precisions=int8"))
