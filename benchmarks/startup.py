"""Seconds from the start of a process to the first training step of the default recipe, and where they go.

    python -m benchmarks.startup

Phases are timed in fresh processes, as `trainers.dcgan` goes through them; medians. The last line is what the trainer
itself reports.
"""

import dataclasses
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks import tables
from keras_gan.cli import option

ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    rounds: int = option(3, "Processes of each kind.", low=1)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Medians of some runs.

    Returns:
        Dictionary of `phases`, a dictionary to seconds, and `trainer`, the seconds that `trainers.dcgan` reports.
    """
    rounds = range(config.rounds)
    probes = [json.loads(_output("benchmarks.startup_phases").splitlines()[-1]) for _ in rounds]
    reports = [_output("trainers.dcgan", "--dry_run", "--precision=float32") for _ in rounds]
    seconds = [float(re.search(r"first step after ([0-9.]+) s", report)[1]) for report in reports]
    phases = {name: statistics.median(probe[name] for probe in probes) for name in probes[0]}
    return {"phases": phases, "trainer": statistics.median(seconds)}


def render(run):
    """Seconds as Markdown."""
    rows = [*run["phases"].items(), ("first step, as the trainer reports", run["trainer"])]
    return tables.table(["phase", "s"], [[name, f"{seconds:.3g}"] for name, seconds in rows])


def _output(module, *arguments):
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, cwd=ROOT
    ).stdout


if __name__ == "__main__":
    main()
