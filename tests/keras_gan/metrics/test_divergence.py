import math

import numpy as np
from absl.testing import parameterized

import keras_gan
from keras_gan.data import toy
from keras_gan.metrics import divergence
from tests.test_case import TestCase

LOG_2 = math.log(2)


def gaussians(shift, n=8000):
    """Samples of N(0, 1) and N(shift, 1)."""
    generator = np.random.default_rng(0)
    return generator.normal(size=(n, 1)).astype("float32"), shift + generator.normal(size=(n, 1)).astype("float32")


class ExactTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("kl", 0.75 * math.log(3) + 0.25 * math.log(1 / 3)),
        ("reverse_kl", 0.25 * math.log(1 / 3) + 0.75 * math.log(3)),
        ("pearson_chi_squared", 0.25 / 0.25 + 0.25 / 0.75),
        ("squared_hellinger", 2 * (math.sqrt(0.75) - 0.5) ** 2),
        ("jensen_shannon", 2 * (LOG_2 + 0.75 * math.log(0.75) + 0.25 * math.log(0.25))),
        ("gan", 2 * (0.75 * math.log(0.75) + 0.25 * math.log(0.25))),
    )
    def test_by_hand(self, name, expected):
        self.assertAllClose(divergence.exact(name, [0.75, 0.25], [0.25, 0.75]), expected, rtol=1e-12)

    def test_limits(self):
        apart = [1.0, 0.0], [0.0, 1.0]
        self.assertAllClose(divergence.exact_jensen_shannon(*apart), LOG_2)
        self.assertEqual(divergence.exact("kl", *apart), math.inf)
        self.assertEqual(divergence.exact("pearson_chi_squared", *apart), math.inf)
        self.assertEqual(divergence.exact("squared_hellinger", *apart), 2.0)
        for name in divergence._EXACT:
            self.assertAllClose(divergence.exact(name, [0.3, 0.7], [0.3, 0.7]), -2 * LOG_2 if name == "gan" else 0.0)
        tiny = np.array([5e-324, 1.0])
        self.assertTrue(math.isfinite(divergence.exact_jensen_shannon(tiny, tiny)))

    def test_gaussians(self):
        """KL of N(0, 1) from N(1, 1) is 1/2, squared Hellinger 2 (1 - exp(-1/8)), chi squared e - 1."""
        points, weights = toy.Mixture([0.5], 1.5).quadrature(per_std=20)
        p, q = (weights * toy.Mixture([mean], 1.0).density(points) for mean in (0.0, 1.0))
        self.assertAllClose(divergence.exact("kl", p, q), 0.5, rtol=1e-9)
        self.assertAllClose(divergence.exact("squared_hellinger", p, q), 2 * (1 - math.exp(-1 / 8)), rtol=1e-9)
        self.assertAllClose(divergence.exact("pearson_chi_squared", p, q), math.e - 1, rtol=1e-9)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "must be one of .*'kl'.*Received: divergence='KL'"):
            divergence.exact("KL", [1.0], [1.0])
        with self.assertRaisesRegex(ValueError, "`q` must hold masses of sum 1"):
            divergence.exact("kl", [1.0, 0.0], [1.0])
        with self.assertRaisesRegex(ValueError, "`p` must hold masses of sum 1"):
            divergence.exact("kl", [0.4], [1.0])
        with self.assertRaisesRegex(ValueError, "`p` must be finite. Received: NaN or infinity in row 0 of 2"):
            divergence.exact_jensen_shannon([math.nan, 1.0], [0.5, 0.5])


class ValueFunctionTest(TestCase):
    def test_the_optimal_discriminator_has_the_largest_value(self):
        p, q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
        best = divergence.optimal_discriminator(p, q)
        self.assertAllClose(best, [5 / 6, 1 / 2, 1 / 4])
        logits = np.log(p / q)
        bound = -2 * LOG_2 + 2 * divergence.exact_jensen_shannon(p, q)
        self.assertAllClose(divergence.value_function(logits, logits, p, q), bound, rtol=1e-12)
        for change in np.eye(3) * 0.1:
            self.assertLess(divergence.value_function(logits + change, logits + change, p, q), bound)

    def test_large_logits_do_not_overflow(self):
        self.assertAllClose(divergence.value_function([1e4], [-1e4]), 0.0)
        self.assertAllClose(divergence.value_function([-1e4], [1e4]), -2e4)


class ProbeTest(TestCase, parameterized.TestCase):
    def test_a_lower_bound_that_is_nearly_tight(self):
        """N(0, 1) against N(1, 1): 0.1114 by quadrature."""
        points, weights = toy.Mixture([0.5], 1.5).quadrature(per_std=20)
        p, q = (weights * toy.Mixture([mean], 1.0).density(points) for mean in (0.0, 1.0))
        true = divergence.exact_jensen_shannon(p, q)
        found = divergence.jensen_shannon(*gaussians(1.0), steps=300)
        self.assertAllClose(found["estimate"], true, rtol=0, atol=4 * found["standard_error"] + 0.004)
        self.assertEqual(found["test_examples"], 2000)

    @parameterized.parameters(("kl", 0.5, 0.12), ("squared_hellinger", 2 * (1 - math.exp(-1 / 8)), 0.05))
    def test_other_divergences(self, name, true, tolerance):
        found = divergence.lower_bound(*gaussians(1.0), name, steps=200)
        self.assertAllClose(found["estimate"], true, rtol=0, atol=tolerance)

    def test_one_distribution_and_two_apart(self):
        same = divergence.jensen_shannon(*gaussians(0.0), steps=20)
        self.assertBetween(same["estimate"], 0.0, 0.01)
        apart = divergence.jensen_shannon(*gaussians(10.0), steps=60, learning_rate=1e-2)
        self.assertBetween(apart["estimate"], 0.68, LOG_2)

    def test_overfitting_does_not_count(self):
        """Few points in many dimensions are told apart by heart, and the estimate must not rise for it."""
        generator = np.random.default_rng(0)
        x = generator.normal(size=(120, 200)).astype("float32")
        found = divergence.jensen_shannon(x[:60], x[60:], steps=60, patience=100)
        self.assertLess(found["estimate"], 0.1)

    def test_repeats_itself(self):
        x, y = gaussians(1.0, n=200)
        first, second = (divergence.jensen_shannon(x, y, steps=20, seed=3) for _ in range(2))
        self.assertEqual(first, second)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "at least 8 real"):
            divergence.lower_bound(np.zeros((7, 1)), np.zeros((9, 1)))
        with self.assertRaisesRegex(ValueError, "of one shape. Received: .*1.*2"):
            divergence.lower_bound(np.zeros((9, 1)), np.zeros((9, 2)))
        with self.assertRaisesRegex(ValueError, "`divergence` must be one of"):
            divergence.lower_bound(np.zeros((9, 1)), np.zeros((9, 1)), "total_variation")
        with self.assertRaisesRegex(ValueError, "`fake` must be finite"):
            divergence.jensen_shannon(np.zeros((9, 1)), np.full((9, 1), math.nan))

    def test_a_discriminator_that_diverged_estimates_nothing(self):
        """Cut off at 0 it would say that nothing can be told apart."""
        discriminator = keras_gan.networks.MLPDiscriminator((1,), hidden_units=(4,))
        discriminator.set_weights([np.full(weight.shape, math.nan) for weight in discriminator.get_weights()])
        x = gaussians(1.0, n=40)
        self.assertTrue(math.isnan(divergence.jensen_shannon(*x, discriminator=discriminator, steps=2)["estimate"]))


class DualityGapTest(TestCase):
    def networks(self, mean):
        """A generator of N(mean, 1), and a discriminator that cannot decide."""
        generator = keras_gan.networks.MLPGenerator((1,), latent_dim=1, hidden_units=())
        generator.set_weights([np.ones((1, 1)), np.full(1, mean)])
        discriminator = keras_gan.networks.MLPDiscriminator((1,), hidden_units=(16,), kernel_initializer="he_normal")
        *hidden, kernel, bias = discriminator.get_weights()
        discriminator.set_weights([*hidden, 0.0 * kernel, 0.0 * bias])
        return generator, discriminator

    def test_zero_at_the_equilibrium_and_positive_elsewhere(self):
        real = gaussians(0.0, n=4000)[0]
        at = divergence.duality_gap(*self.networks(0.0), real, steps=60)
        self.assertAllClose([at["value"], at["gap"]], [-LOG_2, 0.0], rtol=0, atol=0.01)
        networks = self.networks(4.0)
        weights = [network.get_weights() for network in networks]
        off = divergence.duality_gap(*networks, real, steps=120, learning_rate=1e-2)
        # The best discriminator of N(0, 1) and N(4, 1) has a value near 0: half of -2 log 2 + 2 JSD = -0.13.
        self.assertAllClose(off["worst_discriminator"], -0.07, rtol=0, atol=0.06)
        self.assertAllClose(off["worst_generator"], -LOG_2, atol=1e-6)
        for network, before in zip(networks, weights, strict=True):
            self.assertAllClose(network.get_weights(), before, rtol=0, atol=0)

    def test_perturbation_moves_the_copies(self):
        real = gaussians(0.0, n=200)[0]
        plain, moved = (divergence.duality_gap(*self.networks(0.0), real, 1, perturbation=p) for p in (0.0, 0.5))
        self.assertNotEqual(plain["worst_discriminator"], moved["worst_discriminator"])
        self.assertEqual(plain["value"], moved["value"])

    def test_errors(self):
        generator = keras_gan.networks.MLPGenerator((1,), latent_dim=1, hidden_units=(), num_classes=2)
        with self.assertRaisesRegex(ValueError, "unconditional.*Received: num_classes=2, 9 examples"):
            divergence.duality_gap(generator, self.networks(0.0)[1], np.zeros((9, 1)))
