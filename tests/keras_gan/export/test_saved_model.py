"""Tests of SavedModel exports."""

import json
import tempfile
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from keras_gan import latents
from keras_gan.export import saved_model
from keras_gan.export.checks import c_api, processes, verification
from keras_gan.export.publishing import provenance, warmup
from keras_gan.files import pictures
from tests.keras_gan.export import networks
from tests.keras_gan.export.in_process import InProcess
from tests.test_case import TestCase


@keras.saving.register_keras_serializable("tests")
class Noisy(keras_gan.networks.MLPGenerator):
    """Adds noise, other at every call."""

    def call(self, inputs, training=None):
        images = super().call(inputs, training=training)
        return images + 0.1 * tf.random.normal(tf.shape(images))


class SavedModelTest(TestCase):
    """Everything is asked of the exports in one process of each kind, as these take seconds to start."""

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
        cls.discriminator = networks.discriminator((28, 28, 1), num_classes=3)
        for name, generator in cls.generators.items():
            judge = cls.discriminator if name == "conditional" else None
            saved_model.write(saved_model.functions(generator, discriminator=judge), cls.folder / name)
        cls.calls = {}
        for name, generator in cls.generators.items():
            codes = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
            label = {} if generator.num_classes is None else {"label": np.int32([2, 0, 1, 1, 0])}
            cls.calls[name] = (name, "serving_default", {"latent": codes, **label})
        codes = codes[:2]
        seed, half = np.int64([7, -3, 2**40, 0]), np.float32([1, 1, 0.5, 0.5])
        label, pair = np.int32([0, 1, 2, 0]), np.int32([0, 1])
        sample = {"seed": seed, "truncation": half}
        images = np.random.default_rng(1).uniform(-1, 1, (2, 28, 28, 1)).astype("float32")
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
            "truncation -1": ("conditional", "sample_png", {**sample, "truncation": -half, "label": label}),
            "truncation nan": ("mlp", "latents", {**sample, "truncation": np.nan * half}),
            "png": ("dcgan", "sample_png", sample),
            "png class": ("conditional", "sample_png", {**sample, "label": label}),
            "latents": ("dcgan", "latents", sample),
            "latents uniform": ("mlp", "latents", sample),
            "latents vectors": ("vectors", "latents", sample),
            "logits": ("conditional", "discriminate", {"images": images, "label": pair}),
            "logits label": ("conditional", "discriminate", {"images": images, "label": pair - 1}),
            "logits infinity": ("conditional", "discriminate", {"images": np.full_like(images, np.inf), "label": pair}),
        }
        calls = [(cls.folder / name, *rest) for name, *rest in cls.calls.values()]
        cls.answers = dict(zip(cls.calls, processes.run(calls), strict=True))
        cls.c_answers = {}
        if c_api.library() is not None:
            cls.c_answers = dict(zip(cls.calls, c_api.run(calls), strict=True))

    def images(self, call):
        self.assertIsInstance(self.answers[call], dict, self.answers[call])
        return self.answers[call]["images"]

    def test_signatures(self):
        latent, label = ("latent", tf.float32, (None, 6)), ("label", tf.int32, (None,))
        seed, truncation = ("seed", tf.int64, (None,)), ("truncation", tf.float32, (None,))
        image = ("images", tf.float32, (None, 28, 28, 1))
        vectors = {"serving_default": [latent], "latents": [seed, truncation]}
        plain = {**vectors, "sample": [seed, truncation], "sample_png": [seed, truncation]}
        expected = {
            "dcgan": plain,
            "mlp": plain,
            "conditional": {
                **{name: [*inputs, *([] if name == "latents" else [label])] for name, inputs in plain.items()},
                "discriminate": [image, label],
            },
            "vectors": vectors,
        }
        outputs = {
            "serving_default": ("images", tf.float32),
            "sample": ("images", tf.uint8),
            "sample_png": ("image_bytes", tf.string),
            "latents": ("latent", tf.float32),
            "discriminate": ("logits", tf.float32),
        }
        for name, signatures in expected.items():
            loaded = tf.saved_model.load(self.folder / name).signatures
            self.assertEqual(set(loaded), set(signatures))
            for signature, inputs in signatures.items():
                specs = loaded[signature].structured_input_signature[1].values()
                found = [(spec.name, spec.dtype, tuple(spec.shape)) for spec in specs]
                self.assertCountEqual(found, inputs)
                ((key, tensor),) = loaded[signature].structured_outputs.items()
                self.assertEqual((key, tensor.dtype), outputs[signature])

    def test_images_are_those_of_keras(self):
        for name, generator in self.generators.items():
            inputs = list(self.calls[name][2].values())
            expected = np.asarray(generator(inputs if len(inputs) == 2 else inputs[0]))
            self.assertGreater(expected.std(), 0.3)
            self.assertLessEqual(processes.max_difference(expected, self.images(name)), 1e-5)
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
            difference = processes.max_difference(pictures.to_uint8(expected), self.images(call))
            self.assertLessEqual(difference, 1.0)
        # The seeds that `generator.sample` counts up from.
        expected = pictures.to_uint8(self.generators["dcgan"].sample(1, seed=7))
        self.assertLessEqual(processes.max_difference(expected, self.images("sample")[:1]), 1.0)

    def test_pngs_are_the_samples(self):
        for png, sample in (("png", "sample"), ("png class", "sample class")):
            decoded = np.stack([tf.io.decode_png(png).numpy() for png in self.answers[png]["image_bytes"]])
            np.testing.assert_array_equal(decoded, self.images(sample))

    def test_latents_are_those_of_python(self):
        for call, name in (("latents", "dcgan"), ("latents uniform", "mlp"), ("latents vectors", "vectors")):
            prior, inputs = self.generators[name].latent_prior, self.calls[call][2]
            codes = self.answers[call]["latent"]
            self.assertAllClose(codes, latents.from_seeds(inputs["seed"], 6, prior, inputs["truncation"]), atol=1e-6)
            # The recipe that the card states.
            for seed, truncation, code in zip(inputs["seed"], inputs["truncation"], codes, strict=True):
                shape = (6, 2) if prior == "normal" else (6,)
                bits = tf.random.stateless_uniform(shape, [seed, 0], None, None, tf.int32, "philox").numpy()
                u = (bits & 0xFFFFFF) / 2.0**24
                if prior == "normal":
                    code_of_seed = np.sqrt(-2 * np.log(1 - u[:, 0])) * np.cos(2 * np.pi * u[:, 1])
                else:
                    code_of_seed = 2 * u - 1
                self.assertAllClose(code, truncation * code_of_seed, atol=1e-6)

    def test_logits_are_those_of_keras(self):
        inputs = self.calls["logits"][2]
        expected = np.asarray(self.discriminator([inputs["images"], inputs["label"]], training=False))[:, 0]
        self.assertGreater(np.abs(expected[0] - expected[1]), 0.01)
        self.assertAllClose(self.answers["logits"]["logits"], expected, rtol=1e-5, atol=1e-5)

    def test_the_c_library_answers_alike(self):
        if not self.c_answers:
            self.skipTest("TensorFlow comes without its C library here")
        for call, expected in self.answers.items():
            answer = self.c_answers[call]
            self.assertEqual(type(answer), type(expected), call)
            if isinstance(expected, str):
                continue
            self.assertEqual(set(answer), set(expected))
            for name, value in expected.items():
                if name == "image_bytes":
                    self.assertEqual(answer[name].tolist(), value.tolist())
                else:
                    tolerance = 1.0 if value.dtype == np.uint8 else 1e-5
                    self.assertLessEqual(processes.max_difference(value, answer[name]), tolerance, call)

    def test_an_image_depends_on_its_seed_alone(self):
        np.testing.assert_array_equal(self.images("sample"), self.images("sample again"))
        difference = processes.max_difference(self.images("sample")[2:0:-1], self.images("sample two"))
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
            "truncation -1": "`truncation` must lie in [0, 1]",
            "truncation nan": "`truncation` must lie in [0, 1]",
            "logits label": "`label` must lie in [0, 3)",
            "logits infinity": "`images` must be finite",
        }.items():
            for answers in filter(None, (self.answers, self.c_answers)):
                self.assertIsInstance(answers[call], str, call)
                self.assertIn(reason, answers[call])

    def test_weights_are_stored_once(self):
        size = sum(file.stat().st_size for file in (self.folder / "conditional" / "variables").iterdir())
        weights = 4 * (self.generators["conditional"].count_params() + self.discriminator.count_params())
        self.assertBetween(size, weights, 1.3 * weights)


class ExportTest(InProcess):
    """What is written, and where; that the command runs other processes is seen below."""

    def read_card(self, folder):
        return json.loads((Path(folder) / "assets.extra" / "generator.json").read_text())

    def test_the_card(self):
        generator = networks.mlp((2,), latent_prior="uniform")
        self.run_here(generator)
        card = saved_model.export(generator, self.folder / "out")
        self.assertEqual(card, self.read_card(self.folder / "out"))
        self.assertEqual((card["image_shape"], card["image_range"], card["latent_dim"]), ([2], None, 6))
        self.assertEqual(
            card["signatures"]["latents"],
            {
                "inputs": {
                    "seed": {"dtype": "int64", "shape": [None]},
                    "truncation": {"dtype": "float32", "shape": [None]},
                },
                "outputs": {"latent": {"dtype": "float32", "shape": [None, 6]}},
            },
        )
        self.assertIn("U(-truncation, truncation)", card["truncation"])
        self.assertIsNone(card["training"])
        self.assertEqual(
            [(row["signature"], row["batch"]) for row in card["parity"]],
            [(name, batch) for batch in (1, 8) for name in ("serving_default", "latents")],
        )
        self.assertEqual([row["milliseconds"] for row in card["latency"]["median"]], [2.0, 2.0])
        digests = provenance.folder_digests(self.folder / "out")
        digests.pop("assets.extra/generator.json")
        self.assertEqual(card["files"], digests)
        self.assertIn("variables/variables.index", digests)

    def test_a_small_difference_is_recorded(self):
        generator = networks.mlp((2,))

        def change(signature, answer):
            return {"images": answer["images"] + np.float32(5e-6)} if "images" in answer else answer

        self.run_here(generator, change=change)
        rows = saved_model.export(generator, self.folder / "out")["parity"]
        worst = max(row["max_difference"] for row in rows if row["signature"] == "serving_default")
        self.assertAllClose(worst, 5e-6, atol=1e-6)

    def test_a_failed_check_leaves_nothing(self):
        generator = networks.mlp((2,))
        self.run_here(generator, change=lambda signature, answer: "no")
        with self.assertRaisesRegex(ValueError, "`serving_default` failed"):
            saved_model.export(generator, self.folder / "out")
        with self.assertRaisesRegex(ValueError, "`serving_default` failed"):
            saved_model.publish(generator, self.folder / "deep" / "base")
        self.assertEmpty(list(self.folder.iterdir()))

    def test_publishes_the_next_version(self):
        generator, base = networks.mlp((2,)), self.folder / "models" / "digits"
        self.run_here(generator)
        path, card, removed = saved_model.publish(generator, base)
        self.assertEqual((path, removed), (base / "1", []))
        self.assertEqual((card, card["name"]), (self.read_card(base / "1"), "digits"))
        (base / "models.config").write_text("# edited")
        path, _, removed = saved_model.publish(generator, base, keep=1)
        self.assertEqual((path, removed), (base / "2", [base / "1"]))
        self.assertCountEqual([file.name for file in base.iterdir()], ["2", "models.config"])
        self.assertEqual((base / "models.config").read_text(), "# edited")

    def test_every_signature_is_warmed_up(self):
        gan = keras_gan.GAN(networks.mlp(num_classes=2), networks.discriminator((8, 8, 1), num_classes=2))
        self.enterContext(mock.patch.object(verification, "check", return_value={}))
        saved_model.export(gan, self.folder / "out", with_discriminator=True)
        requests = warmup.read(self.folder / "out")
        names = ["discriminate", "latents", "sample", "sample_png", "serving_default"]
        self.assertEqual([name for name, _ in requests], names)
        shapes = {name: value.shape for name, value in requests[2][1].items()}
        self.assertEqual(shapes, dict.fromkeys(("seed", "truncation", "label"), (1,)))

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
            saved_model.write(saved_model.functions(networks.mlp()), file / "out")

    def test_grouped_convolutions(self):
        """R3GAN's, past the start of residual blocks; a server compiles nothing with XLA."""
        generator, folder = networks.r3gan(), Path(self.path("model"))
        saved_model.write(saved_model.functions(generator), folder)
        self.assertNotIn(b"_XlaMustCompile", (folder / "saved_model.pb").read_bytes())
        latents = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
        images = tf.saved_model.load(folder).signatures["serving_default"](latent=tf.constant(latents))["images"]
        self.assertLessEqual(processes.max_difference(np.asarray(generator(latents)), np.asarray(images)), 1e-5)

    @pytest.mark.slow
    def test_grouped_convolutions_pass_every_check(self):
        card = saved_model.export(networks.r3gan(), Path(self.path("model")))
        rows = [row for row in card["parity"] if row["signature"] == "serving_default"]
        self.assertLessEqual(max(row["max_difference"] for row in rows), 1e-5)

    def test_more_channels_than_a_png_has(self):
        functions = saved_model.functions(networks.mlp((4, 4, 5)))
        self.assertIn("sample", functions)
        self.assertNotIn("sample_png", functions)
