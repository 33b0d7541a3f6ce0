"""Faces of 64x64 pixels, drawn from stated probabilities: a colour data set with known truth, without any download."""

import functools
import itertools

import numpy as np
from PIL import Image, ImageDraw

from keras_gan.data import sources

SIZE = 64
# Pixels are drawn so many times as fine, and averaged.
_FINE = 3
# Faces of each split, and the seed that they are drawn by.
SPLITS = {"train": (8000, 0), "test": (2000, 1)}
# The attributes: their values and the probabilities of these. All are drawn independently.
ATTRIBUTES = {
    "head": {"oval": 0.5, "round": 0.3, "square": 0.2},
    "skin": {"light": 0.35, "medium": 0.35, "dark": 0.3},
    "hair": {"none": 0.15, "short": 0.4, "long": 0.3, "curly": 0.15},
    "hair colour": {"black": 0.4, "brown": 0.3, "blond": 0.2, "red": 0.1},
    "eyes": {"brown": 0.5, "blue": 0.3, "green": 0.2},
    "glasses": {"none": 0.7, "worn": 0.3},
    "mouth": {"smile": 0.5, "closed": 0.3, "open": 0.2},
    "background": {"blue": 0.4, "green": 0.3, "yellow": 0.2, "grey": 0.1},
}
# The attribute that is the class of a labelled example.
LABEL = "hair"
_COLOURS = {
    "skin": {"light": (244, 208, 178), "medium": (205, 150, 105), "dark": (118, 76, 48)},
    "hair colour": {"black": (30, 26, 26), "brown": (108, 66, 34), "blond": (226, 192, 98), "red": (178, 70, 30)},
    "eyes": {"brown": (84, 48, 20), "blue": (40, 110, 210), "green": (40, 150, 70)},
    "background": {
        "blue": (150, 190, 230),
        "green": (160, 210, 160),
        "yellow": (240, 226, 150),
        "grey": (150, 150, 150),
    },
}
# Half of the head's width and height, in pixels, and the roundness of its corners.
_HEADS = {"oval": (16.0, 21.0, 1.0), "round": (19.0, 19.0, 1.0), "square": (17.0, 19.5, 0.45)}


def draw_attributes(seed, index):
    """Draws the attributes of one face.

    Args:
        seed: Integer of the set of faces, at least 0.
        index: Number of the face in it, at least 0.

    Returns:
        Dictionary from the names of `ATTRIBUTES` to values.

    Example:

    >>> sorted(keras_gan.data.faces.draw_attributes(0, 3)) == sorted(keras_gan.data.faces.ATTRIBUTES)
    True
    """
    rng = np.random.default_rng((seed, index, 0))
    return {
        name: list(values)[int(np.searchsorted(np.cumsum(list(values.values()))[:-1], rng.random(), "right"))]
        for name, values in ATTRIBUTES.items()
    }


def draw(attributes, seed, index):
    """Draws a face.

    Place, size and colours vary a little from face to face, by the seed and the number, whatever the attributes are.

    Args:
        attributes: Dictionary as `draw_attributes` returns it.
        seed: As there.
        index: As there.

    Returns:
        uint8 array `(64, 64, 3)`.

    Raises:
        ValueError: If an attribute is missing or has no such value.

    Example:

    >>> attributes = keras_gan.data.faces.draw_attributes(0, 3)
    >>> keras_gan.data.faces.draw(attributes, 0, 3).shape
    (64, 64, 3)
    """
    for name, values in ATTRIBUTES.items():
        if attributes.get(name) not in values:
            raise ValueError(f"{name} must be one of {list(values)}. Received: {name}={attributes.get(name)!r}")
    rng = np.random.default_rng((seed, index, 1))
    colours = {
        name: tuple(int(value) for value in np.clip(rng.normal(_COLOURS[name][attributes[name]], 7.0), 0, 255))
        for name in _COLOURS
    }
    x, y, scale = 32 + rng.normal(0, 1.2), 34 + rng.normal(0, 1.2), np.exp(rng.normal(0, 0.04))
    image = Image.new("RGB", (SIZE * _FINE, SIZE * _FINE), colours["background"])
    _Face(ImageDraw.Draw(image), x, y, scale, attributes, colours).draw()
    return np.asarray(image.reduce(_FINE))


class _Face:
    """The parts of one face; places are in pixels from its centre, of the mean size."""

    def __init__(self, canvas, x, y, scale, attributes, colours):
        self.canvas, self.x, self.y, self.scale = canvas, x, y, scale
        self.attributes, self.colours = attributes, colours
        self.width, self.height, self.roundness = _HEADS[attributes["head"]]

    def box(self, left, top, right, bottom):
        return [
            _FINE * (centre + self.scale * offset)
            for centre, offset in zip((self.x, self.y) * 2, (left, top, right, bottom), strict=True)
        ]

    def around(self, x, y, half_width, half_height=None):
        half_height = half_width if half_height is None else half_height
        return self.box(x - half_width, y - half_height, x + half_width, y + half_height)

    def line(self, width):
        return max(1, round(_FINE * self.scale * width))

    def draw(self):
        hair = self.attributes["hair"]
        if hair == "long":
            box = self.box(-self.width - 4, -self.height - 4, self.width + 4, self.height + 6)
            self.canvas.rounded_rectangle(box, self.line(16), self.colours["hair colour"])
        shade = tuple(int(0.8 * value) for value in self.colours["skin"])
        self.canvas.rectangle(self.box(-6, self.height - 6, 6, 40), shade)
        self.canvas.pieslice(self.around(0, self.height + 18, 24, 13), 180, 360, shade)
        for side in (-1, 1):
            self.canvas.ellipse(self.around(side * self.width, 1, 3, 5), shade)
        self._head()
        if hair != "none":
            self._hair(hair)
        self._eyes()
        for side in (-1, 1):
            ends = self.box(7.5 * side - 4, -9, 7.5 * side + 4, -9)
            self.canvas.line(ends, self.colours["hair colour"], self.line(1.6))
        self.canvas.polygon(self.box(-2.5, 7, 0, -1) + self.box(2.5, 7, 0, 7)[:2], shade)
        self._mouth()

    def _head(self):
        box = self.around(0, 0, self.width, self.height)
        if self.roundness == 1.0:
            self.canvas.ellipse(box, self.colours["skin"])
        else:
            self.canvas.rounded_rectangle(box, self.line(self.roundness * self.width), self.colours["skin"])

    def _hair(self, hair):
        colour = self.colours["hair colour"]
        top = self.around(0, -self.height / 2 - 1, self.width + 2, self.height / 2 + 3)
        if hair == "curly":
            for angle in np.linspace(np.pi * 0.98, np.pi * 2.02, 9):
                x, y = (self.width + 1) * np.cos(angle), (self.height - 1) * np.sin(angle)
                self.canvas.ellipse(self.around(x, y, 6), colour)
            return
        self.canvas.chord(top, 180, 360, colour)
        if hair == "long":
            for side in (-1, 1):
                first, last = sorted((side * (self.width - 2), side * (self.width + 4)))
                self.canvas.rectangle(self.box(first, -self.height / 2, last, self.height + 2), colour)

    def _eyes(self):
        for side in (-1, 1):
            self.canvas.ellipse(self.around(7.5 * side, -3, 4.2, 3.2), (250, 250, 250))
            self.canvas.ellipse(self.around(7.5 * side, -3, 2.8), self.colours["eyes"])
            self.canvas.ellipse(self.around(7.5 * side, -3, 1.0), (10, 10, 10))
        if self.attributes["glasses"] == "worn":
            for side in (-1, 1):
                self.canvas.ellipse(self.around(7.5 * side, -3, 6.5), outline=(20, 20, 20), width=self.line(1.3))
            self.canvas.line(self.box(-1.5, -3, 1.5, -3), (20, 20, 20), self.line(1.3))

    def _mouth(self):
        mouth = self.attributes["mouth"]
        if mouth == "smile":
            self.canvas.chord(self.around(0, 9, 8, 6), 15, 165, (170, 40, 50))
        elif mouth == "open":
            self.canvas.ellipse(self.around(0, 12.5, 4, 4), (90, 15, 25))
        else:
            self.canvas.line(self.box(-6, 12, 6, 12), (140, 40, 45), self.line(1.6))


def combination(attributes):
    """The number of a combination of attributes, in mixed radix in the order of `ATTRIBUTES`.

    Args:
        attributes: Dictionary as `draw_attributes` returns it.

    Returns:
        An integer below `len(probabilities())`.

    Example:

    >>> first = {name: next(iter(values)) for name, values in keras_gan.data.faces.ATTRIBUTES.items()}
    >>> keras_gan.data.faces.combination(first), keras_gan.data.faces.combination({**first, "background": "grey"})
    (0, 3)
    """
    number = 0
    for name, values in ATTRIBUTES.items():
        number = number * len(values) + list(values).index(attributes[name])
    return number


def probabilities():
    """The probability of every combination of attributes, by its number; float64 array that sums to 1."""
    return functools.reduce(np.multiply.outer, (list(values.values()) for values in ATTRIBUTES.values())).ravel()


def draw_many(count, seed, first=0):
    """Draws faces.

    Args:
        count: Number of faces.
        seed: Integer of the set of faces.
        first: Number of the first.

    Returns:
        Pair of a uint8 array `(count, 64, 64, 3)` and a list of their attributes.

    Example:

    >>> images, attributes = keras_gan.data.faces.draw_many(2, seed=5)
    >>> images.shape, len(attributes)
    ((2, 64, 64, 3), 2)
    """
    attributes = [draw_attributes(seed, index) for index in range(first, first + count)]
    read = functools.partial(_drawn, attributes, seed, first)
    drawn = sources.progress(sources.in_order(read, count), count, "Drawing faces")
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for row, image in zip(itertools.count(), drawn):
        images[row] = image
    return images, attributes


def _drawn(attributes, seed, first, index):
    return draw(attributes[index], seed, first + index)


def source(_, request):
    """The faces of a split; their classes are the values of `LABEL`."""
    if request.split not in SPLITS:
        raise sources.MissingSplitError(f"faces has the splits 'train' and 'test'. Received: split={request.split!r}")
    count, seed = SPLITS[request.split]
    images, attributes = draw_many(count, seed)
    names = list(ATTRIBUTES[LABEL])
    labels = np.array([names.index(each[LABEL]) for each in attributes], np.int32)
    return sources.in_memory(
        images, labels, request, identity=f"faces {request.split}, version 1", num_classes=len(names), class_names=names
    )
