"""Measures of a GAN on a known density, by quadrature where that is possible."""

import numpy as np
import tensorflow as tf

from keras_gan import latents, losses
from keras_gan.metrics import collapse, divergence

_LINE, _SQUARE, _DRAWS = 8000, 400, 160_000  # latents on a line, along the side of a square, and drawn
_TAIL = 1e-7  # of the latents' mass, at either end of a line


class Ruler:
    """Measures a GAN against a density.

    The density of the generator is its distribution over the cells of a grid. With one latent it is the image of the
    line of latents, replaced by a polygon: no noise. With two it is the image of a square grid of equally likely
    latents. With more latents it is a histogram of samples. `floor` says what is left for a perfect generator.

    Args:
        density: `keras_gan.data.toy.Mixture`.
        gan: A compiled `GAN` for points of the density.
        seed: Seed of the batch that gradients are taken on.
    """

    def __init__(self, density, gan, seed):
        self.density = density
        self.cells = cells_of(density)
        self.centres = self.cells.centres().astype(np.float32)
        self.latents, self.on_a_line = latent_quantiles(gan.latent_dim, gan.latent_prior)
        self._real = tf.constant(density.sample(512, seed=seed + 1000))
        self._noise = latents.stateless((512, gan.latent_dim), (seed, -1), gan.latent_prior)
        self._norms = tf.function(self._gradient_norms, autograph=False)

    def measure(self, gan):
        """The numbers at this moment, and the arrays that a picture needs.

        Args:
            gan: The `GAN` of the constructor.

        Returns:
            Pair of two dictionaries. Numbers: `value` (the value function), `bound` (its largest value for this
            generator, -log 4 + 2 JSD), `jsd` (of the masses in cells), `jsd_estimate` (through the discriminator,
            clipped to [0, log 2]), the two gradients' norms of the generator, that of its own loss and that of the
            saturating one, and mode statistics where there are modes. Arrays: `generated` masses, `discriminator` and
            `optimal` at the centres of the cells, and `samples` with their `latents`.
        """
        images = _apply(gan.generator, self.latents)
        spread = self.cells.push_forward if self.on_a_line else self.cells.histogram
        q, outside = spread(images)
        p = self.cells.masses
        logits = _apply(gan.discriminator, self.centres).ravel()
        # What lies outside of the grid is one more cell, where there are no data.
        jsd = divergence.exact_jensen_shannon(np.append(p, max(0.0, 1.0 - p.sum())), np.append(q, outside))
        inside = q / q.sum() if q.sum() > 0 else None
        value = divergence.value_function(logits, logits, p, inside) if inside is not None else float("nan")
        norms = [float(norm) for norm in self._norms(gan)]
        row = {
            "value": value,
            "bound": -2.0 * divergence.LOG_2 + 2.0 * jsd,
            "jsd": jsd,
            "jsd_estimate": float(np.clip(divergence.LOG_2 + value / 2.0, 0.0, divergence.LOG_2)),
            "generator_gradient": norms[0],
            "saturating_gradient": norms[1],
        }
        samples = draw(gan, 10_000)
        if self.density.modes is not None:
            found = collapse.mixture_statistics(samples, self.density)
            row |= {name: found[name] for name in ("modes", "high_quality", "std_ratio", "reverse_kl")}
        return row, {
            "cells": self.cells,
            "generated": q,
            "discriminator": 1.0 / (1.0 + np.exp(-np.clip(logits, -500, 500).astype(np.float64))),
            "optimal": divergence.optimal_discriminator(p, q).ravel(),
            "samples": samples,
            "latents": self.latents,
            "images": images,
        }

    def _gradient_norms(self, gan):
        variables = gan.generator.trainable_variables
        with tf.GradientTape(persistent=True) as tape:
            fake = gan.generator(self._noise, training=True)
            logits = tf.reshape(gan.discriminator(fake, training=True), [-1])
            real_logits = tf.reshape(gan.discriminator(self._real, training=True), [-1])
            own = tf.reduce_mean(gan.adversarial_loss.generator_loss(real_logits, logits))
            saturating = tf.reduce_mean(losses.Minimax().generator_loss(None, logits))
        return [tf.linalg.global_norm(tape.gradient(loss, variables)) for loss in (own, saturating)]


def cells_of(density):
    """The grid on which densities are compared: eight cells per standard deviation in 1-D, and one in 2-D."""
    return density.cells(per_std=8 if density.dim == 1 else 1)


def floor(density):
    """The divergence that a perfect sampler shows on the same grid, with as many independent samples."""
    cells = cells_of(density)
    q, outside = cells.histogram(density.sample(_DRAWS, seed=7))
    return divergence.exact_jensen_shannon(np.append(cells.masses, 0.0), np.append(q, outside))


def latent_quantiles(dim, prior):
    """Equally likely latents that cover a prior, and whether they are the ends of equally likely steps on a line.

    Args:
        dim: Length of a latent vector.
        prior: `"normal"` or `"uniform"`.

    Returns:
        Pair of float32 `(n, dim)`, and a boolean.
    """
    if dim > 2:
        return latents.stateless((_DRAWS, dim), (0, -2), prior).numpy(), False
    if dim == 1:
        u = np.clip(np.linspace(0.0, 1.0, _LINE + 1), _TAIL, 1.0 - _TAIL)[:, None]
    else:
        axis = (np.arange(_SQUARE) + 0.5) / _SQUARE
        u = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    z = tf.math.ndtri(tf.constant(u, tf.float64)).numpy() if prior == "normal" else 2.0 * u - 1.0
    return z.astype(np.float32), dim == 1


def draw(gan, n):
    """Samples of a generator that no training step draws, float32 `(n, dim)`."""
    return _apply(gan.generator, latents.stateless((n, gan.latent_dim), (gan.seed, -3), gan.latent_prior).numpy())


def _apply(network, x, size=40_000):
    return np.concatenate([np.asarray(network(x[i : i + size], training=False)) for i in range(0, len(x), size)])
