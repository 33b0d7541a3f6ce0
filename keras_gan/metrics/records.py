"""A record, not a number: a metric's value with everything that it depends on."""

import dataclasses
import json
import math
import platform

import keras
import numpy as np
import tensorflow as tf

from keras_gan.metrics import registry

FLOOR = "floor: what real images score against real ones, which no generator can be expected to surpass"


@dataclasses.dataclass(frozen=True)
class Record:
    """The value of a metric, and what somebody needs to measure it again or to compare it with another.

    Two values can be compared only if everything but `value`, its interval, `ema`, `seed` and `step` is the same.

    Attributes:
        name: A key of `keras_gan.metrics.registry.METRICS`. Only with the features of `inception_v3_2015` is it `fid`,
            `kid` or `inception_score`.
        value: The metric.
        n_real: Number of real images; 0 for a score that looks at none.
        n_fake: Number of generated images.
        features: Name of the network that the images were seen through.
        features_digest: SHA-256 of its weights.
        resize: How images were made to fit it, in words.
        quantization: How generated images became bytes, in words.
        dataset: Name of the data that the real images are from; empty if unknown.
        split: Their split.
        labels: For a conditional generator: how classes were chosen, in words; otherwise empty.
        ema: Whether the generator's weights are averages over training; `None` if unknown.
        seed: Seed of the first generated image; `None` for images that came from elsewhere.
        step: Training steps of the generator; `None` if unknown.
        low: Lower end of the confidence interval, or `None` without one.
        high: Upper end of the confidence interval, or `None` without one.
        interval: What the interval holds with which probability, and how it was found, in words.
        floor: The same metric of real images against real images, or `None`: what a perfect generator gets.
        floor_method: Which real images those were, and how many, in words.
        features_accuracy: Share of the real images that the network puts into their class, where both are known.
        options: Other numbers that the metric depends on, such as how many neighbours it looks at.
        versions: Versions of this package and of what it computes with.

    Example:

    >>> record = keras_gan.metrics.Record(
    ...     "fcd", 8.25, 4500, 2000, "mnist_classifier", "be9a9a3b98b3741911cb", split="train"
    ... )
    >>> print(record)
    fcd 8.25 (4500 real of train, 2000 fake, mnist_classifier be9a9a3b)
    >>> keras_gan.metrics.Record.from_json(record.to_json()) == record
    True
    """

    name: str
    value: float
    n_real: int
    n_fake: int
    features: str
    features_digest: str
    resize: str = "none"
    quantization: str = ""
    dataset: str = ""
    split: str = ""
    labels: str = ""
    ema: bool | None = None
    seed: int | None = None
    step: int | None = None
    low: float | None = None
    high: float | None = None
    interval: str = ""
    floor: float | None = None
    floor_method: str = ""
    features_accuracy: float | None = None
    options: dict = dataclasses.field(default_factory=dict)
    versions: dict = dataclasses.field(default_factory=dict)

    @property
    def title(self):
        """The metric's full name."""
        return registry.METRICS[self.name].title

    @property
    def better(self):
        """`"lower"` or `"higher"`."""
        return registry.METRICS[self.name].better

    def to_dict(self):
        """A dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields):
        """The record of a dictionary made by `to_dict`.

        Raises:
            ValueError: If it is not one.
        """
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(f"This is not the record of a metric: {error}. Received: {str(fields)[:100]}") from None

    def to_json(self):
        """JSON text of one line."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text):
        """The record of a text made by `to_json`."""
        return cls.from_dict(json.loads(text))

    def __str__(self):
        interval = "" if self.low is None else f" [{_number(self.low)}, {_number(self.high)}]"
        floor = "" if self.floor is None else f", floor {_number(self.floor)}"
        real = f"{self.n_real} real" + (
            f" of {' '.join(filter(None, (self.dataset, self.split)))}" if self.split else ""
        )
        return (
            f"{self.name} {_number(self.value)}{interval}{floor} "
            f"({real}, {self.n_fake} fake, {self.features} {self.features_digest[:8]})"
        )


def explain(name):
    """A metric in a clause, after its name.

    Args:
        name: A key of `keras_gan.metrics.registry.METRICS`.

    Returns:
        Text of one line.

    Example:

    >>> print(keras_gan.metrics.records.explain("recall"))
    recall: the share of real images that lie among generated ones; higher is better
    """
    metric = registry.METRICS[name]
    title = "" if metric.title == name else f"{metric.title}, "
    return f"{name}: {title}{metric.about}; {metric.better} is better"


def table(records):
    """Records as text for a terminal: a row each, and below what they have in common.

    Args:
        records: List of `Record`.

    Returns:
        Text of several lines.

    Example:

    >>> record = keras_gan.metrics.Record(
    ...     "fcd", 8.25, 4500, 2000, "mnist_classifier", "be9a9a3b98b3", low=8.0, high=8.5,
    ...     interval="95 % for the mean over draws, delta method"
    ... )
    >>> print(keras_gan.metrics.records.table([record]))
    metric  value  95 % interval  floor  better  real  generated
    fcd     8.25   8 to 8.5       -      lower   4500  2000
    seen through mnist_classifier (be9a9a3b98b3), resize: none
    interval: 95 % for the mean over draws, delta method
    fcd: Frechet classifier distance, how far what a classifier sees in generated images is from what it sees in
    real ones; lower is better
    """
    rows = [("metric", "value", "95 % interval", "floor", "better", "real", "generated")]
    for record in records:
        interval = "-" if record.low is None else f"{_number(record.low)} to {_number(record.high)}"
        floor = "-" if record.floor is None else _number(record.floor)
        counts = str(record.n_real or "-"), str(record.n_fake)
        rows.append((record.name, _number(record.value), interval, floor, record.better, *counts))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += dict.fromkeys(map(_conditions, records))
    lines += dict.fromkeys(f"interval: {record.interval}" for record in records if record.low is not None)
    methods = list(dict.fromkeys(record.floor_method for record in records if record.floor_method))
    lines += [f"{FLOOR} (here {'; '.join(methods)})"] if methods else []
    lines += dict.fromkeys(explain(record.name) for record in records)
    return "\n".join(lines)


def _conditions(record):
    """The conditions that a value was measured under, in one line."""
    parts = [f"seen through {record.features} ({record.features_digest[:12]})", f"resize: {record.resize}"]
    if record.features_accuracy is not None:
        parts[0] += f", right about {record.features_accuracy:.1%} of the real images"
    if record.split:
        parts.insert(0, f"real images of {' '.join(filter(None, (record.dataset, record.split)))}")
    if record.ema is not None:
        parts.append("averaged weights" if record.ema else "weights as trained")
    if record.step is not None:
        parts.append(f"step {record.step}")
    if record.seed is not None:
        parts.append(f"seed {record.seed}")
    return ", ".join(parts)


def _number(value):
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def versions():
    """Versions of what a metric is computed with."""
    import keras_gan

    return {
        "keras_gan": keras_gan.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
