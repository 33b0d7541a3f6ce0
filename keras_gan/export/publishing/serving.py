"""Folders of numbered versions as TensorFlow Serving watches them, and the files that configure it."""

import contextlib
import errno
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from keras_gan.files import atomic

IMAGE = "tensorflow/serving:2.21.0"  # Of the TensorFlow that writes the SavedModels.
BATCHING = "batching_params.pbtxt"
MODELS_CONFIG = "models.config"
_LARGEST = 2**63 - 1  # Versions are 64-bit integers to the server.

_BATCHING_PARAMETERS = """\
# Requests of up to 1024 rows, computed up to 64 rows at a time. Without allowed_batch_sizes nothing is padded: the
# signatures take any number of rows.
max_batch_size { value: 1024 }
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 64 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 100 }
"""

_MODELS_CONFIG = """\
# For --model_config_file, with this folder mounted as /models/%(name)s.
model_config_list {
  config {
    name: "%(name)s"
    base_path: "/models/%(name)s"
    model_platform: "tensorflow"
    model_version_policy { latest { num_versions: 1 } }
  }
}
"""


def check_name(name: str) -> str:
    """Returns a model's name if it can be part of a URL as it is, and raises `ValueError` otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError(
            "A model's name must consist of letters, digits, '.', '_' and '-', and begin with a letter or digit. "
            f"Received: name={name!r}"
        )
    return name


def numbered(base: str | os.PathLike) -> list[int]:
    """The numbers that a server takes for versions: all that are names in a folder, whether or not they can be loaded.

    Args:
        base: Path.

    Returns:
        Sorted list of integers.
    """
    names = [path.name for path in Path(base).iterdir() if not path.is_symlink()]
    return sorted(int(name) for name in names if _is_number(name))


def versions(base: str | os.PathLike) -> list[int]:
    """The versions in a folder: those of its folders with a SavedModel that are named by an integer.

    Args:
        base: Path.

    Returns:
        Sorted list of integers.
    """
    # Unlike the method of a path, this is also false where there is no permission to look.
    return [number for number in numbered(base) if os.path.isfile(Path(base, str(number), "saved_model.pb"))]  # noqa: PTH113


def _is_number(name):
    """Tells whether a server takes the name for a version, written in the one way that this package writes it."""
    return re.fullmatch(r"0|[1-9][0-9]*", name, re.ASCII) is not None and int(name) <= _LARGEST


@contextlib.contextmanager
def stage(base: str | os.PathLike) -> Iterator[Path]:
    """Yields the path of a folder to make, on the file system of a folder of versions, where no server looks for one.

    Args:
        base: Path of the folder of versions, which need not exist yet.

    Yields:
        A path. If it is still there in the end, it is removed; if the process is killed before, by the next `stage`.

    Raises:
        ValueError: If nothing can be written there, or no number is left.
    """
    base = Path(base).absolute()
    if base.exists() and not base.is_dir():
        raise ValueError(f"Versions are published to a folder. Received: {base}, which is a file")
    if base.exists():
        _next(base)
    with atomic.workspace(atomic.nearest_folder(base / "1")) as folder:
        yield folder / "new"


def release(folder: str | os.PathLike, base: str | os.PathLike) -> Path:
    """Makes a finished folder the next version, in one step: a server sees all of it, or nothing.

    Several processes may do this at once: one at a time has the lock of `base`, and its number is larger than any that
    was there before. Other programs know nothing of the lock: where a number is taken meanwhile, the renaming fails,
    for nothing replaces a folder that is not empty, and the next one is tried.

    Args:
        folder: Path, on the file system of `base`.
        base: Path of the folder of versions, made if it is missing.

    Returns:
        Path of the version.
    """
    Path(base).mkdir(parents=True, exist_ok=True)
    with atomic.locked(base):
        while True:
            version = Path(base, str(_next(base)))
            try:
                Path(folder).rename(version)
                return version
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise


def _next(base):
    """The number after all that a server may take for versions."""
    taken = [int(path.name) for path in Path(base).iterdir() if re.fullmatch("[0-9]+", path.name)]
    newest = max((number for number in taken if number <= _LARGEST), default=0)
    if newest == _LARGEST:
        raise ValueError(f"Versions are counted up to {_LARGEST}, which {base} has: remove it, or publish elsewhere.")
    return newest + 1


def prune(base: str | os.PathLike, keep: int) -> list[Path]:
    """Removes the oldest versions.

    Args:
        base: Path of the folder of versions.
        keep: How many to keep. 0 keeps all, and the newest is never removed.

    Returns:
        List of the paths that were removed.
    """
    old = versions(base)[:-keep] if keep else []
    if not old:
        return []
    removed = []
    # Out of the server's sight first: it must never find half a version.
    with atomic.workspace(base) as folder:
        for version in old:
            path = Path(base, str(version))
            with contextlib.suppress(FileNotFoundError):  # Another process may be faster.
                path.rename(folder / path.name)
                removed.append(path)
    return removed


def write_batching_parameters(folder: str | os.PathLike) -> None:
    """Writes the batching parameters of a version into its folder."""
    Path(folder, BATCHING).write_text(_BATCHING_PARAMETERS, encoding="utf-8")


def write_models_config(base: str | os.PathLike, name: str) -> None:
    """Configures the server for a folder of versions, unless there is a configuration, which someone may have edited.

    Args:
        base: Path of the folder of versions.
        name: Name of the model.
    """
    file = Path(base, MODELS_CONFIG)
    text = _MODELS_CONFIG % {"name": check_name(name)}
    with atomic.locked(base):
        if not file.exists():
            with atomic.write_file(file) as new:
                new.write_text(text, encoding="utf-8")


def docker_command(base: str | os.PathLike, name: str) -> str:
    """The command that serves a folder of versions: gRPC on port 8500, REST on port 8501.

    Args:
        base: Path of the folder of versions.
        name: Name of the model.

    Returns:
        One line for a shell.
    """
    mount = f"type=bind,source={Path(base).absolute()},target=/models/{name},readonly"
    return (
        f"docker run --rm -p 8500:8500 -p 8501:8501 --mount {shlex.quote(mount)} {IMAGE} "
        f"--model_config_file=/models/{name}/{MODELS_CONFIG}"
    )
