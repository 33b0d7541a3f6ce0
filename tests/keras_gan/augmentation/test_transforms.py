import numpy as np
import tensorflow as tf

from keras_gan.augmentation import transforms
from tests.test_case import TestCase


def maps(*rows):
    return tf.constant([rows], tf.float64)


class TransformsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.images = np.random.default_rng(0).uniform(-1, 1, (3, 5, 4, 3))

    def test_translate_against_slices(self):
        moved = transforms.translate(self.images, tf.constant([2, -1, 0]), tf.constant([-1, 0, 9])).numpy()
        expected = np.zeros_like(self.images)
        expected[0, 2:, :-1] = self.images[0, :-2, 1:]
        expected[1, :-1] = self.images[1, 1:]
        self.assertAllEqual(moved, expected)

    def test_lattice_maps_are_exact(self):
        square = tf.constant(self.images[:1, :4])
        for matrix, expected in (
            (maps([1, 0, 0], [0, 1, 0]), square),
            (maps([-1, 0, 0], [0, 1, 0]), square[:, :, ::-1]),
            (maps([-1, 0, 0], [0, -1, 0]), square[:, ::-1, ::-1]),
            # Output x reads input y = x: with y down this turns the picture counterclockwise.
            (maps([0, -1, 0], [1, 0, 0]), np.rot90(square, k=1, axes=(1, 2))),
            (maps([0, 1, 0], [-1, 0, 0]), np.rot90(square, k=-1, axes=(1, 2))),
        ):
            self.assertAllEqual(transforms.warp(square, matrix), expected)

    def test_borders_are_mirrored_at_the_outer_pixels(self):
        row = tf.constant([1.0, 2.0, 3.0, 4.0], tf.float64)
        image = tf.tile(row[None, None, :, None], (1, 3, 1, 1))
        moved = transforms.warp(image, maps([1, 0, -3], [0, 1, 0]))
        self.assertAllEqual(moved[0, 1, :, 0], [4, 3, 2, 1])
        moved = transforms.warp(image, maps([1, 0, 7], [0, 1, 5]))  # a period of 6 columns and one more; 4 rows
        self.assertAllEqual(moved[0, 1, :, 0], [2, 3, 4, 3])

    def test_one_pixel(self):
        image = tf.constant([[[[0.5]]]], tf.float64)
        self.assertAllEqual(transforms.warp(image, maps([0.3, 0.4, 3.7], [1.0, 2.0, -0.1])), image)

    def test_an_affine_picture_is_interpolated_exactly(self):
        """Inside, bilinear resampling of a picture a x + b y + c is that function at the source."""
        y, x = np.mgrid[:9, :9] - 4.0
        image = (2 * x - 3 * y + 1)[None, :, :, None]
        angle = 0.3
        matrix = [[0.5 * np.cos(angle), -0.5 * np.sin(angle), 0.25], [0.5 * np.sin(angle), 0.5 * np.cos(angle), -0.4]]
        source = np.einsum("ij,jhw->ihw", np.array(matrix), np.stack([x, y, np.ones_like(x)]))
        expected = 2 * source[0] - 3 * source[1] + 1
        self.assertAllClose(transforms.warp(image, tf.constant([matrix], tf.float64))[0, :, :, 0], expected, atol=1e-12)

    def test_hue_and_saturation(self):
        angles = tf.constant([0.7, -2.0, 3.0], tf.float64)
        turned = transforms.rotate_hue(tf.constant(self.images), angles)
        # A rotation around grey keeps lengths and means, and the opposite one undoes it.
        self.assertAllClose(tf.norm(turned, axis=-1), np.linalg.norm(self.images, axis=-1))
        self.assertAllClose(tf.reduce_mean(turned, -1), np.mean(self.images, axis=-1))
        self.assertAllClose(transforms.rotate_hue(turned, -angles), self.images)
        scaled = transforms.scale_colors(tf.constant(self.images), tf.constant([0.0, 1.0, 2.0], tf.float64)).numpy()
        grey = self.images.mean(axis=-1, keepdims=True)
        self.assertAllClose(scaled[0], np.repeat(grey[0], 3, -1))
        self.assertAllClose(scaled[1], self.images[1])
        self.assertAllClose(scaled[2], 2 * self.images[2] - grey[2])
