"""The one way from a saved model to networks that can be exported."""

import zipfile
from pathlib import Path

import keras
import numpy as np

import keras_gan


def load_generator(path):
    """Loads the generator of a `.keras` file, in float32.

    Args:
        path: A saved `keras_gan.networks.Generator`, or a saved GAN, of which the generator that it samples from
            is taken: the moving average, where there is one.

    Returns:
        A `keras_gan.networks.Generator` whose variables and computations are float32, also where training used
        mixed precision.

    Raises:
        ValueError: If there is no such file, it is damaged, or what it holds is no generator, returns other
            shapes than it declares, or has weights that are not finite.
    """
    return _generator(_load(Path(path)), path)


def load_pair(path):
    """Loads the generator and the discriminator of a saved GAN, in float32.

    Args:
        path: A `.keras` file of a `keras_gan.GAN`.

    Returns:
        The pair of what `load_generator` returns and a `keras_gan.networks.Discriminator`.

    Raises:
        ValueError: As `load_generator`, and if the file holds a generator alone, or the discriminator is not one of
            `keras_gan.networks`, judges several images together, or has weights that are not finite.
    """
    model = _load(Path(path))
    generator = _generator(model, path)
    discriminator = getattr(model, "discriminator", None)
    if discriminator is None:
        raise ValueError(
            f"A discriminator is only in a saved GAN, the gan.keras of a run. Received: {path}, a generator alone"
        )
    if not isinstance(discriminator, keras_gan.networks.Discriminator):
        raise ValueError(
            "Expected a GAN with a keras_gan discriminator, which declares image_shape and num_classes. "
            f"Received: a {type(discriminator).__name__} in {path}"
        )
    if getattr(discriminator, "packing", 1) != 1:
        raise ValueError(
            "A discriminator that is exported must return one logit per image. Received: one in "
            f"{path} that judges {discriminator.packing} images at a time"
        )
    discriminator = _float32(discriminator)
    _check_weights(discriminator, path)
    return generator, discriminator


def _generator(model, path):
    """The checked float32 generator of a model."""
    generator = getattr(model, "sampler", model)
    if not isinstance(generator, keras_gan.networks.Generator):
        raise ValueError(
            "Expected a keras_gan generator, which declares latent_dim, latent_prior, image_shape and num_classes, "
            f"or a GAN that has one. Received: a {type(generator).__name__} in {path}"
        )
    generator = _float32(generator)
    shape = tuple(generator.compute_output_spec(generator.symbolic_inputs()).shape)
    if shape != (None, *generator.image_shape):
        raise ValueError(
            f"A generator must return images of its declared shape {generator.image_shape}. "
            f"Received: {path}, which returns {shape[1:]}"
        )
    _check_weights(generator, path)
    return generator


def _load(path):
    """The model in a `.keras` file, or one sentence on why there is none."""
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
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras passes on whatever a configuration that it cannot read runs into.
        raise ValueError(f"{path} does not load as a Keras model: {str(error).split('. ')[0]}") from error


def _float32(network):
    """The same network without mixed precision."""
    if network.dtype_policy.name == "float32":
        return network
    rebuilt = type(network).from_config({**network.get_config(), "dtype": "float32"})
    rebuilt.set_weights(network.get_weights())
    return rebuilt


def _check_weights(network, path):
    """Raises `ValueError` if a weight is not finite."""
    for weight in network.weights:
        if not np.all(np.isfinite(np.asarray(weight))):
            raise ValueError(f"{path} has weights that are not finite ({weight.path}); its training diverged.")
