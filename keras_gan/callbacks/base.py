"""Callbacks that act by the model's own step."""

import keras


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
