"""The get/serialize/deserialize triple shared by losses, regularizers and augmenters; copies of networks, digests."""

import hashlib
import math

import keras
import numpy as np

PACKAGE = "keras_gan"


def get(identifier, base, classes):
    """Resolves an identifier to an instance of `base`, as `keras.losses.get` does.

    Args:
        identifier: An instance of `base` (returned as it is), a name in `classes`, or a dictionary made by
            `keras.saving.serialize_keras_object`.
        base: The class that the result must be an instance of.
        classes: Dictionary from name to class.

    Returns:
        An instance of `base`.

    Raises:
        ValueError: If the identifier names nothing of this family.
    """
    resolved = identifier
    if isinstance(identifier, str) and identifier in classes:
        resolved = classes[identifier]()
    elif isinstance(identifier, dict):
        resolved = keras.saving.deserialize_keras_object(identifier)
    if not isinstance(resolved, base):
        raise ValueError(
            f"Expected a keras_gan.{base.__name__}, its configuration or one of the names {sorted(classes)}. "
            f"Received: identifier={identifier!r}"
        )
    return resolved


def number_or_schedule(name, value):
    """Returns `value` if it is a number or a Keras schedule, and raises `ValueError` otherwise."""
    if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
        return value
    if isinstance(value, dict):
        return keras.saving.deserialize_keras_object(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(
            f"`{name}` must be a finite number or a keras.optimizers.schedules.LearningRateSchedule. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def serialize_number(value):
    """The configuration of a number or schedule, which `number_or_schedule` reads."""
    return value if value is None or isinstance(value, float) else keras.saving.serialize_keras_object(value)


def value_at(value, step):
    """A number, or a schedule's value at `step`."""
    return value if isinstance(value, float) else value(step)


def copy_network(network, name):
    """A network of the same class, configuration and weights, trainable like a new one."""
    # Not keras.models.clone_model, which makes a plain functional model of a subclass.
    copy = type(network).from_config({**network.get_config(), "name": name, "trainable": True})
    if not copy.built:
        copy.build()
    copy.set_weights(network.get_weights())
    return copy


def in_float32(network):
    """The same network without mixed precision: a copy, or the network itself where it has none.

    Args:
        network: A `keras_gan.networks` network, or a functional or sequential Keras model.

    Returns:
        A built network of the same class and weights.
    """
    config = network.get_config()
    full = _full_precision(config)
    if full == config:
        return network
    copy = type(network).from_config(full)
    copy.set_weights(network.get_weights())
    return copy


def _full_precision(config):
    """A configuration in which the dtype policies of mixed precision are float32."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy" and config["config"]["name"].startswith("mixed_"):
            return {**config, "config": {"name": "float32"}}
        return {name: _full_precision(value) for name, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_full_precision(value) for value in config)
    return config


def weights_digest(model):
    """SHA-256 over dtype, shape and values of every weight, in the order of `model.weights`.

    It tells that two files, or two exports, hold the same network: the files themselves differ each time.

    Args:
        model: A `keras.Model`.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.dtype} {weight.shape} ".encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
