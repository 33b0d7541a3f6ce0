import numpy as np

from keras_gan import metrics
from tests.test_case import TestCase


class NearestTest(TestCase):
    def test_agrees_with_all_distances(self):
        rng = np.random.default_rng(0)
        queries, references = rng.normal(size=(37, 5)), rng.normal(size=(53, 5))
        distances = np.linalg.norm(queries[:, None] - references, axis=-1)
        for tile in (8, 64):
            found = metrics.nearest(queries, references, tile=tile)
            self.assertAllEqual(found.indices, distances.argmin(axis=1))
            self.assertAllClose(found.distances, distances.min(axis=1), rtol=1e-14)

    def test_equal_rows_are_exactly_at_distance_zero_far_from_the_origin(self):
        references = np.random.default_rng(0).normal(size=(100, 3)) + 1e6
        found = metrics.nearest(references, references, tile=16)
        self.assertAllEqual(found.distances, np.zeros(100))
        self.assertAllEqual(found.indices, np.arange(100))

    def test_bad_input(self):
        rows = np.zeros((2, 3))
        with self.assertRaisesRegex(ValueError, r"`queries` must be a matrix .* Received: shape \(3,\)"):
            metrics.nearest(rows[0], rows)
        with self.assertRaisesRegex(ValueError, r"`references` must be a matrix .* Received: shape \(0, 3\)"):
            metrics.nearest(rows, rows[:0])
        with self.assertRaisesRegex(ValueError, "`queries` must be finite"):
            metrics.nearest(rows * np.nan, rows)
        with self.assertRaisesRegex(ValueError, "as wide as each other"):
            metrics.nearest(rows, rows[:, :2])


class DataCopyingTest(TestCase):
    def test_counts_pairs_by_hand(self):
        # Distances to the only training example: 1, 2, 2 of the fakes, 2, 3 of the test examples. Of six pairs none
        # has the larger fake and two are ties: U = 1. Its mean is 3; its variance, with three ties among five,
        # 3 2 / 12 (6 - (3^3 - 3) / (5 4)) = 2.4.
        found = metrics.data_copying([[0.0]], [[2.0], [3.0]], [[1.0], [-2.0], [2.0]])
        self.assertAllClose(found.score, 1 / 6)
        self.assertAllClose(found.z_score, -2 / 2.4**0.5)
        # The nearest test example is 2 away; a third example is as likely nearer as between the two or beyond.
        self.assertAllClose([found.near_copies, found.expected_near_copies], [1 / 3, 1 / 3])
        self.assertAllEqual(found.fake.distances, [1.0, 2.0, 2.0])

    def test_new_examples_of_the_distribution_are_no_copies(self):
        z = []
        for seed in range(20):
            train, test, fake = np.random.default_rng(seed).normal(size=(3, 200, 2))
            found = metrics.data_copying(train, test, fake)
            self.assertBetween(found.score, 0.35, 0.65)
            z.append(found.z_score)
        # Both sets are judged against one training set, so that z is a little wider than a standard normal variable.
        self.assertBetween(np.std(z), 0.5, 1.8)
        self.assertBetween(np.mean(z), -0.9, 0.9)

    def test_the_expectation_of_near_copies_is_that_of_new_examples(self):
        """Of 40 test examples the nearest counts, of 250 the second; new ones come nearer at 1/41 and 2/251."""
        random = np.random.default_rng(0)
        for m, expected in ((40, 1 / 41), (250, 2 / 251)):
            found = [metrics.data_copying(*(random.normal(size=(k, 2)) for k in (50, m, 200))) for _ in range(150)]
            self.assertAllClose(found[0].expected_near_copies, expected)
            shares = np.array([each.near_copies for each in found])
            self.assertLess(abs(shares.mean() - expected), 4 * shares.std() / np.sqrt(len(shares)))

    def test_copies_and_strangers_are_told_apart(self):
        train, test, fake = np.random.default_rng(0).normal(size=(3, 300, 4))
        self.assertLess(metrics.data_copying(train, test, train[:100]).z_score, -10)
        self.assertEqual(metrics.data_copying(train, test, train[:100]).near_copies, 1.0)
        strangers = metrics.data_copying(train, test, fake + 5)
        self.assertGreater(strangers.z_score, 10)
        self.assertEqual(strangers.near_copies, 0.0)

    def test_all_distances_equal(self):
        ones = np.ones((4, 2))
        self.assertEqual(metrics.data_copying(ones, ones, ones)[:3], (0.5, 0.0, 0.0))
