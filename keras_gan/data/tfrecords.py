"""TFRecords of encoded images, read at any position: our own, and those that TFDS prepares."""

import dataclasses
import difflib
import fnmatch
import hashlib
import re

import numpy as np
import tensorflow as tf
from etils import epath
from google.protobuf.message import DecodeError

from keras_gan.data import decoding, sources, splits
from keras_gan.files import schema

SIDECAR = "dataset.json"
IMAGE_KEY, LABEL_KEY = "image/encoded", "image/class/label"
_HEADER = 12  # a record is its length (8 bytes) and a checksum (4), the data, and a checksum (4)


class UnknownDatasetError(ValueError):
    """Raised where TFDS has no data set of a name; `similar` are names that it has."""

    def __init__(self, name, similar=()):
        super().__init__(f"TFDS has no data set {name!r}.")
        self.similar = list(similar)


def from_tfrecords(place, request):
    """Files written by `keras_gan.data.write_tfrecords`: a pattern, or the folder that holds them."""
    place = epath.Path(place).expanduser()
    root, pattern = (place, "*.tfrecord") if place.is_dir() else (place.parent, place.name)
    if not root.is_dir():
        raise ValueError(f"There is no folder {str(root)!r}.")
    folder, training = _find_split(root, request.split)
    # By name, since in a path brackets are a part of it and no pattern.
    names = [entry.name for entry in folder.iterdir() if entry.name != SIDECAR]
    files = [folder / name for name in sorted(names) if name == pattern or fnmatch.fnmatchcase(name, pattern)]
    if not files:
        raise ValueError(f"No file matches {str(folder / pattern)!r}.")
    sidecar = _read_sidecar(folder, pattern)
    if unknown := [file.name for file in files if file.name not in sidecar["shards"]]:
        raise _undescribed(folder, pattern, f"it says nothing of {sources.some(unknown)}")
    shards = [(file, 0, sidecar["shards"][file.name]) for file in files]
    num_classes, class_names, unlabelled, numbers = sidecar.get("num_classes"), sidecar.get("class_names"), "", None
    trained = _read_sidecar(training, "*.tfrecord").get("class_names") if training is not None else None
    if trained is not None and class_names is not None:
        try:
            numbers = splits.match_classes(class_names, trained)
            num_classes, class_names = len(trained), trained
        except ValueError as error:
            num_classes, class_names, unlabelled = None, None, str(error)
    return _from_shards(
        shards,
        tuple(sidecar["image_shape"]),
        IMAGE_KEY,
        None if num_classes is None else LABEL_KEY,
        request,
        numbers,
        identity=repr([file.name for file in files]),
        num_classes=num_classes,
        class_names=class_names,
        unlabelled=unlabelled,
    )


def _find_split(root, split):
    """The folder of a split, and that of the training split if it is another, or `None`."""
    parts = [entry.name for entry in root.iterdir() if (entry / SIDECAR).exists()]
    whole = (root / SIDECAR).exists()
    names = {part: splits.split_name(part) for part in sorted(parts)}
    training = next((root / part for part in names if names[part] == "train"), root if whole else None)
    if splits.split_name(split) != "train":
        return root / splits.find_split(root, list(names), split), training
    chosen = None if whole and "train" not in names.values() else splits.find_split(root, list(names), split)
    return root if chosen is None else root / chosen, None


def _read_sidecar(folder, pattern):
    """The facts that `keras_gan.data.write_tfrecords` wrote down of the files in a folder."""
    try:
        return schema.read(folder / SIDECAR, _form)
    except (OSError, ValueError) as error:
        raise _undescribed(folder, pattern, getattr(error, "strerror", None) or error) from None


def _form(value, where):
    schema.table(
        shards=schema.mapping(schema.integer(low=0)), image_shape=schema.array(schema.integer(low=1), low=3, high=3)
    )(value, where)
    schema.classes(value, where)


def _undescribed(folder, pattern, reason):
    return ValueError(
        f"{str(folder / SIDECAR)!r} must describe the files that match {pattern!r}, and does not: {reason}. "
        "Both are written by: python -m keras_gan.data.write_tfrecords"
    )


def from_tfds(name, request):
    """A TFDS data set, prepared as TFRecords; `NAME@FEATURE` says which of several images an example is."""
    import tensorflow_datasets as tfds  # slow, and needed here alone

    split = request.split
    name, _, feature = name.partition("@")
    if not re.match(r"\w+([/:]|$)", name):
        raise UnknownDatasetError(name)
    try:
        builder = tfds.builder(name, data_dir=request.data_dir)
        if request.download and not builder.is_prepared():
            builder.download_and_prepare(file_format="tfrecord")
    except tfds.core.DatasetNotFoundError:
        raise UnknownDatasetError(name, difflib.get_close_matches(name, tfds.list_builders())) from None
    except Exception as error:  # nearly anything: assertions, import errors, errors of the network or of JSON
        raise ValueError(f"TFDS cannot load {name!r}: {_first_line(error)}") from error
    if not builder.is_prepared():
        raise ValueError(
            f"{name!r} is not prepared in {str(builder.data_path)!r}. Pass download=True (--download) to download and "
            "prepare it there, or as data_dir the folder of prepared TFDS data sets that has it."
        )
    info = builder.info
    if info.file_format.value != "tfrecord":
        raise ValueError(f"{name!r} must be prepared as TFRecords. Received: {info.file_format.value} files")
    try:
        chosen = info.splits[split]
    except ValueError as error:
        raise sources.MissingSplitError(f"{name!r}: {_first_line(error)} Received: split={split!r}") from None
    image_key = _feature(info.features, feature or "image", tfds.features.Image)
    if image_key is None or feature not in ("", image_key) or info.features[image_key].np_dtype != np.uint8:
        called = f" {feature!r}" if feature else ""
        raise ValueError(
            f"{name!r} has no feature{called} that holds one 8-bit image. Its features: {list(info.features)}"
        )
    label_key = _feature(info.features, "label", tfds.features.ClassLabel)
    label = info.features[label_key] if label_key else None
    return _from_shards(
        [(epath.Path(part.filename), part.skip, part.skip + part.take) for part in chosen.file_instructions],
        info.features[image_key].shape,
        image_key,
        label_key,
        request,
        identity=f"{info.full_name} {split}" + (f" @{feature}" if feature else ""),
        num_classes=label.num_classes if label else None,
        class_names=label.names if label else None,
    )


def _first_line(error):
    return (str(error) or repr(error)).splitlines()[0]


def _feature(features, name, kind):
    """The feature of that name, or else the only one of that kind; `None` where there is neither."""
    names = [key for key, feature in features.items() if type(feature) is kind]
    return name if name in names else names[0] if len(names) == 1 else None


def _from_shards(shards, declared_shape, image_key, label_key, request, numbers=None, *, identity, **fields):
    """A source of `tf.train.Example` records.

    Args:
        shards: Triples of a file, its first record to read, and the one past its last.
        declared_shape: Shape of the images, with `None` for what varies.
        image_key: Feature that holds the encoded image.
        label_key: Feature that holds the label, or `None`.
        request: `sources.Request`.
        numbers: What each of the stored labels stands for, or `None` for themselves.
        identity: Identity of the source, to which the sizes of the records are added.
        **fields: Remaining fields of the `Source`.
    """
    height, width, depth = declared_shape
    image_size = request.image_size
    shape = (*(image_size or (height, width)), request.channels or depth)
    if None in shape:
        raise ValueError(
            f"The images vary in shape: {declared_shape} is declared. Pass image_size=(height, width)"
            f"{'' if depth else ' and channels'}."
        )
    files = [file for file, _, _ in shards]
    count, local = sum(end - first for _, first, end in shards), not any("://" in str(file) for file in files)
    fits = count * np.prod(shape) <= request.memory_limit
    # Over a network one long reading takes less time than many short ones.
    large = count > sources.LARGE and not (fits or request.check_all) and local
    spans = [(_stepped if large else _spans)(*shard) for shard in shards] or [np.zeros((0, 2), np.int64)]
    shard_of = np.repeat(np.arange(len(files)), [len(span) for span in spans])
    spans = np.concatenate(spans)

    def read(index):
        path, (start, length) = files[shard_of[index]], spans[index]
        try:
            with path.open("rb") as file:
                file.seek(start - _HEADER)
                header, record = file.read(_HEADER), file.read(length)
            if int.from_bytes(header[:8], "little") != length or len(record) != length:
                raise ValueError("it has been written to since the data were opened")
            feature = tf.train.Example.FromString(record).features.feature
            image = decoding.decode(feature[image_key].bytes_list.value[0], image_size, shape[2])
            label = feature[label_key].int64_list.value[0] if label_key else 0
            if numbers is not None:
                label = numbers[label]
        except (OSError, DecodeError, IndexError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise sources.ReadError(path, f"no image can be read from the record at byte {start}: {reason}") from error
        if image.shape != shape:
            raise sources.ReadError(path, f"the image at byte {start} has the shape {image.shape}, not {shape}")
        return image, label

    source = sources.Source(
        identity=f"{identity} {hashlib.sha256(spans).hexdigest()}",
        image_shape=shape,
        num_examples=len(spans),
        read=read,
        **fields,
    )
    if not fits:
        for index in sources.some_of(count) if large else ():
            read(index)
        return source
    place = files[0].parent if files else ""
    images, labels, _, _ = sources.read_all(read, len(spans), request.memory_limit, place)
    return dataclasses.replace(source, images=images, labels=labels, read=None)


def _stepped(file, first, end):
    """As `_spans`, from record to record by their lengths: nothing else is read, nor verified."""
    spans, start, size = [], 0, file.stat().length
    with file.open("rb") as stream:
        while len(spans) < end and start < size:
            stream.seek(start)
            length = int.from_bytes(stream.read(_HEADER)[:8], "little")
            spans.append((start + _HEADER, length))
            start += length + _HEADER + 4
    if start > size:
        raise ValueError(f"{file} is missing, truncated or corrupted: its last record ends behind it.")
    if len(spans) < end:
        raise ValueError(f"{file} holds {len(spans)} records where at least {end} are expected.")
    return np.array(spans, np.int64).reshape(-1, 2)[first:]


def _spans(file, first, end):
    """First byte and length of the records `first` to `end - 1`, int64 `(N, 2)`; all checksums are verified."""
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread delays the end of an iterator
    records = tf.data.TFRecordDataset(str(file), buffer_size=1 << 20)
    lengths = records.batch(256).map(tf.strings.length).with_options(options)
    try:
        lengths = np.concatenate([np.zeros(0, np.int64), *lengths.as_numpy_iterator()])
    except tf.errors.OpError as error:
        raise ValueError(f"{file} is missing, truncated or corrupted ({type(error).__name__}).") from None
    if len(lengths) < end:
        raise ValueError(f"{file} holds {len(lengths)} records where at least {end} are expected.")
    starts = np.cumsum(lengths + _HEADER + 4) - lengths - 4
    return np.stack([starts, lengths], axis=1)[first:end]
