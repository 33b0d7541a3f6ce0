"""Loaded versions of a model, and the folder that they come from."""

import contextlib
import gc
import logging
import os
import threading
import weakref
from pathlib import Path

import tensorflow as tf

from export.stand_in import memory, rest
from keras_gan.export.checks import signatures
from keras_gan.export.publishing import serving, warmup

SECONDS_TO_END = 30.0


class Version:
    """A loaded version that has run its warm-up requests.

    Args:
        base: Path of the folder of versions.
        number: Its number.

    Attributes:
        number: Likewise.
        signatures: Dictionary from the name of a signature to its inputs, a dictionary of `tf.TensorSpec`.
        row_bytes: Dictionary from the name of a signature to what one row of it needs, as `memory.of_row` has it.
        definitions: Dictionary from their names to `SignatureDef` protobufs.
        description: The signatures as `signatures.describe` has them.
        card: The contents of its `generator.json`, empty where it has none, or a damaged one, which a server does
            not read.

    Raises:
        ValueError: If it cannot be loaded, or a warm-up request fails.
    """

    def __init__(self, base, number):
        self.number = number
        folder = Path(base, str(number))
        try:
            # What was loaded must stay referenced: its signatures do not hold its variables.
            self._loaded = tf.saved_model.load(str(folder))
            self.signatures = {name: rest.input_specs(call) for name, call in self._loaded.signatures.items()}
            self.row_bytes = {name: memory.of_row(call) for name, call in self._loaded.signatures.items()}
            self.definitions = signatures.signature_defs(folder)
            self.description = signatures.describe(folder)
            for name, inputs in warmup.read(folder) if (folder / warmup.FILE).is_file() else []:
                self.run(name, inputs)
        except Exception as error:  # TensorFlow passes on whatever it runs into in a damaged file.
            raise ValueError(f"Version {number} cannot be served: {_words(error)}") from error
        try:
            self.card = signatures.read_card(folder)
        except ValueError as error:
            self.card = {}
            _say(f"Version {number} is served without its card: {error}")

    def run(self, name, inputs):
        """Output arrays of a signature.

        Raises:
            ValueError: If the graph refuses the inputs.
        """
        try:
            outputs = self._loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            # Without what Python adds around the message, for the server has none of it.
            message = error.message.rpartition("<stack traces unavailable>\n")[2].partition(" [Op:")[0]
            raise ValueError(message) from error
        return {key: value.numpy() for key, value in outputs.items()}


class Model:
    """A folder of versions, of which the newest is kept loaded. A context that watches it meanwhile.

    Args:
        name: The model's name in addresses.
        base: Path of the folder of versions.
        seconds: Between two looks at the folder.

    Attributes:
        name: Likewise.
        base: Likewise.
        current: The `Version` that answers, or `None`.
        states: Dictionary from the numbers of versions that were ever loaded, or should have been, to pairs of one of
            the server's words for where they are (`LOADING`, `AVAILABLE`, `END`) and an error's message or `""`.
    """

    def __init__(self, name, base, seconds=1.0):
        self.name = name
        self.base = Path(base)
        self.current = None
        self.states = {}
        self._seconds = seconds
        self._found = {}
        self._retired = []
        self._complaint = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def look(self):
        """Loads the newest version if it is not the one that is served.

        One that cannot be loaded is tried again when its files have changed since: it may have been found while it was
        being copied. Whether that goes on is seen by looking twice.
        """
        numbers = serving.numbered(self.base)
        self._found = {number: files for number, files in self._found.items() if number in numbers}
        for number in reversed(numbers):
            if self.current is not None and number == self.current.number:
                return
            if self._is_due(number) and self._load(number):
                return

    def _is_due(self, number):
        """True for a version to be loaded: the first time that it is found, or once its files changed and stayed."""
        files = _files(self.base / str(number))
        tried, seen = self._found.get(number, (None, None))
        due = tried is None or (files != tried and files == seen)
        self._found[number] = (files if due else tried, files)
        return due

    def _load(self, number):
        self._note(number, "LOADING")
        try:
            version = Version(self.base, number)
        except ValueError as error:
            self._note(number, "END", str(error))
            _say(f"{self.name}: {error}")
            return False
        # The one before answers until this line is done, and requests that it has begun to answer keep it.
        before, self.current = self.current, version
        self._note(number, "AVAILABLE")
        del self._found[number]  # Should it be needed again, it will be loaded again.
        if before is not None:
            self._note(before.number, "END")
            self._retired.append(weakref.ref(before))
        _say(f"{self.name}: serving version {number}.")
        return True

    def _note(self, number, state, message=""):
        # A new dictionary each time, because other threads read it.
        self.states = {**self.states, number: (state, message)}

    def _free(self):
        """Frees the memory of versions that no request uses any more: what TensorFlow loads are reference cycles."""
        if any(version() is None for version in self._retired):
            self._retired = [version for version in self._retired if version() is not None]
            gc.collect()

    def _watch(self):
        while not self._stop.wait(self._seconds):
            complaint = ""
            try:
                self.look()
                self._free()
            except OSError as error:  # The folder may come back.
                complaint = f"{self.base} cannot be read: {error}"
                if complaint != self._complaint:
                    _say(complaint)
            except Exception:  # Nothing ends the watching: the version that is loaded goes on, and so may a later one.
                logging.getLogger(__name__).exception("%s", self.base)
            self._complaint = complaint

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join(SECONDS_TO_END)  # It may be loading, from a disk that does not answer.


def _files(folder):
    """Facts that change when a version does: each of its files, with the size and the time of the last change."""
    paths, found = [folder], set()
    for root, folders, files in os.walk(folder):
        paths += [Path(root, name) for name in (*folders, *files)]
    for path in paths:
        with contextlib.suppress(OSError):  # It is gone, or there is no permission.
            status = path.stat()
            # Not the time of the last writing, which copying may keep and giving permission does not change.
            found.add((path, status.st_ino, status.st_size, status.st_ctime_ns))
    return found


def _words(error):
    """The text of an error, and its kind where that is not said to people."""
    text = " ".join(str(error).split())
    return text if isinstance(error, (OSError, ValueError, tf.errors.OpError)) else f"{type(error).__name__}: {text}"


def _say(text):
    with contextlib.suppress(OSError, ValueError):  # Nobody may be reading any more.
        print(text, flush=True)


def find(folder, name=""):
    """The models in a folder.

    Args:
        folder: Path of a folder of versions, which is one model, or of a folder of such folders, which are one each.
        name: Name of the model in the first case; by default that of the folder.

    Returns:
        List of `Model`, of which nothing is loaded.

    Raises:
        ValueError: If there is no version, or a name does not fit into an address.
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        raise ValueError(f"Expected a folder of versions, or of such folders. Received: {folder}")
    if serving.versions(folder):
        return [Model(serving.check_name(name or folder.name), folder)]
    bases = [base for base in sorted(folder.iterdir()) if base.is_dir() and not base.name.startswith(".")]
    models = [Model(serving.check_name(base.name), base) for base in bases if _has_versions(base)]
    if not models:
        raise ValueError(
            f"Expected a folder of numbered versions, made by export.saved_model --publish, or of such folders. "
            f"Received: {folder}"
        )
    if name:
        raise ValueError(
            f"A single model can be given a name. Received: name={name!r}, and {len(models)} models in {folder}"
        )
    return models


def _has_versions(base):
    try:
        return bool(serving.versions(base))
    except PermissionError:  # Such as lost+found has, where the folder is a disk.
        return False
