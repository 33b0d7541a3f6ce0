"""Evaluation of a generator: metrics with everything that they depend on, and a model card.

    python -m trainers.evaluate --model=runs/dcgan-mnist5k-001/generator.keras
    python -m trainers.evaluate --samples=FOLDER --dataset=cifar10
    python -m trainers.evaluate --compare='runs/a-*/generator.keras,runs/b-*/generator.keras'

A model is measured against the held-out split of the data that its run was trained on, unless the flags say otherwise.
A model that translates images is measured on held-out pairs, or of two domains by the way back; give pairs that it
never saw as --dataset=pairs:A,B to measure agreement with true partners. `evaluation.json` holds every number,
`model_card.html` is one page to look at and to pass on.

Each side of a comparison is one model, or a pattern of several that differ in their training seed. With single models
the answer is about these two files and the randomness of sampling; only several models say something about how they
were trained.
"""

import contextlib
import dataclasses
import glob
import hashlib
import itertools
import json
import platform
import shlex
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_gan import cli, data, latents, metrics, networks
from keras_gan.cli import option
from keras_gan.export import loading
from keras_gan.files import atomic, pictures
from keras_gan.files.run_folder import RunFolder
from keras_gan.latents import inversion
from keras_gan.metrics import records
from keras_gan.metrics.evaluate import MOST
from keras_gan.networks import presets
from trainers.engine import flags
from trainers.evaluation import comparison, memorisation, model_card, seen_through, translations

TRUNCATIONS = (0.4, 0.55, 0.7, 0.85, 1.0)


@dataclasses.dataclass(frozen=True)
class Config:
    model: str = option("", "generator.keras or gan.keras of a run, or preset:NAME.")
    samples: str = option("", "Instead of a model: a folder of images, whoever made them.")
    compare: str = option("", "Instead of a model: two models, or two patterns of models, separated by a comma.")
    dataset: str = option("", "Real images, as the trainers take them; by default those of the model's run.")
    data_dir: str = option("", "Where TensorFlow Datasets keeps prepared data; its own default if empty.")
    download: bool = option(False, "Whether TensorFlow Datasets may download what is not prepared.")
    image_size: str = option("", "HxW: resize (antialiased) and centre-crop real images; by default as in the run.")
    channels: int = option(
        0, "1 to 4: convert real images to as many channels; by default as in the run.", low=0, below=5
    )
    source: str = option("", "Of a model that translates: what sources are made of images; by default as in the run.")
    direction: str = option("", "Of pairs: AtoB or BtoA; by default as in the run.")
    split: str = option("", "Split of the real images; by default test, or of --samples train where there is no test.")
    train_split: str = option("", "Split that was trained on, in which copies are searched; by default as in the run.")
    features: str = option(
        "", "What metrics see images through; by default the data set's own classifier, or else efficientnet_lite0."
    )
    inception: str = option(
        "", "Path of inception-2015-12-05.tgz: metrics are FID and KID then. Its digest is recorded."
    )
    num_samples: int = option(5000, "Images to generate.", low=10, below=10**6)
    seed: int = option(0, "Seed of the first image.")
    seeds: int = option(3, "For --compare with single models: evaluations of each, with other seeds.", low=2)
    out: str = option("", "Folder of the results; by default evaluation/ beside the model.")
    overwrite: bool = option(False, "Whether results in that folder may be replaced.")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and evaluates."""
    config, _ = cli.parse(Config, "python -m trainers.evaluate", __doc__, argv)
    cli.run(lambda: _evaluate(config))


def _evaluate(config):
    given = [name for name in ("model", "samples", "compare") if getattr(config, name)]
    if len(given) != 1:
        raise ValueError(
            f"Give one of --model, --samples and --compare. Received: {', '.join(given) or 'none of them'}"
        )
    tf.get_logger().setLevel("ERROR")
    if config.features == "auto":
        config = dataclasses.replace(config, features="")
    if config.compare:
        _compare(config)
    else:
        _describe(config)


def _describe(config):
    """Evaluates one generator, or a folder of images, and writes the card."""
    path = Path(config.model or config.samples)
    out = _results_folder(config, path)
    run = RunFolder.of(loading.place_of(path)) if config.model else None
    config = _from_run(config, run)
    if config.model:
        generator = loading.load_network(path)
        if isinstance(generator, networks.Translator):
            translations.describe(dataclasses.replace(config, split=config.split or "test"), path, generator, out, run)
            return
        _check_pictures(path, generator.image_shape)
        fakes, step = None, run and run.step_of(path)
        shape = generator.image_shape
    else:
        generator, step = None, None
        fakes = memorisation.pixels(
            data.open_source(f"folder:{path}", image_size=config.image_size or None, channels=config.channels or None)
        )
        shape = fakes.shape[1:]
    seen = seen_through.features_of(config, shape)
    split, real = seen_through.find_real(config, shape)
    config = dataclasses.replace(config, split=split)
    train = None if config.train_split == config.split else flags.find_like(config, config.train_split, shape)
    found = metrics.evaluate(
        fakes if generator is None else generator,
        real,
        seen,
        num_samples=config.num_samples,
        num_real=MOST if seen.is_slow else None,
        held_out=train,
        dataset=config.dataset,
        split=config.split,
        step=step,
        seed=config.seed,
    )
    print(records.table(found), flush=True)
    evaluation = _summary(config, path, generator, shape, found, seen)
    if fakes is None:
        fakes = pictures.to_uint8(latents.sample(generator, config.num_samples, seed=config.seed))
    shown = {"samples": _samples(config, fakes)}
    evaluation["memorisation"], shown["neighbours"] = memorisation.look(seen, train, real, fakes)
    print(evaluation["memorisation"]["reading"], flush=True)
    if config.dataset == "faces":
        combinations = metrics.attributes.evaluate(fakes)
        evaluation["combinations"] = combinations._asdict()
        evaluation["conditions"]["coverage against truth"] = metrics.attributes.read(combinations)
        print(metrics.attributes.read(combinations), flush=True)
    if generator is not None:
        evaluation |= _latent_space(generator, seen, real, train, shown)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "evaluation.json", json.dumps(evaluation, indent=2) + "\n")
    _write(out / "model_card.html", model_card.render(evaluation, shown, run))
    if run is not None and run.logs.is_dir():
        _log(run.logs, step or 0, found, shown)
    print(f"{out}/model_card.html is the model card, evaluation.json has all numbers.")


def _log(folder, step, found, shown):
    """Puts the same values and pictures beside the run's curves in TensorBoard."""
    with contextlib.closing(tf.summary.create_file_writer(str(folder))) as writer, writer.as_default(step):
        for record in found:
            tf.summary.scalar(f"evaluation/{record.name}", record.value)
        for place, (picture, caption) in shown.items():
            tf.summary.image(f"evaluation/{place}", picture[None], description=caption)


def _results_folder(config, path):
    out = Path(config.out) if config.out else _beside(config) / "evaluation"
    if config.compare and not config.out:
        out = next(f for n in itertools.count(1) if not (f := out / f"comparison-{n:03d}").exists())
    names = ("evaluation.json", "model_card.html", "comparison.json", "comparison.html")
    existing = [out / name for name in names if (out / name).exists()]
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out must be a folder. Received: --out={out}, which is a file")
    if existing and not config.overwrite:
        raise ValueError(f"{existing[0]} exists: choose another --out, or pass --overwrite.")
    atomic.nearest_folder(out / "evaluation.json")
    return out


def _beside(config):
    """The folder that a model lies in; of presets and samples the one that the command was started in."""
    in_place = not config.model or config.model.startswith(presets.PREFIX)
    return Path() if in_place else Path(config.model).parent


def _from_run(config, run):
    """The configuration with what the flags leave open taken from the model's run."""
    started = run.config() if run else {}
    names = ["dataset", "data_dir", "image_size", "channels"]
    if not config.dataset:  # Other data have their own.
        names += ["source", "direction"]
    config = cli.adopt(config, started, [name for name in names if not getattr(config, name)])
    if not config.train_split:
        config = dataclasses.replace(config, train_split=started.get("split") or "train")
    if not config.dataset:
        raise ValueError("--dataset is needed: the real images to compare with, such as --dataset=mnist.")
    return config


def _check_pictures(path, shape):
    if len(shape) != 3:
        raise ValueError(f"{path} generates vectors; images are evaluated here. Received: shape {tuple(shape)}")


def _summary(config, path, generator, shape, found, seen):
    """The contents of evaluation.json before the parts that take pictures."""
    size = "x".join(map(str, shape))
    kind = "images" if generator is None else type(generator).__name__
    identity = {"file": str(path), "class": kind}
    if generator is not None:
        identity |= {
            "sha256": hashlib.sha256(loading.place_of(path).read_bytes()).hexdigest(),
            "latents": f"{generator.latent_dim}, {generator.latent_prior} prior",
            "classes": generator.class_names or generator.num_classes,
            "parameters": generator.count_params(),
        }
    first = found[0]
    summary = {
        "title": f"{path.parent.name}/{path.name}" if path.parent.name else path.name,
        "subtitle": f"{size} {kind if generator is None else f'images by a {kind}'}, measured against the split "
        f"{config.split} of {config.dataset}.",
        "images": size,
        "table": [model_card.row(record) for record in found],
        "records": [record.to_dict() for record in found],
        "conditions": _conditions(config, seen, first)
        | {
            "generated images": f"{first.n_fake}, {'as given' if first.seed is None else f'from seed {first.seed} on'}",
            "real data score": first.floor_method,
            "intervals": "; ".join(dict.fromkeys(f"{r.name}: {r.interval}" for r in found if r.interval)),
        },
        "identity": identity,
        "versions": records.versions() | {"machine": f"{platform.system()} {platform.machine()}"},
        "command": _command(),
    }
    return summary | ({} if generator is None else {"parameters": f"{generator.count_params():,}"})


def _conditions(config, seen, record):
    """The conditions of an evaluation, names and texts."""
    return {
        "seen through": f"{seen.name}, {seen.dimension} features, sha256 {seen.digest}",
        "real images": f"{record.n_real} of the split {config.split} of {config.dataset}",
        "quantization": record.quantization,
        "resize": record.resize,
    }


def _command():
    return shlex.join(["python", "-m", "trainers.evaluate", *sys.argv[1:]])


def _samples(config, fakes):
    count = len(fakes[:64])
    which = f"seeds {config.seed} to {config.seed + count - 1}" if config.model else "in the order of the folder"
    return pictures.grid(pictures.from_uint8(fakes[:64])), f"The first {count} images, {which}, not selected."


def _latent_space(generator, seen, real, train, shown):
    """Classes, interpolations, truncation and inversion: numbers to return, pictures into `shown`."""
    if generator.num_classes:
        count = min(generator.num_classes, 20)
        labels = np.repeat(np.arange(count), 10)
        caption = f"One row for each class: {', '.join(map(str, (generator.class_names or range(count))[:count]))}."
        shown["classes"] = pictures.grid(latents.sample(generator, 10 * count, labels=labels), columns=10), caption
    walks = latents.interpolations(generator)
    way = "on the sphere" if generator.latent_prior == "normal" else "in a straight line"
    shown["interpolations"] = (
        pictures.grid(walks, columns=8),
        f"Each row goes from one latent vector to another, {way}. A smooth way was not learned by rote.",
    )
    rows = [latents.sample(generator, 8, truncation=factor) for factor in TRUNCATIONS]
    values = ", ".join(f"{factor:g}" for factor in TRUNCATIONS)
    shown["truncation"] = pictures.grid(np.concatenate(rows), columns=8), f"The same latents, truncated to {values}."
    shown["arithmetic"] = _arithmetic(generator)
    count = min(400 if seen.is_slow else 1000, real.num_examples)
    chosen = np.linspace(0, real.num_examples - 1, count).astype(int)
    curve = metrics.truncation_curve(
        generator, seen(memorisation.pixels(real, chosen)), seen, TRUNCATIONS, max(count, 200), progress=True
    )
    result = {"truncation": curve._asdict()}
    if generator.num_classes is None:
        result["inversion"] = _inversion(generator, real, train, shown)
    return result


def _arithmetic(generator, n=8, drawn=1000):
    """Brightness added to latents and taken from them: arithmetic that needs no labels."""
    labels = latents.sample_labels(drawn, generator.num_classes)
    brightness = latents.sample(generator, drawn, labels=labels).mean(axis=(1, 2, 3))
    codes = latents.from_seeds(np.arange(drawn), generator.latent_dim, generator.latent_prior).numpy()
    order = np.argsort(brightness, kind="stable")
    dark, bright = codes[order[: drawn // 10]], codes[order[-drawn // 10 :]]
    rows = [latents.analogy(dark, bright, codes[:n]), codes[:n], latents.analogy(bright, dark, codes[:n])]
    images = [generator(row if labels is None else [row, labels[:n]], training=False) for row in rows]
    caption = (
        f"Latent arithmetic: the mean latent of the brightest tenth of {drawn} images minus that of the darkest tenth, "
        "taken from the latents of the middle row (above), and added to them (below)."
    )
    return pictures.grid(np.concatenate(images), columns=n), caption


def _inversion(generator, real, train, shown, n=16):
    """Distances of the generator's nearest images to given ones."""
    errors = {}
    for name, source in (("held-out", real), ("training", train)):
        if source is None:
            continue
        chosen = memorisation.pixels(source, np.linspace(0, source.num_examples - 1, n).astype(int))
        found = inversion.invert(generator, pictures.from_uint8(chosen), progress=True)
        errors[name] = float(found.errors.mean())
        if name == "held-out":
            picture = pictures.grid(np.concatenate([pictures.from_uint8(chosen), found.images]), columns=n)
            shown["inversion"] = (
                picture,
                f"{n} held-out images, and below each the nearest that the generator can make.",
            )
    parts = " and ".join(f"{error:.3g} for {n} {name} images" for name, error in errors.items())
    reading = f"Mean squared error of the nearest image that the generator can make, on the scale of [-1, 1]: {parts}."
    return {"errors": errors, "reading": reading}


def _compare(config):
    """Says whether two models, or two ways of training, differ."""
    patterns = [pattern.strip() for pattern in config.compare.split(",")]
    if len(patterns) != 2 or not all(patterns):
        raise ValueError(f"--compare takes two models, separated by a comma. Received: --compare={config.compare}")
    sides = [
        [pattern] if pattern.startswith(presets.PREFIX) else sorted(glob.glob(pattern))  # noqa: PTH207 (may be absolute)
        for pattern in patterns
    ]
    for pattern, paths in zip(patterns, sides, strict=True):
        if not paths:
            raise ValueError(f"There is no model {pattern}.")
    several = [len(paths) > 1 for paths in sides]
    if several[0] != several[1]:
        raise ValueError(
            f"Compare one model with one, or several with several. Received: {len(sides[0])} and {len(sides[1])} models"
        )
    out = _results_folder(config, Path(sides[0][0]))
    place = loading.place_of(sides[0][0])
    config = _from_run(dataclasses.replace(config, split=config.split or "test"), RunFolder.of(place))
    if isinstance(loading.load_network(sides[0][0]), networks.Translator):
        translations.compare(config, patterns, sides, out)
        return
    values, details, shown = [], [], []
    for paths in sides:
        rows = []
        for path in paths:
            for number in range(1 if several[0] else config.seeds):
                generator, seen, found = _measure(config, path, config.seed + number * config.num_samples)
                if path == paths[0] and number == 0:
                    shown.append(pictures.grid(latents.sample(generator, 32, seed=config.seed), columns=8))
                details.append({"model": path, "records": [record.to_dict() for record in found]})
                rows.append({record.name: record.value for record in found})
                print(f"{path}: " + ", ".join(f"{record.name} {record.value:.4g}" for record in found), flush=True)
        values.append(rows)
    table = comparison.differences(*values)
    about = (
        f"{len(sides[0])} and {len(sides[1])} models, one evaluation each: what differs is how they were trained."
        if several[0]
        else f"{config.seeds} evaluations of each with other seeds: this is about two files, not how they were made."
    )
    print(comparison.text(patterns, table, about))
    whole = {
        "sides": sides,
        "about": about,
        "conditions": _conditions(config, seen, found[0]) | {"generated images": f"{config.num_samples} each time"},
        "metrics": table,
        "runs": details,
        "versions": records.versions(),
        "command": _command(),
    }
    comparison.write(out, patterns, whole, shown)


def _measure(config, path, seed):
    generator = loading.load_generator(path)
    _check_pictures(path, generator.image_shape)
    real = flags.find_like(config, config.split, generator.image_shape)
    seen = seen_through.features_of(config, generator.image_shape)
    found = metrics.evaluate(
        generator,
        real,
        seen,
        num_samples=config.num_samples,
        num_real=MOST if seen.is_slow else None,
        dataset=config.dataset,
        split=config.split,
        seed=seed,
        intervals=False,
        floor=False,
    )
    return generator, seen, found


def _write(path, text):
    with atomic.write_file(path) as partial:
        partial.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
