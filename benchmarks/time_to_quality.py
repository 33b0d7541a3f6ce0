"""Quality over wall-clock time on MNIST, from the start of the process: the default recipe beside two tutorials.

    python -m benchmarks.time_to_quality --out=docs/results/time_to_quality.png

One process after another trains for `--minutes`, and saves its generator's weights every `--every` seconds. Afterwards
every generator makes `--samples` images, and their classifier Frechet distance to the MNIST training images is measured
by the same network. The default recipe is `python -m trainers.dcgan --dataset=mnist` as it is, with its evaluations,
checkpoints and watchdog, and it decodes MNIST itself, which the tutorials find decoded; `peers/quality.py` says what
these are. `--folder` keeps the weights; a side that is there already is only measured.
"""

import contextlib
import dataclasses
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tqdm

from benchmarks import tables
from benchmarks.peers import quality
from keras_gan import metrics
from keras_gan.cli import option
from keras_gan.files import atomic

ROOT = Path(__file__).resolve().parent.parent
FEATURES = "mnist_classifier"


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    minutes: float = option(10.0, "How long each side trains, from the start of its process.")
    every: float = option(30.0, "Seconds between the generators that are looked at.", low=1)
    samples: int = option(5000, "Images of each of them.", low=100)
    sides: str = option(",".join(quality.SIDES), "Who trains, with commas.")
    folder: str = option("", "Where weights are kept; a temporary folder by default.")
    train: bool = option(True, "Whether to train what is not in --folder; without, what is there is measured.")
    out: str = option("", "A file for the plot.")


def main(argv=None):
    """Trains, measures, prints and draws."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains every side, and measures what it saved.

    Returns:
        Dictionary of `curves`, a dictionary from sides to pairs of seconds and a distance.
    """
    sides = config.sides.split(",")
    unknown = [side for side in sides if side not in quality.SIDES]
    if unknown:
        raise ValueError(f"--sides must be of {', '.join(quality.SIDES)}. Received: --sides={config.sides}")
    if not config.minutes > 0:
        raise ValueError(f"--minutes must be positive. Received: --minutes={config.minutes}")
    with contextlib.ExitStack() as stack:
        folder = Path(config.folder or stack.enter_context(tempfile.TemporaryDirectory()))
        for side in sides:
            if config.train and not any(folder.glob(f"{side}/*.npz")):
                train(side, folder / side, config.minutes, config.every)
        curves = {side: curve(side, folder / side, config.samples) for side in sides}
    if config.out:
        draw(curves, config.out)
    return {"curves": curves}


def train(side, folder, minutes, every):
    """Lets a side train in a process of its own.

    Raises:
        OSError: If the process fails; with the last line that it printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    quality.digits(folder.parent)
    print(f"{side}: {minutes:g} minutes", flush=True)
    arguments = [side, folder.resolve(), minutes, every, time.monotonic()]
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.quality", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    if ran.returncode:
        said = ran.stderr.strip().splitlines() or ["nothing"]
        raise OSError(f"{side} ended with exit status {ran.returncode} and said: {said[-1][:300]}")


def curve(side, folder, samples):
    """The classifier Frechet distance of every generator in a folder.

    Args:
        side: Key of `quality.SIDES`.
        folder: Holds `SECONDS.npz`.
        samples: Number of images.

    Returns:
        List of pairs (seconds, distance).
    """
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise ValueError(f"{folder} holds no generator: leave --notrain out, or name another --folder.")
    network = metrics.features.get(FEATURES)
    pool = quality.digits(folder.parent)
    real = network(pool[np.linspace(0, len(pool), 10_000, endpoint=False).astype(int)])
    points = []
    for file in tqdm.tqdm(files, desc=side, leave=False, disable=None):
        with np.load(file) as weights:
            fakes = quality.images_of(side, list(weights.values()), samples)
        points.append((float(file.stem), metrics.distances.frechet_distance(real, network(fakes))))
    return points


def between(points, after, until):
    """The last value after some seconds and until others, or `None`."""
    return next((value for moment, value in reversed(points) if after + 0.5 < moment <= until + 0.5), None)


def first_below(points, value):
    """The seconds after which a curve was at or below a value for the first time, or `None`."""
    return next((moment for moment, own in points if own <= value), None)


def render(run):
    """The curves as Markdown: a row a minute, when our recipe has the others' last value."""
    curves = run["curves"]
    last = max(moment for points in curves.values() for moment, _ in points)
    moments = [0, 30, *range(60, round(last) + 1, 60)]
    rows = [
        [until, *(tables.digits(between(points, after, until), "{:.4g}") for points in curves.values())]
        for after, until in itertools.pairwise(moments)
    ]
    parts = [tables.table(["seconds", *curves], [row for row in rows if any(row[1:])])]
    ours, others = curves.get("keras_gan"), [side for side in curves if side != "keras_gan"]
    if ours and others:
        rows = []
        for side in others:
            moment, value = curves[side][-1]
            needed = first_below(ours, value)
            rows.append([side, f"{moment:.0f}", f"{value:.4g}", "never" if needed is None else f"{needed:.0f}"])
        parts.append(tables.table(["side", "seconds", "distance", "keras_gan has it within, s"], rows))
    return "\n\n".join(parts)


def draw(curves, file):
    """Draws distance against minutes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for side, points in curves.items():
        seconds, values = zip(*points, strict=True)
        axis.plot([moment / 60 for moment in seconds], values, ".-", label=quality.SIDES[side])
    axis.set(xlabel="minutes since the process started", ylabel="classifier Frechet distance", yscale="log")
    axis.grid(alpha=0.3)
    axis.legend()
    with atomic.write_file(Path(file)) as partial:
        figure.savefig(partial, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
