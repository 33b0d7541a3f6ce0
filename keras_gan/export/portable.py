"""Common parts of `.tflite` and `.onnx` files: the function that is converted, and the card beside the file."""

import contextlib
import hashlib
import json
import math
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan import networks, serialization
from keras_gan.export.checks import parity, signatures
from keras_gan.files import atomic, pictures, schema

CARD_VERSION = 1
SEEDS = (
    "A seed's latent is the output of the signature `latents` of a SavedModel of the same generator, with the inputs "
    "seed int64 (b) and truncation float32 (b); in Python it is truncation * keras_gan.latents.from_seeds. Latents of "
    "this prior from any other source give other pictures of the same kind."
)
PRIORS = {"normal": "independent N(0, 1)", "uniform": "independent U(-1, 1)"}


def function(generator: networks.Generator, batch_size: int | None = None) -> tuple[Callable, list[tf.TensorSpec]]:
    """The function that is converted: latents, and labels where there are classes, to images.

    Labels out of range are refused: TFLite and ONNX keep no assertions, but both refuse to read a table where it
    has no entry, so labels are looked up in the table 0, 1, 2, ... first. Negative ones, which would count from its
    end, are sent past it.

    Args:
        generator: A `keras_gan.networks.Generator` or `Translator`.
        batch_size: Number of images per call, or `None` for any.

    Returns:
        The pair of a function of `latent` and `label`, of `latent`, or of `images`, that returns `{"images": float32
        images}`, and a list of its `tf.TensorSpec`.

    Example:

    >>> from keras_gan.export import portable
    >>> generator = keras_gan.networks.MLPGenerator((8, 8, 1), latent_dim=4, hidden_units=(16,), num_classes=3)
    >>> convertible, specs = portable.function(generator, batch_size=1)
    >>> [(spec.name, spec.shape.as_list()) for spec in specs]
    [('latent', [1, 4]), ('label', [1])]
    """
    if isinstance(generator, networks.Translator):
        images = tf.TensorSpec((batch_size, *generator.source_shape), tf.float32, name="images")
        return lambda images: {"images": tf.cast(generator(images, training=False), tf.float32)}, [images]
    latent = tf.TensorSpec((batch_size, generator.latent_dim), tf.float32, name="latent")
    if generator.num_classes is None:
        return lambda latent: {"images": tf.cast(generator(latent, training=False), tf.float32)}, [latent]

    def generate(latent, label):
        classes = tf.range(generator.num_classes)  # a constant of this graph; one from outside would be its input
        label = tf.gather(classes, tf.where(label < 0, generator.num_classes, label))
        return {"images": tf.cast(generator([latent, label], training=False), tf.float32)}

    return generate, [latent, tf.TensorSpec((batch_size,), tf.int32, name="label")]


def reference(generator: networks.Generator) -> Callable:
    """The generator as `parity.measure` calls it: on the CPU, where the file runs too."""

    def made(latent=None, label=None, images=None):
        given = latent if images is None else images
        with tf.device("CPU"):
            return generator(given if label is None else [given, label], training=False)

    return made


def card_path(path: str | os.PathLike) -> Path:
    """Path of the card of a file: beside it, under its whole name and `.json`."""
    return Path(f"{path}.json")


@contextlib.contextmanager
def staged(out: str | os.PathLike, overwrite: bool = False) -> Iterator[tuple[Path, Path]]:
    """Yields paths to write a file and its card to: both take their places, or neither.

    The file comes last, so that there is never a file without its card.

    Args:
        out: Path of the file.
        overwrite: Whether an existing file or card may be replaced.

    Yields:
        A pair of paths.
    """
    with atomic.write_folder(out, overwrite) as file, atomic.write_folder(card_path(out), overwrite) as card:
        yield file, card


def describe(generator, out, contents, batches, report, **facts):
    """The card: what a program that runs the file needs to know, and what was found out about it.

    Args:
        generator: A `keras_gan.networks.Generator` or `Translator`.
        out: Path that the file gets.
        contents: The file's contents, bytes.
        batches: Dictionary from the names of signatures to batch sizes, `None` for any.
        report: What `parity.measure` returned.
        **facts: Further entries.

    Returns:
        Dictionary, as JSON holds it.
    """
    vectors = len(generator.image_shape) == 1
    if isinstance(generator, networks.Translator):
        taken = {"source_shape": list(generator.source_shape)}
    else:
        taken = {
            "latent_dim": generator.latent_dim,
            "latent_prior": generator.latent_prior,
            "latents": f"{PRIORS[generator.latent_prior]}, multiplied by a truncation in [0, 1] for less variety",
            "seeds": SEEDS,
        }
    return {
        "card_version": CARD_VERSION,
        "file": {"name": Path(out).name, "bytes": len(contents), "sha256": hashlib.sha256(contents).hexdigest()},
        **facts,
        "signatures": {name: _signature(generator, size) for name, size in batches.items()},
        **taken,
        "num_classes": generator.num_classes,
        "class_names": generator.class_names,
        "uint8": None if vectors else pictures.ROUNDING,
        "bad_inputs": report["bad_inputs"],
        "parity": {
            "reference": "the Keras generator in float32",
            "interpreter": report["interpreter"],
            "level_error": f"levels of 255 that {parity.PERCENTILE} % of all bytes stay within",
            "rows": report["rows"],
        },
        "latency": {"machine": platform.machine(), "cpus": os.cpu_count(), "calls": report["latency"]},
        "parameters": generator.count_params(),
        "weights_sha256": serialization.weights_digest(generator),
        "versions": {
            "keras_gan": keras_gan.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "interpreter": report["interpreter"],
        },
    }


def _signature(generator, size):
    rows = "batch" if size is None else size
    vectors = len(generator.image_shape) == 1
    if isinstance(generator, networks.Translator):
        # In ONNX, which has no signatures to tell them apart, names of inputs and outputs differ.
        output = "translated" if size is None else "images"
        shapes = {"images": generator.source_shape}, {output: generator.image_shape}
        inputs, outputs = (
            {name: {"dtype": "float32", "shape": [rows, *shape], "range": [-1, 1]} for name, shape in side.items()}
            for side in shapes
        )
        return {"batch_size": size, "inputs": inputs, "outputs": outputs}
    inputs = {"latent": {"dtype": "float32", "shape": [rows, generator.latent_dim], "range": "finite"}}
    if generator.num_classes is not None:
        inputs["label"] = {"dtype": "int32", "shape": [rows], "range": [0, generator.num_classes - 1]}
    shape = [rows, *generator.image_shape]
    outputs = {"images": {"dtype": "float32", "shape": shape, "range": None if vectors else [-1, 1]}}
    return {"batch_size": size, "inputs": inputs, "outputs": outputs}


def write_card(path: Path, card: dict) -> dict:
    """Writes a card, and returns it as it stands there: numbers that are not finite are null, as JSON has none."""
    text = json.dumps(_finite(card), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return json.loads(text)


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_card(path: str | os.PathLike) -> dict | None:
    """The card of a file, or `None` where there is none.

    Args:
        path: Path of the `.tflite` or `.onnx` file.

    Returns:
        Dictionary or `None`.

    Raises:
        ValueError: If the card cannot be read, or describes another file.
    """
    card_file = card_path(path)
    if not card_file.is_file():
        return None
    try:
        card = schema.read(card_file, _form)
    except ValueError as error:
        raise ValueError(f"{card_file} is no card of an exported file: {error}. Delete it, or export again.") from None
    if hashlib.sha256(Path(path).read_bytes()).hexdigest() != card["file"]["sha256"]:
        raise ValueError(f"{path} is not the file that {card_file.name} describes; delete that, or export again.")
    return card


def read_saved_model_card(folder: str | os.PathLike) -> dict:
    """The card inside a SavedModel that `export.saved_model` wrote.

    Args:
        folder: Path of the SavedModel.

    Returns:
        Dictionary with `latent_dim`, `latent_prior` and `num_classes`; of a translator with `source_shape`.

    Raises:
        ValueError: If there is none.
    """
    file = Path(folder, signatures.CARD)
    try:
        card = schema.read(file, _call_form)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"Expected a card beside the file, or {file}, to say how the generator is called: {reason}"
        ) from None
    names = ("source_shape",) if "source_shape" in card else ("latent_dim", "latent_prior", "num_classes")
    return {name: card.get(name) for name in names}


def _call_form(card, where):
    """The form of a card, as far as it says how the generator is called."""
    if isinstance(card, dict) and "source_shape" in card:
        schema.table(source_shape=schema.array(schema.integer(1, 10**5), 3, 3))(card, where)
        return
    schema.table(latent_dim=schema.integer(1, 10**6), latent_prior=schema.text)(card, where)
    schema.classes(card, where)
    if card["latent_prior"] not in PRIORS:
        raise ValueError(f"latent_prior must be one of {list(PRIORS)}. Received: {card['latent_prior']!r:.60}")


def _form(card, where):
    schema.table(file=schema.table(sha256=schema.text))(card, where)
    _call_form(card, where)
