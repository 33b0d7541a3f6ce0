import numpy as np

from keras_gan import latents
from tests.test_case import TestCase


class ArithmeticTest(TestCase):
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
