"""Checks of the arrays that metrics are given, and the ways to walk over them."""

import numpy as np
from tqdm import tqdm

# Elements of one float64 tile: 16 MB, which stays in a processor's cache while it is worked on.
TILE = 2**21
# Below this many multiplications, about a second, no progress bar is shown.
_LONG = 1e11


class NotFinite(ValueError, FloatingPointError):
    """NaN or infinity where a metric was to be computed: bad input, and in training a sign of divergence."""


def finite(name, values):
    """Values as an array, which every metric asks for first: comparisons with NaN are false, and look like agreement.

    Args:
        name: What errors call them.
        values: Numbers of any shape.

    Returns:
        An array of them.

    Raises:
        NotFinite: If one is NaN or infinite.

    Example:

    >>> keras_gan.metrics.arrays.finite("p", [0.5, float("nan")])
    Traceback (most recent call last):
    keras_gan.metrics.arrays.NotFinite: `p` must be finite. Received: NaN or infinity in row 1 of 2
    """
    values = np.asarray(values)
    if not values.size or values.dtype.kind in "biu":
        return values
    rows = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
    step = max(1, TILE // rows.shape[1])
    for start in range(0, len(rows), step):
        bad = np.flatnonzero(~np.isfinite(rows[start : start + step]).all(axis=1))
        if bad.size:
            where = f" in row {start + bad[0]} of {len(rows)}" if values.ndim else ""
            raise NotFinite(f"`{name}` must be finite. Received: NaN or infinity{where}")
    return values


def feature_matrices(real, fake, minimum):
    """Two arrays that are fit to be compared, in the floating point type they came in (others become float64).

    Args:
        real: Features of real samples, `(n, d)`.
        fake: Features of generated samples, `(m, d)`.
        minimum: The least number of samples each must have.

    Returns:
        `(real, fake)`, arrays of float16, float32 or float64.

    Raises:
        ValueError: If they are not two finite matrices of equal width with enough samples each.
    """
    real, fake = feature_matrix("real", real, minimum), feature_matrix("fake", fake, minimum)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(
            "Real and fake features must come from the same network and have equal width. "
            f"Received: real.shape={real.shape}, fake.shape={fake.shape}"
        )
    return real, fake


def feature_matrix(name, features, minimum):
    """One array as `feature_matrices` gives it; `name` is what errors call it."""
    features = np.asarray(features)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(
            f"`{name}` must hold one row of features per sample: flatten or average other axes. "
            f"Received: {name}.shape={features.shape}"
        )
    if features.dtype not in (np.float16, np.float32, np.float64):
        features = features.astype(np.float64)
    if len(features) < minimum:
        raise ValueError(f"`{name}` must hold at least {minimum} samples. Received: {len(features)}")
    return finite(name, features)


def positive_integer(name, value):
    """Returns `value` if it is an integer of at least 1, and raises `ValueError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    return int(value)


def tiles(length, width, rows=None, multiplications=0, label=None):
    """Slices of rows that cover `length` rows of `width` columns, under a progress bar if that takes long.

    Args:
        length: Number of rows.
        width: Number of columns of what is computed per row.
        rows: Rows per tile; `None` for as many as make a tile of 16 MB.
        multiplications: What all of it costs, to decide about the progress bar.
        label: What the bar says.

    Returns:
        Iterable of slices.
    """
    rows = rows or max(1, min(4096, TILE // width))
    slices = [slice(start, min(start + rows, length)) for start in range(0, length, rows)]
    return tqdm(slices, desc=label, leave=False, disable=multiplications < _LONG)
