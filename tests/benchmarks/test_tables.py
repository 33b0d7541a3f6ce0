"""Pages are what their scripts make of the stored results."""

import contextlib
import dataclasses
import importlib
import io
import json
import re
import sys
from pathlib import Path

import pytest

from benchmarks import tables
from keras_gan.cli import option
from tests.test_case import TestCase

PAGES = Path(__file__).parent.parent.parent / "docs" / "results"
# What the watchdog said before its rules were changed for the last time: the page of the rules of today names it.
NAMES = sorted({file.stem for file in tables.RESULTS.iterdir()} - {"watchdog_before"})


@pytest.mark.parametrize("name", NAMES)
def test_page(name):
    page = tables.page(importlib.import_module(f"benchmarks.{name}"))
    again = f"python -m benchmarks.{name} --table > docs/results/{name}.md"
    assert (PAGES / f"{name}.md").read_text("utf-8") == page, again
    assert page.startswith("# ")
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page):
        assert (PAGES / picture).is_file(), picture
    for run in tables.runs(name):
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", run["date"])
        assert run["machine"]


def test_every_page_has_results():
    assert sorted(file.stem for file in PAGES.glob("*.md")) == NAMES


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    fast: bool = option(False, "Whether to hurry.")
    steps: int = option(3, "Steps.", low=1)
    out: str = option("", "A folder.")


def measure(config):
    if config.out:
        results = tables.begin_lines(Path(config.out, "results.jsonl"), config)
        tables.add_line(Path(config.out, "results.jsonl"), {"ms": len(results)})
        return None
    return {"ms": config.steps}


def render(run):
    return tables.table(["ms"], [[run["ms"]]])


class TablesTest(TestCase):
    def test_columns_that_no_row_fills_are_left_out(self):
        text = tables.table(["a", "b", "c"], [[1, None, None], [0, "", "x"]])
        self.assertEqual(text, "| a | c |\n| --- | --- |\n| 1 |  |\n| 0 | x |")

    def test_runs_are_added_with_their_conditions(self):
        file, module = self.path("new.json"), sys.modules[__name__]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            tables.main(module, [f"--json={file}", "--steps=5", "--fast"])
            tables.main(module, [f"--json={file}"])
        self.assertStartsWith(printed.getvalue(), "| ms |\n| --- |\n| 5 |\n")
        first, second = json.loads(Path(file).read_text("utf-8"))
        self.assertEqual([first["ms"], second["ms"]], [5, 3])
        self.assertEqual(first["command"], "python -m benchmarks.test_tables --fast=True --steps=5")
        self.assertEqual(second["command"], "python -m benchmarks.test_tables")
        self.assertRegex(first["machine"], r"^\d+ cores of .+, \d+ GiB$")

    def test_a_file_of_lines_says_each_command_once(self):
        folder, module = self.path(), sys.modules[__name__]
        Path(folder).mkdir(exist_ok=True)
        for steps in (5, 5, 6):
            tables.main(module, [f"--out={folder}", f"--steps={steps}"])
        said, results = tables.read_lines(Path(folder, "results.jsonl"))
        self.assertEqual([each["command"].split()[-1] for each in said], ["--steps=5", "--steps=6"])
        self.assertEqual(results, [{"ms": 0}, {"ms": 1}, {"ms": 2}])

    def test_a_page_of_nothing_is_one_line(self):
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit):
            tables.main(sys.modules[__name__], ["--table"])
        self.assertIn("holds nothing of test_tables", errors.getvalue())
        self.assertEqual(errors.getvalue().count("\n"), 1)
