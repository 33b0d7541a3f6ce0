"""Detectors of a feature in latents: what else changes when the feature is removed as far.

    python -m benchmarks.unlearning_detectors --json=benchmarks/results/unlearning_detectors.json

A small DCGAN is trained on `mnist5k`. A plane between latents with and without the feature ("direction"), and a curved
surface ("boundary"), are found in annotated latents. Those beyond are projected to it, at thresholds beyond which lie
2.5 to 75 % of the latents: what a generator that unlearned makes of them. "Looks" projects those beyond the plane of
which the annotator says that their images have the feature, as `trainers.unlearn` does. Shares are of images of other
latents. Sevens are annotated by the first classifier and judged by the second. "Changed" are the images that lacked the
feature in the eyes of the judge and are of another class, as the second classifier says, afterwards; "difference" is
theirs, of pixels in [-1, 1], in the mean. Numbers are means over seeds with half-widths of 95 % intervals (Student's
t), for this one generator.
"""

import dataclasses
import subprocess
import sys
import types
from pathlib import Path

import tqdm

from benchmarks import tables
from benchmarks.latent_boundary import LatentBoundary
from benchmarks.unlearning import interval
from keras_gan.cli import option
from keras_gan.export import loading
from trainers.forgetting import forgetting, targets, trade_off

# A quarter of the feature is left, which is what `trainers.unlearn` asks for by default.
REMAINING = 0.25


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    out: str = option("runs/unlearning_detectors", "Folder of the GAN's training.")
    gan_steps: int = option(1000, "Length of the GAN's training.", low=1)
    features: str = option("class:7", "Features, separated by commas: classes.")
    few: int = option(5000, "Annotated samples, the fewer ones.", low=100)
    many: int = option(15_000, "Annotated samples, the more ones.", low=100)
    evaluated: int = option(1500, "Samples that all is measured on.", low=10)
    seeds: int = option(3, "Seeds of annotated and measured samples.", low=1)


def main(argv=None):
    """Measures, or prints the page."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Compares the detectors.

    Returns:
        Dictionary of `results`, a list of dictionaries: `feature`, `seed`, `detector`, `samples`, `auc`, and `curve` as
        `trade_off.over_thresholds` returns it.
    """
    generator = loading.load_generator(_trained(config))
    results = []
    todo = [(feature, seed) for seed in range(config.seeds) for feature in config.features.split(",")]
    for feature, seed in tqdm.tqdm(todo, disable=None):
        results += compare(generator, feature, seed, config)
    return {"results": results}


def _trained(config):
    run = Path(config.out)
    if not (run / "generator.keras").exists():
        flags = [f"--out={run}", "--seed=100", f"--steps={config.gan_steps}", "--preset=before"]
        flags += ["--batch_size=32", "--filters=32"]
        command = [sys.executable, "-m", "trainers.dcgan", "--dataset=mnist5k", "--evaluate_every=0", *flags]
        subprocess.run(command, check=True)
    return run / "generator.keras"


def compare(generator, feature, seed, config):
    """Measures one feature with one seed: some of the results of `measure`."""
    first = 10**6 * seed
    target = targets.parse(feature, "mnist5k", None, generator)
    asked = types.SimpleNamespace(samples=config.many, share=0.1, seed=first)
    annotation = target.annotate(generator, asked)
    probes = forgetting.Probes.draw(generator, config.evaluated, first)

    # One that does not look at images while it projects.
    blind = dataclasses.replace(target, differentiable=False)
    some = annotation._replace(latents=annotation.latents[: config.few], present=annotation.present[: config.few])
    direction = annotation.feature()
    truth = target.has(forgetting.make(generator, probes), annotation.cutoff)
    results = []
    for name, samples, found, who in (
        ("direction", config.few, some.feature(), blind),
        ("direction", config.many, direction, blind),
        ("boundary", config.many, annotation.feature(cls=LatentBoundary), blind),
        ("direction, looks", config.few, some.feature(), target),
        ("direction, looks", config.many, direction, target),
    ):
        results.append(
            {
                "feature": feature,
                "seed": seed,
                "detector": name,
                "samples": samples,
                "auc": found.quality(probes.codes, truth)["auc"],
                "curve": trade_off.over_thresholds(generator, found, who, annotation.cutoff, probes),
            }
        )
    return results


def render(run):
    """The tables of a run, Markdown."""
    groups = {}
    for result in run["results"]:
        groups.setdefault((result["feature"], result["detector"], result["samples"]), []).append(result)
    equal, curves = [], []
    for key, found in groups.items():
        asked = [REMAINING * each["curve"][0]["left"] for each in found]
        pairs = list(zip(found, asked, strict=True))
        cells = interval([each["auc"] for each in found])
        cells += interval([100 * share for share in asked])
        for name, factor in (("class_changed", 100), ("change", 1)):
            values = [trade_off.change_at(each["curve"], share, name) for each, share in pairs]
            cells += interval([factor * value for value in values if value is not None])
        equal.append([*key, *cells])
        for i, row in enumerate(found[0]["curve"]):
            values = [[100 * each["curve"][i][name] for each in found] for name in ("left", "class_changed")]
            curves.append([*key, f"{100 * row['beyond']:.3g}", *(cell for each in values for cell in interval(each))])
    names = ["feature", "detector", "annotated"]
    parts = [
        "A quarter of the feature left, between two thresholds on a line:",
        tables.table(
            [*names, "AUC", "+-", "with it, %", "+-", "changed, %", "+-", "difference", "+-"],
            equal,
        ),
    ]
    parts += [
        "The curves:",
        tables.table([*names, "latents beyond, %", "with it, %", "+-", "changed, %", "+-"], curves),
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
