import numpy as np
import tensorflow as tf

from keras_gan.data import jitter
from tests.test_case import TestCase


class JitterTest(TestCase):
    def test_every_window_and_both_sides_come(self):
        """A window is a part of the image, in its order or mirrored, and all of them occur."""
        images = tf.tile(tf.reshape(tf.range(5), (1, 1, 5, 1)), (200, 1, 1, 1))
        keys = tf.stack([tf.zeros(200, tf.int64), tf.range(200, dtype=tf.int64)], 1)
        found = {tuple(row) for row in jitter.crop_and_flip(images, keys, (1, 3), True).numpy()[:, 0, :, 0]}
        windows = [(0, 1, 2), (1, 2, 3), (2, 3, 4)]
        self.assertEqual(found, {*windows, *(window[::-1] for window in windows)})

    def test_all_channels_move_together(self):
        images = tf.random.stateless_uniform((4, 6, 6, 1), (0, 1))
        keys = tf.stack([tf.zeros(4, tf.int64), tf.range(4, dtype=tf.int64)], 1)
        made = jitter.crop_and_flip(tf.concat([images, images + 1.0], -1), keys, (4, 5), True)
        self.assertAllClose(made[..., 0] + 1.0, made[..., 1])

    def test_crops_that_do_not_fit_are_refused(self):
        self.assertIsNone(jitter.check_crop(None, (8, 8, 1)))
        self.assertEqual(jitter.check_crop("4x8", (8, 8, 1)), (4, 8))
        for shape in ((8, 7, 1), (8,)):
            with self.assertRaisesRegex(ValueError, "must fit into the images, of shape .*Received: crop='4x8'"):
                jitter.check_crop("4x8", shape)
        self.assertEqual(np.prod(jitter.check_crop((2, 3), (2, 3, 1))), 6)
