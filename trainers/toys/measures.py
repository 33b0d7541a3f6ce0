"""Measures of a GAN on a known density, by quadrature where that is possible."""

import math

import numpy as np
import scipy
import tensorflow as tf

from keras_gan import latents, losses
from keras_gan.data import toy
from keras_gan.metrics import arrays, collapse, divergence

_STEPS = {1: 8000, 2: 400}  # between nodes along each axis of one latent, and of two
_REACH = {1: 6.0, 2: 4.5}  # standard deviations from 0 to the last node: 2e-9 and 1.4e-5 of the mass lie beyond
_DRAWS = 160_000  # of more latents
_BLOCK = 20  # steps along the first axis that are made finer together
_TOLERANCE, _FINEST = 0.01, 8  # of the divergence; cells per standard deviation


class Ruler:
    """Measures a GAN against a density.

    Expectations over the data are quadratures, those over the generator sums over a grid of latents.

    The divergence is computed from masses in cells, which is never more than the true one. With one latent and one
    dimension the generator becomes a polygon of 8,000 steps, and cells end wherever its density jumps, so that cells
    take nothing away; the error is the difference from half as many steps. Otherwise cells and latents, between which
    images are interpolated, are made finer until the divergence changes by less than 1 %, or there are 8 cells a
    standard deviation. What cells take away falls with the square of their size, so a third of the last change is
    added; the error is the whole of it. A generator whose images are a curve in the plane has no density: its
    divergence rises to the end, and the error says so. With more than two latents it is a histogram of 160,000 samples,
    and the error is the divergence that a perfect sampler has of them.

    Args:
        density: `keras_gan.data.toy.Mixture`.
        gan: A compiled `GAN` for points of the density.
        seed: Seed of the batch that gradients are taken on.
    """

    def __init__(self, density, gan, seed):
        self.density = density
        self.latents = Latents(gan.latent_dim, gan.latent_prior)
        self.cells = cells_of(density)
        self.centres = self.cells.centres().astype(np.float32)
        points, weights = density.quadrature(per_std=8 if density.dim == 1 else 2)
        self._points, self._masses = points.astype(np.float32), weights * density.density(points)
        self._finer = {}
        self._floor = floor(density) if gan.latent_dim > 2 else None
        self._real = tf.constant(density.sample(512, seed=seed + 1000))
        self._noise = latents.stateless((512, gan.latent_dim), (seed, -1), gan.latent_prior)
        self._norms = tf.function(self._gradient_norms, autograph=False)

    def measure(self, gan):
        """The numbers at this moment, and the arrays that a picture needs.

        Args:
            gan: The `GAN` of the constructor.

        Returns:
            Pair of two dictionaries. Numbers: `value` (the value function), `bound` (its largest value for this
            generator, -log 4 + 2 JSD), `jsd` and `jsd_error`, `jsd_estimate` (through the discriminator, clipped to
            [0, log 2]), the two gradients' norms of the generator, that of its own loss and that of the saturating one,
            and mode statistics where there are modes. Arrays: the `generated` masses in `cells`, `discriminator` and
            `optimal` at their centres, `samples`, and with one latent `quantiles`, images of 41 equally likely ones.

        Raises:
            FloatingPointError: If what a network returns is not finite.
        """
        images = arrays.finite("images of the generator", _apply(gan.generator, self.latents.nodes))
        on_data, on_images, logits = (
            arrays.finite("logits", _apply(gan.discriminator, x).ravel()) for x in (self._points, images, self.centres)
        )
        jsd, error = self._divergence(images)
        value = divergence.value_function(on_data, on_images, self._masses, self.latents.shares)
        norms = [float(norm) for norm in self._norms(gan)]
        row = {
            "value": value,
            "bound": -2.0 * divergence.LOG_2 + 2.0 * jsd,
            "jsd": jsd,
            "jsd_error": error,
            "jsd_estimate": float(np.clip(divergence.LOG_2 + value / 2.0, 0.0, divergence.LOG_2)),
            "generator_gradient": norms[0],
            "saturating_gradient": norms[1],
        }
        samples = draw(gan, 10_000)
        if self.density.modes is not None:
            found = collapse.mixture_statistics(samples, self.density)
            row |= {name: found[name] for name in ("modes", "high_quality", "std_ratio", "reverse_kl")}
        q, _ = self._masses_in(self.cells, images, between=4)
        return row, {
            "cells": self.cells,
            "generated": q,
            "discriminator": scipy.special.expit(logits.astype(np.float64)),
            "optimal": divergence.optimal_discriminator(self.cells.masses, q).ravel(),
            "samples": samples,
            "quantiles": self.latents.quantiles(images) if self.latents.dim == 1 else None,
        }

    def _divergence(self, images):
        """The Jensen-Shannon divergence and its error."""
        if self._floor is not None:
            return _jensen_shannon(self.cells.masses, *self._masses_in(self.cells, images)), self._floor
        if self.latents.dim == self.density.dim == 1:
            found, coarse = (self._of_polygon(images[::every, 0], every) for every in (1, 2))
            return found, abs(found - coarse)
        found, error, per_std = 0.0, math.inf, 1
        while error > _TOLERANCE * found and per_std <= _FINEST:
            cells = self._finer.get(per_std) or self.density.cells(per_std)
            self._finer[per_std] = cells
            before, found = found, _jensen_shannon(cells.masses, *self._masses_in(cells, images, min(8, 2 * per_std)))
            error, per_std = abs(found - before), 2 * per_std
        return min(divergence.LOG_2, found + max(0.0, found - before) / 3.0), error

    def _of_polygon(self, curve, every):
        edges = toy.kinks(curve, self.cells.edges[0])
        shares = self.latents.steps.reshape(-1, every).sum(axis=1)
        return _jensen_shannon(self.density.masses([edges]), *toy.push_forward(curve, edges, shares))

    def _masses_in(self, cells, images, between=1):
        """The generator's mass in every cell, and outside of them."""
        masses = sum(cells.histogram(*block)[0] for block in self.latents.finer(images, between))
        return masses, max(0.0, 1.0 - masses.sum())

    def _gradient_norms(self, gan):
        variables = gan.generator.trainable_variables
        with tf.GradientTape(persistent=True) as tape:
            fake = gan.generator(self._noise, training=True)
            logits = tf.reshape(gan.discriminator(fake, training=True), [-1])
            real_logits = tf.reshape(gan.discriminator(self._real, training=True), [-1])
            own = tf.reduce_mean(gan.adversarial_loss.generator_loss(real_logits, logits))
            saturating = tf.reduce_mean(losses.Minimax().generator_loss(None, logits))
        return [tf.linalg.global_norm(tape.gradient(loss, variables)) for loss in (own, saturating)]


class Latents:
    """A grid of latents that stands for their prior; of more than two, random ones.

    Args:
        dim: Length of a latent vector.
        prior: `"normal"` or `"uniform"`.

    Attributes:
        nodes: float32 `(n, dim)`.
        shares: float64 `(n,)` of sum 1: expectations over the prior are sums over nodes with these weights.
        steps: float64, how likely a latent is to be between two nodes of an axis; `None` of more than two.
    """

    def __init__(self, dim, prior):
        self.dim, self._prior = dim, prior
        if dim > 2:
            self.nodes, self.steps = latents.stateless((_DRAWS, dim), (0, -2), prior).numpy(), None
            self.shares = np.full(_DRAWS, 1.0 / _DRAWS)
            return
        self._reach = _REACH[dim] if prior == "normal" else 1.0
        axis = np.linspace(-self._reach, self._reach, _STEPS[dim] + 1)
        self.nodes = np.stack(np.meshgrid(*[axis] * dim, indexing="ij"), axis=-1).reshape(-1, dim).astype(np.float32)
        self.steps = self._steps(1)
        # Of every step half goes to either end.
        ends = (np.append(self.steps, 0.0) + np.append(0.0, self.steps)) / 2.0
        self.shares = ends if dim == 1 else np.outer(ends, ends).ravel()

    def _steps(self, between):
        edges = np.linspace(-self._reach, self._reach, _STEPS[self.dim] * between + 1)
        below = scipy.stats.norm.cdf(edges) if self._prior == "normal" else edges
        return np.diff(below) / (below[-1] - below[0])

    def finer(self, images, between):
        """Images of more latents, by linear interpolation, block by block.

        Args:
            images: Floats `(n, d)`, those of the nodes.
            between: Number of latents in every step of each axis, in the middles of equal parts of it.

        Returns:
            Iterable of pairs of images and their shares, which are of sum 1 in all.
        """
        if self.dim > 2:
            yield images, self.shares
            return
        shares = self._steps(between)
        images = images.reshape(*[_STEPS[self.dim] + 1] * self.dim, -1)
        block = _BLOCK if self.dim == 2 else _STEPS[1]
        for start in range(0, _STEPS[self.dim], block):
            some = _interpolate(images[start : start + block + 1], between)
            weights = shares[start * between : (start + block) * between]
            if self.dim == 2:
                some = _interpolate(some.swapaxes(0, 1), between).swapaxes(0, 1)
                weights = np.outer(weights, shares)
            yield some.reshape(-1, images.shape[-1]), weights.ravel()

    def quantiles(self, images):
        """The images of 41 equally likely latents on a line: their quantiles 1/42 to 41/42."""
        return images[np.searchsorted(np.cumsum(self.steps), np.arange(1, 42) / 42.0)]


def _interpolate(values, between):
    """Values `(n * between, ...)` in the middles of equal parts of the steps from one row to the next."""
    at = ((np.arange(between) + 0.5) / between).astype(values.dtype).reshape(-1, *[1] * (values.ndim - 1))
    low, high = values[:-1, None], values[1:, None]
    return (low + at * (high - low)).reshape(-1, *values.shape[1:])


def _jensen_shannon(p, q, outside):
    """Of masses in cells; what lies outside of them is one more cell, where there are no data."""
    return divergence.exact_jensen_shannon(np.append(p, max(0.0, 1.0 - p.sum())), np.append(q, outside))


def cells_of(density):
    """The grid of pictures: eight cells per standard deviation in 1-D, and one in 2-D."""
    return density.cells(per_std=8 if density.dim == 1 else 1)


def floor(density):
    """The divergence that a perfect sampler shows in `cells_of`, with 160,000 independent samples."""
    cells = cells_of(density)
    return _jensen_shannon(cells.masses, *cells.histogram(density.sample(_DRAWS, seed=7)))


def draw(gan, n):
    """Samples of a generator that no training step draws, float32 `(n, dim)`."""
    return _apply(gan.generator, latents.stateless((n, gan.latent_dim), (gan.seed, -3), gan.latent_prior).numpy())


def _apply(network, x, size=40_000):
    return np.concatenate([np.asarray(network(x[i : i + size], training=False)) for i in range(0, len(x), size)])
