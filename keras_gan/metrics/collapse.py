"""Mode collapse in numbers: modes of known mixtures, histograms of classes, and the birthday paradox."""

import math

import numpy as np
import scipy

from keras_gan.metrics import arrays, manifold

HIGH_QUALITY = 3.0  # standard deviations


def mixture_statistics(samples, mixture):
    """Modes of a known mixture of Gaussians that samples reach, and how well.

    A sample belongs to the nearest centre, in standard deviations of the components, and is of high quality if that is
    at most 3 away. Statistics of modes count high-quality samples alone.

    Args:
        samples: Floats `(n, dim)`.
        mixture: `keras_gan.data.toy.Mixture` with modes.

    Returns:
        Dictionary:
        - `modes`, with at least one sample, of `total`;
        - `high_quality`: the share of samples of high quality; `ceiling`: what a perfect sampler scores,
          P(chi^2 of dim degrees of freedom < 9), in two dimensions 1 - exp(-4.5) = 98.89 %. More than that means that
          modes have shrunk;
        - `std_ratio`: the mean over modes of the samples' standard deviation around their own mean over that of the
          component cut off at 3 standard deviations: 1 for a perfect sampler; NaN where no mode has two samples;
        - `reverse_kl`: KL(generated || true) of the occupancy of modes, in nats; `reverse_kl_floor`: its expectation
          for a perfect sampler, about (total - 1) / (2 n);
        - `occupancy`: the share of each mode.

    Raises:
        ValueError: If the density has no modes, or samples are of another dimension or not finite.

    Example:

    >>> ring = keras_gan.data.toy.ring()
    >>> found = keras_gan.metrics.collapse.mixture_statistics(ring.sample(10_000, seed=1), ring)
    >>> found["modes"], round(found["ceiling"], 4), abs(found["high_quality"] - found["ceiling"]) < 0.004
    (8, 0.9889, True)

    Reference: Srivastava et al. 2017, "VEEGAN", section 4.1; Lin et al. 2018, "PacGAN", section 4.1, for `reverse_kl`.
    """
    samples = arrays.finite("samples", np.asarray(samples, np.float64))
    if mixture.modes is None:
        raise ValueError(f"This density has no modes to count. Received: mixture={mixture.name!r}")
    if samples.ndim != 2 or samples.shape[1] != mixture.dim or not len(samples):
        raise ValueError(f"Expected samples of shape (n, {mixture.dim}). Received: an array of shape {samples.shape}")
    squared = sum((samples[:, d, None] - mixture.modes[:, d]) ** 2 for d in range(mixture.dim)) / mixture.std**2
    nearest = squared.argmin(axis=1)
    good = squared[np.arange(len(samples)), nearest] <= HIGH_QUALITY**2
    counts = np.bincount(nearest[good], minlength=len(mixture.modes))
    ratios = []
    for mode in np.flatnonzero(counts > 1):
        own = samples[good & (nearest == mode)]
        deviation = math.sqrt(own.var(axis=0, ddof=1).mean())
        ratios.append(deviation / (mixture.std[mode] * _truncated_std(mixture.dim)))
    shares = counts / max(1, counts.sum())
    return {
        "modes": int((counts > 0).sum()),
        "total": len(mixture.modes),
        "high_quality": float(good.mean()),
        "ceiling": float(scipy.stats.chi2.cdf(HIGH_QUALITY**2, mixture.dim)),
        "std_ratio": float(np.mean(ratios)) if ratios else math.nan,
        "reverse_kl": _kl(shares, mixture.weights) if counts.any() else math.nan,
        "reverse_kl_floor": (len(mixture.modes) - 1) / (2.0 * len(samples)),
        "occupancy": shares.tolist(),
    }


def _truncated_std(dim):
    """The standard deviation of a coordinate of N(0, I) given that its norm is at most 3.

    E[r^2; r < a] / dim is the probability that a chi-squared variable of two more degrees of freedom is below a^2.
    """
    inside, all_of_it = scipy.stats.chi2.cdf(HIGH_QUALITY**2, [dim + 2, dim])
    return math.sqrt(inside / all_of_it)


def _kl(p, q):
    """KL(p || q) of discrete distributions, in nats; infinite where p has mass and q has none."""
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    support = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[support] * np.log(p[support] / q[support])))


def class_statistics(labels, num_classes, reference=None):
    """The histogram of the classes that a classifier sees in samples.

    Args:
        labels: Integers `(n,)` in `[0, num_classes)`, such as the argmax of a classifier's probabilities.
        num_classes: Number of classes.
        reference: The shares `(num_classes,)` that real data have, for `kl`; equal ones by default.

    Returns:
        Dictionary of `modes`, the classes that occur, of `total`; `entropy` in nats, at most log(num_classes); `kl`,
        KL(samples || reference) in nats; `kl_floor`, its expectation for a perfect sampler of this many samples,
        about (num_classes - 1) / (2 n), to which a classifier's errors add; `samples`; and `histogram`, the shares.

    Raises:
        ValueError: If a label is out of range.

    Example:

    >>> found = keras_gan.metrics.collapse.class_statistics([0, 0, 1, 1], num_classes=4)
    >>> found["modes"], bool(np.isclose(found["kl"], np.log(2.0))), bool(np.isclose(found["entropy"], np.log(2.0)))
    (2, True, True)
    """
    labels = np.asarray(labels)
    integers = labels.ndim == 1 and labels.size and np.issubdtype(labels.dtype, np.integer)
    if not integers or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"Expected integer labels (n,) in [0, {num_classes}). Received: labels={labels}")
    shares = np.bincount(labels, minlength=num_classes) / len(labels)
    reference = np.full(num_classes, 1.0 / num_classes) if reference is None else np.asarray(reference, np.float64)
    arrays.finite("reference", reference)
    if reference.shape != (num_classes,) or abs(reference.sum() - 1.0) > 1e-6:
        raise ValueError(f"`reference` must be {num_classes} shares of sum 1. Received: reference={reference}")
    present = shares[shares > 0]
    return {
        "modes": len(present),
        "total": int(num_classes),
        "entropy": float(-np.sum(present * np.log(present))),
        "kl": _kl(shares, reference),
        "kl_floor": (num_classes - 1) / (2.0 * len(labels)),
        "samples": len(labels),
        "histogram": shares.tolist(),
    }


def stacked_statistics(images, classify):
    """`class_statistics` of Stacked MNIST: three digits, 1,000 modes.

    Args:
        images: Floats `(n, height, width, 3)` in [-1, 1].
        classify: Function from one channel, floats `(n, height, width, 1)` in [-1, 1], to the digits `(n,)` that it
            shows: a classifier's argmax.

    Returns:
        As `class_statistics` of 1,000 classes: with the usual 26,000 samples `kl_floor` is 0.0192.

    Reference: Metz et al. 2017, "Unrolled generative adversarial networks", section 3.3.1; Lin et al. 2018, "PacGAN",
    section 4.2, for 26,000 samples.
    """
    arrays.finite("images", images)
    digits = [np.asarray(classify(images[..., channel : channel + 1])).astype(np.int64) for channel in range(3)]
    return class_statistics(digits[0] * 100 + digits[1] * 10 + digits[2], 1000)


def birthday(samples, threshold, block=None):
    """Number of different things that a generator makes, from how often two of its samples are alike.

    Of n samples, c of the n (n - 1) / 2 pairs are within the threshold. `pairs / c` estimates the inverse of the
    probability that two samples coincide: the size of the support, if all of it is equally likely, and less otherwise.

    If all of the support is equally likely, c varies between draws as a Poisson number does; otherwise more, because a
    sample of what is likely has many coincidences at once. V is the larger one of c and the variance of c as a
    U-statistic, estimated without bias: c^2 minus the ordered pairs of coincidences of four different samples, to
    scale. The expectation of c is at most `c / k chi2(0.95; 2 k + 2) / 2` with 95 % confidence, `k = c^2 / V`, which is
    the exact bound of a Poisson number where V = c, and is 3.0 for c = 0.

    Args:
        samples: Floats `(n, ...)`: images, or features in which distance means likeness.
        threshold: Largest Euclidean distance between what counts as the same; 0 for exact copies alone. Two ways to
            choose it: by eye, from the `closest` pairs; or from real data, as what hardly any two of its examples are
            below.
        block: Rows of distances at a time, or `None` for as many as fit in 16 MB. The result does not depend on it.

    Returns:
        Dictionary of `support` (infinite without coincidences), `support_at_least` (the 95 % bound), `relative_error`
        of the estimate (its standard error, sqrt(V) / c; infinite without coincidences), `coincidences`,
        `batch_for_half` (the batch with an even chance of a coincidence, sqrt(2 log 2 support)), and `closest`, the
        indices of at most 20 nearest pairs, nearest first, to look at.

    Raises:
        ValueError: If there are fewer than two samples, one is not finite, or the threshold is no distance.

    Example: of ten things drawn a hundred times each, every one is met again.

    >>> things = np.repeat(np.arange(10.0)[:, None], 100, axis=0)
    >>> round(keras_gan.metrics.collapse.birthday(things, threshold=0.5)["support"], 1)
    10.1

    Reference: Arora and Zhang 2018, "Do GANs actually learn the distribution? An empirical study", section 3, whose
    test is a person's look at the closest pairs of one batch. Hoeffding 1948, "A class of statistics with
    asymptotically normal distribution", for the variance; Garwood 1936, "Fiducial limits for the Poisson distribution".
    """
    samples = np.asarray(samples)
    samples = arrays.feature_matrix("samples", samples.reshape(len(samples), -1), 2)
    if not 0 <= threshold < math.inf:
        raise ValueError(f"`threshold` must be a finite distance of at least 0. Received: threshold={threshold!r}")
    partners, closest = manifold.pairs_within(samples, threshold, 20, block)
    n, coincidences = len(samples), int(partners.sum()) // 2
    pairs = n * (n - 1) / 2
    support = pairs / coincidences if coincidences else math.inf
    # As many coincidences of a uniform sampler would be as certain.
    effective = coincidences**2 / max(coincidences, _variance_of_coincidences(partners)) if coincidences else 0.0
    most = scipy.stats.chi2.ppf(0.95, 2 * (effective + 1)) / 2
    return {
        "support": support,
        "support_at_least": float(pairs / most * (effective / coincidences if coincidences else 1.0)),
        "relative_error": 1.0 / math.sqrt(effective) if coincidences else math.inf,
        "coincidences": coincidences,
        "batch_for_half": math.sqrt(2.0 * math.log(2.0) * support),
        "closest": closest,
    }


def _variance_of_coincidences(partners):
    """The variance of the number of coincidences between draws, estimated from how many others each coincides with."""
    n = len(partners)
    if n < 4:
        return 0.0
    partners = partners.astype(np.float64)
    count = partners.sum() / 2
    # Of the 4 c^2 ordered pairs of ordered coincidences 4 c are of the same two samples.
    of_three = 4 * np.sum(partners * (partners - 1))
    of_four = 4 * count**2 - 4 * count - of_three
    return count**2 - of_four * n * (n - 1) / (4 * (n - 2) * (n - 3))
