import keras
import numpy as np
import tensorflow as tf

from keras_gan import networks
from keras_gan.unlearning import bring_back
from tests.test_case import TestCase


class Scaled(networks.Generator):
    """Latents times constants: what it can make is known."""

    def __init__(self, scales=(1.0, 1.0), num_classes=None, **kwargs):
        super().__init__(image_shape=(2,), latent_dim=2, num_classes=num_classes, **kwargs)
        self.scales = scales
        self.build()

    def call(self, inputs, training=None):
        codes, labels = self.unpack(inputs)
        x = codes * keras.ops.convert_to_tensor(np.float32(self.scales))
        return x if labels is None else x + keras.ops.cast(labels, x.dtype)[:, None]


def first(images):
    return images[:, 0]


class BringBackTest(TestCase):
    def test_finds_what_is_there_and_not_what_is_gone(self):
        search = {"cutoff": 2.5, "n": 6, "starts": 2, "steps": 150, "learning_rate": 0.5}
        found = bring_back(Scaled(), first, **search)
        self.assertEqual(found.share, 1.0)
        self.assertAllClose(found.scores, found.images[:, 0])
        self.assertAllClose(found.images, found.latents)
        # The best point of the disk that holds 99.9 % of the prior: 13.816 is that quantile of chi squared.
        self.assertAllClose(found.latents, np.tile([13.816**0.5, 0.0], (6, 1)), atol=0.1)
        self.assertEqual(bring_back(Scaled((0.5, 1.0)), first, **search).share, 0.0)

    def test_approaches_targets_and_judges_what_it_found(self):
        targets = np.array([[2.0, 1.0], [3.0, 0.0], [1.0, 1.0]], "float32")
        search = {"targets": targets, "starts": 2, "steps": 150, "learning_rate": 0.2}
        found = bring_back(Scaled(), lambda images: np.asarray(images)[:, 0] > 1.5, **search)
        self.assertAllClose(found.images, targets, atol=0.05)
        self.assertAllEqual(found.recovered, [True, True, False])
        self.assertIsNone(found.scores)
        flat = bring_back(Scaled((0.0, 1.0)), first, cutoff=1.5, **search)
        self.assertEqual(flat.share, 0.0)
        self.assertAllClose(flat.images[:, 1], targets[:, 1], atol=0.05)

    def test_labels(self):
        found = bring_back(Scaled((0.0, 0.0), num_classes=3), first, cutoff=1.0, n=6, starts=3, steps=2)
        self.assertAllClose(found.images[:, 0], [0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
        self.assertEqual(found.share, 4 / 6)
        found = bring_back(Scaled((0.0, 0.0), num_classes=3), first, cutoff=1.0, n=2, labels=2, starts=1, steps=2)
        self.assertEqual(found.share, 1.0)

    def test_bad_input(self):
        with self.assertRaisesRegex(ValueError, "needs the `cutoff` of the feature"):
            bring_back(Scaled(), first, n=1, steps=1)
        with self.assertRaisesRegex(ValueError, "differentiable TensorFlow operations"):
            bring_back(Scaled(), lambda images: tf.sign(tf.stop_gradient(images[:, 0])), cutoff=0.0, n=1, steps=1)
        with self.assertRaisesRegex(ValueError, "`starts` and `steps` must be at least 1"):
            bring_back(Scaled(), first, cutoff=0.0, n=1, steps=0)
