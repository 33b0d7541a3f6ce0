import numpy as np

from keras_gan import latents, networks
from keras_gan.unlearning import LatentDirection, rejected, sample_projecting, sample_rejecting
from tests.test_case import TestCase


def generator(**kwargs):
    return networks.MLPGenerator((3,), latent_dim=2, hidden_units=(4,), kernel_initializer="he_normal", **kwargs)


class BaselinesTest(TestCase):
    def test_rejection_draws_from_the_prior_given_that_the_feature_is_absent(self):
        feature = LatentDirection([1.0, 0.0], threshold=0.0)
        network = generator()
        codes, first = rejected(network, feature, 1500, seed=3), latents.draw(network, 1500, seed=3)
        self.assertFalse(feature.present(codes).any())
        absent = ~feature.present(first)
        np.testing.assert_array_equal(codes[absent], first[absent])
        # Half a normal distribution has mean sqrt(2 / pi) and variance 1 - 2 / pi; the other axis is untouched.
        self.assertAllClose(codes.mean(axis=0), [-((2 / np.pi) ** 0.5), 0.0], atol=0.08)
        self.assertAllClose(codes.std(axis=0), [(1 - 2 / np.pi) ** 0.5, 1.0], atol=0.08)
        self.assertAllClose(sample_rejecting(network, feature, 1500, seed=3), latents.generate(network, codes))

    def test_a_feature_of_all_latents_is_refused(self):
        with self.assertRaisesRegex(ValueError, "present in all of 5 draws of a latent: raise its threshold"):
            sample_rejecting(generator(), LatentDirection([1.0, 0.0], threshold=-50.0), 2, most=5)

    def test_projection_makes_images_of_latents_without_the_feature(self):
        feature = LatentDirection([0.6, 0.8], threshold=0.2)
        network = generator(num_classes=2)
        codes = feature.remove(latents.draw(network, 9, seed=5))
        expected = network([codes, np.arange(9) % 2]).numpy()
        self.assertAllClose(sample_projecting(network, feature, 9, seed=5), expected)
        # Where it was absent already, these are the samples themselves.
        absent = ~feature.present(latents.draw(network, 9, seed=5))
        self.assertTrue(0 < absent.sum() < 9)
        self.assertAllClose(expected[absent], network.sample(9, seed=5)[absent])
