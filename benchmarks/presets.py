"""The trained generators that come with the package, how each was made and how good it is.

    python -m benchmarks.presets --only=dcgan_mnist --out=runs/presets

trains a generator by the command in its card, rounds its weights to float16, measures what is left, and writes it into
`keras_gan/networks/trained`. A run that ends in a collapse is not kept: it stays in the table
with its seed and what the watchdog said last. Metrics are of the held-out split, on 5,000
images; each is measured by the classifier that chose the best step and by a second one, where there is one, that chose
nothing. CIFAR-10 is not among them: minutes of two cores are not enough for it.
"""

import dataclasses
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import tables
from keras_gan import data, metrics, networks
from keras_gan.cli import option
from keras_gan.export import loading
from keras_gan.files.run_folder import RunFolder
from keras_gan.metrics import features
from keras_gan.networks import presets

_MNIST = "MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0"
_FASHION = "Fashion-MNIST (Zalando), MIT"
_FACES = "faces drawn by this package, Apache-2.0"


class Recipe:
    """The way to a preset: its description, trainer, flags, and the licence of its data."""

    def __init__(self, description, trainer, flags, data_license):
        self.description, self.trainer, self.flags, self.data_license = description, trainer, flags, data_license


RECIPES = {
    "dcgan_mnist": Recipe("Digits", "dcgan", "--dataset=mnist --filters=32 --steps=12000", _MNIST),
    "conditional_mnist": Recipe(
        "Digits of a class that one asks for", "conditional_gan", "--dataset=mnist --filters=32 --steps=6000", _MNIST
    ),
    "conditional_fashion_mnist": Recipe(
        "Clothes of a class that one asks for",
        "conditional_gan",
        "--dataset=fashion_mnist --filters=32 --steps=6000",
        _FASHION,
    ),
    "dcgan_faces": Recipe("Drawn faces in colour", "dcgan", "--dataset=faces --filters=16 --steps=12000", _FACES),
    "vae_mnist": Recipe("Digits by the decoder of a VAE", "vae", "--dataset=mnist --filters=32 --steps=4000", _MNIST),
}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    only: str = option("", "Names of presets, separated by commas; all by default.")
    out: str = option("runs/presets", "Folder of the runs and of results.jsonl.")
    presets: str = option(str(presets.FOLDER), "Folder that presets are written to.")
    seed: int = option(0, "Seed of the trainings.", low=0)
    samples: int = option(5000, "Images that are measured.", low=10)
    more: str = option("", "Further flags for the trainers.")


def measure(config):
    """Trains, writes and measures presets, each to a line of results."""
    names = [name for name in config.only.split(",") if name] or list(RECIPES)
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise ValueError(f"--only names presets of {list(RECIPES)}. Received: {unknown}")
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "results.jsonl"
    tables.begin_lines(file, config)
    for name in names:
        tables.add_line(file, _make(name, config, out))


def _make(name, config, out):
    """Trains one preset, and writes it where it is good."""
    recipe = RECIPES[name]
    run = RunFolder(out / f"{name}-{config.seed}")
    words = ["python", "-m", f"trainers.{recipe.trainer}", *shlex.split(recipe.flags), f"--seed={config.seed}"]
    words += shlex.split(config.more)
    if run.result() is None:
        subprocess.run([sys.executable, *words[1:], f"--out={run.path}"], check=True)
    trained = loading.load_generator(run.generator_file)
    flags = run.public_config()
    folder = Path(config.presets, name)
    facts = {
        "description": recipe.description,
        "command": shlex.join(words),
        "dataset": flags["dataset"],
        "data_license": recipe.data_license,
        "seed": config.seed,
        "steps": run.best_step,
        "seconds": run.result()["seconds"],
    }
    verdict = (run.diagnosis() or [""])[0]
    exact = _measure(trained, flags, config, whole=False)
    fresh = out / f"{name}-{config.seed}-preset"
    shutil.rmtree(fresh, ignore_errors=True)
    presets.save(trained, fresh, facts)
    rounded = networks.Generator.from_preset(fresh)
    found = _measure(rounded, flags, config)
    kept = "collapse" not in verdict.lower()
    if kept:
        shutil.rmtree(folder, ignore_errors=True)
        presets.save(trained, folder, {**facts, "metrics": [record.to_dict() for record in found]}, flags)
    size = sum(each.stat().st_size for each in fresh.iterdir())
    result = {
        "preset": name,
        "trained_by": facts["command"],
        **{key: facts[key] for key in ("seed", "steps", "seconds")},
        "parameters": trained.count_params(),
        "bytes": size,
        "exact": {f"{record.name} {record.features}": record.value for record in exact},
        "rounded": {f"{record.name} {record.features}": record.value for record in found},
        "floors": {f"{record.name} {record.features}": record.floor for record in found},
        "verdict": verdict,
        "kept": kept,
    }
    if flags["dataset"] == "faces":
        result["combinations"] = metrics.attributes.evaluate(rounded)._asdict()
    print(json.dumps(result), flush=True)
    return result


def _measure(generator, flags, config, whole=True):
    """The Frechet distance by each classifier of the data set, and precision and recall by the first; or it alone."""
    real = data.open_source(flags["dataset"], "test")
    judges = [features.for_dataset(flags["dataset"], generator.image_shape, second) for second in (False, True)]
    records = []
    judges = [name for name in judges if name][: None if whole else 1]
    for number, judge in enumerate(judges):
        names = ["fcd", "precision", "recall"] if number == 0 and whole else ["fcd"]
        records += metrics.evaluate(
            generator,
            real,
            judge,
            names,
            config.samples,
            dataset=flags["dataset"],
            split="test",
            intervals=number == 0 and whole,
            floor=whole,
            progress=False,
        )
    return records


def render(run):
    """A table of what was made, as Markdown."""
    header = [
        "preset", "trained by", "kept", "minutes", "best step", "parameters", "kB", "fcd", "of unrounded weights",
        "floor", "fcd by the second classifier", "floor of that", "precision", "recall", "the watchdog's last word",
    ]  # fmt: skip
    rows = []
    for row in run["results"]:
        first, *second = [name for name in row["rounded"] if name.startswith("fcd ")]
        judge = first.partition(" ")[2]
        other = second[0] if second else None
        rows.append(
            [
                row["preset"],
                f"`{row['trained_by']}`",
                "yes" if row["kept"] else "no",
                f"{row['seconds'] / 60:.1f}",
                row["steps"],
                f"{row['parameters']:,}",
                f"{row['bytes'] / 1000:.0f}",
                f"{row['rounded'][first]:.3g}",
                f"{row['exact'][first]:.3g}",
                f"{row['floors'][first]:.3g}",
                other and f"{row['rounded'][other]:.3g}",
                other and f"{row['floors'][other]:.3g}",
                *(f"{row['rounded'][f'{name} {judge}']:.2f}" for name in ("precision", "recall")),
                row["verdict"] or None,
            ]
        )
    parts = [tables.table(header, rows)]
    for row in run["results"]:
        if "combinations" in row:
            found = metrics.attributes.AttributeCoverage(**row["combinations"])
            parts.append(f"`{row['preset']}`, seed {row['seed']}: {metrics.attributes.read(found)}")
    return "\n\n".join(parts)


def main(argv=None):
    """Trains, measures and writes."""
    tables.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    main()
