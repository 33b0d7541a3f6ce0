import contextlib
import io
import types
from pathlib import Path

import keras
import pytest

import keras_gan
from tests.test_case import TestCase
from trainers import sngan
from trainers.engine import run

SPEC = types.SimpleNamespace(image_shape=(32, 32, 3))


class SNGANTest(TestCase):
    @pytest.mark.slow
    def test_paper(self):
        paper = sngan.Config.PRESETS["paper"]
        self.assertEqual((paper["generator_filters"], paper["discriminator_filters"]), (256, 128))
        gan = sngan.build(sngan.Config(**{**paper, "generator_filters": 4, "discriminator_filters": 4}), SPEC)
        self.assertEqual((gan.discriminator.normalization, gan.discriminator.pooling), ("spectral", "sum"))
        self.assertIsInstance(gan.adversarial_loss, keras_gan.losses.Hinge)
        self.assertEqual(gan.discriminator_steps, 5)
        # Both learning rates fall to 0 with the last step.
        self.assertAllClose(gan.generator_optimizer._learning_rate(25_000), 1e-4)
        self.assertAllClose(gan.discriminator_optimizer._learning_rate(125_000), 1e-4)

    @pytest.mark.slow
    def test_sagan(self):
        sagan = sngan.Config.PRESETS["sagan"]
        gan = sngan.build(sngan.Config(**sagan, generator_filters=8, discriminator_filters=8), SPEC)
        for network in (gan.generator, gan.discriminator):
            self.assertIsInstance(network.attention, keras_gan.layers.SelfAttention)
            self.assertTrue(network.attention.spectral_normalization)
        self.assertAllClose(gan.discriminator_optimizer.learning_rate, 4e-4)
        self.assertEqual(gan.discriminator_steps, 1)

    def test_a_decay_needs_a_length(self):
        config = sngan.Config(
            **{**sngan.Config.PRESETS["paper"], "generator_filters": 4, "discriminator_filters": 4}, minutes=1
        )
        with self.assertRaisesRegex(ValueError, "only over a known number of steps"):
            sngan.build(config, SPEC)

    @pytest.mark.slow
    def test_trains(self):
        out = self.path("run")
        flags = ["--steps=2", "--batch_size=8", "--image_size=8x8", f"--out={out}"]
        flags += ["--generator_filters=2", "--discriminator_filters=2"]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run.main("sngan", "About.", sngan.Config, sngan.build, flags)
        generator = keras.models.load_model(Path(out, "generator.keras"))
        self.assertIsInstance(generator, keras_gan.networks.ResNetGenerator)
