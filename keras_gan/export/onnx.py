r"""Generators as ONNX files.

    keras_gan.export.onnx.export(gan, "digits.onnx")

The file takes `latent` float32 (batch, latent_dim) and, where the generator has classes, `label` int32 (batch), and
gives `images` float32 (batch, height, width, channels) in [-1, 1], for any batch. Only operators of ONNX' standard
domain are used. A translator takes `images` and gives `translated`, both float32 (batch, height, width, channels) in
[-1, 1]. It needs tf2onnx, onnx and onnxruntime: pip install 'keras_gan[onnx]'.

ONNX has no assertions, so those of the SavedModel are replaced or gone: labels out of range are refused by ONNX
Runtime's CPU provider, where a table is read out of bounds; latents that are not finite give images that are not
finite; there are no seeds, so the caller draws latents. FILE.onnx.json, the card, says all that is to be known about
the file.
"""

import contextlib
import dataclasses
import logging
import os
from pathlib import Path

import tensorflow as tf

from keras_gan import cli, networks
from keras_gan.export import loading, portable
from keras_gan.export.checks import parity

PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
OPSET = 17  # of 2022; ONNX Runtime 1.12 and later have it
GATE = parity.Gate(max_difference=1e-5)
BATCH_SIZES = (1, 16)


def convert(generator: networks.Generator):
    """Converts a generator, unchecked.

    Args:
        generator: A `keras_gan.networks.Generator`.

    Returns:
        `onnx.ModelProto`.

    Raises:
        ValueError: If a package is missing, or the generator uses operations without a counterpart in ONNX.
    """
    cli.require(PACKAGES, "ONNX")
    import onnx
    import tf2onnx

    function, specs = portable.function(generator)
    if isinstance(generator, networks.Translator):
        translate = function

        def function(images):
            # Names of inputs and outputs are those of one graph.
            return {"translated": translate(images)["images"]}

    with cli.silenced(), _unlogged("tf2onnx"):
        try:
            # Of the saved generator, not of a SavedModel, whose assertions the converter would cut out.
            model, _ = tf2onnx.convert.from_function(
                tf.function(function, autograph=False), input_signature=specs, opset=OPSET
            )
        except Exception as error:  # Whatever the converter runs into.
            raise ValueError(f"The generator does not convert to ONNX: {str(error).splitlines()[0]}") from error
    foreign = operators(model)[1]
    if foreign:
        raise ValueError(f"The generator does not convert to standard ONNX operators. Received: {', '.join(foreign)}")
    domains = [entry for entry in model.opset_import if not entry.domain]  # The converter declares more than it uses.
    del model.opset_import[:]
    model.opset_import.extend(domains)
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    for size, value in zip(generator.image_shape, model.graph.output[0].type.tensor_type.shape.dim[1:], strict=True):
        value.dim_value = size
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"The converted generator is no valid ONNX model: {str(error).splitlines()[0]}") from error
    return model


@contextlib.contextmanager
def _unlogged(name):
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def operators(model) -> tuple[list[str], list[str]]:
    """The operators of an ONNX model, those of nested graphs and functions too.

    Args:
        model: `onnx.ModelProto`.

    Returns:
        Two sorted lists of names: those of the standard domain, which every runtime has, and others: of other domains,
        or unknown to it.
    """
    import onnx

    found = set()

    def visit(nodes):
        for node in nodes:
            found.add((node.domain, node.op_type))
            for attribute in node.attribute:
                for graph in [attribute.g, *attribute.graphs]:
                    visit(graph.node)

    visit(model.graph.node)
    for item in model.functions:
        visit(item.node)
    standard = {pair for pair in found if pair[0] in ("", "ai.onnx") and onnx.defs.has(pair[1], domain="")}
    names = ["::".join(filter(None, pair)) for pair in found - standard]
    return sorted(name for _, name in standard), sorted(names)


def export(model: loading.Source, path: str | os.PathLike, overwrite: bool = False) -> dict:
    """Writes a checked `.onnx` file and its card: both, or nothing.

    Args:
        model: A generator, a GAN or another model with a generator, or the path of a `.keras` file of either; see
            `keras_gan.export.loading.load_generator`.
        path: The file to write, ending in `.onnx`.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The card, a dictionary; `keras_gan.export.portable.describe` says what is in it.

    Raises:
        ValueError: If an argument is out of range, a package is missing, the model cannot be exported, `path` exists
            and may not be replaced, the generator uses operations without a counterpart in ONNX, or images differ
            from those of Keras.
        OSError: If it cannot be written.
    """
    if Path(path).suffix != ".onnx":
        raise ValueError(f"The name of an ONNX file must end in .onnx. Received: {path}")
    cli.require(PACKAGES, "ONNX")
    with portable.staged(path, overwrite) as (staging, card_path):
        generator = loading.load_network(model)
        converted = convert(generator)
        contents = converted.SerializeToString()
        file = staging.with_suffix(".onnx")  # The interpreter that runs a file is chosen by its suffix.
        file.write_bytes(contents)
        batches = [("serving_default", size) for size in BATCH_SIZES]
        report = parity.measure(file, batches, portable.reference(generator), parity.sampler_of(generator))
        failures = GATE.failures(report["rows"])
        accepted = [name for name, answer in report["bad_inputs"].items() if "label" in name and answer != "refused"]
        if accepted:
            raise ValueError(f"The file must refuse labels out of range. Received: images for {', '.join(accepted)}")
        if failures:
            raise ValueError(f"The ONNX file is not accepted: {', '.join(failures)}.")
        facts = {"format": "float32", "opset": OPSET, "operators": operators(converted)[0]}
        facts["gate"] = dataclasses.asdict(GATE)
        card = portable.describe(generator, path, contents, {"serving_default": None}, report, **facts)
        card = portable.write_card(card_path, card)
        file.rename(staging)
    return card
