"""Ends of training: a deadline, a signal, a quantity that is not finite."""

import math
import signal
import threading
import time

import keras
import tensorflow as tf

from keras_gan import distribution
from keras_gan.callbacks.base import EverySteps

_HANG_UP = getattr(signal, "SIGHUP", None)  # of a terminal that is closed; not known everywhere
_SIGNALS = [number for number in (signal.SIGTERM, signal.SIGINT, _HANG_UP) if number is not None]


class Deadline(keras.callbacks.Callback):
    """Ends training at a moment of the monotonic clock.

    Args:
        at: Seconds, as `time.monotonic()` counts them, or a function that returns them.
    """

    phase = "stop"

    def __init__(self, at):
        super().__init__()
        self.at = at if callable(at) else lambda: at

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() >= self.at():
            self.model.stop_training = True


class StopOnSignal(keras.callbacks.Callback):
    """On SIGTERM, SIGINT and SIGHUP lets the present step finish, then ends training in the ordinary way.

    Of several workers all end after the same step, whichever was signalled. `received` is the signal's number
    afterwards, that of SIGTERM where it came to another worker alone, or `None`. A second signal acts as it does
    without this callback, but for SIGHUP, which the system and the shell both send. A signal that the process ignores
    stays ignored. Python hands signals to the main thread alone: training in another ends only by `note`.
    """

    phase = "stop"
    received = None
    _handlers = {}

    def on_train_begin(self, logs=None):
        self.received = None
        if threading.current_thread() is threading.main_thread():
            numbers = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._handlers = {number: signal.signal(number, lambda came, _: self.note(came)) for number in numbers}

    def note(self, number):
        """Ends training after the present step as if a signal had come.

        Args:
            number: The signal's.
        """
        self.received = number
        self._give_back([each for each in self._handlers if each != _HANG_UP])

    def _came_to_any(self):
        """Tells whether a signal came to any worker, which then is one that came to all."""
        came = distribution.mean_over_workers(self.model.distribute_strategy, self.received is not None) > 0
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
        self._give_back(list(self._handlers))

    def _give_back(self, numbers):
        for number in numbers:
            handler = self._handlers.pop(number)
            # `None` stands for a handler that Python does not know.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class StopOnNonFinite(EverySteps):
    """Raises as soon as a logged quantity, and within `every` steps as a weight, is NaN or infinite.

    `keras.callbacks.TerminateOnNaN` looks at `loss` alone and ends quietly; this names the quantity.

    Args:
        every: Steps between looks at the weights.

    Raises:
        FloatingPointError: With the step and the quantities.
    """

    phase = "check"

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
