import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_gan import latents, networks
from keras_gan.metrics.features import classifiers
from keras_gan.unlearning import LatentDirection, annotate, class_score
from tests.test_case import TestCase

SHAPE = (4, 4, 1)


def generator(**kwargs):
    return networks.MLPGenerator(SHAPE, latent_dim=3, hidden_units=(8,), kernel_initializer="he_normal", **kwargs)


def brightness(images):
    return images.mean(axis=(1, 2, 3))


class FeatureTest(TestCase, parameterized.TestCase):
    def test_direction_and_threshold_by_hand(self):
        # Means (3, 1) and (0, -3): a difference of (3, 4), of length 5; half the sum is (1.5, -1).
        feature = LatentDirection.from_latents([[2, 0], [4, 2]], [[0, -3]])
        self.assertAllClose(feature.direction, [0.6, 0.8])
        self.assertAllClose(feature.threshold, 0.6 * 1.5 - 0.8)
        self.assertEqual(feature.direction.dtype, np.float32)
        self.assertEqual(LatentDirection.from_latents([[2, 0]], [[0, 0]], threshold=1.75).threshold, 1.75)

    def test_the_default_threshold_does_not_depend_on_how_many_of_each_there_are(self):
        few = LatentDirection.from_latents([[2.0, 1.0]], [[0.0, 1.0]])
        many = LatentDirection.from_latents([[2.0, 1.0]], [[0.0, 1.0]] * 9)
        self.assertEqual(few.threshold, many.threshold)

    def test_finds_the_direction_and_boundary_of_a_known_half_space(self):
        """Of latents whose projection is above 1.2816 sigma, 10 %, the threshold lies between the truncated means."""
        codes = np.random.default_rng(0).normal(size=(40_000, 4))
        truth = codes @ np.array([0.0, 0.6, 0.0, 0.8]) >= 1.2816
        feature = LatentDirection.from_latents(codes[truth], codes[~truth])
        self.assertAllClose(feature.direction, [0.0, 0.6, 0.0, 0.8], atol=0.02)
        # Means of a normal variable cut at c: phi(c) / 0.1 = 1.755 above, and -phi(c) / 0.9 = -0.195 below.
        self.assertAllClose(feature.threshold, (1.755 - 0.195) / 2, atol=0.02)
        self.assertGreater(feature.quality(codes, truth)["auc"], 0.999)

    def test_what_is_removed_lies_on_the_threshold_and_the_rest_is_untouched(self):
        codes = np.random.default_rng(1).normal(size=(500, 7)).astype("float32")
        feature = LatentDirection(np.arange(7.0) - 2.0, threshold=0.4)
        removed, present = feature.remove(codes), feature.present(codes)
        self.assertAllInRange(present.mean(), 0.2, 0.5)
        self.assertAllClose(feature.project(removed[present]), np.full(present.sum(), 0.4), atol=1e-5)
        np.testing.assert_array_equal(removed[~present], codes[~present])
        moved = removed - codes
        self.assertAllClose(moved, (moved @ feature.direction)[:, None] * feature.direction, atol=1e-5)
        self.assertAllClose(feature.remove(removed), removed, atol=1e-6)

    def test_arrays_and_tensors_in_every_mode_agree(self):
        codes = np.random.default_rng(2).normal(size=(6, 3)).astype("float32")
        feature = LatentDirection([1.0, -2.0, 0.5], threshold=0.1)
        for method in (feature.project, feature.present, feature.remove):
            expected = method(codes)
            self.assertIsInstance(expected, np.ndarray)
            self.assertIsInstance(method(tf.constant(codes)), tf.Tensor)
            for jit_compile in (False, True):
                self.assertAllClose(tf.function(method, jit_compile=jit_compile)(tf.constant(codes)), expected)

    def test_quality_by_hand(self):
        feature = LatentDirection([2.0], threshold=0.0)
        codes = np.array([[3.0], [2.0], [1.0], [-1.0], [-2.0]])
        found = feature.quality(codes, np.array([True, False, True, True, False]))
        expected = {
            "precision": 2 / 3,
            "recall": 2 / 3,
            "balanced_accuracy": (2 / 3 + 1 / 2) / 2,
            "auc": (2 + 1 + 1) / 6,
            "true_rate": 3 / 5,
            "present_rate": 3 / 5,
        }
        self.assertAllClose(found, expected)

    def test_area_under_curve_counts_pairs(self):
        rng = np.random.default_rng(3)
        codes, truth = rng.integers(0, 5, (60, 1)).astype(float), rng.uniform(size=60) < 0.3
        pairs = np.sign(codes[truth] - codes[~truth].T)
        self.assertAllClose(LatentDirection([1.0], 0.0).quality(codes, truth)["auc"], (1 + pairs.mean()) / 2)

    def test_quality_without_either_kind(self):
        found = LatentDirection([1.0], threshold=9.0).quality([[1.0], [2.0]], [False, False])
        self.assertEqual([name for name, value in found.items() if np.isnan(value)], [
            "precision", "recall", "balanced_accuracy", "auc"
        ])  # fmt: skip

    def test_config_and_file(self):
        feature = LatentDirection(np.random.default_rng(4).normal(size=9), threshold=0.3)
        path = self.path("feature.json")
        feature.save(path)
        for again in (self.assert_config_round_trip(feature), LatentDirection.load(path)):
            np.testing.assert_array_equal(again.direction, feature.direction)
            self.assertEqual(again.threshold, feature.threshold)
        for content in ("{}", '{"direction": [0, 0], "threshold": 1}', "["):
            with open(path, "w") as file:  # noqa: PTH123
                file.write(content)
            with self.assertRaisesRegex(ValueError, "holds no feature"):
                LatentDirection.load(path)

    @parameterized.parameters(
        ([], [[1.0]], r"at least one latent each, .*Received: shapes \(0,\) and \(1, 1\)"),
        ([[1.0, 2.0]], [[1.0]], r"of one latent_dim. Received: shapes \(1, 2\) and \(1, 1\)"),
        (np.zeros((0, 2)), [[1.0, 2.0]], "at least one latent each"),
        ([[np.nan]], [[1.0]], "Latents must be finite"),
        ([[1.0], [3.0]], [[2.0]], "must have different means, .*Received: a difference of length 0"),
    )
    def test_degenerate_sets_are_refused(self, positive, negative, message):
        with self.assertRaisesRegex(ValueError, message):
            LatentDirection.from_latents(positive, negative)

    def test_bad_input(self):
        for direction in ([0.0, 0.0], [np.inf, 1.0], [[1.0]], 3.0):
            with self.assertRaisesRegex(ValueError, "`direction` must be a vector of finite numbers"):
                LatentDirection(direction, 0.0)
        with self.assertRaisesRegex(ValueError, "`threshold` must be a finite number. Received: threshold=nan"):
            LatentDirection([1.0], np.nan)
        with self.assertRaisesRegex(ValueError, r"Expected latents of shape \(n, 2\). Received: shape \(1, 3\)"):
            LatentDirection([1.0, 0.0], 0.0).remove(np.zeros((1, 3)))
        with self.assertRaisesRegex(ValueError, "must hold 2 booleans, .*dtype int64"):
            LatentDirection([1.0], 0.0).quality([[1.0], [2.0]], [0, 1])


class AnnotateTest(TestCase, parameterized.TestCase):
    def test_top_share_of_a_score(self):
        network = generator()
        found = annotate(network, 50, brightness, share=0.2, seed=7, batch_size=16)
        images = network.sample(50, seed=7)
        self.assertEqual(found.present.sum(), 10)
        self.assertAllClose(found.scores, brightness(images), atol=1e-6)
        self.assertGreaterEqual(found.scores[found.present].min(), found.cutoff)
        self.assertLess(found.scores[~found.present].max(), found.cutoff)
        np.testing.assert_array_equal(found.latents, latents.from_seeds(np.arange(7, 57), 3))
        # The direction leads to brighter images.
        feature = found.feature()
        self.assertGreater(feature.quality(found.latents, found.present)["auc"], 0.8)

    def test_a_cutoff_judges_other_images_alike(self):
        network = generator()
        first = annotate(network, 50, brightness)
        second = annotate(network, 30, brightness, cutoff=first.cutoff, seed=20)
        np.testing.assert_array_equal(second.present, annotate(network, 50, brightness).scores[20:] >= first.cutoff)

    def test_booleans_and_marked_indices(self):
        network = generator()
        found = annotate(network, 40, lambda images: brightness(images) > 0.0)
        self.assertIsNone(found.scores)
        self.assertIsNone(found.cutoff)
        marked = annotate(network, 40, np.flatnonzero(found.present))
        np.testing.assert_array_equal(marked.present, found.present)
        np.testing.assert_array_equal(marked.feature().direction, found.feature().direction)

    def test_labels_go_through_the_classes(self):
        network = generator(num_classes=3)
        seen = []
        found = annotate(network, 7, lambda images: seen.append(images) or brightness(images), batch_size=4)
        self.assertAllEqual(found.labels, [0, 1, 2, 0, 1, 2, 0])
        np.testing.assert_allclose(np.concatenate(seen), network.sample(7), atol=1e-6)
        self.assertAllEqual(annotate(network, 7, [0], labels=2).labels, [2] * 7)

    @parameterized.parameters(
        ({"has_feature": lambda images: images}, r"one boolean or number for each of 9 images. .*\(9, 4, 4, 1\)"),
        ({"has_feature": lambda images: np.full(9, np.nan)}, "must return finite scores"),
        ({"has_feature": [1, 1]}, r"indices in \[0, 9\), each once. Received: has_feature=\[1, 1\]"),
        ({"has_feature": [9]}, r"indices in \[0, 9\)"),
        ({"has_feature": []}, r"indices in \[0, 9\)"),
        ({"has_feature": "smile"}, "must be a function of images, or indices"),
        ({"has_feature": brightness, "share": 1.0}, r"`share` must lie in \(0, 1\)"),
        ({"has_feature": [0], "labels": 1}, "takes no labels"),
        ({"has_feature": [0], "n": 0}, "must be at least 1"),
    )
    def test_bad_input(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            annotate(generator(), **{"n": 9, **arguments})


class ClassScoreTest(TestCase):
    def test_log_odds_of_a_shipped_classifier(self):
        images = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1)).astype("float32")
        _, probabilities = classifiers.load("mnist_classifier")[0](images)
        p = np.asarray(probabilities, np.float64)[:, 4]
        self.assertAllClose(class_score("mnist_classifier", 4)(images), np.log(p / (1 - p)), atol=1e-4, rtol=1e-4)
        with self.assertRaisesRegex(ValueError, r"`label` must be a class, in \[0, 10\). Received: label=10"):
            class_score("mnist_classifier", 10)

    def test_is_finite_with_a_finite_gradient_where_a_class_is_certain(self):
        inputs = keras.Input((2,))
        model = keras.Model(inputs, keras.layers.Softmax()(inputs))
        x = tf.constant([[0.0, 0.0], [1.0, 0.0], [300.0, 0.0], [0.0, 300.0]])
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = class_score(model, 0)(x)
        self.assertAllClose(score[:2], [0.0, 1.0], atol=1e-5)
        self.assertAllClose(score[2:], [np.log(1e7), np.log(1e-37)], rtol=1e-4)
        gradient = tape.gradient(score, x)
        self.assertAllClose(gradient[:2], [[1.0, -1.0], [1.0, -1.0]], atol=1e-5)
        self.assertTrue(np.isfinite(gradient).all())
