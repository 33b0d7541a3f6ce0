"""Tests of whether two groups of evaluations differ by more than chance."""

import json
import warnings

import numpy as np
from scipy import stats

from keras_gan.files import atomic
from keras_gan.metrics import registry, translation
from trainers.evaluation import pages


def differences(a, b, paired=False):
    """Tests for every metric whether two groups of evaluations differ.

    Welch's test, which does not assume equal variances, or Student's test of the differences of pairs; with Holm's
    correction for the number of metrics.

    Args:
        a: Evaluations of one side, dictionaries from a metric's name to its value; at least two.
        b: Evaluations of the other side.
        paired: Whether the i-th evaluations of both sides are of the same thing.

    Returns:
        List of a dictionary for each metric: `name`, `a` and `b` (mean and standard deviation), `difference` (b - a),
        `low` and `high` (its 95 % interval), `p`, `p_holm`, and the `verdict` at the level 0.05.

    Reference:
        Welch 1947, "The generalization of Student's problem when several different population variances are
        involved"; Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    rows = []
    for name in a[0]:
        x, y = (np.array([row[name] for row in side]) for side in (a, b))
        with warnings.catch_warnings():
            # Of values that do not vary at all SciPy says that it cannot tell; the verdict below says the same.
            warnings.simplefilter("ignore", RuntimeWarning)
            test = stats.ttest_rel(y, x) if paired else stats.ttest_ind(y, x, equal_var=False)
        low, high = test.confidence_interval(0.95)
        rows.append(
            {
                "name": name,
                "a": [float(x.mean()), float(x.std(ddof=1))],
                "b": [float(y.mean()), float(y.std(ddof=1))],
                "difference": float(y.mean() - x.mean()),
                "low": float(low),
                "high": float(high),
                "p": float(test.pvalue),
            }
        )
    running = 0.0
    for rank, row in enumerate(sorted(rows, key=lambda row: row["p"])):
        running = max(running, min(1.0, row["p"] * (len(rows) - rank)))
        better = row["difference"] < 0 if _said(row["name"])[1] == "lower" else row["difference"] > 0
        row |= {
            "p_holm": running,
            "verdict": ("B is better" if better else "A is better") if running < 0.05 else "no significant difference",
        }
    return rows


def text(patterns, table, about):
    """The result of `differences`, for a terminal.

    Args:
        patterns: Names of the two sides.
        table: As `differences` returns it.
        about: What the comparison is about.

    Returns:
        Text of several lines.
    """
    rows = [("metric", "A", "B", "B - A, 95 % interval", "p (Holm)", "verdict")]
    rows += [tuple(_cells(row).values()) for row in table]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(["", f"A: {patterns[0]}", f"B: {patterns[1]}", about, "", *lines])


def render(patterns, found, pictures):
    """The page of a comparison.

    Args:
        patterns: Names of the two sides.
        found: Dictionary, as `trainers.evaluate` writes it to `comparison.json`.
        pictures: A uint8 picture `(height, width, channels)` of samples of the first model of either side.

    Returns:
        HTML, without a link to anything outside of it.
    """
    names = [row["name"] for row in found["metrics"]]
    paired = found.get("paired", False)
    captions = [f"{letter}: {side[0]}, not selected." for letter, side in zip("AB", found["sides"], strict=True)]
    return pages.render(
        "comparison.html",
        title="Comparison of two models" if len(found["sides"][0]) == 1 else "Comparison of two groups of models",
        sides=patterns,
        about=found["about"],
        reading=(
            f"Means and standard deviations of the {'pictures' if paired else 'evaluations'} of either side; p is that "
            f"of {'the paired t-test' if paired else 'the test of Welch'}, corrected by Holm's method for the number "
            "of metrics, and below 0.05 one side is called better."
        ),
        metrics=[_cells(row) | {"name": _title(row["name"])} for row in found["metrics"]],
        pictures=[pages.embed(*pair) for pair in zip(pictures, captions, strict=True)],
        names=names,
        runs=[
            (run["model"], {record["name"]: f"{record['value']:.4g}" for record in run["records"]})
            for run in found["runs"]
        ],
        conditions=[(name, pages.plain(value)) for name, value in (found["conditions"] | found["versions"]).items()]
        + [("command", found["command"])],
    )


def write(out, patterns, found, pictures):
    """Writes `comparison.json` and `comparison.html` into a folder, and says so; arguments as for `render`."""
    out.mkdir(parents=True, exist_ok=True)
    atomic.write_text(out / "comparison.json", json.dumps(found, indent=2) + "\n")
    atomic.write_text(out / "comparison.html", render(patterns, found, pictures))
    print(f"{out}/comparison.html is the page of this comparison, comparison.json has all numbers.")


def _title(name):
    title, better = _said(name)
    return f"{title} ({better} is better)"


def _said(name):
    """The title of a metric or measure, and which way is better."""
    if name in translation.BETTER:
        return translation.TITLES[name], translation.BETTER[name]
    return registry.METRICS[name].title, registry.METRICS[name].better


def _cells(row):
    """A row of `differences` as texts."""
    a, b = (f"{mean:.4g} +- {deviation:.2g}" for mean, deviation in (row["a"], row["b"]))
    difference = f"{row['difference']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    return {
        "name": row["name"], "a": a, "b": b, "difference": difference, "p": f"{row['p_holm']:.2g}",
        "verdict": row["verdict"],
    }  # fmt: skip
