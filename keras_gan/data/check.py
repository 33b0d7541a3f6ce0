"""Names all that cannot be read of a data set: `python -m keras_gan.data.check SOURCE`.

Training reads a folder of more than 20,000 files as it goes, and ends at one that is broken. This reads all of them,
and ends with status 1 where there is such a file.
"""

import argparse
import warnings

from keras_gan import cli
from keras_gan.data import images, sources


def unreadable(source, **options):
    """The files of a source that cannot be read.

    Args:
        source: As for `keras_gan.data.load`.
        **options: Further arguments of `keras_gan.data.open_source`.

    Returns:
        Pair of a dictionary from the path of each such file to the reason, and the number of examples that can be read.
        Of records there may be several in a file, of which the last is named.

    Raises:
        ValueError: If nothing can be read, or the images that can differ in shape.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is returned
        found = images.open_source(source, check_all=True, memory_limit=0, **options)
    broken = {}
    for part in [found] if isinstance(found, sources.Source) else [found.a, found.b]:
        broken |= part.skipped
        # The files of a folder were read to open it.
        if part.read is None or part.names is not None:
            continue
        for result in sources.progress(sources.in_order(part.read, part.num_examples), part.num_examples, "Reading"):
            if isinstance(result, sources.ReadError):
                path, _, reason = str(result).partition(": ")
                broken[path] = reason
    return broken, found.num_examples


def main(argv=None):
    """Reads the arguments, from the command line or `argv`, reads the data, and prints what is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_gan.data.check", description="Name all that cannot be read of a data set."
    )
    parser.error = lambda message: cli.fail(f"{message} (see --help)")
    parser.add_argument("source", help="folder:PATH, tfrecord:PATTERN, or another source of --dataset")
    parser.add_argument("--split", default="train", help="what of it to read (default: train)")
    parser.add_argument("--image_size", metavar="HxW", help="as for training")
    parser.add_argument("--channels", type=int, help="as for training")
    parser.add_argument("--data_dir", help="where TensorFlow Datasets keeps prepared data")
    arguments = vars(parser.parse_args(argv))
    cli.run(lambda: _check(arguments.pop("source"), arguments))


def _check(source, options):
    broken, count = unreadable(source, **options)
    for path, reason in broken.items():
        print(f"{path}: {reason}")
    if broken:
        raise ValueError(f"{len(broken)} files of {sources.printable(source)} cannot be read, {count} images can.")
    print(f"All {count} images of {sources.printable(source)} can be read.")


if __name__ == "__main__":
    main()
