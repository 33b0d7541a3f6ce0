"""Folders of numbered versions as TensorFlow Serving watches them, and the files that configure it."""

import contextlib
import errno
import os
import re
import shlex
import tempfile
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


def versions(base: str | os.PathLike) -> list[int]:
    """The versions in a folder: those of its folders with a SavedModel that are named by an integer.

    Args:
        base: Path.

    Returns:
        Sorted list of integers.
    """
    found = (path for path in Path(base).iterdir() if (path / "saved_model.pb").is_file())
    return sorted(int(path.name) for path in found if _is_number(path.name) and not path.is_symlink())


def _is_number(name):
    """Tells whether a server takes the name for a version, written in the one way that this package writes it."""
    return re.fullmatch(r"0|[1-9][0-9]*", name, re.ASCII) is not None and int(name) <= _LARGEST


@contextlib.contextmanager
def stage(base: str | os.PathLike) -> Iterator[Path]:
    """Yields the path of a folder to make, on the file system of a folder of versions, where no server looks for one.

    Args:
        base: Path of the folder of versions, which need not exist yet.

    Yields:
        A path. If it is still there in the end, it is removed.

    Raises:
        ValueError: If nothing can be written there.
    """
    base = Path(base).absolute()
    if base.exists() and not base.is_dir():
        raise ValueError(f"Versions are published to a folder. Received: {base}, which is a file")
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=atomic.nearest_folder(base / "1")) as folder:
        yield Path(folder, "new")


def release(folder: str | os.PathLike, base: str | os.PathLike) -> Path:
    """Makes a finished folder the next version, in one step: a server sees all of it, or nothing.

    Several processes may do this at once. A version is a new name, for any folder that is not empty makes the renaming
    fail, which is then tried with a higher number.

    Args:
        folder: Path, on the file system of `base`.
        base: Path of the folder of versions, made if it is missing.

    Returns:
        Path of the version.
    """
    Path(base).mkdir(parents=True, exist_ok=True)
    while True:
        taken = [int(path.name) for path in Path(base).iterdir() if re.fullmatch("[0-9]+", path.name)]
        version = Path(base, str(1 + max((number for number in taken if number < _LARGEST), default=0)))
        try:
            Path(folder).rename(version)
            return version
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise


def prune(base: str | os.PathLike, keep: int) -> list[Path]:
    """Removes the oldest versions.

    Args:
        base: Path of the folder of versions.
        keep: How many to keep. 0 keeps all, and the newest is never removed.

    Returns:
        List of the paths that were removed.
    """
    removed = []
    for version in versions(base)[:-keep] if keep else []:
        path = Path(base, str(version))
        # Out of the server's sight first: it must never find half a version.
        with tempfile.TemporaryDirectory(prefix=".removed-", dir=base) as folder:
            try:
                path.rename(Path(folder, "old"))
            except FileNotFoundError:  # Another process was faster.
                continue
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
    with contextlib.suppress(FileExistsError), file.open("x", encoding="utf-8") as config:
        config.write(text)


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
