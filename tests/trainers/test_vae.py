import json
import types
from pathlib import Path

import keras
import pytest
from PIL import Image

import keras_gan
from keras_gan.export import loading
from tests.test_case import TestCase
from trainers import engine, vae

SPEC = types.SimpleNamespace(image_shape=(28, 28, 1))
TINY = ["--steps=4", "--filters=2", "--latent_dim=3", "--batch_size=8", "--precision=float32", "--checkpoint_every=2"]
TINY += ["--features=none", "--log_every=2", "--sample_every=2"]


def train(*argv):
    return engine.main("vae", "About.", vae.Config, vae.build, argv, epilogue=vae.draw_reconstructions)


class VAETest(TestCase):
    def test_defaults_are_the_recipe_that_is_described(self):
        model = vae.build(vae.Config(filters=2), SPEC)
        self.assertIsInstance(model.generator, keras_gan.networks.DCGANGenerator)
        self.assertEqual((model.likelihood, model.variance, model.beta), ("gaussian", None, 1.0))
        fixed = vae.build(vae.Config(filters=2, variance=0.1, beta=4.0), SPEC)
        self.assertEqual((fixed.variance, fixed.beta), (0.1, 4.0))

    @pytest.mark.slow
    def test_a_run(self):
        folder = Path(self.path("run"))
        self.assertEqual(train(f"--out={folder}", *TINY), folder)
        entry = json.loads((folder / "history.jsonl").read_text().splitlines()[-1])
        wanted = {"step", "loss", "reconstruction", "kl", "val_loss", "vae_learning_rate"}
        self.assertEqual(wanted - set(entry), set())
        generator, model = (keras.models.load_model(folder / f"{name}.keras") for name in ("generator", "vae"))
        self.assertIs(type(generator), keras_gan.networks.DCGANGenerator)
        self.assertAllEqual(generator.sample(2), model.sample(2))
        self.assertAllEqual(loading.load_generator(folder / "vae.keras").sample(2), model.sample(2))
        for name in ("samples.png", "curves.png", "progress.gif", "config.json", "result.json"):
            self.assertTrue((folder / name).is_file(), name)
        with Image.open(folder / "reconstructions.png") as picture:
            self.assertEqual(picture.size, (16 * 58 + 2, 4 * 58 + 2))

    @pytest.mark.slow
    def test_two_steps_and_two_more_are_four_steps(self):
        whole, parts = (Path(self.path("run")) for _ in range(2))
        train(f"--out={whole}", *TINY)
        train(f"--out={parts}", *TINY, "--steps=2")
        train(f"--out={parts}", *TINY)
        self.assert_same_weights(*(keras.models.load_model(folder / "vae.keras") for folder in (whole, parts)))
        self.assertEqual(*((folder / "history.jsonl").read_text() for folder in (whole, parts)))
