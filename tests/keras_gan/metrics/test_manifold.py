"""Tests of precision, recall, density and coverage."""

import numpy as np

from keras_gan import metrics
from keras_gan.metrics import manifold
from tests.keras_gan.metrics import oracles
from tests.test_case import TestCase


def _by_definition(real, fake, first, second):
    """The four metrics from whole matrices of directly computed distances."""

    def distances(x, y):
        return np.sum((x[:, None] - y[None]) ** 2, axis=-1)

    def radii(x, k):
        return np.sort(distances(x, x), axis=1)[:, k]

    across = distances(real, fake)
    return (
        (across <= radii(real, first)[:, None]).any(axis=0).mean(),
        (across <= radii(fake, first)).any(axis=1).mean(),
        (across < radii(real, second)[:, None]).sum(axis=0).mean() / second,
        (across < radii(real, second)[:, None]).any(axis=1).mean(),
    )


class ManifoldTest(TestCase):
    def setUp(self):
        super().setUp()
        random = np.random.RandomState(1)
        self.real, self.fake = random.normal(size=(230, 4)), 0.8 * random.normal(size=(190, 4)) + 0.3

    def test_equals_the_definition(self):
        np.testing.assert_allclose(
            metrics.manifold_metrics(self.real, self.fake), _by_definition(self.real, self.fake, 3, 5), rtol=1e-14
        )

    def test_one_pass_equals_two(self):
        both = metrics.manifold_metrics(self.real, self.fake, (2, 4))
        self.assertEqual(both[:2], metrics.precision_recall(self.real, self.fake, 2))
        self.assertEqual(both[2:], metrics.density_coverage(self.real, self.fake, 4))

    def test_ties_on_a_lattice(self):
        # Integers, so that definition and distances are exact: most neighbours are at the very radius, many equal.
        random = np.random.RandomState(3)
        for offset in (0, 1000):
            real, fake = random.randint(0, 4, (150, 3)) + offset, random.randint(0, 5, (160, 3)) + offset
            expected = _by_definition(real, fake, 3, 5)
            np.testing.assert_allclose(metrics.manifold_metrics(real, fake), expected, rtol=1e-14)

    def test_ties_among_rounded_numbers(self):
        # Copies far from the origin, where products round by far more than the differences of their distances.
        random = np.random.RandomState(4)
        real = random.normal(size=(100, 6)) * 1e-3 + random.normal(size=6) * 1e3
        for dtype in (np.float32, np.float64):
            real = real.astype(dtype)
            equal = metrics.manifold_metrics(real, real[::-1], (3, 5))
            self.assertEqual(equal.precision, 1)
            self.assertEqual(equal.recall, 1)
            self.assertEqual(equal.coverage, 1)
        # Each lies in its own ball and in those whose k - 1 nearest it is among: k - 1 of them on average.
        np.testing.assert_allclose(equal.density, 1.0, rtol=1e-14)

    def test_tiles_do_not_matter(self):
        random = np.random.RandomState(5)
        real = np.concatenate([self.real, self.real[:50], random.normal(size=(30, 4)) * 1e-9 + 5])
        fake = np.concatenate([self.fake, self.real[:40], np.full((20, 4), 5.0)])
        whole = manifold.memberships(real, fake, 3, 5)
        for rows in (1, 3, 100):
            tiled = manifold.memberships(real, fake, 3, 5, tile_rows=rows)
            for name, values in whole.items():
                np.testing.assert_array_equal(tiled[name], values)

    def test_independent_sets_of_one_distribution(self):
        # Of a real sample and its neighbours of either kind in order, the first k + 1 others decide: no fake one comes
        # before the k-th real one with probability prod_{i < k} (n - 1 - i) / (2 n - 1 - i), about 2^-k.
        random = np.random.RandomState(6)
        n, k = 400, 5
        values = np.array([metrics.density_coverage(*random.normal(size=(2, n, 8)), k) for _ in range(12)])
        i = np.arange(k)
        expected = 1 - np.prod((n - 1 - i) / (2 * n - 1 - i))
        self.assertLess(abs(expected - (1 - 2.0**-k)), 0.001)
        errors = values.std(axis=0, ddof=1) / np.sqrt(12)
        self.assertLess(abs(values[:, 1].mean() - expected), 3.5 * errors[1])
        self.assertLess(abs(values[:, 0].mean() - n / n), 3.5 * errors[0])

    def test_disjoint_and_contained(self):
        far = metrics.manifold_metrics(self.real, self.fake + 100)
        self.assertEqual(far, (0, 0, 0, 0))
        collapsed = metrics.manifold_metrics(self.real, np.zeros((190, 4)) + self.real[0])
        self.assertEqual(collapsed.precision, 1)
        self.assertEqual(collapsed.recall, 1 / 230)
        self.assertLess(collapsed.coverage, 0.1)

    def test_symmetries(self):
        rotation, _ = np.linalg.qr(np.random.RandomState(2).normal(size=(4, 4)))
        whole = metrics.manifold_metrics(self.real, self.fake)
        for real, fake in [
            (self.real[::-1], np.roll(self.fake, 5, axis=0)),
            (self.real @ rotation + 3, self.fake @ rotation + 3),
            (1e-3 * self.real, 1e-3 * self.fake),
        ]:
            np.testing.assert_allclose(metrics.manifold_metrics(real, fake), whole, rtol=1e-14)
        swapped = metrics.precision_recall(self.fake, self.real)
        self.assertEqual((swapped.recall, swapped.precision), whole[:2])

    def test_many_columns_take_group_minima(self):
        random = np.random.RandomState(7)
        real, fake = random.normal(size=(2, 700, 3))
        np.testing.assert_allclose(metrics.manifold_metrics(real, fake), _by_definition(real, fake, 3, 5), rtol=1e-14)

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "less than the number of samples"):
            metrics.precision_recall(self.real, self.fake[:3])
        with self.assertRaisesRegex(ValueError, "positive integer"):
            metrics.density_coverage(self.real, self.fake, 0)
        self.assertEqual(metrics.density_coverage(self.real, self.real[:1], 5).density > 0, True)

    def test_oracles(self):
        golden = oracles.golden()
        real, fake = golden["real"], golden["fake"]
        ours = metrics.manifold_metrics(real, fake, (5, 5))
        for name, value in ours._asdict().items():
            np.testing.assert_allclose(value, golden[f"prdc_{name}"], rtol=1e-14)
        ours = metrics.precision_recall(real, fake)
        np.testing.assert_allclose(ours.precision, golden["torch_fidelity_precision"], rtol=1e-7)
        np.testing.assert_allclose(ours.recall, golden["torch_fidelity_recall"], rtol=1e-7)
