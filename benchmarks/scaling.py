"""Whether a step costs the same however much data there is, however many epochs, and however long training goes on.

    python -m benchmarks.scaling

- the time of a step, epoch ends included, on 1,000 to 60,000 images;
- the same number of steps in one epoch and in many, and hence the time of an epoch's end;
- memory in use over 10,000 steps of a small GAN.

`benchmarks/startup.py` has the seconds before the first step, `benchmarks/checkpoints.py` and `watchdog_cost.py` what
runs beside the steps.
"""

import dataclasses
import statistics
import time
from pathlib import Path

import keras
import numpy as np

import keras_gan
from keras_gan import cli
from keras_gan.cli import option

BATCH = 50


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags."""

    examples: str = option("1000,10000,60000", "Sizes of data sets, with commas; multiples of 50.")
    steps: int = option(1200, "Steps for each of them, and for one epoch and many.", low=20)
    rounds: int = option(3, "How often each is timed, in turn.", low=1)
    long: int = option(10_000, "Steps over which memory is watched.", low=10)


def main(argv=None):
    """Measures and prints."""
    config, _ = cli.parse(Config, "python -m benchmarks.scaling", __doc__, argv)
    cli.run(lambda: _measure_all(config))


def _measure_all(config):
    sizes = [int(size) for size in config.examples.split(",")]
    if any(size < BATCH or size % BATCH for size in sizes):
        raise ValueError(f"--examples must be multiples of {BATCH}. Received: --examples={config.examples}")
    gan = build()
    # Compiles.
    fit(gan, 4 * BATCH, 4)
    print("| images | epochs | steps | ms a step, median of rounds | least to most |\n|---|---|---|---|---|")
    cases = {(size, max(1, config.steps * BATCH // size)): [] for size in sizes}
    for _ in range(config.rounds):
        for (size, epochs), times in cases.items():
            times.append(fit(gan, size, epochs))
    for (size, epochs), times in cases.items():
        steps = epochs * size // BATCH
        print(
            f"| {size} | {epochs} | {steps} | {1000 * statistics.median(times):.2f} | "
            f"{1000 * min(times):.2f} to {1000 * max(times):.2f} |"
        )
    seconds = end_of_epoch(gan, config.steps, config.rounds)
    print(
        f"\nan epoch's end: {1000 * seconds:.1f} ms, from {config.steps} steps in 1 and in {config.steps // 20} epochs"
    )
    used = memory(gan, config.long)
    steps = [round(config.long * share / 10) for share in range(11)]
    print(
        f"\nmemory over {config.long} steps, MiB: "
        + ", ".join(f"{s}: {m:.0f}" for s, m in zip(steps, used, strict=True))
    )


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


def resident():
    """MiB of memory that this process uses now."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no VmRSS: memory is measured on Linux only.")


if __name__ == "__main__":
    main()
