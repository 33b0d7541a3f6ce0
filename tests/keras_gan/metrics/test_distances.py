"""Tests of the Frechet and the kernel distance."""

import numpy as np
import pytest

from keras_gan import metrics
from keras_gan.metrics import distances
from tests.keras_gan.metrics import oracles
from tests.test_case import TestCase


class MomentsTest(TestCase):
    def test_equals_numpys_with_a_large_mean(self):
        features = np.random.RandomState(0).normal(size=(5000, 6)) + 1e6
        mean, covariance = metrics.moments(features)
        np.testing.assert_allclose(mean, features.mean(0), rtol=1e-14)
        np.testing.assert_allclose(covariance, np.cov(features, rowvar=False), rtol=1e-9, atol=1e-12)

    def test_float32_is_summed_in_float64(self):
        features = np.random.RandomState(0).normal(size=(5000, 3)).astype(np.float32) + np.float32(1000)
        _, covariance = metrics.moments(features)
        np.testing.assert_allclose(covariance, np.cov(features.astype(np.float64), rowvar=False), rtol=1e-12)


class FrechetTest(TestCase):
    def setUp(self):
        super().setUp()
        random = np.random.RandomState(1)
        self.real = random.normal(size=(300, 8)) @ random.normal(size=(8, 8))
        self.fake = random.normal(size=(250, 8)) @ random.normal(size=(8, 8)) + 1

    def test_commuting_gaussians(self):
        # ||(3, 4)||^2 + (1 - 2)^2 + (3 - 1)^2
        distance = metrics.frechet_distance_from_moments([0, 0], np.diag([1, 9]), [3, 4], np.diag([4, 1]))
        self.assertAlmostEqual(distance, 25 + 1 + 4, places=13)

    def test_gaussians_that_do_not_commute(self):
        # C1 = diag(4, 1), C2 = [[2, 1], [1, 2]]. M = C1^(1/2) C2 C1^(1/2) = [[8, 2], [2, 2]] has trace 10 and
        # determinant 12, so Tr M^(1/2) = sqrt(10 + 2 sqrt(12)).
        distance = metrics.frechet_distance_from_moments([0, 0], np.diag([4, 1]), [0, 0], [[2, 1], [1, 2]])
        self.assertAlmostEqual(distance, 9 - 2 * np.sqrt(10 + 2 * np.sqrt(12)), places=13)

    def test_singular_gaussians(self):
        # Rank one: C = u u^T, v v^T give |u|^2 + |v|^2 - 2 |u . v|.
        u, v = np.array([1.0, 2.0, 2.0]), np.array([2.0, 0.0, 1.0])
        distance = metrics.frechet_distance_from_moments(np.zeros(3), np.outer(u, u), np.zeros(3), np.outer(v, v))
        self.assertAlmostEqual(distance, 9 + 5 - 2 * 4, places=12)
        flat = metrics.frechet_distance_from_moments(np.zeros(2), np.zeros((2, 2)), np.zeros(2), np.eye(2))
        self.assertEqual(flat, 2)

    def test_equal_samples_are_at_0(self):
        scale = np.trace(np.cov(self.real, rowvar=False))
        self.assertLess(metrics.frechet_distance(self.real, self.real), 1e-13 * scale)
        constant = np.concatenate([self.real, np.ones((300, 1)), self.real[:, :1]], axis=1)
        self.assertLess(metrics.frechet_distance(constant, constant[::-1]), 1e-12 * scale)

    def test_symmetries(self):
        distance = metrics.frechet_distance(self.real, self.fake)
        rotation, _ = np.linalg.qr(np.random.RandomState(2).normal(size=(8, 8)))
        for real, fake, expected in [
            (self.fake, self.real, distance),
            (self.real[::-1], np.roll(self.fake, 3, axis=0), distance),
            (self.real @ rotation + 7, self.fake @ rotation + 7, distance),
            (1e-4 * self.real, 1e-4 * self.fake, 1e-8 * distance),
        ]:
            np.testing.assert_allclose(metrics.frechet_distance(real, fake), expected, rtol=1e-11)

    def test_few_samples_are_the_factor(self):
        with pytest.warns(UserWarning, match="more samples than features"):
            few = metrics.frechet_distance(self.real[:6], self.fake[:5])
        moments = [*metrics.moments(self.real[:6]), *metrics.moments(self.fake[:5])]
        np.testing.assert_allclose(few, metrics.frechet_distance_from_moments(*moments), rtol=1e-6)

    def test_influences_are_derivatives(self):
        distance, influences = distances.frechet_distance_with_influences(self.real, self.fake)
        np.testing.assert_allclose(distance, metrics.frechet_distance(self.real, self.fake), rtol=1e-12)
        # Moments of the samples with weight 1 + epsilon on one.
        for which, (changed, other) in enumerate([(self.real, self.fake), (self.fake, self.real)]):
            mean, covariance = metrics.moments(changed)
            rest = metrics.moments(other)
            for index in (0, 100):
                away = changed[index] - mean
                derivative = []
                for step in (1e-5, -1e-5):
                    moved = covariance + step * (np.outer(away, away) - covariance) - step**2 * np.outer(away, away)
                    derivative.append(metrics.frechet_distance_from_moments(mean + step * away, moved, *rest))
                # The influences have mean 0 for covariances divided by n; these are divided by n - 1.
                difference = (derivative[0] - derivative[1]) / 2e-5
                np.testing.assert_allclose(difference, influences[which][index], rtol=0.02, atol=0.02 * distance)

    def test_refuses(self):
        good = np.zeros((4, 2))
        for real, fake, message in [
            (np.zeros(4), good, "one row of features per sample"),
            (good, np.zeros((4, 3)), "equal width"),
            (good, np.full((4, 2), np.nan), "NaN or infinity in row 0 of 4"),
            (good[:1], good, "at least 2 samples"),
        ]:
            with self.assertRaisesRegex(ValueError, message):
                metrics.frechet_distance(real, fake)
        for moments, message in [
            (([0], [[1]], [0, 0], np.eye(2)), "equal length"),
            (([0, 0], [1, 1], [0, 0], np.eye(2)), "must have shape"),
            (([0, 0], [[1, 1], [0, 1]], [0, 0], np.eye(2)), "symmetric"),
            (([0, 0], [[1, 2], [2, 1]], [0, 0], np.eye(2)), "positive semidefinite"),
            (([0, np.inf], np.eye(2), [0, 0], np.eye(2)), "finite"),
        ]:
            with self.assertRaisesRegex(ValueError, message):
                metrics.frechet_distance_from_moments(*moments)


class KernelTest(TestCase):
    def setUp(self):
        super().setUp()
        random = np.random.RandomState(1)
        self.real, self.fake = random.normal(size=(30, 5)), random.normal(size=(25, 5)) + 0.3

    def _by_loops(self, real, fake):
        def kernel(x, y):
            return (x @ y / len(x) + 1) ** 3

        within = [[kernel(x, y) for x in z for y in z if x is not y] for z in (list(real), list(fake))]
        across = [kernel(x, y) for x in real for y in fake]
        return np.mean(within[0]) + np.mean(within[1]) - 2 * np.mean(across)

    def test_equals_the_definition(self):
        expected = self._by_loops(self.real, self.fake)
        np.testing.assert_allclose(metrics.kernel_distance(self.real, self.fake, None).value, expected, rtol=1e-12)
        self.assertEqual(
            metrics.kernel_distance(self.real, self.fake), metrics.kernel_distance(self.real, self.fake, None)
        )

    def test_tiles_do_not_matter(self):
        whole = distances._over_all(self.real, self.fake)
        for rows in (1, 7, 30):
            np.testing.assert_allclose(distances._over_all(self.real, self.fake, rows), whole, rtol=1e-11)

    def test_error_is_the_jackknifes(self):
        left_out = [
            [self._by_loops(np.delete(self.real, i, 0), self.fake) for i in range(30)],
            [self._by_loops(self.real, np.delete(self.fake, i, 0)) for i in range(25)],
        ]
        variance = sum((len(values) - 1) * np.var(values) for values in left_out)
        result = metrics.kernel_distance(self.real, self.fake, None)
        np.testing.assert_allclose(result.standard_error, np.sqrt(variance), rtol=1e-9)

    def test_subsets(self):
        many = metrics.kernel_distance(self.real, self.fake, subsets=3000, subset_size=20)
        whole = metrics.kernel_distance(self.real, self.fake, None)
        np.testing.assert_allclose(many.value, whole.value, atol=0.05 * abs(whole.value) + 0.02)
        self.assertLess(0.5 * whole.standard_error, many.standard_error)
        self.assertLess(many.standard_error, 2 * whole.standard_error)

    def test_unbiased(self):
        random = np.random.RandomState(5)
        values = [metrics.kernel_distance(*random.normal(size=(2, 20, 4)), None).value for _ in range(400)]
        self.assertLess(abs(np.mean(values)), 3 * np.std(values) / 20)

    def test_symmetries(self):
        rotation, _ = np.linalg.qr(np.random.RandomState(2).normal(size=(5, 5)))
        whole = metrics.kernel_distance(self.real, self.fake, None)
        for real, fake in [
            (self.fake, self.real),
            (self.real[::-1], self.fake),
            (self.real @ rotation, self.fake @ rotation),
        ]:
            np.testing.assert_allclose(metrics.kernel_distance(real, fake, None), whole, rtol=1e-10)

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "at least 3 samples"):
            metrics.kernel_distance(self.real[:2], self.fake)
        with self.assertRaisesRegex(ValueError, "positive integer"):
            metrics.kernel_distance(self.real, self.fake, subset_size=0)
        with self.assertRaisesRegex(ValueError, "At least 2 subsets"):
            metrics.kernel_distance(self.real, self.fake, subsets=1, subset_size=20)


class OraclesTest(TestCase):
    def test_frechet(self):
        golden = oracles.golden()
        distance = metrics.frechet_distance(golden["real"], golden["fake"])
        for name in ("scipy", "clean_fid", "torch_fidelity"):
            np.testing.assert_allclose(distance, golden[f"{name}_frechet"], rtol=1e-10, err_msg=name)

    def test_kernel(self):
        golden = oracles.golden()
        real, fake = golden["real"], golden["fake"]
        whole = metrics.kernel_distance(real[:200], fake).value
        np.testing.assert_allclose(whole, golden["clean_fid_kernel"], rtol=1e-10)
        subsets = metrics.kernel_distance(real, fake, subsets=10, subset_size=50, seed=3)
        np.testing.assert_allclose(subsets.value, golden["torch_fidelity_kernel"], rtol=1e-10)
        variance = golden["torch_fidelity_kernel_std"] ** 2 * 10 / 9
        np.testing.assert_allclose(subsets.standard_error, np.sqrt(variance / 10 + variance * 50 / 150), rtol=1e-10)
