"""Batches of images in [-1, 1], in an order that depends on a seed alone and that a run can resume."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_gan.data import (
    batches,
    conditions,
    decoding,
    faces,
    folders,
    jitter,
    pairs,
    sources,
    stacked,
    tfrecords,
    toy,
)
from keras_gan.data.sources import MEMORY_LIMIT


def _stacked(name, request):
    digits = _read(stacked.NAMES[name], dataclasses.replace(request, image_size=None, channels=None))
    return stacked.source(digits, name, request)


def _domains(place, request):
    a, b = (_read(each, request) for each in pairs.names_in("domains:A,B", place, "two sources, separated by a comma"))
    if a.source_channels or b.source_channels:
        raise ValueError(f"A domain is a source of single images. Received: source='domains:{place}'")
    return pairs.Domains(a, b)


# All that can be named, but for TFDS: from how it is written to a function of what stands for the capitals, or else of
# the name, and of a `keras_gan.data.sources.Request`, that returns a `keras_gan.data.sources.Source`.
SOURCES = {
    "mnist5k": sources.mnist5k,
    "toy:NAME": toy.source,
    "faces": faces.source,
    "stacked_mnist": _stacked,
    "stacked_mnist5k": _stacked,
    "folder:PATH": folders.from_folder,
    "tfrecord:PATTERN": tfrecords.from_tfrecords,
    "pairs:A,B": pairs.from_pairs,
    "side_by_side:FOLDER": pairs.side_by_side,
    "domains:A,B": _domains,
}


@dataclasses.dataclass(frozen=True)
class DataSpec:
    """Description of the elements of a dataset.

    Attributes:
        image_shape: `(height, width, channels)`, or `(size,)` for vectors.
        num_classes: Number of classes; `None` if the source has no labels.
        class_names: One name per class, or `None`.
        num_examples: Number of examples in one epoch.
        fingerprint: Text that changes when the examples, their order or their conversion change. It covers the
            contents of arrays and image files, and the names and sizes of records.
        skipped: Dictionary from the path of each file that was left out to the reason.
        source_shape: Shape of what is translated, `(height, width, channels)`, where elements are two batches of
            images; otherwise `None`.
    """

    image_shape: tuple
    num_classes: int | None
    class_names: list | None
    num_examples: int
    fingerprint: str
    skipped: dict
    source_shape: tuple | None = None


def load(
    source,
    split: str = "train",
    batch_size: int = 64,
    *,
    image_size: str | tuple[int, int] | None = None,
    channels: int | None = None,
    labels: bool = False,
    num_classes: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    repeat: bool = False,
    start_batch: int = 0,
    drop_remainder: bool = True,
    data_dir: str | None = None,
    download: bool = False,
    memory_limit: int = MEMORY_LIMIT,
    direction: str = "AtoB",
    condition: str | None = None,
    crop: str | tuple[int, int] | None = None,
    flip: bool = False,
    part: tuple[int, int] | None = None,
    check_all: bool = False,
) -> tuple[tf.data.Dataset, DataSpec]:
    """Loads images as batches in [-1, 1], ready for `fit`.

    The order of epoch e is a permutation that depends on `seed` and e alone, not on the machine, the number of
    threads or what was read before. A finite dataset counts its iterations: the first is epoch 0, the next is
    epoch 1. An infinite one (`repeat=True`) runs through the epochs without a seam, and can begin at any batch:
    with `start_batch=n` it continues at once where another run was after n batches.

    Images that fit into `memory_limit` are decoded once and kept as uint8. Others are read as they are needed, at
    random positions, in exactly the same order. Sources are checked in full when they are loaded: every file of a
    folder is decoded, every checksum of a TFRecord verified. Of more than 20,000 files, or as many local records that
    do not fit into memory, 1,000 are: a broken one that is met later is an error.

    Args:
        source: Where the images come from:
            - `"mnist5k"`: 5,000 digits of MNIST, installed with the package; the last of every ten is `"test"`.
            - `"faces"`: 10,000 colour faces of 64x64 pixels, drawn from stated probabilities; see
              `keras_gan.data.faces`. The classes are kinds of hair.
            - `"toy:NAME"`: points of a known density, float vectors; the names are those of `keras_gan.data.toy.get`.
            - `"stacked_mnist"`, or `"stacked_mnist5k"`: three digits as the colours of an image, in 1,000 classes; see
              `keras_gan.data.stacked`.
            - `"folder:PATH"`: image files at any depth, of all formats that Pillow reads; subfolders that hold images
              are classes. What cannot be read is skipped, with a warning.
            - `"tfrecord:PATTERN"`: files written by `python -m keras_gan.data.write_tfrecords`, or their folder.
            - the name of a TFDS data set, such as `"cifar10"`.
            - `"pairs:A,B"`: two folders with files of the same names, pairs of what is translated and what it becomes;
              `{split}` in a path stands for the split's name. `"pairs:NAME@A,NAME@B"`: two features of a TFDS data
              set, such as `"pairs:smallnorb@image,smallnorb@image2"`.
            - `"side_by_side:FOLDER"`: a folder of files that each hold such a pair, one beside the other.
            - `"domains:A,B"`: two of the sources above, from which examples are drawn independently.
            - any source with labels and a class of it, `"mnist5k#3"` or `"folder:PATH#cats"`: its examples.
            - an array of uint8 images in [0, 255] or of float images in [-1, 1], of shape `(N, H, W, C)` or
              `(N, H, W)`, or of float vectors of any range, of shape `(N, D)`; or a pair of such an array and
              integer labels of shape `(N,)`.
        split: `"train"` or `"test"` for mnist5k, faces, toy data and stacked digits; for TFDS any split, such as
            `"train[:10%]"`; for folders and TFRecords the subfolder of that name, where `"training"`, `"valid"`,
            `"val"`, `"dev"` and `"testing"` are names of `"train"`, `"validation"` and `"test"` too, in any case.
            `"train"` without subfolders for splits is everything. Classes have the numbers of the training split.
        batch_size: Examples per batch, over all replicas.
        image_size: `(height, width)` or `"HxW"`: images are cropped centrally to this aspect, and resized to it
            with an antialiased filter. By default they keep their size, and all must have the same.
        channels: 1 (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGB and alpha) to convert to, or `None`.
        labels: Whether the elements are pairs (images, labels).
        num_classes: For arrays, the number of classes; by default the largest label plus one.
        shuffle: Whether to shuffle anew in every epoch.
        seed: Integer that determines the order.
        repeat: Whether the dataset is infinite.
        start_batch: With `repeat`, number of batches to leave out at the beginning.
        drop_remainder: Whether a finite dataset leaves out the last batch of an epoch if it is smaller.
        data_dir: Folder of TFDS data sets; by default that of the environment variable `TFDS_DATA_DIR`, or
            `~/tensorflow_datasets`.
        download: Whether to download a TFDS data set that is not prepared yet.
        memory_limit: Bytes up to which decoded images are kept in memory.
        direction: Of pairs, `"AtoB"` where A is translated, or `"BtoA"`.
        condition: Of a source of single images: the source that is made of each, as
            `keras_gan.data.conditions.get` names it. The elements are pairs (sources, images).
        crop: `(height, width)` or `"HxW"` of a window that is cut out of each image, at a random place; of both
            pictures of a pair the same.
        flip: Whether images are mirrored, left to right, with probability 1/2; both pictures of a pair or none.
        part: `(w, W)`: of every batch only rows `w * batch_size / W` to `(w + 1) * batch_size / W`, for worker w of W.
            Of what is not in memory nothing else is read; all parts together are the batch that one process has.
        check_all: Whether everything is checked first, however much it is.

    Returns:
        `tf.data.Dataset` of float32 images `(batch_size,) + image_shape`, or of pairs of these and int32 labels
        `(batch_size,)`, or of pairs of sources `(batch_size,) + source_shape` and images; and its `DataSpec`.

    Raises:
        ValueError: If an argument is out of range, or the source is missing, empty, broken, of mixed sizes without
            `image_size`, divided in a way that is not understood, or without labels where they are asked for.
        OSError: If there is no permission to read a folder.

    Example:

    >>> dataset, spec = keras_gan.data.load("mnist5k", batch_size=100, labels=True)
    >>> spec.image_shape, spec.num_classes, spec.num_examples
    ((28, 28, 1), 10, 4500)
    >>> images, labels = next(iter(dataset))
    >>> images.shape, labels.shape
    (TensorShape([100, 28, 28, 1]), TensorShape([100]))
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}")
    if start_batch < 0 or (start_batch and not repeat):
        raise ValueError(
            "`start_batch` must not be negative, and needs repeat=True. "
            f"Received: start_batch={start_batch}, repeat={repeat}"
        )
    if part is not None:
        _check_part(part, batch_size, repeat or drop_remainder)
    found = source
    if not isinstance(source, (sources.Source, pairs.Domains)):
        found = open_source(
            source,
            split,
            image_size=image_size,
            channels=channels,
            num_classes=num_classes,
            data_dir=data_dir,
            download=download,
            memory_limit=memory_limit,
            direction=direction,
            check_all=check_all,
        )
    if isinstance(found, pairs.Domains):
        if condition is not None or labels:
            raise ValueError(f"Domains have images alone. Received: condition={condition!r}, labels={labels}")
        return _load_domains(
            found, batch_size=batch_size, shuffle=shuffle, seed=seed, repeat=repeat, start_batch=start_batch,
            drop_remainder=drop_remainder, crop=crop, flip=flip, part=part,
        )  # fmt: skip
    if labels and found.num_classes is None:
        kinds = (
            "a folder with every image in a class subfolder, TFRecords written from one, a TFDS data set with a class "
            "label, or a pair of arrays"
        )
        raise ValueError(
            f"labels=True needs a source with labels: {found.unlabelled or kinds}. Received: source={found.name}"
        )
    if not repeat and drop_remainder and found.num_examples < batch_size:
        raise ValueError(
            f"{found.num_examples} examples make no batch of {batch_size}: pass a smaller batch_size, "
            f"drop_remainder=False or repeat=True. Received: batch_size={batch_size}"
        )
    if labels and found.labels is not None and not 0 <= found.labels.min() <= found.labels.max() < found.num_classes:
        raise ValueError(
            f"Labels must lie in [0, {found.num_classes}). Received: source={found.name} with labels "
            f"in [{found.labels.min()}, {found.labels.max()}]"
        )
    if labels and found.labels is not None:
        _warn_of_absent_classes(found)
    window = jitter.check_crop(crop, found.image_shape)
    image_shape = found.image_shape if window is None else (*window, found.image_shape[-1])
    finish, source_shape, image_shape = _finishing(found, image_shape, labels, condition)
    identity = (found.identity, found.image_shape, found.num_examples)
    # What was there before pairs keeps the fingerprint that it had.
    changes = tuple(each for each in (condition, window, flip) if each)
    spec = DataSpec(
        image_shape=image_shape,
        num_classes=found.num_classes,
        class_names=found.class_names,
        num_examples=found.num_examples,
        fingerprint=hashlib.sha256(repr(identity + changes).encode()).hexdigest()[:16],
        skipped=found.skipped,
        source_shape=source_shape,
    )
    order = batches.order(found.num_examples, shuffle, seed, repeat, first=start_batch * batch_size)
    rows = batch_size
    if part is not None:
        order, rows = batches.part_of(order, batch_size, part), batch_size // part[1]

    def arrange(images, classes, places):
        keys = batches.keys_of(seed, places)
        if window is not None or flip:
            images = jitter.crop_and_flip(images, keys, window, flip)
        return finish(batches.scale(images), classes, keys)

    dataset = batches.in_order(found, order, rows, drop_remainder or repeat, arrange)
    count = found.num_examples // batch_size if drop_remainder else -(-found.num_examples // batch_size)
    count = tf.data.INFINITE_CARDINALITY if repeat else count
    dataset = dataset.prefetch(2).apply(tf.data.experimental.assert_cardinality(count))
    return dataset.with_options(batches.options()), spec


def _check_part(part, batch_size, whole):
    number, parts = part
    if not 0 <= number < parts or batch_size % parts or not whole:
        raise ValueError(
            "`part` must be (w, W) with 0 <= w < W, where W divides `batch_size` and all batches are whole. "
            f"Received: part={part}, batch_size={batch_size}"
        )


def _finishing(source, image_shape, labels, condition):
    """The last step from images to elements: a function, the shape of sources or `None`, and that of images."""
    split = source.source_channels
    if split:
        if condition is not None:
            raise ValueError(f"Pairs have their sources already. Received: condition={condition!r}")
        *size, channels = image_shape
        shapes = (*size, split), (*size, channels - split)
        return lambda images, classes, keys: (images[..., :split], images[..., split:]), *shapes
    if condition is not None:
        if labels:
            raise ValueError(
                f"Elements are sources and images, or images and labels. Received: condition={condition!r}"
            )
        function, source_shape = conditions.get(condition, image_shape)
        return lambda images, classes, keys: (function(images, keys), images), source_shape, image_shape
    return lambda images, classes, keys: (images, classes) if labels else images, None, image_shape


def _load_domains(domains, *, batch_size, shuffle, seed, repeat, drop_remainder, **options):
    """Batches of two domains, each in an order of its own; an epoch that ends has those of the smaller one."""
    options |= {"batch_size": batch_size, "shuffle": shuffle, "repeat": repeat, "drop_remainder": drop_remainder}
    smallest = min((domains.a, domains.b), key=lambda each: each.num_examples)
    if not repeat and drop_remainder and smallest.num_examples < batch_size:
        raise ValueError(
            f"{smallest.num_examples} examples of {smallest.name} make no batch of {batch_size}: pass a smaller "
            f"batch_size, drop_remainder=False or repeat=True. Received: batch_size={batch_size}"
        )
    # Seeds of runs are small numbers; the other domain's is far from all of them.
    (first, a), (second, b) = (
        load(each, seed=each_seed, **options) for each, each_seed in ((domains.a, seed), (domains.b, seed + 2**40))
    )
    spec = DataSpec(
        image_shape=b.image_shape,
        num_classes=None,
        class_names=None,
        num_examples=domains.num_examples,
        fingerprint=hashlib.sha256(f"{a.fingerprint} {b.fingerprint}".encode()).hexdigest()[:16],
        skipped={**a.skipped, **b.skipped},
        source_shape=a.image_shape,
    )
    return tf.data.Dataset.zip((first, second)).with_options(batches.options()), spec


def open_source(
    source,
    split="train",
    *,
    image_size=None,
    channels=None,
    num_classes=None,
    data_dir=None,
    download=False,
    memory_limit=MEMORY_LIMIT,
    direction="AtoB",
    check_all=False,
):
    """Reads a source, or prepares to, so that `load` can make several datasets of it.

    Args:
        source: As for `load`.
        split: As for `load`.
        image_size: As for `load`.
        channels: As for `load`.
        num_classes: As for `load`.
        data_dir: As for `load`.
        download: As for `load`.
        memory_limit: As for `load`.
        direction: As for `load`.
        check_all: As for `load`.

    Returns:
        A source for `load`, which then ignores its own arguments of these names.

    Raises:
        ValueError: As `load` does.

    Example:

    >>> digits = keras_gan.data.open_source("mnist5k", split="test")
    >>> first, _ = keras_gan.data.load(digits, batch_size=100)
    >>> second, _ = keras_gan.data.load(digits, batch_size=50, shuffle=False)
    >>> len(first), len(second)
    (5, 10)
    """
    image_size, channels = decoding.parse_size(image_size), decoding.check_channels(channels)
    if direction not in pairs.DIRECTIONS:
        raise ValueError(f"`direction` must be one of {list(pairs.DIRECTIONS)}. Received: direction={direction!r}")
    request = sources.Request(
        split, image_size, channels, num_classes, data_dir, download, memory_limit, direction, check_all
    )
    found = _read(source, request)
    if isinstance(found, pairs.Domains):
        named = [
            dataclasses.replace(each, identity=repr((each.identity, image_size, channels)))
            for each in (found.a, found.b)
        ]
        return pairs.Domains(*named, name=f"{source!r}, split {split!r}")
    if found.num_examples == 0:
        raise ValueError(f"The split has no examples. Received: source={source!r}, split={split!r}")
    name = f"{source!r}, split {split!r}" if isinstance(source, str) else found.name
    return dataclasses.replace(found, identity=repr((found.identity, image_size, channels)), name=name)


def _read(source, request):
    if isinstance(source, Path):
        raise _unknown(source)
    if not isinstance(source, str):
        return sources.from_arrays(source, request)
    if request.num_classes is not None:
        raise ValueError(f"`num_classes` is for arrays. Received: num_classes={request.num_classes}, source={source!r}")
    whole, mark, chosen = source.rpartition("#")
    kind, colon, place = source.partition(":")
    # A folder may have the mark in its name.
    if mark and kind not in ("pairs", "domains") and "/" not in chosen and not (place and folders.exists(place)):
        return pairs.one_class(dataclasses.replace(_read(whole, request), name=repr(whole)), chosen)
    for written, function in SOURCES.items():
        name, takes_place, what = written.partition(":")
        if name != kind or (colon and not takes_place):
            continue
        if takes_place and not place:
            raise ValueError(f"A source is written {written}, with its {what.lower()}. Received: source={source!r}")
        return function(place or name, request)
    try:
        return tfrecords.from_tfds(source, request)
    except tfrecords.UnknownDatasetError as error:
        raise _unknown(source, error.similar) from None


def _unknown(source, similar=()):
    """The error for what is no source, with the one that was probably meant."""
    path = Path(source).expanduser()
    kind = "folder" if path.is_dir() else "tfrecord" if path.suffix == ".tfrecord" else None
    meant = f"; for this {kind} write {f'{kind}:{source}'!r}" if kind else f" (such as {similar})" if similar else ""
    return ValueError(
        f"A source is {', '.join(map(repr, SOURCES))}, arrays, or TFDS{meant}. Received: source={str(source)!r}"
    )


def _warn_of_absent_classes(source):
    absent = np.flatnonzero(np.bincount(source.labels, minlength=source.num_classes) == 0)
    if len(absent):
        names = [source.class_names[k] if source.class_names else k for k in absent]
        base = "; labels count from 0" if source.class_names is None and absent[0] == 0 else ""
        sources.warn(
            f"{len(absent)} of {source.num_classes} classes have no examples in {source.name}: "
            f"{sources.some(names)}{base}."
        )
