from types import SimpleNamespace
from unittest import mock

import numpy as np
import tensorflow as tf

from keras_gan import distribution, latents, networks, random
from tests.test_case import TestCase


def modes(function):
    """The same function run eagerly, as a graph and compiled by XLA."""
    return function, tf.function(function), tf.function(function, jit_compile=True)


class LatentsTest(TestCase):
    def test_uniform_numbers(self):
        u = random.uniform((100_000,), (3, 4)).numpy()
        self.assertAllInRange(u, 0.0, 1.0 - 2.0**-24)
        # Four standard errors of the mean (12^-1/2) and of the second moment ((1/5 - 1/9)^1/2).
        self.assertAllClose(np.mean(u), 1 / 2, atol=4 * 0.2887 / 100_000**0.5)
        self.assertAllClose(np.mean(u**2), 1 / 3, atol=4 * 0.2981 / 100_000**0.5)

    def test_priors_have_their_moments(self):
        z = latents.stateless((100_000,), (3, 4)).numpy().astype("float64")
        # E z^p = 0, 1, 0, 3; the variance of z^p is E z^2p - (E z^p)^2 = 1, 2, 15, 96.
        for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
            self.assertAllClose(np.mean(z**power), moment, atol=4 * (variance / 100_000) ** 0.5)
        self.assertAllClose(np.mean(np.abs(z) < 1.0), 0.6827, atol=4 * 0.4654 / 100_000**0.5)
        z = latents.stateless((100_000,), (3, 4), "uniform").numpy()
        self.assertAllInRange(z, -1.0, 1.0)
        self.assertAllClose([np.mean(z), np.mean(z**2)], [0.0, 1 / 3], atol=4 * 0.5774 / 100_000**0.5)

    def test_rows_and_columns_are_uncorrelated(self):
        z = latents.stateless((50_000, 4), (0, 0)).numpy()
        self.assertAllClose(np.corrcoef(z.T), np.eye(4), atol=4 / 50_000**0.5)
        self.assertAllClose(np.mean(z[1:] * z[:-1]), 0.0, atol=4 / 200_000**0.5)
        self.assertAllClose(np.mean(z * latents.stateless((50_000, 4), (0, 1))), 0.0, atol=4 / 200_000**0.5)

    def test_one_seed_gives_the_same_numbers_however_it_is_run(self):
        for prior in latents.PRIORS:
            eager, graph, xla = (
                f().numpy() for f in modes(lambda prior=prior: latents.stateless((50,), (3, 4), prior))
            )
            self.assertAllEqual(eager, graph)
            self.assertAllClose(eager, xla, rtol=1e-5, atol=1e-6)
            eager, xla = (f([1, -2]).numpy() for f in modes(lambda s, p=prior: latents.from_seeds(s, 9, p))[::2])
            self.assertAllClose(eager, xla, rtol=1e-5, atol=1e-6)

    def test_a_latent_depends_on_its_own_seed_only(self):
        seeds = [5, -1, 2**40, 5]
        z = latents.from_seeds(seeds, latent_dim=6).numpy()
        self.assertAllEqual(z[0], z[3])
        for i, seed in enumerate(seeds):
            self.assertAllEqual(latents.from_seeds([seed], 6)[0], z[i])
            self.assertAllEqual(latents.stateless((6,), (seed, 0)), z[i])
        self.assertNotAllClose(z[0], z[1])
        self.assertNotAllClose(z[0], z[2])

    def test_truncation_scales_every_row_by_its_own_factor(self):
        z = latents.from_seeds([1, 2], 3)
        self.assertAllClose(latents.from_seeds([1, 2], 3, truncation=0.5), 0.5 * z)
        self.assertAllClose(latents.from_seeds([1, 2], 3, truncation=[0.0, 1.0]), [np.zeros(3), z[1]])

    def test_replicas_see_their_rows_of_one_draw(self):
        def draw(n):
            return latents.stateless((n, 2), (0, 1))

        whole = draw(6)
        self.assertAllEqual(distribution.per_replica(draw, 6), whole)
        parts = []
        for replica in range(3):
            context = SimpleNamespace(num_replicas_in_sync=3, replica_id_in_sync_group=replica)
            with mock.patch.object(tf.distribute, "get_replica_context", return_value=context):
                parts.append(distribution.per_replica(draw, 2))
        self.assertAllEqual(tf.concat(parts, axis=0), whole)

    def test_noise_is_a_function_of_seed_step_and_order(self):
        def draws(seed, step):
            noise = random.Noise(seed, tf.constant(step, tf.int64))
            return [latents.from_noise(noise, 2, 3).numpy() for _ in range(2)]

        self.assertAllEqual(draws(0, 5), draws(0, 5))
        different = [*draws(0, 5), *draws(0, 6), *draws(1, 5)]
        self.assertLen({array.tobytes() for array in different}, 6)

    def test_sample_labels(self):
        self.assertIsNone(latents.sample_labels(3, None))
        self.assertAllEqual(latents.sample_labels(4, 3), [0, 1, 2, 0])
        self.assertAllEqual(latents.sample_labels(2, 3, 1), [1, 1])
        self.assertAllEqual(latents.sample_labels(2, 3, [2, 0]), [2, 0])
        self.assertEqual(latents.sample_labels(2, 3, [2, 0]).dtype, np.int32)
        with self.assertRaisesRegex(ValueError, "unconditional and takes no labels"):
            latents.sample_labels(2, None, 1)
        for labels in ([0, 1, 2], [[0, 1]], 0.5, "a", []):
            with self.assertRaisesRegex(ValueError, "must be one integer or 2 of them"):
                latents.sample_labels(2, 3, labels)
        for labels in (3, -1, [0, 3]):
            with self.assertRaisesRegex(ValueError, r"must lie in \[0, 3\)"):
                latents.sample_labels(2, 3, labels)

    def test_sample(self):
        generator = networks.MLPGenerator((2,), latent_dim=3, hidden_units=(4,), latent_prior="uniform")
        images = latents.sample(generator, 5, seed=-2, truncation=0.7)
        self.assertAllClose(images, generator(latents.from_seeds(range(-2, 3), 3, "uniform", 0.7)), atol=1e-6)
        self.assertAllClose(latents.sample(generator, 5, seed=-2, truncation=0.7, batch_size=2), images, atol=1e-6)
        with self.assertRaisesRegex(ValueError, "must be at least 1. Received: n=0"):
            latents.sample(generator, 0)
        for truncation in (-0.1, 1.1, float("nan")):
            with self.assertRaisesRegex(ValueError, r"`truncation` must lie in \[0, 1\]"):
                latents.sample(generator, 1, truncation=truncation)

    def test_samples_are_generated_from_the_latents_that_are_drawn(self):
        generator = networks.MLPGenerator((3,), latent_dim=2, hidden_units=(4,), num_classes=2)
        codes = latents.draw(generator, 5, seed=-2, truncation=0.5)
        self.assertAllEqual(codes, latents.from_seeds(np.arange(-2, 3), 2, truncation=0.5))
        labels = np.array([0, 1, 0, 1, 0], "int32")
        for batch_size in (2, 5, 100):
            images = latents.generate(generator, codes, labels, batch_size)
            self.assertAllClose(images, generator([codes, labels]), atol=1e-6)
        self.assertAllClose(images, generator.sample(5, seed=-2, truncation=0.5), atol=1e-6)
        with self.assertRaisesRegex(ValueError, "Seeds must lie in"):
            latents.draw(generator, 2, seed=2**63 - 1)

    def test_interpolation(self):
        a, b = np.array([3.0, 0.0]), np.array([0.0, 3.0])
        sphere = latents.interpolate(a, b, 5)
        self.assertAllClose(np.linalg.norm(sphere, axis=1), np.full(5, 3.0))
        self.assertAllClose(
            np.degrees(np.arctan2(sphere[:, 1], sphere[:, 0])), [0.0, 22.5, 45.0, 67.5, 90.0], atol=1e-4
        )
        line = latents.interpolate(a, b, 5, prior="uniform")
        self.assertAllClose(line.sum(axis=1), np.full(5, 3.0))
        self.assertAllEqual(latents.interpolate(a, b, 5, method="lerp"), line)
        self.assertAllEqual(latents.interpolate(a, b, 5, "uniform", "slerp"), sphere)
        # Slerp is undefined between opposite vectors and from the origin.
        self.assertAllClose(latents.interpolate(a, -a, 3), [[3.0, 0.0], [0.0, 0.0], [-3.0, 0.0]])
        self.assertAllClose(latents.interpolate(0 * a, b, 3), [[0.0, 0.0], [0.0, 1.5], [0.0, 3.0]])
        with self.assertRaisesRegex(ValueError, "must be 'slerp', 'lerp' or None. Received: method='cubic'"):
            latents.interpolate(a, b, 3, method="cubic")

    def test_analogy(self):
        z = np.random.default_rng(0).normal(size=(3, 4))
        self.assertAllClose(latents.analogy(z[:1], z[:1], z[1:]), z[1:], atol=1e-6)
        self.assertAllClose(latents.analogy(z, z[:1], z[0]), z.mean(axis=0), atol=1e-6)
        for positive, negative, base in ((z, z[:, :2], z[0]), (z, z, z[0, :2]), (z[:0], z, z[0])):
            with self.assertRaisesRegex(ValueError, "must hold latents of one length, and at least one each"):
                latents.analogy(positive, negative, base)
