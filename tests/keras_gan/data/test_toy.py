import math

import numpy as np
from absl.testing import parameterized

import keras_gan
from keras_gan.data import toy
from tests.test_case import TestCase

NAMES = ("gaussian", "two_gaussians", "ring", "grid", "swiss_roll")


class MixtureTest(TestCase, parameterized.TestCase):
    def test_density_by_hand(self):
        mixture = toy.Mixture([0.0, 2.0], [1.0, 0.5], [0.25, 0.75])
        normal = 1 / math.sqrt(2 * math.pi)
        # At 1: exp(-1/2) in the first component, exp(-(1 / 0.5)^2 / 2) / 0.5 in the second.
        expected = normal * (0.25 * math.exp(-0.5) + 0.75 * 2 * math.exp(-2.0))
        self.assertAllClose(mixture.density([[1.0]]), [expected], rtol=1e-12)
        plane = toy.Mixture([[0.0, 0.0]], 2.0)
        self.assertAllClose(plane.density([[2.0, 0.0]]), [math.exp(-0.5) / (2 * math.pi * 4)], rtol=1e-12)

    def test_far_away_the_logarithm_stays_finite(self):
        self.assertAllClose(toy.gaussian().log_density([[100.0]]), [-5000 - 0.5 * math.log(2 * math.pi)], rtol=1e-12)

    @parameterized.parameters(*NAMES)
    def test_quadrature_and_cells_hold_all_mass_and_the_moments(self, name):
        density = toy.get(name)
        points, weights = density.quadrature(per_std=1)
        masses = weights * density.density(points)
        self.assertAllClose(masses.sum(), 1.0, rtol=0, atol=2e-8)
        self.assertAllClose(masses @ points, np.zeros(density.dim), rtol=0, atol=1e-7)
        self.assertAllClose((masses @ points**2).mean(), 1.0, rtol=0, atol=1e-6)  # standardized
        cells = density.cells(per_std=1)
        self.assertAllClose(cells.masses.sum(), 1.0, rtol=0, atol=1e-12)
        # A cell holds the integral of the density over it, here by 12 nodes a side.
        index = np.unravel_index(cells.masses.argmax(), cells.masses.shape)
        at, w = np.polynomial.legendre.leggauss(12)
        axes = [
            (edges[i] + edges[i + 1]) / 2 + at * (edges[i + 1] - edges[i]) / 2
            for edges, i in zip(cells.edges, index, strict=True)
        ]
        nodes = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], 1)
        shares = np.stack([axis.ravel() for axis in np.meshgrid(*[w / 2] * density.dim, indexing="ij")], 1).prod(1)
        self.assertAllClose(cells.masses[index], cells.volume * shares @ density.density(nodes), rtol=1e-9)

    @parameterized.parameters(*NAMES)
    def test_samples_follow_the_density(self, name):
        density = toy.get(name)
        points = density.sample(20_000, seed=3)
        self.assertEqual((points.shape, points.dtype), ((20_000, density.dim), np.float32))
        self.assertAllEqual(points, density.sample(20_000, seed=3))
        self.assertNotAllEqual(points[:10], density.sample(10, seed=4))
        # Against exact masses in few cells: chi-squared has as many degrees of freedom as cells less one.
        cells = density.cells(per_std=1)
        found, outside = cells.histogram(points)
        self.assertEqual(outside, 0.0)
        likely = cells.masses > 5e-4
        deviations = (found - cells.masses)[likely] / np.sqrt(cells.masses[likely] / len(points))
        self.assertAllClose(np.mean(deviations**2), 1.0, rtol=0, atol=5 * math.sqrt(2 / likely.sum()))

    def test_the_ring_has_as_many_centres_as_it_says(self):
        modes = toy.ring(8, radius=2.0).modes
        self.assertLen(np.unique(modes.round(6), axis=0), 8)
        self.assertAllClose(np.linalg.norm(modes, axis=1), np.full(8, 2.0))
        self.assertAllClose(np.linalg.norm(modes[0] - modes[-1]), np.linalg.norm(modes[0] - modes[1]))

    def test_the_grid(self):
        modes = toy.grid().modes
        self.assertEqual(modes.shape, (25, 2))
        self.assertAllEqual(np.unique(modes), [-4, -2, 0, 2, 4])

    def test_the_swiss_roll_is_a_convolution(self):
        """Its density equals the mean over very many points of the curve, and depends on the nodes no more."""
        roll = toy.SwissRoll()
        t = 1.5 * math.pi * (1 + 2 * (np.arange(20_000) + 0.5) / 20_000)
        curve = np.stack([t * np.cos(t), t * np.sin(t)], axis=1)
        for x in ([5.0, 0.0], [0.0, -4.7], [9.0, 9.0]):
            squared = ((curve - np.array(x)) ** 2).sum(axis=1) / 0.5**2
            expected = np.mean(np.exp(-squared / 2)) / (2 * math.pi * 0.5**2)
            self.assertAllClose(roll.density([x]), [expected], rtol=1e-7)
            self.assertAllClose(toy.SwissRoll(nodes=1024).density([x]), [expected], rtol=1e-7)

    def test_standardizing_twice_changes_nothing(self):
        for name in NAMES:
            once = toy.get(name)
            twice = once.standardized()
            self.assertAllClose(once.means, twice.means, rtol=0, atol=1e-12)
            self.assertAllClose(once.sample(5), twice.sample(5), atol=1e-6)

    def test_push_forward(self):
        cells = toy.gaussian().cells(per_std=2)
        (edges,), centres = cells.edges, cells.centres()[:, 0]
        # The identity of U(-1, 1), in cells of length 1/2 whose edges are multiples of it.
        masses, outside = toy.push_forward(np.linspace(-1.0, 1.0, 11), edges)
        self.assertAllClose(masses, np.where(np.abs(centres) < 1, 0.25, 0.0), atol=1e-9)
        self.assertAllClose(outside, 0.0, atol=1e-9)
        # There and back again is the same, and a constant is one point.
        folded, _ = toy.push_forward(np.concatenate([np.linspace(-1, 1, 11), np.linspace(1, -1, 11)[1:]]), edges)
        self.assertAllClose(folded, masses, atol=1e-9)
        constant, outside = toy.push_forward(np.full(11, 0.2), edges)
        self.assertAllClose([constant.max(), outside], [1.0, 0.0], atol=1e-9)
        self.assertAllClose(toy.push_forward(np.full(11, 99.0), edges)[1], 1.0, atol=1e-9)

    def test_push_forward_of_unequal_steps(self):
        # A fifth lies evenly in (0, 1) and four fifths in (1, 3), there and on to 2.
        curve, shares, edges = [0.0, 1.0, 3.0, 2.0], [0.2, 0.5, 0.3], np.array([-1.0, 0.5, 1.0, 2.0, 4.0])
        masses, outside = toy.push_forward(curve, edges, shares)
        self.assertAllClose(masses, [0.1, 0.1, 0.25, 0.55])
        self.assertAllClose(outside, 0.0, atol=1e-12)
        self.assertAllClose(toy.kinks(curve, edges), [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0])

    def test_weighted_histogram(self):
        cells = toy.Mixture([[0.0, 0.0]], 1.0).cells(per_std=1)
        points = np.array([[0.5, -1.5], [0.5, -1.5], [3.5, 2.5], [99.0, 0.0], [0.0, -99.0], [np.nan, 0.0]])
        masses, outside = cells.histogram(points, np.array([0.1, 0.2, 0.3, 0.2, 0.1, 0.1]))
        self.assertAllClose([masses[8, 6], masses[11, 10], masses.sum(), outside], [0.3, 0.3, 0.6, 0.4])

    def test_load(self):
        dataset, spec = keras_gan.data.load("toy:ring", batch_size=50)
        self.assertEqual((spec.image_shape, spec.num_examples, spec.num_classes), ((2,), 100_000, None))
        self.assertEqual(next(iter(dataset)).shape, (50, 2))
        _, held_out = keras_gan.data.load("toy:ring", split="test")
        self.assertNotEqual(spec.fingerprint, held_out.fingerprint)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "one of .*'swiss_roll'.*Received: 'rings'"):
            keras_gan.data.load("toy:rings")
        with self.assertRaisesRegex(ValueError, "splits.*Received: split='val'"):
            keras_gan.data.load("toy:ring", split="val")
        with self.assertRaisesRegex(ValueError, "finite means.*Received: means="):
            toy.Mixture([0.0, np.nan], 1.0)
        with self.assertRaisesRegex(ValueError, "positive standard deviations and weights of sum 1"):
            toy.Mixture([0.0, 1.0], 1.0, [0.5, 0.6])
        with self.assertRaisesRegex(ValueError, "positive standard deviations"):
            toy.Mixture([0.0], 0.0)
