"""Tests of modes and their divergence."""

import itertools
import math

import numpy as np

from keras_gan import metrics
from tests.test_case import TestCase


class ModesTest(TestCase):
    def test_by_hand(self):
        # Shares (1/4, 3/4, 0) of (1/2, 1/4, 1/4).
        found = metrics.modes([0, 1, 1, 1], 3, distribution=[0.5, 0.25, 0.25])
        self.assertEqual(found.modes, 2)
        self.assertAlmostEqual(found.divergence, 0.25 * math.log(0.5) + 0.75 * math.log(3), places=14)
        self.assertEqual(metrics.modes(np.arange(8), 8).divergence, 0)
        self.assertEqual(metrics.modes([0], 2, distribution=[0.0, 1.0]).divergence, math.inf)

    def test_expectations_by_enumeration(self):
        truth, number = np.array([0.5, 0.3, 0.2]), 5
        modes, divergence = 0.0, 0.0
        for labels in itertools.product(range(3), repeat=number):
            probability = np.prod(truth[list(labels)])
            found = metrics.modes(labels, 3, truth)
            modes += probability * found.modes
            divergence += probability * found.divergence
        self.assertAlmostEqual(found.expected_modes, modes, places=12)
        self.assertAlmostEqual(found.expected_divergence, divergence, places=12)

    def test_expected_divergence_of_stacked_mnist(self):
        found = metrics.modes_from_counts(np.full(1000, 26))
        # (K - 1) / (2 n), and terms of second order in K / n.
        np.testing.assert_allclose(found.expected_divergence, 999 / 52000, rtol=0.03)
        self.assertEqual(found.modes, 1000)
        np.testing.assert_allclose(found.expected_modes, 1000, rtol=1e-10)

    def test_expectations_by_draws(self):
        random = np.random.RandomState(0)
        draws = [metrics.modes(random.randint(0, 50, 100), 50) for _ in range(200)]
        modes, divergences = np.array([draw[:2] for draw in draws]).T
        self.assertLess(abs(modes.mean() - draws[0].expected_modes), 4 * modes.std() / np.sqrt(200))
        self.assertLess(abs(divergences.mean() - draws[0].expected_divergence), 4 * divergences.std() / np.sqrt(200))

    def test_refuses(self):
        for labels, message in [([0.5], "one integer"), ([], "one integer"), ([-1, 0], "lie in"), ([3], "lie in")]:
            with self.assertRaisesRegex(ValueError, message):
                metrics.modes(labels, 3)
        with self.assertRaisesRegex(ValueError, "not all 0"):
            metrics.modes_from_counts([0, 0])
        with self.assertRaisesRegex(ValueError, "sum to 1"):
            metrics.modes([0], 2, distribution=[0.5, 0.6])
