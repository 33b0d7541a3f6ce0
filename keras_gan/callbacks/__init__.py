"""Callbacks for long runs: log, pictures, checkpoints, evaluation, the watchdog, and ends of training."""

from keras_gan.callbacks import watchdog
from keras_gan.callbacks.base import EverySteps, in_order
from keras_gan.callbacks.checkpoint import Checkpoint
from keras_gan.callbacks.evaluate import Evaluate
from keras_gan.callbacks.log import TrainingLog
from keras_gan.callbacks.samples import SampleGrids
from keras_gan.callbacks.stop import Deadline, StopOnNonFinite, StopOnSignal
from keras_gan.callbacks.translations import EvaluateTranslation, TranslationGrids
from keras_gan.callbacks.watchdog import Watchdog

__all__ = [
    "Checkpoint",
    "Deadline",
    "Evaluate",
    "EvaluateTranslation",
    "EverySteps",
    "SampleGrids",
    "StopOnNonFinite",
    "StopOnSignal",
    "TrainingLog",
    "TranslationGrids",
    "Watchdog",
    "in_order",
    "watchdog",
]
