"""Seconds from the start of a process to the first training step of the default recipe, and where they go.

    python -m benchmarks.startup

Phases are timed in fresh processes, as `trainers.dcgan` goes through them; medians. The last line is what the trainer
itself reports.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 3
_PROBE = "probe"


def main():
    """Measures and prints."""
    if sys.argv[1:] == [_PROBE]:
        print(json.dumps(probe()))
        return
    phases, trainer = measure(RUNS)
    for name, seconds in phases.items():
        print(f"{name:36} {seconds:6.2f} s")
    print(f"{'first step, as the trainer reports':36} {trainer:6.2f} s")


def measure(runs):
    """Medians of some runs.

    Args:
        runs: Their number.

    Returns:
        The pair of a dictionary from phases to seconds, and of the seconds that `trainers.dcgan` reports.
    """
    probes = [json.loads(_output("benchmarks.startup", _PROBE).splitlines()[-1]) for _ in range(runs)]
    reports = [_output("trainers.dcgan", "--dry_run", "--precision=float32") for _ in range(runs)]
    seconds = [float(re.search(r"first step after ([0-9.]+) s", report)[1]) for report in reports]
    phases = {name: statistics.median(probe[name] for probe in probes) for name in probes[0]}
    return {**phases, "sum": sum(phases.values())}, statistics.median(seconds)


def _output(module, *arguments):
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, cwd=ROOT
    ).stdout


def probe():
    """Goes from the imports to the second step in this process, and times each phase."""
    phases, began = {}, time.perf_counter()

    def note(name):
        nonlocal began
        now = time.perf_counter()
        phases[name], began = now - began, now

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy  # noqa: F401

    note("import numpy")
    import trainers  # noqa: F401

    note("import trainers: TensorFlow, Keras")
    import keras_gan
    from trainers import dcgan
    from trainers.engine import flags, hardware

    note("import the recipe")
    config = dcgan.Config(precision="float32")
    hardware.make_strategy(config)
    flags.configure_tensorflow(config)
    examples = flags.find(config)
    note("read the data")
    dataset, spec = keras_gan.data.load(examples, batch_size=config.batch_size, repeat=True)
    iterator = iter(dataset)
    next(iterator)
    note("first batch")
    gan = dcgan.build(config, spec)
    note("build the networks, compile")
    step = gan.make_train_function()
    step(iterator)
    note("trace, first step")
    step(iterator)
    # The same again, without tracing: the first step's own share.
    second = time.perf_counter() - began
    phases["trace"] = phases.pop("trace, first step") - second
    phases["first step"] = second
    return phases


if __name__ == "__main__":
    main()
