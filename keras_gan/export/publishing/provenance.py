"""The origin of a generator: what its run folder says of the training, and what the weights are."""

import hashlib
import os
from pathlib import Path

from keras_gan.export import loading
from keras_gan.files.run_folder import RunFolder


def training(path: str | os.PathLike) -> dict:
    """Facts about a saved model's training, from the files beside it.

    Whatever is missing stays `None`: a `.keras` file may lie anywhere.

    Args:
        path: Path of the `.keras` file.

    Returns:
        Dictionary of `file`, `sha256`, and `run`, the name of its folder; `config`, what of the run's flags is about
        the training; `steps`, when this model was saved; `last_step` and `seconds` of the whole run; `logged`, the last
        entry of the history that is not later than `steps`; and `metrics`, evaluations, each with the record of how it
        was made.

    Raises:
        ValueError: If one of the files is damaged.
    """
    path = loading.place_of(path).absolute()
    run = RunFolder(path.parent)
    config, result, steps = run.public_config(), run.result() or {}, run.step_of(path)
    entries = [] if steps is None else [entry for entry in run.history() if entry["step"] <= steps]
    return {
        "file": path.name,
        "sha256": file_digest(path),
        "run": run.path.name if config else None,
        "config": config,
        "steps": steps,
        "last_step": result.get("steps"),
        "seconds": result.get("seconds"),
        "logged": entries[-1] if entries else None,
        "metrics": run.metrics(),
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
