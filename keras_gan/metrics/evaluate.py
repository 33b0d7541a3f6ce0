"""One call from a generator, or from images, and real data to records."""

import collections
import contextlib
import typing
import warnings

import numpy as np
import tqdm

from keras_gan import data, distribution, latents
from keras_gan.data.sources import Source
from keras_gan.files import pictures
from keras_gan.metrics import arrays, records, registry
from keras_gan.metrics import features as networks
from keras_gan.metrics.features import cache
from keras_gan.metrics.intervals import Interval

_CHUNK = 250  # images that are generated and looked at together
MOST = 10_000  # images that are generated unless the caller says otherwise
TRUSTED = 0.7  # share of images that a classifier is to be right about
_WORTH_KEEPING = 500  # images that a slow network is not to look at again in another process
_QUANTIZED = "uint8, floor(127.5 x + 128)"


class _Seen(typing.NamedTuple):
    """Features and probabilities that a network made of some images."""

    features: np.ndarray
    probabilities: np.ndarray | None

    def rows(self, chosen):
        return _Seen(*(None if part is None else part[chosen] for part in self))


def evaluate(
    generator,
    real,
    features="auto",
    metrics=None,
    num_samples=None,
    *,
    num_real=None,
    held_out=None,
    dataset=None,
    split="train",
    ema=None,
    step=None,
    seed=0,
    intervals=True,
    floor=True,
    batch_size=100,
    progress=True,
    strategy=None,
):
    """Measures how close generated images come to real ones, as a fixed network sees both.

    Generated images are quantized to bytes, as they would be in a file, and those of a conditional generator have the
    classes of the real data, as often as they occur there. Precision, recall, density and coverage, which depend on how
    dense samples lie, are measured on as many real as generated images. What real images look like through a
    network is remembered within the process, so that later calls cost only the generated images.

    Args:
        generator: A `keras_gan.networks.Generator`; a `GAN`, whose sampling generator is used; or images: whatever
            `real` may be.
        real: What `keras_gan.data.open_source` takes or returns: a source, a name, an array of uint8 images or of
            floats in [-1, 1], or a pair of such an array and labels.
        features: What `keras_gan.metrics.features.get` takes, or `"auto"`: what `keras_gan.metrics.features.automatic`
            names for the data. Of a classifier of the real images' classes it is found out how often it is right, and
            warned of where that is less than 0.7 of them.
        metrics: Names of `keras_gan.metrics.registry.METRICS`; by default all that there are with these features.
        num_samples: Number of images to generate; by default as many as there are real ones, but at most 10,000. Of
            images that are given as many are taken, evenly spaced; by default all.
        num_real: Number of real images to take, evenly spaced in their order; by default all.
        held_out: Other real images, of the same kinds as `real`, for the floor: what the metric says of them. By
            default, and if they are fewer than the generated images, the floor compares two parts of `real`.
        dataset: Name of the data, for the records; by default that of `real`, if it is a name.
        split: The split that `real` is, or is to be taken from.
        ema: For the records, whether the generator's weights are averages; found out by default from a `GAN`.
        step: For the records, the training steps so far; by default those of a `GAN`.
        seed: Image i is generated from the seed `seed + i`, as by `generator.sample`.
        intervals: Whether to find confidence intervals: of the mean over draws of as many images, 95 %.
        floor: Whether to measure real images against real images.
        batch_size: Images generated at a time.
        progress: Whether to show progress bars.
        strategy: `tf.distribute.Strategy` whose workers all call this at the same point, with the same arguments: each
            generates and looks at its share of the images, and all get the same records. By default each call stands
            alone.

    Returns:
        List of `Record`, one for each metric.

    Raises:
        ValueError: If the images do not fit the network or each other or are not finite, or a metric is unknown or is
            called otherwise with these features.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(28, 28, 1), latent_dim=4)
    >>> (record,) = keras_gan.metrics.evaluate(
    ...     generator, "mnist5k", "mnist_classifier", ["fcd"], num_samples=200, num_real=500
    ... )
    >>> record.name, record.n_real, record.n_fake, record.value > record.floor
    ('fcd', 500, 200, True)
    """
    if hasattr(generator, "translate"):
        raise ValueError(
            "What makes images of images is measured by the images that it made: pass generator.translate(sources). "
            f"Received: a {type(generator).__name__}"
        )
    source = open_real(real, split)
    if dataset is None:
        dataset = real if isinstance(real, str) else ""
    network = network_for(features, source, dataset)
    names = registry.names_for(network.name, metrics)
    network.check(source.image_shape)
    real_rows = evenly(source.num_examples, num_real)
    seen_real = see_source(network, source, real_rows, progress)
    if hasattr(generator, "latent_dim"):
        seen_fake, origin = _see_generated(
            network, generator, source, real_rows, num_samples, seed, batch_size, progress, strategy
        )
    else:
        given = open_real(generator)
        network.check(given.image_shape)
        seen_fake = see_source(network, given, evenly(given.num_examples, num_samples), progress)
        origin = {"quantization": "as given" if _holds_bytes(given) else _QUANTIZED}
    common = {
        **origin,
        "features": network.name,
        "features_digest": network.digest,
        "resize": network.resize if source.image_shape[:2] != network.image_shape[:2] else "none",
        "dataset": dataset,
        "split": split,
        "versions": records.versions(),
    }
    accuracy = _accuracy(network, source, real_rows, seen_real)
    known = {"ema": ema, "step": step, "features_accuracy": accuracy}
    common |= {name: value for name, value in known.items() if value is not None}
    measured = _measure(names, seen_real, seen_fake, intervals)
    if floor:
        others = None if held_out is None else open_real(held_out, "test")
        floors = _floors(network, names, source, seen_real, len(seen_fake.features), others, progress)
        measured = {name: {**fields, **floors[name]} for name, fields in measured.items()}
    return [records.Record(name=name, **{**common, **measured[name]}) for name in names]


def network_for(features, source, dataset):
    """The network that images are seen through.

    Args:
        features: As `evaluate` takes them.
        source: `keras_gan.data.sources.Source` of the real images.
        dataset: Name of the data; empty if unknown.

    Returns:
        `keras_gan.metrics.features.FeatureExtractor`.

    Raises:
        ValueError: If nothing is known for such data.
    """
    if not isinstance(features, str) or features != "auto":
        return networks.get(features)
    name = networks.automatic(dataset, source.image_shape)
    if name is None:
        raise ValueError(
            f"No features that come with the package fit: give a classifier of the data. Received: features='auto' and "
            f"real images of shape {tuple(source.image_shape)}"
        )
    return networks.get(name)


def open_real(images, split="train"):
    """The `keras_gan.data.sources.Source` of images as `evaluate` takes them."""
    if isinstance(images, Source):
        return images
    return data.open_source(images, split if isinstance(images, str) else "train")


def _holds_bytes(source):
    return source.images is None or source.images.dtype == np.uint8


def evenly(available, wanted):
    """Numbers of so many rows, evenly spaced; of all where that many are not available, or `wanted` is `None`."""
    if wanted is None or wanted >= available:
        return np.arange(available)
    if wanted < 1:
        raise ValueError(f"The number of images must be at least 1. Received: {wanted}")
    return np.arange(wanted) * available // wanted


def _accuracy(network, source, rows, seen):
    """The share of real images that a classifier of their classes is right about, or `None`."""
    if seen.probabilities is None or source.labels is None or source.num_classes != seen.probabilities.shape[1]:
        return None
    accuracy = float(np.mean(seen.probabilities.argmax(axis=1) == source.labels[rows]))
    if accuracy < TRUSTED:
        warnings.warn(
            f"{network.name} is right about {accuracy:.0%} of the real images alone: what it does not tell apart it "
            f"cannot judge. Train it to at least {TRUSTED:.0%}, or take efficientnet_lite0.",
            stacklevel=3,
        )
    return accuracy


def see_source(network, source, rows, progress):
    """Features and probabilities of rows of a source, remembered; of slow networks also between processes.

    Args:
        network: `keras_gan.metrics.features.FeatureExtractor`.
        source: `keras_gan.data.sources.Source`.
        rows: Numbers of its rows, as `evenly` makes them.
        progress: Whether to show progress bars.

    Returns:
        The pair of an array of features and of one of probabilities, or `None` where there are none.
    """

    def look():
        parts = []
        for start in range(0, len(rows), 5000):
            chunk = rows[start : start + 5000]
            if source.images is None:
                images = np.stack([source.read(row)[0] for row in chunk])
            else:
                images = source.images[chunk] if _holds_bytes(source) else pictures.to_uint8(source.images[chunk])
            parts.append(network.both(images, f"{network.name}, real images" if progress else None))
        return _join(parts)

    key = network.digest, network.name, source.identity, len(rows)
    if not network.is_slow or len(rows) < _WORTH_KEEPING:
        return _remembered(key, look)

    def look_once():
        def named():
            return {name: part for name, part in look()._asdict().items() if part is not None}

        return _Seen(**{"probabilities": None, **cache.kept((*key, network.image_shape, network.resize), named)})

    return _remembered(key, look_once)


def _see_generated(network, generator, source, real_rows, count, seed, batch_size, progress, strategy):
    """Features and probabilities of images that are generated, and what a record says of them."""
    network.check(generator.image_shape)
    count = min(len(real_rows), MOST) if count is None else int(count)
    labels = _draw_labels(generator, source, real_rows, count, seed)

    def look(rows):
        images = latents.sample(
            generator,
            rows.stop - rows.start,
            labels=None if labels is None else labels[rows],
            seed=seed + rows.start,
            batch_size=batch_size,
        )
        # As bytes, NaN would be a colour like any other.
        return network.both(pictures.to_uint8(arrays.finite("images of the generator", images)))

    chunks = [slice(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    seen = _share_out(look, chunks, strategy, progress)
    origin = {"quantization": _QUANTIZED, "seed": seed}
    if labels is not None:
        origin["labels"] = "as often as in the real data"
    if hasattr(generator, "ema_generator"):
        origin |= {"ema": generator.ema_generator is not None, "step": int(generator.step.numpy())}
    return seen, origin


def _share_out(look, chunks, strategy, progress):
    """Features that `look` sees of all chunks of rows; of several workers each looks at every W-th of them."""
    worker, workers = distribution.place_of(strategy)
    own = chunks[worker::workers]
    # None: no bar where the output is not a terminal.
    bar = tqdm.tqdm(own or chunks[:1], desc="generated images", leave=False, disable=None if progress else True)
    parts = [look(rows) for rows in bar]
    if workers == 1:
        return _join(parts)
    whole = []
    for each in zip(*parts, strict=True):
        if each[0] is None:
            whole.append(None)
            continue
        # Zeros where others look; a worker too many has looked for the shape alone.
        padded = np.zeros((chunks[-1].stop, *each[0].shape[1:]), each[0].dtype)
        for rows, part in zip(own, each[: len(own)], strict=True):
            padded[rows] = part
        whole.append(distribution.sum_over_workers(strategy, padded))
    return _Seen(*whole)


def _join(parts):
    return _Seen(*(None if part[0] is None else np.concatenate(part) for part in zip(*parts, strict=True)))


def _draw_labels(generator, source, rows, count, seed):
    """Classes in the proportions of the real data, in random order; `None` for an unconditional generator."""
    if generator.num_classes is None:
        return None
    if source.num_classes != generator.num_classes:
        raise ValueError(
            "A conditional generator is evaluated with real images that have its classes. Received: a generator of "
            f"{generator.num_classes} classes and real images of {source.num_classes}"
        )
    classes = source.labels if source.labels is not None else np.array([source.read(row)[1] for row in rows])
    classes = np.sort(classes[rows] if source.labels is not None else classes)
    return np.random.default_rng(seed).permutation(classes[np.arange(count) * len(classes) // count])


def _measure(names, real, fake, with_intervals):
    """For every metric the fields of its record that come from the samples."""
    measured, results = {}, {}
    for name in names:
        metric = registry.METRICS[name]
        samples, counts, options = _samples(name, metric, real, fake)
        key = metric.function, metric.sees, str(options)
        if key not in results:
            results[key] = _apply(metric, samples, options, with_intervals)
        result = results[key].get(name, next(iter(results[key].values())))
        measured[name] = {**_fields(result), **counts, "options": options}
    return measured


def _samples(name, metric, real, fake):
    """The arguments of a metric: the samples, how many of them are real and generated, and its options."""
    if metric.sees == "probabilities":
        if fake.probabilities is None:
            raise ValueError(f"These features come without class probabilities. Received: metrics={name!r}")
        number = len(fake.probabilities)
        # In random order, so that images in the order of their classes are not split by class.
        order = np.random.default_rng(0).permutation(number)
        options = {"splits": min(10, number), **metric.options}
        return (fake.probabilities[order],), {"n_real": 0, "n_fake": number}, options
    both = real.features, fake.features
    if metric.sees == "equal features":
        n = min(map(len, both))
        both = tuple(each[evenly(len(each), n)] for each in both)
    return both, dict(zip(("n_real", "n_fake"), map(len, both), strict=True)), dict(metric.options)


def _apply(metric, samples, options, with_intervals):
    """A dictionary of values, or of intervals where they are wanted and there are samples enough."""
    if with_intervals:
        with contextlib.suppress(ValueError):
            return metric.interval(metric.function, *samples, **options)
    result = metric.function(*samples, **options)
    return result._asdict() if hasattr(result, "_asdict") else {"value": result}


def _fields(result):
    if not isinstance(result, Interval):
        return {"value": float(result)}
    how = f"95 % for the mean over draws, {result.method}"
    return {"value": result.value, "low": result.low, "high": result.high, "interval": how}


def _floors(network, names, source, real, count, others, progress):
    """For every metric, what it says of real images, and which those were; remembered."""
    if others is not None and others.num_examples >= count:
        others_seen = see_source(network, others, evenly(others.num_examples, count), progress)
        pair, method = (real, others_seen), f"{len(real.features)} images against {count} held-out ones"
    else:
        order = np.random.default_rng(0).permutation(len(real.features))
        first = max(len(order) - count, (len(order) + 1) // 2)
        pair = real.rows(order[:first]), real.rows(order[first:])
        method = f"{first} of the images against the other {len(order) - first}"
    key = (network.digest, source.identity, others and others.identity, len(real.features), count, tuple(names))
    measured = _remembered(key, lambda: _measure(names, *pair, with_intervals=False))
    return {
        name: {
            "floor": fields["value"],
            "floor_method": f"{fields['n_fake']} real images" if not fields["n_real"] else method,
        }
        for name, fields in measured.items()
    }


_memory = collections.OrderedDict()


def _remembered(key, compute, most=16):
    """The result of an earlier call with an equal key, or of `compute()`."""
    if key not in _memory:
        _memory[key] = compute()
    _memory.move_to_end(key)
    while len(_memory) > most:
        _memory.popitem(last=False)
    return _memory[key]
