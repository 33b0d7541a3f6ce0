"""Seconds from the start of a process to the first training step of the default recipe, and where they go.

    python -m benchmarks.startup

Phases are timed in fresh processes, as `trainers.dcgan` goes through them; medians. Below is what the trainer itself
reports, and that of another version, `--before=CHECKOUT`, in turn with it; with `--before_python` what that version
installed is there too.
"""

import dataclasses
import json
import re
import shutil
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
    before: str = option("", "Checkout of another version of this package, whose trainer is asked in turn.")
    before_python: str = option("", "A Python for that version; this one by default.")


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Medians of some runs.

    Returns:
        Dictionary of `phases`, a dictionary to seconds, and `trainer`, the seconds that `trainers.dcgan` reports, as
        does that of `before`, which is `None` without one.
    """
    if config.before and not Path(config.before, "trainers").is_dir():
        raise ValueError(f"--before must be a checkout of this package. Received: --before={config.before}")
    if config.before_python and not shutil.which(config.before_python):
        raise ValueError(f"--before_python must be a Python. Received: --before_python={config.before_python}")
    rounds = range(config.rounds)
    probes = [json.loads(_output(ROOT, sys.executable, "benchmarks.startup_phases").splitlines()[-1]) for _ in rounds]
    sides = {"trainer": (ROOT, sys.executable)}
    if config.before:
        sides["before"] = Path(config.before), config.before_python or sys.executable
    seconds = {side: [] for side in sides}
    for _ in rounds:
        for side, (root, python) in sides.items():
            report = _output(root, python, "trainers.dcgan", "--dry_run", "--precision=float32")
            seconds[side].append(float(re.search(r"first step after ([0-9.]+) s", report)[1]))
    phases = {name: statistics.median(probe[name] for probe in probes) for name in probes[0]}
    return {"phases": phases, "before": None, **{side: statistics.median(each) for side, each in seconds.items()}}


def render(run):
    """Seconds as Markdown."""
    rows = [*run["phases"].items(), ("first step, as the trainer reports", run["trainer"])]
    if run.get("before"):
        rows.append(("the same of the version before", run["before"]))
    return tables.table(["phase", "s"], [[name, f"{seconds:.3g}"] for name, seconds in rows])


def _output(root, python, module, *arguments):
    command = [python, "-m", module, *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, cwd=root
    ).stdout


if __name__ == "__main__":
    main()
