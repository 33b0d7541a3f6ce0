"""The pages of the API reference, one an object, and docstrings as Sphinx reads them.

`write` makes the pages from what the package's front doors name; nothing of it is kept under version control.
"""

import importlib
import inspect
import re
import shutil
import types
from pathlib import Path

# By noun, as Keras groups them: title, module, and modules whose objects are shown further down the same page.
NOUNS = (
    ("Models", "keras_gan.models"),
    ("Networks", "keras_gan.networks"),
    ("Layers", "keras_gan.layers"),
    ("Losses", "keras_gan.losses"),
    ("Regularizers", "keras_gan.regularizers"),
    ("Augmentation", "keras_gan.augmentation"),
    ("Optimizers and schedules", "keras_gan.optimizers"),
    ("Callbacks", "keras_gan.callbacks"),
    ("Metrics", "keras_gan.metrics"),
    ("Data", "keras_gan.data"),
    ("Latents", "keras_gan.latents"),
    ("Unlearning", "keras_gan.unlearning"),
    ("Export", "keras_gan.export"),
)
# Submodules that a user reads of, and that no front door names.
FURTHER = {"keras_gan.callbacks.watchdog": ("keras_gan.callbacks.watchdog.rules",)}
# Docstrings cite by title; where these papers are.
PAPERS = {
    "Generative Adversarial Nets": "1406.2661",
    "Improved Techniques for Training GANs": "1606.03498",
    "Least Squares Generative Adversarial Networks": "1611.04076",
    "Wasserstein GAN": "1701.07875",
    "Geometric GAN": "1705.02894",
    "Spectral Normalization for Generative Adversarial Networks": "1802.05957",
    "The relativistic discriminator: a key element missing from standard GAN": "1807.00734",
    "The GAN is dead; long live the GAN! A Modern Baseline GAN": "2501.05441",
    "f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization": "1606.00709",
    "Which training methods for GANs do actually converge?": "1801.04406",
    "GANs trained by a two time-scale update rule converge to a local Nash equilibrium": "1706.08500",
    "Demystifying MMD GANs": "1801.01401",
    "Improved precision and recall metric for assessing generative models": "1904.06991",
    "Reliable fidelity and diversity metrics for generative models": "2002.09797",
    "A note on the Inception score": "1801.01973",
    "Feature unlearning for pre-trained GANs and VAEs": "2303.05699",
    "Differentiable augmentation for data-efficient GAN training": "2006.10738",
    "Training generative adversarial networks with limited data": "2006.06676",
    "Auto-encoding variational Bayes": "1312.6114",
    "Simple and effective VAE training with calibrated decoders": "2006.13202",
    "Unrolled generative adversarial networks": "1611.02163",
    "PacGAN": "1712.04086",
    "A domain agnostic measure for monitoring and evaluating GANs": "1811.05512",
    "On Aliased Resizing and Surprising Subtleties in GAN Evaluation": "2104.11222",
    "f-GAN": "1606.00709",
}
_LITERAL = re.compile(r"(`[^`]*`)", re.DOTALL)
_SECTION = re.compile(r"^(Args|Call arguments|Returns|Raises|Attributes|Example|Reference):$")
_HEADER = re.compile(r"^(\s*)(Example|Reference): (.+)$")


def public(module):
    """The public objects of a module in the order in which it names them, submodules among them.

    Args:
        module: A module; without `__all__`, what it defines and does not begin with an underscore is public.

    Returns:
        Dictionary from names to objects.
    """
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return {name: getattr(module, name) for name in names}


def sections(module):
    """A module and the public modules below it, each with the objects that have a page there.

    An object is shown where it is named first: `keras_gan.callbacks.Watchdog`, not
    `keras_gan.callbacks.watchdog.Watchdog`.
    """
    found, seen = [], set()

    def visit(module):
        names = public(module)
        below = [value for value in names.values() if isinstance(value, types.ModuleType)]
        below += [importlib.import_module(name) for name in FURTHER.get(module.__name__, ())]
        own = {name: value for name, value in names.items() if callable(value) and id(value) not in seen}
        seen.update(map(id, own.values()))
        found.append((module, own))
        for each in below:
            visit(each)

    visit(module)
    return found


def first_line(value):
    """The first line of a docstring, in which pages list an object."""
    return (inspect.getdoc(value) or "").strip().partition("\n")[0]


def pages():
    """The text of every page, in reStructuredText, by its path below the folder of the reference."""
    made, listed = {}, []
    for title, name in NOUNS:
        module = importlib.import_module(name)
        noun = name.rpartition(".")[2]
        lines = [*_heading(title, "="), "", f".. automodule:: {name}", "   :no-members:", "   :no-index:", ""]
        entries = []
        for section, objects in sections(module):
            if section is not module and objects:
                lines += [*_heading(f"``{section.__name__}``", "-"), "", escape(first_line(section)), ""]
            constants = {
                key: value
                for key, value in public(section).items()
                if not callable(value) and not isinstance(value, types.ModuleType)
            }
            rows = []
            for key, value in objects.items():
                path = f"{section.__name__}.{key}"
                # The two models are what a user writes, at the top of the package.
                path = f"keras_gan.{key}" if path in ("keras_gan.models.GAN", "keras_gan.models.VAE") else path
                made[f"{path}.rst"] = _page(path, value)
                entries.append(path)
                rows += [f"   * - :doc:`{key} <{path}>`", f"     - {escape(first_line(value))}"]
            if rows:
                lines += [".. list-table::", "   :widths: 30 70", "   :class: api-table", "", *rows, ""]
            for key, value in constants.items():
                shown = list(value) if isinstance(value, dict) else value
                lines += [f"``{section.__name__}.{key}`` is ``{shown!r}``.", ""]
        lines += [".. toctree::", "   :hidden:", "", *(f"   {entry}" for entry in entries), ""]
        made[f"{noun}.rst"] = "\n".join(lines)
        listed.append(noun)
    made["index.rst"] = "\n".join(
        [
            *_heading("API reference", "="),
            "",
            "Every public object has a page. Examples in docstrings are executed by the tests.",
            "",
            ".. toctree::",
            "   :maxdepth: 1",
            "",
            *(f"   {noun}" for noun in listed),
            "",
        ]
    )
    return made


def _heading(text, mark):
    return [text, mark * len(text)]


def _page(path, value):
    """The page of one object."""
    lines = [*_heading(path.rpartition(".")[2], "="), ""]
    if not isinstance(value, type):
        return "\n".join([*lines, f".. autofunction:: {path}", ""])
    lines += [f".. autoclass:: {path}", "   :show-inheritance:"]
    names = members(value)
    return "\n".join([*lines, *([f"   :members: {', '.join(names)}"] if names else []), ""])


def members(cls):
    """The methods and properties of a class that this package documents; Keras documents its own."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.split(".")[0] != "keras_gan":
            continue
        for name, value in vars(base).items():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if not name.startswith("_") and inspect.isfunction(function) and function.__doc__:
                found[name] = value
    return list(found)


def write(folder):
    """Writes all pages into a folder, and takes away what was there; pages that stay the same keep their time.

    Args:
        folder: Path of the folder of the reference.
    """
    folder, made = Path(folder), pages()
    for file in folder.rglob("*") if folder.exists() else ():
        if file.is_dir():
            shutil.rmtree(file, ignore_errors=True)
        elif str(file.relative_to(folder)) not in made:
            file.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        file = folder / name
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


def escape(text):
    """Text with what reStructuredText would read as markup made plain, outside of backticks."""
    parts = _LITERAL.split(text)
    for i in range(0, len(parts), 2):
        plain = parts[i].replace("\\", "\\\\").replace("*", r"\*").replace("|", r"\|")
        plain = re.sub(r"(\w)_(?!\w)", r"\1\\_", plain)
        # Markup ends only before a space or punctuation, and begins only after one.
        if i and re.match(r"\w", plain):
            plain = r"\ " + plain
        if i + 1 < len(parts) and re.search(r"\w$", plain):
            plain += r"\ "
        parts[i] = plain
    return "".join(parts)


def to_rst(lines):
    """A docstring's lines as reStructuredText that napoleon reads.

    Docstrings are written as Keras' are: Google's sections, with Markdown's lists, tables and indented code.

    Args:
        lines: Lines without common indentation.

    Returns:
        List of lines.
    """
    made = []
    for kind, block in _blocks(lines):
        if kind == "doctest":
            made += block
        elif kind == "code":
            indent = min(_indent(line) for line in block if line.strip()) - 4
            made += [" " * indent + "::", "", *block]
        elif kind == "table":
            made += _table(block)
        else:
            made += _paragraph(block)
        made.append("")
    return _cite("\n".join(made)).split("\n")


def _indent(line):
    return len(line) - len(line.lstrip())


def _blocks(lines):
    """Pairs of a kind and the lines of each block between empty lines."""
    block, blocks = [], []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            blocks.append(block)
            block = []
    in_section = False  # of Args and the like, in which indentation belongs to the section
    for block in blocks:
        if not _indent(block[0]):
            in_section = bool(_SECTION.match(block[0]))
        if block[0].lstrip().startswith(">>>"):
            yield "doctest", block
        elif all(line.lstrip().startswith("|") for line in block) and len(block) > 1:
            yield "table", block
        elif not in_section and all(_indent(line) >= 4 for line in block):
            yield "code", block
        else:
            yield "paragraph", block


def _table(block):
    """A Markdown table as a list-table."""
    pad = " " * _indent(block[0])
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block]
    made = [f"{pad}.. list-table::", f"{pad}   :header-rows: 1", ""]
    for row in [rows[0], *rows[2:]]:
        for i, cell in enumerate(row):
            made.append(f"{pad}   {'* -' if i == 0 else '  -'} {escape(cell)}")
    return made


def _paragraph(block):
    """A paragraph whose lists are set apart, and whose section on one line is a rubric."""
    made, in_list, level = [], False, 0
    for line in _escaped(block):
        item = line.lstrip().startswith("- ")
        header = _HEADER.match(line)
        if header:
            pad, title, rest = header.groups()
            made += ["", f"{pad}.. rubric:: {title}", "", f"{pad}{rest[0].upper()}{rest[1:]}"]
            continue
        if made and made[-1].strip() and ((item and not in_list) or (in_list and not item and _indent(line) <= level)):
            made.append("")
        if item:
            in_list, level = True, _indent(line)
        elif in_list and _indent(line) <= level:
            in_list = False
        made.append(line)
    return made


def _escaped(block):
    return escape("\n".join(block)).split("\n")


def _cite(text):
    """The text with a link behind the title of every known paper that has none."""
    for title, number in PAPERS.items():
        words = r"\s+".join(map(re.escape, title.split()))
        pattern = re.compile(rf'"{words}"(?!\s+\(https?:|\s+\(`arXiv)', re.IGNORECASE)
        text = pattern.sub(lambda match, n=number: f"{match[0]} (`arXiv:{n} <https://arxiv.org/abs/{n}>`__)", text)
    return text


def process_docstring(app, what, name, obj, options, lines):
    """The handler of `autodoc-process-docstring`, before napoleon's."""
    lines[:] = to_rst(list(lines))
    if what in ("attribute", "property"):
        # Napoleon takes what stands before a colon in the first line for a type.
        lines.insert(0, "")


def process_signature(app, what, name, obj, options, signature, return_annotation):
    """The handler of `autodoc-process-signature`: of Keras' classes, whose `__new__` takes anything, the constructor's.

    Returns:
        Pair of a signature and the annotation of what is returned; `None` to leave both.
    """
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(plain)), return_annotation
