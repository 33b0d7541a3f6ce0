"""Memorisation: are generated examples closer to the training data than new real ones are?"""

import typing

import numpy as np
import scipy
import tqdm

from keras_gan.metrics import arrays


class Neighbours(typing.NamedTuple):
    """The result of `nearest`.

    Attributes:
        distances: float64 `(n,)`, Euclidean distance of each query to its nearest reference.
        indices: int64 `(n,)`, which reference that is.
    """

    distances: np.ndarray
    indices: np.ndarray


class DataCopying(typing.NamedTuple):
    """The result of `data_copying`.

    Attributes:
        score: Probability in [0, 1] that a generated example is farther from the training data than a held-out real
            one: 1/2 for a perfect model, less where it copies, more where it makes what is unlike the data.
        z_score: The same as a standard normal variable under the hypothesis that there is no difference.
        near_copies: Share of generated examples that lie closer to a training example than the j-th closest of the m
            held-out real ones, j = (m + 1) / 100 rounded down, and at least 1.
        expected_near_copies: What a perfect model is expected to have of them, `j / (m + 1)`, whatever the
            distribution; less where distances are tied.
        fake: `Neighbours` of the generated examples among the training examples.
        test: `Neighbours` of the held-out real ones.
    """

    score: float
    z_score: float
    near_copies: float
    expected_near_copies: float
    fake: Neighbours
    test: Neighbours


def nearest(queries, references, tile=2048, progress=False):
    """Finds each query's nearest reference, in tiles, so that memory does not grow with the product of their numbers.

    Args:
        queries: Floats `(n, d)`.
        references: Floats `(m, d)`.
        tile: Number of queries, and of references, compared at a time.
        progress: Whether to show a progress bar, where the output is a terminal.

    Returns:
        `Neighbours`. The nearest is found by `|r|^2 - 2 q r`, in float64; its distance is then computed from the
        difference of the two, so that it is exactly 0 between equal rows.

    Raises:
        ValueError: If the two are not matrices of one width, or hold no rows or numbers that are not finite.

    Example:

    >>> found = keras_gan.metrics.nearest([[0.0, 1.0], [5.0, 5.0]], [[0.0, 0.0], [5.0, 5.0]])
    >>> found.distances.tolist(), found.indices.tolist()
    ([1.0, 0.0], [0, 1])
    """
    queries, references = _matrix("queries", queries), _matrix("references", references)
    if queries.shape[1] != references.shape[1]:
        raise ValueError(
            f"`queries` and `references` must be as wide as each other. Received: {queries.shape}, {references.shape}"
        )
    # Distances do not change with the origin, and rounding is least where it lies among the data.
    centre = references.mean(axis=0)
    squares = [((references[at : at + tile] - centre) ** 2).sum(axis=1) for at in range(0, len(references), tile)]
    indices = np.empty(len(queries), np.int64)
    for start in tqdm.trange(0, len(queries), tile, desc="neighbours", disable=None if progress else True, leave=False):
        block = queries[start : start + tile] - centre
        least = np.full(len(block), np.inf)
        for number, square in enumerate(squares):
            first = number * tile
            gaps = square - 2.0 * block @ (references[first : first + tile] - centre).T
            best = gaps.argmin(axis=1)
            value = gaps[np.arange(len(block)), best]
            closer = value < least
            indices[start : start + tile][closer] = first + best[closer]
            least = np.minimum(least, value)
    distances = np.concatenate(
        [
            np.linalg.norm(queries[start : start + tile] - references[indices[start : start + tile]], axis=1)
            for start in range(0, len(queries), tile)
        ]
    )
    return Neighbours(distances, indices)


def data_copying(train, test, fake, progress=False):
    """Tests whether a generator copies its training data.

    With d(x) the distance of x to the nearest training example, the score is
    `P(d(fake) > d(test)) + P(d(fake) = d(test)) / 2`, Mann and Whitney's U divided by the number of pairs, and the
    z-score is U standardized by its mean and deviation under equality. A z-score below about -3 is evidence of copying.

    It compares averages over the whole data: a generator that copies one region and strays from the data in another
    can hide in it. `near_copies`, beside what a perfect model is expected to have of them, and the pictures of the
    nearest neighbours show the former.

    Args:
        train: Floats `(n, d)`, features of the training examples; all of them, since any may have been copied.
        test: Floats `(m, d)`, features of real examples that were not trained on, of the same distribution.
        fake: Floats `(k, d)`, features of generated examples.
        progress: Whether to show progress bars.

    Returns:
        `DataCopying`.

    Raises:
        ValueError: As `nearest`.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> train, test = rng.normal(size=(300, 4)), rng.normal(size=(200, 4))
    >>> copies = train[:100] + 0.01 * rng.normal(size=(100, 4))
    >>> found = keras_gan.metrics.data_copying(train, test, copies)
    >>> found.score < 0.01, found.z_score < -10, found.near_copies > 0.95
    (True, True, True)

    Reference:
        Meehan, Chaudhuri and Dasgupta 2020, "A non-parametric test to detect data-copying in generative models",
        section 3, with a single cell.
    """
    of_fake, of_test = nearest(fake, train, progress=progress), nearest(test, train, progress=progress)
    score, z_score = _mann_whitney(of_fake.distances, of_test.distances)
    # An order statistic and no quantile between two of them, whose expectation would depend on the distribution.
    places = len(of_test.distances) + 1
    rank = max(1, places // 100)
    near = np.mean(of_fake.distances < np.partition(of_test.distances, rank - 1)[rank - 1])
    return DataCopying(score, z_score, float(near), rank / places, of_fake, of_test)


def _mann_whitney(a, b):
    """The share of pairs in which a is the larger, and its z-score, corrected for ties.

    SciPy's own test returns a p-value in place of the score, which is 0 where the score is far away.
    """
    m, n = len(a), len(b)
    ranks = scipy.stats.rankdata(np.concatenate([a, b]))
    larger = ranks[:m].sum() - m * (m + 1) / 2
    deviation = np.sqrt(scipy.stats.tiecorrect(ranks) * m * n * (m + n + 1) / 12)
    return float(larger / (m * n)), float((larger - m * n / 2) / deviation) if deviation else 0.0


def _matrix(name, rows):
    rows = np.asarray(rows, np.float64)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"`{name}` must be a matrix with one row per example. Received: shape {rows.shape}")
    return arrays.finite(name, rows)
