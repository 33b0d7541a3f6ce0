import contextlib
import io
import types
from pathlib import Path

import keras
import numpy as np

import keras_gan
from tests.test_case import TestCase
from trainers import wgan_gp
from trainers.engine import run

SPEC = types.SimpleNamespace(image_shape=(32, 32, 3))


class WGANGPTest(TestCase):
    def test_paper(self):
        paper = wgan_gp.Config.PRESETS["paper"]
        self.assertEqual((paper["network"], paper["filters"]), ("resnet", 128))
        gan = wgan_gp.build(wgan_gp.Config(**{**paper, "filters": 4}), SPEC)
        self.assertEqual((gan.discriminator.normalization, gan.discriminator.pooling), (None, "mean"))
        self.assertIsInstance(gan.adversarial_loss, keras_gan.losses.Wasserstein)
        self.assertEqual(gan.discriminator_steps, 5)
        (penalty,) = gan.discriminator_regularizers
        self.assertEqual(penalty.weight, 10.0)
        self.assertAllClose(gan.discriminator_optimizer._learning_rate(250_000), 1e-4)

    def test_clipping(self):
        config = wgan_gp.Config(**wgan_gp.Config.PRESETS["clipping"], filters=2)
        gan = wgan_gp.build(config, types.SimpleNamespace(image_shape=(8, 8, 1)))
        self.assertEqual((gan.weight_clip, gan.discriminator_regularizers, gan.ema_generator), (0.01, [], None))
        self.assertIsInstance(gan.generator_optimizer, keras.optimizers.RMSprop)
        self.assertAllClose(gan.generator_optimizer.learning_rate, 5e-5)
        gan.train_on_batch(np.ones((10, 8, 8, 1), "float32"))
        for variable in gan.discriminator.trainable_variables:
            self.assertLessEqual(np.abs(variable.numpy()).max(), 0.01)

    def test_a_decay_needs_a_length(self):
        config = wgan_gp.Config(**{**wgan_gp.Config.PRESETS["paper"], "filters": 4}, minutes=1)
        with self.assertRaisesRegex(ValueError, "only over a known number of steps"):
            wgan_gp.build(config, SPEC)

    def test_trains(self):
        out = self.path("run")
        flags = ["--steps=2", "--batch_size=4", "--image_size=8x8", "--filters=2", f"--out={out}"]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run.main("wgan_gp", "About.", wgan_gp.Config, wgan_gp.build, flags)
        gan = keras.models.load_model(Path(out, "gan.keras"))
        self.assertEqual(int(gan.discriminator_optimizer.iterations.numpy()), 10)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "--network must be dcgan or resnet. Received: --network=mlp"):
            wgan_gp.build(wgan_gp.Config(network="mlp"), SPEC)
        with self.assertRaisesRegex(ValueError, "--optimizer must be adam or rmsprop. Received: --optimizer=sgd"):
            wgan_gp.build(wgan_gp.Config(optimizer="sgd", filters=2), SPEC)
