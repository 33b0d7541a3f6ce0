r"""Exports a generator as an ONNX file.

    python -m export.onnx --model=RUN/generator.keras --out=FILE.onnx

The file takes `latent` float32 (batch, latent_dim) and, where the generator has classes, `label` int32 (batch), and
gives `images` float32 (batch, height, width, channels) in [-1, 1], for any batch. Only operators of ONNX' standard
domain are used. It needs tf2onnx, onnx and onnxruntime: pip install 'keras_gan[onnx]'.

ONNX has no assertions, so those of the SavedModel are replaced or gone: labels out of range are refused by ONNX
Runtime's CPU provider, where a table is read out of bounds; latents that are not finite give images that are not
finite; there are no seeds, so the caller draws latents. FILE.onnx.json, the card, says all that is to be known about
the file.
"""

import dataclasses

import tensorflow as tf

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.export import loading, onnx, portable
from keras_gan.export.checks import parity


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    model: str = option("", "The saved generator or GAN, a .keras file.")
    out: str = option("", "File to write, ending in .onnx; its card becomes FILE.onnx.json.")
    overwrite: bool = option(False, "Replace a file that is there already.")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, exports, and prints what was written."""
    args, _ = cli.parse(Config, "python -m export.onnx", __doc__, argv)
    if not (args.model and args.out):
        cli.fail("expected --model and --out (see --help)")
    cli.run(lambda: _export(args))


def _export(args):
    onnx.require_packages()
    tf.config.set_visible_devices([], "GPU")  # A training run may be using all of its memory.
    generator = loading.load_generator(args.model)
    card = onnx.export(generator, args.out, args.overwrite)
    print(f"Wrote {args.out}: {card['file']['bytes']:,} bytes, opset {onnx.OPSET}, {card['parameters']:,} parameters.")
    print(parity.table(card["parity"]["rows"]))
    for call in card["latency"]["calls"]:
        print(f"{call['batch_size']} images: {call['milliseconds']:.2f} ms a call, {call['threads']} thread.")
    print(f"Compared with Keras by {card['parity']['interpreter']}. Operators: {', '.join(card['operators'])}.")
    label = "" if generator.num_classes is None else ', "label": ...'
    print(f'Use it:  onnxruntime.InferenceSession("{args.out}").run(["images"], {{"latent": ...{label}}})')
    print(f"Inputs, class names and all that was measured: {portable.card_path(args.out)}")


if __name__ == "__main__":
    main()
