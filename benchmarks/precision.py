"""Choices of `--precision=auto` for every recipe, and the speed of each in both precisions.

    python -m benchmarks.precision

Every recipe is started with its defaults and `--dry_run`, as a user would: once with `auto`, which prints what its
trial steps took and what it chose, and then in float32 and in bfloat16, whose steps per second the dry run measures
over ten steps, in turn, `--rounds` times; medians. The choice is right where bfloat16 was chosen and is faster by
that measure, or float32 was and bfloat16 is not faster by more than the margin of 1.15.
"""

import dataclasses
import re
import statistics
import subprocess
import sys

import tqdm

from benchmarks import tables
from keras_gan.cli import option
from trainers.engine.precision import MARGIN

RECIPES = ("dcgan", "conditional_gan", "mlp_gan", "wgan_gp", "sngan", "r3gan", "vae", "pix2pix", "cyclegan")
_CHOICE = re.compile(
    r"^precision: (\w+) \((?:.*a step takes ([\d.e+-]+) ms in bfloat16 and ([\d.e+-]+) ms in float32)?", re.M
)
_SPEED = re.compile(r"^speed: ([\d.e+-]+) steps/s", re.M)


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    recipes: str = option(",".join(RECIPES), "Recipes, separated by commas.")
    rounds: int = option(1, "How often each precision is measured, in turn.", low=1)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Starts every recipe.

    Returns:
        Dictionary of `recipes`, a list of dictionaries: `recipe`, `chosen`, `trial`, milliseconds of a trial step by
        precision, or `None`, and `speed`, steps per second by precision.
    """
    names = config.recipes.split(",")
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise ValueError(f"--recipes are of {list(RECIPES)}. Received: {unknown}")
    found = []
    for name in tqdm.tqdm(names, leave=False, disable=None):
        chosen, *trial = _CHOICE.search(_dry_run(name, "auto")).groups()
        speeds = {"float32": [], "bfloat16": []}
        for _ in range(config.rounds):
            for precision, each in speeds.items():
                each.append(float(_SPEED.search(_dry_run(name, precision))[1]))
        found.append(
            {
                "recipe": name,
                "chosen": chosen,
                "trial": dict(zip(("bfloat16", "float32"), map(float, trial), strict=True)) if all(trial) else None,
                "speed": {precision: statistics.median(each) for precision, each in speeds.items()},
            }
        )
    return {"recipes": found}


def _dry_run(name, precision):
    command = [sys.executable, "-m", f"trainers.{name}", "--dry_run", f"--precision={precision}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def is_right(each):
    """Tells whether a recipe's choice is that of its speeds."""
    ratio = each["speed"]["bfloat16"] / each["speed"]["float32"]
    return ratio > 1.0 if each["chosen"] == "bfloat16" else ratio < MARGIN


def render(run):
    """A row for each recipe, Markdown."""
    rows = []
    for each in run["recipes"]:
        trial, speed = each["trial"] or {}, each["speed"]
        rows.append(
            [
                each["recipe"],
                *(tables.digits(trial.get(name), "{:.4g}") for name in ("float32", "bfloat16")),
                each["chosen"],
                *(f"{speed[name]:.3g}" for name in ("float32", "bfloat16")),
                f"{speed['bfloat16'] / speed['float32']:.2f}",
                "yes" if is_right(each) else "no",
            ]
        )
    columns = ["trial, float32, ms", "trial, bfloat16, ms", "chosen", "float32, steps/s", "bfloat16, steps/s"]
    return tables.table(["recipe", *columns, "bfloat16 over float32", "right"], rows)


if __name__ == "__main__":
    main()
