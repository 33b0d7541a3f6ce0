"""TFRecords of encoded images, read at any position: our own, and those that TFDS prepares."""

import dataclasses
import difflib
import hashlib
import json
import re

import numpy as np
import tensorflow as tf
from etils import epath
from google.protobuf.message import DecodeError

from keras_gan.data import decoding, sources

SIDECAR = "dataset.json"
IMAGE_KEY, LABEL_KEY = "image/encoded", "image/class/label"


def from_tfrecords(place, split, image_size, channels, memory_limit):
    """Files written by `keras_gan.data.write_tfrecords`: a pattern, or the folder that holds them."""
    place = epath.Path(place).expanduser()
    folder, pattern = (place, "*.tfrecord") if place.is_dir() else (place.parent, place.name)
    folder = sources.split_folder(folder, split)
    files = sorted(file for file in folder.glob(pattern) if file.name != SIDECAR)
    if not files:
        raise ValueError(f"No file matches {str(folder / pattern)!r}.")
    try:
        sidecar = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
        shards = [(file, 0, sidecar["shards"][file.name]) for file in files]
        shape, num_classes, class_names = (sidecar[key] for key in ("image_shape", "num_classes", "class_names"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(folder / SIDECAR)!r} must describe the files that match {pattern!r}, and does not: {error!r}. "
            "Both are written by: python -m keras_gan.data.write_tfrecords"
        ) from None
    return _from_shards(
        shards,
        tuple(shape),
        IMAGE_KEY,
        None if num_classes is None else LABEL_KEY,
        image_size,
        channels,
        memory_limit,
        identity=repr([file.name for file in files]),
        num_classes=num_classes,
        class_names=class_names,
    )


def from_tfds(name, split, image_size, channels, memory_limit, data_dir, download):
    """A TFDS data set, prepared as TFRecords."""
    import tensorflow_datasets as tfds  # slow, and needed here alone

    if not re.match(r"\w+([/:]|$)", name):
        raise _unknown(name)
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        if download and not builder.is_prepared():
            builder.download_and_prepare(file_format="tfrecord")
    except tfds.core.DatasetNotFoundError:
        raise _unknown(name, difflib.get_close_matches(name, tfds.list_builders())) from None
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
        raise ValueError(f"{name!r}: {_first_line(error)} Received: split={split!r}") from None
    image_key = _feature(info.features, "image", tfds.features.Image)
    if image_key is None or info.features[image_key].np_dtype != np.uint8:
        raise ValueError(f"{name!r} has no feature that holds one 8-bit image. Its features: {list(info.features)}")
    label_key = _feature(info.features, "label", tfds.features.ClassLabel)
    label = info.features[label_key] if label_key else None
    return _from_shards(
        [(epath.Path(part.filename), part.skip, part.skip + part.take) for part in chosen.file_instructions],
        info.features[image_key].shape,
        image_key,
        label_key,
        image_size,
        channels,
        memory_limit,
        identity=f"{info.full_name} {split}",
        num_classes=label.num_classes if label else None,
        class_names=label.names if label else None,
    )


def _first_line(error):
    return (str(error) or repr(error)).splitlines()[0]


def _unknown(name, similar=()):
    return ValueError(
        "A source is 'mnist5k', 'folder:PATH', 'tfrecord:PATTERN', 'toy:NAME', 'stacked_mnist', 'stacked_mnist5k', "
        "arrays, or the name of a TFDS data set"
        f"{f' (such as {similar})' if similar else ''}. Received: source={name!r}"
    )


def _feature(features, name, kind):
    """The feature of that name, or else the only one of that kind; `None` where there is neither."""
    names = [key for key, feature in features.items() if type(feature) is kind]
    return name if name in names else names[0] if len(names) == 1 else None


def _from_shards(shards, declared_shape, image_key, label_key, image_size, channels, memory_limit, identity, **fields):
    """A source of `tf.train.Example` records.

    Args:
        shards: Triples of a file, its first record to read, and the one past its last.
        declared_shape: Shape of the images, with `None` for what varies.
        image_key: Feature that holds the encoded image.
        label_key: Feature that holds the label, or `None`.
        image_size: Size to convert the images to, or `None`.
        channels: Channels to convert them to, or `None`.
        memory_limit: Bytes up to which the images are read into memory at once.
        identity: Identity of the source, to which the sizes of the records are added.
        **fields: Remaining fields of the `Source`.
    """
    height, width, depth = declared_shape
    shape = (*(image_size or (height, width)), channels or depth)
    if None in shape:
        raise ValueError(
            f"The images vary in shape: {declared_shape} is declared. Pass image_size=(height, width)"
            f"{'' if depth else ' and channels'}."
        )
    files = [file for file, _, _ in shards]
    spans = [_spans(*shard) for shard in shards] or [np.zeros((0, 2), np.int64)]
    shard_of = np.repeat(np.arange(len(files)), [len(span) for span in spans])
    spans = np.concatenate(spans)

    def read(index):
        path, (start, length) = files[shard_of[index]], spans[index]
        try:
            with path.open("rb") as file:
                file.seek(start)
                feature = tf.train.Example.FromString(file.read(length)).features.feature
            image = decoding.decode(feature[image_key].bytes_list.value[0], image_size, shape[2])
            label = feature[label_key].int64_list.value[0] if label_key else 0
        except (OSError, DecodeError, IndexError, ValueError) as error:
            raise ValueError(f"{path}: no image can be read from the record at byte {start}: {error}") from error
        if image.shape != shape:
            raise ValueError(f"{path}: the image at byte {start} has the shape {image.shape}, not {shape}.")
        return image, label

    source = sources.Source(
        identity=f"{identity} {hashlib.sha256(spans).hexdigest()}",
        image_shape=shape,
        num_examples=len(spans),
        read=read,
        **fields,
    )
    if len(spans) * np.prod(shape) > memory_limit:
        return source
    images, labels, _, _ = sources.read_all(read, len(spans), memory_limit)
    return dataclasses.replace(source, images=images, labels=labels, read=None)


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
    # A record is its length (8 bytes) and a checksum (4), the data, and a checksum (4).
    starts = np.cumsum(lengths + 16) - lengths - 4
    return np.stack([starts, lengths], axis=1)[first:end]
