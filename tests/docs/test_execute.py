"""Guides: what is stored is of the present files, small, and without failures; the short form."""

import json

import pytest

from docs import execute, gallery

GUIDES = execute.sources()
STORED = [file.with_suffix(".ipynb") for file in GUIDES]


def test_names():
    numbers = [int(file.name[:2]) for file in GUIDES]
    assert numbers == list(range(1, len(GUIDES) + 1))
    with pytest.raises(ValueError, match="99_none"):
        execute.sources(["99_none"])


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_stored_guides(file):
    cells = json.loads(file.read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert file.stat().st_size < 400_000
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert "".join(cells[-1]["source"]).startswith("*Executed in ")
    drawn = any("image/png" in output.get("data", {}) for output in outputs)
    assert drawn == (gallery.PICTURES / f"{file.stem}.png").exists()


def test_all_stored_guides_are_small():
    assert sum(file.stat().st_size for file in STORED) < 4_000_000


@pytest.mark.parametrize("file", GUIDES, ids=lambda file: file.stem)
def test_stored_guides_are_current(file):
    pytest.importorskip("jupytext")
    assert execute.is_current(file), f"run python -m docs.execute {file.stem}"


def test_forms(tmp_path):
    pytest.importorskip("jupytext")
    file = tmp_path / "01_x.py"
    file.write_text("# %% [markdown]\n# # Title\n\n# %%\nsteps = 700  # short: 3\nname = 1  # a comment\n")
    full, short = (execute.read(file, short=form).cells[1].source for form in (False, True))
    assert full == "steps = 700\nname = 1  # a comment"
    assert short == "steps = 3\nname = 1  # a comment"
    assert not execute.is_current(file)


def test_text_is_refreshed_only_with_the_same_code(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("jupytext")
    monkeypatch.setattr(gallery, "PICTURES", tmp_path)
    file = tmp_path / "01_x.py"
    file.write_text("# %% [markdown]\n# # Old\n\n# %%\nprint(1 + 1)  # why\n")
    notebook = execute.read(file)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="2\n")]
    notebook.cells.append(nbformat.v4.new_markdown_cell("*Executed in 1 s*"))
    execute.store(file, notebook)
    file.write_text("# %% [markdown]\n# # New\n\n# %%\nprint( 1 + 1 )\n")
    assert execute.refresh(file)
    assert execute.is_current(file)
    cells = nbformat.read(file.with_suffix(".ipynb"), as_version=4).cells
    assert cells[0].source == "# New"
    assert cells[1].outputs[0].text == "2\n"
    file.write_text("# %% [markdown]\n# # New\n\n# %%\nprint(1 + 2)\n")
    assert not execute.refresh(file)


def test_short_form_says_where_it_fails(tmp_path):
    pytest.importorskip("jupytext")
    file = tmp_path / "01_x.py"
    file.write_text("# %%\nx = 5  # short: 0\n\n# %%\nprint(1 / x)\n")
    with pytest.raises(ZeroDivisionError) as caught:
        execute.run_short(file)
    assert "<01_x, code cell 1>" in str(caught.traceback[-1].path)


def test_opening():
    source = "# A title\n\nOne of [Radford](x.md) et al. 2015,\nover two lines. Another.\n"
    assert gallery._opening(source) == ("A title", "One of Radford et al. 2015, over two lines.")


def test_picture_is_the_one_with_the_tag():
    def cell(data, tags):
        return {"metadata": {"tags": tags}, "outputs": [{"data": {"image/png": data}}]}

    assert gallery.picture([cell("a", []), cell("b", ["thumbnail"]), cell("c", [])]) == "b"
    assert gallery.picture([cell("a", []), cell("c", [])]) == "c"
    assert gallery.picture([{"metadata": {}}]) is None
