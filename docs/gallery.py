"""The gallery of guides: a page of cards, made of the stored notebooks, with a picture of each."""

import base64
import json
import re
from pathlib import Path


def write(docs):
    """Writes `guides/index.md` and the pictures of its cards.

    Args:
        docs: Path of the folder of the site's sources.
    """
    docs = Path(docs)
    pictures = docs / "_static" / "guides"
    pictures.mkdir(parents=True, exist_ok=True)
    cards, names = [], []
    for file in sorted((docs / "guides").glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(file.read_text("utf-8"))["cells"]
        title, about = _opening(cells[0])
        card = [f":::{{grid-item-card}} {title}", f":link: {file.stem}", ":link-type: doc"]
        picture = _picture(cells)
        if picture:
            _write(pictures / f"{file.stem}.png", picture)
            card.append(f":img-top: ../_static/guides/{file.stem}.png")
            card.append(f":img-alt: A picture of the guide {title}")
        cards.append("\n".join([*card, "", about, ":::"]))
        names.append(file.stem)
    text = "\n".join(
        [
            "# Guides",
            "",
            "Each is one runnable file, executed on two processor cores within minutes, on digits that come with the "
            "package or on points in the plane, unless it says otherwise. They can be read in this order.",
            "",
            "::::{grid} 1 2 3 3",
            ":gutter: 3",
            "",
            *cards,
            "::::",
            "",
            "```{toctree}",
            ":hidden:",
            "",
            *names,
            "```",
            "",
        ]
    )
    _write(docs / "guides" / "index.md", text.encode())


def _opening(cell):
    """The title and the first sentence of a guide."""
    source = "".join(cell["source"])
    title, _, rest = source.partition("\n")
    paragraph = " ".join(rest.strip().split("\n\n")[0].split())
    return title.removeprefix("# ").strip(), re.split(r"(?<=[.?!]) ", paragraph)[0]


def _picture(cells):
    """The PNG file of the first cell with the tag thumbnail, or else the last picture of all; `None` without any."""
    found = None
    for cell in cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {}).get("image/png")
            if data:
                found = base64.b64decode("".join(data))
                if "thumbnail" in cell["metadata"].get("tags", ()):
                    return found
    return found


def _write(file, content):
    """Writes a file if it would change, so that Sphinx does not build its page again."""
    if not file.exists() or file.read_bytes() != content:
        file.write_bytes(content)
