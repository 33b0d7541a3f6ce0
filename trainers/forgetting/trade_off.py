"""The trade-off of forgetting: how rare a feature becomes, against what changes of images without it."""

import itertools

import numpy as np

from trainers.forgetting import forgetting

SHARES = (0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75)


def over_thresholds(generator, feature, target, cutoff, probes, shares=SHARES):
    """Measures what the projection of latents does at several thresholds.

    A generator that unlearned makes what the projection makes, so that this needs no training.

    Args:
        generator: The generator f.
        feature: A `keras_gan.unlearning.LatentFeature`; its threshold does not matter.
        target: `targets.Target` with a judge.
        cutoff: The score from which on an image has it, or `None`.
        probes: `forgetting.Probes`.
        shares: Shares of the latents that are to lie beyond the threshold, increasing.

    Returns:
        List of dictionaries: `beyond`, the share; `threshold`; `left`, the share of images that have the feature in the
        eyes of the judge; and, of the images that lacked it in the judge's eyes before, `change`, the mean absolute
        difference, and `class_changed`, the share that is of another class then, or `None` without a classifier. The
        first is of no threshold: nothing is projected.
    """
    projections = np.asarray(feature.project(probes.codes))
    before = forgetting.make(generator, probes)
    seen = target.seen(before, cutoff)
    found = [_row(0.0, None, before, before, target, cutoff)]
    for share in shares:
        tried = feature.with_threshold(float(np.quantile(projections, 1.0 - share)))
        moved = probes._replace(codes=np.where(seen[:, None], tried.remove(probes.codes), probes.codes))
        found.append(_row(share, tried.threshold, before, forgetting.make(generator, moved), target, cutoff))
    return found


def _row(share, threshold, before, after, target, cutoff):
    featureless = forgetting.featureless(before, after, target, cutoff)
    changed = featureless["class_changed"]
    return {
        "beyond": share,
        "threshold": threshold,
        "left": float(target.has(after, cutoff).mean()),
        "change": featureless["to_original_featureless"],
        "class_changed": changed and changed["value"],
    }


def change_at(rows, left, key="class_changed"):
    """The change where a given share of images still has the feature, between two thresholds on a line.

    Args:
        rows: What `over_thresholds` returns.
        left: The share.
        key: `"class_changed"` or `"change"`.

    Returns:
        Float; `None` where no threshold leaves so little.
    """
    for row, following in itertools.pairwise(rows):
        if following["left"] <= left <= row["left"]:
            way = row["left"] - following["left"]
            part = (row["left"] - left) / way if way else 0.0
            return row[key] + part * (following[key] - row[key])
    return None


def draw(path, curves, chosen=None):
    """Draws curves of what changes over what is left, as a PNG file.

    Args:
        path: Where to.
        curves: From names to what `over_thresholds` returns.
        chosen: `None`, or the pair of what is left and what changes of the generator that was trained.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    key = "class_changed" if next(iter(curves.values()))[0]["class_changed"] is not None else "change"
    factor, label = (100, "of another class, %") if key == "class_changed" else (1, "mean absolute difference")
    figure, axes = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
    for (name, rows), colour in zip(curves.items(), ("#0072B2", "#E69F00", "#009E73", "#CC79A7"), strict=False):
        left, changed = ([factor_ * row[key_] for row in rows] for key_, factor_ in (("left", 100), (key, factor)))
        axes.plot(left, changed, marker="o", markersize=4, color=colour, label=name)
    if chosen is not None:
        axes.plot(100 * chosen[0], factor * chosen[1], "k*", markersize=12, label="the trained generator")
    axes.set_xlabel("images that still have the feature, %")
    axes.set_ylabel(f"images that lacked it: {label}")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, format="png", dpi=110)
    plt.close(figure)
