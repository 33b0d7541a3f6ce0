"""The one way from a file of somebody's to a model, and from a model to networks that can be exported."""

import os
import zipfile
from pathlib import Path

import keras
import numpy as np

from keras_gan import networks, serialization
from keras_gan.networks import presets

# A path of a `.keras` file, a generator, or a model that has one.
Source = str | os.PathLike | keras.Model


def load_generator(model: Source) -> networks.Generator:
    """Finds the generator of a model, in float32.

    Args:
        model: A `keras_gan.networks.Generator`; a `GAN` or another model with a generator, of which the one that it
            samples from is taken: the moving average, where there is one; or the path of a `.keras` file of either; or
            `preset:NAME`, one that comes with the package, or `preset:FOLDER`, that `save_to_preset` wrote.
            A GAN may have a plain Keras model for a generator: the GAN knows its prior and classes.

    Returns:
        A `keras_gan.networks.Generator` whose variables and computations are float32, also where training used
        mixed precision. Where it did not, it is the model's own.

    Raises:
        ValueError: If there is no such file, it is damaged, or what it holds is no generator, returns other
            shapes than it declares, or has weights that are not finite.
    """
    found, where = _load(model)
    return _generator(found, where)


def load_translator(model: Source) -> networks.Translator:
    """Finds the translator of a model, in float32.

    Args:
        model: A `keras_gan.networks.Translator`; a `Pix2Pix` or a `CycleGAN`, of which the forward generator that it
            translates with is taken: the moving average, where there is one; or the path of a `.keras` file of either.

    Returns:
        A `keras_gan.networks.Translator` whose variables and computations are float32.

    Raises:
        ValueError: If there is no such file, it is damaged, or what it holds is no translator, or has weights that are
            not finite.
    """
    return _translator(*_load(model))


def _translator(found, where):
    """The checked float32 translator of a model."""
    translator = getattr(found, "sampler", found)
    if not isinstance(translator, networks.Translator):
        raise ValueError(
            "Expected a keras_gan.networks.Translator, a Pix2Pix or a CycleGAN. "
            f"Received: a {type(found).__name__} in {where}"
        )
    translator = serialization.in_float32(translator)
    _check_weights(translator, where)
    return translator


def load_network(model: Source) -> networks.Generator | networks.Translator:
    """Finds what a model makes images with: what `load_translator` returns where it translates, or `load_generator`.

    Args:
        model: As of either.

    Returns:
        The network, in float32.

    Raises:
        ValueError: As of either.
    """
    found, where = _load(model)
    translates = isinstance(getattr(found, "sampler", found), networks.Translator)
    return _translator(found, where) if translates else _generator(found, where)


def load_pair(model: Source) -> tuple[networks.Generator, keras.Model]:
    """Finds the generator and the discriminator of a GAN, in float32.

    Args:
        model: A `keras_gan.GAN`, or the path of its `.keras` file.

    Returns:
        The pair of what `load_generator` returns and the discriminator.

    Raises:
        ValueError: As `load_generator`, and if there is a generator alone, or the discriminator judges several images
            together or has weights that are not finite.
    """
    found, where = _load(model)
    generator = _generator(found, where)
    discriminator = getattr(found, "discriminator", None)
    if discriminator is None:
        raise ValueError(
            f"A discriminator is only in a GAN, the gan.keras of a run. Received: {where}, a generator alone"
        )
    if getattr(discriminator, "packing", 1) != 1:
        raise ValueError(
            "A discriminator that is exported must return one logit per image. Received: one in "
            f"{where} that judges {discriminator.packing} images at a time"
        )
    discriminator = serialization.in_float32(discriminator)
    _check_weights(discriminator, where)
    return generator, discriminator


def _generator(model, where):
    """The checked float32 generator of a model."""
    generator = getattr(model, "sampler", model)
    if isinstance(generator, networks.Translator):
        raise ValueError(
            "Expected a generator, which makes images of latents: what makes images of images has "
            f"`translate`, and `python -m trainers.translate`. Received: a {type(model).__name__} in {where}"
        )
    if not isinstance(generator, networks.Generator):
        if generator is model:
            raise ValueError(
                "Expected a keras_gan generator, which declares latent_dim, latent_prior, image_shape and num_classes, "
                f"or a GAN that has one or knows this of its own. Received: a {type(model).__name__} in {where}"
            )
        generator = networks.PlainGenerator(generator, model.latent_prior, model.num_classes, model.class_names)
    generator = serialization.in_float32(generator)
    shape = tuple(generator.compute_output_spec(generator.symbolic_inputs()).shape)
    if shape != (None, *generator.image_shape):
        raise ValueError(
            f"A generator must return images of its declared shape {generator.image_shape}. "
            f"Received: {where}, which returns {shape[1:]}"
        )
    _check_weights(generator, where)
    return generator


def _load(model):
    """A model, and what messages call the place where it was."""
    if isinstance(model, keras.Model):
        return model, f"the model {model.name!r}"
    if not isinstance(model, (str, os.PathLike)):
        raise ValueError(f"Expected a generator, a GAN or the path of a .keras file. Received: model={model!r}")
    if os.fspath(model).startswith(presets.PREFIX):
        return networks.Generator.from_preset(os.fspath(model)), model
    path = Path(model)
    return load_model(path), path


def place_of(model: str | os.PathLike) -> Path:
    """The file that a model's weights are in, with what is known of its training beside it.

    Args:
        model: Path of a `.keras` file, or `preset:NAME`.

    Returns:
        `pathlib.Path`.

    Raises:
        ValueError: If there is no such preset.
    """
    if os.fspath(model).startswith(presets.PREFIX):
        return presets.folder_of(model) / presets.WEIGHTS
    return Path(model)


def load_model(path: str | os.PathLike) -> keras.Model:
    """Reads a `.keras` file, whatever model it holds.

    Args:
        path: Path of the file.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If there is no such file, it is damaged, or what it holds is no model that can be read.
    """
    path = Path(path)
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "missing"
        raise ValueError(f"Expected a .keras file. Received: {path}, which is {kind}")
    if path.suffix != ".keras":
        raise ValueError(f"Expected a file that ends in .keras, made by `model.save`. Received: {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile:
        damaged = "the archive itself"
    if damaged:
        raise ValueError(f"{path} is truncated or damaged ({damaged}); save or copy it again.")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras passes on whatever a configuration that it cannot read runs into.
        reason = " ".join(str(error).split()).split(". ")[0]
        raise ValueError(
            f"{path} does not load as a Keras model: its configuration cannot be read ({reason})"
        ) from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"Expected a Keras model in {path}. Received: a {type(model).__name__}")
    return model


def _check_weights(network, where):
    """Raises `ValueError` if a weight is not finite."""
    for weight in network.weights:
        if not np.all(np.isfinite(np.asarray(weight))):
            raise ValueError(f"{where} has weights that are not finite ({weight.path}); its training diverged.")
