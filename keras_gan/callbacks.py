"""Callbacks for long runs, and which of Keras' own a GAN cannot serve."""

import math
import signal
import sys
import time
from pathlib import Path

import keras
import tensorflow as tf
import tqdm

from keras_gan import execution, history, latents, pictures, staging
from keras_gan.metrics.callback import Evaluate as Evaluate

_REFUSED = {
    keras.callbacks.LearningRateScheduler: (
        "there are two optimizers: give each a schedule of keras.optimizers.schedules as its learning_rate"
    ),
    keras.callbacks.ReduceLROnPlateau: (
        "there are two optimizers: give each a schedule of keras.optimizers.schedules as its learning_rate"
    ),
    keras.callbacks.SwapEMAWeights: "the average is part of the model: use GAN(..., ema_momentum=)",
    keras.callbacks.OrbaxCheckpoint: "use keras.callbacks.ModelCheckpoint or BackupAndRestore",
}


def check(callbacks):
    """Refuses callbacks that would fail, or silently do nothing, on a model with two optimizers.

    Args:
        callbacks: What `fit` received: `None`, a callback or a list of them.

    Raises:
        ValueError: If one does not make sense here; it says what to use instead.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    elif not isinstance(callbacks, (list, tuple)):
        callbacks = [callbacks] if callbacks else []
    for callback in callbacks:
        name = type(callback).__name__
        for refused, instead in _REFUSED.items():
            if isinstance(callback, refused):
                raise ValueError(f"{name} does not work with a GAN: {instead}. Received: callback={name}")
        if isinstance(callback, keras.callbacks.TensorBoard) and callback.write_steps_per_second:
            raise ValueError(
                "TensorBoard(write_steps_per_second=True) reads the iterations of a single optimizer, and a GAN has "
                "two: leave it False. Received: write_steps_per_second=True"
            )
        if isinstance(callback, keras.callbacks.BackupAndRestore) and callback.save_freq != "epoch":
            raise ValueError(
                "BackupAndRestore restarts an interrupted epoch from its first batch, so a backup within an epoch "
                f"trains some batches twice: use save_freq='epoch'. Received: save_freq={callback.save_freq}"
            )


class EverySteps(keras.callbacks.Callback):
    """Base class of callbacks that act at multiples of the model's own step.

    Steps are counted over the whole life of the model, not from the start of this `fit`, so that a resumed run
    acts at the same steps as one that was never interrupted.

    Args:
        every: Number of training steps between two calls of `at_step`, at least 1.
    """

    def __init__(self, every):
        super().__init__()
        if int(every) < 1:
            raise ValueError(f"The number of steps between two actions must be at least 1. Received: {every}")
        self.every = int(every)

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.step.numpy())
        if step % self.every < self.model.steps_per_execution:
            self.at_step(step, logs)

    def at_step(self, step, logs):
        """Acts after training step number `step`."""
        raise NotImplementedError(f"{type(self).__name__} must implement `at_step(step, logs)`.")


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
        verbose: Whether to print.
    """

    def __init__(self, folder, every, batch_size, epoch_steps, total_steps=None, validation=None, verbose=True):
        super().__init__(every)
        self.folder = Path(folder)
        self.batch_size = batch_size
        self.epoch_steps = epoch_steps
        self.total_steps = total_steps
        self.validation = validation
        self.verbose = verbose
        self.entry = {}
        # Until training begins, so that `close` needs no beginning.
        self.writer = tf.summary.create_noop_writer()
        self._bar = tqdm.tqdm(disable=True)

    def on_train_begin(self, logs=None):
        step = int(self.model.step.numpy())
        forget_after(self.folder, step)
        self.writer = tf.summary.create_file_writer(str(self.folder / "logs"))
        # None: no bar where the output is not a terminal.
        quiet = None if self.verbose else True
        self._bar = tqdm.tqdm(total=self.total_steps, initial=step, unit="step", disable=quiet, leave=False)
        self._since = time.monotonic(), step

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(self.model.steps_per_execution)
        super().on_train_batch_end(batch, logs)

    def at_step(self, step, logs):
        entry = dict(logs)
        now, (then, last) = time.monotonic(), self._since
        rate = (step - last) / (now - then)
        if self.validation is not None:
            held_out = self.model.evaluate(self.validation, verbose=0, return_dict=True)
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
        history.append(self.folder / "history.jsonl", self.entry)
        with self.writer.as_default(step):
            tf.summary.scalar("speed/images_per_second", rate * self.batch_size)
            for name, value in entry.items():
                tf.summary.scalar(_tag(name), value)
        self.writer.flush()
        self.say(self._line(step, entry, rate))
        # Validation is not training time.
        self._since = time.monotonic(), step

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Closes the bar and TensorBoard's file."""
        self._bar.close()
        self.writer.close()

    def say(self, line):
        """Prints a line without disturbing the progress bar."""
        if self.verbose:
            self._bar.write(line)
            sys.stdout.flush()

    def _line(self, step, entry, rate):
        of = f"/{self.total_steps}" if self.total_steps else ""
        left = "" if not self.total_steps else f"  {tqdm.tqdm.format_interval((self.total_steps - step) / rate)} left"
        values = "  ".join(
            f"{name} {value:.4g}"
            for name, value in entry.items()
            if not name.startswith("val_") and not name.endswith("learning_rate") and name != "loss"
        )
        epoch = step / self.epoch_steps
        speed = f"{rate:.3g} steps/s  {rate * self.batch_size:.0f} images/s"
        return f"step {step}{of}  epoch {epoch:.1f}  {values}  {speed}{left}"


def _tag(name):
    """The name of a logged quantity in TensorBoard, which groups by what comes before a slash."""
    if name.startswith("val_"):
        return f"held_out/{name.removeprefix('val_')}"
    if name.endswith("_learning_rate"):
        return f"learning_rate/{name.removesuffix('_learning_rate')}"
    return f"train/{name}"


def forget_after(folder, step):
    """Drops the log entries of a run folder that come after `step`, which a resumed run writes again."""
    history.forget(Path(folder) / "history.jsonl", lambda each: each <= step)


def replace_text(path, text):
    """Writes a text file so that it is the old one or the new one, and never half of it."""
    with staging.replacing(path) as partial:
        partial.write_text(text, "utf-8")


class SampleGrids(EverySteps):
    """Draws what the sampling generator makes of the same latents, again and again.

    Args:
        folder: Run folder: PNG files go to `samples/`, the same pictures to TensorBoard's files in `logs/`,
            beside a grid of interpolations between pairs of latents.
        every: Steps between grids.
        n: Number of images in a grid; a conditional model's has one row a class instead.
    """

    def __init__(self, folder, every, n=64):
        super().__init__(every)
        self.folder = Path(folder)
        self.n = n
        self.writer = tf.summary.create_noop_writer()

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(str(self.folder / "logs"))
        if int(self.model.step.numpy()) == 0:
            self.at_step(0, logs)

    def at_step(self, step, logs):
        grid = pictures.sample_grid(self.model, self.n)
        pictures.write_png(self.folder / "samples" / f"step-{step:07d}.png", grid)
        between = pictures.grid(latents.interpolations(self.model), columns=8)
        with self.writer.as_default(step):
            tf.summary.image("pictures/samples", grid[None])
            tf.summary.image("pictures/interpolations", between[None])
        self.writer.flush()

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Closes TensorBoard's file."""
        self.writer.close()


class Deadline(keras.callbacks.Callback):
    """Ends training at a moment of the monotonic clock.

    Args:
        at: Seconds, as `time.monotonic()` counts them.
    """

    def __init__(self, at):
        super().__init__()
        self.at = at

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() >= self.at:
            self.model.stop_training = True


class StopOnSignal(keras.callbacks.Callback):
    """On SIGTERM and SIGINT lets the present step finish, then ends training in the ordinary way.

    Of several workers all end after the same step, whichever was signalled. `received` is the signal's number
    afterwards, that of SIGTERM where it came to another worker alone, or `None`. A second signal acts as it does
    without this callback.
    """

    received = None
    _handlers = {}

    def on_train_begin(self, logs=None):
        self.received = None
        self._handlers = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}

    def _note(self, number, frame):
        self.received = number
        self.close()

    def _came_to_any(self):
        """Whether a signal came to any worker, which then is one that came to all."""
        came = execution.mean_over_workers(self.model.distribute_strategy, self.received is not None) > 0
        if came:
            self.received = self.received or signal.SIGTERM
        return came

    def on_train_batch_end(self, batch, logs=None):
        if self._came_to_any():
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        # None is noted any more: what the workers agree on here stands.
        self.close()
        self._came_to_any()

    def close(self):
        """Gives the signals back to whom they belonged."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}


class StopOnNonFinite(EverySteps):
    """Raises as soon as a logged quantity, and within `every` steps as a weight, is NaN or infinite.

    `keras.callbacks.TerminateOnNaN` looks at `loss` alone and ends quietly; this names the quantity.

    Args:
        every: Steps between looks at the weights.

    Raises:
        FloatingPointError: With the step and the quantities.
    """

    def on_train_batch_end(self, batch, logs=None):
        bad = [f"{name} is {value}" for name, value in (logs or {}).items() if not math.isfinite(value)]
        if bad:
            raise FloatingPointError(f"Training diverged at step {int(self.model.step.numpy())}: {', '.join(bad)}")
        super().on_train_batch_end(batch, logs)

    def at_step(self, step, logs=None):
        check_weights(self.model)


def check_weights(model):
    """Raises `FloatingPointError` if a weight of a network in training is NaN or infinite, and names the first."""
    for variable in [variable for network in model.networks.values() for variable in network.variables]:
        if tf.as_dtype(variable.dtype).is_floating and not tf.reduce_all(tf.math.is_finite(variable.value)):
            raise FloatingPointError(
                f"Training diverged by step {int(model.step.numpy())}: the weight {variable.path} is not finite"
            )
