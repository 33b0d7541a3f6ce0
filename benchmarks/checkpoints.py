"""The share of training time that checkpoints cost, for the default recipe at its default interval.

    python -m benchmarks.checkpoints

Steps and saves alternate in one run; medians.
"""

import dataclasses
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path

import keras

from benchmarks import tables
from keras_gan import callbacks, data
from keras_gan.cli import option
from trainers import dcgan


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    rounds: int = option(10, "Checkpoints.", low=1)
    steps: int = option(20, "Training steps before each.", low=2)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains and saves in turn.

    Returns:
        Dictionary of the medians `step` and `checkpoint`, in seconds; `every`, the steps between checkpoints; and
        `share`, that of checkpoints in the time.
    """
    recipe = dcgan.Config()
    dataset, spec = data.load("mnist5k", batch_size=recipe.batch_size, repeat=True)
    gan = dcgan.build(recipe, spec)
    steps, saves = [], []
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = callbacks.Checkpoint(Path(folder), every=recipe.checkpoint_every)
        checkpoint.set_model(gan)
        moments = []
        clock = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: moments.append(time.perf_counter())
        )
        for _ in range(config.rounds):
            moments.clear()
            gan.fit(dataset, steps_per_epoch=config.steps, verbose=0, callbacks=[clock])
            steps += [later - earlier for earlier, later in itertools.pairwise(moments)]
            began = time.perf_counter()
            checkpoint.at_step(int(gan.step.numpy()))
            saves.append(time.perf_counter() - began)
    step, save = statistics.median(steps), statistics.median(saves)
    share = save / (save + step * recipe.checkpoint_every)
    return {"step": step, "checkpoint": save, "every": recipe.checkpoint_every, "share": share}


def render(run):
    """Tables of what was measured, as Markdown."""
    row = [
        tables.digits(run["step"] and 1000 * run["step"]),
        f"{1000 * run['checkpoint']:.0f}",
        run["every"],
        f"{100 * run['share']:.2f}",
    ]
    return tables.table(["step, ms", "checkpoint, ms", "steps between them", "share of the time, %"], [row])


if __name__ == "__main__":
    main()
