"""Time and memory of a step, over numbers of images, numbers of epochs, and the length of training.

    python -m benchmarks.scaling

- the time of a step, epoch ends included, on 1,000 to 60,000 images;
- the same number of steps in one epoch and in many, and hence the time of an epoch's end;
- memory in use over 10,000 steps of a small GAN;
- images a second that the data pipeline alone delivers.

`benchmarks/startup.py` has the seconds before the first step, `benchmarks/checkpoints.py` and `watchdog_cost.py` what
runs beside the steps.
"""

import dataclasses
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np

import keras_gan
from benchmarks import tables
from keras_gan.cli import option

BATCH = 50


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    examples: str = option("1000,10000,60000", "Sizes of data sets, with commas; multiples of 50.")
    steps: int = option(1200, "Steps for each of them, and for one epoch and many.", low=20)
    rounds: int = option(3, "How often each is timed, in turn.", low=1)
    long: int = option(10_000, "Steps over which memory is watched.", low=10)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Measures everything.

    Returns:
        Dictionary of `steps`, a list of dictionaries of milliseconds a step by number of images; `end_of_epoch`,
        milliseconds; `memory`, pairs of a step and MiB; and `pipeline`, pairs of a kind and images a second.
    """
    sizes = [int(size) for size in config.examples.split(",")]
    if any(size < BATCH or size % BATCH for size in sizes):
        raise ValueError(f"--examples must be multiples of {BATCH}. Received: --examples={config.examples}")
    gan = build()
    # Compiles.
    fit(gan, 4 * BATCH, 4)
    cases = {(size, max(1, config.steps * BATCH // size)): [] for size in sizes}
    for _ in range(config.rounds):
        for (size, epochs), times in cases.items():
            times.append(1000 * fit(gan, size, epochs))
    steps = [
        {
            "images": size,
            "epochs": epochs,
            "steps": epochs * size // BATCH,
            "milliseconds": statistics.median(times),
            "least": min(times),
            "most": max(times),
        }
        for (size, epochs), times in cases.items()
    ]
    end = 1000 * end_of_epoch(gan, config.steps, config.rounds)
    marks = [round(config.long * share / 10) for share in range(11)]
    used = list(zip(marks, memory(gan, config.long), strict=True))
    rates = [["endless", pipeline(True)], ["in epochs", pipeline(False)]]
    return {"steps": steps, "end_of_epoch": end, "memory": used, "pipeline": rates}


def render(run):
    """Tables of what was measured, as Markdown."""
    columns = ["images", "epochs", "steps", "ms a step, median of rounds", "least", "most"]
    rows = [
        [
            each["images"],
            each["epochs"],
            each["steps"],
            *(tables.digits(each.get(key), "{:.2f}") for key in ("milliseconds", "least", "most")),
        ]
        for each in run["steps"]
    ]
    parts = [tables.table(columns, rows)]
    if "end_of_epoch" in run:
        parts.append(tables.table(["an epoch's end, ms"], [[f"{run['end_of_epoch']:.1f}"]]))
    parts.append(tables.table(["step", "memory, MiB"], [[step, f"{used:.0f}"] for step, used in run["memory"]]))
    rates = [[kind, f"{rate:,.0f}"] for kind, rate in run["pipeline"]]
    return "\n\n".join([*parts, tables.table(["pipeline of 20,000 images 32x32x3, batch 128", "images/s"], rates)])


def build():
    """A GAN whose step takes little time, so that what is beside it shows."""
    gan = keras_gan.GAN(
        keras_gan.networks.MLPGenerator(image_shape=(28, 28, 1), latent_dim=16, hidden_units=(64,)),
        keras_gan.networks.MLPDiscriminator(image_shape=(28, 28, 1), hidden_units=(64,)),
    )
    gan.compile(keras_gan.optimizers.Adam(1e-4), keras_gan.optimizers.Adam(1e-4))
    return gan


def fit(gan, examples, epochs):
    """Seconds a step of a whole `fit`, from the end of its first step to its return."""
    images = np.random.RandomState(0).randint(0, 256, (examples, 28, 28, 1), np.uint8)
    dataset, _ = keras_gan.data.load(images, batch_size=BATCH)
    moments = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: moments.append(time.perf_counter()) if len(moments) < 1 else None
    )
    gan.fit(dataset, epochs=epochs, verbose=0, callbacks=[clock])
    return (time.perf_counter() - moments[0]) / (epochs * examples // BATCH - 1)


def end_of_epoch(gan, steps, rounds):
    """Seconds that an epoch's end takes, the median over rounds of the difference between many epochs and one."""
    found = []
    for _ in range(rounds):
        one, many = fit(gan, steps * BATCH, 1), fit(gan, 20 * BATCH, steps // 20)
        found.append((many * (steps // 20 * 20 - 1) - one * (steps - 1)) / (steps // 20 - 1))
    return statistics.median(found)


def memory(gan, steps):
    """Resident MiB of this process at the start and after every tenth of one long epoch."""
    images = np.random.RandomState(0).randint(0, 256, (1000, 28, 28, 1), np.uint8)
    dataset, _ = keras_gan.data.load(images, batch_size=BATCH, repeat=True)
    used, marks = [resident()], [round(steps * share / 10) for share in range(1, 11)]

    def note(batch, logs):
        if len(used) <= 10 and batch + 1 >= marks[len(used) - 1]:
            used.append(resident())

    watch = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    gan.fit(dataset, steps_per_epoch=steps, verbose=0, callbacks=[watch])
    return used


def pipeline(repeat, examples=20_000, batch=128, seconds=3.0):
    """Images per second of `keras_gan.data.load` on an array in memory, nothing being done with them.

    Args:
        repeat: Whether the dataset is endless.
        examples: Images in memory.
        batch: Images in a batch.
        seconds: For how long, at least.
    """
    images = np.random.RandomState(0).randint(0, 256, (examples, 32, 32, 3), np.uint8)
    dataset, _ = keras_gan.data.load(images, batch_size=batch, repeat=repeat)
    # Fills what is shuffled.
    next(iter(dataset))
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in dataset.take(examples // batch):
            count += batch
    return count / (time.perf_counter() - began)


def resident():
    """MiB of memory that this process uses now."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no VmRSS: memory is measured on Linux only.")


if __name__ == "__main__":
    main()
