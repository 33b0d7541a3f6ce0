import contextlib
import io
import math

import numpy as np

import keras_gan
from keras_gan.metrics import parzen
from tests.test_case import TestCase


def naive(samples, points, sigma):
    """The definition, term by term, in float64."""
    squared = ((points[:, None, :] - samples[None]) ** 2).sum(axis=2)
    exponents = -squared / (2 * sigma**2)
    top = exponents.max(axis=1)
    mean = top + np.log(np.exp(exponents - top[:, None]).mean(axis=1))
    return mean - samples.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))


class ParzenTest(TestCase):
    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(0)
        # As digits are: most pixels near 0 or 1.
        self.samples = np.rint(generator.random((300, 784))) * 0.95 + 0.05 * generator.random((300, 784))
        self.points = np.rint(generator.random((1100, 784))) * 0.95 + 0.05 * generator.random((1100, 784))

    def test_agrees_with_the_definition(self):
        for sigma in (0.1, 0.3, 1.0):
            found = parzen.log_likelihood(self.samples, self.points, sigma)
            expected = naive(self.samples.astype("float32").astype("float64"), self.points[950:1050], sigma)
            self.assertAllClose(found[950:1050], expected, rtol=1e-6, atol=2e-3)

    def test_a_point_that_is_a_sample(self):
        """The distance 0 is where a difference of large numbers would show."""
        samples = 100.0 + self.samples[:50, :9]
        found = parzen.log_likelihood(samples, samples[:1], 0.1)
        self.assertAllClose(found, naive(samples.astype("float32").astype("float64"), samples[:1], 0.1), atol=1e-3)

    def test_one_dimension_by_hand(self):
        # The mean of N(0; 0, 1) and N(0; 2, 1).
        expected = math.log((1 + math.exp(-2)) / 2 / math.sqrt(2 * math.pi))
        self.assertAllClose(parzen.log_likelihood([[0.0], [2.0]], [[0.0]], 1.0), [expected])

    def test_several_bandwidths_at_once(self):
        both = parzen.log_likelihood(self.samples, self.points, [0.2, 0.5])
        self.assertEqual((both.shape, both.dtype), ((2, 1100), np.float64))
        self.assertAllEqual(both[1], parzen.log_likelihood(self.samples, self.points, 0.5))

    def test_estimate(self):
        found = parzen.estimate(self.samples, self.points[:1000], self.points[1000:], [0.2, 0.5, 0.8])
        means = parzen.log_likelihood(self.samples, self.points[1000:], [0.2, 0.5, 0.8]).mean(axis=1)
        self.assertEqual(found["bandwidth"], [0.2, 0.5, 0.8][int(np.argmax(means))])
        values = parzen.log_likelihood(self.samples, self.points[:1000], found["bandwidth"])
        self.assertAllClose(found["log_likelihood"], values.mean())
        self.assertAllClose(found["standard_error"], values.std() / math.sqrt(1000))

    def test_the_bandwidths_of_2014(self):
        self.assertAllClose(parzen.BANDWIDTHS[[0, 1, -1]], [0.1, 10 ** (-8 / 9), 1.0])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "one length. Received"):
            parzen.log_likelihood(np.zeros((2, 3)), np.zeros((2, 4)), 1.0)
        with self.assertRaisesRegex(ValueError, "positive and finite. Received: bandwidth=0"):
            parzen.log_likelihood(np.zeros((2, 3)), np.zeros((2, 3)), 0.0)

    def test_command(self):
        generator = keras_gan.networks.MLPGenerator((28, 28, 1), latent_dim=2, hidden_units=(2,))
        generator.save(path := self.path("generator.keras"))
        with contextlib.redirect_stdout(io.StringIO()) as output:
            parzen.main([f"--model={path}", "--n=200"])
        text = output.getvalue()
        rows = {
            line[:20].strip(): float(line[20:28]) for line in text.splitlines() if "+-" in line and "bandwidth" in line
        }
        # A gray haze is worse than 200 digits.
        self.assertLess(rows["generator"], rows["training images"])
        self.assertIn("says little in many dimensions", text)

    def test_command_without_a_model(self):
        self.assertIn("--model=PATH", self.refusal(parzen.main))
