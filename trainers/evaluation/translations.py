"""Evaluation of what translates images: against the images that were wanted, and beside what costs nothing."""

import hashlib
import json
import platform
import shlex
import sys
from pathlib import Path

import numpy as np

from keras_gan import data, metrics
from keras_gan.callbacks import translations as drawing
from keras_gan.data import decoding
from keras_gan.data.pairs import Domains
from keras_gan.export import loading
from keras_gan.files import atomic
from keras_gan.files.run_folder import RunFolder
from keras_gan.metrics import features, records, registry, translation
from trainers.engine import translations
from trainers.evaluation import comparison, model_card

_MOST = 2000  # training targets in the mean picture
_OTHER = {"generator.keras": "generator_backward.keras", "generator_backward.keras": "generator.keras"}


def describe(config, path, translator, out, run):
    """Evaluates a translator on held-out images, and writes `evaluation.json` and `model_card.html`.

    Args:
        config: The `Config` of `trainers.evaluate`, with what the flags leave open taken from the run.
        path: Path of the model's file.
        translator: The `keras_gan.networks.Translator` in it.
        out: Folder of the results.
        run: `RunFolder` that the model comes from, or `None`.

    Raises:
        ValueError: If the data do not fit the translator.
    """
    backward = path.name == "generator_backward.keras"
    trained_at = (run.config() or {}).get("image_size") if run else None
    shown = _examples(config, config.split, translator, backward, config.num_samples, trained_at)
    made = translator.translate(shown.sources)
    found = []
    if shown.paired:
        targets = _examples(config, config.train_split, translator, backward, _MOST, trained_at).targets
        mean = targets.mean(axis=0)
        found += translation.compare(made, shown.sources, shown.targets, mean, _factor(config.source))
    back = path.with_name(_OTHER.get(path.name, ""))
    returned = None
    if back.is_file():
        returned = loading.load_translator(back).translate(made)
        found.append(translation.cycle(returned, shown.sources))
    seen = _features(config, shown)
    frechet = []
    if seen is not None:
        frechet = metrics.evaluate(
            made,
            shown.targets,
            seen,
            registry.names_for(seen.name)[:1],
            dataset=config.dataset,
            split=config.split,
            step=run and run.step_of(path),
        )
        print(records.table(frechet), flush=True)
    print(translation.table(found), flush=True)
    evaluation = _summary(config, path, translator, shown, found, frechet)
    pictures = {"samples": _picture(shown, made, returned)}
    out.mkdir(parents=True, exist_ok=True)
    atomic.write_text(out / "evaluation.json", json.dumps(evaluation, indent=2) + "\n")
    atomic.write_text(out / "model_card.html", model_card.render(evaluation, pictures, run))
    print(f"{out}/model_card.html is the model card, evaluation.json has all numbers.")


def compare(config, patterns, sides, out):
    """Says whether two translators, or two ways of training one, differ on held-out pairs.

    Of two files every picture is a pair, so that it is the difference of both that varies; of several files each is one
    evaluation.

    Args:
        config: As for `describe`.
        patterns: Names of the two sides.
        sides: Two lists of paths of models, of one each or of several.
        out: Folder of the results.

    Raises:
        ValueError: If the data are no pairs, or do not fit a translator.
    """
    paired = len(sides[0]) == len(sides[1]) == 1
    values, details, drawn = [], [], []
    for paths in sides:
        rows = []
        for path in map(Path, paths):
            translator = loading.load_translator(path)
            backward = path.name == "generator_backward.keras"
            run = RunFolder.of(path)
            trained_at = (run.config() or {}).get("image_size") if run else None
            shown = _examples(config, config.split, translator, backward, config.num_samples, trained_at)
            if not shown.paired:
                raise ValueError(
                    "--compare needs pairs to compare translators on, such as --dataset=pairs:A,B. Received: "
                    f"--dataset={config.dataset}"
                )
            made = translator.translate(shown.sources)
            found = translation.paired(made, shown.targets)
            means = {name: float(each.mean()) for name, each in found.items()}
            print(f"{path}: " + ", ".join(f"{name} {value:.4g}" for name, value in means.items()), flush=True)
            details.append({"model": str(path), "records": [{"name": n, "value": v} for n, v in means.items()]})
            of_pictures = [dict(zip(found, each, strict=True)) for each in zip(*found.values(), strict=True)]
            rows += of_pictures if paired else [means]
            if len(drawn) < 1 + len(values):
                drawn.append(_picture(shown, made, None)[0])
        values.append(rows)
    about = (
        f"{len(values[0])} held-out pairs, each of which both models translate: this is about two files, not how they "
        "were made."
        if paired
        else f"{len(sides[0])} and {len(sides[1])} models, one evaluation each: what differs is how they were trained."
    )
    table = comparison.differences(*values, paired=paired)
    print(comparison.text(patterns, table, about))
    whole = {
        "sides": sides,
        "about": about,
        "paired": paired,
        "conditions": {
            "images": f"{len(shown.sources)} of the split {config.split} of {config.dataset}",
            "quantization": "uint8, floor(127.5 x + 128), of both sides",
        },
        "metrics": table,
        "runs": details,
        "versions": records.versions(),
        "command": shlex.join(["python", "-m", "trainers.evaluate", *sys.argv[1:]]),
    }
    comparison.write(out, patterns, whole, drawn)


def _examples(config, split, translator, backward, most, trained_at):
    """Images of a split, as the translator takes and makes them."""
    height, width, _ = translator.source_shape
    asked = decoding.parse_size(config.image_size or None)
    # A run's own size may be that of pictures out of which windows were cut.
    if asked not in (None, (height, width)) and config.image_size != trained_at:
        raise ValueError(
            f"The model translates images {translator.source_shape}: pass --image_size={height}x{width}, or none. "
            f"Received: --image_size={config.image_size}"
        )
    found = data.open_source(
        config.dataset,
        split,
        image_size=(height, width) if config.image_size else None,
        channels=config.channels or None,
        data_dir=config.data_dir or None,
        download=config.download,
        direction=config.direction or "AtoB",
    )
    if isinstance(found, Domains) and backward:
        found = Domains(found.b, found.a, found.name)
    shown = translations.of_source(found, most, split, config.source or None)
    shapes = shown.sources.shape[1:], shown.targets.shape[1:]
    if shapes != (translator.source_shape, translator.image_shape):
        raise ValueError(
            f"The model translates images {translator.source_shape} into {translator.image_shape}: pass --dataset, "
            f"--source, --image_size and --channels that fit. Received: images {shapes[0]} and {shapes[1]}"
        )
    return shown


def _factor(condition):
    """The side of the squares of a low resolution, or `None`."""
    kind, _, number = (condition or "").partition(":")
    return int(number) if kind == "lowres" else None


def _features(config, shown):
    """The network that images are seen through, or `None`, which is said."""
    name = config.features or features.automatic(translations.target_data(config.dataset), shown.targets.shape[1:])
    if name is None:
        print(f"No features for {config.dataset} come with the package: no distance between distributions.", flush=True)
        return None
    seen = features.get(name)
    seen.check(shown.targets.shape[1:])
    return seen


def _picture(shown, made, returned, count=32):
    chosen = np.arange(min(count, len(made))) * len(made) // min(count, len(made))
    third = shown.targets[chosen] if shown.paired else made[chosen] if returned is None else returned[chosen]
    parts = [shown.sources[chosen], made[chosen], third]
    last = "target" if shown.paired else "the way back" if returned is not None else "output"
    return drawing.triples(parts, 4), f"Triples of source, output and {last}, evenly spaced in the split, not selected."


def _summary(config, path, translator, shown, found, frechet):
    source, image = ("x".join(map(str, shape)) for shape in (translator.source_shape, translator.image_shape))
    kind = type(translator).__name__
    first = frechet[0] if frechet else None
    made_of = f", sources made by {config.source}" if config.source else ""
    rows = [*(model_card.row(record) for record in frechet), *map(_row, found)]
    floors = list(dict.fromkeys(floor for each in found for floor in each.floors))
    return {
        "title": f"{path.parent.name}/{path.name}" if path.parent.name else path.name,
        "subtitle": f"{source} to {image} by a {kind}, measured on {config.dataset} {config.split}{made_of}.",
        "images": f"{source} to {image}",
        "reading": (
            "How near outputs are to the images that were wanted, pair by pair, and, by a classifier, as a whole."
            if shown.paired
            else "No pairs are known: outputs are judged as a whole, seen through a classifier, and by the way back."
        ),
        "table": rows,
        "beside": {
            "floors": floors,
            "rows": [
                [
                    each.title,
                    f"{each.value:.4g}",
                    *(f"{each.floors[f]:.4g}" if f in each.floors else "-" for f in floors),
                ]
                for each in found
                if each.floors
            ],
        },
        "records": [record.to_dict() for record in frechet],
        "comparisons": [each.to_dict() for each in found],
        "conditions": {
            "images": f"{len(shown.sources)} of the split {config.split} of {config.dataset}{made_of}",
            "quantization": "uint8, floor(127.5 x + 128), of both sides",
            "seen through": "-" if first is None else f"{first.features}, sha256 {first.features_digest}",
            "real data score": "-" if first is None else first.floor_method,
            "intervals": "of pairs: 1.96 standard errors of the mean either way",
        },
        "identity": {
            "file": str(path),
            "class": kind,
            "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
            "parameters": translator.count_params(),
        },
        "parameters": f"{translator.count_params():,}",
        "versions": records.versions() | {"machine": f"{platform.system()} {platform.machine()}"},
        "command": " ".join(["python -m trainers.evaluate", *sys.argv[1:]]),
    }


def _row(comparison):
    """A comparison as the card's table shows it."""
    low, high = (comparison.value + sign * 1.96 * comparison.error for sign in (-1, 1))
    return {
        "name": comparison.title,
        "value": f"{comparison.value:.4g}",
        "interval": f"{low:.4g} to {high:.4g}",
        "floor": "-",
        "better": comparison.better,
    }
