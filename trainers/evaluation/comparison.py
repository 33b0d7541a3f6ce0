"""Tests of whether two groups of evaluations differ by more than chance."""

import warnings

import numpy as np
from scipy import stats

from keras_gan.metrics import registry


def differences(a, b):
    """Tests for every metric whether two groups of evaluations differ.

    Welch's test, which does not assume equal variances, with Holm's correction for the number of metrics.

    Args:
        a: Evaluations of one side, dictionaries from a metric's name to its value; at least two.
        b: Evaluations of the other side.

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
            test = stats.ttest_ind(y, x, equal_var=False)
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
        better = row["difference"] < 0 if registry.METRICS[row["name"]].better == "lower" else row["difference"] > 0
        row |= {
            "p_holm": running,
            "verdict": ("B is better" if better else "A is better") if running < 0.05 else "no significant difference",
        }
    return rows


def text(patterns, table, about):
    """The result of `differences`, for a terminal.

    Args:
        patterns: What the two sides are called.
        table: As `differences` returns it.
        about: What the comparison is about.

    Returns:
        Text of several lines.
    """
    lines = ["", f"A: {patterns[0]}", f"B: {patterns[1]}", about, ""]
    lines.append(f"{'metric':<18}{'A':>18}{'B':>18}{'B - A, 95 % interval':>30}{'p (Holm)':>10}  verdict")
    for row in table:
        sides = [f"{mean:.4g} +- {deviation:.2g}" for mean, deviation in (row["a"], row["b"])]
        interval = f"{row['difference']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
        lines.append(
            f"{row['name']:<18}{sides[0]:>18}{sides[1]:>18}{interval:>30}{row['p_holm']:>10.2g}  {row['verdict']}"
        )
    return "\n".join(lines)
