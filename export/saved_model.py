r"""Exports a generator as a TensorFlow SavedModel, and publishes it for TensorFlow Serving.

    python -m export.saved_model --model=RUN/generator.keras --out=DIR
    python -m export.saved_model --model=RUN/generator.keras --publish=models/digits [--keep=3]

The first writes one folder; the second the next numbered version in models/digits, which a running server picks up.
The result runs wherever TensorFlow does, without Keras and without this package. Every input has the batch as its
first axis; `label` exists only where the generator has classes.

| signature         | inputs                                                        | outputs                      |
|-------------------|---------------------------------------------------------------|------------------------------|
| `serving_default` | `latent` float32 (b, latent_dim), `label` int32 (b)           | `images` float32, in [-1, 1] |
| `sample`          | `seed` int64 (b), `truncation` float32 (b), `label` int32 (b) | `images` uint8               |
| `sample_png`      | as `sample`                                                   | `image_bytes` string (b)     |
| `latents`         | `seed` int64 (b), `truncation` float32 (b)                    | `latent` float32             |
| `discriminate`    | `images` float32, `label` int32 (b); --with_discriminator     | `logits` float32 (b)         |

Image i of `sample` depends on `seed[i]`, `truncation[i]` and `label[i]` alone, and is what `generator.sample` makes
from that seed, up to one level in single pixels between batch sizes and machines. A generator of vectors, which have
no bytes, has neither `sample` nor `sample_png`: `latents` and `serving_default` together do the same. The graph itself
refuses labels out of range, latents and images that are not finite, truncations outside [0, 1] and inputs of unequal
length. docs/serving.md is written for whoever receives the result.
"""

import dataclasses

import tensorflow as tf

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.export import loading, saved_model
from keras_gan.export.checks import verification
from keras_gan.export.publishing import serving


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    model: str = option("", "The saved generator or GAN, a .keras file.")
    out: str = option("", "Folder to write the SavedModel to.")
    overwrite: bool = option(False, "Replace a SavedModel that is there already in --out.")
    publish: str = option("", "Instead of --out: folder of numbered versions, in which the next one is made.")
    name: str = option("", "The model's name on the server; by default that of the --publish folder.")
    keep: int = option(0, "With --publish: versions to keep, the new one included; 0 keeps all.", low=0)
    with_discriminator: bool = option(False, "Add the signature discriminate, from a gan.keras.")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, exports, and prints what was written."""
    args, given = cli.parse(Config, "python -m export.saved_model", __doc__, argv)
    if not args.model or bool(args.out) == bool(args.publish):
        cli.fail("expected --model and --out, or --model and --publish (see --help)")
    if args.publish and args.overwrite:
        cli.fail("--overwrite does not go with --publish, which overwrites nothing (see --help)")
    if args.out and "keep" in given:
        cli.fail("--keep goes with --publish (see --help)")
    cli.run(lambda: _export(args))


def _export(args):
    tf.config.set_visible_devices([], "GPU")  # A training run may be using all of its memory.
    if args.with_discriminator:
        generator, discriminator = loading.load_pair(args.model)
    else:
        generator, discriminator = loading.load_generator(args.model), None
    if args.publish:
        out, card, removed = saved_model.publish(
            generator, args.publish, discriminator, args.name or None, args.keep, source=args.model
        )
    else:
        name = args.name or "generator"
        out, removed = args.out, []
        card = saved_model.export(generator, out, args.overwrite, discriminator, name, source=args.model)
    size = sum(file["bytes"] for file in card["files"].values())
    print(f"Wrote {out}: {size / 1e6:.2f} MB, {card['parameters']:,} parameters in float32.")
    for line in verification.summary(card):
        print(line)
    if removed:
        print(f"Removed: {', '.join(map(str, removed))}.")
    label = "" if generator.num_classes is None else ", label=tf.constant([0])"
    if "sample" in card["signatures"]:
        call = f'["sample"](seed=tf.constant([7], tf.int64), truncation=tf.constant([1.0]){label})'
    else:
        call = f'["serving_default"](latent=tf.zeros((1, {generator.latent_dim})){label})'
    print(f'Use it:  tf.saved_model.load("{out}").signatures{call}["images"]')
    if args.publish:
        print(f"Serve it:  {serving.docker_command(args.publish, card['name'])}")


if __name__ == "__main__":
    main()
