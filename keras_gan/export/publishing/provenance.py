"""The origin of a generator: what its run folder says of the training, and what the weights are."""

import hashlib
import json
import os
from pathlib import Path

# Flags that say something about the machine, not about the training; an export is given to others.
PRIVATE_FLAGS = ("out", "data_dir", "tpu_name", "tpu_zone", "tpu_project")


def training(path: str | os.PathLike) -> dict:
    """Facts about a saved model's training, from the files beside it.

    A run folder holds `config.json` (flags and a fingerprint of the data), `result.json` (steps and seconds),
    `history.jsonl` (logged means) and `metrics.json` (evaluations, each with the record of how it was made). Whatever
    is missing stays `None`: a `.keras` file may lie anywhere.

    Args:
        path: Path of the `.keras` file.

    Returns:
        Dictionary of `file`, `sha256`, and `run`, `config`, `steps`, `seconds`, `logged` (the last entry of the
        history that is not later than `steps`) and `metrics` (the file as it is).

    Raises:
        ValueError: If one of the files is damaged.
    """
    path = Path(path).absolute()
    folder = path.parent
    config = _read_json(folder / "config.json") or {}
    result = _read_json(folder / "result.json") or {}
    steps = result.get("steps")
    if steps is not None and (type(steps) is not int or steps < 0):
        raise _damaged(folder / "result.json")
    return {
        "file": path.name,
        "sha256": file_digest(path),
        "run": folder.name if config else None,
        "config": {name: value for name, value in config.items() if name not in PRIVATE_FLAGS} or None,
        "steps": steps,
        "seconds": result.get("seconds"),
        "logged": _last_entry(folder / "history.jsonl", steps),
        "metrics": _read_json(folder / "metrics.json", kinds=(dict, list)),
    }


def file_digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digests(folder: str | os.PathLike) -> dict[str, dict]:
    """SHA-256 and size of every file in a folder, by its path in it."""
    folder = Path(folder)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): {"sha256": file_digest(file), "bytes": file.stat().st_size}
        for file in files
    }


def _read_json(file, kinds=(dict,)):
    if not file.is_file():
        return None
    try:
        contents = json.loads(file.read_text("utf-8"))
        if isinstance(contents, kinds):
            return contents
    except (ValueError, RecursionError):
        pass
    raise _damaged(file)


def _damaged(file):
    return ValueError(f"{file} is damaged: restore it, or copy the model to a folder of its own and export it there.")


def _last_entry(file, steps):
    """The last log entry up to a step. A history may be ahead of the model, where a run went on and was stopped."""
    if not file.is_file() or steps is None:
        return None
    entries = []
    for line in file.read_text("utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            if entry["step"] <= steps:
                entries.append(entry)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # What a process that was killed may have left as a last line.
    return entries[-1] if entries else None
