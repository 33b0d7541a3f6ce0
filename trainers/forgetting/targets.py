"""Targets that `trainers.unlearn` can make a generator forget: how samples are annotated, who judges the result."""

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_gan import metrics, unlearning
from keras_gan.metrics import features
from keras_gan.metrics.features import classifiers
from trainers.forgetting import marks


@dataclasses.dataclass(frozen=True)
class Target:
    """A feature that a generator is to forget.

    Attributes:
        name: In words.
        score: Function of images that annotates samples, or `None` where a person did.
        judge: Function of images that judges afterwards, other than `score` where there is another; `None` where only
            the person could.
        judge_name: In words.
        cutoff: The score from which on an image has the feature, of both; `None` where it follows from the annotated
            samples.
        marked: `marks.Marks` of the person, or `None`.
        label: The class, or `None`.
        differentiable: Whether `score` has a gradient.
        classify: Function of images to class numbers `(n,)`, of the second classifier, by which nothing was chosen;
            `None` where none fits.
    """

    name: str
    score: Callable | None
    judge: Callable | None
    judge_name: str
    cutoff: float | None = None
    marked: marks.Marks | None = None
    label: int | None = None
    differentiable: bool = False
    classify: Callable | None = None

    def annotate(self, generator, config):
        """The annotated samples; refused where the feature is in none or in all of them."""
        if self.marked is not None and self.marked.marked:
            found = unlearning.annotate(generator, self.marked.n, self.marked.marked, seed=self.marked.seed)
        elif self.marked is None:
            found = unlearning.annotate(
                generator, config.samples, self.score, share=config.share, cutoff=self.cutoff, seed=config.seed
            )
        else:
            found = None
        if found is None or found.present.all() or not found.present.any():
            which = "none" if found is None or not found.present.any() else "every one"
            n = self.marked.n if self.marked is not None else config.samples
            raise ValueError(
                "It takes samples with and without a feature to tell their latents apart. "
                f"Received: {self.name} in {which} of {n} samples"
            )
        return found

    def has(self, images, cutoff):
        """Booleans `(n,)`: which images have the feature, in the eyes of the judge."""
        return np.concatenate(
            [np.asarray(self.judge(images[start : start + 250])) >= cutoff for start in range(0, len(images), 250)]
        )

    def sees(self, cutoff):
        """The function of images to booleans that annotates, where it can run within a training step; else `None`."""
        return (lambda images: self.score(images) >= cutoff) if self.differentiable else None

    def seen(self, images, cutoff):
        """Booleans `(n,)`: which images that function says to have the feature; all where there is none."""
        sees = self.sees(cutoff)
        if sees is None:
            return np.ones(len(images), bool)
        return np.concatenate([np.asarray(sees(images[i : i + 250])) for i in range(0, len(images), 250)])

    def classes(self, images):
        """Integers `(n,)`: the classes of images in the eyes of the second classifier, or `None` without one."""
        if self.classify is None:
            return None
        parts = [self.classify(images[start : start + 250]) for start in range(0, len(images), 250)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def parse(text, dataset, class_names, generator):
    """The feature that a flag names.

    Args:
        text: `thickness`, `class:K` or `marked:FILE`.
        dataset: Name of the real data.
        class_names: The names of their classes, or `None`.
        generator: The generator that is to forget it.

    Returns:
        A `Target`.

    Raises:
        ValueError: If there is no such feature, or nothing that could judge it.
    """
    kind, _, rest = text.partition(":")
    if text == "thickness":
        measure = metrics.stroke_thickness
        classify = _second_classifier(dataset, generator.image_shape)
        return Target("thick strokes", measure, measure, "the same measure of thickness", classify=classify)
    if kind == "class" and rest:
        return _class(rest, dataset, class_names, generator)
    if kind == "marked" and rest:
        found = marks.read(rest, generator)
        return Target("what was marked", None, None, "nobody: only who marked them could", marked=found)
    raise ValueError(f"--feature must be thickness, class:K or marked:FILE. Received: --feature={text}")


def _class(text, dataset, names, generator):
    name = features.for_dataset(dataset, generator.image_shape)
    if features.for_dataset(dataset, generator.image_shape, second=True) is None:
        raise ValueError(
            f"class:K takes two classifiers that come with the package, and there are none for images "
            f"{'x'.join(map(str, generator.image_shape))} of {dataset}: mark samples with python -m trainers.label."
        )
    names = names or [str(label) for label in range(classifiers.load(name)[0].output_shape[-1][-1])]
    if text in names:
        label = names.index(text)
    elif text.isdecimal() and int(text) < len(names):
        label = int(text)
    else:
        raise ValueError(f"class:K must be one of {names}, or its number. Received: --feature=class:{text}")
    return Target(
        f"class {names[label]}",
        unlearning.class_score(name, label),
        unlearning.class_score(f"{name}_b", label),
        f"another classifier, {name}_b, than annotated",
        cutoff=0.0,
        label=label,
        differentiable=True,
        classify=_second_classifier(dataset, generator.image_shape),
    )


def _second_classifier(dataset, image_shape):
    name = features.for_dataset(dataset, image_shape, second=True)
    if name is None:
        return None
    model = classifiers.load(name)[0]
    return lambda images: np.asarray(model(images, training=False)[-1]).argmax(axis=1)


def describe(target, annotation):
    """One sentence on the annotated samples."""
    count, n = int(annotation.present.sum()), len(annotation.present)
    measured = f", the scores from {annotation.cutoff:.3g} on" if annotation.cutoff is not None else ""
    return f"{target.name}: {count} of {n} samples have it ({count / n:.1%}{measured})."
