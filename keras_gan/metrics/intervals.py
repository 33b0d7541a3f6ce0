"""Intervals of metrics: where their mean over draws of as many samples lies, or where another draw would put them."""

import math
import typing

import numpy as np
import scipy

from keras_gan.metrics import arrays, distances, manifold
from keras_gan.metrics.distances import frechet_distance, kernel_distance
from keras_gan.metrics.modes import modes
from keras_gan.metrics.scores import check_probabilities, classifier_score, divergences


class Interval(typing.NamedTuple):
    """A metric with its interval; `method` says where the standard error comes from."""

    value: float
    low: float
    high: float
    standard_error: float
    method: str


def interval(metric, *samples, confidence=0.95, kind="confidence", splits=10, seed=0, **options):
    """Interval of a metric: where its mean over draws of as many samples lies, or where another draw would put it.

    Between draws of as many real and fake samples the metric varies by its standard error s. A confidence interval,
    `value +- q s`, holds the mean over draws with the given probability. Another draw varies by s itself, and falls
    into it less often, 83 % of the time at a confidence of 95 %: it falls into the prediction interval,
    `value +- sqrt(2) q s`, with the given probability. q is the quantile of a normal distribution, or of Student's with
    `splits` degrees of freedom.

    An interval is centred on the metric, cut off where the metric cannot be (a distance below 0, a share above 1), and
    says nothing of its bias at this number of samples (of the Frechet distance upward, of the score downward), which
    only a comparison with real data at the same number shows.

    | metric | standard error | why not the bootstrap |
    |---|---|---|
    | `frechet_distance` | delta method, from the influence of each sample | repetition adds the bias again |
    | `kernel_distance` | jackknife over all samples | pairs of equal samples are no independent pairs |
    | `classifier_score`, `modes` | delta method; number of modes: jackknife | unseen modes never come |
    | others, such as `precision_recall` | half the difference between disjoint halves | copies are neighbours |

    Halves are drawn `splits` times. That the variance of n samples is half of that of n / 2 holds of means; what
    neighbours decide falls more slowly where few samples matter, such as the density of a concentrated generator. So
    half as often the samples are divided into four, and where V falls more slowly from quarters to halves it is taken
    to go on so: `s^2 = V(n / 2) / 2 max(1, 2 V(n / 2) / V(n / 4))`. How often all of these intervals hold what they
    should, in simulation: `docs/results/interval_coverage.md`.

    For equal distributions, where first-order influences vanish, the errors of distances and divergences come out up to
    about 1.6 times too large. A share is given at least the error of a binomial one.

    Args:
        metric: `frechet_distance`, `kernel_distance`, `classifier_score`, `modes`, or any function of samples that
            returns a float or a named tuple of floats.
        *samples: What the metric compares: real and fake features, probabilities, or labels.
        confidence: Probability that the interval is meant to have, in (0, 1).
        kind: `"confidence"`, for the mean over draws, or `"prediction"`, for another draw.
        splits: How often samples are divided into halves, for the metrics that need it.
        seed: Seed of these divisions.
        **options: Further arguments of the metric. `kernel_distance` is taken over all samples unless they say
            otherwise.

    Returns:
        Dictionary from names, such as `"precision"` and `"recall"`, to `Interval`. A metric that returns a float has
        its own name.

    Raises:
        ValueError: If the metric refuses the samples or a quarter of them, they are not finite, or `confidence` or
            `kind` is none.

    Example:

    >>> real, fake = np.random.RandomState(0).normal(size=(2, 1000, 4))
    >>> frechet = keras_gan.metrics.interval(keras_gan.metrics.frechet_distance, real, fake + 1)["frechet_distance"]
    >>> frechet.low < 4 < frechet.high
    True

    Reference:
        Rippl, Munk and Sturm 2016, "Limit laws of the empirical Wasserstein distance: Gaussian distributions" (delta
        method). Efron and Stein 1981, "The jackknife estimate of variance". Politis, Romano and Wolf 1999,
        "Subsampling". Abadie and Imbens 2008, "On the failure of the bootstrap for matching estimators" (nearest
        neighbours).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie between 0 and 1. Received: confidence={confidence!r}")
    if kind not in _WIDTHS:
        raise ValueError(f"`kind` must be one of {sorted(_WIDTHS)}. Received: kind={kind!r}")
    samples = [arrays.finite("samples", each) for each in samples]
    if metric in _ERRORS:
        results = _ERRORS[metric](*samples, **options)
        quantile = scipy.stats.norm.ppf(0.5 + confidence / 2)
    else:
        splits = arrays.positive_integer("splits", splits)
        results = _by_halves(metric, samples, splits, seed, options)
        quantile = scipy.stats.t.ppf(0.5 + confidence / 2, splits)
    found = {}
    for name, (value, error, method) in results.items():
        least, most = _RANGES[name] if metric in _RANGED else (-math.inf, math.inf)
        reach = _WIDTHS[kind] * quantile * error
        found[name] = Interval(value, float(max(least, value - reach)), float(min(most, value + reach)), error, method)
    return found


# In standard errors of one draw: the difference of two draws has twice the variance.
_WIDTHS = {"confidence": 1.0, "prediction": math.sqrt(2.0)}


def _frechet(real, fake):
    real, fake = arrays.feature_matrices(real, fake, 2)
    if min(len(real), len(fake)) <= real.shape[1]:
        raise ValueError(
            "The interval of a Frechet distance needs more samples than features. "
            f"Received: real.shape={real.shape}, fake.shape={fake.shape}"
        )
    value, influences = distances.frechet_distance_with_influences(real, fake)
    variance = sum(np.var(influence) / len(influence) for influence in influences)
    return {"frechet_distance": (value, math.sqrt(variance), "delta method")}


def _kernel(real, fake, **options):
    options = {"subsets": None, **options}
    value, error = kernel_distance(real, fake, **options)
    return {"kernel_distance": (value, error, "jackknife" if options["subsets"] is None else "subsets")}


def _score(probabilities, **options):
    score = classifier_score(probabilities, **options).mean
    # The derivative of the mean divergence with respect to the share of one sample is its own divergence.
    spread = np.std(divergences(check_probabilities(probabilities, 1)), ddof=1)
    return {"classifier_score": (score, score * spread / math.sqrt(len(probabilities)), "delta method")}


def _modes(labels, num_modes, distribution=None):
    reached = modes(labels, num_modes, distribution)
    counts = np.bincount(labels, minlength=num_modes)
    number, seen = counts.sum(), counts > 0
    truth = np.full(num_modes, 1 / num_modes) if distribution is None else np.asarray(distribution)
    shares = counts[seen] / number
    ratios = np.log(shares / truth[seen])
    variance = (np.sum(shares * ratios**2) - np.sum(shares * ratios) ** 2) / number
    # Leaving out one sample loses a mode if the sample is alone in it.
    alone = np.count_nonzero(counts == 1)
    return {
        "modes": (reached.modes, math.sqrt(alone * (1 - alone / number)), "jackknife"),
        "divergence": (reached.divergence, math.sqrt(variance), "delta method"),
    }


_ERRORS = {frechet_distance: _frechet, kernel_distance: _kernel, classifier_score: _score, modes: _modes}
# Metrics that are shares of a number of samples, with the position of those samples.
_SHARES = {"precision": 1, "recall": 0, "coverage": 0}
_MANIFOLD = (manifold.PrecisionRecall, manifold.DensityCoverage, manifold.ManifoldMetrics)
# What these metrics can be. The kernel distance is unbiased, and so below 0 where the true one is 0.
_RANGED = (
    frechet_distance,
    classifier_score,
    modes,
    manifold.precision_recall,
    manifold.density_coverage,
    manifold.manifold_metrics,
)
_RANGES = {
    **dict.fromkeys(("frechet_distance", "modes", "divergence", "density"), (0.0, math.inf)),
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    "classifier_score": (1.0, math.inf),
}


def _by_halves(metric, samples, splits, seed, options):
    whole = metric(*samples, **options)
    fewest = min(len(each) for each in samples)
    if fewest < 8:
        raise ValueError(f"An interval needs at least 8 samples, two in a quarter. Received: {fewest}")
    random = np.random.default_rng(seed)

    def variance(parts, repeats):
        """That of a part, divided by their number."""
        values = []
        for _ in range(repeats):
            divided = [_divided(random, each, parts) for each in samples]
            values.append([metric(*each, **options) for each in zip(*divided, strict=True)])
        return np.reshape(values, (repeats, parts, -1)).var(axis=1, ddof=1).mean(axis=0) / parts

    halves, quarters = variance(2, splits), variance(4, (splits + 1) // 2)
    growth = np.divide(halves, quarters, out=np.ones_like(halves), where=quarters > 0)
    errors = np.sqrt(halves * np.maximum(growth, 1.0))
    named = hasattr(whole, "_fields")
    names = whole._fields if named else [getattr(metric, "__name__", "metric")]
    results = {}
    for name, value, error in zip(names, whole if named else [whole], errors, strict=True):
        if name in _SHARES and isinstance(whole, _MANIFOLD):
            # Agresti and Coull's, which is not 0 for a share of 0 or 1, of which parts show no spread.
            number = len(samples[_SHARES[name]]) + 4
            share = (value * (number - 4) + 2) / number
            error = max(error, math.sqrt(share * (1 - share) / number))
        results[name] = (float(value), float(error), f"{splits} divisions into halves")
    return results


def _divided(random, samples, parts):
    """Disjoint random parts of nearly equal size."""
    return [samples[rows] for rows in np.array_split(random.permutation(len(samples)), parts)]
