"""Tests of TFLite exports."""

import hashlib
import json
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from ai_edge_litert import schema_py_generated as schema

import keras_gan
from keras_gan import cli, serialization
from keras_gan.export import portable, saved_model, tflite
from keras_gan.export.checks import parity, processes
from tests.keras_gan.export import networks
from tests.test_case import TestCase


@keras.saving.register_keras_serializable("tests")
class Inverting(keras_gan.networks.MLPGenerator):
    """Inverts a matrix, for which TFLite has no operation."""

    def call(self, inputs, training=None):
        images = super().call(inputs, training=training)
        return images + tf.linalg.inv(tf.eye(4) + 0.01 * images[..., 0])[..., None]


def inverting():
    return Inverting((4, 4, 1), latent_dim=6, hidden_units=(4,))


def calls(path, requests):
    """Images of a file, or its message, for each pair of a signature and inputs."""
    answers = processes.run([(path, *request) for request in requests])
    return [answer if isinstance(answer, str) else answer["images"] for answer in answers]


class ExportTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def export(self, generator, name="out.tflite", **kwargs):
        return tflite.export(generator, self.folder / name, **kwargs)

    def test_formats(self):
        generator = networks.dcgan((28, 28, 1), filters=16, num_classes=3, class_names=["a", "b", "c"])
        cards = {}
        for name in tflite.FORMATS:
            # Random weights quantize worse than trained ones.
            limits = {"min_psnr": 20.0, "max_level_error": 200.0} if name == "int8" else {}
            cards[name] = self.export(generator, name + ".tflite", format=name, **limits)
        sizes = {name: card["file"]["bytes"] for name, card in cards.items()}
        self.assertBetween(sizes["float32"], 4 * generator.count_params(), 5 * generator.count_params())
        self.assertBetween(sizes["float16"] / sizes["float32"], 0.5, 0.6)
        # Each output channel has a scale of its own, which is as much as a few of its 8-bit weights.
        self.assertBetween(sizes["dynamic"] / sizes["float32"], 0.25, 0.55)
        self.assertBetween(sizes["int8"] / sizes["float32"], 0.25, 0.55)
        psnr = {name: min(row["psnr"] for row in card["parity"]["rows"]) for name, card in cards.items()}
        self.assertEqual(sorted(psnr, key=psnr.get, reverse=True), list(tflite.FORMATS))
        self.assertGreater(psnr["float32"], 100.0)
        for name, card in cards.items():
            file = self.folder / f"{name}.tflite"
            self.assertEqual(tflite.inspect(file.read_bytes()), (name, {"serving_default": 1}))
            self.assertEqual(card["file"]["sha256"], hashlib.sha256(file.read_bytes()).hexdigest())
            self.assertEqual(json.loads(Path(f"{file}.json").read_text()), card)
            self.assertEqual([row["class"] for row in card["parity"]["rows"]], [0, 1, 2])
            self.assertEqual(card["bad_inputs"]["label -1"], "refused")
            self.assertEqual(card["bad_inputs"]["label too large"], "refused")
            # What is computed in 8 bits has no NaN.
            expected = "images" if name in ("dynamic", "int8") else "NaN"
            self.assertEqual(card["bad_inputs"]["latent NaN"], expected)
            self.assertIn("TRANSPOSE_CONV", card["operators"])
        # 256 images and no fewer, evenly.
        self.assertEqual(cards["int8"]["calibration"]["images_per_class"], 86)
        self.assertEqual(cards["int8"]["weights_sha256"], serialization.weights_digest(generator))
        signature = cards["int8"]["signatures"]["serving_default"]
        self.assertEqual(signature["inputs"]["label"], {"dtype": "int32", "shape": [1], "range": [0, 2]})
        self.assertEqual(signature["outputs"]["images"]["shape"], [1, 28, 28, 1])

    def test_batch_sizes_share_weights(self):
        generator = networks.dcgan((28, 28, 1), filters=16, num_classes=2)
        one = self.export(generator, "one.tflite")["file"]["bytes"]
        card = self.export(generator, "three.tflite", batch_sizes=(1, 3, 5))
        self.assertLess(card["file"]["bytes"], one + 0.2 * 4 * generator.count_params())
        file = self.folder / "three.tflite"
        contents = file.read_bytes()
        kernels = sorted(4 * weight.size for weight in generator.get_weights() if weight.ndim > 1)
        buffers = [
            len(buffer.data)
            for buffer in schema.ModelT.InitFromPackedBuf(contents, 0).buffers
            if buffer.data is not None
        ]
        self.assertEqual(sorted(size for size in buffers if size >= kernels[0]), kernels)
        batches = {"serving_default": 1, "batch_3": 3, "batch_5": 5}
        self.assertEqual(tflite.inspect(contents), ("float32", batches))
        self.assertEqual({name: entry["batch_size"] for name, entry in card["signatures"].items()}, batches)
        self.assertLen(card["latency"]["calls"], 3)
        inputs = parity.LatentSampler.of(generator).draw(0, 5)
        requests = [(name, {key: value[:size] for key, value in inputs.items()}) for name, size in batches.items()]
        images = np.asarray(generator([inputs["latent"][:5], inputs["label"][:5]]))
        for size, answer in zip(batches.values(), calls(file, requests), strict=True):
            self.assertLessEqual(processes.max_difference(images[:size], answer), 1e-5)

    def test_a_failed_gate_leaves_nothing(self):
        with self.assertRaisesRegex(
            ValueError, r"int8 file is not accepted: PSNR \d+\.\d dB in serving_default \(at le"
        ):
            self.export(networks.mlp(), format="int8", min_psnr=90.0)
        with self.assertRaisesRegex(ValueError, r"99.9 % of bytes within \d+ levels in class \d of serving_default"):
            self.export(networks.dcgan(num_classes=2, filters=32), format="dynamic", max_level_error=0.5)
        self.assertEmpty(list(self.folder.iterdir()))

    def test_the_gate_looks_at_every_class(self):
        """Images of one class alone are wrong."""
        generator = networks.mlp(num_classes=2)

        def wrong(*_):
            def images(latent, label):
                made = generator([latent, label]).numpy()
                return np.where(label[:, None, None, None] == 1, -made, made)

            return images

        with (
            mock.patch.object(portable, "reference", wrong),
            self.assertRaisesRegex(ValueError, "in class 1 of serving_default"),
        ):
            self.export(generator)
        self.assertEmpty(list(self.folder.iterdir()))

    def test_refuses_operations_by_name(self):
        with self.assertRaisesRegex(ValueError, "built-in TFLite operations. Received: MatrixInverse$"):
            self.export(inverting())
        self.assertEmpty(list(self.folder.iterdir()))

    def test_operators_finds_custom_ones(self):
        with cli.silenced():
            saved_model.write({"serving_default": portable.function(inverting(), 1)}, self.folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(str(self.folder), signature_keys=["serving_default"])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
            contents = converter.convert()
        builtin, custom = tflite.operators(contents)
        self.assertEqual(custom, ["FlexMatrixInverse"])
        self.assertIn("LOGISTIC", builtin)
        with (
            mock.patch.object(tflite, "convert", return_value=contents),
            self.assertRaisesRegex(ValueError, "Received: FlexMatrixInverse"),
        ):
            self.export(inverting())

    def test_refuses_bad_arguments(self):
        generator = networks.mlp()
        with self.assertRaisesRegex(ValueError, "format='int4'"):
            self.export(generator, format="int4")
        for sizes in ((), (0,), (2, 2)):
            with self.assertRaisesRegex(ValueError, "batch_sizes="):
                self.export(generator, batch_sizes=sizes)
        with self.assertRaisesRegex(ValueError, "end in .tflite"):
            self.export(generator, "out.lite")
        (self.folder / "out.tflite").write_text("old")
        with self.assertRaisesRegex(ValueError, "exists already"):
            self.export(generator)
        self.assertEqual((self.folder / "out.tflite").read_text(), "old")
        (self.folder / "new.tflite.json").write_text("old")
        with self.assertRaisesRegex(ValueError, "new.tflite.json exists already"):
            self.export(generator, "new.tflite")
        self.assertFalse((self.folder / "new.tflite").exists())

    def test_inspect_refuses_other_files(self):
        with self.assertRaisesRegex(ValueError, "Expected a .tflite file with signatures"):
            tflite.inspect(b"text")


class GeneratorsTest(TestCase, parameterized.TestCase):
    """Every generator of the package, in its variants, has built-in operations alone, in float32 and in int8."""

    @parameterized.product(name=networks.GENERATORS)
    def test_converts_and_runs(self, name):
        size = (8, 8, 1) if name.startswith("MLP") else (9, 7, 3)
        for kwargs in ({}, {"num_classes": 3}):
            generator = networks.smallest(name, size, **kwargs)
            self.assert_converts(generator, "float32", tflite.GATES["float32"])

    @parameterized.parameters("float32", "float16")
    def test_grouped_convolutions(self, name):
        """Past the start of residual blocks, where each is the identity."""
        self.assert_converts(networks.r3gan(), name, tflite.GATES[name])

    def test_labels_survive_int8(self):
        """Latents are far larger than one-hot labels: a range for both must be theirs."""
        generator = networks.dcgan((16, 16, 1), num_classes=3)
        self.assert_converts(generator, "int8", parity.Gate(min_psnr=22.0))

    @parameterized.parameters((4, 4, 1), (5, 12, 2), (28, 28, 1), (64, 64, 3))
    @pytest.mark.slow
    def test_image_sizes(self, *size):
        for kwargs in ({}, {"num_classes": 2}, {"normalization": None}):
            for format in tflite.FORMATS:
                generator = networks.dcgan(size, **kwargs)
                self.assert_converts(generator, format, parity.Gate(min_psnr=20.0))

    def assert_converts(self, generator, format, gate):
        file = Path(self.get_temp_dir(), "out.tflite")
        contents = tflite.convert(generator, format)
        self.assertEqual(tflite.operators(contents)[1], [])
        file.write_bytes(contents)
        contract = parity.LatentSampler.of(generator)
        report = parity.measure(file, [("serving_default", 1)], portable.reference(generator), contract)
        self.assertEqual(gate.failures(report["rows"]), [])
