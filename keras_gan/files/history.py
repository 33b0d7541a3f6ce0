"""Histories of runs: files of JSON lines, an entry a step, that a run appends to and a resumed run goes on with."""

import json
import math
from pathlib import Path

from keras_gan.files import atomic


def append(file, entry):
    """Appends an entry.

    Args:
        file: Path; created if need be.
        entry: Dictionary with the key `"step"`.
    """
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(entry) + "\n")


def read(file):
    """The entries of a history, a list of dictionaries; empty if there is no such file."""
    file = Path(file)
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def forget(file, keep):
    """Drops entries, which a resumed run writes again, and what a process that was killed left in place of one.

    Args:
        file: Path; it need not exist.
        keep: Function of a step that says whether its entry stays.
    """
    file = Path(file)
    if file.exists():
        kept = [line for line in file.read_text("utf-8", errors="replace").splitlines() if keep(_step_of(line))]
        with atomic.write_file(file) as partial:
            partial.write_text("".join(line + "\n" for line in kept), "utf-8")


def _step_of(line):
    """The step of an entry; infinity for what is none."""
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return math.inf
