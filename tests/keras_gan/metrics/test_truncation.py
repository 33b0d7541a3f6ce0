import numpy as np

from keras_gan import metrics, networks
from tests.test_case import TestCase


class TruncationCurveTest(TestCase):
    def test_less_variety_with_smaller_factors(self):
        generator = networks.MLPGenerator((28, 28, 1), latent_dim=4, hidden_units=(16,), output_activation="tanh")
        rng = np.random.default_rng(0)
        generator.set_weights([rng.normal(0.0, 0.5, weight.shape) for weight in generator.get_weights()])
        features = metrics.features.get("mnist_classifier")
        # The generator's own images stand for real ones: at the factor 1 the rest is the same distribution.
        real = features(np.clip(np.floor(generator.sample(150, seed=1000) * 127.5 + 128), 0, 255).astype("uint8"))
        curve = metrics.truncation_curve(generator, real, features, (0.0, 0.5, 1.0), num_samples=150)
        self.assertEqual(curve.truncation, [0.0, 0.5, 1.0])
        self.assertLess(curve.recall[0], 0.02)  # one image, again and again
        self.assertLess(curve.recall[1], curve.recall[2])
        self.assertGreater(curve.recall[2], 0.8)
        self.assertGreater(curve.distance[0], curve.distance[1])
        self.assertGreater(curve.distance[1], curve.distance[2])
