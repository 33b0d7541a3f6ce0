"""Stored measurements, and the pages made of them.

`benchmarks/results/NAME.json` is a list of runs of `benchmarks/NAME.py`; where every training adds a line it is
`NAME.jsonl`, whose first line has the conditions. A run says `date`, `machine`, `software`, `command` and `notes`,
paragraphs on these numbers, beside what the script measured. `python -m benchmarks.NAME --table` prints
`docs/results/NAME.md`: the script's docstring, and for every run its conditions, its tables and its notes.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from pathlib import Path

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.files import atomic

RESULTS = Path(__file__).parent / "results"
# Where results go changes nothing about them.
_UNSAID = ("json", "table", "out", "folder", "torch_python", "wheel")


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of every script."""

    json: str = option("", "A file that the run is added to; those of benchmarks/results are what --table reads.")
    table: bool = option(False, "Print the page of the stored results, and measure nothing.")


def main(module, argv=None):
    """The command line of a script.

    Args:
        module: Has `Config`, a subclass of this one; `measure(config)`, which returns a dictionary of what was
            measured, or `None` if it stored that itself; and `render(run)`, which makes Markdown of it.
        argv: The arguments; by default the process's own.
    """
    config, _ = cli.parse(module.Config, f"python -m benchmarks.{_name(module)}", module.__doc__, argv)
    cli.run(lambda: _run(module, config))


def _run(module, config):
    if config.table:
        print(page(module), end="")
        return
    if config.json:
        atomic.nearest_folder(config.json)
    measured = module.measure(config)
    if measured is None:
        return
    run = {**conditions(config), **measured}
    print(module.render(run))
    if config.json:
        file = Path(config.json)
        runs = json.loads(file.read_text("utf-8")) if file.exists() else []
        atomic.write_text(file, json.dumps([*runs, run], indent=2) + "\n")


def _name(module):
    return Path(module.__file__).stem


def conditions(config):
    """Date, machine, software and command of a run with some flags."""
    said = [
        f"--{field.name}={getattr(config, field.name)}"
        for field in dataclasses.fields(config)
        if field.name not in _UNSAID and getattr(config, field.name) != field.default
    ]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras", "numpy")]
    return {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "software": ", ".join([f"python {platform.python_version()}", *versions]),
        "command": shlex.join(["python", "-m", f"benchmarks.{_name(sys.modules[type(config).__module__])}", *said]),
    }


def machine():
    """This machine in a line: cores that this process may use, processor, memory."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8", errors="replace").splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores of {model}, {memory:.0f} GiB"


def read_lines(file):
    """The conditions and the results in a file of lines.

    Args:
        file: Path; it need not exist.

    Returns:
        Two lists of dictionaries: the conditions of each command that added results, and the results.
    """
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    return [line for line in lines if "command" in line], [line for line in lines if "command" not in line]


def begin_lines(file, config):
    """The results that a file of lines holds already; says in it under which conditions others will be added."""
    said, results = read_lines(file)
    here = conditions(config)
    if here["command"] not in [each["command"] for each in said]:
        add_line(file, here)
    return results


def add_line(file, result):
    """Adds one result to a file of lines."""
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(result) + "\n")


def runs(name):
    """The stored runs of a script; those of a file of lines are one, with `results` and `also`, further conditions."""
    file = RESULTS / f"{name}.json"
    if file.exists():
        return json.loads(file.read_text("utf-8"))
    if not file.with_suffix(".jsonl").exists():
        raise ValueError(f"benchmarks/results holds nothing of {name}: measure with --json={file.name} or --out first.")
    (first, *others), results = read_lines(file.with_suffix(".jsonl"))
    return [{**first, "also": others, "results": results}]


def page(module):
    """The page of a script's stored runs, Markdown."""
    title, _, about = module.__doc__.strip().partition("\n")
    parts = [f"# {title.rstrip('.')}", about.strip("\n")]
    for run in runs(_name(module)):
        parts.append(f"## {run['date']}")
        parts += [_said(each) for each in (run, *run.get("also", ()))]
        parts.append(module.render(run).strip())
        parts += [note for each in (run, *run.get("also", ())) for note in each.get("notes", ())]
    return "\n\n".join(part for part in parts if part) + "\n"


def _said(run):
    command = f"`{run['command']}` on" if "command" in run else "On"
    software = f"; {run['software']}" if "software" in run else ""
    return f"{command} {run['machine']}{software}."


def table(header, rows):
    """Markdown of a table, without the columns that no row fills.

    Args:
        header: Names of the columns.
        rows: Lists of cells, strings, numbers or `None`.

    Returns:
        String.

    Example:

    >>> from benchmarks import tables
    >>> print(tables.table(["side", "ms", "MiB"], [["ours", 12, None], ["theirs", None, None]]))
    | side | ms |
    | --- | --- |
    | ours | 12 |
    | theirs |  |
    """
    filled = [i for i in range(len(header)) if any(row[i] not in (None, "") for row in rows)]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join('' if line[i] is None else str(line[i]) for i in filled)} |" for line in lines)


def digits(value, form="{:.3g}"):
    """A number as a cell; `None` stays."""
    return None if value is None else form.format(value)
