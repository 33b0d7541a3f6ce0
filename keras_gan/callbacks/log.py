"""The log of a run: TensorBoard, JSON lines and the terminal."""

import errno
import sys
import time

import keras
import tensorflow as tf
import tqdm

from keras_gan.callbacks.base import EverySteps
from keras_gan.files import history
from keras_gan.files.run_folder import RunFolder

_MUCH = 0.1  # share of the time that steps wait for input, from which it is said


class TrainingLog(EverySteps):
    """Logs to TensorBoard, to a file of JSON lines, and to the terminal.

    An entry holds the means since the entry before, so metrics are reset with each; and, under names that begin
    with `val_`, what `evaluate` says on held-out data. The JSON lines contain nothing that depends on the clock.

    Args:
        folder: Run folder. Entries are appended to `history.jsonl`, TensorBoard's files lie in `logs/`.
        every: Steps between entries.
        batch_size: Real images per training step.
        epoch_steps: Training steps in one pass over the data.
        total_steps: The length of the run, or `None` if it ends otherwise.
        validation: Held-out dataset for `evaluate`, or `None`.
        validation_steps: How many batches of it to look at; all by default.
        verbose: Whether to print.
        on_closed: Function that is called once nobody reads what is printed any more (a pipe that was closed, a
            terminal that is gone), after which nothing is printed; by default that is an error.
    """

    def __init__(
        self,
        folder,
        every,
        batch_size,
        epoch_steps,
        total_steps=None,
        validation=None,
        verbose=True,
        on_closed=None,
        validation_steps=None,
    ):
        super().__init__(every)
        self.folder = RunFolder(folder)
        self.batch_size = batch_size
        self.epoch_steps = epoch_steps
        self.total_steps = total_steps
        self.validation, self.validation_steps = validation, validation_steps
        self.verbose = verbose
        self.on_closed = on_closed
        self.entry = {}
        # Until training begins, so that `close` needs no beginning.
        self.writer = tf.summary.create_noop_writer()
        self._bar = tqdm.tqdm(disable=True)

    def on_train_begin(self, logs=None):
        step = int(self.model.step.numpy())
        history.forget(self.folder.history_file, lambda each: each <= step)
        self.writer = tf.summary.create_file_writer(str(self.folder.logs))
        with self.writer.as_default(step):
            tf.summary.text("about", "What each number is, and how it looks when all is well: docs/quantities.md")
        # None: no bar where the output is not a terminal.
        quiet = None if self.verbose else True
        self._bar = tqdm.tqdm(total=self.total_steps, initial=step, unit="step", disable=quiet, leave=False)
        self._since, self._waited = (time.monotonic(), step), self.model.input_seconds

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(self.model.steps_per_execution)
        super().on_train_batch_end(batch, logs)

    def at_step(self, step, logs):
        entry = dict(logs)
        now, (then, last) = time.monotonic(), self._since
        rate = (step - last) / (now - then)
        waiting = (self.model.input_seconds - self._waited) / (now - then)
        if self.validation is not None:
            held_out = self.model.evaluate(self.validation, steps=self.validation_steps, verbose=0, return_dict=True)
            entry |= {f"val_{name}": value for name, value in held_out.items()}
        self.model.reset_metrics()
        for role, (optimizer, updates) in self.model.optimizers.items():
            entry[f"{role}_learning_rate"] = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
            if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                # An overflow skips the update, which the optimizer then does not count.
                entry[f"{role}_overflows"] = step * updates - int(keras.ops.convert_to_numpy(optimizer.iterations))
        if hasattr(getattr(self.model, "augmenter", None), "p"):
            entry["augmentation_probability"] = float(keras.ops.convert_to_numpy(self.model.augmenter.p))
        self.entry = {"step": step, **entry}
        history.append(self.folder.history_file, self.entry)
        with self.writer.as_default(step):
            tf.summary.scalar("speed/images_per_second", rate * self.batch_size)
            tf.summary.scalar("speed/input_wait", waiting)
            for name, value in entry.items():
                tf.summary.scalar(_tag(name), value)
        self.writer.flush()
        self.say(self._line(step, entry, rate, waiting))
        # Validation is not training time.
        self._since, self._waited = (time.monotonic(), step), self.model.input_seconds

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Closes the bar and TensorBoard's file."""
        self._bar.close()
        self.writer.close()

    def say(self, line):
        """Prints a line without disturbing the progress bar."""
        if not self.verbose:
            return
        try:
            self._bar.write(line)
            sys.stdout.flush()
        except OSError as error:
            if self.on_closed is None or error.errno not in (errno.EPIPE, errno.EIO):
                raise
            self.verbose = False
            self.on_closed()

    def _line(self, step, entry, rate, waiting):
        of = f"/{self.total_steps}" if self.total_steps else ""
        left = "" if not self.total_steps else f"  {tqdm.tqdm.format_interval((self.total_steps - step) / rate)} left"
        values = "  ".join(
            f"{name} {value:.4g}"
            for name, value in entry.items()
            if not name.startswith("val_") and not name.endswith("learning_rate") and name != "loss"
        )
        epoch = step / self.epoch_steps
        speed = f"{rate:.3g} steps/s  {rate * self.batch_size:.0f} images/s"
        if waiting >= _MUCH:
            speed += f", {waiting:.0%} of the time waiting for input"
        return f"step {step}{of}  epoch {epoch:.1f}  {values}  {speed}{left}"


def _tag(name):
    """The name of a logged quantity in TensorBoard, which groups by what comes before a slash."""
    if name.startswith("val_"):
        return f"held_out/{name.removeprefix('val_')}"
    if name.endswith("_learning_rate"):
        return f"learning_rate/{name.removesuffix('_learning_rate')}"
    return f"train/{name}"
