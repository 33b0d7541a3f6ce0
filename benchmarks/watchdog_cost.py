"""The share of training time that the watchdog costs, for two recipes at their default interval.

    python -m benchmarks.watchdog_cost

Steps and looks alternate in one run; medians. The first look, which compiles, is reported apart.
"""

import dataclasses
import itertools
import statistics
import sys
import tempfile
import time

import keras

from benchmarks import tables
from keras_gan import callbacks, data
from keras_gan.cli import option
from trainers import dcgan, mlp_gan


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    rounds: int = option(6, "Looks of the watchdog, with the first.", low=2)
    steps: int = option(12, "Training steps before each.", low=2)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains and looks in turn.

    Returns:
        Dictionary of `recipes`, a list of dictionaries: the `recipe`, seconds of a `step`, of a `look` and of the
        `first` one, `every`, the steps between looks, and `share`, that of looks in the time.
    """
    recipes = []
    held_out = data.open_source("mnist5k", "test")
    for name, recipe in (("dcgan", dcgan), ("mlp_gan", mlp_gan)):
        chosen = recipe.Config()
        dataset, spec = data.load("mnist5k", batch_size=chosen.batch_size, repeat=True)
        gan = recipe.build(chosen, spec)
        steps, looks = [], []
        with tempfile.TemporaryDirectory() as folder:
            watchdog = callbacks.Watchdog(
                "mnist5k", chosen.log_every, held_out=held_out, classes="mnist_classifier", folder=folder
            )
            watchdog.set_model(gan)
            moments = []
            clock = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs, moments=moments: moments.append(time.perf_counter())
            )
            for _ in range(config.rounds):
                moments.clear()
                gan.fit(dataset, steps_per_epoch=config.steps, verbose=0, callbacks=[clock])
                steps += [later - earlier for earlier, later in itertools.pairwise(moments)]
                began = time.perf_counter()
                watchdog.at_step(int(gan.step.numpy()), {})
                looks.append(time.perf_counter() - began)
        step, look = statistics.median(steps), statistics.median(looks[1:])
        share = look / (look + step * chosen.log_every)
        found = {"recipe": name, "step": step, "look": look, "first": looks[0], "every": chosen.log_every}
        recipes.append({**found, "share": share})
    return {"recipes": recipes}


def render(run):
    """Tables of what was measured, as Markdown."""
    columns = ["recipe", "step, ms", "look, ms", "first look, s", "steps between looks", "share of the time, %"]
    rows = [
        [
            each["recipe"],
            *(tables.digits(each[key] and 1000 * each[key]) for key in ("step", "look")),
            tables.digits(each["first"]),
            each["every"],
            f"{100 * each['share']:.2g}",
        ]
        for each in run["recipes"]
    ]
    return tables.table(columns, rows)


if __name__ == "__main__":
    main()
