import math

import numpy as np

from keras_gan.data import toy
from keras_gan.metrics import collapse
from tests.test_case import TestCase


class MixtureStatisticsTest(TestCase):
    def test_a_perfect_sampler(self):
        """98.89 % in two dimensions, 99.73 % in one, and the spread of each mode as it is."""
        for density, ceiling in ((toy.get("ring"), 1 - math.exp(-4.5)), (toy.two_gaussians(), 0.9973002)):
            found = collapse.mixture_statistics(density.sample(100_000, seed=5), density)
            self.assertEqual(found["modes"], found["total"])
            self.assertAllClose(found["ceiling"], ceiling, atol=1e-7)
            self.assertAllClose(found["high_quality"], ceiling, atol=0.0015)
            self.assertAllClose(found["std_ratio"], 1.0, atol=0.01)
            self.assertLess(found["reverse_kl"], 10 * found["reverse_kl_floor"])

    def test_by_hand(self):
        ring = toy.ring(8, std=0.02)
        near = ring.modes[[0, 0, 0, 3]] + [[0.0, 0.059], [0.0, -0.059], [0.0, 0.0], [0.0, 0.0]]
        far = np.array([[0.0, 0.0], [1.0, 0.061]])
        samples = np.concatenate([near, far])
        found = collapse.mixture_statistics(samples, ring)
        self.assertEqual((found["modes"], found["total"]), (2, 8))
        self.assertAllClose(found["high_quality"], 4 / 6)
        self.assertAllClose(found["occupancy"], [0.75, 0, 0, 0.25, 0, 0, 0, 0])
        self.assertAllClose(found["reverse_kl"], 0.75 * math.log(6) + 0.25 * math.log(2))
        self.assertAllClose(found["reverse_kl_floor"], 7 / 12)

    def test_shrunken_modes_exceed_the_ceiling_and_show_in_the_ratio(self):
        ring = toy.get("ring")
        shrunken = toy.Mixture(ring.means, ring.std / 2)
        found = collapse.mixture_statistics(shrunken.sample(20_000), ring)
        self.assertGreater(found["high_quality"], found["ceiling"])
        # Half the deviation, and cut at six of its own: the cut costs 2.6 % only of the reference.
        self.assertAllClose(found["std_ratio"], 0.5 / 0.9744, atol=0.01)

    def test_nothing_near_any_mode(self):
        found = collapse.mixture_statistics(np.zeros((5, 2)), toy.ring())
        self.assertEqual((found["modes"], found["high_quality"]), (0, 0.0))
        self.assertTrue(math.isnan(found["std_ratio"]) and math.isnan(found["reverse_kl"]))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "no modes to count. Received: mixture='swiss_roll'"):
            collapse.mixture_statistics(np.zeros((2, 2)), toy.get("swiss_roll"))
        with self.assertRaisesRegex(ValueError, r"shape \(n, 2\). Received: .*\(2, 3\)"):
            collapse.mixture_statistics(np.zeros((2, 3)), toy.ring())


class ClassStatisticsTest(TestCase):
    def test_by_hand(self):
        found = collapse.class_statistics(np.array([0, 0, 0, 2]), 4, reference=[0.5, 0.2, 0.2, 0.1])
        self.assertEqual((found["modes"], found["total"], found["samples"]), (2, 4, 4))
        self.assertAllClose(found["entropy"], -0.75 * math.log(0.75) - 0.25 * math.log(0.25))
        self.assertAllClose(found["kl"], 0.75 * math.log(1.5) + 0.25 * math.log(1.25))
        self.assertAllClose(found["kl_floor"], 3 / 8)

    def test_the_floor_is_what_a_perfect_sampler_scores(self):
        labels = np.random.default_rng(0).integers(0, 1000, (10, 26_000))
        scores = [collapse.class_statistics(row, 1000)["kl"] for row in labels]
        self.assertAllClose(collapse.class_statistics(labels[0], 1000)["kl_floor"], 0.0192, atol=1e-4)
        self.assertAllClose(np.mean(scores), 0.0192, rtol=0.03)

    def test_a_class_that_real_data_lack(self):
        self.assertEqual(collapse.class_statistics([1], 2, reference=[1.0, 0.0])["kl"], math.inf)

    def test_stacked(self):
        images = np.zeros((2, 2, 2, 3))
        images[:, 0, 0] = [[0.1, 0.2, 0.3], [0.9, 0.0, 0.5]]
        found = collapse.stacked_statistics(images, lambda channel: np.rint(10 * channel[:, 0, 0, 0]))
        self.assertEqual([i for i, share in enumerate(found["histogram"]) if share], [123, 905])

    def test_errors(self):
        for labels in ([3], [-1], [0.5], [], [[1]]):
            with self.assertRaisesRegex(ValueError, r"integer labels \(n,\) in \[0, 3\)"):
                collapse.class_statistics(np.array(labels), 3)
        with self.assertRaisesRegex(ValueError, "2 shares of sum 1"):
            collapse.class_statistics([0], 2, reference=[0.5, 0.6])


class BirthdayTest(TestCase):
    def test_the_support_of_a_uniform_sampler(self):
        generator = np.random.default_rng(0)
        things = generator.normal(size=(400, 3))
        found = collapse.birthday(things[generator.integers(0, 400, 2000)], threshold=1e-3, block=300)
        # 2000 * 1999 / 2 / 400 = 4998 coincidences are expected.
        self.assertAllClose(found["support"], 400, rtol=0.06)
        self.assertAllClose(found["relative_error"], found["coincidences"] ** -0.5, rtol=0.15)
        self.assertAllClose(found["batch_for_half"], math.sqrt(2 * math.log(2) * found["support"]))
        self.assertLess(found["support_at_least"], found["support"])

    def test_the_closest_pairs_come_first(self):
        samples = np.array([[0.0], [5.0], [5.1], [9.0], [0.05]])
        found = collapse.birthday(samples, threshold=0.07, block=2)
        self.assertEqual(found["closest"][:2], [(0, 4), (1, 2)])
        self.assertEqual(found["coincidences"], 1)

    def test_without_coincidences_there_is_a_bound(self):
        found = collapse.birthday(np.arange(100.0)[:, None], threshold=0.5)
        self.assertEqual((found["support"], found["relative_error"]), (math.inf, math.inf))
        # A Poisson number of this expectation is 0 with a probability of 5 %.
        self.assertAllClose(found["support_at_least"], 4950 / -math.log(0.05))

    def test_the_bound_falls_with_coincidences(self):
        """A Poisson number of the expectation m is at most 1 with a probability of (1 + m) exp(-m), 5 % at 4.7439."""
        samples = np.arange(100.0)[:, None]
        samples[1] = samples[0]
        found = collapse.birthday(samples, threshold=0.5)
        self.assertEqual((found["coincidences"], found["relative_error"]), (1, 1.0))
        self.assertAllClose(found["support_at_least"], 4950 / 4.743865, rtol=1e-6)

    def test_likely_things_make_estimates_uncertain(self):
        """Zipf's law over 1,000 things: the error is that of many draws, and the bound holds in 95 % of them."""
        probabilities = 1 / np.arange(1.0, 1001.0)
        probabilities /= probabilities.sum()
        generator = np.random.default_rng(0)
        things = [generator.choice(1000, (200, 1), p=probabilities) for _ in range(150)]
        found = [collapse.birthday(each, threshold=0.0) for each in things]
        coincidences = np.array([each["coincidences"] for each in found])
        true = coincidences.std() / coincidences.mean()
        self.assertGreater(true, 4 * coincidences.mean() ** -0.5)
        self.assertAllClose(np.mean([each["relative_error"] for each in found]), true, rtol=0.15)
        holds = np.mean([each["support_at_least"] <= 1 / np.sum(probabilities**2) for each in found])
        self.assertBetween(holds, 0.87, 0.99)

    def test_copies_of_images_are_found(self):
        images = np.random.default_rng(0).uniform(-1, 1, (120, 32, 32, 3)).astype("float32")
        images[60:] = images[:60] + np.float32(1e-6)
        images[90:] = images[30:60]
        for offset in (0.0, 1e3):
            for block in (None, 7):
                found = collapse.birthday(images + offset, threshold=1e-3, block=block)
                self.assertEqual(found["coincidences"], 60)
        self.assertEqual(collapse.birthday(images, threshold=0.0)["coincidences"], 30)
        self.assertEqual(collapse.birthday(images, threshold=0.0)["closest"][:2], [(30, 90), (31, 91)])

    def test_one_thing(self):
        found = collapse.birthday(np.ones((50, 3)), threshold=0.1, block=8)
        self.assertEqual((found["support"], found["coincidences"]), (1.0, 1225))
        self.assertEqual(found["closest"], [(0, j) for j in range(1, 21)])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "at least 2 samples"):
            collapse.birthday(np.zeros((1, 2)), 1.0)
        for threshold in (-1.0, math.nan, math.inf):
            with self.assertRaisesRegex(ValueError, "`threshold` must be a finite distance"):
                collapse.birthday(np.zeros((2, 2)), threshold)
