import contextlib
import io
import types
from pathlib import Path

import keras

import keras_gan
from tests.test_case import TestCase
from trainers import common, mlp_gan


class MLPGANTest(TestCase):
    def test_defaults_are_the_networks_of_2014(self):
        gan = mlp_gan.build(mlp_gan.Config(), types.SimpleNamespace(image_shape=(28, 28, 1)))
        self.assertEqual(tuple(gan.generator.hidden_units), (1200, 1200))
        self.assertEqual((gan.discriminator.activation, gan.discriminator.pieces), ("maxout", 5))
        self.assertEqual((gan.discriminator.input_dropout, gan.discriminator.dropout), (0.2, 0.5))
        self.assertIsInstance(gan.adversarial_loss, keras_gan.losses.NonSaturating)

    def test_trains(self):
        out = self.path("run")
        flags = ["--steps=2", "--batch_size=8", "--generator_units=8", "--discriminator_units=4", f"--out={out}"]
        flags.append("--evaluate_every=0")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            common.main("mlp_gan", "About.", mlp_gan.Config, mlp_gan.build, flags)
        self.assertEqual(keras.models.load_model(Path(out, "generator.keras")).latent_prior, "uniform")
