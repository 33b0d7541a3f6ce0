"""Questions to GANs whose data are a known density: discriminator steps, losses, regularizers.

    python -m benchmarks.toy --experiment=k_sweep --out=runs/k_sweep
    python -m benchmarks.toy --experiment=losses --out=runs/losses

The experiments are those of `trainers.toy`, which goes on where it was when it is started again with the same `--out`.
Numbers are means over the last fifth of each training, and over seeds with their standard deviations: the true
Jensen-Shannon divergence of the generator, in nats (0 to 0.693), modes reached, the share of samples within three
deviations of a mode, and the size of the generator's gradient, of the loss in use and of the saturating one.
"""

import collections
import dataclasses
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import tables
from keras_gan.cli import option
from trainers import toy

COLUMNS = {
    "jsd": "JSD",
    "modes": "modes",
    "high_quality": "high quality",
    "generator_gradient": "generator's gradient",
    "saturating_gradient": "saturating gradient",
    "seconds": "s",
}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags; all but `out` are those of `trainers.toy`."""

    experiment: str = option("k_sweep", "k_sweep or losses.")
    data: str = option("ring", "gaussian, two_gaussians, ring, grid or swiss_roll.")
    steps: int = option(3000, "Generator updates of each training.", low=1)
    measure_every: int = option(300, "Generator updates between measurements.", low=1)
    batch_size: int = option(128, "Examples in one update's minibatch.", low=1)
    seeds: int = option(3, "Trainings of each kind.", low=1)
    out: str = option("", "Folder of the trainer's results; a temporary one by default.")


def main(argv=None):
    """Trains, measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Runs an experiment of `trainers.toy`.

    Returns:
        Dictionary of the `experiment` and its `kinds`: for each its name, the number of `seeds` that trained, and by
        column their `mean` and `deviation`; `outcome` is what became of others.
    """
    if config.experiment not in ("k_sweep", "losses"):
        raise ValueError(f"--experiment must be k_sweep or losses. Received: --experiment={config.experiment}")
    names = ("experiment", "data", "steps", "measure_every", "batch_size", "seeds")
    flags = [f"--{name}={getattr(config, name)}" for name in names]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(config.out or temporary)
        toy.main([*flags, f"--out={folder}"])
        results = [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]
    kinds = collections.defaultdict(list)
    for result in results:
        kinds[result["kind"]].append(result)
    return {"experiment": config.experiment, "kinds": [_kind(name, each) for name, each in kinds.items()]}


def _kind(name, results):
    trained = [result for result in results if result["outcome"] == "trained"]
    others = sorted({result["outcome"].split(":")[0] for result in results} - {"trained"})
    found = {
        "kind": name,
        "seeds": len(trained),
        "outcome": ", ".join(others) or "trained",
        "mean": {},
        "deviation": {},
    }
    for column in COLUMNS:
        values = [result[column] for result in trained if column in result]
        if values:
            found["mean"][column] = statistics.mean(values)
        if len(values) > 1:
            found["deviation"][column] = statistics.stdev(values)
    return found


def render(run):
    """Tables of what was measured, as Markdown."""
    title = {"k_sweep": "D:G updates", "losses": "loss, regularizer"}[run["experiment"]]
    columns = [cell for name in COLUMNS.values() for cell in (name, "+-")]
    rows = [
        [each["kind"], each["seeds"], each["outcome"]]
        + [tables.digits(each[key].get(column)) for column in COLUMNS for key in ("mean", "deviation")]
        for each in run["kinds"]
    ]
    return tables.table([title, "seeds", "outcome", *columns], rows)


if __name__ == "__main__":
    main()
