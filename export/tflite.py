r"""Exports a generator as a file for TFLite (LiteRT) interpreters.

    python -m export.tflite --model=RUN/generator.keras --out=FILE.tflite [--format=float32|float16|dynamic]

The file has the signature `serving_default`: `latent` float32 (b, latent_dim) and, where the generator has classes,
`label` int32 (b), to `images` float32 in [-1, 1]. The batch size b is fixed: a free one would make the file slower,
and its quantized forms many times slower. TFLite keeps no assertions and has no seeded random numbers: the caller
checks labels, and draws latents from the generator's prior.

| format    | weights                                                   | size of a large network |
|-----------|-----------------------------------------------------------|-------------------------|
| `float32` | as trained                                                | 4 bytes per parameter   |
| `float16` | rounded to 16 bits, computed with in 32                   | 2                       |
| `dynamic` | kernels rounded to 8 bits, activations while the net runs | 1                       |
"""

import dataclasses
import re
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from export import checks, loading, saved_model
from keras_gan import command, latents, staging
from keras_gan.command import option

FORMATS = ("float32", "float16", "dynamic")
MAX_DIFFERENCE = 1e-5
# Far below what a sound conversion reaches (about 75 and 50 dB), far above what a broken one does.
MIN_PSNR = {"float16": 60.0, "dynamic": 30.0}
CHECK_IMAGES = 8


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    model: str = option("", "The saved generator or GAN, a .keras file.")
    out: str = option("", "File to write, ending in .tflite.")
    format: str = option("float32", "How weights are stored: float32, float16 or dynamic.")
    batch_size: int = option(1, "Images per call, fixed in the file.")
    overwrite: bool = option(False, "Replace a file that is there already.")


def convert(generator, format="float32", batch_size=1):
    """Converts a generator, unchecked.

    Args:
        generator: A `keras_gan.networks.Generator`.
        format: One of `FORMATS`.
        batch_size: Number of images per call.

    Returns:
        The file's contents, bytes.

    Raises:
        ValueError: If the generator uses operations that TFLite does not have.
    """
    # Converting the Keras model instead would name inputs and outputs after tensors; converting a concrete
    # function of it would lose the weights without a word.
    with tempfile.TemporaryDirectory() as folder, command.silenced():
        function = saved_model.signatures(generator, batch_size)["serving_default"]
        saved_model.write({"serving_default": function}, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if format != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if format == "float16":
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        except Exception as error:  # TensorFlow does not publish the class of its converter's errors.
            unknown = re.findall(r"(?:TF Select|Custom) ops: (.+)", str(error))
            raise ValueError(_refusal(unknown or str(error).splitlines()[:1])) from error


def _refusal(operators):
    return f"The generator does not convert to built-in TFLite operations. Received: {', '.join(operators)}"


def operators(contents):
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


def check(generator, path, format="float32", batch_size=1):
    """Compares a `.tflite` file, run by LiteRT without TensorFlow, with the generator that it was made from.

    Args:
        generator: A `keras_gan.networks.Generator`.
        path: Path of its `.tflite` file.
        format: The file's format.
        batch_size: The file's batch size.

    Returns:
        Dictionary of `max_difference`, the largest absolute difference of images in [-1, 1], and `psnr` in decibels.

    Raises:
        ValueError: If a `float32` file differs by more than `MAX_DIFFERENCE`, or another has a lower PSNR than
            `MIN_PSNR`.
    """
    count = batch_size * max(1, CHECK_IMAGES // batch_size)
    codes = latents.from_seeds(np.arange(count), generator.latent_dim, generator.latent_prior).numpy()
    labels = latents.sample_labels(count, generator.num_classes)
    calls, expected = [], []
    for start in range(0, count, batch_size):
        rows = slice(start, start + batch_size)
        label = {} if labels is None else {"label": labels[rows]}
        calls.append((path, "serving_default", {"latent": codes[rows], **label}))
        with tf.device("CPU"):
            expected.append(generator([codes[rows], labels[rows]] if label else codes[rows], training=False))
    images = []
    for outputs in checks.run(calls):
        if isinstance(outputs, str):
            raise ValueError(f"The file failed in LiteRT: {outputs}")
        images.append(outputs["images"])
    expected, images = np.concatenate(expected), np.concatenate(images)
    report = {"max_difference": checks.max_difference(expected, images), "psnr": checks.psnr(expected, images)}
    if format == "float32":
        passed, limit = report["max_difference"] <= MAX_DIFFERENCE, f"agree with Keras to {MAX_DIFFERENCE:g}"
    else:
        passed, limit = report["psnr"] >= MIN_PSNR[format], f"reach a PSNR of {MIN_PSNR[format]:g} dB"
    if not passed:
        raise ValueError(
            f"The {format} file must {limit}. Received: a difference of {report['max_difference']:.3g}, "
            f"{report['psnr']:.1f} dB"
        )
    return report


def export(generator, out, format="float32", batch_size=1, overwrite=False):
    """Writes a checked `.tflite` file: all of it, or nothing.

    Args:
        generator: A `keras_gan.networks.Generator`, as `export.loading.load_generator` returns it.
        out: Path of the file to write, ending in `.tflite`.
        format: One of `FORMATS`.
        batch_size: Number of images per call.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The results of `check`, with the file's size `bytes` and its `operators`.

    Raises:
        ValueError: If an argument is out of range, `out` exists and may not be replaced, the generator uses
            operations that TFLite does not have, or the check fails.
        OSError: If it cannot be written.
    """
    if format not in FORMATS:
        raise ValueError(f"`format` must be one of {list(FORMATS)}. Received: format={format!r}")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}")
    if Path(out).suffix != ".tflite":
        raise ValueError(f"`out` must end in .tflite. Received: out={out}")
    with staging.staged(out, overwrite) as path:
        contents = convert(generator, format, batch_size)
        builtin, custom = operators(contents)
        if custom:
            raise ValueError(_refusal(custom))
        path.write_bytes(contents)
        report = check(generator, path, format, batch_size)
    return {**report, "bytes": len(contents), "operators": builtin}


def main(argv=None):
    """Reads the flags, from the command line or `argv`, exports, and prints what was written."""
    args, _ = command.parse(Config, "python -m export.tflite", __doc__, argv)
    if not (args.model and args.out):
        command.fail("expected --model and --out (see --help)")
    command.run(lambda: _export(args))


def _export(args):
    tf.config.set_visible_devices([], "GPU")  # A training run may be using all of its memory.
    generator = loading.load_generator(args.model)
    report = export(generator, args.out, args.format, args.batch_size, args.overwrite)
    rows, classes = args.batch_size, generator.num_classes
    label = "" if classes is None else f", label int32 ({rows},) in [0, {classes})"
    print(f"Wrote {args.out}: {report['bytes']:,} bytes, {args.format}, {generator.count_params():,} parameters.")
    print(f"Largest difference from Keras, in LiteRT: {report['max_difference']:.2g}; PSNR {report['psnr']:.1f} dB.")
    print(f"Built-in operations only: {', '.join(report['operators'])}.")
    print(f"Inputs: latent float32 ({rows}, {generator.latent_dim}), {generator.latent_prior} prior{label}.")
    print(f'Use it:  ai_edge_litert.interpreter.Interpreter("{args.out}").get_signature_runner()(latent=...)["images"]')


if __name__ == "__main__":
    main()
