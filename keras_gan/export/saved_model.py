r"""Generators as TensorFlow SavedModels, complete as versions for TensorFlow Serving.

    keras_gan.export.saved_model.export(gan, "digits")
    keras_gan.export.saved_model.publish("RUN/generator.keras", "models/digits", keep=3)

The first writes one folder; the second the next numbered version in models/digits, which a running server picks up.
The result runs wherever TensorFlow does, without Keras and without this package. Every input has the batch as its
first axis; `label` exists only where the generator has classes.

| signature         | inputs                                                        | outputs                      |
|-------------------|---------------------------------------------------------------|------------------------------|
| `serving_default` | `latent` float32 (b, latent_dim), `label` int32 (b)           | `images` float32, in [-1, 1] |
| `sample`          | `seed` int64 (b), `truncation` float32 (b), `label` int32 (b) | `images` uint8               |
| `sample_png`      | as `sample`                                                   | `image_bytes` string (b)     |
| `latents`         | `seed` int64 (b), `truncation` float32 (b)                    | `latent` float32             |
| `discriminate`    | `images` float32, `label` int32 (b); `with_discriminator`     | `logits` float32 (b)         |

Image i of `sample` depends on `seed[i]`, `truncation[i]` and `label[i]` alone, and is what `generator.sample` makes
from that seed, up to one level in single pixels between batch sizes and machines. A generator of vectors, which have
no bytes, has neither `sample` nor `sample_png`: `latents` and `serving_default` together do the same. The graph itself
refuses labels out of range, latents and images that are not finite, truncations outside [0, 1] and inputs of unequal
length. docs/serving.md is written for whoever receives the result.

Of a translator, which has no latents, the signatures are those of `keras_gan.export.translation`: `translate`, from
images to images, and `translate_png`, from picture files to picture files.
"""

import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

import keras_gan
from keras_gan import cli, latents, networks, serialization
from keras_gan.export import loading, translation
from keras_gan.export.checks import signatures, translations, verification
from keras_gan.export.publishing import provenance, serving, warmup
from keras_gan.files import atomic, pictures

FORMAT_VERSION = 1
SEEDS = {
    "normal": (
        "bits = tf.random.stateless_uniform((latent_dim, 2), [seed, 0], None, None, tf.int32, 'philox'); "
        "u, v = (bits & 0xffffff) / 2^24; latent = truncation * sqrt(-2 log(1 - u)) * cos(2 pi v)"
    ),
    "uniform": (
        "bits = tf.random.stateless_uniform((latent_dim,), [seed, 0], None, None, tf.int32, 'philox'); "
        "latent = truncation * (2 (bits & 0xffffff) / 2^24 - 1)"
    ),
}
TRUNCATION = {
    "normal": "in [0, 1], multiplies latents: N(0, truncation^2) in place of the training prior N(0, 1)",
    "uniform": "in [0, 1], multiplies latents: U(-truncation, truncation) in place of the training prior U(-1, 1)",
}


def functions(
    generator: networks.Generator, batch_size: int | None = None, discriminator: keras.Model | None = None
) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
    """The functions that are exported.

    Args:
        generator: A `keras_gan.networks.Generator`.
        batch_size: Number of images per call, or `None` for any.
        discriminator: A `keras_gan.networks.Discriminator` with the same labels, or `None`.

    Returns:
        Dictionary from the name of a signature to `(function, list of tf.TensorSpec)`.

    Example:

    >>> from keras_gan.export import saved_model
    >>> generator = keras_gan.networks.MLPGenerator((8, 8, 1), latent_dim=4, hidden_units=(16,))
    >>> function, specs = saved_model.functions(generator)["sample"]
    >>> [spec.name for spec in specs]
    ['seed', 'truncation']
    >>> function(tf.constant([7, 8], tf.int64), tf.constant([1.0, 0.5]))["images"].shape
    TensorShape([2, 8, 8, 1])
    """

    def spec(name, dtype, *shape):
        return tf.TensorSpec((batch_size, *shape), dtype, name=name)

    def check_label(label, like):
        # Keras would take -1 for the last class, or for none.
        in_range = (label >= 0) & (label < generator.num_classes)
        label = _require(label, in_range, f"`label` must lie in [0, {generator.num_classes})")
        return label, _require_rows(like, label)

    def generate(latent, label):
        latent = _require(latent, tf.math.is_finite(latent), "`latent` must be finite")
        if label is None:
            return tf.cast(generator(latent, training=False), tf.float32)
        label, latent = check_label(label, latent)
        return tf.cast(generator([latent, label], training=False), tf.float32)

    def draw(seed, truncation):
        in_range = (truncation >= 0.0) & (truncation <= 1.0)
        truncation = _require(truncation, in_range, "`truncation` must lie in [0, 1]")
        seed = _require_rows(seed, truncation)
        return latents.from_seeds(seed, generator.latent_dim, generator.latent_prior, truncation)

    def serving_default(latent, label=None):
        return {"images": generate(latent, label)}

    def sample(seed, truncation, label=None):
        return {"images": pictures.tensor_to_uint8(generate(draw(seed, truncation), label))}

    def sample_png(seed, truncation, label=None):
        return {"image_bytes": tf.io.encode_png(sample(seed, truncation, label)["images"])}

    def draw_latents(seed, truncation):
        return {"latent": draw(seed, truncation)}

    def discriminate(images, label=None):
        images = _require(images, tf.math.is_finite(images), "`images` must be finite")
        if label is not None:
            label, images = check_label(label, images)
        logits = discriminator(images if label is None else [images, label], training=False)
        return {"logits": tf.reshape(tf.cast(logits, tf.float32), (-1,))}

    shape = generator.image_shape
    label = [] if generator.num_classes is None else [spec("label", tf.int32)]
    seeds = [spec("seed", tf.int64), spec("truncation", tf.float32)]
    result = {"serving_default": (serving_default, [spec("latent", tf.float32, generator.latent_dim), *label])}
    if len(shape) == 3:
        result["sample"] = (sample, [*seeds, *label])
    if len(shape) == 3 and shape[-1] <= 4:  # The most that a PNG has.
        result["sample_png"] = (sample_png, [*seeds, *label])
    result["latents"] = (draw_latents, seeds)
    if discriminator is not None:
        result["discriminate"] = (discriminate, [spec("images", tf.float32, *shape), *label])
    return result


def _require(value, condition, message):
    """`value`, which does not exist unless all of `condition` holds."""
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(condition), [message])]):
        return tf.identity(value)


def _require_rows(value, other):
    """`value`, which does not exist unless `other` is as long."""
    return _require(value, tf.equal(tf.shape(value)[0], tf.shape(other)[0]), "inputs must have the same number of rows")


def write(functions: dict[str, tuple[Callable, list[tf.TensorSpec]]], folder: str | os.PathLike) -> None:
    """Writes a SavedModel, unchecked.

    Args:
        functions: What `functions` returns, or some of it.
        folder: Path of the SavedModel.

    Raises:
        OSError: If it cannot be written.
    """
    # The archive finds the weights through the functions. Its `track(generator)` would write them twice.
    archive = keras.export.ExportArchive()
    for name, (function, specs) in functions.items():
        archive.add_endpoint(name, function, specs)
    try:
        with cli.silenced():
            archive.write_out(folder, verbose=False)
    except tf.errors.OpError as error:
        raise OSError(f"The SavedModel could not be written: {error.message}") from error


def describe(generator: networks.Generator) -> dict:
    """Facts that a program needs to run the export, as JSON holds them.

    Args:
        generator: A `keras_gan.networks.Generator`.

    Returns:
        Dictionary.
    """
    images = len(generator.image_shape) == 3
    return {
        "format_version": FORMAT_VERSION,
        "image_shape": list(generator.image_shape),
        "image_range": [-1, 1] if images else None,
        "uint8": pictures.ROUNDING if images else None,
        "latent_dim": generator.latent_dim,
        "latent_prior": generator.latent_prior,
        "num_classes": generator.num_classes,
        "class_names": generator.class_names,
        "seeds": SEEDS[generator.latent_prior],
        "truncation": TRUNCATION[generator.latent_prior],
        "parameters": generator.count_params(),
        "weights_sha256": serialization.weights_digest(generator),
        "versions": {
            "keras_gan": keras_gan.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
    }


def export(
    model: loading.Source,
    path: str | os.PathLike,
    overwrite: bool = False,
    with_discriminator: bool = False,
    name: str = "generator",
    thorough: bool = False,
) -> dict:
    """Writes a checked SavedModel: all of it, or nothing.

    It is complete as a version of TensorFlow Serving: with warm-up requests and batching parameters. Everything known
    about it is in `assets.extra/generator.json`, which loaders ignore.

    Args:
        model: A generator, a GAN or another model with a generator, or the path of a `.keras` file of either; see
            `keras_gan.export.loading.load_generator`. The card tells of the run folder that the file is in.
        path: The folder to write.
        overwrite: Whether an earlier SavedModel of that path may be replaced.
        with_discriminator: Whether the signature `discriminate` is added, of a GAN.
        name: Name of the model on a server.
        thorough: Whether it is also run by TensorFlow's C library alone, as a server runs it.

    Returns:
        The contents of `generator.json`.

    Raises:
        ValueError: If the model cannot be exported, `path` exists and may not be replaced, nothing can be written
            there, or a check fails.
        OSError: If it cannot be written.
    """
    if Path(path).is_file():
        raise ValueError(f"{path} is a file, and a SavedModel is a folder; choose another path.")
    serving.check_name(name)
    with atomic.write_folder(path, overwrite) as folder:
        return write_version(folder, model, with_discriminator, name, thorough)


def publish(
    model: loading.Source,
    base: str | os.PathLike,
    with_discriminator: bool = False,
    name: str | None = None,
    keep: int = 0,
    thorough: bool = False,
) -> tuple[Path, dict, list[Path]]:
    """Adds a checked SavedModel to a folder of versions, as the next one.

    Args:
        model: As of `export`.
        base: The folder of versions, made if it is missing.
        with_discriminator: As of `export`.
        name: Name of the model on a server; that of the folder if `None`.
        keep: Number of versions to keep, this one included: the oldest others are removed. 0 keeps all.
        thorough: As of `export`.

    Returns:
        The triple of the path of the new version, the contents of its `generator.json`, and the list of the
        versions that were removed.

    Raises:
        ValueError: If the model cannot be exported, nothing can be written there, or a check fails.
        OSError: If it cannot be written.
    """
    base = Path(base).absolute()
    name = serving.check_name(base.name if name is None else name)
    with serving.stage(base) as folder:
        card = write_version(folder, model, with_discriminator, name, thorough)
        path = serving.release(folder, base)
    serving.write_models_config(base, name)
    return path, card, serving.prune(base, keep)


def write_version(folder, model, with_discriminator, name, thorough):
    """Writes everything into a new folder, checks it, and returns its card."""
    generator, discriminator = loading.load_pair(model) if with_discriminator else (loading.load_network(model), None)
    if isinstance(generator, networks.Translator):
        return _write_translator(folder, model, generator, name, thorough)
    write(functions(generator, discriminator=discriminator), folder)
    serving.write_batching_parameters(folder)
    warmup.write(folder, name, verification.warmup_requests(generator, folder))
    signatures.check(folder)
    card = {
        "name": name,
        **describe(generator),
        "discriminator_sha256": None if discriminator is None else serialization.weights_digest(discriminator),
        "signatures": signatures.describe(folder),
        "fingerprint": str(tf.saved_model.experimental.read_fingerprint(str(folder)).singleprint()),
        "training": None if isinstance(model, keras.Model) else provenance.training(model),
        **verification.check(generator, folder, discriminator, thorough),
        "files": provenance.folder_digests(folder),
    }
    (folder / signatures.CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def _write_translator(folder, model, translator, name, thorough):
    """The same of a translator."""
    write(translation.functions(translator), folder)
    serving.write_batching_parameters(folder)
    warmup.write(folder, name, translations.warmup_requests(translator, folder))
    signatures.check(folder)
    card = {
        "name": name,
        **translation.describe(translator),
        "signatures": signatures.describe(folder),
        "fingerprint": str(tf.saved_model.experimental.read_fingerprint(str(folder)).singleprint()),
        "training": None if isinstance(model, keras.Model) else provenance.training(model),
        **translations.check(translator, folder, thorough),
        "files": provenance.folder_digests(folder),
    }
    (folder / signatures.CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card
