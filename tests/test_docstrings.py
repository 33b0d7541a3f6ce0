"""Executes the examples in the docstrings of all modules, and the Python blocks of the README; how docstrings open."""

import ast
import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import export
import keras_gan
import trainers

ROOT = Path(__file__).parent.parent


def _modules():
    for package in (keras_gan, trainers, export):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            yield module.name
    yield from ("keras_gan", "benchmarks.tables")


@pytest.mark.parametrize("name", sorted(_modules()))
def test_examples(name):
    module = importlib.import_module(name)
    scope = {"keras": keras, "keras_gan": keras_gan, "np": np, "tf": tf, "__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    failures = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name, globs=scope):
        runner.run(test, out=failures.append)
    assert not failures, "".join(failures)


def test_readme_blocks():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        # One pass over the data shows that it runs; a guide trains as long as it says.
        block, changed = re.subn(r"epochs=\d+", "epochs=1", block)
        assert changed
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("folder", ["keras_gan", "trainers", "export", "benchmarks"])
def test_docstrings_open_with_a_noun_or_a_verb(folder):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    files = sorted((ROOT / folder).rglob("*.py"))
    found = [
        f"{file.relative_to(ROOT)}: {text.splitlines()[0]}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, kinds)
        and (text := ast.get_docstring(node))
        and re.match(r"(What|How|Whether|Why|When|Where|Which|Who)\b", text)
    ]
    assert files
    assert not found, "\n".join(found)
