"""Tests of the JSON of predict requests."""

import base64
import json

import numpy as np
import tensorflow as tf

from export.stand_in import rest
from tests.test_case import TestCase

LATENT = {"latent": tf.TensorSpec((None, 2), tf.float32)}
SEEDS = {"seed": tf.TensorSpec((None,), tf.int64), "truncation": tf.TensorSpec((None,), tf.float32)}
SIGNATURES = {"serving_default": LATENT, "sample": SEEDS}


def decode(request):
    return rest.decode(request if isinstance(request, bytes) else json.dumps(request).encode(), SIGNATURES)


class DecodeTest(TestCase):
    def test_rows_and_columns(self):
        rows = [[0.5, 1], [2, -3.25]]
        sample = {"seed": [2**62 + 1, -7], "truncation": [1, 0.5]}
        by_row = [dict(zip(sample, row, strict=True)) for row in zip(*sample.values(), strict=True)]
        for request, inputs in (
            ({"instances": rows}, {"latent": rows}),
            ({"instances": [{"latent": row} for row in rows]}, {"latent": rows}),
            ({"inputs": rows}, {"latent": rows}),
            ({"inputs": {"latent": rows}, "signature_name": ""}, {"latent": rows}),
            ({"inputs": {**sample, "other": 1}, "signature_name": "sample"}, sample),
            ({"instances": by_row, "signature_name": "sample"}, sample),
        ):
            name, arrays, is_row = decode(request)
            self.assertEqual(
                (name, is_row), (request.get("signature_name") or "serving_default", "instances" in request)
            )
            self.assertEqual(set(arrays), set(inputs))
            for key, value in inputs.items():
                self.assertEqual(arrays[key].dtype, SIGNATURES[name][key].dtype)
                np.testing.assert_array_equal(arrays[key], np.asarray(value, arrays[key].dtype))

    def test_bad_requests(self):
        good = {"seed": 1, "truncation": 1.0}
        columns = {"seed": [1], "truncation": [1.0]}
        for request, message in (
            (b"{", "JSON Parse error"),
            (b"\xff", "JSON Parse error"),
            ([1], "must be a JSON object"),
            ({"signature_name": "other", "inputs": 1}, 'name: "other" not found'),
            ({"signature_name": ["sample"], "inputs": 1}, "not found"),
            ({}, 'either "instances" or "inputs"'),
            ({"instances": [], "inputs": []}, 'either "instances" or "inputs"'),
            ({"instances": []}, "at least one row"),
            ({"instances": {"latent": [1, 2]}}, "must be a list"),
            ({"instances": [[1, 2, 3]]}, r"must have shape \(None, 2\). Received: shape \(1, 3\)"),
            ({"instances": [[1, 2], [3]]}, "must hold float32 numbers"),
            ({"instances": [1, 2]}, r"must have shape \(None, 2\). Received: shape \(2,\)"),
            ({"instances": [["1", 2]]}, 'float32 numbers: not "1"'),
            ({"instances": [[True, 2]]}, "float32 numbers: not true"),
            ({"instances": [{**good, "seed": 5.0}], "signature_name": "sample"}, "int64 numbers: not 5.0"),
            ({"instances": [{**good, "seed": "5"}], "signature_name": "sample"}, 'int64 numbers: not "5"'),
            ({"instances": [{**good, "seed": 2**63}], "signature_name": "sample"}, "must hold int64 numbers"),
            (
                {"instances": [{**good, "other": 5}], "signature_name": "sample"},
                "Row 0 must be an object with the inputs",
            ),
            ({"instances": [good, {"seed": 5}], "signature_name": "sample"}, "Row 1 must be an object with the inputs"),
            ({"instances": [7], "signature_name": "sample"}, "Row 0 .*Received: 7"),
            ({"inputs": {"seed": [1]}, "signature_name": "sample"}, r"Missing inputs: \['truncation'\]"),
            ({"inputs": [1], "signature_name": "sample"}, "must be an object"),
            ({"inputs": {**columns, "seed": 1}, "signature_name": "sample"}, r"shape \(None,\). Received: shape \(\)"),
            ({"inputs": {**columns, "seed": [1, 2]}, "signature_name": "sample"}, "same number of rows"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                decode(request)

    def test_numbers_that_a_label_cannot_hold(self):
        specs = {"serving_default": {"label": tf.TensorSpec((None,), tf.int32)}}
        with self.assertRaisesRegex(ValueError, "must hold int32 numbers"):
            rest.decode(b'{"instances": [1099511627776]}', specs)


class EncodeTest(TestCase):
    def test_answers(self):
        floats = np.float32([[0.1], [1 / 3]])
        for outputs, by_row, expected in (
            ({"images": floats}, True, {"predictions": floats.tolist()}),
            ({"images": floats}, False, {"outputs": floats.tolist()}),
            (
                {"a": np.uint8([1, 2]), "b": np.int64([3, 4])},
                True,
                {"predictions": [{"a": 1, "b": 3}, {"a": 2, "b": 4}]},
            ),
            ({"a": np.uint8([1, 2]), "b": np.int64([3, 4])}, False, {"outputs": {"a": [1, 2], "b": [3, 4]}}),
        ):
            self.assertEqual(json.loads(rest.encode(outputs, by_row)), expected)
        answer = json.loads(rest.encode({"images": floats}, True))["predictions"]
        np.testing.assert_array_equal(np.float32(answer), floats)

    def test_binary_outputs(self):
        contents = bytes(range(256))
        answer = json.loads(rest.encode({"image_bytes": np.array([contents, b""], object)}, True))["predictions"]
        self.assertEqual([base64.b64decode(value["b64"]) for value in answer], [contents, b""])


class BinaryTest(TestCase):
    def test_files_come_in_base_64(self):
        specs = {"translate_png": {"image_bytes": tf.TensorSpec((None,), tf.string)}}
        files = [b"\x89PNG\x00", b"\xff\xd8"]
        rows = [{"b64": base64.b64encode(contents).decode()} for contents in files]
        for request in (
            {"instances": [{"image_bytes": row} for row in rows]},
            {"instances": rows},
            {"inputs": {"image_bytes": rows}},
            {"inputs": rows},
        ):
            body = json.dumps({"signature_name": "translate_png", **request}).encode()
            name, inputs, by_row = rest.decode(body, specs)
            self.assertEqual((name, by_row), ("translate_png", "instances" in request))
            self.assertEqual(inputs["image_bytes"].tolist(), files)
        for wrong in ([{"b64": "*"}], [{"b64": 1}], [3], {"b64": "AA=="}):
            body = json.dumps({"signature_name": "translate_png", "inputs": {"image_bytes": wrong}}).encode()
            with self.assertRaisesRegex(ValueError, "Input image_bytes must hold a list of objects"):
                rest.decode(body, specs)
