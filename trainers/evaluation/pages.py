"""Pages of HTML that need nothing beside them: one look for the model card and for comparisons."""

from pathlib import Path

import jinja2

from keras_gan.files import pictures


def render(template, **facts):
    """Fills in a template of this folder.

    Args:
        template: Its file name.
        **facts: Its variables. What is not `markupsafe.Markup` is escaped.

    Returns:
        HTML, without a link to anything outside of it.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**facts)


def embed(picture, caption):
    """A picture as the templates need it: a dictionary of its `source`, `width`, `height` and `caption`.

    Args:
        picture: uint8 `(height, width, channels)`.
        caption: Text.
    """
    source = pictures.data_uri(picture)
    return {"source": source, "width": picture.shape[1], "height": picture.shape[0], "caption": caption}


def plain(value):
    """A value as text: lists by commas, and "none" for nothing.

    Example:

    >>> from trainers.evaluation import pages
    >>> pages.plain([1, 2]), pages.plain("")
    ('1, 2', 'none')
    """
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "none" if value in ("", None) else str(value)
