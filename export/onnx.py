"""Exports a generator as an ONNX file.

python -m export.onnx --model=RUN/generator.keras --out=FILE.onnx
"""

import dataclasses

import tensorflow as tf

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.export import onnx, portable
from keras_gan.export.checks import parity

# What is written is said once, where it is written.
_ABOUT = "\n".join([__doc__, onnx.__doc__.split("\n\n", 2)[2]])


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    model: str = option("", "The saved generator or GAN, a .keras file, or preset:NAME.")
    out: str = option("", "File to write, ending in .onnx; its card becomes FILE.onnx.json.")
    overwrite: bool = option(False, "Replace a file that is there already.")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, exports, and prints what was written."""
    args, _ = cli.parse(Config, "python -m export.onnx", _ABOUT, argv)
    if not (args.model and args.out):
        cli.fail("expected --model and --out (see --help)")
    cli.run(lambda: _export(args))


def _export(args):
    tf.config.set_visible_devices([], "GPU")  # A training run may be using all of its memory.
    card = onnx.export(args.model, args.out, args.overwrite)
    print(f"Wrote {args.out}: {card['file']['bytes']:,} bytes, opset {onnx.OPSET}, {card['parameters']:,} parameters.")
    print(parity.table(card["parity"]["rows"]))
    for call in card["latency"]["calls"]:
        print(f"{call['batch_size']} images: {call['milliseconds']:.2f} ms a call, {call['threads']} thread.")
    print(f"Compared with Keras by {card['parity']['interpreter']}. Operators: {', '.join(card['operators'])}.")
    label = "" if card["num_classes"] is None else ', "label": ...'
    made, taken = ("translated", "images") if "source_shape" in card else ("images", "latent")
    print(f'Use it:  onnxruntime.InferenceSession("{args.out}").run(["{made}"], {{"{taken}": ...{label}}})')
    print(f"Inputs, class names and all that was measured: {portable.card_path(args.out)}")


if __name__ == "__main__":
    main()
