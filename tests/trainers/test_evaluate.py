"""Evaluation as a user runs it: what it writes, and what it says to bad input."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from keras_gan import data, networks
from keras_gan.files import pictures
from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase
from trainers import evaluate


class EvaluateTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path("run"))
        self.folder.mkdir()

    def save(self, name="generator.keras", image_shape=(28, 28, 1), num_classes=None, seed=0):
        generator = networks.MLPGenerator(
            image_shape, latent_dim=4, hidden_units=(8,), num_classes=num_classes, output_activation="tanh"
        )
        rng = np.random.default_rng(seed)
        generator.set_weights([rng.normal(0.0, 0.3, weight.shape) for weight in generator.get_weights()])
        generator.save(self.folder / name)
        return self.folder / name

    def run_(self, *flags, status=None):
        return self.run_main(evaluate.main, *flags, status=status)

    @pytest.mark.slow
    def test_a_model_and_the_run_that_it_is_from(self):
        model = self.save(num_classes=10)
        (self.folder / "config.json").write_text(json.dumps({"dataset": "mnist5k", "image_size": "", "channels": 0}))
        (self.folder / "result.json").write_text(json.dumps({"steps": 12, "seconds": 3.0}))
        (self.folder / "logs").mkdir()
        text = self.run_(f"--model={model}", "--num_samples=200")
        self.assertIn("fcd", text)
        self.assertLen(list((self.folder / "logs").iterdir()), 1)
        found = json.loads((self.folder / "evaluation" / "evaluation.json").read_text())
        records = {record["name"]: record for record in found["records"]}
        self.assertContainsSubset(["fcd", "kcd", "precision", "recall", "density", "coverage"], list(records))
        fcd = records["fcd"]
        self.assertEqual((fcd["n_real"], fcd["n_fake"], fcd["split"], fcd["step"]), (500, 200, "test", 12))
        self.assertGreater(fcd["value"], 10 * fcd["floor"])
        self.assertBetween(found["memorisation"]["score"], 0.0, 1.0)
        self.assertLen(found["truncation"]["precision"], len(evaluate.TRUNCATIONS))
        card = (self.folder / "evaluation" / "model_card.html").read_text()
        for part in ("<h2>Classes", "<h2>Latent space", "<h2>Are these copies", "mnist_classifier", "mnist5k"):
            self.assertIn(part, card)
        again = self.run_(f"--model={model}", "--num_samples=200", status=1)
        self.assertRegex(again, r"evaluation.json exists: choose another --out, or pass --overwrite.")

    def test_copies_are_searched_in_what_the_run_was_trained_on(self):
        (self.folder / "config.json").write_text(json.dumps({"dataset": "mnist", "split": "train[:50000]"}))
        self.assertEqual(evaluate._from_run(evaluate.Config(), RunFolder(self.folder)).train_split, "train[:50000]")
        given = evaluate.Config(train_split="train")
        self.assertEqual(evaluate._from_run(given, RunFolder(self.folder)).train_split, "train")
        self.assertEqual(evaluate._from_run(evaluate.Config(dataset="mnist"), None).train_split, "train")

    def test_somebodys_images(self):
        images = self.folder / "images"
        source = data.open_source("mnist5k", "train")
        for i in range(100):
            pictures.write_png(images / f"{i:03d}.png", source.images[i * 45])
        out = self.folder / "out"
        text = self.run_(f"--samples={images}", "--dataset=mnist5k", f"--out={out}")
        # They are copies, and found to be.
        self.assertIn("sign of copying: look at the pairs", text)
        found = json.loads((out / "evaluation.json").read_text())
        self.assertEqual(found["memorisation"]["near_copies"], 1.0)
        self.assertEqual(found["records"][0]["n_fake"], 100)
        self.assertNotIn("<h2>Latent space", (out / "model_card.html").read_text())

    def test_folders_and_nothing_else(self):
        """Somebody's samples beside somebody's pictures: no run, no classifier, no splits."""
        random = np.random.default_rng(0)
        for name, low, high in (("real", 0, 256), ("made", 60, 200)):
            for i in range(24):
                image = random.integers(low, high, (12, 12, 3)).astype("uint8")
                pictures.write_png(self.folder / name / f"{i:02d}.png", image)
        out = self.folder / "out"
        flags = (f"--samples={self.folder / 'made'}", f"--dataset=folder:{self.folder / 'real'}")
        text = self.run_(*flags, f"--out={out}")
        self.assertIn("has no split 'test': the samples are compared with all of its images", text)
        self.assertRegex(text, r"lkd +[0-9.]+")
        found = json.loads((out / "evaluation.json").read_text())
        self.assertEqual([record["name"] for record in found["records"]][:3], ["lkd", "lfd", "precision"])
        self.assertEqual({record["features"] for record in found["records"]}, {"efficientnet_lite0"})
        self.assertIn("efficientnet_lite0", (out / "model_card.html").read_text())
        self.assertIn("--split=train to take", self.run_(*flags, f"--out={out}2", "--split=test", status=1))
        for file in sorted((self.folder / "made").iterdir())[4:]:
            file.unlink()
        few = self.run_(*flags, f"--out={out}2", status=1)
        self.assertIn("neighbours=5 with 4 real samples", few)

    def test_a_comparison(self):
        a, b = self.save("a.keras"), self.save("b.keras", seed=1)
        flags = (f"--compare={a},{b}", "--dataset=mnist5k", "--num_samples=100", "--seeds=2")
        text = self.run_(*flags, f"--out={self.folder / 'c'}")
        self.assertIn("2 evaluations of each with other seeds", text)
        self.assertRegex(text, r"fcd .*(A is better|B is better|no significant difference)")
        table = json.loads((self.folder / "c" / "comparison.json").read_text())["metrics"]
        self.assertContainsSubset({"name", "difference", "low", "high", "p_holm", "verdict"}, table[0])
        self.assertIn(f"{self.folder}/c/comparison.html is the page of this comparison", text)
        self.assertIn("<h2>Every evaluation", (self.folder / "c" / "comparison.html").read_text())
        text = self.run_(f"--compare={a},{a}", *flags[1:], f"--out={self.folder / 'd'}")
        self.assertNotIn("is better", text)

    def test_comparisons_get_folders_of_their_own(self):
        with contextlib.chdir(self.folder):
            compared = evaluate.Config(compare="a,b")
            self.assertEqual(str(evaluate._results_folder(compared, None)), "evaluation/comparison-001")
            Path("evaluation/comparison-001").mkdir(parents=True)
            self.assertEqual(str(evaluate._results_folder(compared, None)), "evaluation/comparison-002")
            self.assertEqual(str(evaluate._results_folder(evaluate.Config(samples="a"), None)), "evaluation")

    def test_images_that_a_flag_would_make_fit(self):
        rng = np.random.default_rng(0)
        for shape, dataset, more, advice in (
            ((28, 28, 3), "mnist5k", (), "pass --channels=1, or"),
            ((32, 40, 1), "mnist5k", (), "pass --image_size=28x28, or"),
            ((32, 40, 3), "mnist5k", (), "pass --image_size=28x28 --channels=1, or"),
            ((28, 28, 3), "mnist5k", ("--features=mnist_classifier",), "pass --channels=1, or"),
            ((32, 32, 1), "cifar10", (), "pass --channels=3, or"),
        ):
            images = Path(self.path("images"))
            for number in range(2):
                image = rng.integers(0, 256, shape, dtype=np.uint8)
                pictures.write_png(images / f"{number}.png", image)
            text = self.run_(
                f"--samples={images}", f"--dataset={dataset}", f"--out={self.folder / 'o'}", *more, status=1
            )
            self.assertIn(advice, text)
            self.assertEqual(text.count("\n"), 1)

    def test_bad_input(self):
        model, other = self.save(), self.save("other.keras", image_shape=(4, 4, 1))
        vectors = self.save("vectors.keras", image_shape=(3,))
        for flags, words in (
            ((), "Give one of --model, --samples and --compare. Received: none of them"),
            ((f"--model={model}", "--samples=x"), "Received: model, samples"),
            ((f"--model={model}",), "--dataset is needed"),
            ((f"--model={model}x", "--dataset=mnist5k"), "Expected a .keras file"),
            ((f"--model={vectors}", "--dataset=mnist5k"), "generates vectors"),
            ((f"--model={model}", "--dataset=no_such_data"), "no_such_data"),
            ((f"--model={model}", "--dataset=mnist5k", "--split=middle"), "splits 'train' and 'test'"),
            ((f"--model={model}", "--dataset=mnist5k", "--features=alexnet"), "Features are one of"),
            ((f"--model={other}", "--dataset=mnist5k"), "No features for images 4x4x1 of mnist5k"),
            (
                (f"--model={other}", "--dataset=mnist5k", "--features=mnist_classifier"),
                "sees images of shape (28, 28, 1)",
            ),
            (("--samples=nowhere", "--dataset=mnist5k"), "nowhere"),
            ((f"--compare={model}", "--dataset=mnist5k"), "takes two models, separated by a comma"),
            ((f"--compare={model},{model}x", "--dataset=mnist5k"), "There is no model"),
            ((f"--compare={model},{self.folder}/*.keras", "--dataset=mnist5k"), "Compare one model with one"),
            ((f"--model={model}", "--dataset=mnist5k", f"--out={model}"), "--out must be a folder"),
            ((f"--model={model}", "--num_samples=1"), "--num_samples must be at least 10"),
        ):
            with self.subTest(flags=flags):
                text = self.run_(*flags, status=1)
                self.assertIn(words, text)
                self.assertEqual(text.count("\n"), 1)
        self.assertFalse((self.folder / "evaluation").exists())
