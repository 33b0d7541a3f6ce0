import contextlib
import io
import json
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from keras_gan.metrics.features import classifiers, train_classifiers
from tests.test_case import TestCase


class TrainClassifiersTest(TestCase):
    def test_folding_keeps_what_the_network_computes(self):
        model = train_classifiers.build((12, 12, 2), 5, (4, 6, 8, 8))
        random = np.random.default_rng(0)
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
        arrays = train_classifiers.fold(model)
        self.assertEqual({array.dtype for array in arrays.values()}, {np.dtype("float16")})
        images = random.uniform(-1, 1, (7, 12, 12, 2)).astype("float32")
        features, probabilities = classifiers.from_arrays("small", (12, 12, 2), arrays)(images)
        self.assertEqual(features.shape, (7, 8))
        # Eleven bits of each weight are left.
        self.assertAllClose(probabilities, tf.nn.softmax(model(images, training=False)), atol=2e-3)

    def test_fused_normalization_is_batch_normalization(self):
        images = np.random.default_rng(0).normal(2.0, 3.0, (16, 5, 5, 3)).astype("float32")
        ours, theirs = train_classifiers.FusedNormalization(momentum=0.5), keras.layers.BatchNormalization(momentum=0.5)
        self.assertAllClose(ours(images, training=True), theirs(images, training=True), atol=1e-5)
        self.assertAllClose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)
        # Keras averages the biased variance, the fused operation the unbiased one.
        n = 16 * 5 * 5
        self.assertAllClose((ours.moving_variance - 0.5) * (n - 1) / n, theirs.moving_variance - 0.5, rtol=1e-4)
        self.assertAllClose(ours(images, training=False), theirs(images, training=False), rtol=0.01)

    def test_augmentation_shifts_and_mirrors(self):
        image = np.arange(20.0, dtype="float32").reshape(1, 4, 5, 1) / 20
        batch = tf.constant(np.repeat(image, 64, axis=0))
        padded = np.pad(image[0, :, :, 0], 1, constant_values=-1.0)
        windows = [padded[i : i + 4, j : j + 5] for i in range(3) for j in range(3)]
        for mirror, expected in ((False, windows), (True, windows + [window[:, ::-1] for window in windows])):
            moved = train_classifiers.augment(batch, tf.constant([3, 4], tf.int64), shift=1, mirror=mirror).numpy()
            found = {next(k for k, w in enumerate(expected) if np.array_equal(w, m[:, :, 0])) for m in moved}
            self.assertGreater(len(found), len(expected) // 2)
        again = train_classifiers.augment(batch, tf.constant([3, 4], tf.int64), shift=1, mirror=True)
        self.assertAllEqual(again, moved)

    @pytest.mark.slow
    def test_command(self):
        """A few steps on two classes of random images; the classifier is written, and found again."""
        random = np.random.default_rng(0)
        labels = random.integers(0, 2, 64)
        images = random.integers(0, 80, (64, 8, 8, 1)) + 150 * labels[:, None, None, None]
        pair = images.astype("uint8"), labels
        real_load = keras_gan.data.load

        def load(source, split="train", data_dir=None, **kwargs):
            return real_load(pair, num_classes=2, **kwargs)

        out = Path(self.path("weights"))
        recipe = {"mnist": ((4, 4, 4, 4), 1, False)}
        argv = [f"--out={out}", "--name=two", "--epochs=5", "--batch_size=16", "--learning_rate=0.05"]
        with (
            mock.patch.object(keras_gan.data, "load", load),
            mock.patch.object(train_classifiers, "RECIPES", recipe),
            contextlib.redirect_stdout(io.StringIO()) as output,
        ):
            train_classifiers.main(argv)
        entry = json.loads((out / "manifest.json").read_text())["two"]
        self.assertGreater(entry["test_accuracy"], 0.9)
        self.assertIn(entry["sha256"], output.getvalue())
        with mock.patch.object(classifiers, "FOLDER", out):
            self.assertEqual(classifiers.load("two")[0].output_shape, [(None, 4), (None, 2)])

    def test_unknown_data(self):
        refusal = self.refusal(train_classifiers.main, "--dataset=svhn")
        self.assertIn("--dataset must be one of ['cifar10', 'faces', 'fashion_mnist', 'mnist']", refusal)
