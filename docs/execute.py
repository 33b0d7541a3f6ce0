"""Runs the guides, and stores them executed, with their pictures.

    python -m docs.execute 01_first_gan
    python -m docs.execute
    KERAS_GAN_GUIDES=short python -m docs.execute

A guide is a file of `docs/guides` in jupytext's percent format: text in comments, code in cells. Without a name all of
them are run, one after another, each in a process of its own, and `docs/guides/NAME.ipynb` is written, which the site
shows; these files are never edited. Where only text has changed, `--text` puts it into what is stored, and `--check`
only says which stored guides are not of the present files. In the short form all run in this process and nothing is
stored: a line that ends in `# short: VALUE` then assigns that value in place of its own.
"""

import argparse
import ast
import base64
import contextlib
import datetime
import importlib.metadata
import io
import linecache
import os
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

GUIDES = Path(__file__).parent / "guides"
ROOT = Path(__file__).parent.parent
_SHORT = re.compile(r"^(\s*\w+ = ).*?\s+# short: (.+)$", re.MULTILINE)
_NOTES = re.compile(r"^(?:WARNING|INFO):tensorflow:.*\n?", re.MULTILINE)
_FOLDER = re.compile(rf"{re.escape(tempfile.gettempdir())}/tmp\w+/")  # in which a guide was run
_COLOURS = 64


def sources(names=()):
    """The files of the guides, all or those of some names, in their order.

    Raises:
        ValueError: If there is no guide of a name.
    """
    files = {file.stem: file for file in sorted(GUIDES.glob("[0-9][0-9]_*.py"))}
    unknown = [name for name in names if Path(name).stem not in files]
    if unknown:
        raise ValueError(f"A guide is one of {list(files)}. Received: {unknown}")
    return [files[Path(name).stem] for name in names] or list(files.values())


def read(file, short=False):
    """The notebook of a guide, not executed.

    Args:
        file: Path of the `.py` file.
        short: Whether the values of the short form take the place of those of the full one.
    """
    import jupytext

    notebook = jupytext.reads(Path(file).read_text("utf-8"), fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            cell.source = _SHORT.sub(r"\1\2" if short else lambda match: _full(match[0]), cell.source)
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


def _full(line):
    return line.partition("# short:")[0].rstrip()


def is_current(file):
    """Tells whether the stored guide has the text and the code of its file."""
    import nbformat

    stored = file.with_suffix(".ipynb")
    if not stored.exists():
        return False
    cells = nbformat.read(stored, as_version=4).cells
    wanted = [(cell.cell_type, cell.source) for cell in read(file).cells]
    return [(cell.cell_type, cell.source) for cell in cells][: len(wanted)] == wanted and len(cells) == len(wanted) + 1


def refresh(file):
    """Puts the present text of a guide into its stored notebook, if the code is the one that was executed.

    Args:
        file: Path of the `.py` file.

    Returns:
        Whether it could be done.
    """
    import nbformat

    stored = file.with_suffix(".ipynb")
    if not stored.exists():
        return False
    fresh, old = read(file).cells, nbformat.read(stored, as_version=4)
    executed = [cell for cell in old.cells if cell.cell_type == "code"]
    code = [cell for cell in fresh if cell.cell_type == "code"]
    if [_meaning(cell.source) for cell in code] != [_meaning(cell.source) for cell in executed]:
        return False
    for cell, before in zip(code, executed, strict=True):
        cell.outputs = [output for output in before.outputs if _is_shown(output)]
    for cell in fresh:
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
    old.cells = [*fresh, old.cells[-1]]
    store(file, old)
    return True


def _meaning(source):
    """Code without its comments and its layout."""
    return ast.dump(ast.parse(source))


def execute(file):
    """Runs a guide in a process of its own, and returns its executed notebook.

    Args:
        file: Path of the `.py` file.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    import nbclient
    import nbformat

    from benchmarks import tables

    notebook = read(file)
    started, before = time.monotonic(), os.times()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "MATPLOTLIBRC": str(GUIDES / "matplotlibrc"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        client = nbclient.NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": folder}})
        client.execute(env=environment)
    seconds, after = time.monotonic() - started, os.times()
    processor = sum(getattr(after, name) - getattr(before, name) for name in ("children_user", "children_system"))
    for cell in notebook.cells:
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        if cell.cell_type == "code":
            cell.outputs = [_smaller(output) for output in cell.outputs if _is_shown(output)]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras"))
    beside = ", with other work beside it" if os.getloadavg()[1] > 1.5 * len(os.sched_getaffinity(0)) else ""
    notebook.cells.append(
        nbformat.v4.new_markdown_cell(
            f"*Executed in {seconds:.0f} s ({processor:.0f} s of processor time) on "
            f"{datetime.date.today().isoformat()}, on {tables.machine()}{beside}; {versions}. "
            f"This page is made of `docs/guides/{file.name}`.*",
            id="executed",
        )
    )
    return notebook


def _is_shown(output):
    """Tells whether a page shows an output: what was printed and drawn, not what libraries note on the way."""
    if output.output_type == "stream":
        output.text = _FOLDER.sub("", _NOTES.sub("", output.text))
        return output.name != "stderr" and bool(output.text.strip())
    return "image/png" in output.get("data", {})


def _smaller(output):
    """An output whose picture has few colours, which the eye does not miss in plots and digits."""
    import nbformat
    from PIL import Image

    output = dict(output)
    data = output.get("data", {})
    if "image/png" in data:
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
        packed = io.BytesIO()
        picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        # A figure says of itself only its size.
        output["data"] = {"image/png": base64.b64encode(packed.getvalue()).decode()}
        output["metadata"] = {}
    output.pop("execution_count", None)
    return nbformat.from_dict(output)


def store(file, notebook):
    """Writes an executed notebook beside its guide, and its picture for the gallery."""
    import nbformat

    from docs import gallery

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = None
    file.with_suffix(".ipynb").write_text(nbformat.writes(notebook, version=4) + "\n", "utf-8")
    picture = gallery.picture(notebook.cells)
    if picture:
        gallery.PICTURES.mkdir(parents=True, exist_ok=True)
        (gallery.PICTURES / f"{file.stem}.png").write_bytes(base64.b64decode(picture))


def run_short(file):
    """Runs a guide's short form here, in an empty folder; what it prints and draws is dropped.

    Raises:
        Exception: Whatever a cell raises.
    """
    import keras
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    cells = [cell.source for cell in read(file, short=True).cells if cell.cell_type == "code"]
    keras.backend.clear_session()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        scope = {"__name__": "__main__"}
        for number, source in enumerate(cells):
            # Where tracebacks, and TensorFlow's compiler of Python, look for the lines of code.
            name = f"<{file.stem}, code cell {number}>"
            linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, name, "exec"), scope)
        plt.close("all")


def main(argv=None):
    """The command line; see the module."""
    parser = argparse.ArgumentParser("python -m docs.execute", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="guides to run; all of them by default")
    parser.add_argument("--check", action="store_true", help="only say which stored guides are not of their files")
    parser.add_argument("--text", action="store_true", help="run nothing: only text has changed")
    options = parser.parse_args(argv)
    form = os.environ.get("KERAS_GAN_GUIDES", "full")
    if form not in ("full", "short"):
        sys.exit(f"error: KERAS_GAN_GUIDES must be full or short. Received: KERAS_GAN_GUIDES={form}")
    try:
        files = sources(options.names)
    except ValueError as error:
        sys.exit(f"error: {error}")
    if options.check:
        stale = [file.name for file in files if not is_current(file)]
        sys.exit(f"error: run python -m docs.execute {' '.join(stale)}: these have changed." if stale else 0)
    if options.text:
        changed = [file.name for file in files if not refresh(file)]
        sys.exit(f"error: the code of {', '.join(changed)} has changed too: run it." if changed else 0)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3")
    failed = []
    for file in files:
        started = time.monotonic()
        try:
            if form == "short":
                run_short(file)
            else:
                store(file, execute(file))
        except Exception:
            traceback.print_exc()
            failed.append(file.stem)
        print(f"{file.stem}: {time.monotonic() - started:.0f} s{' FAILED' if file.stem in failed else ''}", flush=True)
    if failed:
        sys.exit(f"error: {len(failed)} of {len(files)} guides failed: {', '.join(failed)}")


if __name__ == "__main__":
    # A guide starts commands of the package from another folder.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    sys.path.insert(0, str(ROOT))
    main()
