import contextlib
import io
import types
from pathlib import Path

import keras
import pytest

import keras_gan
from tests.test_case import TestCase
from trainers import r3gan
from trainers.engine import run

SPEC = types.SimpleNamespace(image_shape=(32, 32, 3))


class R3GANTest(TestCase):
    def test_paper(self):
        paper = r3gan.Config.PRESETS["paper"]
        self.assertEqual((paper["network"], paper["batch_size"]), ("cifar10", 512))
        gan = r3gan.build(r3gan.Config(**{**paper, "network": "tiny"}), SPEC)
        self.assertIsInstance(gan.adversarial_loss, keras_gan.losses.Relativistic)
        optimizer, r1 = gan.discriminator_optimizer, gan.discriminator_regularizers[0]
        # The schedules' two ends, and the middle after 10 of 20 million images.
        for step, rate, beta_2, gamma, p in (
            (0, 2e-4, 0.9, 0.05, 0.0),
            (10e6 / 512, 1.25e-4, 0.945, 0.0275, 0.275),
            (488_281, 5e-5, 0.99, 0.005, 0.55),
        ):
            self.assertAllClose(optimizer._learning_rate(step), rate, rtol=1e-5)
            self.assertAllClose([optimizer.beta_2(step), r1.weight(step)], [beta_2, gamma], rtol=1e-5)
            self.assertAllClose(gan.augmenter.probability(step), p, rtol=1e-5)
        self.assertAllClose(gan.ema_momentum(488_281), 0.5 ** (512 / 5e6), rtol=1e-6)
        self.assertEqual(optimizer.beta_1, 0.0)

    @pytest.mark.slow
    def test_trains(self):
        out = self.path("run")
        flags = ["--steps=2", "--batch_size=8", "--image_size=8x8", f"--out={out}"]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run.main("r3gan", "About.", r3gan.Config, r3gan.build, flags)
        gan = keras.models.load_model(Path(out, "gan.keras"))
        self.assertIsInstance(gan.generator, keras_gan.networks.R3GANGenerator)
        self.assertIsNone(gan.augmenter)
        self.assertEqual(int(gan.discriminator_optimizer.iterations.numpy()), 2)
