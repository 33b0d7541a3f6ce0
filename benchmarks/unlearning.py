"""Forgetting a feature: what a generator still makes of it, and what becomes of the rest.

    TFDS_DATA_DIR=... python -m benchmarks.unlearning --out=runs/unlearning

A GAN and a VAE are trained on `mnist5k`, and each forgets thick strokes, then a digit, with several seeds, each with
annotated samples, training latents and measured samples of its own. Numbers are means over seeds with half-widths of
95 % intervals (Student's t). They speak for other seeds with these two generators, not for other generators.

Thick strokes are the thickest tenth, judged by the same measure. Sevens are annotated by one classifier and judged by
another. "fcd" is the Frechet distance to real MNIST test digits without the feature in the first classifier's features;
"elsewhere" is latents without the feature; "L1" is the mean absolute difference of pixels in [-1, 1]. "Brought back" is
the share of searches of latents that found the feature; rejection and projection leave the original's weights, so its
share is theirs.

Every run of `trainers.unlearn` adds a line to `results.jsonl` in `--out`; a process that was interrupted goes on where
it was when it is started again.
"""

import dataclasses
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

import keras
import tqdm
from scipy import stats

from benchmarks import tables
from keras_gan.cli import option
from keras_gan.files import atomic
from trainers import unlearn
from trainers.forgetting import forgetting

MODELS = {"GAN": "dcgan", "VAE": "vae"}
FEATURES = ("thickness", "class:7")


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    out: str = option("runs/unlearning", "Folder of the results.")
    seed: int = option(100, "The first seed of unlearning.", low=0)
    seeds: int = option(3, "Seeds of each model and feature.", low=2)
    model_seed: int = option(100, "Seed of the models' training.", low=0)
    gan_steps: int = option(3000, "Length of the GAN's training.", low=1)
    vae_steps: int = option(1500, "Length of the VAE's training.", low=1)
    models: str = option("GAN,VAE", "Which of these.")
    dataset: str = option("mnist", "Real images: mnist or mnist5k.")
    steps: int = option(unlearn.Config.steps, "Length of unlearning.", low=1)
    samples: int = option(unlearn.Config.samples, "Annotated samples.", low=10)
    evaluated: int = option(unlearn.Config.evaluated, "Samples that all is measured on.", low=10)
    attacks: int = option(unlearn.Config.attacks, "Searches for the feature.", low=0)


def main(argv=None):
    """Runs what has not run yet, and writes the table."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains what is not in `--out` yet; results are lines there."""
    names = config.models.split(",")
    if any(name not in MODELS for name in names):
        raise ValueError(f"--models are of {list(MODELS)}, separated by commas. Received: --models={config.models}")
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.jsonl"
    results = tables.begin_lines(file, config)
    done = {(result["model"], result["feature"], result["seed"]) for result in results}
    seeds = range(config.seed, config.seed + config.seeds)
    todo = [(name, feature, seed) for seed in seeds for name in names for feature in FEATURES]
    todo = [each for each in todo if each not in done]
    with tqdm.tqdm(todo, disable=None) as bar:
        for name, feature, seed in bar:
            bar.set_description(f"{name}, {feature}, seed {seed}")
            report = forget(_trained(name, config), feature, seed, folder, name, config)
            results.append({"model": name, "feature": feature, "seed": seed, **report})
            tables.add_line(file, results[-1])
            keras.backend.clear_session()
    text = render({"results": results})
    atomic.write_text(folder / "table.md", text + "\n")
    print(text)


def _trained(name, config):
    """The generator of a finished training, which is run first where there is none."""
    run = Path(config.out, name.lower())
    if not (run / "generator.keras").exists():
        steps = {"GAN": config.gan_steps, "VAE": config.vae_steps}[name]
        flags = [f"--out={run}", f"--seed={config.model_seed}", f"--steps={steps}", "--dataset=mnist5k"]
        subprocess.run([sys.executable, "-m", f"trainers.{MODELS[name]}", *flags], check=True)
    return run / "generator.keras"


def forget(model, feature, seed, folder, name, config):
    """One run of `trainers.unlearn`.

    Returns:
        Its report, without what is the same in all.
    """
    out = folder / f"{name.lower()}-{feature.replace(':', '-')}-{seed}"
    if not out.exists():
        # Seeds of annotated samples must not overlap between runs.
        names = ("dataset", "steps", "samples", "evaluated", "attacks")
        flags = [f"--{each}={getattr(config, each)}" for each in names]
        unlearn.main([*flags, f"--model={model}", f"--feature={feature}", f"--out={out}", f"--seed={seed * 10**6}"])
    report = json.loads((out / "report.json").read_text("utf-8"))
    kept = ("annotated", "detector", "measured_on", "methods")
    return {**{key: report[key] for key in kept}, "threshold": report["feature"]["threshold"]}


MEASURES = (
    ("images with it, %", "share", 100),
    ("brought back, %", "recovered", 100),
    ("fcd", "fcd", 1),
    ("precision", "precision", 1),
    ("recall", "recall", 1),
    ("L1 elsewhere", "to_original", 1),
    ("fcd from original elsewhere", "fcd_rest", 1),
    ("L1 from projection", "to_projection", 1),
)


def render(run):
    """The results as Markdown: for every model and feature a row for each method, means over seeds."""
    groups = {}
    for result in run["results"]:
        groups.setdefault((result["model"], result["feature"]), []).append(result)
    rows, detectors = [], []
    for (model, feature), found in sorted(groups.items()):
        for method in forgetting.METHODS:
            cells = []
            for _, key, factor in MEASURES:
                values = [each["methods"][method].get(key) for each in found]
                values = [value["value"] if isinstance(value, dict) else value for value in values]
                cells += interval([factor * value for value in values if value is not None])
            rows.append([model, feature, method, *cells])
        kept = [[each["detector"][key] for each in found] for key in ("auc", "recall", "present_rate")]
        kept.append([each["threshold"] for each in found])
        detectors.append([model, feature, len(found), *(cell for values in kept for cell in interval(values))])
    columns = [cell for name, *_ in MEASURES for cell in (name, "+-")]
    detector = [cell for name in ("AUC", "recall", "found present", "threshold") for cell in (name, "+-")]
    return (
        tables.table(["model", "feature", "method", *columns], rows)
        + "\n\n"
        + tables.table(["model", "feature", "seeds", *detector], detectors)
    )


def interval(values):
    """Mean of some values and the half-width of its 95 % interval, as cells."""
    if not values:
        return None, None
    mean, width = f"{sum(values) / len(values):.3g}", None
    if len(values) > 1:
        deviation = statistics.stdev(values)
        width = f"{stats.t.ppf(0.975, len(values) - 1) * deviation / math.sqrt(len(values)):.2g}"
    return mean, width


if __name__ == "__main__":
    main()
