import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_gan.data import conditions
from tests.test_case import TestCase


def keys(*places):
    return tf.constant([[0, -1 - place] for place in places], tf.int64)


class ConditionsTest(TestCase, parameterized.TestCase):
    def test_gray_is_the_luminance(self):
        gray, shape = conditions.get("gray", (2, 2, 3))
        self.assertEqual(shape, (2, 2, 1))
        image = tf.constant([[[[1.0, -1, -1], [-1, 1, -1]], [[-1, -1, 1], [0.5, 0.5, 0.5]]]])
        self.assertAllClose(gray(image, None)[0, :, :, 0], [[2 * 0.299 - 1, 2 * 0.587 - 1], [2 * 0.114 - 1, 0.5]])

    def test_edges_are_where_the_luminance_steps(self):
        edges, shape = conditions.get("edges", (4, 6, 1))
        self.assertEqual(shape, (4, 6, 1))
        image = np.full((1, 4, 6, 1), -1.0, "float32")
        image[:, :, 3:] = 1.0
        self.assertAllEqual(edges(tf.constant(image), None)[0, 1, :, 0], [1, 1, -1, -1, 1, 1])
        self.assertAllEqual(edges(tf.constant(image * 0.1), None), tf.ones((1, 4, 6, 1)))

    def test_lowres_is_the_mean_of_squares(self):
        lowres, shape = conditions.get("lowres:2", (2, 4, 1))
        self.assertEqual(shape, (2, 4, 1))
        image = tf.reshape([0.0, 0.4, 1.0, 1.0, 0.4, 0.0, -1.0, 1.0], (1, 2, 4, 1))
        self.assertAllClose(lowres(image, None)[0, :, :, 0], [[0.2, 0.2, 0.5, 0.5]] * 2)

    def test_a_mask_hides_a_quarter(self):
        mask, _ = conditions.get("mask", (8, 6, 2))
        images = tf.ones((3, 8, 6, 2))
        masked = mask(images, keys(0, 1, 2))
        self.assertAllEqual(tf.reduce_sum(masked, (1, 2, 3)), [2 * (48 - 4 * 3)] * 3)
        self.assertNotAllEqual(masked[0], masked[1])

    def test_noise_has_its_deviation(self):
        noise, _ = conditions.get("noise", (64, 64, 1))
        noisy = noise(tf.zeros((2, 64, 64, 1)), keys(0, 1))
        # Of a normal deviate of deviation 1/2 clipped at two deviations.
        self.assertAllClose(np.std(noisy), 0.5 * np.sqrt(1 - 2 * (0.0540 * 2 + 0.0228 - 4 * 0.0228)), atol=0.01)
        self.assertAllInRange(noisy, -1.0, 1.0)

    @parameterized.parameters("mask", "noise")
    def test_what_is_random_depends_on_the_key_alone(self, name):
        function, _ = conditions.get(name, (8, 8, 1))
        images = tf.random.stateless_uniform((3, 8, 8, 1), (0, 1), -1, 1)
        together = function(images, keys(5, 6, 7))
        self.assertAllEqual(function(images[2:], keys(7)), together[2:])

    @parameterized.parameters(
        ("grey", (8, 8, 3), "is one of .*Received: source='grey'"),
        ("lowres:1", (8, 8, 3), "with N at least 2"),
        ("gray", (8, 8, 1), "needs images of 3 channels"),
        ("lowres:4", (30, 28, 1), "such as 32x28: pass image_size. Received: 30x28"),
        ("noise", (3,), "for vectors of shape"),
    )
    def test_mistakes(self, name, shape, message):
        with self.assertRaisesRegex(ValueError, message):
            conditions.get(name, shape)
