"""The measures of forgetting, on generators whose images are known."""

import dataclasses
import types

import numpy as np
import tensorflow as tf

from keras_gan import data, networks, unlearning
from keras_gan.metrics import features
from tests.test_case import TestCase
from trainers.forgetting import forgetting, targets


class Constant(networks.Generator):
    """Images whose every pixel is the first latent, times a factor, cut off at 1."""

    def __init__(self, factor=1.0):
        super().__init__(image_shape=(4, 4, 1), latent_dim=2)
        self.factor = factor
        self.build()

    def call(self, inputs, training=None):
        codes, _ = self.unpack(inputs)
        return tf.clip_by_value(tf.tile(self.factor * codes[:, :1, None, None] / 4, (1, 4, 4, 1)), -1.0, 1.0)


def brightness(images):
    return tf.reduce_mean(tf.convert_to_tensor(images), axis=(1, 2, 3))


TARGET = targets.Target("bright", brightness, brightness, "its mean", differentiable=True)
NO_ATTACK = types.SimpleNamespace(attacks=0, attack_steps=1, seed=0)
NOTHING_REAL = forgetting.RealImages(np.zeros((0, 4, 4, 1), np.uint8), "none", None)


class ForgettingTest(TestCase):
    def setUp(self):
        super().setUp()
        self.feature = unlearning.LatentDirection([1.0, 0.0], 1.0)
        self.probes = forgetting.Probes.draw(Constant(), 500, 0)

    def measure(self, unlearned, config=NO_ATTACK, cutoff=0.3, target=TARGET):
        report = forgetting.measure(
            Constant(), unlearned, self.feature, target, cutoff, self.probes, NOTHING_REAL, config
        )
        return report["methods"]

    def test_shares_and_distances(self):
        z = self.probes.codes[:, 0]
        found = self.measure(Constant(0.5))
        # Bright are those with z / 4 >= 0.3; half as bright those with z / 8 >= 0.3.
        self.assertEqual(found["original"]["share"]["count"], (z >= 1.2).sum())
        self.assertEqual(found["unlearned"]["share"]["count"], (z >= 2.4).sum())
        self.assertEqual(found["rejection"]["share"]["count"], 0)
        self.assertEqual(found["projection"]["share"]["count"], 0)
        # What lies beyond the threshold and is not bright stays.
        self.assertEqual(found["original"]["share_detected"], 1.0)
        self.assertAllClose(found["original"]["to_projection"], np.mean(z[z >= 1.2] - 1.0) / 4, rtol=1e-4)
        self.assertAllClose(found["unlearned"]["to_original"], np.mean(np.abs(z[z < 1.2])) / 8, rtol=1e-4)
        # Where nobody can look within a step, all that lies beyond is to be changed.
        found = self.measure(Constant(0.5), target=dataclasses.replace(TARGET, differentiable=False))
        self.assertAllClose(found["original"]["share_detected"], (z >= 1.2).sum() / (z >= 1.0).sum())
        self.assertAllClose(found["original"]["to_projection"], np.mean(z[z >= 1.0] - 1.0) / 4, rtol=1e-4)
        for name in ("original", "projection"):
            self.assertEqual(found[name]["to_original"], 0.0)
        self.assertEqual(found["projection"]["to_projection"], 0.0)
        # Other latents were drawn only where the feature is present.
        self.assertEqual(found["rejection"]["to_original"], 0.0)
        self.assertGreater(found["rejection"]["to_projection"], 0.0)

    def test_what_became_of_images_without_the_feature(self):
        # Classes by brightness: grey up to 0.1, bright above.
        target = dataclasses.replace(TARGET, classify=lambda images: (images.mean(axis=(1, 2, 3)) > 0.1).astype(int))
        z = self.probes.codes[:, 0]
        before, after = (forgetting.make(each, self.probes) for each in (Constant(), Constant(0.5)))
        found = forgetting.featureless(before, after, target, 0.3)
        lack = z < 1.2
        self.assertAllClose(found["to_original_featureless"], np.abs(z[lack]).mean() / 8, rtol=1e-4)
        # Those with z / 4 > 0.1 whose half is not.
        self.assertEqual(found["class_changed"]["count"], ((z > 0.4) & (z <= 0.8)).sum())
        self.assertIsNone(forgetting.featureless(before, after, TARGET, 0.3)["class_changed"])

    def test_a_warning_where_far_more_lies_beyond_than_has_it(self):
        self.assertIsNone(forgetting.warning(None))
        self.assertIsNone(forgetting.warning({"present_rate": 0.27, "true_rate": 0.09}))
        self.assertIn("77.0% of the latents", forgetting.warning({"present_rate": 0.77, "true_rate": 0.09}))

    def test_wilson(self):
        # Of none in 20 the upper end is z^2 / (20 + z^2), z the normal quantile of 97.5 %.
        share = forgetting._share(np.zeros(20, bool))
        self.assertAllClose((share["low"], share["high"]), (0.0, 1.959964**2 / (20 + 1.959964**2)))
        half = forgetting._share(np.arange(10) % 2 == 0)
        self.assertAllClose(half["low"] + half["high"], 1.0)

    def test_the_search_finds_what_is_there_and_not_what_is_not(self):
        config = types.SimpleNamespace(attacks=4, attack_steps=200, seed=0)
        found = self.measure(Constant(0.01), config)
        self.assertEqual(found["original"]["recovered"], 1.0)
        self.assertEqual(found["unlearned"]["recovered"], 0.0)
        self.assertEqual(found["projection"]["recovered"], 1.0)  # the weights are the original's
        self.assertEqual(found["unlearned"]["recovered_by_annotator"], 0.0)

    def test_threshold(self):
        start = unlearning.LatentDirection([1.0, 0.0], 3.0)
        found = forgetting.with_threshold(Constant(), start, TARGET, 0.32, 0.25, seed=0, n=400)
        # Bright are latents from 1.28 on, a tenth; the first share that is tried whose latents end below is 15 %.
        self.assertBetween(found.threshold, 0.9, 1.28)
        self.assertAllEqual(found.direction, start.direction)
        # A direction that says nothing: the least that there is, without an error.
        blind = unlearning.LatentDirection([0.0, 1.0], 0.0)
        self.assertEqual(forgetting.with_threshold(Constant(), blind, TARGET, 0.32, 0.0, seed=0, n=50).latent_dim, 2)
        marked = targets.Target("marked", None, None, "nobody")
        self.assertIs(forgetting.with_threshold(Constant(), start, marked, None, 0.25, seed=0), start)

    def test_real_images_without_the_feature(self):
        source = data.open_source("mnist5k", "test")
        sevens = targets.parse("class:7", "mnist5k", source.class_names, _Shape((28, 28, 1)))
        found = forgetting.RealImages.without(source, sevens, 0.0, "mnist5k")
        self.assertAllEqual(found.images, source.images[source.labels != 7])
        self.assertIs(found.sees, features.get("mnist_classifier"))
        thick = targets.parse("thickness", "mnist5k", None, _Shape((28, 28, 1)))
        found = forgetting.RealImages.without(source, thick, 3.5, "mnist5k")
        self.assertBetween(len(found.images), 400, 490)
        self.assertLess(thick.judge(found.images).max(), 3.5)

    def test_table_and_pictures(self):
        report = forgetting.measure(
            Constant(), Constant(0.5), self.feature, TARGET, 0.3, self.probes, NOTHING_REAL, NO_ATTACK
        )
        lines = forgetting.table(report, TARGET).splitlines()
        self.assertEqual(lines[0].split(), list(forgetting.METHODS))
        self.assertRegex(lines[1], r"\Aimages with the feature +[0-9.]+% \([0-9.]+% to [0-9.]+%\) ")
        self.assertIn("its mean", lines[-1])
        picture = forgetting.compare(Constant(), Constant(0.5), self.feature, TARGET, 0.3, self.probes, columns=4)
        height, width = 8 * (64 + 2) + 2, 4 * (64 + 2) + 2
        self.assertEqual((picture.shape[0], picture.shape[2]), (height, 1))
        names, images = picture[:, :-width], picture[:, -width:]
        # The first row is bright, and the second half as bright.
        self.assertGreater(images[10, 10, 0], 128 + 0.29 * 127)
        self.assertAllClose(2 * (images[76, 10, 0] - 128.0), images[10, 10, 0] - 128.0, atol=2.0)
        # Every row has its name, in the middle of its height.
        for row in range(8):
            strip = names[row * height // 8 : (row + 1) * height // 8]
            self.assertLess(strip[20:50].min(), 128)
            self.assertEqual(strip[:10].min(), 255)


class _Shape:
    def __init__(self, image_shape):
        self.image_shape = image_shape
