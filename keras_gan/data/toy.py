"""Densities that are known exactly, in one and two dimensions, so that divergences are computed and not guessed."""

import dataclasses
import functools
import math

import numpy as np
import scipy

from keras_gan import latents, random
from keras_gan.data import sources

_REACH = 8.0  # standard deviations from the outermost centre to the edge of a grid: 6e-16 of the mass lies beyond
_EXAMPLES = {"train": (100_000, 0), "test": (10_000, 1)}


class Mixture:
    """A mixture of isotropic Gaussians, `p(x) = sum_k w_k N(x; m_k, s_k^2 I)`.

    Args:
        means: Floats `(modes, dim)`, or `(modes,)` in one dimension.
        std: Standard deviation of each component, a number or `(modes,)`.
        weights: Positive, of sum 1; equal by default.
        name: What it is called.

    Attributes:
        modes: float64 `(modes, dim)`, the centres that mode statistics count; `None` where there are none to count.
        dim: Number of dimensions.

    Raises:
        ValueError: If the shapes do not agree, a mean is not finite, or a standard deviation or weight not positive.

    Example:

    >>> ring = keras_gan.data.toy.ring()
    >>> points, weights = ring.quadrature()
    >>> bool(abs(weights @ ring.density(points) - 1.0) < 1e-12)
    True
    >>> ring.sample(3, seed=0).shape
    (3, 2)
    """

    def __init__(self, means, std, weights=None, name="mixture"):
        means = np.asarray(means, np.float64)
        self.means = means[:, None] if means.ndim == 1 else means
        count = len(self.means)
        self.std = np.broadcast_to(np.asarray(std, np.float64), (count,))
        self.weights = np.full(count, 1.0 / count) if weights is None else np.asarray(weights, np.float64)
        self.name = name
        self.dim = self.means.shape[1]
        self.modes = self.means
        positive = (self.std > 0).all() and self.weights.shape == (count,) and (self.weights > 0).all()
        if not positive or not np.isfinite(self.means).all() or abs(self.weights.sum() - 1.0) > 1e-9:
            raise ValueError(
                f"A mixture of {count} components needs finite means and as many positive standard deviations and "
                f"weights of sum 1. Received: means={means}, std={std}, weights={weights}"
            )

    def log_density(self, x):
        """The logarithm of the density.

        Args:
            x: Floats `(n, dim)`.

        Returns:
            float64 array `(n,)`.
        """
        x = np.asarray(x, np.float64)
        out = np.empty(len(x))
        constants = np.log(self.weights) - self.dim * np.log(self.std * math.sqrt(2.0 * math.pi))
        for start in range(0, len(x), 10_000):
            rows = x[start : start + 10_000]
            squared = sum((rows[:, d, None] - self.means[:, d]) ** 2 for d in range(self.dim))
            exponents = constants - 0.5 * squared / self.std**2
            top = exponents.max(axis=1)
            out[start : start + 10_000] = top + np.log(np.exp(exponents - top[:, None]).sum(axis=1))
        return out

    def density(self, x):
        """The density; see `log_density`."""
        return np.exp(self.log_density(x))

    def sample(self, n, seed=0):
        """Draws `n` points, as a function of the seed alone.

        Args:
            n: Number of points.
            seed: Integer: the key of a counter-based generator, as everywhere in this package.

        Returns:
            float32 array `(n, dim)`.
        """
        noise = latents.stateless((n, self.dim), seed=(seed, 1)).numpy()
        return self._place(random.uniform((n,), seed=(seed, 0)).numpy(), noise).astype(np.float32)

    def _place(self, u, noise):
        """Points from uniform numbers, which choose a centre, and standard normal ones."""
        chosen = np.minimum(np.searchsorted(np.cumsum(self.weights), u, side="right"), len(self.weights) - 1)
        return self.means[chosen] + self.std[chosen, None] * noise

    def edges(self, per_std=2):
        """The edges of a regular grid of cells that holds all but 1e-15 of the mass.

        Args:
            per_std: Cells per smallest standard deviation.

        Returns:
            List of a float64 array for each dimension.
        """
        step, margin = self.std.min() / per_std, _REACH * self.std.max()
        low, high = self.means.min(axis=0) - margin, self.means.max(axis=0) + margin
        counts = np.ceil((high - low) / step).astype(int)
        return [a + step * np.arange(n + 1) for a, n in zip(low, counts, strict=True)]

    def quadrature(self, per_std=2):
        """Nodes and weights that integrate smooth functions times this density: `sum(w * f(x) * density(x))`.

        The midpoint rule on a regular grid with `per_std` nodes per smallest standard deviation. Its error for a
        Gaussian is `2 exp(-2 pi^2 per_std^2)` in each dimension: 5e-9 for 1, and below rounding for 2.

        Args:
            per_std: Nodes per smallest standard deviation.

        Returns:
            float64 arrays `(nodes, dim)` and `(nodes,)`.
        """
        axes = [(edges[1:] + edges[:-1]) / 2.0 for edges in self.edges(per_std)]
        points = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
        return points, np.full(len(points), (self.std.min() / per_std) ** self.dim)

    def cells(self, per_std=2):
        """The exact mass of every cell of a regular grid; see `Cells`."""
        edges = self.edges(per_std)
        return Cells(edges, self.masses(edges))

    def masses(self, edges):
        """The exact mass of every cell of a grid.

        Args:
            edges: The increasing edges of its cells along each dimension, one or two arrays.

        Returns:
            float64 array of as many dimensions.
        """
        shares = [
            np.diff(scipy.stats.norm.cdf(axis, self.means[:, d, None], self.std[:, None]), axis=1)
            for d, axis in enumerate(edges)
        ]
        return self.weights @ shares[0] if self.dim == 1 else (self.weights[:, None] * shares[0]).T @ shares[1]

    def moments(self):
        """The mean `(dim,)` and the root of the mean variance of the coordinates, both exact."""
        mean = self.weights @ self.means
        variance = self.weights @ ((self.means - mean) ** 2).mean(axis=1) + self.weights @ self.std**2
        return mean, math.sqrt(variance)

    def standardized(self):
        """The density of `(x - mean) / scale`, where scale is the root of the mean variance of the coordinates.

        One scale for all coordinates, so that the shape and all distances in standard deviations stay.

        Returns:
            A density of the same kind, with mean 0.
        """
        mean, scale = self.moments()
        return self._affine(mean, scale)

    def _affine(self, mean, scale):
        return Mixture((self.means - mean) / scale, self.std / scale, self.weights, self.name)


class SwissRoll(Mixture):
    """A spiral with Gaussian noise: `x = (t cos t, t sin t) + s e`, `t = 1.5 pi (1 + 2 u)`, u uniform in (0, 1).

    Its density is the convolution `p(x) = integral over u of N(x; c(u), s^2 I)`. The integrand is analytic, and
    Gauss-Legendre nodes u_k with weights w_k give it to rounding where they are closer than s, so for computing the
    density is a `Mixture` of Gaussians at `c(u_k)`; with 512 nodes the largest distance is 0.6 s. Samples
    are not drawn from that mixture but from u itself.

    Args:
        std: s, in the units of t; neighbouring arms are 2 pi apart.
        nodes: Number of quadrature nodes.

    Example:

    >>> roll = keras_gan.data.toy.SwissRoll()
    >>> roll.modes is None
    True
    """

    def __init__(self, std=0.5, nodes=512, name="swiss_roll"):
        at, weights = np.polynomial.legendre.leggauss(nodes)
        self.mean, self.scale = np.zeros(2), 1.0
        super().__init__(_spiral((at + 1.0) / 2.0), std, weights / 2.0, name)
        self.modes = None

    def _place(self, u, noise):
        return (_spiral(u) - self.mean) / self.scale + self.std[0] * noise

    def _affine(self, mean, scale):
        other = SwissRoll(self.std[0], len(self.means), self.name)
        other.mean, other.scale = self.mean + self.scale * mean, self.scale * scale
        other.means, other.std = (self.means - mean) / scale, self.std / scale
        return other


def _spiral(u):
    t = 1.5 * math.pi * (1.0 + 2.0 * u)
    return np.stack([t * np.cos(t), t * np.sin(t)], axis=-1)


@dataclasses.dataclass(frozen=True)
class Cells:
    """A regular grid of cells, and what share of a density lies in each.

    Divergences between the masses of two distributions in the same cells are those of the distributions rounded to
    cells: never more than the true ones, and as close to them as the densities are constant over a cell.

    Attributes:
        edges: The edges along each dimension.
        masses: float64, one share per cell, of sum 1.
    """

    edges: list
    masses: np.ndarray

    def centres(self):
        """float64 `(cells, dim)`, in the order of `masses.ravel()`."""
        axes = [(edges[1:] + edges[:-1]) / 2.0 for edges in self.edges]
        return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)

    @property
    def volume(self):
        """The length or area of one cell: masses divided by it are densities."""
        return math.prod(edges[1] - edges[0] for edges in self.edges)

    def histogram(self, points, shares=None):
        """The share of points in every cell.

        Args:
            points: Floats `(n, dim)`.
            shares: How much each of them counts, of sum 1; equal ones by default.

        Returns:
            Pair of an array of the shape of `masses`, and the share of points outside of the grid. Of both the sum
            is 1.
        """
        points = np.asarray(points)
        index, inside = np.zeros(len(points), np.int64), np.ones(len(points), bool)
        for column, edges in zip(points.T, self.edges, strict=True):
            place = np.floor((column - edges[0]) / (edges[1] - edges[0]))
            inside &= (place >= 0) & (place < len(edges) - 1)
            index = index * (len(edges) - 1) + np.where(inside, place, 0).astype(np.int64)
        counts = np.bincount(index[inside], None if shares is None else shares[inside], self.masses.size)
        total = len(points) if shares is None else 1.0
        return counts.reshape(self.masses.shape) / total, max(0.0, 1.0 - counts.sum() / total)


def push_forward(curve, edges, shares=None):
    """The share between any two edges of a distribution on a line, the image of steps that it is divided into.

    Step i of a curve covers the interval from `curve[i]` to `curve[i + 1]` uniformly. Where `curve` holds the values of
    a function G at increasing latents, and `shares` how likely it is to be between two of them, this is the
    distribution of G(z) with G replaced by a polygon: nothing is drawn, so the result has no noise.

    Args:
        curve: Floats `(steps + 1,)`, in the order of the latents.
        edges: Increasing floats `(cells + 1,)`.
        shares: Floats `(steps,)` of sum 1; equal ones by default.

    Returns:
        Pair of a float64 array `(cells,)`, and the share outside of the edges. Of both the sum is 1.

    Example: a uniform distribution between 0 and 1.

    >>> keras_gan.data.toy.push_forward([0.0, 1.0], [0.0, 0.25, 1.5])[0].tolist()
    [0.25, 0.75]
    """
    kinks, slopes = _ramps(curve, shares, np.asarray(edges, np.float64))
    heights = np.concatenate([[0.0], np.cumsum(slopes[:-1] * np.diff(kinks))])
    below = np.interp(edges, kinks, heights, left=0.0, right=1.0)
    masses = np.clip(np.diff(below), 0.0, None)
    return masses, max(0.0, 1.0 - masses.sum())


def kinks(curve, edges):
    """The places where the density of `push_forward` jumps: between two of these it is constant.

    Args:
        curve: As for `push_forward`.
        edges: As for `push_forward`.

    Returns:
        Increasing float64 array, the edges and all jumps between them.
    """
    edges = np.asarray(edges, np.float64)
    jumps = _ramps(curve, None, edges)[0]
    return np.unique(np.concatenate([edges, jumps[(jumps > edges[0]) & (jumps < edges[-1])]]))


def _ramps(curve, shares, edges):
    """The share below x as a sum of ramps, one for each step: where its slope changes, and the slopes from there on."""
    curve = np.asarray(curve, np.float64).ravel()
    low, high = np.minimum(curve[:-1], curve[1:]), np.maximum(curve[:-1], curve[1:])
    # Where a curve stands still, a step covers a millionth of the line, so that slopes stay numbers of few digits.
    width = np.maximum(high - low, 1e-6 * (edges[-1] - edges[0]))
    steepness = (1.0 / len(low) if shares is None else np.asarray(shares, np.float64)) / width
    at, changes = np.concatenate([low, low + width]), np.concatenate([steepness, -steepness])
    order = np.argsort(at, kind="stable")
    return at[order], np.cumsum(changes[order])


def gaussian():
    """One standard normal distribution, in one dimension."""
    return Mixture([0.0], 1.0, name="gaussian")


def two_gaussians():
    """Two Gaussians in one dimension, of which the right one has 70 % of the mass."""
    return Mixture([-1.0, 1.0], [0.3, 0.3], [0.3, 0.7], name="two_gaussians")


def ring(modes=8, radius=1.0, std=0.02):
    """Gaussians at the angles `2 pi k / modes`, k = 0, ..., modes - 1: all of them are different.

    With both ends, as one published script has it, the first centre would appear twice and one be missing.

    Args:
        modes: Number of centres.
        radius: Of the circle.
        std: Standard deviation of each Gaussian; papers use 0.01 to 0.02 of the radius.

    Returns:
        `Mixture`.

    Example:

    >>> keras_gan.data.toy.ring().modes.round(2)[:2].tolist()
    [[1.0, 0.0], [0.71, 0.71]]
    """
    angles = 2.0 * math.pi * np.arange(modes) / modes
    return Mixture(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), std, name="ring")


def grid(side=5, spacing=2.0, std=0.05):
    """Gaussians at the points of a square grid around 0.

    Args:
        side: Number of centres along a side.
        spacing: Distance between neighbours.
        std: Standard deviation of each Gaussian.

    Returns:
        `Mixture`.

    Reference: Lin et al. 2018, "PacGAN", section 4.1: {-4, -2, 0, 2, 4}^2 with 0.05.
    """
    axis = spacing * (np.arange(side) - (side - 1) / 2.0)
    return Mixture(np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2), std, name="grid")


_DENSITIES = {
    "gaussian": gaussian,
    "two_gaussians": two_gaussians,
    "ring": ring,
    "grid": grid,
    "swiss_roll": SwissRoll,
}


@functools.cache
def get(name):
    """The standardized density of a name.

    Args:
        name: `"gaussian"`, `"two_gaussians"`, `"ring"`, `"grid"` or `"swiss_roll"`.

    Returns:
        What the function or class of that name makes, after `Mixture.standardized`.

    Raises:
        ValueError: If there is none of that name.

    Example:

    >>> mean, scale = keras_gan.data.toy.get("grid").moments()
    >>> bool(abs(mean).max() < 1e-12), round(scale, 12)
    (True, 1.0)
    """
    if name not in _DENSITIES:
        raise ValueError(f"A toy density is one of {names()}. Received: {name!r}")
    return _DENSITIES[name]().standardized()


def names():
    """The names that `get` knows."""
    return list(_DENSITIES)


def source(name, request):
    """The source for `"toy:NAME"`: points of the standardized density, 100,000 to train and 10,000 to test."""
    split = request.split
    if split not in _EXAMPLES:
        raise sources.MissingSplitError(f"Toy data have the splits {list(_EXAMPLES)}. Received: split={split!r}")
    n, seed = _EXAMPLES[split]
    points = sources.from_arrays(get(name).sample(n, seed), dataclasses.replace(request, split="train"))
    return dataclasses.replace(points, identity=f"toy:{name} {split} {n} {seed}")
