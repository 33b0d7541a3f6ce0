import keras
import numpy as np

from keras_gan import layers
from keras_gan.networks import convolutional
from tests.test_case import TestCase


class ConvolutionalTest(TestCase):
    def test_stage_sizes(self):
        stage_sizes = convolutional.stage_sizes
        self.assertEqual(stage_sizes(28, 28), [(28, 28), (14, 14), (7, 7)])
        self.assertEqual(stage_sizes(45, 80), [(45, 80), (23, 40), (12, 20), (6, 10)])
        self.assertEqual(stage_sizes(5, 7), [(5, 7), (3, 4)])
        for side in range(8, 300):
            *_, (height, width) = stage_sizes(side, 2 * side)
            self.assertBetween(height, 4, 7)
            self.assertBetween(width, 2 * height - 1, 2 * height)

    def test_stage_filters(self):
        self.assertEqual(convolutional.stage_filters(64, 5), [64, 128, 256, 512, 512])

    def test_initial_values(self):
        keras.utils.set_random_seed(0)
        first, second = (np.asarray(convolutional.kernel()((100, 100))) for _ in range(2))
        self.assertGreater(np.abs(first - second).max(), 0.01)
        self.assertBetween(first.std(), 0.0195, 0.0205)
        normalizer = convolutional.normalizer("batch", "float32")
        normalizer.build((None, 10_000))
        self.assertBetween(np.asarray(normalizer.gamma).mean(), 0.999, 1.001)
        self.assertBetween(np.asarray(normalizer.gamma).std(), 0.0195, 0.0205)

    def test_normalizer(self):
        self.assertIsInstance(convolutional.normalizer(None, "float32"), keras.layers.Identity)
        self.assertIsInstance(convolutional.normalizer("batch", "float32", 3), layers.ConditionalBatchNormalization)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "`filters` must be at least 1. Received: filters=0"):
            convolutional.check_filters(0)
        with self.assertRaisesRegex(ValueError, r"needs `image_shape` \(height, width, channels\).*image_shape=\(5,\)"):
            convolutional.check_image((5,))
