"""Draws faces from stated probabilities into a folder: `python -m keras_gan.data.draw_faces OUT --n=8000`.

`OUT` appears when it is complete; it holds `train/` and `test/`, a quarter as many again, with PNG files in a subfolder
for each kind of hair, and in each split `attributes.csv`, what every face was drawn with. It is read with the source
`folder:OUT`; `python -m keras_gan.data.write_tfrecords OUT/train RECORDS` makes TFRecords of it.
"""

import argparse
import csv
import functools
import io
from pathlib import Path

from PIL import Image

from keras_gan import cli
from keras_gan.data import faces, sources
from keras_gan.files import atomic


def write(out, n=8000, seed=0):
    """Draws faces into a folder.

    Args:
        out: Folder to create.
        n: Number of faces to train on; a quarter as many are drawn for testing.
        seed: Integer that determines them, at least 0: those for testing are of seed + 1. With 8,000 faces and seed 0
            these are the faces of the source `faces`.

    Returns:
        Dictionary from the splits to the numbers of their faces.

    Raises:
        ValueError: If the folder exists or cannot be created, or an argument is out of range.
        OSError: If it cannot be written.
    """
    out = Path(out).expanduser()
    if n < 4 or seed < 0:
        raise ValueError(f"`n` must be at least 4, and `seed` at least 0. Received: n={n}, seed={seed}")
    if out.exists():
        raise ValueError(f"{str(out)!r} exists already: remove it, or choose another folder to write.")
    atomic.nearest_folder(out)
    counts = {"train": n, "test": n // 4}
    with atomic.write_folder(out) as partial:
        for number, (split, count) in enumerate(counts.items()):
            for hair in faces.ATTRIBUTES[faces.LABEL]:
                (partial / split / hair).mkdir(parents=True)
            _write_split(partial / split, count, seed + number)
    return counts


def _write_split(folder, count, seed):
    """Writes the faces of a split, and the table of their attributes."""
    attributes = [faces.draw_attributes(seed, index) for index in range(count)]
    drawn = sources.in_order(functools.partial(_draw, attributes, seed), count)
    with (folder / "attributes.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", *faces.ATTRIBUTES])
        for index, content in enumerate(sources.progress(drawn, count, "Drawing faces")):
            name = f"{attributes[index][faces.LABEL]}/{index:06d}.png"
            (folder / name).write_bytes(content)
            table.writerow([name, *attributes[index].values()])


def _draw(attributes, seed, index):
    file = io.BytesIO()
    Image.fromarray(faces.draw(attributes[index], seed, index)).save(file, "PNG")
    return file.getvalue()


def main(argv=None):
    """Reads the arguments, from the command line or `argv`, draws, and prints what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_gan.data.draw_faces",
        description="Draw faces from stated probabilities, to be loaded as folder:OUT.",
    )
    parser.error = lambda message: cli.fail(f"{message} (see --help)")
    parser.add_argument("out", help="folder to create")
    parser.add_argument("--n", type=int, default=8000, help="number of faces to train on (default: 8000)")
    parser.add_argument("--seed", type=int, default=0, help="determines the faces (default: 0)")
    arguments = parser.parse_args(argv)
    cli.run(lambda: _write(arguments))


def _write(arguments):
    counts = write(**vars(arguments))
    print(f"Drew {' and '.join(f'{count} faces for {split}' for split, count in counts.items())} in {arguments.out}")


if __name__ == "__main__":
    main()
