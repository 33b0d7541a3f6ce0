"""Tests of warm-up requests."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_gan.export.publishing import warmup
from tests.test_case import TestCase

REQUESTS = [
    ("sample", {"seed": np.int64([7, -3]), "truncation": np.float32([0.5, 1]), "label": np.int32([1, 0])}),
    ("latents", {"seed": np.int64([2**40]), "truncation": np.float32([0])}),
    # Longer than 127 and than 16383 bytes, where lengths take two and three bytes.
    ("serving_default", {"latent": np.random.default_rng(0).normal(size=(3, 64)).astype("float32")}),
    ("discriminate", {"images": np.zeros((2, 64, 64, 3), "float32")}),
    ("x" * 200, {}),
]


class WarmupTest(TestCase):
    def test_bytes_are_those_of_the_serving_api(self):
        prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
        for signature, inputs in REQUESTS:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name, request.model_spec.signature_name = "digits", signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            expected = log.SerializeToString(deterministic=True)
            self.assertEqual(warmup.encode("digits", signature, inputs), expected)
            self.assertEqual(warmup.decode(expected)[:2], ("digits", signature))

    def test_written_requests_come_back(self):
        folder = Path(self.get_temp_dir())
        warmup.write(folder, "digits", REQUESTS)
        self.assertTrue((folder / "assets.extra" / "tf_serving_warmup_requests").is_file())
        found = warmup.read(folder)
        self.assertEqual([name for name, _ in found], [name for name, _ in REQUESTS])
        for (_, inputs), (_, expected) in zip(found, REQUESTS, strict=True):
            self.assertEqual(set(inputs), set(expected))
            for name, value in expected.items():
                self.assertEqual(inputs[name].dtype, value.dtype)
                np.testing.assert_array_equal(inputs[name], value)

    def test_other_messages_are_refused(self):
        with self.assertRaisesRegex(ValueError, "Received: wire type 0"):
            warmup.decode(b"\x08\x01")
