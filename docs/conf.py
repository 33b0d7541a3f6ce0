"""The site: `python -m sphinx -W docs build/site`. Nothing is executed; guides come as `docs.execute` stored them."""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import latex2mathml.converter  # noqa: E402
from docutils import nodes  # noqa: E402

import keras_gan  # noqa: E402
from docs import gallery, reference  # noqa: E402

project = "keras_gan"
author = "the authors of keras_gan"
version = release = keras_gan.__version__
project_copyright = "the authors of keras_gan, Apache License 2.0"

# Formulas are MathML, which browsers draw by themselves, without a network.
html_math_renderer = "mathml"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["images"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
# `x` in a docstring is the object of that name where there is one, and code otherwise.
default_role = "py:obj"
smartquotes_action = "D"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Call arguments", "params_style"), "Reference"]

html_theme = "pydata_sphinx_theme"
html_title = f"keras_gan {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sourcelink_suffix = ""
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    # A guide's source is its notebook.
    "secondary_sidebar_items": {"[!g]*": ["page-toc"], "guides/*": ["page-toc", "sourcelink"]},
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "quantities": [], "lecture": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Pages of the root of the repository that the site shows too.
_FROM_ROOT = {"contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md", "build_notes": "BUILD_NOTES.md"}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#:\s]+)(#[^)]*)?\)")


def _site_link(folder, page):
    """What replaces a relative link of a page that stands in `folder`: a page of the site, or only its text."""

    def replace(match):
        picture, text, target, anchor = match.groups()
        path = (folder / target).resolve()
        docs = ROOT / "docs"
        for name, file in _FROM_ROOT.items():
            if path == ROOT / file:
                return f"[{text}]({os.path.relpath(docs / f'{name}.md', page.parent)}{anchor or ''})"
        if path == docs / "results":
            return f"[{text}]({os.path.relpath(docs / 'results.md', page.parent)})"
        if path.parent == docs / "api":
            return f"[{text}]({os.path.relpath(path, page.parent)}.rst)"
        if picture or (path.is_relative_to(docs) and path.suffix in (".md", ".ipynb")):
            return f"{picture}[{text}]({os.path.relpath(path, page.parent)}{anchor or ''})"
        return text if text.startswith("`") else f"`{text}`"

    return replace


def _read(app, name, content):
    """Follows links between files of the repository to the pages that these have on the site."""
    page = Path(app.env.doc2path(name))
    if page.suffix != ".md":
        return
    file = _FROM_ROOT.get(name)
    folder = ROOT if file else page.parent
    text = (ROOT / file).read_text("utf-8") if file else content[0]
    parts = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    parts[::2] = [_LINK.sub(_site_link(folder, page), part) for part in parts[::2]]
    content[0] = "".join(parts)


def _make(app):
    docs = Path(app.srcdir)
    reference.write(docs / "api")
    gallery.write(docs)
    for name in _FROM_ROOT:
        (docs / f"{name}.md").touch()


def _mathml(text, **options):
    # The converter leaves no space between a logarithm and what it is of.
    return latex2mathml.converter.convert(re.sub(r"\\log (?=\w)", r"\\log\\, ", text), **options)


def _inline_formula(self, node):
    self.body.append(_mathml(node.astext()))
    raise nodes.SkipNode


def _formula(self, node):
    self.body.append(f'<div class="formula">{_mathml(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_formula, None))
    app.connect("builder-inited", _make)
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", reference.process_docstring, priority=400)
    app.connect("autodoc-process-signature", reference.process_signature)
