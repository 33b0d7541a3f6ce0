"""Tests of SavedModel exports."""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from export import checks, saved_model
from keras_gan import latents, pictures
from tests.export import networks
from tests.test_case import TestCase


@keras.saving.register_keras_serializable("tests")
class Noisy(keras_gan.networks.MLPGenerator):
    """Adds noise, other at every call."""

    def call(self, inputs, training=None):
        images = super().call(inputs, training=training)
        return images + 0.1 * tf.random.normal(tf.shape(images))


class SavedModelTest(TestCase):
    """Everything that is asked of the exports is asked in one process, which takes seconds to start."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.generators = {
            "dcgan": networks.dcgan((9, 7, 3)),
            "conditional": networks.dcgan((28, 28, 1), filters=8, num_classes=3),
            "mlp": networks.mlp(latent_prior="uniform"),
            "vectors": networks.mlp((2,)),
        }
        for name, generator in cls.generators.items():
            saved_model.write(saved_model.signatures(generator), cls.folder / name)
        cls.calls = {}
        for name, generator in cls.generators.items():
            codes = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
            label = {} if generator.num_classes is None else {"label": np.int32([2, 0, 1, 1, 0])}
            cls.calls[name] = (name, "serving_default", {"latent": codes, **label})
        codes = codes[:2]
        seed, half = np.int64([7, -3, 2**40, 0]), np.float32([1, 1, 0.5, 0.5])
        label, pair = np.int32([0, 1, 2, 0]), np.int32([0, 1])
        sample = {"seed": seed, "truncation": half}
        cls.calls |= {
            "sample": ("dcgan", "sample", sample),
            "sample again": ("dcgan", "sample", sample),
            "sample two": ("dcgan", "sample", {"seed": seed[2:0:-1], "truncation": half[2:0:-1]}),
            "sample uniform": ("mlp", "sample", sample),
            "sample class": ("conditional", "sample", {**sample, "label": label}),
            "none": ("mlp", "serving_default", {"latent": np.zeros((0, 6), "float32")}),
            "label -1": ("conditional", "serving_default", {"latent": codes, "label": np.int32([0, -1])}),
            "label 99": ("conditional", "serving_default", {"latent": codes, "label": np.int32([99, 0])}),
            "one label": ("conditional", "serving_default", {"latent": codes, "label": pair[:1]}),
            "nan": ("conditional", "serving_default", {"latent": codes * np.nan, "label": pair}),
            "infinity": ("dcgan", "serving_default", {"latent": codes * np.inf}),
            "truncation 2": ("dcgan", "sample", {"seed": seed, "truncation": 2 * half}),
            "one truncation": ("dcgan", "sample", {"seed": seed, "truncation": half[:1]}),
            "sample label": ("conditional", "sample", {**sample, "label": label + 1}),
        }
        answers = checks.run([(cls.folder / name, *rest) for name, *rest in cls.calls.values()])
        cls.answers = dict(zip(cls.calls, answers, strict=True))

    def images(self, call):
        self.assertIsInstance(self.answers[call], dict, self.answers[call])
        return self.answers[call]["images"]

    def test_signatures(self):
        latent, label = ("latent", tf.float32, (None, 6)), ("label", tf.int32, (None,))
        seed, truncation = ("seed", tf.int64, (None,)), ("truncation", tf.float32, (None,))
        expected = {
            "dcgan": {"serving_default": [latent], "sample": [seed, truncation]},
            "conditional": {"serving_default": [latent, label], "sample": [seed, truncation, label]},
            "vectors": {"serving_default": [latent]},
        }
        for name, signatures in expected.items():
            loaded = tf.saved_model.load(self.folder / name).signatures
            self.assertEqual(set(loaded), set(signatures))
            for signature, inputs in signatures.items():
                specs = loaded[signature].structured_input_signature[1].values()
                found = [(spec.name, spec.dtype, tuple(spec.shape)) for spec in specs]
                self.assertCountEqual(found, inputs)
                dtype = tf.uint8 if signature == "sample" else tf.float32
                self.assertEqual(list(loaded[signature].structured_outputs), ["images"])
                self.assertEqual(loaded[signature].structured_outputs["images"].dtype, dtype)

    def test_images_are_those_of_keras(self):
        for name, generator in self.generators.items():
            inputs = list(self.calls[name][2].values())
            expected = np.asarray(generator(inputs if len(inputs) == 2 else inputs[0]))
            self.assertGreater(expected.std(), 0.3)
            self.assertLessEqual(checks.max_difference(expected, self.images(name)), 1e-5)
        self.assertEqual(self.images("none").shape, (0, 8, 8, 1))

    def test_samples_are_those_of_keras(self):
        cases = (
            ("sample", "dcgan", None),
            ("sample uniform", "mlp", None),
            ("sample class", "conditional", [0, 1, 2, 0]),
        )
        for call, name, labels in cases:
            generator, inputs = self.generators[name], self.calls[call][2]
            codes = latents.from_seeds(inputs["seed"], 6, generator.latent_prior, inputs["truncation"])
            expected = generator(codes if labels is None else [codes, np.int32(labels)])
            difference = checks.max_difference(pictures.to_uint8(expected), self.images(call))
            self.assertLessEqual(difference, 1.0)
        # The seeds that `generator.sample` counts up from.
        expected = pictures.to_uint8(self.generators["dcgan"].sample(1, seed=7))
        self.assertLessEqual(checks.max_difference(expected, self.images("sample")[:1]), 1.0)

    def test_an_image_depends_on_its_seed_alone(self):
        np.testing.assert_array_equal(self.images("sample"), self.images("sample again"))
        difference = checks.max_difference(self.images("sample")[2:0:-1], self.images("sample two"))
        self.assertLessEqual(difference, 1.0)
        first, second = self.images("sample")[:2].astype("int32")
        self.assertGreater(np.abs(first - second).max(), 20)

    def test_bad_inputs_are_refused(self):
        for call, reason in {
            "label -1": "`label` must lie in [0, 3)",
            "label 99": "`label` must lie in [0, 3)",
            "sample label": "`label` must lie in [0, 3)",
            "one label": "same number of rows",
            "nan": "`latent` must be finite",
            "infinity": "`latent` must be finite",
            "truncation 2": "`truncation` must lie in [0, 1]",
            "one truncation": "same number of rows",
        }.items():
            self.assertIsInstance(self.answers[call], str, call)
            self.assertIn(reason, self.answers[call])

    def test_weights_are_stored_once(self):
        size = sum(file.stat().st_size for file in (self.folder / "conditional" / "variables").iterdir())
        weights = 4 * self.generators["conditional"].count_params()
        self.assertBetween(size, weights, 1.3 * weights)


class ExportTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def export(self, offset=0.0, refuses=True):
        """An export whose check sees images that are off by `offset`, and whether the graph refuses bad inputs."""
        generator = networks.mlp((2,))

        def run(calls):
            inputs = [inputs["latent"] for _, _, inputs in calls]
            return [
                "refused" if refuses and np.isnan(latent).any() else {"images": generator(latent).numpy() + offset}
                for latent in inputs
            ]

        with mock.patch.object(checks, "run", run):
            return saved_model.export(generator, self.folder / "out")

    def test_a_passed_check_is_recorded(self):
        self.assertAllClose(self.export(np.float32(5e-6))["max_difference"]["serving_default"], 5e-6, atol=1e-6)
        card = json.loads((self.folder / "out" / "assets.extra" / "generator.json").read_text())
        self.assertEqual((card["image_shape"], card["image_range"], card["latent_dim"]), ([2], None, 6))

    def test_a_failed_check_leaves_nothing(self):
        for arguments, reason in (
            ({"offset": np.float32(2e-5)}, "must agree with Keras to 1e-05. Received: a difference of 2"),
            ({"offset": np.float32(np.nan)}, "Received: a difference of inf"),
            ({"refuses": False}, "must refuse bad inputs"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                self.export(**arguments)
            self.assertEmpty(list(self.folder.iterdir()))

    @pytest.mark.slow
    def test_a_generator_with_other_noise_at_every_call_is_refused(self):
        generator = networks.spread(Noisy((4, 4, 1), latent_dim=6, hidden_units=(4,)))
        with self.assertRaisesRegex(ValueError, "must agree with Keras"):
            saved_model.export(generator, self.folder / "out")
        self.assertEmpty(list(self.folder.iterdir()))

    def test_an_existing_target_is_refused(self):
        with self.assertRaisesRegex(ValueError, "exists already"):
            saved_model.export(networks.mlp(), self.folder)
        self.assertEmpty(list(self.folder.iterdir()))

    def test_a_failed_write_is_an_error_of_the_system(self):
        file = self.folder / "file"
        file.touch()
        with self.assertRaisesRegex(OSError, "could not be written: .*file"):
            saved_model.write(saved_model.signatures(networks.mlp()), file / "out")

    def test_weights_digest(self):
        generator = networks.mlp((1,))
        digest = hashlib.sha256()
        for weight in generator.get_weights():
            digest.update(b"float32 " + str(weight.shape).encode() + b" " + weight.tobytes())
        self.assertEqual(saved_model.weights_digest(generator), digest.hexdigest())
        generator.weights[-1].assign_add([1e-6])
        self.assertNotEqual(saved_model.weights_digest(generator), digest.hexdigest())


class CommandLineTest(TestCase):
    def test_writes_and_describes(self):
        folder = Path(self.get_temp_dir())
        generator = networks.dcgan(num_classes=2, class_names=["left", "right"])
        generator.save(folder / "generator.keras")
        flags = [f"--model={folder / 'generator.keras'}", f"--out={folder / 'new' / 'out'}"]
        done = subprocess.run([sys.executable, "-m", "export.saved_model", *flags], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(
            done.stdout, rf"\AWrote {re.escape(str(folder))}/new/out: 0.\d\d MB, {generator.count_params()} "
        )
        card = json.loads((folder / "new" / "out" / "assets.extra" / "generator.json").read_text())
        self.assertEqual(card["weights_sha256"], saved_model.weights_digest(generator))
        self.assertEqual((card["image_shape"], card["class_names"]), ([9, 7, 3], ["left", "right"]))
        self.assertLessEqual(card["max_difference"]["serving_default"], 1e-5)
        self.assertLessEqual(card["max_difference"]["sample"], 1)
