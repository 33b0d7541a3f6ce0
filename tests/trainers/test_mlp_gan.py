import contextlib
import io
import json
import types
from pathlib import Path

import keras
import numpy as np

import keras_gan
from keras_gan import cli
from tests.test_case import TestCase
from trainers import engine, mlp_gan


class MLPGANTest(TestCase):
    def test_defaults_are_the_networks_of_2014(self):
        gan = mlp_gan.build(mlp_gan.Config(), types.SimpleNamespace(image_shape=(28, 28, 1)))
        self.assertEqual(tuple(gan.generator.hidden_units), (1200, 1200))
        self.assertEqual((gan.discriminator.activation, gan.discriminator.pieces), ("maxout", 5))
        self.assertEqual((gan.discriminator.input_dropout, gan.discriminator.dropout), (0.2, 0.5))
        self.assertIsInstance(gan.adversarial_loss, keras_gan.losses.NonSaturating)

    def test_released_code(self):
        """The figures of the authors' mnist.yaml."""
        config, _ = cli.parse(mlp_gan.Config, "p", "a", ["--preset=released_code", "--dataset=mnist5k"])
        gan = mlp_gan.build(config, types.SimpleNamespace(image_shape=(28, 28, 1)))
        self.assertEqual((gan.update, config.batch_size), ("simultaneous", 100))
        self.assertIsInstance(gan.adversarial_loss, keras_gan.losses.NonSaturating)
        self.assertIsNone(gan.ema_generator)
        self.assertAllClose(gan.generator.latent_scale, np.sqrt(3))
        for network, limit in ((gan.generator, 0.05), (gan.discriminator, 0.005)):
            kernel = network.hidden[0].kernel.numpy()
            self.assertAllClose([kernel.min(), kernel.max()], [-limit, limit], rtol=0.01)
        for role, first in (("generator", 0.1), ("discriminator", 0.05)):
            optimizer = getattr(gan, f"{role}_optimizer")
            for update in (0, 1, 125_000):
                rate = optimizer._learning_rate(update)
                self.assertAllClose(float(rate), first / 1.000004**update, rtol=2e-5)
                self.assertAllClose(float(optimizer.momentum(update)), 0.5 + 0.2 * update / 125_000)
        # The output begins at the mean image: its middle is bright in some digits, its corner never.
        bias = gan.generator.output_layer.bias.numpy().reshape(28, 28)
        self.assertAllClose(bias[0, 0], np.log(1e-7), rtol=1e-4)
        dataset, _ = keras_gan.data.load("mnist5k", batch_size=4500)
        mean = (next(iter(dataset)).numpy().mean(axis=0)[14, 14, 0] + 1) / 2
        self.assertAllClose(1 / (1 + np.exp(-bias[14, 14])), mean, rtol=1e-4)

    def test_the_discriminator_of_2014_sees_black_as_0(self):
        config, _ = cli.parse(mlp_gan.Config, "p", "a", ["--preset=paper", "--nomarginals"])
        gan = mlp_gan.build(config, types.SimpleNamespace(image_shape=(2, 2, 1)))
        self.assertEqual(gan.discriminator.input_range, (0.0, 1.0))
        self.assertEqual(gan.update, "alternating")
        self.assertIs(type(gan.adversarial_loss), keras_gan.losses.Minimax)

    def test_an_unknown_optimizer(self):
        with self.assertRaisesRegex(ValueError, "--optimizer must be adam or sgd. Received: --optimizer=rms"):
            mlp_gan.build(mlp_gan.Config(optimizer="rms"), types.SimpleNamespace(image_shape=(2, 2, 1)))

    def test_trains(self):
        out = self.path("run")
        flags = [
            "--parzen_samples=20",
            "--evaluate_every=0",
            "--preset=released_code",
            "--steps=2",
            "--batch_size=8",
            "--generator_units=8",
            "--discriminator_units=4",
            f"--out={out}",
        ]
        with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.redirect_stderr(io.StringIO()):
            engine.main("mlp_gan", "About.", mlp_gan.Config, mlp_gan.build, flags, epilogue=mlp_gan.estimate)
        self.assertEqual(keras.models.load_model(Path(out, "generator.keras")).latent_prior, "uniform")
        rows = json.loads(Path(out, "parzen.json").read_text())
        self.assertEqual([(row["samples"], row["test"]) for row in rows.values()], [(20, 500)] * 2)
        self.assertIn("training images", output.getvalue())
