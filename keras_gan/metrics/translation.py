"""Measures of translated images: against the images that were wanted, and beside what costs nothing."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gan.files import pictures
from keras_gan.metrics import arrays, similarity

# Name, title, and which way is better, of measures of pairs of pictures.
PAIRED = {
    "psnr": ("peak signal-to-noise ratio, dB", "higher", similarity.psnr),
    "ssim": ("structural similarity", "higher", similarity.ssim),
    "ms_ssim": ("multi-scale structural similarity", "higher", similarity.ms_ssim),
    "l1": ("mean absolute difference, of pixels in [-1, 1]", "lower", similarity.l1),
}
CYCLE = "cycle"
TITLES = {name: title for name, (title, _, _) in PAIRED.items()} | {
    CYCLE: "mean absolute difference there and back, of pixels in [-1, 1]"
}
BETTER = {name: better for name, (_, better, _) in PAIRED.items()} | {CYCLE: "lower"}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A measure of translated images beside the same of others that are known without a network.

    Attributes:
        name: A key of `PAIRED`, or `"cycle"`.
        value: Its mean over all pairs.
        error: The standard error of that mean.
        floors: Dictionary from names to the measure of other images in place of the translated ones: `"source"`, the
            source itself; `"mean"`, the mean target; `"bilinear"`, the source enlarged.
        n: Number of pairs.
    """

    name: str
    value: float
    error: float
    floors: dict
    n: int

    @property
    def title(self):
        """The measure's full name."""
        return TITLES[self.name]

    @property
    def better(self):
        """`"lower"` or `"higher"`."""
        return BETTER[self.name]

    def to_dict(self):
        """A dictionary that JSON can hold."""
        return dataclasses.asdict(self)


def paired(made, wanted, names=None, batch_size=100):
    """Measures of pairs of pictures, which are quantized to bytes first, as they would be in a file.

    Args:
        made: Images in [-1, 1], `(n, height, width, channels)`.
        wanted: Images of the same shape.
        names: Keys of `PAIRED`; by default all.
        batch_size: Pairs measured at a time.

    Returns:
        Dictionary from names to float64 arrays `(n,)`.

    Raises:
        ValueError: If the images are not finite, or differ in shape.

    Example:

    >>> black, white = -np.ones((3, 8, 8, 1), "float32"), np.ones((3, 8, 8, 1), "float32")
    >>> keras_gan.metrics.translation.paired(black, white, ["l1", "psnr"])["l1"].tolist()
    [2.0, 2.0, 2.0]
    """
    if np.shape(made) != np.shape(wanted):
        raise ValueError(
            f"Images are compared with images of their own shape. Received: {np.shape(made)} and {np.shape(wanted)}"
        )
    names = list(PAIRED) if names is None else names
    sides = [pictures.to_uint8(arrays.finite("images", images)) for images in (made, wanted)]
    found = {name: [] for name in names}
    for start in range(0, len(sides[0]), batch_size):
        batch = [tf.constant(pictures.from_uint8(images[start : start + batch_size])) for images in sides]
        for name in names:
            found[name].append(PAIRED[name][2](*batch).numpy().astype(np.float64))
    return {name: np.concatenate(values) for name, values in found.items()}


def as_shown(images, channels):
    """Images with another number of channels: gray ones repeated, others as their luminance repeated.

    Args:
        images: Floats `(n, height, width, c)`.
        channels: The number wanted.

    Returns:
        Floats `(n, height, width, channels)`.

    Example:

    >>> keras_gan.metrics.translation.as_shown(np.ones((1, 2, 2, 1)), 3).shape
    (1, 2, 2, 3)
    """
    if images.shape[-1] == channels:
        return images
    gray = images[..., :3] @ np.float32([0.299, 0.587, 0.114]) if images.shape[-1] >= 3 else images[..., 0]
    return np.repeat(gray[..., None], channels, axis=-1)


def enlarged(sources, factor):
    """Images of repeated squares, enlarged bilinearly from one pixel a square instead.

    Args:
        sources: Floats `(n, height, width, channels)` of squares of `factor` pixels a side.
        factor: Side of a square.

    Returns:
        Floats of the same shape.
    """
    size = sources.shape[1:3]
    return tf.image.resize(sources[:, ::factor, ::factor], size, "bilinear").numpy()


def compare(made, sources, targets, mean=None, factor=None, names=None):
    """Measures translated images beside what is to be had without a network.

    Args:
        made: What became of the sources, `(n, height, width, channels)` in [-1, 1].
        sources: What was translated.
        targets: What was wanted.
        mean: The mean picture of the training targets, for the floor `"mean"`, or `None`.
        factor: Where sources are squares of so many pixels a side, for the floor `"bilinear"`; or `None`.
        names: Keys of `PAIRED`; by default all.

    Returns:
        List of `Comparison`.

    Example:

    >>> images = keras_gan.random.uniform((3, 16, 16, 1), seed=(0, 0)).numpy()
    >>> [l1] = keras_gan.metrics.translation.compare(images, -images, images, names=["l1"])
    >>> l1.value, l1.floors["source"] > 0.9
    (0.0, True)
    """
    others = {"source": as_shown(sources, targets.shape[-1])}
    if mean is not None:
        others["mean"] = np.broadcast_to(mean, targets.shape)
    if factor is not None:
        others["bilinear"] = as_shown(enlarged(sources, factor), targets.shape[-1])
    measured = paired(made, targets, names)
    floors = {name: paired(images, targets, names) for name, images in others.items()}
    return [
        Comparison(
            name,
            float(values.mean()),
            float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan"),
            {floor: float(found[name].mean()) for floor, found in floors.items()},
            len(values),
        )
        for name, values in measured.items()
    ]


def cycle(returned, sources):
    """The `Comparison` of images with what became of them there and back.

    Args:
        returned: Images in [-1, 1], `(n, height, width, channels)`.
        sources: Images of the same shape.

    Returns:
        `Comparison` without floors: the identity has 0.
    """
    [values] = paired(returned, sources, ["l1"]).values()
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return Comparison(CYCLE, float(values.mean()), error, {}, len(values))


def table(comparisons):
    """Comparisons as text for a terminal: a row each, with a column for each floor.

    Args:
        comparisons: List of `Comparison`.

    Returns:
        Text of several lines.

    Example:

    >>> row = keras_gan.metrics.translation.Comparison("l1", 0.1, 0.01, {"source": 0.5}, 20)
    >>> print(keras_gan.metrics.translation.table([row]))
    measure  output           better  source  pairs
    l1       0.1 +- 0.01      lower   0.5     20
    """
    floors = list(dict.fromkeys(floor for each in comparisons for floor in each.floors))
    rows = [("measure", "output", "better", *floors, "pairs")]
    for each in comparisons:
        values = [f"{each.floors[floor]:.4g}" if floor in each.floors else "-" for floor in floors]
        rows.append((each.name, f"{each.value:.4g} +- {each.error:.2g}", each.better, *values, str(each.n)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[1] = max(widths[1], 15)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
