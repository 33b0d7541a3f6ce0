"""Metrics from nearest neighbours: improved precision and recall, density and coverage.

Squared distances come from one matrix product per tile, whose rounding would decide ties by chance: it depends on the
tile, and does not give 0 for equal samples. So a product only decides what lies beyond a bound on its rounding. Pairs
within that bound are computed again as `sum (x - y)^2`, the same number for a pair in either order and in any place:
results do not depend on tiles or threads.
"""

import typing

import numpy as np

from keras_gan.metrics import arrays

# Columns from which one minimum is taken to bound the k-th smallest of a row.
_GROUP = 16


class PrecisionRecall(typing.NamedTuple):
    """The result of `precision_recall`: two shares in [0, 1]."""

    precision: float
    recall: float


class DensityCoverage(typing.NamedTuple):
    """The result of `density_coverage`: density, at least 0 and about 1 for equal distributions; a share in [0, 1]."""

    density: float
    coverage: float


class ManifoldMetrics(typing.NamedTuple):
    """The result of `manifold_metrics`: `PrecisionRecall` and `DensityCoverage` in one."""

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall(real, fake, neighbours=3, tile_rows=None):
    """Improved precision and recall: how much of either set lies within the other's manifold.

    The manifold of a set is the union of balls around its samples, each with the distance to the k-th nearest other
    sample as its radius. Precision is the share of fake samples within the real manifold, recall that of real samples
    within the fake one. A ball holds its surface (`<=`). Only values with equal numbers of samples compare.

    Beyond its arguments it needs memory for one of the sets in float64 with two more columns, and for three tiles of
    at least 16 MB: 50,000 samples against 50,000 never form a matrix.

    Args:
        real: Features of real samples, `(n, d)`.
        fake: Features of generated samples, `(m, d)`.
        neighbours: k, below n and m.
        tile_rows: Rows of distances that are in memory at once, or `None` for as many as fit in 16 MB, but 64 or more.
            The result does not depend on it.

    Returns:
        `PrecisionRecall(precision, recall)`, floats.

    Raises:
        ValueError: If these are not two finite matrices of equal width with more than k rows.

    Example:

    >>> real, fake = np.array([[0.0], [1.0], [2.0]]), np.array([[1.5], [1.75], [9.0]])
    >>> result = keras_gan.metrics.precision_recall(real, fake, neighbours=1)
    >>> round(result.precision, 6), round(result.recall, 6)
    (0.666667, 0.333333)

    Reference:
        Kynkaanniemi et al. 2019, "Improved precision and recall metric for assessing generative models", equations 1
        and 2. The authors' code and torch-fidelity compare with `<=` as here, prdc with `<`.
    """
    held = memberships(real, fake, precision_recall=neighbours, tile_rows=tile_rows)
    return PrecisionRecall(float(held["precision"].mean()), float(held["recall"].mean()))


def density_coverage(real, fake, neighbours=5, tile_rows=None):
    """Density and coverage: how many real neighbourhoods fake samples lie in, and how many of them hold any.

    With balls around real samples, each with the distance to the k-th nearest other real sample as its radius, density
    is the mean number of balls that a fake sample lies in, divided by k, and coverage the share of balls that hold a
    fake sample. A ball does not hold its surface (`<`). For two independent sets of n samples of one continuous
    distribution, density is 1 on average and coverage `1 - prod_{i < k} (n - 1 - i) / (2 n - 1 - i)`, about `1 - 2^-k`,
    whatever the distribution.

    Needs the memory that `precision_recall` does.

    Args:
        real: Features of real samples, `(n, d)`.
        fake: Features of generated samples, `(m, d)`.
        neighbours: k, below n.
        tile_rows: Rows of distances that are in memory at once, see `precision_recall`.

    Returns:
        `DensityCoverage(density, coverage)`, floats.

    Raises:
        ValueError: If these are not two finite matrices of equal width with more than k rows.

    Example:

    >>> real, fake = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [9.0]])
    >>> result = keras_gan.metrics.density_coverage(real, fake, neighbours=1)
    >>> round(result.density, 6), round(result.coverage, 6)
    (1.0, 0.666667)

    Reference:
        Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models", equations 3 and 4 and
        lemma 2. The authors' code, prdc, compares with `<` as here.
    """
    held = memberships(real, fake, density_coverage=neighbours, tile_rows=tile_rows)
    return DensityCoverage(float(held["density"].mean()), float(held["coverage"].mean()))


def manifold_metrics(real, fake, neighbours=(3, 5), tile_rows=None):
    """`precision_recall` and `density_coverage` with the same results from the same distances, computed once.

    Args:
        real: Features of real samples, `(n, d)`.
        fake: Features of generated samples, `(m, d)`.
        neighbours: k of precision and recall, and k of density and coverage.
        tile_rows: Rows of distances that are in memory at once, see `precision_recall`.

    Returns:
        `ManifoldMetrics(precision, recall, density, coverage)`, floats.

    Raises:
        ValueError: If these are not two finite matrices of equal width with more than k rows.

    Example:

    >>> real, fake = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [9.0]])
    >>> keras_gan.metrics.manifold_metrics(real, fake, neighbours=(1, 1)).precision
    0.5
    """
    first, second = neighbours
    held = memberships(real, fake, first, second, tile_rows)
    return ManifoldMetrics(*(float(held[name].mean()) for name in ManifoldMetrics._fields))


def memberships(real, fake, precision_recall=None, density_coverage=None, tile_rows=None):
    """Terms that the metrics are means of, sample by sample.

    Args:
        real: Features of real samples, `(n, d)`.
        fake: Features of generated samples, `(m, d)`.
        precision_recall: k of precision and recall, or `None` to leave them out.
        density_coverage: k of density and coverage, or `None` to leave them out.
        tile_rows: Rows of distances that are in memory at once.

    Returns:
        Dictionary of `"precision"`, `(m,)` booleans, `"recall"`, `(n,)` booleans, `"density"`, `(m,)` float64, and
        `"coverage"`, `(n,)` booleans.
    """
    neighbours = [
        arrays.positive_integer("neighbours", k) for k in (precision_recall, density_coverage) if k is not None
    ]
    real, fake = arrays.feature_matrices(real, fake, 1)
    sets = {"real": real, "fake": fake} if precision_recall is not None else {"real": real}
    for name, samples in sets.items():
        if len(samples) <= max(neighbours):
            raise ValueError(
                f"`neighbours` must be less than the number of samples. "
                f"Received: neighbours={max(neighbours)} with {len(samples)} {name} samples"
            )
    real_radii = _radii(real, neighbours, tile_rows, "neighbours of real")
    balls = []
    if precision_recall is not None:
        balls.append(_Balls(real_radii[0], around_rows=True, closed=True))
        fake_radii = _radii(fake, neighbours[:1], tile_rows, "neighbours of fake")
        balls.append(_Balls(fake_radii[0], around_rows=False, closed=True))
    if density_coverage is not None:
        balls.append(_Balls(real_radii[-1], around_rows=True, closed=False))
    counts = _count(real, fake, balls, tile_rows)
    held = {}
    if precision_recall is not None:
        held["precision"] = counts[0][1] > 0
        held["recall"] = counts[1][0] > 0
    if density_coverage is not None:
        held["density"] = counts[-1][1] / density_coverage
        held["coverage"] = counts[-1][0] > 0
    return held


def pairs_within(x, radius, closest, tile_rows=None):
    """Pairs of samples that are at most so far apart.

    Args:
        x: Finite matrix of samples, `(n, d)`.
        radius: The largest Euclidean distance of a pair.
        closest: How many of the nearest pairs are wanted.
        tile_rows: Rows of distances that are in memory at once.

    Returns:
        Pair of the number of other samples that each sample is within the radius of, int64 `(n,)`, and a list of the
        nearest pairs, as indices in increasing order, nearest first.
    """
    partners = np.zeros(len(x), np.int64)
    found = np.zeros((0, 3))
    product = _Product(x, x)
    for tile in _tiles(len(x), x, tile_rows, "pairs"):
        rows = np.arange(tile.start, tile.stop)
        approximate = product(rows)
        approximate[np.arange(len(x)) <= rows[:, None]] = np.inf  # every pair once
        last = min(closest, approximate.size) - 1
        bound = max(radius**2, np.partition(approximate, last, axis=None)[last]) + 2 * product.rounding
        row, column = np.divmod(np.flatnonzero(approximate <= min(bound, np.finfo(np.float64).max)), len(x))
        squared = _squared_distances(x, rows[row], x, column)
        inside = squared <= radius**2
        partners[tile] += np.bincount(row[inside], minlength=len(rows))
        partners += np.bincount(column[inside], minlength=len(x))
        # Stable sorting: of equally near pairs the first, whatever the tiles.
        nearest = np.argsort(squared, kind="stable")[:closest]
        found = np.concatenate([found, np.stack([squared, rows[row], column], axis=1)[nearest]])
        found = found[np.argsort(found[:, 0], kind="stable")][:closest]
    return partners, [(int(i), int(j)) for _, i, j in found]


class _Balls(typing.NamedTuple):
    """Balls around the rows, or around the columns, of a matrix of distances."""

    squared_radii: np.ndarray
    around_rows: bool
    closed: bool


def _radii(x, neighbours, tile_rows, label):
    """For each k, the squared distances of all samples to their k-th nearest other sample."""
    most = max(neighbours) + 1  # a sample is the nearest to itself
    radii = np.zeros((len(neighbours), len(x)))
    product = _Product(x, x)
    # As many copies as that have radius 0. Searching them, all would be candidates of all.
    searched = np.flatnonzero(_copies(x) < most)
    for tile in _tiles(len(searched), x, tile_rows, label):
        rows = searched[tile]
        approximate = product(rows)
        bounds = _bound_of_smallest(approximate, most) + 2 * product.rounding
        row, column = np.divmod(np.flatnonzero(approximate <= bounds[:, None]), len(x))
        squared = _squared_distances(x, rows[row], x, column)
        squared = squared[np.lexsort((squared, row))]
        starts = np.searchsorted(row, np.arange(len(rows)))
        for which, k in enumerate(neighbours):
            radii[which, rows] = squared[starts + k]
    return radii


def _copies(x):
    """For each sample, how many are equal to it, itself among them."""
    hashes = np.array([hash(row.tobytes()) for row in x])
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return counts[inverse]


def _bound_of_smallest(values, k):
    """For each row, a bound that at least k of its values keep, and few more: the k-th smallest of group minima."""
    groups = values.shape[1] // _GROUP
    if groups >= 4 * k:
        values = values[:, : _GROUP * groups].reshape(len(values), _GROUP, groups).min(axis=1)
    return np.partition(values, k - 1, axis=1)[:, k - 1]


def _count(x, y, balls, tile_rows):
    """For each set of balls, per sample of x and per sample of y: the number of pairs where a ball holds a point."""
    counts = [(np.zeros(len(x), np.int64), np.zeros(len(y), np.int64)) for _ in balls]
    product = _Product(x, y)
    for tile in _tiles(len(x), y, tile_rows, "real and fake"):
        rows = np.arange(tile.start, tile.stop)
        approximate = product(rows)
        for (squared_radii, around_rows, closed), (per_row, per_column) in zip(balls, counts, strict=True):
            limits = squared_radii[tile, None] if around_rows else squared_radii
            candidates = np.flatnonzero(approximate <= limits + product.rounding)
            row, column = np.divmod(candidates, len(y))
            limits = squared_radii[rows[row]] if around_rows else squared_radii[column]
            inside = approximate.ravel()[candidates] < limits - product.rounding
            unsure = np.flatnonzero(~inside)
            squared = _squared_distances(x, rows[row[unsure]], y, column[unsure])
            inside[unsure] = squared <= limits[unsure] if closed else squared < limits[unsure]
            per_row[tile] += np.bincount(row[inside], minlength=len(rows))
            per_column += np.bincount(column[inside], minlength=len(y))
    return counts


class _Product:
    """Squared distances up to `rounding`, as one matrix product of `(-2 x, |x|^2, 1)` and `(y, 1, |y|^2)`."""

    def __init__(self, x, y):
        self._x = x
        self._centre = np.mean(x, axis=0, dtype=np.float64)  # shorter vectors, less rounding
        width = x.shape[1]
        self._right = np.empty((len(y), width + 2))
        longest = 0.0
        for tile in arrays.tiles(len(y), width):
            centred = y[tile] - self._centre
            squares = np.einsum("ij,ij->i", centred, centred)
            self._right[tile, :width], self._right[tile, width], self._right[tile, width + 1] = centred, 1.0, squares
            longest = max(longest, squares.max())
        for tile in arrays.tiles(0 if x is y else len(x), width):
            centred = x[tile] - self._centre
            longest = max(longest, np.einsum("ij,ij->i", centred, centred).max())
        # Each of the sums, the norms', the product's and the direct one's, errs by no more than its length times half
        # of eps times the sum of its terms' sizes, at most 2 (|x|^2 + |y|^2); 20 are for centring.
        self.rounding = (3 * width + 20) * np.finfo(np.float64).eps * 2 * longest

    def __call__(self, rows):
        centred = self._x[rows] - self._centre
        squares = np.einsum("ij,ij->i", centred, centred)[:, None]
        return np.concatenate([-2 * centred, squares, np.ones_like(squares)], axis=1) @ self._right.T


def _squared_distances(x, rows, y, columns):
    """`sum (x - y)^2` of pairs: equal for equal pairs, and 0 for equal samples."""
    squared = np.empty(len(rows))
    for tile in arrays.tiles(len(rows), 4 * x.shape[1]):
        difference = np.subtract(x[rows[tile]], y[columns[tile]], dtype=np.float64)
        squared[tile] = np.einsum("ij,ij->i", difference, difference)
    return squared


def _tiles(length, y, tile_rows, label):
    rows = tile_rows or max(64, arrays.TILE // len(y))
    return arrays.tiles(length, len(y), rows, length * y.size, label)
