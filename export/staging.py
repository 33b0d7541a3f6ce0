"""Writing all of a result, or nothing."""

import contextlib
import tempfile
from pathlib import Path


@contextlib.contextmanager
def staged(out, overwrite=False):
    """Yields a path to write a file or folder to, which becomes `out` only if no exception is raised.

    Args:
        out: Path of the result; missing parents are created with it.
        overwrite: Whether an existing file or SavedModel may be replaced.

    Yields:
        A path in a hidden temporary folder on the file system of `out`.

    Raises:
        ValueError: If `out` exists and may not be replaced.
    """
    out = Path(out).absolute()
    if out.exists() and not overwrite:
        raise ValueError(f"{out} exists already; choose another path, or pass --overwrite to replace it.")
    if out.is_dir() and not (out / "saved_model.pb").is_file():
        raise ValueError(f"{out} is a folder without a SavedModel, which --overwrite does not replace.")
    existing = next(folder for folder in out.parents if folder.exists())
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=existing) as staging:
        new = Path(staging, "new")
        yield new
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.is_dir():  # A folder can only be renamed to a path that is free or empty.
            out.rename(Path(staging, "old"))
        new.replace(out)
