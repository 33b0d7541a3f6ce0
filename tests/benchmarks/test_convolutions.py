import pytest
import tensorflow as tf

from benchmarks import convolutions
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class ConvolutionsTest(TestCase):
    def test_all_ways_agree(self):
        x = tf.random.stateless_normal((2, 8, 8, 3), (0, 0))
        kernel = tf.random.stateless_normal((4, 4, 3, 5), (0, 1))
        dy = tf.random.stateless_normal((2, 4, 4, 5), (0, 2))
        with tf.GradientTape() as tape:
            tape.watch((x, kernel))
            y = tf.nn.conv2d(x, kernel, 2, "SAME")
        images, kernels = tape.gradient(y, (x, kernel), dy)
        self.assertAllClose(convolutions.forward(x, kernel), y)
        self.assertAllClose(convolutions.winograd(x, kernel), y, rtol=1e-4, atol=1e-4)
        self.assertAllClose(convolutions.by_images(x, kernel, dy), images, rtol=1e-4, atol=1e-4)
        self.assertAllClose(convolutions.by_kernel(x, kernel, dy), kernels, rtol=1e-4, atol=1e-4)
        self.assertAllClose(convolutions.by_kernel_unfolded(x, kernel, dy), kernels, rtol=1e-4, atol=1e-4)

    def test_times_everything(self):
        times = convolutions.time_layer(1, 8, 2, 2, rounds=2)
        self.assertEqual({name: len(each) for name, each in times.items()}, dict.fromkeys(convolutions.NAMES, 2))
