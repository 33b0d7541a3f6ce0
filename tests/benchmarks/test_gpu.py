import contextlib
import io

import tensorflow as tf

from benchmarks import gpu
from tests.test_case import TestCase


def _said(*flags):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.suppress(SystemExit):
        gpu.main(flags)
    return errors.getvalue()


class GPUTest(TestCase):
    def test_row(self):
        found = {"work": "a", "precision": "tf32", "xla": True, "flops": 128e9, "rates": [90.0, 100.0, 130.0]}
        # 100 images of 2 GFLOP each.
        self.assertEqual(gpu.row(found, 1e12), "| a | tf32 | yes | 100 | 90 to 130 | 0.2 | 20.0 % |")
        found = {"work": "a", "precision": "float16", "xla": False, "flops": 1, "error": "no memory"}
        self.assertEqual(gpu.row(found, 1e12), "| a | float16 | no | did not run: no memory | | | |")

    def test_ceiling(self):
        self.assertGreater(gpu.ceiling("float32", 64), 0)
        self.assertFalse(tf.config.experimental.tensor_float_32_execution_enabled())

    def test_errors(self):
        if not tf.config.list_physical_devices("GPU"):
            self.assertIn("TensorFlow sees no GPU on this machine", _said())
        self.assertIn("--work must be of a, b, c, d1, d2. Received: --work=e", _said("--work=e"))
        self.assertIn("--precisions must be of float32, tf32, ", _said("--precisions=int8"))
