"""The gallery of guides: a page of cards, made of the stored notebooks and their pictures."""

import json
import re
from pathlib import Path

PICTURES = Path(__file__).parent / "images" / "guides"


def write(docs):
    """Writes `guides/index.md`.

    Args:
        docs: Path of the folder of the site's sources.
    """
    docs = Path(docs)
    cards, names = [], []
    for file in sorted((docs / "guides").glob("[0-9][0-9]_*.ipynb")):
        title, about = _opening("".join(json.loads(file.read_text("utf-8"))["cells"][0]["source"]))
        card = [f":::{{grid-item-card}} {title}", f":link: {file.stem}", ":link-type: doc"]
        if (PICTURES / f"{file.stem}.png").exists():
            card.append(f":img-top: ../images/guides/{file.stem}.png")
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
    page = docs / "guides" / "index.md"
    # Sphinx builds a page again when its file is newer.
    if not page.exists() or page.read_text("utf-8") != text:
        page.write_text(text, "utf-8")


def _opening(source):
    """The title and the first sentence of a guide, of Markdown."""
    title, _, rest = source.partition("\n")
    paragraph = " ".join(rest.strip().split("\n\n")[0].split())
    # A card is a link, in which there can be no other.
    paragraph = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)
    return title.removeprefix("# ").strip(), re.split(r"(?<=[.?!])(?<! al\.) ", paragraph)[0]


def picture(cells):
    """The PNG file of the first cell with the tag thumbnail, base64; or of the last picture; `None` without any."""
    found = None
    for cell in cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {}).get("image/png")
            if data:
                found = "".join(data)
                if "thumbnail" in cell["metadata"].get("tags", ()):
                    return found
    return found
