"""Modes that a generator reaches, and how evenly."""

import typing

import numpy as np
import scipy

from keras_gan.metrics import arrays


class Modes(typing.NamedTuple):
    """The result of `modes`: modes reached, divergence, and what a perfect sampler is expected to score in both."""

    modes: int
    divergence: float
    expected_modes: float
    expected_divergence: float


def modes(labels, num_modes, distribution=None):
    """Number of modes that samples reach, and the divergence of their histogram from the true one.

    `KL(q || p) = sum_k q_k log(q_k / p_k)` in nats, q the shares of the samples and p uniform or given. A perfect
    sampler does not score 0: with n samples it is expected to score about `(num_modes - 1) / (2 n)`. The exact
    expectations over n
    independent draws from p are returned beside the scores: `sum_k 1 - (1 - p_k)^n` modes, and the mean of KL over
    binomial counts.

    Args:
        labels: The mode of each sample: `(n,)` integers in [0, num_modes), as a classifier gives them.
        num_modes: Number of modes.
        distribution: `(num_modes,)` true shares of the modes, or `None` for equal shares.

    Returns:
        `Modes(modes, divergence, expected_modes, expected_divergence)`. The divergence is infinite if samples are in a
        mode whose true share is 0.

    Raises:
        ValueError: If labels are not integers in range, or the distribution is none over these modes.

    Example:

    >>> reached = keras_gan.metrics.modes([0, 0, 1, 1], num_modes=4)
    >>> reached.modes, round(reached.divergence, 6), round(reached.expected_modes, 6)
    (2, 0.693147, 2.734375)

    Reference:
        Metz et al. 2017, "Unrolled generative adversarial networks", and Lin et al. 2018, "PacGAN: the power of two
        samples in generative adversarial networks": modes and KL of stacked MNIST. They give no expectations.
    """
    num_modes = arrays.positive_integer("num_modes", num_modes)
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "iu":
        raise ValueError(f"`labels` must be one integer per sample. Received: shape {labels.shape} of {labels.dtype}")
    if labels.min() < 0 or labels.max() >= num_modes:
        raise ValueError(
            f"`labels` must lie in [0, {num_modes}). Received: labels from {labels.min()} to {labels.max()}"
        )
    return modes_from_counts(np.bincount(labels, minlength=num_modes), distribution)


def modes_from_counts(counts, distribution=None):
    """As `modes`, from the number of samples in each mode.

    Args:
        counts: `(num_modes,)` integers, at least 0.
        distribution: `(num_modes,)` true shares of the modes, or `None` for equal shares.

    Returns:
        `Modes(modes, divergence, expected_modes, expected_divergence)`.

    Raises:
        ValueError: If counts are not integers of at least 0 with a positive sum, or the distribution is none over these
            modes.

    Example:

    >>> keras_gan.metrics.modes_from_counts([0, 3, 5]).modes
    2
    """
    counts = np.asarray(counts)
    if counts.ndim != 1 or not counts.size or counts.dtype.kind not in "iu" or counts.min() < 0 or not counts.any():
        raise ValueError(f"`counts` must be integers of at least 0, one per mode, not all 0. Received: {counts}")
    truth = _check_distribution(distribution, counts.size)
    number = int(counts.sum())
    return Modes(
        int(np.count_nonzero(counts)),
        divergence(counts, truth),
        float(np.sum(-np.expm1(number * np.log1p(-truth[truth < 1]))) + np.count_nonzero(truth == 1)),
        _expected_divergence(number, truth),
    )


def _check_distribution(distribution, num_modes):
    if distribution is None:
        return np.full(num_modes, 1 / num_modes)
    truth = arrays.finite("distribution", np.asarray(distribution, np.float64))
    if truth.shape != (num_modes,) or not (truth >= 0).all() or not abs(truth.sum() - 1) < 1e-6:
        raise ValueError(
            f"`distribution` must be {num_modes} shares of at least 0 that sum to 1. "
            f"Received: distribution={distribution!r}"
        )
    return truth / truth.sum()


def divergence(counts, truth):
    """`KL(q || p)` of the shares `q` of counts from the true ones."""
    reached = counts > 0
    shares = counts[reached] / counts.sum()
    with np.errstate(divide="ignore"):
        return float(np.maximum(np.sum(shares * (np.log(shares) - np.log(truth[reached]))), 0.0))


def _expected_divergence(number, truth):
    """Mean of `KL(q || p)` over draws: `sum_k E[q_k log(q_k / p_k)]`, where each count is binomial."""
    expected = 0.0
    for share, times in zip(*np.unique(truth[(truth > 0) & (truth < 1)], return_counts=True), strict=True):
        # Beyond these counts less than 1e-16 of the probability is left.
        reach = 12 * np.sqrt(number * share) + 40
        counts = np.arange(max(1, int(number * share - reach)), min(number, int(number * share + reach)) + 1)
        terms = scipy.stats.binom.pmf(counts, number, share) * counts / number * np.log(counts / (number * share))
        expected += times * terms.sum()
    return float(expected)
