"""Exports a generator as a file for TFLite (LiteRT) interpreters, or checks such a file.

python -m export.tflite --model=RUN/generator.keras --out=FILE.tflite [--format=float32|float16|dynamic|int8]
python -m export.tflite --check=FILE.tflite --saved_model=DIR
"""

import dataclasses

import tensorflow as tf

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.export import portable, tflite
from keras_gan.export.checks import parity

# What is written is said once, where it is written.
_ABOUT = "\n".join([__doc__, tflite.__doc__.split("\n\n", 2)[2]])


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    model: str = option("", "The saved generator or GAN, a .keras file, or preset:NAME.")
    out: str = option("", "File to write, ending in .tflite; its card becomes FILE.tflite.json.")
    format: str = option("float32", "How weights are stored: float32, float16, dynamic or int8.")
    batch_sizes: str = option("1", "Images per call, fixed in the file; several, as 1,8,32, become signatures.")
    min_psnr: float = option(0.0, "Least PSNR in dB, instead of what the format asks.", low=0)
    max_level_error: float = option(0.0, "Levels that 99.9 % of bytes may differ by, instead likewise.", low=0)
    overwrite: bool = option(False, "Replace a file that is there already.")
    check: str = option("", "A .tflite file to compare with --saved_model, instead of exporting.")
    saved_model: str = option("", "The SavedModel of the same generator, a folder.")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, exports or checks, and prints what was found."""
    args, _ = cli.parse(Config, "python -m export.tflite", _ABOUT, argv)
    if args.check:
        if not args.saved_model or args.model or args.out:
            cli.fail("--check goes with --saved_model, and without --model and --out (see --help)")
        cli.run(lambda: _check(args))
    elif not (args.model and args.out):
        cli.fail("expected --model and --out, or --check and --saved_model (see --help)")
    else:
        cli.run(lambda: _export(args))


def _limits(args):
    return {"min_psnr": args.min_psnr or None, "max_level_error": args.max_level_error or None}


def _check(args):
    tf.config.set_visible_devices([], "GPU")
    report, format = tflite.check(args.check, args.saved_model)
    limits = tflite.gate(format, **_limits(args))
    print(parity.table(report["rows"]))
    print(f"{args.check} is {format}; run by {report['interpreter']} against {args.saved_model}.")
    tflite.judge(report, limits, format)
    print("Passed.")


def _export(args):
    tf.config.set_visible_devices([], "GPU")  # A training run may be using all of its memory.
    try:
        batch_sizes = [int(size) for size in args.batch_sizes.split(",")]
    except ValueError:
        raise ValueError(
            f"--batch_sizes must be numbers with commas, as 1,8,32. Received: --batch_sizes={args.batch_sizes}"
        ) from None
    card = tflite.export(args.model, args.out, args.format, batch_sizes, **_limits(args), overwrite=args.overwrite)
    print(f"Wrote {args.out}: {card['file']['bytes']:,} bytes, {args.format}, {card['parameters']:,} parameters.")
    print(parity.table(card["parity"]["rows"]))
    for call in card["latency"]["calls"]:
        milliseconds = f"{call['milliseconds']:.2f} ms a call, {call['threads']} thread"
        print(f"{call['signature']}: {call['batch_size']} images, {milliseconds}.")
    print(
        f"Compared with Keras by {card['parity']['interpreter']}. Built-in operations: {', '.join(card['operators'])}."
    )
    label = "" if card["num_classes"] is None else ", label=..."
    taken = "images" if "source_shape" in card else "latent"
    runner = f'Interpreter("{args.out}").get_signature_runner("{next(iter(card["signatures"]))}")'
    print(f'Use it:  ai_edge_litert.interpreter.{runner}({taken}=...{label})["images"]')
    print(f"Inputs, class names and all that was measured: {portable.card_path(args.out)}")


if __name__ == "__main__":
    main()
