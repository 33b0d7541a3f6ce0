import keras
import numpy as np

import keras_gan
from keras_gan.data import toy
from keras_gan.metrics import divergence
from tests.test_case import TestCase
from trainers.toys import measures


def gan(dim, scale, shift=0.0):
    """A GAN whose generator is x = scale z + shift, and whose discriminator says 1/2."""
    generator = keras_gan.networks.MLPGenerator((dim,), dim, hidden_units=())
    generator.set_weights([scale * np.eye(dim), np.full(dim, shift)])
    discriminator = keras_gan.networks.MLPDiscriminator((dim,), hidden_units=())
    discriminator.logit.set_weights([np.zeros((dim, 1)), np.zeros(1)])
    model = keras_gan.GAN(generator, discriminator)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return model


class RulerTest(TestCase):
    def test_a_perfect_generator(self):
        for density in (toy.get("gaussian"), toy.Mixture([[0.0, 0.0]], 1.0)):
            model = gan(density.dim, 1.0)
            row, arrays = measures.Ruler(density, model, seed=0).measure(model)
            self.assertLess(row["jsd"], {1: 1e-4, 2: 1e-3}[density.dim])
            self.assertAllClose(row["value"], -2 * np.log(2), atol=1e-6)
            self.assertAllClose(row["jsd_estimate"], 0.0, atol=1e-6)
            self.assertAllClose(row["high_quality"], {1: 0.9973, 2: 0.9889}[density.dim], atol=0.004)
            likely = arrays["cells"].masses.ravel() > 1e-3
            self.assertAllClose(arrays["optimal"][likely], np.full(likely.sum(), 0.5), atol=0.05)

    def test_the_divergence_of_two_gaussians(self):
        """N(0, 1) from N(1, 1/4), against quadrature on another grid."""
        density, model = toy.get("gaussian"), gan(1, 0.5, 1.0)
        row, _ = measures.Ruler(density, model, seed=0).measure(model)
        x = np.linspace(-9, 9, 20_001)[:, None]
        p, q = (d.density(x) * (x[1] - x[0]) for d in (density, toy.Mixture([1.0], 0.5)))
        true = divergence.exact_jensen_shannon(p / p.sum(), q / q.sum())
        # A cell is a quarter of the generator's standard deviation wide.
        self.assertAllClose(row["jsd"], true, rtol=5e-3)
        self.assertLess(row["jsd"], true + 1e-6)
        self.assertAllClose(row["bound"], -2 * np.log(2) + 2 * row["jsd"])

    def test_a_generator_that_leaves_the_grid(self):
        density, model = toy.get("ring"), gan(2, 1e-3, 1e6)
        row, _ = measures.Ruler(density, model, seed=0).measure(model)
        self.assertAllClose(row["jsd"], np.log(2), rtol=1e-6)
        self.assertEqual(row["modes"], 0)

    def test_gradients(self):
        """Against D = 1/2 with no slope there is none; with D(x) = w x that of softplus(-w (a z + b)) is known."""
        density, model = toy.get("gaussian"), gan(1, 1.0)
        ruler = measures.Ruler(density, model, seed=0)
        self.assertEqual(ruler.measure(model)[0]["generator_gradient"], 0.0)
        model.discriminator.logit.set_weights([np.full((1, 1), 2.0), np.zeros(1)])
        row, _ = ruler.measure(model)
        z = ruler._noise.numpy()[:, 0]
        s = 1 / (1 + np.exp(-2.0 * z))
        own = np.hypot(np.mean(-(1 - s) * 2 * z), np.mean(-(1 - s) * 2))
        saturating = np.hypot(np.mean(-s * 2 * z), np.mean(-s * 2))
        self.assertAllClose([row["generator_gradient"], row["saturating_gradient"]], [own, saturating], rtol=1e-5)

    def test_latents(self):
        line, straight = measures.latent_quantiles(1, "normal")
        self.assertTrue(straight)
        self.assertAllClose([line[0, 0], line[4000, 0], line[-1, 0]], [-5.1993, 0.0, 5.1993], atol=1e-3)
        square, straight = measures.latent_quantiles(2, "uniform")
        self.assertFalse(straight)
        self.assertAllClose([square.mean(), (square**2).mean()], [0.0, 1 / 3], atol=1e-4)
        self.assertEqual(measures.latent_quantiles(5, "normal")[0].shape[1], 5)

    def test_the_floor_is_small(self):
        self.assertLess(measures.floor(toy.get("gaussian")), 1e-3)
