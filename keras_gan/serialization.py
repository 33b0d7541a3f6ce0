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
    config = keras.saving.serialize_keras_object(network)
    config["config"] = {**config["config"], "name": name, "trainable": True}
    return _rebuilt(network, config)


def in_float32(network):
    """The same network without mixed precision: a copy, or the network itself where it has none.

    Args:
        network: A `keras_gan.networks` network, or a functional or sequential Keras model.

    Returns:
        A built network of the same class and weights.
    """
    config = keras.saving.serialize_keras_object(network)
    full = _full_precision(config)
    return network if full == config else _rebuilt(network, full)


def _rebuilt(network, config):
    """A network of this configuration, with the weights of another."""
    # Not keras.models.clone_model, which makes a plain functional model of a subclass. Nothing is loaded here: classes
    # that Keras does not know are those of this network's own layers, and its functions are trusted.
    own = {type(layer).__name__: type(layer) for layer in network._flatten_layers()}
    copy = keras.saving.deserialize_keras_object(config, custom_objects=own, safe_mode=False)
    if not copy.built:
        copy.build()
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


def named_weights(layer):
    """The variables of a layer and of the layers within it, by names that do not depend on what else was made.

    Args:
        layer: A built Keras layer or model.

    Returns:
        Dictionary from the names of attributes on the way and of the variable, such as `"blocks/0/convolution/kernel"`,
        to variables.

    Example:

    >>> network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="first")])
    >>> list(keras_gan.serialization.named_weights(network))
    ['first/kernel', 'first/bias']
    """
    found = {}
    for path, child in _children(layer):
        found |= {f"{path}/{name}": weight for name, weight in named_weights(child).items()}
    inner = {id(weight) for weight in found.values()}
    for weight in layer.weights:
        if id(weight) not in inner:
            name, number = weight.name, 1
            while name in found:
                name, number = f"{weight.name}_{number}", number + 1
            found[name] = weight
    return found


def frozen(layer):
    """The outermost layers within a layer that are not trainable, by the names of attributes on the way to them.

    Args:
        layer: A built Keras layer or model.

    Returns:
        List of strings such as `"blocks/0/convolution"`.

    Example:

    >>> network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="first"), keras.layers.Dense(1)])
    >>> network.layers[0].trainable = False
    >>> keras_gan.serialization.frozen(network)
    ['first']
    """
    found = []
    for name, child in _children(layer):
        found += [name] if not child.trainable else [f"{name}/{path}" for path in frozen(child)]
    return found


def freeze(layer, paths):
    """Makes the layers that `frozen` named not trainable.

    Args:
        layer: The layer that `frozen` looked at, or another of the same structure.
        paths: What it returned.

    Raises:
        ValueError: If there is no layer of such a name.
    """
    for path in paths:
        inner = layer
        for part in _parts(layer, path):
            inner = part
        inner.trainable = False


def _children(layer):
    """Layers that a layer holds in attributes, and in their lists and dictionaries, with their names."""
    found = []
    for name, value in vars(layer).items():
        if name.startswith("_"):
            continue
        if isinstance(value, dict):
            found += [(f"{name}/{key}", member) for key, member in value.items()]
        elif isinstance(value, (list, tuple)):
            found += [(f"{name}/{i}", member) for i, member in enumerate(value)]
        else:
            found.append((name, value))
    found = [(name, member) for name, member in found if isinstance(member, keras.layers.Layer)]
    if not found and isinstance(layer, keras.Model):
        # Functional and sequential models hold theirs in none.
        found = [(member.name, member) for member in layer.layers]
    return found


def _parts(layer, path):
    """The layers on the way to one, each by its name within the one before."""
    while path:
        children = [(name, child) for name, child in _children(layer) if f"{path}/".startswith(f"{name}/")]
        if not children:
            raise ValueError(
                f"{layer.name} has no layer {path!r}, which the file says is frozen: use the same classes."
            )
        name, layer = children[0]
        path = path.removeprefix(name).removeprefix("/")
        yield layer
