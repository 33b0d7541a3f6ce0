"""Where things may be: imports go down the list of rooms, and every module has a mirror among the tests."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A room may import itself, its neighbours on the same floor, and what is below.
FLOORS = (
    ("trainers", "export"),
    ("keras_gan.unlearning", "keras_gan.export", "keras_gan.callbacks", "keras_gan.metrics"),
    ("keras_gan.models",),
    ("keras_gan.networks", "keras_gan.regularizers", "keras_gan.losses", "keras_gan.augmentation",
     "keras_gan.optimizers", "keras_gan.data"),
    ("keras_gan.layers", "keras_gan.latents"),
    ("keras_gan.random", "keras_gan.distribution", "keras_gan.serialization", "keras_gan.files", "keras_gan.cli",
     "keras_gan.listener"),
)  # fmt: skip
# A model is exported by its own method, as any Keras model is.
UPWARD = {("keras_gan/models/base.py", "keras_gan.export")}
# Modules of which another test is the mirror: packages' front doors and commands' machinery.
PACKAGES = ("keras_gan", "trainers", "export")


def files():
    return [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]


def floor(name):
    """The number of the floor of a module, from the top, or `None` for the package itself and others' modules."""
    for number, rooms in enumerate(FLOORS):
        if any(name == room or name.startswith(f"{room}.") for room in rooms):
            return number
    return None


def imported(file):
    """The full names of the modules that a file imports."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_down(file):
    relative = file.relative_to(ROOT)
    own = floor(".".join(relative.with_suffix("").parts))
    if own is None:
        return
    for name in imported(file):
        other = floor(name)
        if other is not None and other < own:
            assert any(str(relative) == path and name.startswith(room) for path, room in UPWARD), (
                f"{relative} imports {name}, which is above it"
            )


def test_trainers_do_not_import_the_export_commands():
    for file in (ROOT / "trainers").rglob("*.py"):
        assert not [name for name in imported(file) if name.split(".")[0] == "export"], file


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_has_a_mirror(file):
    relative = file.relative_to(ROOT)
    if file.name in ("__init__.py", "__main__.py"):
        return
    mirror = ROOT / "tests" / relative.parent / f"test_{file.name}"
    assert mirror.exists(), f"{relative} has no {mirror.relative_to(ROOT)}"


def test_names_that_say_nothing():
    empty = {"utils", "util", "helpers", "misc", "common", "manager", "base_trainer"}
    assert not [file for file in files() if empty & {part.removesuffix(".py") for part in file.parts}]
