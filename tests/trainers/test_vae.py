import json
import types
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import keras_gan
from tests.test_case import TestCase
from trainers import vae

SPEC = types.SimpleNamespace(image_shape=(28, 28, 1))
TINY = ["--steps=4", "--filters=2", "--latent_dim=3", "--batch_size=8", "--precision=float32", "--checkpoint_every=2"]


class VAETest(TestCase):
    def test_defaults_are_the_recipe_that_is_described(self):
        model = vae.build(vae.Config(filters=2), SPEC)
        self.assertIsInstance(model.generator, keras_gan.networks.DCGANGenerator)
        self.assertEqual((model.likelihood, model.variance, model.beta), ("gaussian", None, 1.0))
        fixed = vae.build(vae.Config(filters=2, variance=0.1, beta=4.0), SPEC)
        self.assertEqual((fixed.variance, fixed.beta), (0.1, 4.0))

    def test_a_run_resumed(self):
        """Two steps and then two more end like four at once, bit for bit, with the files of every run."""
        folders = [Path(self.path("run")) for _ in range(2)]
        whole, parts = folders
        quick = ["--features=none", "--log_every=2", "--sample_every=2"]
        vae.main([f"--out={whole}", *TINY, *quick])
        vae.main([f"--out={parts}", *TINY, *quick, "--steps=2"])
        self.assertEqual(vae.main([f"--out={parts}", *TINY, *quick]), parts)
        models = [keras.models.load_model(folder / "vae.keras") for folder in folders]
        self.assert_same_weights(*models)
        self.assertEqual(*((folder / "history.jsonl").read_text() for folder in folders))
        entry = json.loads((whole / "history.jsonl").read_text().splitlines()[-1])
        wanted = {"step", "loss", "reconstruction", "kl", "val_loss", "vae_learning_rate"}
        self.assertEqual(wanted - set(entry), set())
        generator = keras.models.load_model(whole / "generator.keras")
        self.assertIs(type(generator), keras_gan.networks.DCGANGenerator)
        np.testing.assert_array_equal(generator.sample(2), models[0].sample(2))
        for name in ("samples.png", "curves.png", "progress.gif", "config.json", "result.json"):
            self.assertTrue((whole / name).is_file(), name)
        with Image.open(whole / "reconstructions.png") as picture:
            self.assertEqual(picture.size, (16 * 58 + 2, 4 * 58 + 2))

    def test_flags_of_a_gan_are_refused(self):
        with self.assertRaises(SystemExit):
            vae.main(["--discriminator_steps=2"])
