"""Checkpoints: everything that training depends on, saved and brought back."""

import re
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_gan.callbacks.base import EverySteps
from keras_gan.callbacks.stop import check_weights
from keras_gan.files import atomic
from keras_gan.files.run_folder import checkpoint_steps


class Checkpoint(EverySteps):
    """Saves everything that training depends on, and brings it back.

    That is all networks and their average, all optimizers, the step (from which latents and data order
    follow), the random state of layers that have one, the metrics since the last log entry, and the seconds
    that the run took so far. A state that is not finite is never saved.

    Args:
        folder: Folder of the checkpoints.
        every: Steps between checkpoints.
        keep: How many to keep.
        started: When this part of the run began, as `time.monotonic()` counts; now, by default.
        write_to: Where to save instead of to `folder`. Of several workers all must save, and one in earnest.
        best: Name of a quantity in the log's entries; the state in which it was best is kept as well, in `best/`.
        mode: Whether `"min"` or `"max"` is best.
        log: The `TrainingLog`, an earlier callback of the same `fit`, if there is a `best`.
        more: Dictionary from a name to a callback whose `state(model)` is saved too, as that of `Evaluate`.

    Raises:
        ValueError: If `mode` is another, or TensorFlow could not read what it would write to that folder.
    """

    phase = "save"

    def __init__(self, folder, every, keep=3, started=None, write_to=None, best=None, mode="min", log=None, more=None):
        super().__init__(every)
        self.folder = Path(folder)
        self.keep = keep
        self.write_to = Path(write_to or folder)
        check_folder(self.folder)
        if mode not in ("min", "max"):
            raise ValueError(f"`mode` must be 'min' or 'max'. Received: mode={mode!r}")
        self.best, self.log = best, log
        self.more = dict(more or {})
        self._sign = 1.0 if mode == "min" else -1.0
        self._best_value = tf.Variable(np.inf, dtype=tf.float64, trainable=False)
        self.started = time.monotonic() if started is None else started
        self._resumed = False
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self._metrics = []
        self._saved = None
        self._whole = None

    def set_model(self, model):
        super().set_model(model)
        self._attach(model)

    def _attach(self, model):
        state = {
            "model": model.variables,
            **{f"{role}_optimizer": optimizer.variables for role, (optimizer, _) in model.optimizers.items()},
            "metrics": [variable for metric in model.metrics for variable in metric.variables],
        }
        self._state = {name: [variable.value for variable in variables] for name, variables in state.items()}
        self._state["more"] = {name: callback.state(model) for name, callback in self.more.items()}
        self._checkpoint = tf.train.Checkpoint(seconds=self.seconds, best=self._best_value, **self._state)
        # It is in checkpoints of version 0.1.0, and made when it is asked for.
        self._checkpoint.save_counter.assign(0)

    def restore(self, model, before=None):
        """Restores the newest readable checkpoint.

        Args:
            model: The compiled `GAN`.
            before: A step: checkpoints of this step and later ones are given up and removed, but for the oldest of all.

        Returns:
            The step that was restored, or 0 if there is no checkpoint.

        Raises:
            ValueError: If the checkpoints are of another architecture, or if none can be read.
        """
        self._attach(model)
        steps = checkpoint_steps(self.folder)[::-1]
        given_up = [] if before is None else [step for step in steps[:-1] if step >= before]
        steps = steps[len(given_up) :]
        for step in steps:
            path = self.folder / f"ckpt-{step}"
            try:
                self._read(model, path)
            except (ValueError, AssertionError, tf.errors.InvalidArgumentError) as error:
                raise ValueError(
                    f"{path} was written by another architecture: use the same configuration, or another run "
                    f"folder. Received: {str(error).splitlines()[0]}"
                ) from None
            except (tf.errors.OpError, IndexError) as error:
                print(f"{path} cannot be read ({type(error).__name__}); trying the one before", file=sys.stderr)
                continue
            if not self._resumed:
                self._resumed, self.started = True, self.started - float(self.seconds)
            self._saved = self._whole = step
            # `fit` resets the metrics before its first step.
            self._metrics = [variable.numpy() for variable in self._state["metrics"]]
            # Only now that there is another one: a process that is killed here must not go on from these.
            if given_up and self.write_to == self.folder:
                _keep_only(self.folder, steps)
            return step
        if steps:
            raise ValueError(
                f"None of the {len(steps)} checkpoints in {self.folder} can be read: restore one from a backup, or "
                "start anew in another run folder."
            )
        return 0

    def _read(self, model, path):
        """Restores one checkpoint, also one of version 0.1.0, whose further state is a list.

        Of what the run does beside training, some may be new since: that begins now.
        """
        held = tf.train.load_checkpoint(str(path)).get_variable_to_shape_map()
        if "more/0/.ATTRIBUTES/VARIABLE_VALUE" not in held:
            more = {
                name: state
                for name, state in self._state["more"].items()
                if any(key.startswith(f"more/{name}/") for key in held)
            }
            checkpoint = self._checkpoint
            if len(more) < len(self.more):
                state = {**self._state, "more": more}
                checkpoint = tf.train.Checkpoint(seconds=self.seconds, best=self._best_value, **state)
                checkpoint.save_counter.assign(0)
            checkpoint.restore(str(path)).assert_consumed()
            return
        old = [callback.old_state(model) for callback in self.more.values()]
        state = {**self._state, "more": [variable for variables, _ in old for variable in variables]}
        checkpoint = tf.train.Checkpoint(seconds=self.seconds, best=self._best_value, **state)
        checkpoint.save_counter.assign(0)
        checkpoint.restore(str(path)).assert_consumed()
        for _, adopt in old:
            adopt()

    def on_train_begin(self, logs=None):
        # So that there is a state to go back to from the first steps on.
        self.at_step(int(self.model.step.numpy()))

    def on_epoch_begin(self, epoch, logs=None):
        for variable, value in zip(self._state["metrics"], self._metrics, strict=False):
            variable.assign(value)
        self._metrics = []

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.step.numpy())
        if self.best is not None and self.log.entry.get("step") == step:
            self._keep_if_best(step)
        super().on_train_batch_end(batch, logs)
        self._whole = step

    def save_last_whole_step(self):
        """Saves the state after the last step that was made and followed by all callbacks, if that is the present one.

        For an end of training that the data brought about: a step that fails for want of data changes nothing.

        Returns:
            Whether that could be saved.
        """
        step = int(self.model.step.numpy())
        if step == self._whole:
            self.at_step(step)
        return step == self._whole

    def _keep_if_best(self, step):
        if self.best not in self.log.entry:
            raise ValueError(
                f"The log has no quantity {self.best!r} to keep the best of. Received: {sorted(self.log.entry)}"
            )
        value = self._sign * self.log.entry[self.best]
        if value < self._best_value.numpy():
            self._best_value.assign(value)
            self._save(self.write_to / "best", step, keep=1)

    def at_step(self, step, logs=None):
        if step != self._saved:
            self._save(self.write_to, step, self.keep)
            self._saved = self._whole = step

    def _save(self, folder, step, keep):
        check_weights(self.model)
        self.seconds.assign(time.monotonic() - self.started)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._checkpoint.write(str(folder / f"ckpt-{step}"))
            others = [each for each in checkpoint_steps(folder) if each != step]
            _keep_only(folder, [step, *others[::-1][: keep - 1]])
        except (tf.errors.UnavailableError, tf.errors.AbortedError):
            # Another worker was lost: the metrics, which are summed over workers, could not be read.
            raise
        except (tf.errors.OpError, OSError) as error:
            raise OSError(self._explain(folder, step, error)) from None

    def _explain(self, folder, step, error):
        """A sentence about a checkpoint that could not be written, after removing its half-written files."""
        if folder.is_dir():
            _remove_others(folder, [each for each in checkpoint_steps(folder) if each != step])
        state = tf.nest.flatten(self._state)
        needed = sum(variable.shape.num_elements() * variable.dtype.size for variable in state) / 2**20
        free = shutil.disk_usage(self.write_to.parent).free / 2**20
        last = f"the one of step {self._saved} is intact" if self._saved is not None else "there is none yet"
        return (
            f"The checkpoint of step {step} could not be written to {folder}: it needs {needed:.2f} MiB, and "
            f"{free:.2f} MiB are free ({type(error).__name__}). Of earlier checkpoints {last}: make room, and run the "
            "same command again to go on."
        )

    def on_train_end(self, logs=None):
        self.at_step(int(self.model.step.numpy()))


def check_folder(folder):
    """Refuses a folder for checkpoints that TensorFlow would take for a pattern of names.

    Args:
        folder: Path.

    Raises:
        ValueError: If it holds one of `*?[` or a backslash; intact checkpoints in it could not be read again.
    """
    if set(str(folder)) & set("*?[\\"):
        raise ValueError(
            "TensorFlow takes *, ?, [ and backslashes in the path of a checkpoint for a pattern: choose another "
            f"folder, or give a path that begins below them. Received: {folder}"
        )


def _keep_only(folder, steps):
    """Removes all checkpoints but those of some steps, and names these where TensorFlow itself looks for the newest."""
    _remove_others(folder, steps)
    paths = [f"ckpt-{step}" for step in sorted(steps)]
    lines = [f'model_checkpoint_path: "{paths[-1]}"', *(f'all_model_checkpoint_paths: "{path}"' for path in paths)]
    atomic.write_text(folder / "checkpoint", "".join(line + "\n" for line in lines))


def _remove_others(folder, steps):
    """Removes the checkpoints of other steps, and what processes that were killed left of any."""
    for file in folder.iterdir():
        found = re.fullmatch(r"ckpt-(\d+)(\.index|\.data-.*|_temp.*)", file.name)
        other = found is not None and (int(found[1]) not in steps or found[2].startswith("_temp"))
        if other or file.name.startswith("checkpoint.tmp"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
