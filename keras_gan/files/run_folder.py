"""The folder of a run: what its files are called, how they are read and checked, and who may write to it."""

import contextlib
import json
import time
import zipfile
from pathlib import Path

from keras_gan.files import atomic, history, pictures, schema

# What `config.json` of version 0.1.0, which does not say so itself, holds of the machine rather than of the training.
_PRIVATE = ("out", "data_dir", "tpu_name", "tpu_zone", "tpu_project")
_CONFIG_CURE = "restore it from a backup, or use another folder"
_CURE = "start its run again, which makes it anew"
_CONFIG = schema.table(
    trainer=schema.optional(schema.text),
    split=schema.optional(schema.text),
    private=schema.optional(schema.array(schema.text)),
)
_STEP = schema.optional(schema.number())
_RESULT = schema.table(steps=_STEP, seconds=_STEP, files=schema.optional(schema.array(schema.text)))
_METRICS = schema.table(step=_STEP, last_step=_STEP)
_LOOK = schema.table(verdict=schema.text, changed=schema.boolean, since=schema.number(), evidence=schema.text)
_ROLLBACK = schema.table(rolled_back=schema.text)


class RunFolder:
    """The folder of a run: the names of its files, and what they say.

    A reader returns `None`, or an empty list, where its file is missing. None takes the lock, so that a run can be
    looked at while it goes on.

    Args:
        path: Path of the folder, which need not exist.

    Attributes:
        path: `pathlib.Path` of the folder.
        config_file: The flags, and what identifies the data; written when the run begins.
        history_file: Logged means, an entry a step.
        evaluations_file: Evaluations along the way, an entry a step.
        looks_file: What the watchdog saw, an entry a look.
        diagnosis_file: What it concluded, in words.
        logs: Folder of TensorBoard's files.
        samples: Folder of sample grids.
        checkpoints: Folder of checkpoints.
        generator_file: The generator to use: the best that was evaluated, or the last.
        last_generator_file: The last generator, where `generator_file` may be another.
        metrics_file: How good `generator_file` is.
        curves_file: Curves of the histories.
        progress_file: An animation of the sample grids.
        picture_file: The last sample grid.
        evaluation: Folder of what `trainers.evaluate` finds.
        result_file: Length of the finished run. It is written last, and removed before any other result is changed.

    Raises:
        ValueError: From every reader, if its file is damaged.

    Example:

    >>> folder = keras_gan.files.run_folder.RunFolder("runs/dcgan-mnist5k-001")
    >>> folder.generator_file.as_posix()
    'runs/dcgan-mnist5k-001/generator.keras'
    """

    def __init__(self, path):
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.history_file = self.path / "history.jsonl"
        self.evaluations_file = self.path / "metrics.jsonl"
        self.looks_file = self.path / "diagnosis.jsonl"
        self.diagnosis_file = self.path / "diagnosis.txt"
        self.logs = self.path / "logs"
        self.samples = self.path / "samples"
        self.checkpoints = self.path / "checkpoints"
        self.generator_file = self.path / "generator.keras"
        self.last_generator_file = self.path / "generator_last.keras"
        self.metrics_file = self.path / "metrics.json"
        self.curves_file = self.path / "curves.png"
        self.progress_file = self.path / "progress.gif"
        self.picture_file = self.path / "samples.png"
        self.evaluation = self.path / "evaluation"
        self.result_file = self.path / "result.json"
        self._lock_file = self.path / ".lock"

    @classmethod
    def of(cls, model_file):
        """The run folder that a model's file lies in, or `None` where that is none."""
        folder = cls(Path(model_file).parent)
        return folder if folder.config_file.is_file() else None

    def __str__(self):
        return str(self.path)

    def model_file(self, model):
        """Path of the file of a whole model, all networks and optimizers, by its class."""
        return self.path / f"{type(model).__name__.lower()}.keras"

    def sample_file(self, step):
        """Path of the sample grid of a step."""
        return self.samples / f"step-{step:07d}.png"

    def sample_files(self):
        """Paths of the sample grids there are, in the order of their steps."""
        return sorted(self.samples.glob("step-*.png"))

    def config(self):
        """The facts of the run's start: a dictionary of its flags, and of `trainer` and `data`, or `None`."""
        config = _read(self.config_file, _CONFIG, _CONFIG_CURE)
        return None if config is None else {name: value for name, value in config.items() if name != "private"}

    def public_config(self):
        """The part of `config` that tells of the training, not of the machine: for what is given to others."""
        config = _read(self.config_file, _CONFIG, _CONFIG_CURE)
        if config is None:
            return None
        private = config.get("private", _PRIVATE)
        return {name: value for name, value in config.items() if name != "private" and name not in private}

    def write_config(self, values, private=()):
        """Writes what `config` returns.

        Args:
            values: Dictionary, as JSON can hold it.
            private: Names of those that say something about the machine.
        """
        atomic.write_text(self.config_file, json.dumps({**values, "private": list(private)}, indent=2) + "\n")

    def result(self):
        """The end of the run: a dictionary of its `steps` and `seconds` and the names of its `files`, or `None`."""
        return _read(self.result_file, _RESULT)

    def spoilt_results(self):
        """Paths of what the finished run left that are missing or damaged: a list."""
        names = (self.result() or {}).get("files") or [self.generator_file.name]
        return [file for file in (self.path / name for name in names) if not _is_whole(file)]

    def metrics(self):
        """The generator's quality: a dictionary of `name`, `step`, `last_step`, `records`, `history`, or `None`."""
        return _read(self.metrics_file, _METRICS)

    def history(self):
        """Logged means: a list of dictionaries."""
        return history.read(self.history_file)

    def evaluations(self):
        """Evaluations along the way: a list of dictionaries."""
        return history.read(self.evaluations_file)

    def looks(self):
        """The looks of the watchdog, and where the run went back: a list of dictionaries."""
        looks = history.read(self.looks_file)
        try:
            for look in looks:
                (_ROLLBACK if "rolled_back" in look else _LOOK)(look, "")
        except ValueError as error:
            raise ValueError(f"{self.looks_file} is damaged: {_CURE} ({error}).") from None
        return looks

    def diagnosis(self):
        """The conclusions of the watchdog: a list of lines."""
        if not self.diagnosis_file.is_file():
            return []
        return [line for line in self.diagnosis_file.read_text("utf-8", errors="replace").splitlines() if line]

    @property
    def best_step(self):
        """The training step of `generator_file`, or `None` where no run has ended yet."""
        metrics = self.metrics()
        return self._steps() if metrics is None else metrics.get("step")

    def step_of(self, model_file):
        """The training step that a model of this run was saved at, or `None` where no run has ended yet."""
        best = Path(model_file).name == self.generator_file.name
        return self.best_step if best else self._steps()

    def _steps(self):
        return (self.result() or {}).get("steps")

    @property
    def unfinished_step(self):
        """The step of the newest checkpoint, if the run went on from its results or has none yet; else `None`."""
        newest = max(checkpoint_steps(self.checkpoints), default=0)
        try:
            ended = self._steps() or 0
        except ValueError:
            ended = 0
        return newest if newest > ended else None

    def forget_after(self, step):
        """Drops the entries of all histories that a run which goes on from `step` writes again."""
        for file in (self.history_file, self.evaluations_file, self.looks_file):
            history.forget(file, lambda each: each <= step)

    @contextlib.contextmanager
    def lock(self, patience=1.0):
        """Keeps all other processes from locking the folder, which exists.

        The system gives it back when the process ends, however it ends.

        Args:
            patience: Seconds to try for, since others may look whether it is locked.

        Yields:
            Whether the file system has locks.

        Raises:
            ValueError: If another process has it.
        """
        with self._lock_file.open("a") as file:
            end = time.monotonic() + patience
            while (taken := atomic.try_lock(file, exclusive=True)) is False and time.monotonic() < end:
                time.sleep(0.05)
            if taken is False:
                raise ValueError(self.locked_message())
            yield taken is True

    def is_locked(self):
        """True where another process has the lock; `False` where that cannot be known."""
        try:
            with self._lock_file.open() as file:
                return atomic.try_lock(file, exclusive=False) is False
        except OSError:
            return False

    def locked_message(self):
        """One sentence for who finds the folder locked."""
        return f"Another process is training in {self}: wait until it has ended, or choose another --out."


def checkpoint_steps(folder):
    """The steps of the checkpoints in a folder, a rising list; some may be damaged."""
    numbers = (file.stem.removeprefix("ckpt-") for file in Path(folder).glob("ckpt-*.index"))
    return sorted(int(number) for number in numbers if number.isdecimal())


def _read(file, form, cure=_CURE):
    """The contents of a file of a form; `None` where there is no such file."""
    try:
        return schema.read(file, form) if file.is_file() else None
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {cure} ({error}).") from None


def _is_whole(file):
    """True where a result is there and can be read."""
    if file.suffix not in (".keras", ".json"):
        return pictures.is_whole(file)
    try:
        if file.suffix == ".json":
            schema.read(file, schema.anything)
            return True
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
