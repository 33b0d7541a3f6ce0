"""Unlearning as a user runs it: what it writes, what its numbers mean, and what it says to bad input."""

import contextlib
import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_gan import latents, networks
from keras_gan.export import loading
from tests.test_case import TestCase
from trainers import unlearn
from trainers.forgetting import marks

FAST = (
    "--samples=300", "--evaluated=100", "--attacks=2", "--attack_steps=3", "--steps=4", "--batch_size=8",
    "--learning_rate=1e-3",
)  # fmt: skip


@keras.saving.register_keras_serializable("tests")
class Bar(networks.Generator):
    """A vertical bar whose width follows the first latent; the second moves it to the side.

    Weights that are 0 let it treat latents above 1/2 otherwise.
    """

    def __init__(self, image_shape=(28, 28, 1), latent_dim=3, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
        self.scale = keras.layers.Dense(2, name="scale", dtype=self.dtype_policy)
        self.build()

    def call(self, inputs, training=None):
        codes, _ = self.unpack(inputs)
        values = self.scale(keras.ops.concatenate([codes, keras.ops.relu(codes - 0.5)], axis=-1))
        width, place = 3.0 + values[:, :1], 13.5 + values[:, 1:]
        columns = keras.ops.abs(keras.ops.arange(28.0)[None] - place)
        row = keras.ops.clip(2.0 * (width / 2.0 - columns), -1.0, 1.0)
        image = keras.ops.tile(row[:, None, :, None], (1, 28, 1, 1))
        inside = np.zeros((1, 28, 1, 1), np.float32)
        inside[:, 4:24] = 1.0
        return image * inside - (1.0 - inside)


def bar():
    generator = Bar()
    kernel = np.zeros((6, 2), np.float32)
    kernel[0, 0], kernel[1, 1] = 0.6, 1.0
    generator.scale.set_weights([kernel, np.zeros(2, np.float32)])
    return generator


class UnlearnTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path("run"))
        self.folder.mkdir()

    def save(self, generator, name="generator.keras"):
        generator.save(self.folder / name)
        return self.folder / name

    def run_(self, *flags, status=None):
        return self.run_main(unlearn.main, *flags, status=status)

    @pytest.mark.slow
    def test_thickness(self):
        model = self.save(bar())
        (self.folder / "config.json").write_text(json.dumps({"dataset": "mnist5k", "split": "train[:9]"}))
        flags = (*FAST, "--steps=150", "--learning_rate=1e-2", "--batch_size=64")
        text = self.run_(f"--model={model}", "--feature=thickness", *flags)
        out = self.folder / "unlearned-thickness"
        names = ["after.png", "before.png", "comparison.png", "config.json", "feature.json", "report.json"]
        self.assertEqual(sorted(file.name for file in out.iterdir()), [*names, "trade_off.png", "unlearned.keras"])
        report = json.loads((out / "report.json").read_text())
        # The tenth with the widest bars: those whose first latent is above 1.28, about.
        # Widths are measured in quarters of pixels, so some are equal to the last of that tenth.
        self.assertBetween(report["annotated"]["with_the_feature"], 30, 60)
        self.assertAllClose(np.abs(report["feature"]["direction"]), [1.0, 0.0, 0.0], atol=0.25)
        self.assertGreater(report["detector"]["auc"], 0.95)
        self.assertAllClose(report["feature"]["cutoff"], 3.0 + 0.6 * 1.28, atol=0.4)
        methods = report["methods"]
        self.assertBetween(methods["original"]["share"]["value"], 0.03, 0.3)
        # At the threshold bars are narrower than the cutoff.
        self.assertLess(methods["projection"]["share"]["value"], 0.3 * methods["original"]["share"]["value"])
        self.assertEqual(methods["projection"]["to_projection"], 0.0)
        self.assertLess(methods["unlearned"]["to_projection"], 0.8 * methods["original"]["to_projection"])
        self.assertLessEqual(methods["unlearned"]["share"]["value"], methods["original"]["share"]["value"])
        for name in ("original", "projection"):
            self.assertAllClose((methods[name]["to_original"], methods[name]["fcd_rest"]), (0.0, 0.0), atol=1e-6)
        self.assertGreater(methods["unlearned"]["to_original"], 0.0)
        self.assertGreater(methods["unlearned"]["to_original_featureless"], 0.0)
        self.assertEqual(methods["original"]["class_changed"]["count"], 0)
        left = [row["left"] for row in report["trade_off"]]
        self.assertEqual((left[0], left[-1]), (methods["original"]["share"]["value"], 0.0))
        self.assertEqual(methods["original"]["recovered"], methods["rejection"]["recovered"])
        self.assertEqual([entry["step"] for entry in report["training"]], [50, 100, 150])
        for words in ("images with the feature", "the same measure of thickness", "comparison.png"):
            self.assertIn(words, text)
        self.assertEqual(json.loads((out / "config.json").read_text())["split"], "train[:9]")
        # What was saved is what was measured.
        generator = loading.load_generator(out / "unlearned.keras")
        codes = latents.draw(generator, 5)
        before, after = (latents.generate(each, codes) for each in (loading.load_generator(model), generator))
        self.assertNotAllClose(before, after, atol=1e-4)
        again = self.run_(f"--model={model}", "--feature=thickness", status=1)
        self.assertIn("unlearned-thickness exists: choose another --out.", again)

    @pytest.mark.slow
    def test_a_class_of_a_conditional_generator(self):
        # A generator that makes nothing but its class: images of digits, one for each.
        generator = _digits()
        model = self.save(generator)
        out = self.folder / "out"
        text = self.run_(f"--model={model}", "--feature=class:7", "--dataset=mnist5k", f"--out={out}", *FAST)
        report = json.loads((out / "report.json").read_text())
        self.assertEqual(report["feature"]["name"], "class 7")
        self.assertEqual(report["feature"]["cutoff"], 0.0)
        self.assertIn("mnist_classifier_b", report["judge"])
        self.assertIn("450 real images of 500, those of other classes", text)
        # Classes come in turn, so a tenth of all samples are sevens.
        self.assertBetween(report["annotated"]["with_the_feature"], 25, 35)
        self.assertBetween(report["methods"]["original"]["share"]["count"], 8, 12)
        self.assertContainsSubset(["fcd", "precision", "recovered_by_annotator"], report["methods"]["unlearned"])

    def test_marked(self):
        generator = networks.MLPGenerator((8, 8, 1), latent_dim=3, hidden_units=(8,))
        model = self.save(generator)
        file = self.folder / "marked.json"
        marks.Marks.of(generator, seed=40, n=30, marked=[0, 3, 9]).write(file)
        out = self.folder / "out"
        flags = ("--dataset=mnist5k", "--image_size=8x8", f"--out={out}", *FAST)
        text = self.run_(f"--model={model}", f"--feature=marked:{file}", *flags)
        report = json.loads((out / "report.json").read_text())
        codes = latents.draw(generator, 30, seed=40)
        chosen = np.isin(np.arange(30), [0, 3, 9])
        direction = codes[chosen].mean(axis=0) - codes[~chosen].mean(axis=0)
        self.assertAllClose(report["feature"]["direction"], direction / np.linalg.norm(direction), atol=1e-6)
        self.assertIsNone(report["detector"])
        self.assertIsNone(report["methods"]["unlearned"]["share"])
        self.assertIn("nobody: only who marked them could", text)
        self.assertNotIn("images with the feature", text)
        # The classifiers do not fit images of 8x8.
        self.assertNotIn("fcd", report["methods"]["unlearned"])
        self.assertGreater(report["methods"]["unlearned"]["search_error"], 0.0)

    def test_bad_input(self):
        model = self.save(bar())
        other = self.save(networks.MLPGenerator((8, 8, 1), latent_dim=3), "other.keras")
        vectors = self.save(networks.MLPGenerator((3,), latent_dim=3), "vectors.keras")
        for name, marked in (("none", []), ("all", range(9)), ("mine", [1])):
            marks.Marks.of(loading.load_generator(model), 0, 9, marked).write(self.folder / f"{name}.json")
        data = "--dataset=mnist5k"
        thick = "--feature=thickness"
        for flags, words in (
            ((), "--model is needed"),
            ((f"--model={model}",), "--feature is needed"),
            ((f"--model={model}", thick), "--dataset is needed"),
            ((f"--model={model}", data, "--feature=slant"), "--feature must be thickness, class:K or marked:FILE"),
            ((f"--model={model}", data, "--feature=class:"), "--feature must be"),
            ((f"--model={model}", data, "--feature=class:10"), "class:K must be one of"),
            (
                (f"--model={other}", data, "--image_size=8x8", "--feature=class:1"),
                "there are none for images 8x8x1 of mnist5k",
            ),
            ((f"--model={other}", data, thick), "must have one shape"),
            ((f"--model={vectors}", data, thick), "generates vectors"),
            ((f"--model={model}", data, "--feature=class:0", "--samples=20"), "class 0 in none of 20 samples"),
            ((f"--model={model}", data, f"--feature=marked:{self.folder}/none.json"), "in none of 9 samples"),
            ((f"--model={model}", data, f"--feature=marked:{self.folder}/all.json"), "in every one of 9 samples"),
            ((f"--model={model}", data, f"--feature=marked:{self.folder}/nowhere"), "made by python -m trainers.label"),
            (
                (f"--model={other}", data, "--image_size=8x8", f"--feature=marked:{self.folder}/mine.json"),
                "another model",
            ),
            ((f"--model={model}", data, thick, "--threshold=high"), "--threshold must be a number"),
            ((f"--model={model}", data, thick, "--threshold=-9", "--samples=20"), "beyond which lie 100.0%"),
            ((f"--model={model}", data, thick, "--share=1"), "--share must be"),
            ((f"--model={model}", data, thick, "--alpha=0"), "--alpha must be above 0. Received: --alpha=0"),
            ((f"--model={model}", data, thick, f"--out={model}"), "exists: choose another --out"),
        ):
            with self.subTest(flags=flags):
                text = self.run_(*flags, status=1)
                self.assertIn(words, text)
                self.assertLen([line for line in text.splitlines() if line.startswith("error: ")], 1)
                self.assertNotIn("Traceback", text)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.is_dir()], [])

    @pytest.mark.slow
    def test_the_result_is_exported_and_evaluated_like_any_other(self):
        from export import saved_model
        from trainers import evaluate

        model = self.save(bar())
        self.run_(f"--model={model}", "--feature=thickness", "--dataset=mnist5k", *FAST)
        new = self.folder / "unlearned-thickness" / "unlearned.keras"
        with contextlib.redirect_stdout(io.StringIO()):
            evaluate.main([f"--model={new}", "--num_samples=200"])
            saved_model.main([f"--model={new}", f"--out={self.folder / 'export'}"])
        self.assertTrue((new.parent / "evaluation" / "model_card.html").is_file())
        self.assertTrue((self.folder / "export" / "saved_model.pb").is_file())


@keras.saving.register_keras_serializable("tests")
class Digits(networks.Generator):
    """One image for each class, made a little brighter by the first latent."""

    def __init__(self, image_shape=(28, 28, 1), latent_dim=2, num_classes=10, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, num_classes=num_classes, **kwargs)
        self.table = keras.layers.Embedding(10, 28 * 28, dtype=self.dtype_policy)
        self.build()

    def call(self, inputs, training=None):
        codes, labels = self.unpack(inputs)
        images = keras.ops.reshape(self.table(labels), (-1, 28, 28, 1))
        return keras.ops.clip(images + 0.02 * codes[:, :1, None, None], -1.0, 1.0)


def _digits():
    from keras_gan import data

    source = data.open_source("mnist5k")
    rows = [source.images[source.labels == label][0] / 127.5 - 1.0 for label in range(10)]
    generator = Digits()
    generator.table.set_weights([np.stack(rows).reshape(10, -1).astype(np.float32)])
    return generator
