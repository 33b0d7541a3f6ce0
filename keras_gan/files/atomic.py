"""Writing all of a result, or nothing."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Not on Windows.
    fcntl = None

_PREFIX = ".staging-"


def nearest_folder(path):
    """The folder closest to where `path` is to be, which need not exist yet.

    Args:
        path: Path of something to write.

    Returns:
        `pathlib.Path` of the deepest folder on the way to `path` that exists.

    Raises:
        ValueError: If nothing can be created in it, which is better known before the work than after it.
    """
    path = Path(path).absolute()
    nearest = next(folder for folder in path.parents if folder.exists())
    if not nearest.is_dir():
        raise ValueError(f"{path} cannot be written: {nearest} is a file, not a folder. Choose another path.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ValueError(f"{path} cannot be written: there is no permission to write to {nearest}.")
    return nearest


@contextlib.contextmanager
def locked(folder, wait=True):
    """Holds the lock of a folder, which the system releases when its owner ends, however it ends.

    Nothing is written: the lock is the folder's own. Threads of a process exclude each other, too.

    Args:
        folder: Path of a folder.
        wait: Whether to wait for whoever holds the lock.

    Yields:
        `True`, `False` where another holds it, or `None` where the system or the file system has no such locks.
    """
    if fcntl is None:
        yield None
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield try_lock(handle, wait=wait)
    finally:
        os.close(handle)


def try_lock(file, exclusive=True, wait=False):
    """Locks an open file or folder, which the system gives back when it is closed or its owner ends.

    Args:
        file: File object or file descriptor.
        exclusive: Whether others may not have a lock that is not exclusive meanwhile.
        wait: Whether to wait for whoever holds it.

    Returns:
        `True`, `False` where another holds it, or `None` where the system or the file system has no such locks.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # NFS, for one, locks only what is open for writing.
        return None
    return True


@contextlib.contextmanager
def workspace(parent):
    """Yields a new hidden folder, which is removed in the end, or by a later workspace if its process is killed.

    Args:
        parent: Path of an existing folder, in which it is made.

    Yields:
        `pathlib.Path`.
    """
    _remove_abandoned(parent)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    with locked(new):
        # It has a name that others look for once it has an owner.
        folder = new.rename(new.with_name(new.name.replace(".new-", _PREFIX, 1)))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent):
    for folder in Path(parent).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), locked(folder, wait=False) as mine:
            if mine:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def write_folder(out, overwrite=False):
    """Yields a path to write a file or folder to, which becomes `out` only if no exception is raised.

    Args:
        out: Path of the result; missing parents are created with it.
        overwrite: Whether an existing file or SavedModel may be replaced.

    Yields:
        A path in a hidden temporary folder on the file system of `out`.

    Raises:
        ValueError: If `out` exists and may not be replaced, or nothing can be written there.
    """
    out = Path(out).absolute()
    if out.exists() and not overwrite:
        raise ValueError(f"{out} exists already; choose another path, or replace it: overwrite=True, --overwrite.")
    if out.is_dir() and not (out / "saved_model.pb").is_file():
        raise ValueError(f"{out} is a folder without a SavedModel, which is never overwritten.")
    nearest = nearest_folder(out)
    with _named(out), workspace(nearest) as staging:
        new = staging / "new"
        yield new
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.is_dir():  # A folder can only be renamed to a path that is free or empty.
            out.rename(staging / "old")
        new.replace(out)


@contextlib.contextmanager
def write_file(path):
    """Yields a path beside `path` to write a file to, which takes its place only if no exception is raised.

    Whatever happens, `path` is the old file or the new one, and never half of it. The path is always the same, so that
    the next writer uses again what a process that was killed has left.

    Args:
        path: `pathlib.Path` of the file.

    Yields:
        A path with the suffix of `path`.
    """
    partial = path.with_name(f".partial.{path.name}")
    try:
        with _named(path):
            yield partial
            partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _named(path):
    """Gives an error of writing, such as that of a full disk, the name of the file, which the system leaves out."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(f"{path} could not be written: {error.strerror}") from None


def write_text(path, text):
    """Writes a text file so that it is the old one or the new one, and never half of it."""
    with write_file(path) as partial:
        partial.write_text(text, "utf-8")
