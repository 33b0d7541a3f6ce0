import keras
import numpy as np
from absl.testing import parameterized
from scipy import special, stats

import keras_gan
from keras_gan.data import toy
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


def jensen_shannon(p, q, x, dim=1):
    """The divergence of two densities on a grid that need not be even, by the trapezoidal rule in one dimension."""
    terms = 0.5 * (special.rel_entr(p, (p + q) / 2) + special.rel_entr(q, (p + q) / 2))
    return np.trapezoid(terms, x) if dim == 1 else terms.sum() * (x[1] - x[0]) ** dim


class RulerTest(TestCase, parameterized.TestCase):
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
        """N(0, 1) from N(1, 1/4), against quadrature."""
        density, model = toy.get("gaussian"), gan(1, 0.5, 1.0)
        row, _ = measures.Ruler(density, model, seed=0).measure(model)
        x = np.linspace(-9, 9, 20_001)
        true = jensen_shannon(stats.norm.pdf(x), stats.norm.pdf(x, 1.0, 0.5), x)
        self.assertAllClose(row["jsd"], true, rtol=1e-4)
        self.assertLess(row["jsd_error"], 1e-4)
        self.assertAllClose(row["bound"], -2 * np.log(2) + 2 * row["jsd"])
        self.assertAllClose(row["value"], -2 * np.log(2), atol=1e-6)

    @parameterized.named_parameters(
        # Where G(z) = x: the density of z over |G'(z)|; x and the density of G at x, as functions of z > 0.
        ("with_a_peak", lambda z: z**3, lambda z: (z**3, stats.norm.pdf(z) / (3 * z**2)), 2.0, 0.0),
        ("folded", np.abs, lambda z: (z, 2 * stats.norm.pdf(z)), 1.0, 0.25 * np.log(2)),
        ("folded_with_a_peak", np.square, lambda z: (z**2, stats.norm.pdf(z) / z), 1.0, 0.25 * np.log(2)),
        ("narrow", lambda z: 0.02 * z, lambda z: (0.02 * z, 50 * stats.norm.pdf(z)), 2.0, 0.0),
    )
    def test_the_divergence_of_a_line(self, function, of_z, times, elsewhere):
        """With the data N(0, 1), to a hundredth where cells of an eighth are up to a tenth too low."""
        density = toy.get("gaussian")
        ruler = measures.Ruler(density, gan(1, 1.0), seed=0)
        found, error = ruler._divergence(function(ruler.latents.nodes))
        z = np.concatenate([np.geomspace(1e-9, 0.1, 20_001)[:-1], np.linspace(0.1, 6.0, 60_001)])
        x, q = of_z(z)
        # What is farther from 0 than any image is data for sure.
        true = times * (jensen_shannon(stats.norm.pdf(x), q, x) + 0.5 * np.log(2) * stats.norm.sf(x[-1])) + elsewhere
        self.assertAllClose(found, true, rtol=2e-3)
        self.assertLess(error, 2e-3 * true)

    def test_the_divergence_in_the_plane(self):
        """N(0, I) from N((1/2, 0), diag(1/2, 6/5)^2), of two latents in two dimensions and in one."""
        x = np.linspace(-9, 9, 1201)
        normal = stats.norm.pdf(x)
        p, q = normal[:, None] * normal, stats.norm.pdf(x, 0.5, 0.5)[:, None] * stats.norm.pdf(x, 0.0, 1.2)
        true = jensen_shannon(p.ravel(), q.ravel(), x, 2)
        ruler = measures.Ruler(toy.Mixture([[0.0, 0.0]], 1.0), gan(2, 1.0), seed=0)
        found, error = ruler._divergence(ruler.latents.nodes * np.float32([0.5, 1.2]) + np.float32([0.5, 0.0]))
        self.assertAllClose(found, true, rtol=2e-3)
        self.assertBetween(error, abs(found - true), 0.011 * true)
        ruler = measures.Ruler(toy.get("gaussian"), gan(1, 1.0), seed=0)
        ruler.latents = measures.Latents(2, "normal")
        found, error = ruler._divergence(0.5 + ruler.latents.nodes @ np.float32([[0.3], [0.4]]))
        true = jensen_shannon(normal, stats.norm.pdf(x, 0.5, 0.5), x)
        self.assertAllClose(found, true, rtol=2e-3)
        self.assertBetween(error, abs(found - true), 0.011 * true)

    def test_a_curve_in_the_plane(self):
        """It has no density, and so log 2 in truth, which finer cells approach without end."""
        ruler = measures.Ruler(toy.get("ring"), gan(2, 1.0), seed=0)
        ruler.latents = measures.Latents(1, "normal")
        z = ruler.latents.nodes
        found, error = ruler._divergence(np.concatenate([z, np.square(z)], axis=1))
        self.assertBetween(found, 0.66, np.log(2))
        self.assertGreater(error, 5e-3)

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

    @parameterized.parameters((1, "normal"), (1, "uniform"), (2, "normal"), (2, "uniform"), (5, "normal"))
    def test_latents(self, dim, prior):
        """Sums over nodes, and over finer latents, are expectations over the prior."""
        found = measures.Latents(dim, prior)
        variance = {"normal": 1.0, "uniform": 1 / 3}[prior]
        tolerance = 0.02 if dim > 2 else 1e-3
        nodes = [(found.nodes, found.shares)]
        for z, shares in (*nodes, tuple(map(np.concatenate, zip(*found.finer(found.nodes, 2), strict=True)))):
            self.assertAllClose(shares.sum(), 1.0)
            self.assertAllClose(shares @ z, np.zeros(dim), atol=tolerance)
            self.assertAllClose(shares @ np.square(z), np.full(dim, variance), rtol=tolerance)
        self.assertEqual(len(z), len(found.nodes) if dim > 2 else {1: 16_000, 2: 640_000}[dim])

    def test_quantiles(self):
        line = measures.Latents(1, "normal")
        self.assertAllClose(
            line.quantiles(line.nodes)[[0, 20, 40], 0], stats.norm.ppf([1 / 42, 0.5, 41 / 42]), atol=2e-3
        )

    def test_what_is_not_finite_is_a_divergence(self):
        density, model = toy.get("gaussian"), gan(1, 1.0)
        ruler = measures.Ruler(density, model, seed=0)
        for network in (model.discriminator, model.generator):
            network.set_weights([np.full(weight.shape, np.nan) for weight in network.get_weights()])
            with self.assertRaisesRegex(FloatingPointError, "must be finite"):
                ruler.measure(model)

    def test_the_floor_is_small(self):
        self.assertLess(measures.floor(toy.get("gaussian")), 1e-3)
        model = gan(3, 1.0)
        density = toy.Mixture([[0.0] * 2], 1.0)
        ruler = measures.Ruler(density, model, seed=0)
        found, error = ruler._divergence(ruler.latents.nodes[:, :2])
        self.assertEqual(error, measures.floor(density))
        self.assertAllClose(found, error, rtol=0.5)
