import numpy as np

import keras_gan
from keras_gan.data import stacked
from tests.test_case import TestCase


class StackedTest(TestCase):
    def test_channels_are_digits_of_the_label(self):
        digits = np.arange(10, dtype=np.uint8).repeat(4).reshape(10, 2, 2, 1)
        images, labels = stacked.stack(digits, np.arange(10), n=5000, seed=1)
        self.assertEqual((images.shape, images.dtype), ((5000, 2, 2, 3), np.uint8))
        self.assertAllEqual(images[:, 0, 0] @ np.array([100, 10, 1]), labels)
        self.assertAllEqual(images, images[:, :1, :1] * np.ones((1, 2, 2, 1), np.uint8))
        # Independent and uniform: 1,000 classes with 5 each on average.
        counts = np.bincount(labels, minlength=1000)
        self.assertAllClose(counts.var() / counts.mean(), 1.0, atol=5 * np.sqrt(2 / 1000))
        self.assertAllEqual(labels, stacked.stack(digits, np.arange(10), n=5000, seed=1)[1])

    def test_load(self):
        dataset, spec = keras_gan.data.load("stacked_mnist5k", split="test", labels=True, batch_size=20)
        self.assertEqual((spec.image_shape, spec.num_classes, spec.num_examples), ((28, 28, 3), 1000, 26_000))
        images, labels = next(iter(dataset))
        self.assertEqual((images.shape, labels.shape), ((20, 28, 28, 3), (20,)))
        self.assertEqual(spec.class_names[42], "042")

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "3 channels. Received: channels=1"):
            keras_gan.data.load("stacked_mnist5k", split="test", channels=1)
