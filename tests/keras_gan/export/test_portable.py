"""Tests of what `.tflite` and `.onnx` files have in common."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_gan.export import portable
from tests.keras_gan.export import networks
from tests.test_case import TestCase


class FunctionTest(TestCase):
    def test_is_the_generator(self):
        generator = networks.mlp(num_classes=3)
        function, specs = portable.function(generator, batch_size=2)
        self.assertEqual([(spec.name, spec.shape, spec.dtype) for spec in specs], [
            ("latent", (2, 6), tf.float32), ("label", (2,), tf.int32),
        ])  # fmt: skip
        codes, labels = np.random.default_rng(0).normal(size=(2, 6)).astype("float32"), np.int32([2, 0])
        expected = generator([codes, labels], training=False)
        self.assertAllEqual(function(tf.constant(codes), tf.constant(labels))["images"], expected)
        self.assertAllEqual(portable.reference(generator)(codes, labels), expected)

    def test_labels_out_of_range_are_refused(self):
        function, _ = portable.function(networks.mlp(num_classes=3))
        for label in (-1, 3):
            with self.assertRaises(tf.errors.InvalidArgumentError):
                function(tf.zeros((1, 6)), tf.constant([label]))


class CardTest(TestCase):
    def setUp(self):
        super().setUp()
        self.file = Path(self.path("model.tflite"))
        self.file.write_bytes(b"contents")
        self.digest = hashlib.sha256(b"contents").hexdigest()

    def test_round_trip(self):
        card = {"file": {"sha256": self.digest}, "latent_dim": 4, "latent_prior": "normal", "num_classes": None}
        measured = {"psnr": math.inf, "rows": [{"error": math.nan, "batch": 1}]}
        portable.write_card(portable.card_path(self.file), card | measured)
        expected = card | {"psnr": None, "rows": [{"error": None, "batch": 1}]}
        self.assertEqual(portable.read_card(self.file), expected)

    def test_no_card(self):
        self.assertIsNone(portable.read_card(self.file))

    def test_cards_of_something_else_are_refused(self):
        card = portable.card_path(self.file)
        for text in ("", "[]", "{}", '{"file": 3}', "[" * 100_000, '{"file": {"sha256": "0"}, "latent_dim": "4"}'):
            card.write_text(text)
            with self.assertRaisesRegex(ValueError, "is no card of an exported file"):
                portable.read_card(self.file)
        card.write_text(json.dumps({"file": {"sha256": "0"}, "latent_dim": 4, "latent_prior": "normal"}))
        with self.assertRaisesRegex(ValueError, "is not the file that model.tflite.json describes"):
            portable.read_card(self.file)

    def test_both_files_or_neither(self):
        out = Path(self.path("out.onnx"))
        with self.assertRaises(RuntimeError), portable.staged(out) as (file, card):
            file.write_bytes(b"x")
            card.write_text("{}")
            raise RuntimeError
        self.assertEqual(list(out.parent.iterdir()), [])
        with portable.staged(out) as (file, card):
            file.write_bytes(b"x")
            card.write_text("{}")
        self.assertCountEqual([each.name for each in out.parent.iterdir()], ["out.onnx", "out.onnx.json"])

    def test_the_card_in_a_saved_model(self):
        folder = Path(self.path())
        with self.assertRaisesRegex(ValueError, "Expected a card beside the file"):
            portable.read_saved_model_card(folder)
        (folder / "assets.extra").mkdir()
        card = {"latent_dim": 6, "latent_prior": "normal", "num_classes": None}
        (folder / "assets.extra" / "generator.json").write_text(json.dumps({**card, "more": 1}))
        self.assertEqual(portable.read_saved_model_card(folder), card)
