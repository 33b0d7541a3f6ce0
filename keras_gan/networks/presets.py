"""Trained generators that come with the package, and the format that they and one's own are kept in.

A preset is a folder with `preset.json`, which has the network's configuration, the digest of its weights and whatever
is known of its training; `weights.npz`, the weights by name, kernels as float16; and often `config.json`, the flags of
the run that it is from.
"""

import hashlib
import importlib.resources
import io
import json
import os
from pathlib import Path

import keras
import numpy as np

from keras_gan import serialization
from keras_gan.files import atomic

PREFIX = "preset:"
FOLDER = importlib.resources.files("keras_gan.networks") / "trained"
CARD, WEIGHTS = "preset.json", "weights.npz"


def names():
    """Names of the presets that come with the package, a list."""
    return sorted(entry.name for entry in FOLDER.iterdir() if (entry / CARD).is_file()) if FOLDER.is_dir() else []


def folder_of(preset):
    """The folder of a preset.

    Args:
        preset: Name of one that comes with the package, with or without `preset:` before it, or the path of a folder
            that `save_to_preset` wrote.

    Returns:
        `pathlib.Path`.

    Raises:
        ValueError: If there is none.
    """
    name = os.fspath(preset).removeprefix(PREFIX)
    if name in names():
        return Path(str(FOLDER / name))
    if (Path(name) / CARD).is_file():
        return Path(name)
    raise ValueError(
        f"A preset is one of {names()}, or a folder that `save_to_preset` wrote. Received: preset={name!r}"
    )


def card(preset):
    """Facts about a preset.

    Args:
        preset: As for `folder_of`.

    Returns:
        Dictionary: `description`, `network` (its configuration), `sha256` (of its weights); of those that come with the
        package `command`, `dataset`, `data_license`, `seed`, `steps`, `seconds`, and `metrics`, a list of records.

    Raises:
        ValueError: If there is no such preset, or its card is damaged.
    """
    file = folder_of(preset) / CARD
    try:
        found = json.loads(file.read_text("utf-8"))
        if not isinstance(found["network"], dict) or not isinstance(found["sha256"], str):
            raise TypeError("a field of another kind")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged: restore it, or reinstall keras_gan. Received: {error!r}") from None
    return found


def load(preset, cls=keras.Model):
    """The network of a preset, in float32.

    Args:
        preset: As for `folder_of`.
        cls: Class that it must be of.

    Returns:
        Keras model.

    Raises:
        ValueError: If there is no such preset, its files are damaged, or it is of another class.
    """
    found, file = card(preset), folder_of(preset) / WEIGHTS
    content = file.read_bytes() if file.is_file() else b""
    digest = hashlib.sha256(content).hexdigest()
    if digest != found["sha256"]:
        raise ValueError(
            f"The weights of the preset {preset} are damaged: restore {file}, or reinstall keras_gan. Received: a file "
            f"of sha256 {digest} and not {found['sha256']}"
        )
    network = keras.saving.deserialize_keras_object(found["network"])
    if not isinstance(network, cls):
        raise ValueError(
            f"{cls.__name__}.from_preset expects a {cls.__name__}. Received: preset={os.fspath(preset)!r}, a "
            f"{type(network).__name__}"
        )
    with np.load(io.BytesIO(content)) as arrays:
        for name, weight in serialization.named_weights(network).items():
            if name not in arrays.files or arrays[name].shape != weight.shape:
                raise ValueError(
                    f"{file} has no weight {name!r} of shape {tuple(weight.shape)}: it is of another network."
                )
            weight.assign(arrays[name].astype(weight.dtype))
    return network


def save(network, folder, facts=None, config=None):
    """Writes a network as a preset.

    Args:
        network: Keras model that serializes itself.
        folder: Folder to create.
        facts: Dictionary of what is known of it, for the card, or `None`.
        config: Flags of its run, a dictionary, or `None`.

    Raises:
        ValueError: If there is something in the folder already.
    """
    network = serialization.in_float32(network)
    arrays = {
        name: np.asarray(weight).astype(np.float16 if len(weight.shape) > 1 else np.float32)
        for name, weight in serialization.named_weights(network).items()
    }
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{network.name} has weights that float16 does not hold. Received: {name}")
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    written = {
        **(facts or {}),
        "parameters": network.count_params(),
        "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
        "network": keras.saving.serialize_keras_object(network),
    }
    with atomic.write_folder(folder) as partial:
        partial.mkdir()
        (partial / WEIGHTS).write_bytes(content.getvalue())
        (partial / CARD).write_text(json.dumps(written, indent=2) + "\n", "utf-8")
        if config is not None:
            (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


class OfClass:
    """The attribute `presets` of a class: the presets that come with the package and are of it, by name."""

    def __get__(self, instance, owner):
        found = {}
        for name in names():
            facts = card(name)
            made_by = keras.saving.get_registered_object(facts["network"]["registered_name"])
            if made_by is not None and issubclass(made_by, owner):
                found[name] = {key: value for key, value in facts.items() if key != "network"}
        return found
