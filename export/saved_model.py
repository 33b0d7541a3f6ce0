r"""Exports a generator as a TensorFlow SavedModel.

    python -m export.saved_model --model=RUN/generator.keras --out=DIR

The result runs wherever TensorFlow does, without Keras and without this package. It has two signatures; every
input has the batch as its first axis, and `label` exists only where the generator has classes.

| signature         | inputs                                                        | outputs                      |
|-------------------|---------------------------------------------------------------|------------------------------|
| `serving_default` | `latent` float32 (b, latent_dim), `label` int32 (b)           | `images` float32, in [-1, 1] |
| `sample`          | `seed` int64 (b), `truncation` float32 (b), `label` int32 (b) | `images` uint8               |

Image i of `sample` depends on `seed[i]`, `truncation[i]` and `label[i]` alone, and is what `generator.sample` makes
from that seed, up to one level in single pixels between batch sizes and machines. A generator of vectors has only
`serving_default`. The graph itself refuses labels out of range, latents that are not finite, truncations outside
[0, 1] and inputs of unequal length.
"""

import dataclasses
import hashlib
import json
import platform
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from export import checks, loading
from keras_gan import command, latents, pictures, staging
from keras_gan.command import option

FORMAT_VERSION = 1
ROUNDING = "clip(floor(127.5 * image + 128), 0, 255)"
SEEDS = "truncation * Philox with the key [seed, 0], as keras_gan.latents.from_seeds"
# Bytes: a value at the edge between two levels may fall on either side of it.
MAX_DIFFERENCE = {"serving_default": 1e-5, "sample": 1}
CHECK_BATCH = 8


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    model: str = option("", "The saved generator or GAN, a .keras file.")
    out: str = option("", "Folder to write the SavedModel to.")
    overwrite: bool = option(False, "Replace a SavedModel that is there already.")


def signatures(generator, batch_size=None):
    """The functions that are exported.

    Args:
        generator: A `keras_gan.networks.Generator`.
        batch_size: Number of images per call, or `None` for any.

    Returns:
        Dictionary from the name of a signature to `(function, list of tf.TensorSpec)`.

    Example:

    >>> from export import saved_model
    >>> generator = keras_gan.networks.MLPGenerator((8, 8, 1), latent_dim=4, hidden_units=(16,))
    >>> function, specs = saved_model.signatures(generator)["sample"]
    >>> [spec.name for spec in specs]
    ['seed', 'truncation']
    >>> function(tf.constant([7, 8], tf.int64), tf.constant([1.0, 0.5]))["images"].shape
    TensorShape([2, 8, 8, 1])
    """

    def spec(name, dtype, *shape):
        return tf.TensorSpec((batch_size, *shape), dtype, name=name)

    def generate(latent, label):
        latent = _require(latent, tf.math.is_finite(latent), "`latent` must be finite")
        if label is None:
            return tf.cast(generator(latent, training=False), tf.float32)
        # Keras would take -1 for the last class, or for none.
        in_range = (label >= 0) & (label < generator.num_classes)
        label = _require(label, in_range, f"`label` must lie in [0, {generator.num_classes})")
        latent = _require_rows(latent, label)
        return tf.cast(generator([latent, label], training=False), tf.float32)

    def serving_default(latent, label=None):
        return {"images": generate(latent, label)}

    def sample(seed, truncation, label=None):
        in_range = (truncation >= 0.0) & (truncation <= 1.0)
        truncation = _require(truncation, in_range, "`truncation` must lie in [0, 1]")
        seed = _require_rows(seed, truncation)
        latent = latents.from_seeds(seed, generator.latent_dim, generator.latent_prior, truncation)
        images = tf.floor(127.5 * generate(latent, label) + 128.0)
        return {"images": tf.cast(tf.clip_by_value(images, 0.0, 255.0), tf.uint8)}

    label = [] if generator.num_classes is None else [spec("label", tf.int32)]
    result = {"serving_default": (serving_default, [spec("latent", tf.float32, generator.latent_dim), *label])}
    if len(generator.image_shape) == 3:
        result["sample"] = (sample, [spec("seed", tf.int64), spec("truncation", tf.float32), *label])
    return result


def _require(value, condition, message):
    """`value`, which does not exist unless all of `condition` holds."""
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(condition), [message])]):
        return tf.identity(value)


def _require_rows(value, other):
    """`value`, which does not exist unless `other` is as long."""
    return _require(value, tf.equal(tf.shape(value)[0], tf.shape(other)[0]), "inputs must have the same number of rows")


def write(functions, folder):
    """Writes a SavedModel, unchecked.

    Args:
        functions: What `signatures` returns, or some of it.
        folder: Path of the SavedModel.

    Raises:
        OSError: If it cannot be written.
    """
    # The archive finds the weights through the functions. Its `track(generator)` would write them twice.
    archive = keras.export.ExportArchive()
    for name, (function, specs) in functions.items():
        archive.add_endpoint(name, function, specs)
    try:
        with command.silenced():
            archive.write_out(folder, verbose=False)
    except tf.errors.OpError as error:
        raise OSError(f"The SavedModel could not be written: {error.message}") from error


def check(generator, folder):
    """Compares a SavedModel, run in a process without Keras, with the generator that it was made from.

    Args:
        generator: A `keras_gan.networks.Generator`.
        folder: Path of its SavedModel.

    Returns:
        Dictionary from the name of a signature to the largest absolute difference, at batch 1 and at batch
        `CHECK_BATCH`: of images in [-1, 1] for `serving_default`, of levels in 0 ... 255 for `sample`.

    Raises:
        ValueError: If it differs by more than `MAX_DIFFERENCE`, or accepts inputs that it must refuse.
    """
    cases = [case for batch in (1, CHECK_BATCH) for case in _cases(generator, batch)]
    cases += [("serving_default", inputs, None) for inputs in _bad_inputs(generator)]
    answers = checks.run([(folder, signature, inputs) for signature, inputs, _ in cases])
    differences = {}
    for (signature, inputs, expected), answer in zip(cases, answers, strict=True):
        refused = isinstance(answer, str)
        if expected is None and not refused:
            raise ValueError(f"The SavedModel must refuse bad inputs. Received: images for {inputs}")
        if expected is not None and refused:
            raise ValueError(f"The SavedModel failed in `{signature}`: {answer}")
        if expected is not None:
            difference = checks.max_difference(expected, answer["images"])
            differences[signature] = max(difference, differences.get(signature, 0.0))
    for signature, difference in differences.items():
        if difference > MAX_DIFFERENCE[signature]:
            raise ValueError(
                f"The SavedModel's `{signature}` must agree with Keras to {MAX_DIFFERENCE[signature]:g}. "
                f"Received: a difference of {difference:.3g}"
            )
    return differences


def _cases(generator, batch):
    """Triples `(signature, inputs, expected images)` for one batch size."""
    seeds = np.arange(batch)
    labels = latents.sample_labels(batch, generator.num_classes)
    label = {} if labels is None else {"label": labels}
    codes = latents.from_seeds(seeds, generator.latent_dim, generator.latent_prior).numpy()
    with tf.device("CPU"):  # The process that runs the export has no GPU: like is compared with like.
        images = np.asarray(generator(codes if labels is None else [codes, labels], training=False))
        cases = [("serving_default", {"latent": codes, **label}, images)]
        if len(generator.image_shape) == 3:
            images = pictures.to_uint8(generator.sample(batch, labels, seed=0, truncation=0.5))
            truncation = np.full(batch, 0.5, "float32")
            cases.append(("sample", {"seed": seeds, "truncation": truncation, **label}, images))
    return cases


def _bad_inputs(generator):
    """Inputs that `serving_default` must refuse."""
    good = np.zeros((1, generator.latent_dim), "float32")
    if generator.num_classes is None:
        return [{"latent": good * np.nan}]
    bad = [{"latent": good * np.nan, "label": np.int32([0])}]
    return bad + [{"latent": good, "label": np.int32([label])} for label in (-1, generator.num_classes)]


def describe(generator):
    """What a program that runs the export needs to know, as JSON holds it.

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
        "uint8": ROUNDING if images else None,
        "latent_dim": generator.latent_dim,
        "latent_prior": generator.latent_prior,
        "num_classes": generator.num_classes,
        "class_names": generator.class_names,
        "seeds": SEEDS,
        "parameters": generator.count_params(),
        "weights_sha256": weights_digest(generator),
        "versions": {
            "keras_gan": keras_gan.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
    }


def weights_digest(model):
    """SHA-256 over shape, dtype and values of every weight, in the order of `model.weights`.

    Two exports of the same weights are different files; this tells that they are the same network.
    """
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.dtype} {weight.shape} ".encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def export(generator, out, overwrite=False):
    """Writes a checked SavedModel: all of it, or nothing.

    The description of `describe` and the differences of `check` are added as `assets.extra/generator.json`, which
    loaders ignore.

    Args:
        generator: A `keras_gan.networks.Generator`, as `export.loading.load_generator` returns it.
        out: Path of the folder to write.
        overwrite: Whether an earlier SavedModel of that path may be replaced.

    Returns:
        The contents of `generator.json`.

    Raises:
        ValueError: If `out` exists and may not be replaced, nothing can be written there, or the check fails.
        OSError: If it cannot be written.
    """
    if Path(out).is_file():
        raise ValueError(f"{out} is a file, and a SavedModel is a folder; choose another path.")
    with staging.staged(out, overwrite) as folder:
        write(signatures(generator), folder)
        card = {**describe(generator), "max_difference": check(generator, folder)}
        extra = folder / "assets.extra"
        extra.mkdir()
        (extra / "generator.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def main(argv=None):
    """Reads the flags, from the command line or `argv`, exports, and prints what was written."""
    args, _ = command.parse(Config, "python -m export.saved_model", __doc__, argv)
    if not (args.model and args.out):
        command.fail("expected --model and --out (see --help)")
    command.run(lambda: _export(args))


def _export(args):
    tf.config.set_visible_devices([], "GPU")  # A training run may be using all of its memory.
    generator = loading.load_generator(args.model)
    card = export(generator, args.out, args.overwrite)
    size = sum(file.stat().st_size for file in Path(args.out).rglob("*") if file.is_file())
    differences = ", ".join(f"{name} {value:.2g}" for name, value in card["max_difference"].items())
    label = "" if generator.num_classes is None else ", label=tf.constant([0])"
    if "sample" in card["max_difference"]:
        call = f'["sample"](seed=tf.constant([7], tf.int64), truncation=tf.constant([1.0]){label})'
    else:
        call = f'["serving_default"](latent=tf.zeros((1, {generator.latent_dim})){label})'
    print(f"Wrote {args.out}: {size / 1e6:.2f} MB, {card['parameters']:,} parameters in float32.")
    print(f"Largest difference from Keras, when run without it: {differences}.")
    print(f'Use it:  tf.saved_model.load("{args.out}").signatures{call}["images"]')


if __name__ == "__main__":
    main()
