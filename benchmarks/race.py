"""A race of recipes: which flags of `trainers.dcgan` make the best generator in equal time.

    python -m benchmarks.race --out=OUT --seconds=60

Every candidate, the trainer's defaults with a few flags of its own, trains for --seconds, counted from the start of
its process as a user's clock would. The best by the Frechet distance of the data set's first classifier, a share of
--keep, go on to train anew for twice as long, and so on until --finalists are left; these and the defaults then train
for --final seconds with --seeds seeds. A second classifier looks at every generator and chooses nothing. Real images
are the test split of --reference. Data without classifiers are judged by Lite0's kernel distance; of drawn faces there
is also how far the frequencies of their attributes' combinations are from the stated ones, in total variation. Every
training is a process of its own, one after another. Results go to `results.jsonl` below --out, where trainings that are
there are not repeated.
"""

import dataclasses
import math
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import tqdm

from benchmarks import tables
from keras_gan import data, metrics
from keras_gan.cli import option
from keras_gan.export import loading
from keras_gan.files.run_folder import RunFolder
from keras_gan.metrics import features

DEFAULT = "default"
_RELATIVISTIC = "--loss=relativistic"
_MEASURES = {"first": "first classifier", "second": "second classifier", "attributes": "attributes"}


def _rates(generator, discriminator=None):
    return (
        f"--generator_learning_rate={generator}",
        f"--discriminator_learning_rate={discriminator or generator}",
    )


# The defaults and those before them, then one change each, and some of several that the literature puts together.
CANDIDATES = {
    DEFAULT: (),
    "before": ("--preset=before",),
    "before, 32 filters": ("--preset=before", "--filters=auto"),
    "no hidden layer, latents 64, EMA 0.998": ("--discriminator_units=0", "--latent_dim=64", "--ema_momentum=0.998"),
    "no hidden layer": ("--discriminator_units=0",),
    "64 hidden units": ("--discriminator_units=64",),
    "1024 hidden units": ("--discriminator_units=1024",),
    "latents 8": ("--latent_dim=8",),
    "latents 32": ("--latent_dim=32",),
    "latents 64": ("--latent_dim=64",),
    "uniform latents": ("--latent_prior=uniform",),
    "latents of its own": ("--update=alternating",),
    "EMA 0.99": ("--ema_momentum=0.99",),
    "EMA 0.998": ("--ema_momentum=0.998",),
    "EMA 0.999": ("--ema_momentum=0.999",),
    "16 filters": ("--filters=16",),
    "24 filters": ("--filters=24",),
    "48 filters": ("--filters=48",),
    "64 filters": ("--filters=64",),
    "batch 16": ("--batch_size=16",),
    "batch 64": ("--batch_size=64",),
    "R1 at every step": ("--penalty_interval=1",),
    "R1 at every 16th step": ("--penalty_interval=16",),
    "R1 0.1": ("--r1_gamma=0.1",),
    "R1 0.3": ("--r1_gamma=0.3",),
    "R1 1": ("--r1_gamma=1",),
    "R1 10": ("--r1_gamma=10",),
    "R1 by differences": ("--penalty_method=finite_difference",),
    "R1 and R2": ("--r2_gamma=1",),
    "rates 5e-4": _rates(5e-4),
    "rates 1e-3": _rates(1e-3),
    "rates 4e-3": _rates(4e-3),
    "generator's rate 1e-3": _rates(1e-3, 2e-3),
    "discriminator's rate 1e-3": _rates(2e-3, 1e-3),
    "discriminator's rate 4e-3": _rates(2e-3, 4e-3),
    "beta_1 0.5": ("--beta_1=0.5",),
    "beta_1 0.5, R1 1": ("--beta_1=0.5", "--r1_gamma=1"),
    "beta_1 0.5, R1 1, discriminator's rate 4e-3": ("--beta_1=0.5", "--r1_gamma=1", *_rates(2e-3, 4e-3)),
    "hinge": ("--loss=hinge",),
    "least squares": ("--loss=least_squares",),
    "relativistic": (_RELATIVISTIC,),
    "relativistic, R1 and R2": (
        _RELATIVISTIC,
        "--r2_gamma=1",
        "--r1_gamma=1",
        "--penalty_interval=1",
        "--update=alternating",
    ),
    "two discriminator steps": ("--discriminator_steps=2",),
    "DiffAugment": ("--augmentation=translation",),
    "batch normalization": ("--discriminator_normalization=batch", "--r1_gamma=0", *_rates(2e-4)),
}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    out: str = option("", "Folder of the runs and of results.jsonl.")
    dataset: str = option("mnist5k", "Data that they train on.")
    candidates: str = option("", f"Names with semicolons, of {'; '.join(CANDIDATES)}; all by default.")
    reference: str = option("", "Data whose test split judges; --dataset by default, mnist for mnist5k, say.")
    seconds: float = option(60.0, "Length of the first round.")
    keep: float = option(0.5, "Share of the candidates that goes on to the next round.", low=0, below=1)
    finalists: int = option(3, "Candidates of the last round.", low=1)
    final: float = option(180.0, "Length of the last round.")
    seeds: int = option(3, "Trainings of each in the last round.", low=1)
    samples: int = option(5000, "Images that are judged.", low=10)
    more: str = option("", "A further flag of all candidates, such as --precision=bfloat16.")


def main(argv=None):
    """Trains, measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Races; stores each result as it comes, and so returns `None`."""
    names = [name.strip() for name in config.candidates.split(";") if name.strip()] or list(CANDIDATES)
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown:
        raise ValueError(f"--candidates must be of {'; '.join(CANDIDATES)}. Received: {unknown}")
    if not config.out:
        raise ValueError("--out is needed: the folder of the runs.")
    if not 0 < config.seconds <= config.final:
        raise ValueError(
            f"--seconds must be positive and at most --final={config.final:g}. Received: --seconds={config.seconds:g}"
        )
    for name in {config.dataset, config.reference or config.dataset}:
        data.open_source(name)  # or every candidate would fail in turn
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "results.jsonl"
    results = tables.begin_lines(file, config)
    done = {_key(each): each for each in results}
    progress = tqdm.tqdm(desc="trainings", leave=False, disable=None)

    def run(name, seconds, seed):
        key = (name, config.dataset, seconds, seed)
        if key not in done:
            done[key] = train(name, seconds, seed, config, out)
            tables.add_line(file, done[key])
            results.append(done[key])
        progress.update()
        return done[key]

    halve(names, config, run)
    progress.close()
    print(render({"results": results}))


def halve(names, config, run):
    """Successive halving.

    Args:
        names: List of candidates.
        config: `Config`, of which the lengths, `finalists` and `seeds` are looked at.
        run: Function of a candidate, seconds and a seed that returns a result.
    """
    seconds = config.seconds
    while len(names) > config.finalists:
        names = sorted(names, key=lambda name: _order(run(name, seconds, 0)))
        names = names[: max(config.finalists, math.ceil(config.keep * len(names)))]
        seconds = min(2 * seconds, config.final)
    for seed in range(config.seeds):
        for name in dict.fromkeys([DEFAULT, *names]):
            run(name, config.final, seed)


def _key(result):
    return tuple(result[name] for name in ("candidate", "dataset", "seconds", "seed"))


def _order(result):
    """The first classifier's distance; a training that failed comes last."""
    return math.inf if result["first"] is None else result["first"]


def train(name, seconds, seed, config, out):
    """Trains and judges one candidate.

    Returns:
        Dictionary of what it was, its `steps`, its distances by the `first` and the `second` classifier, and of faces
        that of `attributes`; `None` for what does not exist, and where training failed, whose last words are in
        `error`.
    """
    folder = out / "run"
    shutil.rmtree(folder, ignore_errors=True)
    flags = [f"--dataset={config.dataset}", f"--minutes={seconds / 60}", f"--seed={seed}", *CANDIDATES[name]]
    # A race is judged at its end alone.
    flags += ["--evaluate_every=0", "--nowatchdog", f"--out={folder}", *([config.more] if config.more else [])]
    result = {"candidate": name, "dataset": config.dataset, "seconds": seconds, "seed": seed}
    result |= {"steps": None, "first": None, "second": None, "attributes": None}
    command = [sys.executable, "-m", "trainers.dcgan", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        return {**result, "error": said[-1][:300]}
    return {**result, "steps": RunFolder(folder).result()["steps"], **judge(folder, config)}


def judge(folder, config):
    """The distances of a run's last generator from a test split, or from all data where there is none."""
    generator = loading.load_generator(RunFolder(folder).generator_file)
    reference = config.reference or config.dataset
    try:
        real = data.open_source(reference, "test")
    except data.MissingSplitError:
        real = data.open_source(reference)
    judges = [features.for_dataset(config.dataset, generator.image_shape, second) for second in (False, True)]
    if judges[0] is None:
        judges, metric = ["efficientnet_lite0", None], "lkd"
    else:
        metric = "fcd"
    faces = config.dataset == "faces"
    found = {"attributes": metrics.attributes.evaluate(generator).distance if faces else None}
    for place, network in zip(("first", "second"), judges, strict=True):
        found[place] = None
        if network:
            [record] = metrics.evaluate(
                generator, real, network, [metric], config.samples, intervals=False, floor=False, progress=False
            )
            found[place] = record.value
    return found


def render(run):
    """A row for each candidate, the last round first; Markdown."""
    rows = []
    results = run["results"]
    for dataset in dict.fromkeys(each["dataset"] for each in results):
        here = [each for each in results if each["dataset"] == dataset]
        for seconds in sorted({each["seconds"] for each in here}, reverse=True):
            round_ = [each for each in here if each["seconds"] == seconds]
            groups = [
                [each for each in round_ if each["candidate"] == name]
                for name in dict.fromkeys(each["candidate"] for each in round_)
            ]
            for group in sorted(groups, key=lambda group: statistics.mean(map(_order, group))):
                failed = [each for each in group if each["first"] is None]
                rows.append(
                    [
                        dataset,
                        f"{seconds:g}",
                        group[0]["candidate"],
                        len(group),
                        None if failed else f"{statistics.mean(each['steps'] for each in group):.0f}",
                        *(_spread([each.get(place) for each in group]) for place in _MEASURES),
                        failed[0]["error"] if failed else None,
                    ]
                )
    header = ["data", "seconds", "candidate", "seeds", "steps", *_MEASURES.values(), "failed"]
    return tables.table(header, rows)


def _spread(values):
    """The mean of values, and half their range where there are several."""
    if None in values:
        return None
    text = f"{statistics.mean(values):.3g}"
    return text if len(values) == 1 else f"{text} +- {(max(values) - min(values)) / 2:.2g}"


if __name__ == "__main__":
    main()
