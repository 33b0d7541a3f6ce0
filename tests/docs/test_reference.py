"""The API reference: a page for every public object, and docstrings that reStructuredText reads as they are meant."""

import importlib
import inspect
import re
import types

import keras_gan
from docs import reference


def _public(module, seen):
    """Every class and function that the package's front doors lead to, by a walk of its own."""
    names = getattr(module, "__all__", None) or [
        name
        for name in dir(module)
        if not name.startswith("_") and getattr(getattr(module, name), "__module__", None) == module.__name__
    ]
    for name in names:
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            if value.__name__ not in seen:
                seen.add(value.__name__)
                yield from _public(value, seen)
        elif callable(value):
            yield value


def _resolve(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_every_public_object_has_one_page():
    objects = {name.removesuffix(".rst"): None for name in reference.pages() if "." in name.removesuffix(".rst")}
    shown = [_resolve(path) for path in objects]
    assert len({id(value) for value in shown}) == len(shown)
    missing = {id(value): value for value in _public(keras_gan, set())}
    for value in shown:
        missing.pop(id(value), None)
    assert not missing, list(missing.values())
    assert len(shown) > 150


def test_pages_of_nouns_lead_to_every_page():
    pages = reference.pages()
    nouns = [name for name in pages if "." not in name.removesuffix(".rst") and name != "index.rst"]
    assert [name.removesuffix(".rst") for name in nouns] == [noun.rpartition(".")[2] for _, noun in reference.NOUNS]
    listed = [line.strip() for name in nouns for line in pages[name].split("\n") if line.startswith("   keras_gan.")]
    assert sorted(f"{path}.rst" for path in listed) == sorted(set(pages) - set(nouns) - {"index.rst"})


def test_members_are_those_of_this_package():
    names = reference.members(keras_gan.GAN)
    assert {"compile", "fit", "sample", "save_generator", "export"} <= set(names)
    assert not {"add_weight", "count_params", "train_step"} & set(names)


def test_markup_is_escaped_outside_of_backticks():
    assert reference.escape("f*(v) of `x*y` and `R1`s, loss_ |x|") == r"f\*(v) of `x*y` and `R1`\ s, loss\_ \|x\|"


def test_lists_tables_and_code():
    text = inspect.cleandoc(
        """
        One of:
        - `"a"`: the first,
          long one;
        - `"b"`.
        The end.

        | f | g |
        |---|---|
        | 1 | 2 |

        Run it:

            python -m trainers.dcgan
            discriminator: D_f * 2

        Args:
            x: A number.

            y: More of it.

        >>> 2 * 3
        6
        """
    )
    made = "\n".join(reference.to_rst(text.split("\n")))
    assert 'One of:\n\n- `"a"`: the first,\n  long one;\n- `"b"`.\n\nThe end.' in made
    assert ".. list-table::\n   :header-rows: 1\n\n   * - f\n     - g\n   * - 1\n     - 2" in made
    assert "::\n\n    python -m trainers.dcgan\n    discriminator: D_f * 2\n" in made
    assert "Args:\n    x: A number.\n\n    y: More of it.\n" in made
    assert ">>> 2 * 3\n6" in made


def test_papers_are_links():
    lines = ['Goodfellow et al., "Generative Adversarial', '  Nets", 2014.', 'The "Wasserstein GAN" (https://x.y).']
    made = "\n".join(reference.to_rst(lines))
    assert '"Generative Adversarial\n  Nets" (`arXiv:1406.2661 <https://arxiv.org/abs/1406.2661>`__), 2014' in made
    assert '"Wasserstein GAN" (https://x.y)' in made


def test_known_papers_are_cited():
    text = " ".join(" ".join((value.__doc__ or "").split()) for value in _public(keras_gan, set())).lower()
    assert not [title for title in reference.PAPERS if f'"{title.lower()}"' not in text]


def test_pages_that_are_gone_are_removed(tmp_path):
    (tmp_path / "old.rst").write_text("old")
    reference.write(tmp_path)
    assert not (tmp_path / "old.rst").exists()
    page = (tmp_path / "keras_gan.GAN.rst").read_text("utf-8")
    assert re.search(r"^\.\. autoclass:: keras_gan\.GAN$", page, re.MULTILINE)


def test_signatures_are_those_of_constructors():
    found, _ = reference.process_signature(None, "class", "", keras_gan.GAN, None, "(*args, **kwargs)", None)
    assert found.startswith("(generator, discriminator, augmenter=None, ")
    assert reference.process_signature(None, "function", "", keras_gan.data.load, None, "(source)", None) is None


def test_a_property_has_no_type_before_a_colon():
    lines = ["The generator: the only one."]
    reference.process_docstring(None, "property", "", None, None, lines)
    assert lines[:2] == ["", "The generator: the only one."]
