import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_gan.metrics import similarity
from tests.test_case import TestCase


def pair(shape, seed=0, n=3):
    """Smooth images and the same with some noise."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    waves = rng.uniform(0.1, 0.6, (n, 1, 1, channels))
    x = np.sin(waves * np.arange(height)[:, None, None] + waves * np.arange(width)[None, :, None])
    y = np.clip(x + rng.normal(scale=0.2, size=x.shape), -1, 1)
    return x.astype("float32"), y.astype("float32")


class MultiScaleSSIMTest(TestCase, parameterized.TestCase):
    @parameterized.parameters((28, 28, 1), (28, 36, 3), (64, 64, 3), (176, 176, 1), (8, 10, 1), (7, 7, 2))
    def test_equals_tensorflow(self, *shape):
        x, y = pair(shape)
        scales, window = similarity.scales_of(shape)
        weights = np.array(similarity.WEIGHTS[:scales]) / np.sum(similarity.WEIGHTS[:scales])
        # TensorFlow counts the range from 0, too.
        expected = tf.image.ssim_multiscale(x + 1, y + 1, 2.0, list(weights), filter_size=window)
        self.assertAllInRange(expected, 0.2, 0.99)
        for jit_compile in (False, True):
            found = tf.function(similarity.ms_ssim, jit_compile=jit_compile)(x, y)
            self.assertAllClose(found, expected, atol=1e-4)

    def test_scales_and_windows(self):
        self.assertEqual([similarity.scales_of((n, 500, 1)) for n in (1, 2, 10, 11, 21, 22, 43, 44, 175, 176)], [
            (1, 1), (1, 1), (1, 9), (1, 11), (1, 11), (2, 11), (2, 11), (3, 11), (4, 11), (5, 11)
        ])  # fmt: skip

    def test_equal_images_score_one_and_order_does_not_matter(self):
        x, y = pair((29, 31, 3))
        self.assertAllClose(similarity.ms_ssim(x, x), [1.0] * 3, atol=1e-4)
        self.assertAllClose(similarity.ms_ssim(x, y), similarity.ms_ssim(y, x), atol=1e-6)

    def test_contradicting_structures_have_a_finite_gradient(self):
        """A negative has negative covariance everywhere, whose fractional power is not a number."""
        x, _ = pair((28, 28, 1))
        y = tf.Variable(-x)
        with tf.GradientTape() as tape:
            score = similarity.ms_ssim(x, y)
        self.assertAllInRange(score, 0.0, 0.05)
        self.assertTrue(np.isfinite(tape.gradient(score, y)).all())
        # What is avoided.
        with tf.GradientTape() as tape:
            score = tf.image.ssim_multiscale(x + 1, y + 1, 2.0, [0.4, 0.6])
        self.assertFalse(np.isfinite(tape.gradient(score, y)).all())

    def test_half_precision_is_computed_in_full(self):
        x, y = pair((16, 16, 1))
        found = similarity.ms_ssim(tf.cast(x, tf.float16), tf.cast(y, tf.float16))
        self.assertEqual(found.dtype, tf.float32)
        self.assertAllClose(found, similarity.ms_ssim(x, y), atol=1e-2)
