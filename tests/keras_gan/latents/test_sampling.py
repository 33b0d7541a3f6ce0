import numpy as np

from keras_gan import latents, networks
from tests.test_case import TestCase


class SamplingTest(TestCase):
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
