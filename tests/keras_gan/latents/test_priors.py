import numpy as np

from keras_gan import latents
from tests.test_case import TestCase


class PriorsTest(TestCase):
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
