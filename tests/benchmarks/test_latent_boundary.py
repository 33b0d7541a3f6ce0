import functools

import numpy as np
import tensorflow as tf

from benchmarks.latent_boundary import LatentBoundary
from keras_gan import networks
from keras_gan.unlearning import FeatureUnlearner, LatentDirection
from tests.test_case import TestCase


def ball():
    """Latents in three dimensions, and whether they lie within a unit ball, where a fifth does."""
    codes = np.random.default_rng(0).normal(size=(3000, 3)).astype("float32")
    return codes, (codes**2).sum(axis=1) < 1.0


@functools.cache
def found():
    """The boundary of that ball."""
    codes, inside = ball()
    return LatentBoundary.from_latents(codes[inside], codes[~inside])


class LatentBoundaryTest(TestCase):
    def test_log_odds_by_hand(self):
        feature = LatentBoundary([[1.0, 2.0], [0.0, 1.0]], [0.5, 0.0], [3.0, -1.0], 0.25, threshold=0.0)
        expected = 3.0 * np.tanh(1.0 - 2.0 + 0.5) - np.tanh(-1.0) + 0.25
        self.assertAllClose(feature.project([[1.0, -1.0]]), [expected])

    def test_finds_what_no_direction_finds(self):
        codes, inside = ball()
        feature = found()
        other = np.random.default_rng(1).normal(size=(2000, 3)).astype("float32")
        truth = (other**2).sum(axis=1) < 1.0
        self.assertGreater(feature.quality(other, truth)["auc"], 0.99)
        plane = LatentDirection.from_latents(codes[inside], codes[~inside])
        self.assertLess(plane.quality(other, truth)["auc"], 0.6)
        # The threshold is where the odds are those among all: about every fifth lies within.
        self.assertAllClose(feature.threshold, np.log(inside.sum() / (~inside).sum()))

    def test_what_is_removed_lies_on_the_boundary_and_the_rest_is_untouched(self):
        (codes, _), feature = ball(), found()
        removed, present = feature.remove(codes), feature.present(codes)
        self.assertBetween(present.mean(), 0.1, 0.4)
        np.testing.assert_array_equal(removed[~present], codes[~present])
        self.assertLess(feature.project(removed[present]).max(), feature.threshold + 0.05)
        # Outwards, and hardly further than the surface.
        lengths = np.linalg.norm(removed[present], axis=1)
        self.assertAllClose(lengths, np.full(len(lengths), lengths.mean()), atol=0.25)

    def test_arrays_and_tensors_in_every_mode_agree(self):
        (codes, _), feature = ball(), found()
        some = tf.constant(codes[:5])
        for method in (feature.project, feature.remove):
            self.assertAllClose(method(some), method(codes[:5]))
            for xla in (False, True):
                self.assertAllClose(tf.function(method, jit_compile=xla)(some), method(codes[:5]), atol=1e-4)

    def test_the_same_seed_gives_the_same_boundary(self):
        codes, inside = ball()
        first, again, other = (
            LatentBoundary.from_latents(codes[inside][:50], codes[~inside][:100], seed=seed).kernel
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first, again)
        self.assertNotAllClose(first, other)

    def test_serialization(self):
        feature = LatentBoundary([[1.0, 2.0]], [0.1], [3.0], 0.2, threshold=-0.3)
        path = self.path("feature.json")
        feature.save(path)
        for again in (self.assert_config_round_trip(feature), LatentBoundary.load(path)):
            np.testing.assert_array_equal(again.kernel, feature.kernel)
            self.assertEqual((again.offset, again.threshold), (0.2, -0.3))
        self.assertEqual(feature.with_threshold(1.5).threshold, 1.5)

    def test_a_generator_unlearns_with_it(self):
        generator = networks.MLPGenerator((4, 4, 1), latent_dim=2, hidden_units=(4,))
        unlearner = FeatureUnlearner(generator, LatentBoundary([[2.0, 0.0]], [0.0], [4.0], 0.0, threshold=0.0))
        unlearner.compile("adam")
        means = unlearner.evaluate(tf.data.Dataset.from_tensors(np.eye(2, dtype="float32")), verbose=0)
        self.assertTrue(np.all(np.isfinite(means)))

    def test_errors(self):
        codes, inside = ball()
        with self.assertRaisesRegex(ValueError, "at least 10 latents each.*shapes .3, 3. and .3000, 3."):
            LatentBoundary.from_latents(codes[:3], codes)
        with self.assertRaisesRegex(ValueError, "must be finite"):
            LatentBoundary.from_latents(codes[inside], np.full((20, 3), np.nan))
        with self.assertRaisesRegex(ValueError, "of shape .hidden, latent_dim."):
            LatentBoundary([[1.0, 2.0]], [0.0, 1.0], [1.0], 0.0, 0.0)
        with self.assertRaisesRegex(ValueError, "of finite numbers"):
            LatentBoundary([[1.0, 2.0]], [0.0], [1.0], 0.0, np.nan)
