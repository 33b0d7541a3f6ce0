"""Distance of a converted generator from the original: measured by class, and judged by a gate."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gan import latents, networks, random
from keras_gan.export.checks import processes
from keras_gan.files import pictures

PERCENTILE = 99.9
# Latents that no calibration has seen: it counts its seeds from 0.
FIRST_SEED = 1_000_000
IMAGES = 64
IMAGES_PER_CLASS = 4


@dataclasses.dataclass(frozen=True)
class LatentSampler:
    """Facts that are needed to call a generator: `latent_dim`, `latent_prior` and `num_classes`."""

    latent_dim: int
    latent_prior: str = "normal"
    num_classes: int | None = None

    @classmethod
    def of(cls, generator):
        """That of a `keras_gan.networks.Generator`."""
        return cls(generator.latent_dim, generator.latent_prior, generator.num_classes)

    def draw(self, first_seed, count, per_class=1):
        """Latents of consecutive seeds, drawn as they are served, and labels that cover all classes evenly.

        Args:
            first_seed: The first seed.
            count: The least number of rows.
            per_class: The least number of rows of each class.

        Returns:
            Dictionary of `latent`, float32 `(n, latent_dim)`, and with classes `label`, int32 `(n,)`.

        Example:

        >>> from keras_gan.export.checks.parity import LatentSampler
        >>> LatentSampler(latent_dim=2, num_classes=3).draw(first_seed=0, count=4)["label"].tolist()
        [0, 1, 2, 0, 1, 2]
        """
        if self.num_classes is not None:
            count = self.num_classes * max(per_class, -(-count // self.num_classes))
        codes = latents.from_seeds(np.arange(first_seed, first_seed + count), self.latent_dim, self.latent_prior)
        labels = latents.sample_labels(count, self.num_classes)
        return {"latent": codes.numpy(), **({} if labels is None else {"label": labels})}


@dataclasses.dataclass(frozen=True)
class ImageSampler:
    """The shape of what a translator takes, `source_shape`, and images of that shape to call it with."""

    source_shape: tuple
    num_classes = None

    def draw(self, first_seed, count, per_class=1):
        """Smooth images with some noise, of consecutive seeds.

        Args:
            first_seed: The first seed.
            count: The number of images.
            per_class: Without effect.

        Returns:
            Dictionary of `images`, float32 `(count,) + source_shape` in [-1, 1].

        Example:

        >>> from keras_gan.export.checks.parity import ImageSampler
        >>> ImageSampler((8, 6, 3)).draw(first_seed=0, count=2)["images"].shape
        (2, 8, 6, 3)
        """
        height, width, channels = self.source_shape
        made = []
        for seed in range(first_seed, first_seed + count):
            coarse = 2.0 * random.uniform((1, 4, 4, channels), (seed, 0)) - 1.0
            fine = 0.4 * random.uniform((1, height, width, channels), (seed, 1)) - 0.2
            made.append(tf.image.resize(coarse, (height, width), "bilinear") + fine)
        return {"images": np.clip(np.concatenate(made), -1.0, 1.0)}


def sampler_of(network):
    """The sampler of inputs of a `keras_gan.networks.Generator` or `Translator`."""
    if isinstance(network, networks.Translator):
        return ImageSampler(tuple(network.source_shape))
    return LatentSampler.of(network)


def sampler_of_card(card):
    """The sampler of inputs of what a card tells of, which has what `LatentSampler` or `ImageSampler` needs."""
    if "source_shape" in card:
        return ImageSampler(tuple(card["source_shape"]))
    return LatentSampler(card["latent_dim"], card["latent_prior"], card["num_classes"])


@dataclasses.dataclass(frozen=True)
class Gate:
    """Limits that a file must keep in every signature and class. `None` asks nothing.

    Args:
        max_difference: Largest absolute difference, relative to the larger of 1 and the largest value.
        min_psnr: Least peak signal-to-noise ratio in decibels.
        max_level_error: Levels of 255 that `PERCENTILE` percent of all bytes must stay within.
    """

    max_difference: float | None = None
    min_psnr: float | None = None
    max_level_error: float | None = None

    def failures(self, rows):
        """Sentences on the worst rows of `compare` that this gate refuses; empty for a file that passes.

        Example:

        >>> from keras_gan.export.checks.parity import Gate
        >>> row = {"signature": "serving_default", "class": 3, "psnr": 28.0, "level_error": 9.0}
        >>> Gate(min_psnr=30.0, max_level_error=16).failures([row])
        ['PSNR 28.0 dB in class 3 of serving_default (at least 30 dB is asked)']
        """
        found = []
        if self.max_difference is not None:
            row = max(rows, key=lambda row: row["relative_difference"])
            if not row["relative_difference"] <= self.max_difference:
                found.append(
                    f"a difference of {row['max_difference']:.3g} in {_place(row)} "
                    f"(at most {self.max_difference:g} is asked)"
                )
        if self.min_psnr is not None:
            row = min(rows, key=lambda row: row["psnr"])
            if not row["psnr"] >= self.min_psnr:
                found.append(f"PSNR {row['psnr']:.1f} dB in {_place(row)} (at least {self.min_psnr:g} dB is asked)")
        if self.max_level_error is not None:
            row = max(rows, key=lambda row: row["level_error"] or 0.0)
            if (row["level_error"] or 0.0) > self.max_level_error:
                found.append(
                    f"{PERCENTILE} % of bytes within {row['level_error']:g} levels in {_place(row)} "
                    f"(at most {self.max_level_error:g} is asked)"
                )
        return found


def _place(row):
    return row["signature"] if row["class"] is None else f"class {row['class']} of {row['signature']}"


def compare(expected, actual, labels=None, signature="serving_default", batch_size=1):
    """Compares images by class.

    The PSNR is `10 log10(peak^2 / mean (expected - actual)^2)` with a peak of 2, the range of images; for vectors,
    which have no fixed range, the largest expected value minus the smallest. Level errors are differences of the bytes
    `pictures.to_uint8` makes, and exist for images only.

    Args:
        expected: Floats of shape `(n,) + image_shape`.
        actual: Floats of the same shape.
        labels: Integers of shape `(n,)`, or `None`.
        signature: The name that is written into each row.
        batch_size: Likewise.

    Returns:
        List of dictionaries, one for each class, or one for all: `signature`, `batch_size`, `class`, `images` (how
        many), `max_difference`, `relative_difference`, `psnr` and, in levels of 255 or `None`, `mean_level_error`,
        `level_error` (the percentile `PERCENTILE`) and `max_level_error`.

    Raises:
        ValueError: If shapes or dtypes differ.

    Example:

    >>> from keras_gan.export.checks import parity
    >>> grey = np.zeros((1, 2, 2, 1), "float32")
    >>> (row,) = parity.compare(grey, grey + np.float32(0.2))
    >>> round(row["psnr"], 3), row["max_level_error"]
    (20.0, 25.0)
    """
    rows = []
    images = expected.ndim == 4
    span = 2.0 if images else float(np.ptp(expected))
    for label in [None] if labels is None else np.unique(labels).tolist():
        chosen = slice(None) if label is None else labels == label
        a, b = expected[chosen], actual[chosen]
        difference = processes.max_difference(a, b)
        with np.errstate(divide="ignore"):  # of images that are not finite
            psnr = processes.psnr(a, b) + 20.0 * np.log10(span / 2.0)
        row = {"signature": signature, "batch_size": batch_size, "class": label, "images": len(a)}
        row |= {"max_difference": difference, "relative_difference": difference / max(1.0, float(np.abs(a).max()))}
        row |= {"psnr": float(np.nan_to_num(psnr, nan=-np.inf, posinf=np.inf, neginf=-np.inf))}
        levels = [None] * 3
        if images:
            error = np.abs(
                pictures.to_uint8(a).astype(int)
                - pictures.to_uint8(np.nan_to_num(b, nan=-9.0, posinf=9.0, neginf=-9.0))
            )
            levels = [error.mean(), _percentile(error), error.max()]
            levels = [float(level) for level in levels]
        row |= dict(zip(("mean_level_error", "level_error", "max_level_error"), levels, strict=True))
        rows.append(row)
    return rows


def _percentile(values):
    """The least of the values that `PERCENTILE` percent of them do not exceed; NumPy's rank may be off by rounding."""
    rank = -(-round(10 * PERCENTILE) * values.size // 1000)
    return np.sort(values, axis=None)[rank - 1]


def measure(path, batches, reference, sampler):
    """Runs a file by itself and compares it with the generator that it was made from.

    Args:
        path: Path of a `.tflite` or `.onnx` file.
        batches: List of `(signature, batch_size)`: what to call, with how many rows.
        reference: Function from the inputs `latent` and, with classes, `label`, or from `images`, as keyword
            arguments, to images.
        sampler: The generator's `LatentSampler`, or an `ImageSampler`.

    Returns:
        Dictionary of `interpreter`, `rows` as `compare` makes them, `latency`, per batch its median in milliseconds,
        and `bad_inputs`: whether labels out of range are refused, and what latents that are not numbers give.

    Raises:
        ValueError: If the file cannot be run, or makes something else than the reference in shape or dtype.
    """
    inputs = sampler.draw(FIRST_SEED, IMAGES, IMAGES_PER_CLASS)
    count = len(next(iter(inputs.values())))
    expected = np.asarray(reference(**inputs))
    calls, spans = [], []
    for signature, size in batches:
        starts = range(0, count, size)
        # The last batch is filled from the start: every batch is full.
        calls += [(signature, _rows(inputs, np.arange(start, start + size) % count)) for start in starts]
        spans.append(len(starts))
    timed = [(signature, _rows(inputs, np.arange(size) % count)) for signature, size in batches]
    bad = list(_bad_inputs(timed[0], sampler))
    asked = [(path, *call) for call in [*calls, *(call for _, call in bad), *timed]]
    answers, seconds, interpreter = processes.run_timed(asked, range(len(asked) - len(timed), len(asked)))
    answers = iter(answers)
    rows = []
    for (signature, size), span in zip(batches, spans, strict=True):
        images = [_images(next(answers), path) for _ in range(span)]
        images = np.concatenate(images)[:count]
        rows += compare(expected, images, inputs.get("label"), signature, size)
    latency = [
        {"signature": name, "batch_size": size, "milliseconds": round(1000 * second, 3), "threads": processes.THREADS}
        for (name, size), second in zip(batches, seconds, strict=True)
    ]
    bad_inputs = {}
    for (name, _), answer in zip(bad, answers, strict=False):
        finite = None if isinstance(answer, str) else bool(np.isfinite(_images(answer, path)).all())
        bad_inputs[name] = {None: "refused", True: "images", False: "NaN"}[finite]
    return {"interpreter": interpreter, "rows": rows, "latency": latency, "bad_inputs": bad_inputs}


def _rows(inputs, rows):
    return {name: value[rows] for name, value in inputs.items()}


def _images(answer, path):
    if isinstance(answer, str):
        raise ValueError(f"{path} failed when it was run: {' '.join(answer.split())}")
    [images] = answer.values()
    return images


def _bad_inputs(call, sampler):
    """Pairs of what is wrong and a call."""
    signature, good = call
    first = next(iter(good))
    yield f"{first} NaN", (signature, {**good, first: good[first] * np.float32(np.nan)})
    if sampler.num_classes is not None:
        yield "label -1", (signature, {**good, "label": np.full_like(good["label"], -1)})
        yield "label too large", (signature, {**good, "label": np.full_like(good["label"], sampler.num_classes)})


MOST_ROWS = 40


def table(rows):
    """Rows of `compare` as text.

    Args:
        rows: List of dictionaries. Of more than `MOST_ROWS` those with the lowest PSNR are shown.

    Returns:
        Lines, joined.
    """
    head = ("signature", "batch", "class", "images", "max abs", "PSNR dB", "levels: mean", f"{PERCENTILE} %", "max")
    shown = sorted(rows, key=lambda row: row["psnr"])[:MOST_ROWS] if len(rows) > MOST_ROWS else rows
    lines = [head]
    for row in shown:
        levels = [row[name] for name in ("mean_level_error", "level_error", "max_level_error")]
        line = [row["signature"], row["batch_size"], "all" if row["class"] is None else row["class"], row["images"]]
        line += [f"{row['max_difference']:.2g}", f"{row['psnr']:.1f}"]
        line += ["-" if level is None else f"{level:.2g}" if i == 0 else f"{level:g}" for i, level in enumerate(levels)]
        lines.append([str(cell) for cell in line])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    if len(rows) > len(shown):
        text.append(f"(the {len(shown)} rows with the lowest PSNR, of {len(rows)})")
    return "\n".join(text)
