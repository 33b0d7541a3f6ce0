"""Differentiable augmentation of real and generated images alike."""

import keras

from keras_gan import serialization
from keras_gan.augmentation.ada import AdaptiveAugment
from keras_gan.augmentation.base import Augmenter
from keras_gan.augmentation.diff_augment import DiffAugment

__all__ = ["AdaptiveAugment", "Augmenter", "DiffAugment", "deserialize", "get", "serialize"]

_CLASSES = {"diff_augment": DiffAugment, "ada": AdaptiveAugment}


def get(identifier: str | dict | Augmenter | None) -> Augmenter | None:
    """Returns the augmenter that `identifier` names, describes or is; `None` for `None`."""
    return None if identifier is None else serialization.get(identifier, Augmenter, _CLASSES)


def serialize(augmenter: Augmenter) -> dict:
    """Returns the configuration that `deserialize` reads."""
    return keras.saving.serialize_keras_object(augmenter)


def deserialize(config: dict) -> Augmenter:
    """Returns the augmenter that `serialize` described."""
    return serialization.get(config, Augmenter, _CLASSES)
