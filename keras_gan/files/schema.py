"""Reading JSON that anybody may have written: what is expected in it, and one sentence where there is something else.

A form is a function of a value and of the words for where it is, that raises `ValueError` where the value is another.
"""

import json
import sys

MOST_CLASSES = 100_000
_LARGEST = 2**63 - 1


def read(path, form):
    """Reads a JSON file.

    Args:
        path: `pathlib.Path`, or another path with `read_text`.
        form: What is expected in it: a form, made by the functions below.

    Returns:
        The contents.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not JSON in UTF-8, or has another form. The message does not name the file.
    """
    return parse(path.read_text(encoding="utf-8"), form)


def parse(text, form):
    """Reads JSON from a text, or from bytes in UTF-8.

    Args:
        text: The text.
        form: What is expected in it.

    Returns:
        The contents.

    Raises:
        ValueError: If it is not JSON, or has another form.

    Example:

    >>> from keras_gan.files import schema
    >>> form = schema.table(image_shape=schema.array(schema.integer(low=1)), names=schema.optional(schema.text))
    >>> schema.parse('{"image_shape": [28, 28, 1]}', form)
    {'image_shape': [28, 28, 1]}
    >>> schema.parse('{"image_shape": [28, "28", 1]}', form)
    Traceback (most recent call last):
    ValueError: image_shape[1] must be an integer of at least 1. Received: '28'
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply to be read") from None
    form(value, "")
    return value


def anything(value, where):
    """A form that any value has."""


def text(value, where):
    """A form: a string that can be written as UTF-8, which JSON's are not all."""
    if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
        raise _unlike("text", value, where)


def boolean(value, where):
    """A form: `true` or `false`."""
    if not isinstance(value, bool):
        raise _unlike("true or false", value, where)


def integer(low=-_LARGEST, high=_LARGEST):
    """The form of integers in `[low, high]`, without a decimal point."""
    return _between(int, "an integer", low, high)


def number(low=-sys.float_info.max, high=sys.float_info.max):
    """The form of finite numbers in `[low, high]`."""
    return _between((int, float), "a finite number", low, high)


def optional(form):
    """The form of what may also be `null`, or missing from a table."""

    def check(value, where):
        if value is not None:
            form(value, where)

    check.optional = True
    return check


def array(form, low=0, high=_LARGEST):
    """The form of lists of between `low` and `high` values, all of one form."""

    def check(value, where):
        if not isinstance(value, list) or not low <= len(value) <= high:
            size = f" of {low}" if low == high else f" of at least {low}" if low else ""
            raise _unlike(f"a list{size}", value, where)
        for index, member in enumerate(value):
            form(member, f"{where}[{index}]")

    return check


def mapping(form):
    """The form of objects with any keys, all of whose values have one form."""

    def check(value, where):
        _check_object(value, where)
        for key, member in value.items():
            text(key, f"a key of {where or 'the whole'}")
            form(member, f"{where}[{key!r:.40}]")

    return check


def table(**forms):
    """The form of objects that have these keys, each with a value of its form; others are not looked at."""

    def check(value, where):
        _check_object(value, where)
        for key, form in forms.items():
            name = f"{where}.{key}" if where else key
            if key in value:
                form(value[key], name)
            elif not getattr(form, "optional", False):
                raise ValueError(f"{name} is missing")

    return check


def classes(value, where):
    """A form: an object whose `num_classes` and `class_names`, where it has them, agree."""
    _check_object(value, where)
    _CLASSES(value, where)
    count, names = value.get("num_classes"), value.get("class_names")
    if names is not None and len(names) != count:
        raise ValueError(f"class_names must be as many as num_classes, {count}. Received: {len(names)} names")


def _check_object(value, where):
    if not isinstance(value, dict):
        raise _unlike("an object", value, where)


def _between(types, name, low, high):
    open_below, open_above = low <= -_LARGEST, high >= _LARGEST
    if not open_below:
        name += f" of at least {low}" if open_above else f" from {low} to {high}"
    elif not open_above:
        name += f" of at most {high}"

    def check(value, where):
        # NaN is between no two numbers.
        if isinstance(value, bool) or not isinstance(value, types) or not low <= value <= high:
            raise _unlike(name, value, where)

    return check


def _unlike(wanted, value, where):
    return ValueError(f"{where or 'the whole'} must be {wanted}. Received: {value!r:.60}")


_CLASSES = table(num_classes=optional(integer(1, MOST_CLASSES)), class_names=optional(array(text)))
