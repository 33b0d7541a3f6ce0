"""Callbacks that act by the model's own step."""

import keras

# What happens after a step, one after another. A bad state is refused before anything else sees it; what evaluates
# finds the step's logs as they were; what saves comes last, so that it saves what the others did.
PHASES = ("check", "stop", "log", "evaluate", "watch", "save")


def in_order(callbacks):
    """Callbacks in the order of their phases, each the attribute `phase` of its class; by default it is `"log"`.

    Args:
        callbacks: Callbacks in any order, which those of one phase keep.

    Returns:
        A list.

    Example:

    >>> save, check = keras_gan.callbacks.Checkpoint("checkpoints", 10), keras_gan.callbacks.StopOnNonFinite(10)
    >>> keras_gan.callbacks.in_order([save, check]) == [check, save]
    True
    """
    return sorted(callbacks, key=lambda callback: PHASES.index(getattr(callback, "phase", "log")))


class EverySteps(keras.callbacks.Callback):
    """Base class of callbacks that act at multiples of the model's own step.

    Steps are counted over the whole life of the model, not from the start of this `fit`, so that a resumed run
    acts at the same steps as one that was never interrupted.

    Args:
        every: Number of training steps between two calls of `at_step`, at least 1.
    """

    phase = "log"

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
