"""Scores of what a classifier says about generated samples."""

import typing

import numpy as np

from keras_gan.metrics import arrays


class ClassifierScore(typing.NamedTuple):
    """The result of `classifier_score`: mean and standard deviation of the score over the splits."""

    mean: float
    std: float


def classifier_score(probabilities, splits=10):
    """Classifier score: high where every sample is classified with confidence and all classes occur equally often.

    `exp(mean_i KL(p(y | x_i) || p(y)))` with `p(y) = mean_i p(y | x_i)`, from 1 to the number of classes, for each of
    several consecutive splits. It is called Inception score only for the 2015 Inception network. It knows nothing of
    real data, and one perfect image per class has the highest score; a smaller split scores lower.

    Args:
        probabilities: Class probabilities of generated samples, `(n, classes)`, rows that sum to 1, in random order: if
            they are sorted by class, so are the splits.
        splits: Number of splits, at most n.

    Returns:
        `ClassifierScore(mean, std)`, floats; `std` is the population standard deviation over the splits.

    Raises:
        ValueError: If these are not probabilities, such as logits, or fewer than splits.

    Example:

    >>> keras_gan.metrics.classifier_score(np.eye(4), splits=1)
    ClassifierScore(mean=4.0, std=0.0)

    Reference:
        Salimans et al. 2016, "Improved techniques for training GANs", section 4. Barratt and Sharma 2018, "A note on
        the Inception score". The published code's last layer lacks its bias; here probabilities are what the caller
        says.
    """
    splits = arrays.positive_integer("splits", splits)
    probabilities = check_probabilities(probabilities, splits)
    number = len(probabilities)
    bounds = [number * i // splits for i in range(splits + 1)]
    parts = [probabilities[bounds[i] : bounds[i + 1]] for i in range(splits)]
    scores = [np.exp(np.mean(divergences(part))) for part in parts]
    return ClassifierScore(float(np.mean(scores)), float(np.std(scores)))


def check_probabilities(probabilities, minimum):
    """Class probabilities in float64 with rows that sum to 1, or an error that says what is wrong with them."""
    probabilities = arrays.feature_matrix("probabilities", probabilities, minimum).astype(np.float64)
    sums = probabilities.sum(axis=1)
    if probabilities.min() < 0 or np.abs(sums - 1).max() > 1e-2:
        raise ValueError(
            "`probabilities` must be at least 0 and sum to 1 in every row: apply softmax to logits. Received: "
            f"a smallest value of {probabilities.min():.3g} and sums from {sums.min():.3g} to {sums.max():.3g}"
        )
    return probabilities / sums[:, None]


def divergences(probabilities):
    """`KL(p(y | x_i) || p(y))` for each sample, with `0 log 0 = 0`."""
    marginal = probabilities.mean(axis=0)
    entropies = np.sum(_times_log(probabilities, probabilities), axis=1)
    return entropies - np.sum(_times_log(probabilities, marginal), axis=1)


def _times_log(factors, values):
    return factors * np.log(values, out=np.zeros_like(values), where=values > 0)
