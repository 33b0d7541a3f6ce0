"""Files of what slow networks saw of real images, so that the next process need not look again."""

import contextlib
import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np

from keras_gan.files import atomic

MOST = 8  # files that are kept, the newest


def folder():
    """The folder of what is kept between processes.

    Returns:
        `pathlib.Path`: that of the environment variable `KERAS_GAN_CACHE`, or `~/.cache/keras_gan`.
    """
    return Path(os.environ.get("KERAS_GAN_CACHE") or Path.home() / ".cache" / "keras_gan")


def kept(key, compute):
    """The arrays that an earlier call with an equal key computed, in this process or another; or `compute()`.

    A file that cannot be read or written costs nothing but the time to compute.

    Args:
        key: Anything whose `repr` says what the arrays depend on.
        compute: Function without arguments that returns a dictionary of arrays.

    Returns:
        Dictionary of arrays.

    Example:

    >>> import os, tempfile
    >>> os.environ["KERAS_GAN_CACHE"] = tempfile.mkdtemp()
    >>> [int(keras_gan.metrics.features.cache.kept("key", lambda: {"n": np.array(n)})["n"]) for n in (1, 2)]
    [1, 1]
    >>> del os.environ["KERAS_GAN_CACHE"]
    """
    place = folder() / "features"
    file = place / f"{hashlib.sha256(repr(key).encode()).hexdigest()}.npz"
    with contextlib.suppress(OSError, ValueError, zipfile.BadZipFile), np.load(file) as stored:
        found = dict(stored)
        os.utime(file)
        return found
    arrays = compute()
    with contextlib.suppress(OSError, ValueError):
        place.mkdir(parents=True, exist_ok=True)
        with atomic.write_file(file) as partial, partial.open("wb") as out:
            np.savez(out, **arrays)
        for old in sorted(place.glob("*.npz"), key=lambda each: each.stat().st_mtime)[:-MOST]:
            old.unlink()
    return arrays
