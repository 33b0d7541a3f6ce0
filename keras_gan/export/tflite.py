r"""Generators as files for TFLite (LiteRT) interpreters, and checks of such files.

    keras_gan.export.tflite.export(gan, "digits.tflite", format="int8")

The file has the signature `serving_default`: `latent` float32 (b, latent_dim) and, where the generator has classes,
`label` int32 (b), to `images` float32 in [-1, 1]. The batch size b is fixed: a free one would make the file slower,
and its quantized forms many times slower. `batch_sizes=(1, 8)` makes one file of two signatures, `serving_default` for
the first size and `batch_8`, that share their weights. TFLite has no seeded random numbers: the caller draws latents
from the generator's prior. Labels out of range are refused; latents that are not finite are not. A translator has
`translate` in place of `serving_default`, from `images` float32 (b, height, width, channels) in [-1, 1] to `images`,
and no int8, for which pictures would be needed. FILE.tflite.json, the card, says all that is to be known about the
file.

| format    | weights                                                   | a large network's bytes per parameter |
|-----------|-----------------------------------------------------------|---------------------------------------|
| `float32` | as trained                                                | 4                                     |
| `float16` | rounded to 16 bits, computed with in 32                   | 2                                     |
| `dynamic` | kernels rounded to 8 bits, activations while the net runs | 1                                     |
| `int8`    | 8 bits, activations too, in ranges found beforehand       | 1                                     |

Every file is run in LiteRT and compared with Keras on latents that no calibration saw, for every signature and class.
It is written only if the worst of them reaches the least PSNR, and if 99.9 % of its bytes stay within the largest
level error; `min_psnr` and `max_level_error` replace what the format asks.
"""

import dataclasses
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from keras_gan import cli, networks
from keras_gan.export import loading, portable, saved_model
from keras_gan.export.checks import parity

FORMATS = ("float32", "float16", "dynamic", "int8")
# float32 differs by the order of sums alone. The others are limits that a trained network keeps and a person hardly
# sees: 60, 40 and 35 dB are root mean square errors of 0.3, 2.6 and 4.5 levels of 255. Broken conversions, such as one
# that cuts latents off, have about 12 dB, with differences over the full range.
GATES = {
    "float32": parity.Gate(max_difference=1e-5),
    "float16": parity.Gate(min_psnr=60.0, max_level_error=2.0),
    "dynamic": parity.Gate(min_psnr=40.0, max_level_error=16.0),
    "int8": parity.Gate(min_psnr=35.0, max_level_error=32.0),
}
CALIBRATION_IMAGES = 256


def signatures(batch_sizes: Iterable[int], first: str = "serving_default") -> dict[str, int]:
    """The names of the signatures of a file: `serving_default` for the first batch size, `batch_N` for others.

    Args:
        batch_sizes: Positive integers, all different.
        first: Another name for the first: `"translate"` of a translator.

    Returns:
        Dictionary from names to batch sizes.

    Raises:
        ValueError: If they are not.

    Example:

    >>> from keras_gan.export import tflite
    >>> tflite.signatures([1, 8])
    {'serving_default': 1, 'batch_8': 8}
    """
    sizes = list(batch_sizes)
    if not sizes or min(sizes) < 1 or len(set(sizes)) < len(sizes):
        raise ValueError(f"`batch_sizes` must be positive integers, all different. Received: batch_sizes={sizes}")
    return {f"batch_{size}" if i else first: size for i, size in enumerate(sizes)}


def gate(format: str, min_psnr: float | None = None, max_level_error: float | None = None) -> parity.Gate:
    """The gate of a format, with other limits where they are given.

    Args:
        format: One of `FORMATS`.
        min_psnr: Decibels, or `None` for what the format asks.
        max_level_error: Levels, or `None` likewise.

    Returns:
        A `parity.Gate`.
    """
    given = {"min_psnr": min_psnr, "max_level_error": max_level_error}
    return dataclasses.replace(GATES[format], **{name: value for name, value in given.items() if value is not None})


def convert(generator: networks.Generator, format: str = "float32", batch_sizes: Sequence[int] = (1,)) -> bytes:
    """Converts a generator, unchecked.

    Args:
        generator: A `keras_gan.networks.Generator`.
        format: One of `FORMATS`. `int8` is calibrated on `CALIBRATION_IMAGES` latents of the generator's prior, of all
            classes evenly; its inputs and outputs stay float32, labels int32.
        batch_sizes: Numbers of images per call, one signature each.

    Returns:
        The file's contents, bytes.

    Raises:
        ValueError: If the generator uses operations that TFLite does not have.
    """
    names = signatures(batch_sizes, _first(generator))
    # Converting the Keras model instead would name inputs and outputs after tensors; converting a concrete
    # function of it would lose the weights without a word.
    with tempfile.TemporaryDirectory() as folder, cli.silenced():
        saved_model.write({name: portable.function(generator, size) for name, size in names.items()}, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(names))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if format != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if format == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if format == "int8":
            # Not one operation may be left in float: such a file would run where it is meant to, and slowly.
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.representative_dataset = lambda: _calibration(generator, names)
        try:
            return converter.convert()
        except Exception as error:  # TensorFlow does not publish the class of its converter's errors.
            unknown = re.findall(r"(?:TF Select|Custom) ops: (.+)", str(error))
            raise ValueError(_refusal(unknown or str(error).splitlines()[:1])) from error


def _first(network):
    """The name of the first signature."""
    return "translate" if isinstance(network, networks.Translator) else "serving_default"


def _calibration(generator, names):
    """Pairs of a signature and its inputs: the same latents and labels for every signature."""
    inputs = parity.LatentSampler.of(generator).draw(0, CALIBRATION_IMAGES)
    count = len(inputs["latent"])
    for name, size in names.items():
        for start in range(0, count, size):
            rows = [row % count for row in range(start, start + size)]
            yield name, {key: value[rows] for key, value in inputs.items()}


def _refusal(operators):
    return f"The generator does not convert to built-in TFLite operations. Received: {', '.join(operators)}"


def operators(contents: bytes) -> tuple[list[str], list[str]]:
    """The operations of a `.tflite` file.

    Args:
        contents: The file's contents, bytes.

    Returns:
        Two sorted lists of names: built-in operations, which every interpreter has, and custom ones, which need a
        delegate or a library. Those that start with "Flex" are TensorFlow's.
    """
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    codes = schema.ModelT.InitFromPackedBuf(contents, 0).operatorCodes
    builtin = {names[code.builtinCode] for code in codes if not code.customCode}
    return sorted(builtin), sorted({code.customCode.decode() for code in codes if code.customCode})


def inspect(contents: bytes) -> tuple[str, dict[str, int]]:
    """Facts that a `.tflite` file holds about itself.

    Args:
        contents: The file's contents, bytes.

    Returns:
        The pair of its format, one of `FORMATS`, and a dictionary from the names of its signatures to batch sizes. A
        network too small to be quantized is in float32, whatever format was asked for.

    Raises:
        ValueError: If it is no such file, or not one of a generator.
    """
    try:
        model = schema.ModelT.InitFromPackedBuf(contents, 0)
        batches = {}
        for signature in model.signatureDefs:
            inputs = {item.name.decode(): item.tensorIndex for item in signature.inputs}
            taken = inputs["latent"] if "latent" in inputs else inputs["images"]
            shape = model.subgraphs[signature.subgraphIndex].tensors[taken].shape
            batches[signature.signatureKey.decode()] = int(shape[0])
        batches = dict(sorted(batches.items(), key=lambda item: (item[0].startswith("batch_"), item[1])))
        types = {(tensor.type, _constant(model, tensor)) for graph in model.subgraphs for tensor in graph.tensors}
    except Exception as error:  # The parser trusts its input, and fails in many ways.
        raise ValueError("Expected a .tflite file with signatures that take `latent` or `images`.") from error
    kinds = schema.TensorType
    if (kinds.FLOAT16, True) in types:
        return "float16", batches
    if (kinds.INT8, True) not in types:
        return "float32", batches
    return "int8" if (kinds.INT8, False) in types else "dynamic", batches


def _constant(model, tensor):
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def export(
    model: loading.Source,
    path: str | os.PathLike,
    format: str = "float32",
    batch_sizes: Sequence[int] = (1,),
    min_psnr: float | None = None,
    max_level_error: float | None = None,
    overwrite: bool = False,
) -> dict:
    """Writes a checked `.tflite` file and its card: both, or nothing.

    Args:
        model: A generator, a GAN or another model with a generator, or the path of a `.keras` file of either; see
            `keras_gan.export.loading.load_generator`.
        path: The file to write, ending in `.tflite`.
        format: One of `FORMATS`.
        batch_sizes: Numbers of images per call, one signature each.
        min_psnr: Least PSNR in decibels, or `None` for what `GATES` has for the format.
        max_level_error: Levels of 255 that 99.9 % of all bytes must stay within, or `None` likewise.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The card, a dictionary; `keras_gan.export.portable.describe` says what is in it.

    Raises:
        ValueError: If an argument is out of range, the model cannot be exported, `path` exists and may not be
            replaced, the generator uses operations that TFLite does not have, or the file does not pass.
        OSError: If it cannot be written.
    """
    if format not in FORMATS:
        raise ValueError(f"`format` must be one of {list(FORMATS)}. Received: format={format!r}")
    signatures(batch_sizes)
    if Path(path).suffix != ".tflite":
        raise ValueError(f"The name of a TFLite file must end in .tflite. Received: {path}")
    limits = gate(format, min_psnr, max_level_error)
    with portable.staged(path, overwrite) as (staging, card_path):
        generator = loading.load_network(model)
        if format == "int8" and isinstance(generator, networks.Translator):
            raise ValueError(
                "int8 is calibrated on inputs of the network, and of pictures a .keras file has none: use dynamic, "
                "which has 8-bit weights too. Received: format='int8' for a translator"
            )
        names = signatures(batch_sizes, _first(generator))
        contents = convert(generator, format, batch_sizes)
        builtin, custom = operators(contents)
        if custom:
            raise ValueError(_refusal(custom))
        # The interpreter that runs a file is chosen by its suffix.
        file = staging.with_suffix(".tflite")
        file.write_bytes(contents)
        report = parity.measure(file, list(names.items()), portable.reference(generator), parity.sampler_of(generator))
        judge(report, limits, format)
        facts = {"format": format, "operators": builtin, "gate": dataclasses.asdict(limits)}
        facts["calibration"] = _describe_calibration(generator) if format == "int8" else None
        card = portable.describe(generator, path, contents, names, report, **facts)
        card = portable.write_card(card_path, card)
        file.rename(staging)
    return card


def _describe_calibration(generator):
    count = len(parity.LatentSampler.of(generator).draw(0, CALIBRATION_IMAGES)["latent"])
    latents = f"keras_gan.latents.from_seeds of the seeds 0 to {count - 1}, without truncation"
    per_class = None if generator.num_classes is None else count // generator.num_classes
    return {"images": count, "latents": latents, "images_per_class": per_class}


def judge(report, limits, format):
    """Raises `ValueError` if a report does not pass a gate, or labels out of range are not refused."""
    failures = limits.failures(report["rows"])
    accepted = [name for name, answer in report["bad_inputs"].items() if "label" in name and answer != "refused"]
    if accepted:
        raise ValueError(f"The file must refuse labels out of range. Received: images for {', '.join(accepted)}")
    if failures:
        advice = "" if format == "float32" else "; use a format of more bits, or pass --min_psnr or --max_level_error"
        raise ValueError(f"The {format} file is not accepted: {', '.join(failures)}{advice}.")


def check(file: str | os.PathLike, folder: str | os.PathLike) -> tuple[dict, str]:
    """Runs a `.tflite` file against the SavedModel of the same generator.

    What must be known to call them comes from the card of either.

    Args:
        file: Path of the file.
        folder: Path of the SavedModel.

    Returns:
        The pair of what `parity.measure` found and the file's format.

    Raises:
        ValueError: If the file or the folder cannot be used, or the file uses operations that not every interpreter
            has.
    """
    file, folder = Path(file), Path(folder)
    if not file.is_file() or file.suffix != ".tflite":
        raise ValueError(f"Expected a .tflite file. Received: {file}")
    if not (folder / "saved_model.pb").is_file():
        raise ValueError(f"Expected the folder of a SavedModel. Received: {folder}")
    contents = file.read_bytes()
    format, batches = inspect(contents)
    custom = operators(contents)[1]
    if custom:
        raise ValueError(f"{file} uses operations that are not built in: {', '.join(custom)}")
    card = portable.read_card(file) or portable.read_saved_model_card(folder)
    wanted = card.get("format", format) if "file" in card else format
    if wanted not in list(FORMATS):
        raise ValueError(f"{portable.card_path(file)} is damaged: it says the format {wanted!r}. Export again.")
    sampler = parity.sampler_of_card(card)
    with cli.silenced():
        call = tf.saved_model.load(folder).signatures["serving_default"]

    def reference(**inputs):
        return call(**{name: tf.constant(value) for name, value in inputs.items()})["images"].numpy()

    report = parity.measure(file, list(batches.items()), reference, sampler)
    return report, wanted
