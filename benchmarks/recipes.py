"""Quality, time and memory of whole trainings, as the trainers' commands run them.

    python -m benchmarks.recipes --recipes='default; default, MNIST' --out=runs/recipes

Each recipe is trained in a process of its own and then measured by `trainers.evaluate` on held-out images, with 95 %
intervals where the metric has one, and beside it what real images score. A conditional recipe has also what classifiers
learn from its images (`conditional.json` of its run), that of 2014 the Parzen-window estimate (`parzen.json`), with one
standard error on either side.
Trainings that were interrupted go on when they are started again with the same `--out`.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import tables
from keras_gan.cli import option

ROOT = Path(__file__).resolve().parent.parent
_MNIST = ("--dataset=mnist", "--precision=float32", "--evaluate_every=0")
_RELATIVISTIC = ("--loss=relativistic", "--r1_gamma=1", "--r2_gamma=1")
_SPLITS = ("--split=train[:50000]", "--validation_split=train[50000:51000]", "--watchdog=false")

# Trainer and flags.
RECIPES = {
    "default": ("dcgan",),
    "default, 16 filters": ("dcgan", "--filters=16"),
    "default, 64 filters": ("dcgan", "--filters=64"),
    "default, differences": ("dcgan", "--penalty_method=finite_difference"),
    "default, MNIST": ("dcgan", *_MNIST),
    "relativistic + R1 + R2, MNIST": ("dcgan", *_MNIST, *_RELATIVISTIC),
    "R3GAN, MNIST": ("r3gan", *_MNIST),
    "default, CIFAR-10": ("dcgan", "--dataset=cifar10", "--precision=float32", "--evaluate_every=3000"),
    "conditional": ("conditional_gan", "--filters=32", "--precision=float32"),
    "2014, released code": ("mlp_gan", "--preset=released_code", *_MNIST, *_SPLITS),
}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    recipes: str = option("", "Names of recipes, separated by '; '; all by default.")
    steps: int = option(0, "Training steps; 0 leaves those of the recipe.", low=0)
    minutes: float = option(0.0, "Minutes of training, instead of steps; 0 leaves these.", low=0)
    seed: int = option(0, "Seed of every training.", low=0)
    samples: int = option(5000, "Images that are measured.", low=10)
    out: str = option("runs/recipes", "Folder of the runs.")


def main(argv=None):
    """Trains, measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains and measures the chosen recipes.

    Returns:
        Dictionary of `recipes`, a list of what `train` returns, with `measures`.
    """
    names = config.recipes.split("; ") if config.recipes else list(RECIPES)
    if any(name not in RECIPES for name in names):
        raise ValueError(f"--recipes are of {list(RECIPES)}, separated by '; '. Received: --recipes={config.recipes}")
    found = []
    for name in names:
        trainer, *flags = RECIPES[name]
        flags += [f"--{key}={getattr(config, key)}" for key in ("steps", "minutes", "seed") if getattr(config, key)]
        folder = Path(config.out, re.sub(r"[^a-z0-9]+", "-", name.lower()))
        report = {"recipe": name, **train(trainer, flags, folder)}
        found.append({**report, "measures": judge(folder, config.samples)})
    return {"recipes": found}


def train(trainer, flags, folder):
    """Trains in a process of its own.

    Returns:
        Dictionary of the `command`, `steps`, their `rate` a second, `seconds` from the start of the process to its end,
        and its peak memory in `gigabytes`.

    Raises:
        OSError: If it fails; with the last line that it printed.
    """
    command = [sys.executable, "-m", f"trainers.{trainer}", *flags]
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [*command, f"--out={folder.resolve()}"], stdout=subprocess.DEVNULL, stderr=errors, cwd=ROOT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().strip().splitlines() or ["nothing"]
            raise OSError(f"trainers.{trainer} ended with exit status {process.returncode} and said: {said[-1][:300]}")
    result = json.loads((folder / "result.json").read_text("utf-8"))
    return {
        "command": " ".join(["python", *command[1:]]),
        "steps": result["steps"],
        "rate": result["steps"] / result["seconds"],
        "seconds": time.monotonic() - began,
        "gigabytes": 1024 * usage.ru_maxrss / 1e9,
    }


def judge(folder, samples):
    """Measures of the generator of a finished run.

    Returns:
        List of dictionaries of a `name`, a `value`, the `low` and `high` end of its interval, and `real`, what real
        images score; the last three may be `None`.
    """
    out = folder / "evaluation"
    flags = [f"--model={folder / 'generator.keras'}", f"--num_samples={samples}", f"--out={out}", "--overwrite"]
    subprocess.run([sys.executable, "-m", "trainers.evaluate", *flags], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    records = json.loads((out / "evaluation.json").read_text("utf-8"))["records"]
    found = [_measure(each["name"], each["value"], each["low"], each["high"], each["floor"]) for each in records]
    if (folder / "conditional.json").exists():
        each = json.loads((folder / "conditional.json").read_text("utf-8"))
        error = "nearest_neighbour_error"
        found += [
            _measure("1-NN error", each[f"{error}_generated"], real=each[f"{error}_real"]),
            _measure("GAN-train accuracy", each["gan_train"], real=each["real_train"]),
            _measure("GAN-test accuracy", each["gan_test"]),
        ]
    if (folder / "parzen.json").exists():
        rows = json.loads((folder / "parzen.json").read_text("utf-8"))
        ours, real = rows["generator"], rows["training images"]
        error = ours["standard_error"]
        value = ours["log_likelihood"]
        found.append(_measure("Parzen, nats", value, value - error, value + error, real["log_likelihood"]))
    return found


def _measure(name, value, low=None, high=None, real=None):
    return {"name": name, "value": value, "low": low, "high": high, "real": real}


def render(run):
    """Tables of what was measured, as Markdown."""
    columns = ["recipe", "command", "steps", "s", "steps/s", "peak GB"]
    trainings = [
        [
            each["recipe"],
            f"`{each['command']}`",
            each.get("steps"),
            tables.digits(each.get("seconds"), "{:.0f}"),
            tables.digits(each.get("rate")),
            tables.digits(each.get("gigabytes"), "{:.2f}"),
        ]
        for each in run["recipes"]
    ]
    measures = [
        [each["recipe"], each.get("steps"), found["name"]]
        + [tables.digits(found.get(key), "{:.4g}") for key in ("value", "low", "high", "real")]
        for each in run["recipes"]
        for found in each["measures"]
    ]
    parts = [tables.table(columns, trainings)]
    if measures:
        parts.append(tables.table(["recipe", "steps", "measure", "value", "low", "high", "real images"], measures))
    parts += [f"![{title}]({file})" for title, file in run.get("pictures", ())]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
