"""Writes a folder of images as TFRecords: `python -m keras_gan.data.write_tfrecords FOLDER OUT`.

The images are shuffled once, with a fixed seed, so that every shard is a sample of the whole. `OUT` appears when it
is complete; it holds the shards and `dataset.json`, and is read with the source `tfrecord:OUT`.
"""

import argparse
import io
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gan import cli
from keras_gan.data import decoding, folders, sources, tfrecords
from keras_gan.files import atomic


def write(folder, out, image_size=None, channels=None, shards=1):
    """Writes the images of a folder as TFRecords.

    A file whose pixels need no conversion is stored byte for byte, others as PNG with 8 bits a channel. Files that
    cannot be decoded are left out.

    Args:
        folder: Folder of image files of one split; its subfolders are classes, see `keras_gan.data.load`.
        out: Folder to create.
        image_size: `(height, width)` or `"HxW"` to convert the images to, or `None`.
        channels: Channels to convert them to, 1 to 4, or `None`.
        shards: Number of files to write.

    Returns:
        The contents of `dataset.json`: a dictionary with `image_shape`, `num_classes`, `class_names`,
        `num_examples`, `shards` (from file name to number of examples) and `skipped` (from file name to reason).

    Raises:
        ValueError: If the folder has no images or is divided into splits, the images differ in shape, `out` exists or
            cannot be created, or an argument is out of range.
        OSError: If it cannot be written.
    """
    image_size, channels = decoding.parse_size(image_size), decoding.check_channels(channels)
    folder, out = Path(folder).expanduser(), Path(out).expanduser()
    if out.exists():
        raise ValueError(f"{str(out)!r} exists already: remove it, or choose another folder to write.")
    listing = folders.list_images(folder)
    depth = folders.Depth(listing)
    if not 1 <= shards <= len(listing.files):
        raise ValueError(
            f"The number of shards must be from 1 to that of images, {len(listing.files)}. Received: shards={shards}"
        )
    order = np.random.default_rng(0).permutation(len(listing.files))
    files, labels = [listing.files[index] for index in order], listing.labels[order]

    def encode(index):
        path = folder / files[index]
        try:
            contents = path.read_bytes()
            pixels = decoding.to_pixels(contents)
        except (OSError, ValueError) as error:
            raise sources.ReadError(path, error) from error
        fitted = decoding.fit(depth.to_bytes(pixels), image_size, channels)
        return contents if fitted is pixels else _png(fitted), fitted.shape

    with atomic.write_folder(out) as partial:
        partial.mkdir()
        try:
            shape, counts, unreadable = _write_shards(folder, partial, shards, encode, files, labels)
        except tf.errors.OpError as error:  # TensorFlow's class for a full disk
            raise OSError(f"{out} could not be written: {error.message}") from None
        depth.note()
        skipped = sorted((listing.skipped | unreadable).items())
        names = listing.class_names
        written = {
            "image_shape": shape,
            "num_classes": None if names is None else len(names),
            "class_names": names,
            "num_examples": sum(counts.values()),
            "shards": counts,
            "skipped": {sources.printable(name): reason for name, reason in skipped},
        }
        text = json.dumps(written, indent=2, ensure_ascii=False)
        (partial / tfrecords.SIDECAR).write_text(text, encoding="utf-8")
    return written


def _write_shards(root, out, shards, encode, files, labels):
    """Writes all examples; returns their one shape, the number in each shard, and why files are unreadable."""
    shape, counts, skipped = None, {}, {}
    encoded = sources.progress(sources.in_order(encode, len(files)), len(files), "Writing")
    examples = zip(encoded, files, labels, strict=True)
    for shard in range(shards):
        name = f"images-{shard:05d}-of-{shards:05d}.tfrecord"
        counts[name] = 0
        end = (shard + 1) * len(files) // shards - shard * len(files) // shards
        with tf.io.TFRecordWriter(str(out / name)) as writer:
            for result, file, label in itertools.islice(examples, end):
                if isinstance(result, ValueError):
                    skipped[file] = result.reason
                    continue
                contents, found = result
                shape = shape or found
                if found != shape:
                    raise ValueError(
                        f"The images differ in shape: {root / file} is {_by(found)} and others are {_by(shape)}. "
                        "Pass image_size (--image_size=HxW) or channels (--channels=3)."
                    )
                writer.write(_example(contents, int(label)))
                counts[name] += 1
    if shape is None:
        raise ValueError(f"None of the {len(files)} image files can be read.")
    return shape, counts, skipped


def _example(contents, label):
    feature = {
        tfrecords.IMAGE_KEY: tf.train.Feature(bytes_list=tf.train.BytesList(value=[contents])),
        tfrecords.LABEL_KEY: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def _by(shape):
    return "x".join(map(str, shape))


def main(argv=None):
    """Reads the arguments, from the command line or `argv`, writes, and prints what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_gan.data.write_tfrecords",
        description="Write a folder of images as TFRecords, to be loaded as tfrecord:OUT.",
    )
    parser.error = lambda message: cli.fail(f"{message} (see --help)")
    parser.add_argument("folder", help="folder of image files; its subfolders are classes")
    parser.add_argument("out", help="folder to create")
    parser.add_argument("--image_size", metavar="HxW", help="crop and resize the images to this size")
    parser.add_argument("--channels", type=int, help="convert them to 1 (gray), 2 (and alpha), 3 (RGB) or 4")
    parser.add_argument("--shards", type=int, default=1, help="number of files to write (default: 1)")
    arguments = parser.parse_args(argv)
    cli.run(lambda: _write(arguments))


def _write(arguments):
    written = write(**vars(arguments))
    for name, reason in written["skipped"].items():
        print(f"warning: skipped {name}: {reason}", file=sys.stderr)
    shape, out = _by(written["image_shape"]), sources.printable(arguments.out)
    print(f"Wrote {written['num_examples']} images of {shape} to {out}")


if __name__ == "__main__":
    main()
