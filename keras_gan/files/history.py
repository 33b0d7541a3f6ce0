"""Histories of runs: files of JSON lines, an entry a step, that a run appends to and a resumed run goes on with."""

import json
from pathlib import Path

from keras_gan.files import atomic, schema

_ENTRY = schema.table(step=schema.number())


def append(file, entry):
    """Appends an entry.

    Args:
        file: Path; created if need be.
        entry: Dictionary with the key `"step"`.
    """
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(entry) + "\n")


def read(file):
    """Reads a history.

    Args:
        file: Path; it need not exist.

    Returns:
        The entries, a list of dictionaries, without what a process that was killed left of a last one.

    Raises:
        ValueError: If a line is no entry.
    """
    file = Path(file)
    lines = file.read_text("utf-8", errors="replace").splitlines(keepends=True) if file.is_file() else []
    entries = []
    for number, line in enumerate(lines, start=1):
        entry = _entry(line)
        if entry is not None:
            entries.append(entry)
        elif number < len(lines) or line.endswith("\n"):
            raise ValueError(f"{file} is damaged in line {number}: start its run again, which drops that line.")
    return entries


def columns(entries):
    """The entries of a history as a dictionary of lists, `None` where an entry lacks what the last one has.

    Example:

    >>> keras_gan.files.history.columns([{"step": 1}, {"step": 2, "r1": 0.5}])
    {'step': [1, 2], 'r1': [None, 0.5]}
    """
    return {name: [entry.get(name) for entry in entries] for name in (entries[-1] if entries else ())}


def forget(file, keep):
    """Drops entries, which a resumed run writes again, and lines that are none.

    Args:
        file: Path; it need not exist.
        keep: Function of a step that says whether its entry stays.
    """
    file = Path(file)
    if not file.is_file():
        return
    text = file.read_text("utf-8", errors="replace")
    entries = ((line, _entry(line)) for line in text.splitlines())
    kept = "".join(line + "\n" for line, entry in entries if entry is not None and keep(entry["step"]))
    if kept != text:
        with atomic.write_file(file) as partial:
            partial.write_text(kept, "utf-8")


def _entry(line):
    """The entry in a line, or `None`."""
    try:
        return schema.parse(line, _ENTRY)
    except ValueError:
        return None
