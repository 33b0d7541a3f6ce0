import numpy as np
import tensorflow as tf

from keras_gan import networks
from keras_gan.metrics import conditional, features
from tests.test_case import TestCase


def bars(n, seed, noise=0.3):
    """Images of 8x8 with a bright row, 0 or 4, that is the class, and noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    images = rng.uniform(-1, -1 + noise, (n, 8, 8, 1)).astype("float32")
    images[np.arange(n), 4 * labels] = 1.0
    return images, labels


class Bars:
    """A generator of `bars` that ignores a share of its labels."""

    num_classes = 2

    def __init__(self, ignored):
        self.ignored = ignored

    def sample(self, n, labels, seed):
        images, shown = bars(4 * n, seed)
        rng = np.random.default_rng(seed)
        wanted = np.where(rng.uniform(size=n) < self.ignored, 1 - labels, labels)
        pools = [list(np.flatnonzero(shown == label)) for label in (0, 1)]
        return images[[pools[label].pop() for label in wanted]]


def bright_half(images):
    """Features and probabilities of a classifier that looks for the brighter of two rows."""
    rows = tf.reduce_mean(images, axis=(2, 3))
    return rows, tf.nn.softmax(tf.gather(rows, [0, 4], axis=1))


class ConditionalTest(TestCase):
    def test_nearest_neighbours_against_all_distances(self):
        rng = np.random.default_rng(0)
        train, test = rng.normal(size=(40, 3, 2, 1)), rng.normal(size=(33, 3, 2, 1))
        labels, expected = rng.integers(0, 3, 40), rng.integers(0, 3, 33)
        nearest = [np.argmin([np.sum((a - b) ** 2) for b in train]) for a in test]
        error = conditional.nearest_neighbour_error(train, labels, test, expected)
        self.assertAllClose(error, np.mean(labels[nearest] != expected))
        self.assertEqual(conditional.nearest_neighbour_error(train, labels, train, labels), 0.0)

    def test_a_classifier_learns(self):
        classifier = conditional.train_classifier(*bars(100, 0), num_classes=2, steps=30, batch_size=20)
        images, labels = bars(50, 1)
        self.assertGreater(conditional.accuracy(classifier, images, labels, batch_size=30), 0.95)
        self.assertLess(conditional.accuracy(classifier, images, 1 - labels), 0.05)
        again = conditional.train_classifier(*bars(100, 0), num_classes=2, steps=30, batch_size=20)
        self.assert_same_weights(again, classifier)

    def test_a_generator_that_obeys_and_one_that_does_not(self):
        train, test = bars(100, 2), bars(60, 3)
        obeys, ignores = (conditional.evaluate(Bars(share), train, test, steps=30) for share in (0.0, 1.0))
        for name, good, bad in (
            ("nearest_neighbour_error_generated", 0.0, 1.0),
            ("nearest_neighbour_error_real", 0.0, 0.0),
            ("gan_train", 1.0, 0.0),
            ("gan_test", 1.0, 0.0),
            ("real_train", 1.0, 1.0),
        ):
            self.assertAllClose(obeys[name], good, atol=0.05, msg=name)
            self.assertAllClose(ignores[name], bad, atol=0.05, msg=name)
        self.assertEqual((obeys["train_images"], obeys["test_images"]), (100, 60))
        self.assertEqual((obeys["judge"], obeys["judge_real"]), ("train", obeys["real_train"]))

    def test_a_judge_that_learned_elsewhere(self):
        """It says what the generator's classes are, whatever the real images that the others learn from are called."""
        brighter = features.FeatureExtractor("halves", bright_half, "digest", (8, 8, 1))
        train, test = bars(40, 2), bars(30, 3)
        wrong = (train[0], 1 - train[1]), (test[0], 1 - test[1])
        generator = Bars(0.0)
        generator.image_shape = (8, 8, 1)
        found = conditional.evaluate(generator, train, test, steps=2, judge=brighter)
        self.assertEqual((found["judge"], found["judge_real"], found["gan_test"]), ("halves", 1.0, 1.0))
        found = conditional.evaluate(generator, *wrong, steps=2, judge=brighter)
        self.assertEqual((found["judge_real"], found["gan_test"]), (0.0, 1.0))
        generator.num_classes = 3
        with self.assertRaisesRegex(ValueError, "generator's 3 classes apart. Received: judge='halves' of 2 classes"):
            conditional.evaluate(generator, train, test, judge=brighter)
        without = features.FeatureExtractor("blind", lambda images: (images[:, 0, 0], None), "digest", (8, 8, 1))
        with self.assertRaisesRegex(ValueError, "judge='blind' of no classes"):
            conditional.evaluate(generator, train, test, judge=without)

    def test_it_takes_the_generators_of_the_package(self):
        generator = networks.MLPGenerator((8, 8, 1), latent_dim=2, hidden_units=(4,), num_classes=2)
        found = conditional.evaluate(generator, bars(20, 0), bars(10, 1), steps=2)
        self.assertAllInRange(list(found.values())[:5], 0.0, 1.0)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "train images must be .*Received: 3 images and 2 labels"):
            conditional.nearest_neighbour_error(np.zeros((3, 1)), np.zeros(2), np.zeros((1, 1)), np.zeros(1))
        train, test = ((np.zeros((2, size, size, 1), np.float32), np.zeros(2, int)) for size in (4, 5))
        with self.assertRaisesRegex(ValueError, r"Received: \(5, 5, 1\) and \(4, 4, 1\)"):
            conditional.evaluate(None, train, test)
        with self.assertRaisesRegex(ValueError, "test images .*Received: 0 images and 0 labels"):
            conditional.nearest_neighbour_error(np.zeros((3, 1)), np.zeros(3), np.zeros((0, 1)), np.zeros(0))
