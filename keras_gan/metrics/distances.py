"""Distances between two sets of features: Frechet and kernel."""

import typing
import warnings

import numpy as np

from keras_gan.metrics import arrays

# Rows and columns of one block of kernel values: 8 MB.
_BLOCK = 1024


def moments(features):
    """Mean and covariance of features, accumulated in float64 over tiles of rows.

    `C = sum_i (x_i - mean) (x_i - mean)^T / (n - 1)`, with the mean subtracted first, so that a large mean costs no
    digits.

    Args:
        features: `(n, d)` array, n at least 2.

    Returns:
        `(mean, covariance)`: float64 arrays of shapes `(d,)` and `(d, d)`.

    Raises:
        ValueError: If `features` is not a finite matrix of at least 2 rows.

    Example:

    >>> mean, covariance = keras_gan.metrics.moments([[0.0, 1.0], [2.0, 5.0]])
    >>> mean.tolist(), covariance.tolist()
    ([1.0, 3.0], [[2.0, 4.0], [4.0, 8.0]])
    """
    return _moments(arrays.feature_matrix("features", features, 2))


def _moments(features):
    number, width = features.shape
    mean = np.mean(features, axis=0, dtype=np.float64)
    covariance = np.zeros((width, width))
    for rows in arrays.tiles(number, width, 4096, number * width**2, "covariance"):
        tile = features[rows] - mean
        covariance += tile.T @ tile
    return mean, covariance / (number - 1)


def frechet_distance(real, fake):
    """Frechet distance between the Gaussians that have the mean and covariance of two sets of features.

    `||m1 - m2||^2 + Tr(C1 + C2 - 2 (C1^(1/2) C2 C1^(1/2))^(1/2))`, see `frechet_distance_from_moments`. It is biased:
    with n samples of one distribution on each side it is not 0 but falls roughly as 1/n, so only values with equal
    numbers of samples compare. It is called FID only for features of the 2015 Inception network.

    Args:
        real: Features of real samples, `(n, d)`.
        fake: Features of generated samples, `(m, d)`. Both n and m should be well above d.

    Returns:
        A float, not negative, in squared units of the features.

    Raises:
        ValueError: If these are not two finite matrices of equal width with at least 2 rows.

    Example:

    >>> real = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    >>> round(keras_gan.metrics.frechet_distance(real, real + [3.0, 4.0]), 9)
    25.0

    Reference:
        Heusel et al. 2017, "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
        equation 6. Dowson and Landau 1982, "The Frechet distance between multivariate normal distributions".
        On the bias: Binkowski et al. 2018, "Demystifying MMD GANs".
    """
    real, fake = arrays.feature_matrices(real, fake, 2)
    (mean1, factor1, trace1), (mean2, factor2, trace2) = _gaussian(real, "real"), _gaussian(fake, "fake")
    return _frechet(mean1 - mean2, trace1 + trace2, factor1, factor2)


def frechet_distance_from_moments(mean1, cov1, mean2, cov2):
    """Frechet distance between two Gaussians.

    `||m1 - m2||^2 + Tr(C1) + Tr(C2) - 2 ||F1^T F2||_*` for any factors `C = F F^T`, where the nuclear norm, the sum of
    the singular values, equals `Tr (C1^(1/2) C2 C1^(1/2))^(1/2)`. No square root of rounded eigenvalues near 0 is
    taken, which would cost half the digits where covariances are close to singular. It is also the squared
    2-Wasserstein distance of these Gaussians.

    Args:
        mean1: `(d,)` mean of the first.
        cov1: `(d, d)` covariance of the first, symmetric and positive semidefinite; it may be singular.
        mean2: `(d,)` mean of the second.
        cov2: `(d, d)` covariance of the second.

    Returns:
        A float, not negative.

    Raises:
        ValueError: If shapes do not agree, values are not finite, or a matrix is no covariance.

    Example:

    >>> float(keras_gan.metrics.frechet_distance_from_moments([0.0], [[1.0]], [3.0], [[4.0]]))
    10.0

    Reference:
        Dowson and Landau 1982, "The Frechet distance between multivariate normal distributions".
    """
    mean1, cov1 = _check_moments("1", mean1, cov1)
    mean2, cov2 = _check_moments("2", mean2, cov2)
    if mean1.shape != mean2.shape:
        raise ValueError(
            "Both means must come from the same network and have equal length. "
            f"Received: mean1.shape={mean1.shape}, mean2.shape={mean2.shape}"
        )
    return _frechet(mean1 - mean2, np.trace(cov1) + np.trace(cov2), _factor(cov1), _factor(cov2))


def _check_moments(which, mean, covariance):
    mean, covariance = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
    if mean.ndim != 1 or not mean.size or covariance.shape != (mean.size, mean.size):
        raise ValueError(
            f"A mean must have shape (d,) and its covariance (d, d). "
            f"Received: mean{which}.shape={mean.shape}, cov{which}.shape={covariance.shape}"
        )
    arrays.finite(f"mean{which}", mean)
    arrays.finite(f"cov{which}", covariance)
    asymmetry = np.abs(covariance - covariance.T).max()
    if asymmetry > 1e-5 * np.abs(covariance).max():
        raise ValueError(f"A covariance must be symmetric. Received: cov{which} with asymmetry {asymmetry:.3g}")
    return mean, (covariance + covariance.T) / 2


def _gaussian(features, name):
    """Mean, a factor and the trace of the covariance; of few samples, the centred samples are the factor."""
    number, width = features.shape
    if number > width:
        mean, covariance = _moments(features)
        return mean, _factor(covariance), np.trace(covariance)
    warnings.warn(
        f"The Frechet distance wants more samples than features: covariances are singular, and it is far too large. "
        f"Received: {number} {name} samples of {width} features",
        stacklevel=3,
    )
    mean = np.mean(features, axis=0, dtype=np.float64)
    factor = (features - mean).T / np.sqrt(number - 1)
    return mean, factor, np.sum(factor * factor)


def _factor(covariance):
    """`F` with `F F^T = covariance`: Cholesky's where that is safely defined, else from eigenvectors of the range."""
    deviation = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    varying = deviation > 0
    rounding = 10 * len(covariance) * np.finfo(np.float64).eps
    if varying.all():
        try:
            # Of the correlations, whose pivots show how near to singular they are whatever the units of the features.
            factor = np.linalg.cholesky(covariance / deviation / deviation[:, None])
            if np.diagonal(factor).min() ** 2 > rounding:
                return deviation[:, None] * factor
        except np.linalg.LinAlgError:
            pass
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -1e-5 * max(values[-1], 0.0):
        raise ValueError(
            "A covariance must be positive semidefinite. "
            f"Received: eigenvalues from {values[0]:.3g} to {values[-1]:.3g}"
        )
    kept = values > rounding * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])


def frechet_distance_with_influences(real, fake):
    """The Frechet distance, and to first order `n` times what each sample adds to it, which has mean 0.

    With the optimal map `T` from one Gaussian to the other, the derivative of the distance with respect to a covariance
    is `I - T` and with respect to a mean `2 (m1 - m2)`, so that a centred sample x of the first adds `2 (m1 - m2) . x +
    |x|^2 - x^T T x`, less the mean. From the singular values `F1^T F2 = U S V^T`, `T = P^T S P` with `P = U^T F1^-1`,
    and for the second set `P = V^T F2^-1`.

    Args:
        real: Features of real samples, `(n, d)`, n above d.
        fake: Features of generated samples, `(m, d)`, m above d.

    Returns:
        `(distance, (influences_of_real, influences_of_fake))`.
    """
    sets = []
    for features in (real, fake):
        mean, covariance = _moments(features)
        sets.append((features, mean, _factor(covariance), np.trace(covariance)))
    (_, mean1, factor1, trace1), (_, mean2, factor2, trace2) = sets
    left, singular, right = np.linalg.svd(factor1.T @ factor2, full_matrices=False)
    distance = _not_below_0(np.sum((mean1 - mean2) ** 2) + trace1 + trace2 - 2 * singular.sum())
    influences = []
    for (features, mean, factor, _), vectors, towards in zip(
        sets, (left, right.T), (mean1 - mean2, mean2 - mean1), strict=True
    ):
        square = factor.shape[0] == factor.shape[1]
        inverse = np.linalg.solve(factor.T, vectors) if square else np.linalg.pinv(factor).T @ vectors
        weights = inverse * np.sqrt(singular)
        parts = []
        for rows in arrays.tiles(len(features), features.shape[1]):
            x = features[rows] - mean
            parts.append(2 * x @ towards + np.sum(x * x, axis=1) - np.sum((x @ weights) ** 2, axis=1))
        influence = np.concatenate(parts)
        influences.append(influence - influence.mean())
    return distance, tuple(influences)


def _frechet(difference, traces, factor1, factor2):
    product = factor1.T @ factor2
    overlap = np.linalg.svd(product, compute_uv=False).sum() if product.size else 0.0
    return _not_below_0(difference @ difference + traces - 2 * overlap)


def _not_below_0(distance):
    """0 for what rounding took below; NaN, from numbers too large to be squared, stays, which `max` would make 0."""
    return float(np.maximum(distance, 0.0))


class KernelDistance(typing.NamedTuple):
    """The result of `kernel_distance`: the estimate of the squared distance, and its standard error."""

    value: float
    standard_error: float


def kernel_distance(real, fake, subsets=100, subset_size=1000, seed=0):
    """Kernel distance: unbiased squared maximum mean discrepancy with the kernel `(x . y / d + 1)^3`.

    `mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)`, averaged over random subsets,
    or once over all samples. Its mean does not depend on the number of samples; for equal distributions it is 0, so
    that estimates may be negative. Over all samples it is the most precise, and costs about as much as 100 subsets of
    1,000 do for 10,000 samples.

    The standard error is that of another draw of all samples. Over all samples it comes from the jackknife, which errs
    on the large side for equal distributions. From B subsets of size s with variance v it is `sqrt(v / B + v s / (n -
    s))` for n samples: subsets of the same samples overlap, so `sqrt(v / B)`, which is often reported, is only how far
    another choice of subsets would move the mean.

    Args:
        real: Features of real samples, `(n, d)`.
        fake: Features of generated samples, `(m, d)`.
        subsets: Number of random subsets, or `None` for one estimate over all samples.
        subset_size: Samples of either side in a subset. Where there are no more than that, the estimate is over all
            samples.
        seed: Seed of the choice of subsets.

    Returns:
        `KernelDistance(value, standard_error)`, floats.

    Raises:
        ValueError: If these are not two finite matrices of equal width with at least 3 rows.

    Example:

    >>> real, fake = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [2.0], [3.0]])
    >>> round(keras_gan.metrics.kernel_distance(real, fake, subsets=None).value, 6)
    21.666667

    Reference:
        Binkowski et al. 2018, "Demystifying MMD GANs". Gretton et al. 2012, "A kernel two-sample test", lemma 6.
        Subsets are drawn as torch-fidelity draws them, so equal seeds give equal values.
    """
    real, fake = arrays.feature_matrices(real, fake, 3)
    size = arrays.positive_integer("subset_size", subset_size)
    number = min(len(real), len(fake))
    if subsets is None or number <= size:
        return _over_all(real, fake)
    subsets = arrays.positive_integer("subsets", subsets)
    if subsets < 2 or size < 2:
        raise ValueError(f"At least 2 subsets of 2 samples are needed. Received: subsets={subsets}, subset_size={size}")
    random = np.random.RandomState(seed)
    estimates = []
    for _ in arrays.tiles(subsets, 1, 1, subsets * 4 * size**2 * real.shape[1], "kernel distance"):
        x = _lifted(real[random.choice(len(real), size, replace=False)])
        y = _lifted(fake[random.choice(len(fake), size, replace=False)])
        within = sum(_cubes(z, z)[0].sum() - np.sum(np.einsum("ij,ij->i", z, z) ** 3) for z in (x, y))
        estimates.append(within / (size * (size - 1)) - 2 * _cubes(x, y)[0].mean() / size)
    variance = np.var(estimates, ddof=1)
    error = np.sqrt(variance / subsets + variance * size / (number - size))
    return KernelDistance(float(np.mean(estimates)), float(error))


def _lifted(features):
    """Rows whose inner products are `x . y / d + 1`."""
    scaled = np.divide(features, np.sqrt(features.shape[1]), dtype=np.float64)
    return np.concatenate([scaled, np.ones((len(features), 1))], axis=1)


def _cubes(x, y):
    """Sums over rows and over columns of the cubed inner products of lifted features."""
    products = x @ y.T
    squares = products * products
    return np.einsum("ij,ij->i", squares, products), np.einsum("ij,ij->j", squares, products)


def _over_all(real, fake, rows=None):
    """The estimate over all samples, and the jackknife's error from the sum of kernels that each sample is in."""
    n, m = len(real), len(fake)
    real_real, fake_fake = _sums_within(real, rows), _sums_within(fake, rows)
    real_fake, fake_real = _sums_across(real, fake, rows)

    def estimate(within_real, within_fake, across, n, m):
        return within_real / (n * (n - 1)) + within_fake / (m * (m - 1)) - 2 * across / (n * m)

    sums = real_real.sum(), fake_fake.sum(), real_fake.sum()
    without_real = estimate(sums[0] - 2 * real_real, sums[1], sums[2] - real_fake, n - 1, m)
    without_fake = estimate(sums[0], sums[1] - 2 * fake_fake, sums[2] - fake_real, n, m - 1)
    variance = (n - 1) * np.var(without_real) + (m - 1) * np.var(without_fake)
    return KernelDistance(float(estimate(*sums, n, m)), float(np.sqrt(variance)))


def _sums_across(x, y, rows=None):
    """For each sample of `x`, the sum of its kernels with all of `y`, and the reverse."""
    sums_x, sums_y = np.zeros(len(x)), np.zeros(len(y))
    rows = rows or _BLOCK
    for i in arrays.tiles(len(x), 1, rows, len(x) * y.size, "kernel, real and fake"):
        tile = _lifted(x[i])
        for j in arrays.tiles(len(y), 1, rows):
            of_x, of_y = _cubes(tile, _lifted(y[j]))
            sums_x[i] += of_x
            sums_y[j] += of_y
    return sums_x, sums_y


def _sums_within(x, rows=None):
    """For each sample of `x`, the sum of its kernels with all others of `x`; every pair is computed once."""
    sums = np.zeros(len(x))
    rows = rows or _BLOCK
    for i in arrays.tiles(len(x), 1, rows, len(x) * x.size / 2, "kernel, within"):
        tile = _lifted(x[i])
        for j in arrays.tiles(len(x), 1, rows):
            if j.start > i.start:
                of_i, of_j = _cubes(tile, _lifted(x[j]))
                sums[i] += of_i
                sums[j] += of_j
        sums[i] += _cubes(tile, tile)[0] - np.einsum("ij,ij->i", tile, tile) ** 3
    return sums
