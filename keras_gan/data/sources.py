"""The parts of every kind of source; arrays, and the digits that come with the package."""

import collections
import dataclasses
import hashlib
import importlib.resources
import os
import shlex
import sys
import warnings
import zipfile
from collections.abc import Callable
from concurrent import futures

import numpy as np
from tqdm import tqdm

from keras_gan.data import decoding

EXTENSIONS = (
    ".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif",
    ".tiff", ".webp",
)  # fmt: skip
MEMORY_LIMIT = 2 << 30  # bytes of decoded images
MNIST5K_DIGEST = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
THREADS = os.cpu_count() or 1
LARGE = 20_000  # files, beyond which only some are read before training
CHECKED = 1_000
_DARK = 15  # of 255: what 12 bits come to where 16 are expected


class MissingSplitError(ValueError):
    """Raised where a source has no such split, and may be whole without it."""


class ReadError(ValueError):
    """Raised where an example cannot be read: names the file and the reason, in one line.

    Within a dataset TensorFlow makes an error of its own of it, whose text keeps the name of this class.

    Args:
        path: Path of the file.
        cause: The exception that says why, or text.
    """

    def __init__(self, path, cause):
        # Of an `OSError` the text would name the file again.
        self.reason = " ".join(str(getattr(cause, "strerror", None) or cause).split())
        super().__init__(printable(f"{path}: {self.reason}"))


@dataclasses.dataclass(frozen=True)
class Request:
    """Wishes to a source; the arguments of `keras_gan.data.load` of these names, checked."""

    split: str = "train"
    image_size: tuple | None = None
    channels: int | None = None
    num_classes: int | None = None
    data_dir: str | None = None
    download: bool = False
    memory_limit: int = MEMORY_LIMIT
    direction: str = "AtoB"
    check_all: bool = False


@dataclasses.dataclass(frozen=True)
class Source:
    """Examples in a fixed order: in memory, or read one by one.

    Attributes:
        identity: What the examples are, in enough detail to notice that they changed.
        image_shape: Shape of one image, or of one vector.
        num_examples: Number of examples.
        num_classes: Number of classes, or `None` without labels.
        class_names: One name per class, or `None`.
        images: uint8 or float32 array of shape `(num_examples,) + image_shape`, or `None` if not in memory.
        labels: int32 array of shape `(num_examples,)`, zeros without labels; `None` if only `read` knows them.
        read: Function from an index to the pair (uint8 image, label); `None` if the images are in memory. It raises
            `ReadError`.
        unlabelled: Without labels, a clause that says why, or nothing.
        skipped: Dictionary from the path of each file that was left out to the reason.
        name: What messages call it.
        names: What the examples are called: paths relative to their folder; or `None`.
        sizes: With names, what the examples measured before they were fitted, pairs `(height, width)`.
        source_channels: Of a pair, how many channels, the first of the image, are those of what is translated.
    """

    identity: str
    image_shape: tuple
    num_examples: int
    num_classes: int | None = None
    class_names: list | None = None
    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    read: Callable | None = None
    unlabelled: str = ""
    skipped: dict = dataclasses.field(default_factory=dict)
    name: str = "arrays"
    names: list | None = None
    sizes: list | None = None
    source_channels: int = 0


def mnist5k(_, request):
    """500 digits of each class; the last of every ten, in file order, is held out as "test"."""
    split = request.split
    if split not in ("train", "test"):
        raise MissingSplitError(f"mnist5k has the splits 'train' and 'test'. Received: split={split!r}")
    file = importlib.resources.files("keras_gan.data") / "digits" / "mnist_5k.npz"
    try:
        with file.open("rb") as archive:
            rows = np.load(archive)["rows"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} cannot be read ({error}): reinstall keras_gan.") from None
    if hashlib.sha256(rows).hexdigest() != MNIST5K_DIGEST:
        raise ValueError(f"{file} does not hold the digits that define mnist5k: reinstall keras_gan.")
    rows = rows[(np.arange(len(rows)) % 10 == 9) == (split == "test")]
    return in_memory(
        rows[:, :-1].reshape(-1, 28, 28, 1),
        rows[:, -1].astype(np.int32),
        request,
        identity=f"mnist5k {split}",
        num_classes=10,
        class_names=[str(digit) for digit in range(10)],
    )


def from_arrays(arrays, request):
    """Images, vectors, or a pair of these and labels."""
    if request.split != "train":
        raise MissingSplitError(f"Arrays have only the split 'train'. Received: split={request.split!r}")
    num_classes = request.num_classes
    images, labels = arrays if isinstance(arrays, tuple | list) and len(arrays) == 2 else (arrays, None)
    images = _check_images(np.asarray(images))
    digest = hashlib.sha256(np.ascontiguousarray(images))
    if labels is not None:
        labels, num_classes = _check_labels(np.asarray(labels), len(images), num_classes)
        digest.update(labels)
    elif num_classes is not None:
        raise ValueError(f"`num_classes` needs labels. Received: num_classes={num_classes}")
    else:
        labels = np.zeros(len(images), np.int32)
    return in_memory(images, labels, request, identity=digest.hexdigest(), num_classes=num_classes)


def in_memory(images, labels, request, **fields):
    """A source of arrays, converted where a size or a number of channels is asked for."""
    image_size, channels = request.image_size, request.channels
    if images.dtype == np.uint8:
        if image_size not in (None, images.shape[1:3]) or channels not in (None, images.shape[3]):
            images = np.stack([decoding.fit(image, image_size, channels) for image in images])
    elif image_size is not None or channels is not None:
        raise ValueError(
            "`image_size` and `channels` apply to uint8 images only. "
            f"Received: image_size={image_size}, channels={channels}, an array of dtype {images.dtype}"
        )
    return Source(image_shape=images.shape[1:], num_examples=len(images), images=images, labels=labels, **fields)


def _check_images(images):
    """uint8 images `(N, H, W, C)`, float32 images of that shape in [-1, 1], or float32 vectors `(N, D)`."""
    received = f"Received: an array of shape {images.shape} and dtype {images.dtype}"
    is_float = np.issubdtype(images.dtype, np.floating)
    ranks = (2, 3, 4) if is_float else (3, 4)
    if images.ndim not in ranks or 0 in images.shape or not (is_float or images.dtype == np.uint8):
        raise ValueError(
            "Images must be uint8 in [0, 255] or floats in [-1, 1], of shape (N, H, W, C) or (N, H, W); "
            f"vectors must be floats of shape (N, D). {received}"
        )
    if images.ndim == 3:
        images = images[..., None]
    if not is_float:
        if images.shape[3] not in decoding.MODES:
            raise ValueError(f"Images must have 1 to 4 channels, on the last axis. {received}")
        if images.max() == 1:
            warn("The uint8 images hold zeros and ones alone, and white is 255: multiply them by 255.")
        return images
    low, high = float(images.min()), float(images.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"Images and vectors must be finite, and these hold NaN or infinity. {received}")
    if images.ndim == 4 and (low < -1.0 or high > 1.0):
        raise ValueError(
            f"Float images must lie in [-1, 1]; for [0, 255], pass uint8. Received: values in [{low}, {high}]"
        )
    if images.ndim == 4 and 0 <= low < high:
        warn(
            f"Float images are expected in [-1, 1], and these lie in [{low:.3g}, {high:.3g}]: scale images in [0, 1] "
            "by 2 * x - 1."
        )
    return images.astype(np.float32, copy=False)


def _check_labels(labels, num_examples, num_classes):
    """int32 labels of shape `(N,)`, and the number of classes."""
    if labels.shape == (num_examples, 1):
        labels = labels[:, 0]
    if labels.shape != (num_examples,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"Labels must be integers, one for each of the {num_examples} images. "
            f"Received: an array of shape {labels.shape} and dtype {labels.dtype}"
        )
    if num_classes is None:
        num_classes = int(labels.max()) + 1
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"Labels must lie in [0, {num_classes}). Received: labels in [{labels.min()}, {labels.max()}]")
    return labels.astype(np.int32), num_classes


def read_all(read, num_examples, memory_limit, place, errors=None):
    """Reads all examples once, and keeps the images if they are of one shape and fit into memory.

    Warns of images that come out almost black.

    Args:
        read: Function from an index to the pair (uint8 image, label).
        num_examples: Number of examples.
        memory_limit: Bytes that the images may take.
        place: Where they lie, for the warning.
        errors: `None`, or a dictionary: an example whose `read` raises a `ValueError` is left out, and the error is
            put there under its index.

    Returns:
        uint8 array of the images, or `None`; int32 array of the labels; list of the indices that could be
        read; `collections.Counter` of the image shapes.
    """
    images, labels, readable, shapes, brightest = None, [], [], collections.Counter(), 0
    examples = progress(in_order(read, num_examples), num_examples, "Reading")
    for index, example in enumerate(examples):
        if isinstance(example, ValueError):
            if errors is None:
                raise example
            errors[index] = example
            continue
        image, label = example
        if brightest <= _DARK:
            brightest = image[:, :, : image.shape[2] - (image.shape[2] in (2, 4))].max()
        if not shapes and image.nbytes * num_examples <= memory_limit:
            images = np.empty((num_examples, *image.shape), np.uint8)
        shapes[image.shape] += 1
        if len(shapes) > 1:
            images = None
        if images is not None:
            images[len(readable)] = image
        labels.append(label)
        readable.append(index)
    if images is not None:
        images = images[: len(readable)]
    if readable and brightest <= _DARK:
        warn(
            f"The images in {str(place)!r} come out almost black: no value is above {brightest}, and white is 255. "
            "Scale them to 0 to 255 if they were written with other units, such as 0 and 1 or 12 bits."
        )
    return images, np.array(labels, np.int32), readable, shapes


def some_of(count):
    """The indices of those of many examples that are looked at before training, always the same."""
    return np.sort(np.random.default_rng(0).choice(count, CHECKED, replace=False))


def check_command(place):
    """The command that reads all of a source.

    Args:
        place: The source, as `keras_gan.data.load` takes it.

    Returns:
        Text.
    """
    return shlex.join(["python", "-m", "keras_gan.data.check", printable(place)])


def in_order(function, count, block=8):
    """Computes `function(0)`, `function(1)`, ... with several threads, few results ahead of what is consumed.

    Args:
        function: Function of an index.
        count: Number of indices.
        block: How many indices a thread takes at a time.

    Yields:
        The results in order. Where `function` raised a `ValueError`, that error instead.
    """

    def attempt(index):
        try:
            return function(index)
        except ValueError as error:
            return error

    def run(start):
        return [attempt(index) for index in range(start, min(start + block, count))]

    pending = collections.deque()
    with futures.ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, count, block):
            pending.append(pool.submit(run, start))
            if len(pending) > 2 * THREADS:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()


def progress(iterable, total, description):
    """A progress bar, on terminals alone, for what takes longer than a moment."""
    return tqdm(iterable, description, total, unit="image", delay=3, leave=False, disable=None)


def printable(text):
    """Text with a path, in which bytes of a file name that are not UTF-8 are written out, as `\\udce9`."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def some(names, most=5):
    """The first of several names, quoted, and how many more there are."""
    names = [repr(printable(name)) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def warn(sentence):
    """Warns whoever called this package, however deep in it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(__package__):
        frame, level = frame.f_back, level + 1
    warnings.warn(printable(sentence), stacklevel=level)
