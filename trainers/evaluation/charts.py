"""Line charts as SVG whose colours are the page's, so that they follow its light and dark modes."""

import math

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 460, 270
_RIGHT, _TOP, _BOTTOM = 14, 30, 40
_LETTER, _LINE = 6.2, 14  # about the width of a letter and the height of a line


def chart(curves, x_label, description, dotted=(), labels=()):
    """Draws curves in one pair of axes.

    Args:
        curves: Dictionary from a name to a pair of sequences, x and y. What is not a finite number is left out.
        x_label: What x is.
        description: What a screen reader says.
        dotted: Names of the curves that are drawn dotted, in the colour of the curve before, and not named.
        labels: Texts at the points of the first curve: none, or one for each.

    Returns:
        SVG, `markupsafe.Markup`; empty where there is nothing to draw.

    Example:

    >>> from trainers.evaluation import charts
    >>> svg = charts.chart({"d_loss": ([0, 100], [1.1, 1.3])}, "step", "The discriminator's objective.")
    >>> svg.startswith("<svg"), svg.count("<polyline")
    (True, 1)
    """
    points = {name: [p for p in zip(*curve, strict=True) if _finite(*p)] for name, curve in curves.items()}
    points = {name: curve for name, curve in points.items() if curve}
    if not points:
        return Markup("")
    ends, ticks = zip(*(_axis([p[axis] for curve in points.values() for p in curve]) for axis in (0, 1)), strict=True)
    heights = [f"{tick:.6g}" for tick in ticks[1]]
    left = round(12 + _LETTER * max(map(len, heights)))
    named = _legend([name for name in points if name not in dotted], left)
    top = _TOP + max((y for _, y in named.values()), default=0)

    def place(x, y):
        across, up = ((value - low) / (high - low) for value, (low, high) in zip((x, y), ends, strict=True))
        return left + across * (_WIDTH - left - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - top - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(description)}">']
    for tick, words in zip(ticks[1], heights, strict=True):
        y = place(ends[0][0], tick)[1]
        parts.append(f'<line class="axis" x1="{left}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 6, y + 4, words, "end"))
    for tick in ticks[0]:
        words = f"{tick:,.9g}"
        x = min(place(tick, ends[1][0])[0], _WIDTH - 1 - _LETTER * len(words) / 2)  # the last must not be cut off
        parts.append(_text(x, _HEIGHT - _BOTTOM + 16, words, "middle"))
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - 6, x_label, "end"))
    colour = -1
    for name, curve in points.items():
        colour += name not in dotted or colour < 0
        style = f'class="curve{" dotted" * (name in dotted)}" stroke="var(--c{colour % 6})"'
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in curve))
        parts.append(f'<polyline {style} points="{path}"/>')
        if name in named:
            x, y = named[name]
            parts.append(f'<line {style} x1="{x}" x2="{x + 16}" y1="{y + 12}" y2="{y + 12}"/>')
            parts.append(_text(x + 20, y + 16, name))
    marked = [place(*point) for point in next(iter(points.values()))][: len(labels)]
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="var(--c0)"/>' for x, y in marked]
    parts += _beside(marked, labels, left, top)
    return Markup("".join(parts) + "</svg>")


def _legend(names, left):
    """The places of the names of curves, in as many lines as they need: dictionary to pairs of x and y."""
    places, x, y = {}, left, 0
    for name in names:
        width = round(36 + _LETTER * len(name))
        if x > left and x + width > _WIDTH:
            x, y = left, y + _LINE
        places[name] = x, y
        x += width
    return places


def _beside(points, labels, left, top):
    """The labels of points, each as near to its own as the others leave room."""
    taken, parts = [], []
    for (x, y), label in zip(points, labels, strict=False):
        width = _LETTER * len(label)
        tries = [
            (start, y + shift)
            for away in range(12)
            for shift in (-5 - _LINE * away, 14 + _LINE * away)
            for start in (x + 6, x - 6 - width)
            if left <= start <= _WIDTH - width and top - _LINE <= y + shift <= _HEIGHT - _BOTTOM
        ]
        free = (at for at in tries if all(abs(at[1] - v) >= _LINE - 2 or at[0] >= u + w or u >= at[0] + width
                                          for u, v, w in taken))  # fmt: skip
        start, base = next(free, tries[0])
        taken.append((start, base, width + 4))
        parts.append(_text(start, base, label))
    return parts


def _finite(*values):
    return all(isinstance(value, (int, float)) and math.isfinite(value) for value in values)


def _text(x, y, words, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _axis(values):
    """The ends of an axis that shows all values, and round numbers on it."""
    ticks = _ticks(min(values), max(values))
    return (ticks[0], ticks[-1]), ticks


def _ticks(low, high, wanted=5):
    """About as many round numbers as wanted, the first and last of which enclose an interval."""
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    raw = (high - low) / wanted
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= 0.999 * raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]
