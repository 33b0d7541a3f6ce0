"""Exports a generator as a TensorFlow SavedModel, and publishes it for TensorFlow Serving.

python -m export.saved_model --model=RUN/generator.keras --out=DIR
python -m export.saved_model --model=RUN/generator.keras --publish=models/digits [--keep=3]
"""

import dataclasses

import tensorflow as tf

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.export import saved_model
from keras_gan.export.checks import verification
from keras_gan.export.publishing import serving

# What is written is said once, where it is written.
_ABOUT = "\n".join([__doc__, saved_model.__doc__.split("\n\n", 2)[2]])


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    model: str = option("", "The saved generator or GAN, a .keras file, or preset:NAME.")
    out: str = option("", "Folder to write the SavedModel to.")
    overwrite: bool = option(False, "Replace a SavedModel that is there already in --out.")
    publish: str = option("", "Instead of --out: folder of numbered versions, in which the next one is made.")
    name: str = option("", "The model's name on the server; by default that of the --publish folder.")
    keep: int = option(0, "With --publish: versions to keep, the new one included; 0 keeps all.", low=0)
    with_discriminator: bool = option(False, "Add the signature discriminate, from a gan.keras.")
    thorough: bool = option(
        False, "Also run it by TensorFlow's C library alone, as a server does; takes twice as long."
    )


def main(argv=None):
    """Reads the flags, from the command line or `argv`, exports, and prints what was written."""
    args, given = cli.parse(Config, "python -m export.saved_model", _ABOUT, argv)
    if not args.model or bool(args.out) == bool(args.publish):
        cli.fail("expected --model and --out, or --model and --publish (see --help)")
    if args.publish and args.overwrite:
        cli.fail("--overwrite does not go with --publish, which overwrites nothing (see --help)")
    if args.out and "keep" in given:
        cli.fail("--keep goes with --publish (see --help)")
    cli.run(lambda: _export(args))


def _export(args):
    tf.config.set_visible_devices([], "GPU")  # A training run may be using all of its memory.
    options = {"with_discriminator": args.with_discriminator, "thorough": args.thorough}
    if args.publish:
        out, card, removed = saved_model.publish(
            args.model, args.publish, name=args.name or None, keep=args.keep, **options
        )
    else:
        out, removed = args.out, []
        card = saved_model.export(args.model, out, args.overwrite, name=args.name or "generator", **options)
    total = sum(file["bytes"] for file in card["files"].values())
    print(f"Wrote {out}: {total / 1e6:.2f} MB, {card['parameters']:,} parameters in float32.")
    for line in verification.summary(card):
        print(line)
    if removed:
        print(f"Removed: {', '.join(map(str, removed))}.")
    label = "" if card["num_classes"] is None else ", label=tf.constant([0])"
    if "source_shape" in card:
        call = f'["translate"](images=tf.zeros({(1, *card["source_shape"])}))'
    elif "sample" in card["signatures"]:
        call = f'["sample"](seed=tf.constant([7], tf.int64), truncation=tf.constant([1.0]){label})'
    else:
        call = f'["serving_default"](latent=tf.zeros((1, {card["latent_dim"]})){label})'
    print(f'Use it:  tf.saved_model.load("{out}").signatures{call}["images"]')
    if args.publish:
        print(f"Serve it:  {serving.docker_command(args.publish, card['name'])}")


if __name__ == "__main__":
    main()
