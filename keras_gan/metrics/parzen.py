"""The Parzen-window log-likelihood of 2014, with the row that says how far to trust it.

python -m keras_gan.metrics.parzen --model=runs/mlp_gan-mnist-001/generator.keras --dataset=mnist
"""

import dataclasses
import math

import numpy as np

from keras_gan import cli, data, latents
from keras_gan.cli import option
from keras_gan.export import loading
from keras_gan.metrics import arrays

BANDWIDTHS = np.logspace(-1.0, 0.0, 10)
WARNING = (
    "A Parzen-window estimate says little in many dimensions: its authors say that its variance is high, real images "
    "used as samples are no upper limit, and a generator of blurred means can score better than good samples. Compare "
    "with the row of training images, and with nothing else than this estimate."
)
_ROWS = 1000  # of the data at a time: with 10,000 samples 80 MB of distances


def log_likelihood(samples, points, bandwidth):
    """The log-density at each point of a mixture of Gaussians around samples.

    `log (1/n) sum_i N(x; s_i, sigma^2 I)`, with the distances `|x|^2 + |s|^2 - 2 x.s` from one float32 matrix product
    of data whose mean is subtracted first, and sums in float64.

    Args:
        samples: Floats `(n, ...)`, flattened to vectors.
        points: Floats `(m, ...)` of the same shape.
        bandwidth: The standard deviation sigma; or several.

    Returns:
        float64 array `(m,)`, in nats; or `(bandwidths, m)`.

    Raises:
        ValueError: If the shapes differ, a bandwidth is not positive, or a number is not finite.

    Example: one sample at the point itself, in one dimension.

    >>> keras_gan.metrics.parzen.log_likelihood([[0.5]], [[0.5]], 1.0).round(4).tolist()
    [-0.9189]

    Reference: Goodfellow et al. 2014, section 5; Breuleux et al. 2011, section 3.
    """
    samples, points = (
        arrays.finite(name, np.asarray(x, np.float32).reshape(len(x), -1))
        for name, x in (("samples", samples), ("points", points))
    )
    if samples.shape[1] != points.shape[1] or not len(samples):
        raise ValueError(
            "Samples and points must be vectors of one length. "
            f"Received: samples of shape {samples.shape}, points of shape {points.shape}"
        )
    bandwidths = np.atleast_1d(np.asarray(bandwidth, np.float64))
    if not ((bandwidths > 0) & (bandwidths < math.inf)).all():
        raise ValueError(f"Bandwidths must be positive and finite. Received: bandwidth={bandwidth}")
    # Distances do not change, and small numbers lose fewer digits of them.
    centre = samples.mean(axis=0)
    samples, points = samples - centre, points - centre
    squared = np.einsum("ij,ij->i", samples, samples, dtype=np.float64)
    constant = 0.5 * samples.shape[1] * np.log(2.0 * math.pi * bandwidths**2) + math.log(len(samples))
    out = np.empty((len(bandwidths), len(points)))
    for start in range(0, len(points), _ROWS):
        rows = points[start : start + _ROWS]
        distances = squared - 2.0 * (rows @ samples.T)
        nearest = distances.min(axis=1, keepdims=True)
        distances -= nearest
        nearest = nearest[:, 0] + np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        for row, sigma in zip(out, bandwidths, strict=True):
            exponents = distances * (-0.5 / sigma**2)
            np.exp(exponents, out=exponents)
            row[start : start + _ROWS] = np.log(exponents.sum(axis=1)) - 0.5 * np.maximum(nearest, 0.0) / sigma**2
    out -= constant[:, None]
    return out if np.ndim(bandwidth) else out[0]


def estimate(samples, test, validation, bandwidths=BANDWIDTHS):
    """The mean log-likelihood of test data, with the bandwidth that suits validation data best.

    Args:
        samples: Floats `(n, ...)` from a generator.
        test: Floats `(m, ...)`.
        validation: Floats `(k, ...)`, none of them in `test`.
        bandwidths: Standard deviations to choose from.

    Returns:
        Dictionary of `log_likelihood` (the mean, in nats), `standard_error` (the standard deviation over the root
        of m: of the test data alone, not of training or of sampling), `bandwidth`, `samples`, `test` and `validation`
        (their numbers).

    Example:

    >>> x = np.random.default_rng(0).normal(size=(300, 1))
    >>> keras_gan.metrics.parzen.estimate(x[:100], x[100:200], x[200:])["samples"]
    100

    Reference: Goodfellow et al. 2014, table 1. As in the released `parzen_ll.py`, there are 10 bandwidths from 0.1 to
    1 for images in [0, 1].
    """
    bandwidths = np.asarray(bandwidths, np.float64)
    sigma = float(bandwidths[np.argmax(log_likelihood(samples, validation, bandwidths).mean(axis=1))])
    values = log_likelihood(samples, test, sigma)
    return {
        "log_likelihood": float(values.mean()),
        "standard_error": float(values.std() / math.sqrt(len(values))),
        "bandwidth": sigma,
        "samples": len(samples),
        "test": len(values),
        "validation": len(validation),
    }


def compare(generator, dataset, n=10_000, split="train", validation_split="", test_split="test", data_dir="", seed=0):
    """Estimates for a generator's samples and, beside it, for real training images in their place.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model with its attributes.
        dataset: What `keras_gan.data.load` takes.
        n: Number of samples; the row of training images has as many as there are, if that is fewer.
        split: Where the training images of the second row come from.
        validation_split: Images that choose the bandwidth. If empty, a thousand of `split`, or a tenth of it if that is
            less, chosen by `seed`, and left out of the row of training images.
        test_split: The images that are scored.
        data_dir: As for `keras_gan.data.load`.
        seed: Seed of the first sample, and of the choice of validation images.

    Returns:
        Dictionary from `"generator"` and `"training images"` to what `estimate` returns.

    Reference: the published protocol on MNIST is `dataset="mnist"`, `split="train[:50000]"`,
    `validation_split="train[50000:51000]"`.
    """
    train = _unit_images(dataset, split, data_dir, seed, limit=None if not validation_split else n)
    if validation_split:
        validation = _unit_images(dataset, validation_split, data_dir, seed)
    else:
        held_out = min(1000, len(train) // 10)
        train, validation = train[held_out:], train[:held_out]
    test = _unit_images(dataset, test_split, data_dir, seed)
    samples = (latents.sample(generator, n, seed=seed) + 1.0) / 2.0
    return {
        "generator": estimate(samples, test, validation),
        "training images": estimate(train[:n], test, validation),
    }


def table(rows):
    """Text of what `compare` returns, with the warning.

    Args:
        rows: Dictionary from names to results of `estimate`.

    Returns:
        Several lines of text.

    Example:

    >>> print(keras_gan.metrics.parzen.table({"generator": {"log_likelihood": 225.0, "standard_error": 2.0,
    ...     "bandwidth": 0.2, "samples": 10_000, "test": 10_000}}).splitlines()[1])
    generator             225.0 +- 2.0    bandwidth 0.200, 10000 samples, 10000 test images
    """
    lines = ["Parzen-window log-likelihood in nats, mean +- standard error:"]
    for name, row in rows.items():
        lines.append(
            f"{name:<20} {row['log_likelihood']:6.1f} +- {row['standard_error']:.1f}    bandwidth "
            f"{row['bandwidth']:.3f}, {row['samples']} samples, {row['test']} test images"
        )
    return "\n".join([*lines, WARNING])


def _unit_images(dataset, split, data_dir, seed, limit=None):
    """Images in [0, 1], in an order that depends on the seed alone."""
    source = data.open_source(dataset, split, data_dir=data_dir or None)
    batches, _ = data.load(source, batch_size=1000, seed=seed, drop_remainder=False)
    batches = batches if limit is None else batches.take(-(-limit // 1000))
    return (np.concatenate([batch.numpy() for batch in batches]) + 1.0) / 2.0


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of `python -m keras_gan.metrics.parzen`."""

    model: str = option("", "A generator.keras.")
    dataset: str = option("mnist5k", "What it was trained on, as for training.")
    split: str = option("train", "Training images, for the row that uses them as samples.")
    validation_split: str = option("", "Images that choose the bandwidth; by default some of --split.")
    test_split: str = option("test", "Images that are scored.")
    data_dir: str = option("", "Where TensorFlow Datasets keeps prepared data.")
    n: int = option(10_000, "Number of samples.", low=2)
    seed: int = option(0, "Seed of the first sample.", low=0)


def main(argv=None):
    """Prints the estimate of a saved generator, and that of real images in the place of its samples."""
    config, _ = cli.parse(Config, "python -m keras_gan.metrics.parzen", __doc__, argv)
    cli.run(lambda: _main(config))


def _main(config):
    if not config.model:
        raise ValueError("Give the generator as --model=PATH of a generator.keras.")
    generator = loading.load_generator(config.model)
    arguments = dataclasses.asdict(config)
    del arguments["model"]
    print(table(compare(generator, **arguments)))


if __name__ == "__main__":
    main()
