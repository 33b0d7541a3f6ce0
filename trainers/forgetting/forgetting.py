"""Measures of a feature that a generator was made to forget, and of everything else."""

import typing

import numpy as np
import scipy

from keras_gan import latents, metrics, unlearning
from keras_gan.files import pictures
from keras_gan.latents import inversion
from keras_gan.metrics import arrays, features

METHODS = ("original", "unlearned", "rejection", "projection")
_QUALITY = ("fcd", "precision", "recall", "density", "coverage")
_MOST_REAL = 10_000
MOST_BEYOND = 3.0  # times the share of images with the feature
_FAR = 10**9  # between the seeds of annotated samples and those that everything is measured on


class Probes(typing.NamedTuple):
    """Latents that nothing was chosen by: `codes` `(n, latent_dim)`, `labels` `(n,)` or `None`, and their `seed`."""

    codes: np.ndarray
    labels: np.ndarray | None
    seed: int

    @classmethod
    def draw(cls, generator, n, seed):
        """Those of `n` seeds far from the annotated ones; classes in turn."""
        seed += _FAR
        return cls(latents.draw(generator, n, seed), latents.sample_labels(n, generator.num_classes), seed)

    def rows(self, chosen):
        return Probes(self.codes[chosen], None if self.labels is None else self.labels[chosen], self.seed)


class RealImages(typing.NamedTuple):
    """Real images that lack the feature: uint8 `images`, `about` in words, and what `sees` them, or `None`."""

    images: np.ndarray
    about: str
    sees: features.FeatureExtractor | None

    @classmethod
    def without(cls, source, target, cutoff, dataset):
        """Those of a source, as its labels say of a class, and the judge of any other feature."""
        name = features.for_dataset(dataset, source.image_shape)
        chosen = np.arange(min(source.num_examples, _MOST_REAL)) * source.num_examples
        chosen //= min(source.num_examples, _MOST_REAL)
        if source.images is None:
            examples = [source.read(int(index)) for index in chosen]
            images, labels = np.stack([image for image, _ in examples]), np.array([label for _, label in examples])
        else:
            images, labels = source.images[chosen], source.labels[chosen]
        images = images if images.dtype == np.uint8 else pictures.to_uint8(images)
        if target.judge is None:
            keep, about = np.ones(len(images), bool), "all, since nobody marked them"
        elif target.label is not None and source.num_classes:
            keep, about = labels != target.label, "those of other classes"
        else:
            keep, about = ~target.has(pictures.from_uint8(images), cutoff), "those without the feature"
        return cls(images[keep], f"{keep.sum()} real images of {len(images)}, {about}", name and features.get(name))


def with_threshold(generator, feature, target, cutoff, remaining, seed, n=1000):
    """The feature with the highest threshold at which little of it is left.

    Halfway between the means of both sets, where thresholds are by default, a feature that latents do not tell apart
    perfectly is still there in many of the images at the threshold, and no training makes it rarer than they have it.
    So thresholds beyond which lie 5, 10, ..., 75 % of the latents are tried, until the share of images that have the
    feature after the projection of latents is at most `remaining` of what it was before, in the eyes of who annotated,
    and on latents that were not annotated: the direction fits those that were too well. Where none is low enough, it is
    the one with the least. Where a person annotated, the feature stays as it is.

    Args:
        generator: The generator f.
        feature: `keras_gan.unlearning.LatentFeature`.
        target: `targets.Target`.
        cutoff: The score from which on an image has it, or `None`.
        remaining: Number in [0, 1).
        seed: That of the annotated samples.
        n: Number of latents.

    Returns:
        A `keras_gan.unlearning.LatentFeature`.
    """
    if target.score is None:
        return feature
    # Neither annotated nor measured on.
    fresh = Probes.draw(generator, n, seed + _FAR)

    def count(probes):
        return int((np.asarray(target.score(make(generator, probes))) >= cutoff).sum()) if len(probes.codes) else 0

    projections = np.asarray(feature.project(fresh.codes))
    before, best, least = count(fresh), feature, np.inf
    for share in np.arange(0.05, 0.76, 0.05):
        tried = feature.with_threshold(float(np.quantile(projections, 1.0 - share)))
        left = count(fresh._replace(codes=np.asarray(tried.remove(fresh.codes))))
        if left < least:
            best, least = tried, left
        if left <= remaining * before:
            break
    return best


def measure(original, unlearned, feature, target, cutoff, probes, real, config):
    """Everything that the table shows.

    Args:
        original: The generator f.
        unlearned: The generator g.
        feature: `keras_gan.unlearning.LatentFeature`.
        target: `targets.Target`.
        cutoff: The score from which on an image has it, or `None`.
        probes: `Probes`.
        real: `RealImages`.
        config: With `attacks`, `attack_steps` and `seed`.

    Returns:
        Dictionary: `measured_on`; `methods`, from each of `METHODS` to a dictionary of
        - `share`, of images with the feature in the eyes of the judge: `value`, `low`, `high` (95 %, Wilson), `count`;
        - `share_detected`: the same among latents that are to be changed, `value` alone: those beyond the threshold
          and, where the annotator can say so within a step, with the feature in its eyes;
        - `to_projection`: the mean distance |x - f(r(z))| of their images from those at the threshold;
        - `to_original`: the mean distance |x - f(z)| of other latents, of values in [-1, 1];
        - `to_original_featureless` and `class_changed`, of the images that lack the feature in the eyes of the judge,
          wherever their latents are: see `featureless`;
        - `fcd`, `precision`, `recall`, `density`, `coverage` of all images against real ones without the feature;
          `fcd_rest` of the images of other latents, against those of the original; none of these where no
          classifier fits;
        - `recovered`: the share of searches for a latent that succeeded, judged as `share` is;
          `recovered_by_annotator`, judged by what the search climbed; `search_error`, the mean squared error of the
          nearest images, where the search had images to come near to.
    """
    before = make(original, probes)
    present = np.asarray(feature.present(probes.codes)) & target.seen(before, cutoff)
    removed, moved = (
        np.where(present[:, None], codes, probes.codes)
        for codes in (feature.remove(probes.codes), unlearning.rejected(original, feature, len(present), probes.seed))
    )
    at_threshold = make(original, probes._replace(codes=removed))
    images = {
        "original": before,
        "unlearned": make(unlearned, probes),
        "rejection": make(original, probes._replace(codes=moved)),
        "projection": at_threshold,
    }
    floor = _quality(real, images["original"], None, floor=True)
    methods = {}
    for name in METHODS:
        made = images[name]
        found = methods[name] = {"share": None, "share_detected": None}
        if target.judge is not None:
            has = target.has(made, cutoff)
            found["share"] = _share(has)
            found["share_detected"] = float(has[present].mean()) if present.any() else None
            found |= featureless(images["original"], made, target, cutoff)
        found["to_projection"] = _distance(made[present], at_threshold[present])
        found["to_original"] = _distance(made[~present], images["original"][~present])
        found |= _quality(real, made, None if name == "original" else (images["original"], ~present))
    attacks = {name: _attack(network, original, target, cutoff, probes, config)
               for name, network in (("original", original), ("unlearned", unlearned))}  # fmt: skip
    for name in METHODS:
        # The weights of the other two are the original's.
        methods[name] |= attacks["unlearned" if name == "unlearned" else "original"]
    return {
        "measured_on": {
            "samples": len(probes.codes),
            "first_seed": probes.seed,
            "present": int(present.sum()),
            "real": real.about,
            "seen_through": real.sees.name if real.sees else None,
            "fcd_floor": floor.get("fcd_floor"),
        },
        "methods": methods,
    }


def make(network, probes):
    """The images of latents, float32 in [-1, 1], all finite."""
    return arrays.finite("images of the generator", latents.generate(network, probes.codes, probes.labels))


def featureless(before, after, target, cutoff):
    """The fate of images that lacked the feature.

    Args:
        before: Images of the original generator.
        after: Images of the same latents.
        target: `targets.Target` with a judge, who says which of `before` lack it.
        cutoff: The score from which on an image has it, or `None`.

    Returns:
        Dictionary: `to_original_featureless`, the mean distance of values in [-1, 1]; `class_changed`, as `share` in
        `measure`: of those that are of another class in the eyes of the second classifier, or `None` without one.
    """
    lack = ~target.has(before, cutoff)
    before, after = before[lack], after[lack]
    classes = [target.classes(images) for images in (before, after)]
    changed = None if classes[0] is None or not len(before) else _share(classes[0] != classes[1])
    return {"to_original_featureless": _distance(before, after), "class_changed": changed}


def _share(has):
    """The share of `True`, with Wilson's 95 % interval."""
    count = int(has.sum())
    low, high = scipy.stats.binomtest(count, len(has)).proportion_ci(method="wilson")
    return {"value": count / len(has), "low": float(low), "high": float(high), "count": count}


def _distance(a, b):
    return float(np.abs(a - b).mean()) if len(a) else None


def _quality(real, made, rest, floor=False):
    """Metrics of images through the classifier that fits; empty without one."""
    if real.sees is None:
        return {}
    if floor:
        (record,) = metrics.evaluate(
            pictures.to_uint8(made), real.images, real.sees, ["fcd"], intervals=False, progress=False
        )
        return {"fcd_floor": record.floor}
    records = metrics.evaluate(
        pictures.to_uint8(made), real.images, real.sees, _QUALITY, intervals=False, floor=False, progress=False
    )
    found = {record.name: record.value for record in records}
    found["fcd_rest"] = 0.0 if rest is None else None
    # The distance of Gaussians needs more images than features.
    if rest is not None and rest[1].sum() > real.sees.dimension:
        before, absent = rest
        seen = [real.sees(pictures.to_uint8(each[absent])) for each in (before, made)]
        found["fcd_rest"] = float(metrics.frechet_distance(*seen))
    return found


def _attack(network, original, target, cutoff, probes, config):
    """The search for latents that bring the feature back; empty without one."""
    if not config.attacks:
        return {}
    search = {"starts": 2, "steps": config.attack_steps, "seed": config.seed, "progress": True}
    if target.differentiable:
        found = unlearning.bring_back(network, target.score, cutoff, n=config.attacks, **search)
        return {
            "recovered": float(target.has(found.images, cutoff).mean()),
            "recovered_by_annotator": found.share,
        }
    if target.marked is not None:
        marked = np.asarray(target.marked.marked)
        rows = Probes(
            latents.draw(original, target.marked.n, target.marked.seed),
            latents.sample_labels(target.marked.n, original.num_classes),
            target.marked.seed,
        ).rows(marked[: config.attacks])
    else:
        rows = probes.rows(np.flatnonzero(target.has(make(original, probes), cutoff))[: config.attacks])
    if not len(rows.codes):
        return {}
    found = inversion.invert(network, make(original, rows), rows.labels, **search)
    recovered = None if target.judge is None else float(target.has(found.images, cutoff).mean())
    return {"recovered": recovered, "search_error": float(found.errors.mean())}


_ROWS = (
    ("images with the feature", "share"),
    ("of those to be changed", "share_detected"),
    ("distance from projection, of these", "to_projection"),
    ("distance from original, of others", "to_original"),
    ("fcd from original, of others", "fcd_rest"),
    ("images without it: distance", "to_original_featureless"),
    ("of another class than before", "class_changed"),
    ("fcd from real images without it", "fcd"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("density", "density"),
    ("coverage", "coverage"),
    ("brought back by search", "recovered"),
    ("error of that search", "search_error"),
)
_PERCENT = ("share", "share_detected", "recovered")


def table(report, target):
    """The report as text for a terminal: a row for each measure, a column for each method."""
    methods = report["methods"]
    rows = [("", *METHODS)]
    for words, key in _ROWS:
        values = [methods[name].get(key) for name in METHODS]
        if any(value is not None for value in values):
            rows.append((words, *(_text(key, value) for value in values)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    on = report["measured_on"]
    lines.append(f"on {on['samples']} samples that were not annotated; who judges the feature: {target.judge_name}")
    if on["seen_through"]:
        floor = "" if on["fcd_floor"] is None else f"; fcd of real images against real ones {on['fcd_floor']:.3g}"
        lines.append(f"{on['real']}, seen through {on['seen_through']}{floor}")
    return "\n".join(lines)


def _text(key, value):
    if value is None:
        return "-"
    if key in ("share", "class_changed"):
        return f"{value['value']:.1%} ({value['low']:.1%} to {value['high']:.1%})"
    return f"{value:.1%}" if key in _PERCENT else f"{value:.3g}"


def describe_detector(feature, quality, probes):
    """One sentence on how well latents tell which images have the feature."""
    start = f"In latents it begins at {feature.threshold:.3g} standard deviations"
    if quality is None:
        return f"{start}, beyond which lie {np.mean(feature.present(probes.codes)):.1%} of them."
    return (
        f"{start}: beyond lie {quality['present_rate']:.1%} of them, with {quality['recall']:.1%} of the images that "
        f"have it; {quality['precision']:.1%} of what lies beyond has it. AUC {quality['auc']:.3f}."
    )


def warning(quality):
    """A sentence where far more latents lie beyond the threshold than images have the feature; `None` otherwise.

    Args:
        quality: What `LatentFeature.quality` returns, or `None`.

    Returns:
        String, or `None`.
    """
    if quality is None or quality["present_rate"] <= MOST_BEYOND * quality["true_rate"]:
        return None
    return (
        f"{quality['present_rate']:.1%} of the latents lie beyond the threshold for a feature of "
        f"{quality['true_rate']:.1%} of the images: most of what is changed lacks it. Annotate more with --samples, or "
        "give a higher --threshold or --remaining."
    )


def compare(original, unlearned, feature, target, cutoff, probes, columns=16):
    """Before above after: two pairs of rows with the feature, and two without.

    Args:
        original: The generator f.
        unlearned: The generator g.
        feature: `keras_gan.unlearning.LatentFeature`, which says where nobody can judge.
        target: `targets.Target`.
        cutoff: The score from which on an image has it, or `None`.
        probes: `Probes`.
        columns: Images in a row.

    Returns:
        A `keras_gan.files.pictures.grid` whose rows are named; where few samples have the feature, the rest of their
        rows is black.
    """
    before, after = (make(network, probes) for network in (original, unlearned))
    has = np.asarray(feature.present(probes.codes)) if target.judge is None else target.has(before, cutoff)
    black = np.full((2 * columns, *before.shape[1:]), -1.0, np.float32)
    rows = []
    for chosen in (np.flatnonzero(has), np.flatnonzero(~has)):
        for images in (before, after):
            rows.append(
                np.concatenate([images[chosen[: 2 * columns]], black])[: 2 * columns].reshape(
                    2, columns, *before.shape[1:]
                )
            )
    with_before, with_after, without_before, without_after = rows
    order = [with_before[0], with_after[0], with_before[1], with_after[1]]
    order += [without_before[0], without_after[0], without_before[1], without_after[1]]
    names = [f"{which}, {when}" for which in ("had it", "others") for _ in range(2) for when in ("before", "after")]
    return pictures.name_rows(pictures.grid(np.concatenate(order), columns=columns), names)
