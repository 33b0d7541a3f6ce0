"""Regularizers: penalties per example on what a critic says about real and fake images."""

import keras

from keras_gan import serialization
from keras_gan.regularizers.base import Regularizer
from keras_gan.regularizers.gradients import DRAGAN, R1, R2, GradientPenalty
from keras_gan.regularizers.logits import AuxiliaryClassification, ConsistencyRegularization, LeCam, check_classifier

__all__ = [
    "DRAGAN",
    "R1",
    "R2",
    "AuxiliaryClassification",
    "ConsistencyRegularization",
    "GradientPenalty",
    "LeCam",
    "Regularizer",
    "check_classifier",
    "deserialize",
    "get",
    "names",
    "serialize",
]

_CLASSES = {cls.name: cls for cls in (R1, R2, GradientPenalty, DRAGAN, LeCam)}
_CLASSES["auxiliary_classification"] = AuxiliaryClassification


def names() -> list[str]:
    """The names that `get` knows, in the order of the registry."""
    return list(_CLASSES)


def get(identifier: str | dict | Regularizer) -> Regularizer:
    """Returns the regularizer that `identifier` names, describes or is; see `keras.losses.get`.

    Example:

    >>> type(keras_gan.regularizers.get("r1")).__name__
    'R1'
    """
    return serialization.get(identifier, Regularizer, _CLASSES)


def serialize(regularizer: Regularizer) -> dict:
    """Returns the configuration that `deserialize` reads."""
    return keras.saving.serialize_keras_object(regularizer)


def deserialize(config: dict) -> Regularizer:
    """Returns the regularizer that `serialize` described."""
    return serialization.get(config, Regularizer, _CLASSES)
