"""Line charts as SVG whose colours are the page's, so that they follow its light and dark modes."""

import math

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 460, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 30, 40


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

    def place(x, y):
        across, up = ((value - low) / (high - low) for value, (low, high) in zip((x, y), ends, strict=True))
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(description)}">']
    for tick in ticks[1]:
        y = place(ends[0][0], tick)[1]
        parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(_LEFT - 6, y + 4, f"{tick:.6g}", "end"))
    for tick in ticks[0]:
        parts.append(_text(place(tick, ends[1][0])[0], _HEIGHT - _BOTTOM + 16, f"{tick:,.6g}", "middle"))
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - 6, x_label, "end"))
    colour, along = -1, _LEFT
    for name, curve in points.items():
        colour += name not in dotted or colour < 0
        style = f'class="curve{" dotted" * (name in dotted)}" stroke="var(--c{colour % 6})"'
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in curve))
        parts.append(f'<polyline {style} points="{path}"/>')
        if name not in dotted:
            parts.append(f'<line {style} x1="{along}" x2="{along + 16}" y1="12" y2="12"/>')
            parts.append(_text(along + 20, 16, name))
            along += round(36 + 6.2 * len(name))
    for label, point in zip(labels, next(iter(points.values())), strict=False):
        x, y = place(*point)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="var(--c0)"/>')
        parts.append(_text(x + 6, y - 5, label))
    return Markup("".join(parts) + "</svg>")


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
