import contextlib
import io
import json
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import keras_gan
from keras_gan import networks, regularizers
from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase
from trainers import conditional_gan
from trainers.engine import epilogues, run

SPEC = types.SimpleNamespace(image_shape=(28, 28, 1), num_classes=10, class_names=None)


class ConditionalGANTest(TestCase):
    def test_projection(self):
        gan = conditional_gan.build(conditional_gan.Config(filters=2), SPEC)
        self.assertEqual(gan.discriminator.conditioning, "projection")
        self.assertIsInstance(gan.generator.normalizers[0], keras_gan.layers.ConditionalBatchNormalization)
        self.assertEqual([type(r) for r in gan.discriminator_regularizers], [regularizers.R1])
        self.assertEmpty(gan.generator_regularizers)

    def test_auxiliary(self):
        gan = conditional_gan.build(conditional_gan.Config(filters=2, conditioning="auxiliary", r1_gamma=0.0), SPEC)
        self.assertEqual((gan.generator.conditioning, gan.discriminator.conditioning), ("concat", "auxiliary"))
        both = gan.discriminator_regularizers + gan.generator_regularizers
        self.assertEqual([(r.weight, r.images) for r in both], [(1.0, "both"), (0.1, "fake")])

    @pytest.mark.slow
    def test_a_run(self):
        """Three steps, one row a class in the grids, and what classifiers make of the result."""
        folder = Path(self.path("run"))
        argv = [f"--out={folder}", "--steps=3", "--filters=2", "--batch_size=8", "--precision=float32"]
        build, config = conditional_gan.build, conditional_gan.Config
        self.assertEqual(run.main("conditional_gan", "about", config, build, argv, labels=True), folder)
        self.assertEqual(run.main("conditional_gan", "about", config, build, argv, labels=True), folder)
        with Image.open(folder / "samples.png") as picture:
            self.assertEqual(picture.size, (8 * 58 + 2, 10 * 58 + 2))
        epilogues.judge_classes(RunFolder(folder), samples=200, steps=3)
        found = json.loads((folder / "conditional.json").read_text())
        self.assertEqual((found["train_images"], found["test_images"]), (200, 200))
        self.assertEqual(found["judge"], "mnist_classifier_b")
        self.assertGreater(found["judge_real"], 0.95)
        self.assertLess(found["nearest_neighbour_error_real"], 0.25)  # 200 real digits teach that much
        self.assertGreater(found["nearest_neighbour_error_generated"], 0.5)

    @pytest.mark.slow
    def test_held_out_images_that_do_not_fit_abort_nothing(self):
        """Each is said once: what of `test` cannot be used, and what there is not for want of it."""
        folder = Path(self.path("digits"))
        rng = np.random.default_rng(0)
        for name in ("train/0", "train/1", "test/1", "test/9"):
            (folder / name).mkdir(parents=True)
            for i in range(4):
                Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(folder / name / f"{i}.png")
        out, said, printed = Path(self.path("run")), io.StringIO(), io.StringIO()
        argv = [f"--dataset=folder:{folder}", f"--out={out}", "--steps=2", "--filters=2", "--batch_size=4"]
        argv += ["--log_every=1", "--precision=float32"]
        build, config = conditional_gan.build, conditional_gan.Config
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
            found = run.main("conditional_gan", "", config, build, argv, labels=True, epilogue=epilogues.judge_classes)
        self.assertEqual(found, out)
        reason = "'9' are no classes of the training split, which has '0', '1'"
        self.assertEqual(
            [line for line in said.getvalue().splitlines() if line.startswith(("warning", "error"))],
            [f"warning: No labelled held-out data: {reason}."],
        )
        self.assertIn("Nothing says how well images show their classes: ", printed.getvalue())
        self.assertFalse((out / "conditional.json").exists())
        self.assertTrue((out / "generator.keras").exists())


class SampleGridTest(TestCase):
    def test_one_row_a_class(self):
        generator = networks.MLPGenerator((64, 64, 1), latent_dim=2, hidden_units=(4,), num_classes=3)
        grid = keras_gan.callbacks.samples.sample_grid(generator, columns=2)
        expected = keras_gan.files.pictures.grid(generator.sample(6, labels=[0, 0, 1, 1, 2, 2]), columns=2)
        np.testing.assert_array_equal(grid, expected)
        plain = networks.MLPGenerator((64, 64, 1), latent_dim=2, hidden_units=(4,))
        np.testing.assert_array_equal(
            keras_gan.callbacks.samples.sample_grid(plain, 3), keras_gan.files.pictures.grid(plain.sample(3))
        )
