"""Seconds that the metrics take beside other implementations of them, on the same float64 arrays.

    pip install '.[bench]' && python -m benchmarks.metrics

Theirs and ours alternate in one run, ours in one process and theirs in another, because TensorFlow and PyTorch cannot
be loaded together; medians of wall-clock time and of processor time, and their ratios. Of the other implementations
only what takes features is called, nothing that takes images.
"""

import dataclasses
import statistics
import sys
from pathlib import Path

from benchmarks import tables
from benchmarks.gate import Worker
from keras_gan.cli import option

ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    number: int = option(10_000, "Rows of features, real and generated.", low=10)
    wide: int = option(2048, "Features of the wide ones.", low=1)
    narrow: int = option(64, "Features of the narrow ones.", low=1)
    rounds: int = option(3, "How often each is timed, in turn.", low=1)
    only: str = option("", "Part of the name of what is measured.")


OURS = {"frechet", "kernel", "kernel_over_all", "precision_recall", "manifold"}
_FRECHET = ("frechet", "frechet_clean_fid", "frechet_torch_fidelity")
_KERNEL = ("kernel", "kernel_over_all", "kernel_clean_fid", "kernel_torch_fidelity")


def measure(config):
    """Times every metric on both sides.

    Returns:
        Dictionary of `metrics`, a list of dictionaries: what is measured, the `rows` and `width` of its features, and
        `functions`, ours first.
    """
    cases = [
        ("Frechet distance", _FRECHET, config.narrow),
        ("Kernel distance", _KERNEL, config.narrow),
        ("Precision and recall", ("precision_recall", "precision_recall_torch_fidelity"), config.narrow),
        ("Precision, recall, density, coverage", ("manifold", "manifold_prdc"), config.narrow),
        ("Frechet distance", _FRECHET, config.wide),
        ("Kernel distance", _KERNEL, config.wide),
    ]
    command, found = [sys.executable, "-m", "benchmarks.peers.metrics"], []
    with Worker("ours", command, ROOT) as ours, Worker("theirs", command, ROOT) as theirs:
        for title, functions, width in cases:
            if config.only in title:
                sides = {function: ours if function in OURS else theirs for function in functions}
                timed = _time(sides, config.number, width, config.rounds)
                found.append({"metric": title, "rows": config.number, "width": width, "functions": timed})
    return {"metrics": found}


def _time(sides, number, width, rounds):
    """Medians over rounds for each function, and how many times the first one's they are."""
    for function, worker in sides.items():
        worker.run(f"{function} 1001 8")  # imports
    taken = {function: [] for function in sides}
    for _ in range(rounds):
        for function, worker in sides.items():
            taken[function].append(worker.run(f"{function} {number} {width}"))
    rows = []
    for function, reports in taken.items():
        row = {key: statistics.median(report[key] for report in reports) for key in reports[0]}
        first = rows[0] if rows else row
        times = {"times": row["seconds"] / first["seconds"], "processor_times": row["processor"] / first["processor"]}
        rows.append({"function": function, **row, **times})
    return rows


def render(run):
    """Tables of what was measured, as Markdown."""
    columns = {"s": "seconds", "times ours": "times", "s of processors": "processor", "times": "processor_times"}
    rows = [
        [each["metric"], each["rows"], each["width"], f"`{function['function']}`"]
        + [tables.digits(function.get(key)) for key in columns.values()]
        + [tables.digits(function.get("value"), "{:.10g}")]
        for each in run["metrics"]
        for function in each["functions"]
    ]
    return tables.table(["metric", "rows", "features", "function", *columns, "value"], rows)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    main()
