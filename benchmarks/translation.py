"""Pictures from pictures: how near outputs come on held-out data, beside what costs nothing.

    python -m benchmarks.translation --out=OUT --tasks=edges,edges-l1
    python -m benchmarks.translation --out=OUT --tasks=emoji,emoji-l1,emoji-unpaired --emoji=FOLDER

Every training is a process of its own, a recipe with the flags of its task, and is measured by `trainers.evaluate` on
the split that it did not see. `-l1` is the same task with the absolute difference alone, without an adversary: what the
adversary adds, and costs. Unpaired tasks never see which picture belongs to which; where that is known, it is only
measured. Results go to `results.jsonl` below --out, where trainings that are there already are not repeated.
"""

import dataclasses
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import tables
from keras_gan.cli import option

_L1 = "--adversarial_weight=0"
_SMALL = ("--image_size=32x32", "--features=none")
# Per task its recipe, its flags, and those of `trainers.evaluate`; {emoji} and {faces} are folders that flags name.
_EMOJI = "pairs:{emoji}/{{split}}/google,{emoji}/{{split}}/twitter"
_PAIRED = ("pix2pix", ["--source=", f"--dataset={_EMOJI}", *_SMALL], [])
TASKS = {
    "edges": ("pix2pix", [], []),
    "edges-l1": ("pix2pix", [_L1], []),
    "lowres": ("pix2pix", ["--source=lowres:4"], []),
    "color": ("pix2pix", ["--dataset=cifar10", "--source=gray"], []),
    "color-l1": ("pix2pix", ["--dataset=cifar10", "--source=gray", _L1], []),
    "emoji": _PAIRED,
    "emoji-l1": (_PAIRED[0], [*_PAIRED[1], _L1], []),
    "emoji-unpaired": (
        "cyclegan",
        ["--domain_a=folder:{emoji}/train/google", "--domain_b=folder:{emoji}/train/twitter", *_SMALL],
        [f"--dataset={_EMOJI}", "--image_size=32x32"],
    ),
    "digits-unpaired": ("cyclegan", [], []),
    "glasses": (
        "cyclegan",
        ["--domain_a=tfrecord:{faces}#plain", "--domain_b=tfrecord:{faces}#glasses", *_SMALL],
        ["--image_size=32x32"],
    ),
}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    out: str = option("", "Folder of the runs and of results.jsonl.")
    tasks: str = option("edges,edges-l1,digits-unpaired", f"Of {', '.join(TASKS)}, with commas.")
    seeds: int = option(1, "Trainings of each.", low=1)
    steps: int = option(0, "Training steps of each; those of the recipe by default.", low=0)
    emoji: str = option("", "Folder with train and test of paired emoji, google and twitter.")
    faces: str = option("", "Folder with TFRecords of faces, classes plain and glasses, below train and test.")


def main(argv=None):
    """Trains, measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains and measures what is not in the results yet; stores each as it comes, and so returns `None`."""
    tasks = config.tasks.split(",")
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise ValueError(f"--tasks must be of {', '.join(TASKS)}. Received: --tasks={config.tasks}")
    if not config.out:
        raise ValueError("--out is needed: the folder of the runs.")
    for task in tasks:
        for name in ("emoji", "faces"):
            if any(f"{{{name}}}" in flag for flag in TASKS[task][1]) and not getattr(config, name):
                raise ValueError(f"--{name} is needed for the task {task}.")
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "results.jsonl"
    results = tables.begin_lines(file, config)
    done = {(each["task"], each["seed"]) for each in results}
    for seed in range(config.seeds):
        for task in tasks:
            if (task, seed) not in done:
                result = train(task, seed, config, out / f"{task}-{seed}")
                tables.add_line(file, result)
                results.append(result)
    print(render({"results": results}))


def train(task, seed, config, folder):
    """Trains and measures one task.

    Returns:
        Dictionary of the task, the seed, the steps, the seconds of training, and what was measured.
    """
    recipe, flags, evaluation = TASKS[task]
    places = {"emoji": config.emoji, "faces": config.faces}
    length = [f"--steps={config.steps}"] if config.steps else []
    began = time.monotonic()
    _run([f"trainers.{recipe}", f"--out={folder}", f"--seed={seed}", *length, *(f.format(**places) for f in flags)])
    seconds = time.monotonic() - began
    _run(
        ["trainers.evaluate", f"--model={folder}/generator.keras", "--overwrite", "--num_samples=2000"]
        + [flag.format(**places) for flag in evaluation]
    )
    found = json.loads((folder / "evaluation" / "evaluation.json").read_text("utf-8"))
    result = json.loads((folder / "result.json").read_text("utf-8"))
    return {
        "task": task,
        "seed": seed,
        "steps": result["steps"],
        "seconds": round(seconds, 1),
        "comparisons": found["comparisons"],
        "frechet": [{name: each[name] for name in ("name", "value", "floor", "n_fake")} for each in found["records"]],
    }


def _run(command):
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise OSError(f"{' '.join(command)} ended with exit status {done.returncode} and said: {said[-1][:300]}")


def render(run):
    """The results as Markdown: a row a task, and below it the floors."""
    names = ("psnr", "ssim", "ms_ssim", "l1", "cycle")
    rows = []
    for task in dict.fromkeys(each["task"] for each in run["results"]):
        each = [result for result in run["results"] if result["task"] == task]
        found = [{c["name"]: c for c in result["comparisons"]} for result in each]
        frechet = [result["frechet"][0] for result in each if result["frechet"]]
        cells = [_spread([one[name]["value"] for one in found if name in one]) for name in names]
        distance = _spread([one["value"] for one in frechet])
        distance = distance and f"{frechet[0]['name']} {distance}"
        seconds = statistics.median(result["seconds"] for result in each)
        rows.append([task, len(each), each[0]["steps"], f"{seconds:.0f}", *cells, distance])
        for floor in ("source", "mean", "bilinear"):
            values = [found[0].get(name, {"floors": {}})["floors"].get(floor) for name in names]
            if any(value is not None for value in values):
                rows.append([f"- {floor}", "", "", "", *(tables.digits(value, "{:.4g}") for value in values), ""])
        if frechet and frechet[0]["floor"] is not None:
            rows.append(["- real images", *[""] * (3 + len(names)), f"{frechet[0]['floor']:.4g}"])
    header = ["task", "seeds", "steps", "seconds", "PSNR, dB", "SSIM", "MS-SSIM", "L1", "cycle, L1", "distance"]
    return tables.table(header, rows)


def _spread(values):
    """The mean of values, and half their range where there are several; `None` of none."""
    if not values:
        return None
    text = f"{statistics.mean(values):.4g}"
    return text if len(values) == 1 else f"{text} +- {(max(values) - min(values)) / 2:.2g}"


if __name__ == "__main__":
    main()
