"""Features in latent space: which latents make images that have one, and what those would be without it."""

import dataclasses
import json
import math
import os
import typing
from pathlib import Path

import keras
import numpy as np
import scipy
import tensorflow as tf

from keras_gan import latents as latent_space
from keras_gan.files import atomic, schema
from keras_gan.metrics.features import classifiers


class LatentFeature:
    """Base class of features of images as sets of latents: one is present where its projection is at least t.

    A subclass is a frozen dataclass with a `threshold`, t, and implements `latent_dim`, `_project`, `remove` and
    `get_config`.
    """

    # Form of the file that `save` writes.
    _FORM = schema.table()

    def with_threshold(self, threshold):
        """Returns the same feature with another t."""
        return dataclasses.replace(self, threshold=threshold)

    def project(self, latents):
        """The projection of each latent, float32 `(n,)`: a tensor of a tensor and otherwise an array."""
        return self._like(latents, self._project(self._check(latents)))

    def present(self, latents):
        """Booleans `(n,)`, of the kind that `project` returns: whether each latent's image should have the feature."""
        return self._like(latents, self._project(self._check(latents)) >= self.threshold)

    def _check(self, latents):
        codes = tf.convert_to_tensor(latents, tf.float32)
        if codes.shape.rank != 2 or codes.shape[1] != self.latent_dim:
            raise ValueError(f"Expected latents of shape (n, {self.latent_dim}). Received: shape {codes.shape}")
        return codes

    def quality(self, latents, truth):
        """Measures of how well the set tells which images have the feature.

        Args:
            latents: float32 `(n, latent_dim)`, best other ones than the feature was made from.
            truth: Booleans `(n,)`, which of their images have the feature.

        Returns:
            Dictionary of floats: `precision`, the share of true ones among those found present; `recall`, the share
            of true ones that were found; `balanced_accuracy`, the mean of `recall` and the same of absent ones; `auc`,
            the chance that the projection ranks a true one above another (ties count half), which does not depend on
            the threshold; `true_rate` and `present_rate`, the shares of true ones and of those found present. What is
            undefined, as precision where nothing is found, is NaN.

        Raises:
            ValueError: If there are not as many of both.

        Example:

        >>> feature = keras_gan.unlearning.LatentDirection([1.0], threshold=0.0)
        >>> found = feature.quality([[2.0], [1.0], [-1.0], [-2.0]], [True, False, True, False])
        >>> found["precision"], found["recall"], found["auc"]
        (0.5, 0.5, 0.75)
        """
        projections = np.asarray(self.project(np.asarray(latents, np.float32)), np.float64)
        truth = np.asarray(truth)
        if truth.shape != projections.shape or truth.dtype != bool:
            raise ValueError(
                f"`truth` must hold {len(projections)} booleans, one for each latent. "
                f"Received: dtype {truth.dtype}, shape {truth.shape}"
            )
        present = projections >= np.float32(self.threshold)
        recall, rejected = _share(present, truth), _share(~present, ~truth)
        return {
            "precision": _share(truth, present),
            "recall": recall,
            "balanced_accuracy": (recall + rejected) / 2.0,
            "auc": _area_under_curve(projections, truth),
            "true_rate": float(truth.mean()),
            "present_rate": float(present.mean()),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the feature as a JSON file, which `load` reads."""
        with atomic.write_file(Path(path)) as partial:
            partial.write_text(json.dumps(self.get_config()) + "\n", "utf-8")

    @classmethod
    def load(cls, path):
        """Reads a feature that `save` wrote.

        Raises:
            ValueError: If the file holds none.
        """
        try:
            return cls.from_config(schema.read(Path(path), cls._FORM))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} holds no feature, as {cls.__name__}.save writes it: {error}") from None

    @staticmethod
    def _like(given, tensor):
        return tensor if tf.is_tensor(given) else tensor.numpy()


# Files know it by its older name.
@keras.saving.register_keras_serializable("keras_gan", name="Feature")
@dataclasses.dataclass(frozen=True, eq=False)
class LatentDirection(LatentFeature):
    """A feature of images as a half-space of latents: it is present where `<z, e> >= t`.

    Args:
        direction: e, floats `(latent_dim,)`; made a unit vector.
        threshold: t, in units of latents: standard deviations of a normal prior.

    Raises:
        ValueError: If the direction is no vector with a length, or the threshold not finite.

    Example:

    >>> feature = keras_gan.unlearning.LatentDirection([3.0, 4.0], threshold=1.0)
    >>> feature.project([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [5.0, 0.0]
    >>> feature.remove([[3.0, 4.0], [0.0, 0.0]]).round(4).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]

    Reference:
        Moon, Cho and Kim 2024, "Feature unlearning for pre-trained GANs and VAEs". With the paper's vector that is not
        normalized, the projection of what was removed would be t only if its length happened to be 1.
    """

    direction: np.ndarray
    threshold: float

    _FORM = schema.table(direction=schema.array(schema.number(), low=1), threshold=schema.number())

    def __post_init__(self):
        direction = np.asarray(self.direction, np.float64)
        length = np.linalg.norm(direction) if direction.ndim == 1 else 0.0
        if not 0.0 < length < math.inf:
            raise ValueError(
                "`direction` must be a vector of finite numbers that are not all 0. "
                f"Received: direction={self.direction!r}"
            )
        threshold = float(self.threshold)
        if not math.isfinite(threshold):
            raise ValueError(f"`threshold` must be a finite number. Received: threshold={self.threshold!r}")
        # One that is a unit vector but for rounding, as a saved one is, stays as it is.
        unit = direction if abs(length - 1.0) < 1e-6 else direction / length
        object.__setattr__(self, "direction", unit.astype(np.float32))
        object.__setattr__(self, "threshold", threshold)

    @classmethod
    def from_latents(cls, positive, negative, threshold=None):
        """The feature that distinguishes two sets of latents.

        With m+ and m- their means, e = (m+ - m-) / |m+ - m-|. By default t = <e, (m+ + m-) / 2>: the mean projection of
        the annotated latents, both sets weighing the same however many there are of each, and the boundary of a
        linear discriminant. It is where removed latents go, so it must lie where the feature no longer is: at the mean
        of the positives alone half of them would count as absent, and the others would become typical positives.
        A direction is never perfect, so `quality` and other thresholds are worth a look.

        Args:
            positive: Floats `(m, latent_dim)`, latents of images that have the feature.
            negative: Floats `(n, latent_dim)`, latents of images that lack it.
            threshold: Another t.

        Returns:
            A `LatentDirection`.

        Raises:
            ValueError: If a set is empty, has values that are not finite, their widths differ or their means are equal.

        Example:

        >>> keras_gan.unlearning.LatentDirection.from_latents([[2.0, 1.0], [4.0, 1.0]], [[0.0, 1.0]])
        LatentDirection(direction=array([1., 0.], dtype=float32), threshold=1.5)
        """
        sets = [np.asarray(rows, np.float64) for rows in (positive, negative)]
        shapes = [rows.shape for rows in sets]
        if any(len(shape) != 2 or 0 in shape for shape in shapes) or shapes[0][1] != shapes[1][1]:
            raise ValueError(
                "`positive` and `negative` must hold at least one latent each, as (n, latent_dim) of one latent_dim. "
                f"Received: shapes {shapes[0]} and {shapes[1]}"
            )
        if not all(np.isfinite(rows).all() for rows in sets):
            raise ValueError("Latents must be finite. Received: latents with NaN or infinity")
        with_feature, without = (rows.mean(axis=0) for rows in sets)
        difference = with_feature - without
        length = np.linalg.norm(difference)
        if length <= 1e-9 * max(1.0, np.linalg.norm(with_feature)):
            raise ValueError(
                "`positive` and `negative` must have different means, between which the feature's direction goes. "
                f"Received: a difference of length {length:.3g}"
            )
        if threshold is None:
            threshold = difference @ (with_feature + without) / (2.0 * length)
        return cls(difference / length, threshold)

    @property
    def latent_dim(self):
        return len(self.direction)

    def remove(self, latents):
        """Latents without the feature: `z - (<z, e> - t) e` where it is present, and z elsewhere.

        What is projected has `<z, e> = t` up to rounding, and is shorter than z where t is small; of a uniform prior
        single entries may leave [-1, 1] by a little.

        Args:
            latents: float32 `(n, latent_dim)`.

        Returns:
            float32 `(n, latent_dim)`, a tensor of a tensor and otherwise an array.
        """
        codes = self._check(latents)
        excess = tf.maximum(self._project(codes) - self.threshold, 0.0)
        return self._like(latents, codes - excess[:, None] * self.direction)

    def _project(self, codes):
        # Not a matrix product, which accelerators compute with fewer bits.
        return tf.reduce_sum(codes * self.direction, axis=1)

    def get_config(self):
        return {"direction": [float(value) for value in self.direction], "threshold": self.threshold}


def _share(wanted, among):
    """The share of `wanted` among those in `among`."""
    return float(wanted[among].mean()) if among.any() else math.nan


def _area_under_curve(scores, truth):
    """The Mann-Whitney statistic over its largest value, ties counted half."""
    if truth.all() or not truth.any():
        return math.nan
    m, n = truth.sum(), (~truth).sum()
    return float((scipy.stats.rankdata(scores)[truth].sum() - m * (m + 1) / 2.0) / (m * n))


class Annotation(typing.NamedTuple):
    """Generated images of which it is known whether they have a feature.

    Attributes:
        latents: float32 `(n, latent_dim)`, row i of the seed `seed + i`.
        labels: int32 `(n,)`, or `None` where the generator is unconditional.
        present: Booleans `(n,)`, whether image i has the feature.
        scores: float32 `(n,)`, or `None` where there are none.
        cutoff: The score from which on an image has the feature, or `None` where there are none. The same cutoff
            has to judge later generators.
    """

    latents: np.ndarray
    labels: np.ndarray | None
    present: np.ndarray
    scores: np.ndarray | None = None
    cutoff: float | None = None

    def feature(self, threshold=None, cls=LatentDirection):
        """`cls.from_latents` of those that have the feature and those that do not; `cls` is a `LatentFeature`."""
        return cls.from_latents(self.latents[self.present], self.latents[~self.present], threshold)


def annotate(generator, n, has_feature, share=0.1, cutoff=None, seed=0, labels=None, batch_size=100):
    """Finds out which of `n` generated images have a feature.

    Image i is that of `generator.sample(n, labels, seed)`, made from the seed `seed + i`.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model with its attributes, such as a `GAN`.
        n: Number of images.
        has_feature: Which of them have it, as one of
            - a function of images, float32 `(batch,) + image_shape`, that returns booleans `(batch,)`, or scores that
              are higher the more an image has of it, such as `class_score` makes;
            - indices of those that a person marked, integers in `[0, n)`, each once.
        share: Of scores the share of images that count as having it, the ones with the highest.
        cutoff: Of scores, instead of a share: the score from which on an image has it.
        seed: Seed of the first image.
        labels: For a conditional generator: one class, `n` classes, or `None` for all classes in turn.
        batch_size: Images made and looked at at a time.

    Returns:
        An `Annotation`.

    Raises:
        ValueError: If an argument is out of range, or what the function returns is not one value for each image.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(4, 4, 1), latent_dim=3)
    >>> found = keras_gan.unlearning.annotate(generator, 40, lambda images: images.mean(axis=(1, 2, 3)))
    >>> found.present.sum(), found.feature().latent_dim
    (np.int64(4), 3)
    >>> keras_gan.unlearning.annotate(generator, 4, [0, 2]).present.tolist()
    [True, False, True, False]

    Reference:
        Moon, Cho and Kim 2024: features of about 10 % of the images, of continuous ones the top 10 %.
    """
    codes = latent_space.draw(generator, n, seed)
    labels = latent_space.sample_labels(n, generator.num_classes, labels)
    if not callable(has_feature):
        return Annotation(codes, labels, _marked(has_feature, n))
    values = []
    for start in range(0, n, batch_size):
        rows = slice(start, start + batch_size)
        images = latent_space.generate(generator, codes[rows], None if labels is None else labels[rows], batch_size)
        values.append(judge(has_feature, images))
    values = np.concatenate(values)
    if values.dtype == bool:
        return Annotation(codes, labels, values)
    if cutoff is None:
        if not 0.0 < share < 1.0:
            raise ValueError(f"`share` must lie in (0, 1). Received: share={share}")
        cutoff = np.sort(values)[n - max(1, round(share * n))]
    return Annotation(codes, labels, values >= cutoff, values, float(cutoff))


def judge(has_feature, images):
    """Applies a function of images and checks what it returns.

    Args:
        has_feature: A function, as for `annotate`.
        images: float32 `(n,) + image_shape`.

    Returns:
        Booleans or finite float32 `(n,)`.

    Raises:
        ValueError: If it is not one boolean or finite number for each image.
    """
    values = np.asarray(has_feature(images))
    if values.shape != (len(images),) or values.dtype.kind not in "bfiu":
        raise ValueError(
            f"The function must return one boolean or number for each of {len(images)} images. "
            f"Received: dtype {values.dtype}, shape {values.shape}"
        )
    if values.dtype == bool:
        return values
    if not np.isfinite(values).all():
        raise ValueError("The function must return finite scores. Received: scores with NaN or infinity")
    return values.astype(np.float32)


def _marked(indices, n):
    """Booleans `(n,)` with those of the given indices true."""
    given = np.asarray(indices)
    right = given.ndim == 1 and given.dtype.kind in "iu" and len(set(given.tolist())) == len(given)
    if not right or not len(given) or given.min() < 0 or given.max() >= n:
        raise ValueError(
            f"`has_feature` must be a function of images, or indices in [0, {n}), each once. "
            f"Received: has_feature={indices!r}"
        )
    present = np.zeros(n, bool)
    present[given] = True
    return present


def class_score(classifier, label):
    """A score of images: the log-odds of a class, `log p - log(1 - p)`.

    It is positive where the class is more likely than all others together, so a `cutoff` of 0 goes with it, and, being
    differentiable, it serves `bring_back`. Probabilities are bounded
    by 1e-37, which float32 can just hold, and 1 - 1e-7; beyond that there is no gradient.

    Args:
        classifier: Name of a classifier that comes with the package, as `"mnist_classifier"`; or a Keras model from
            images in [-1, 1] to probabilities `(batch, classes)`, or to `[features, probabilities]`.
        label: Number of the class.

    Returns:
        A function from images, float32 `(batch, height, width, channels)`, to a float32 tensor `(batch,)`.

    Raises:
        ValueError: If the classifier has no such class.

    Example:

    >>> score = keras_gan.unlearning.class_score("mnist_classifier", 7)
    >>> score(np.zeros((2, 28, 28, 1), "float32")).shape
    TensorShape([2])
    """
    model = classifiers.load(classifier)[0] if isinstance(classifier, str) else classifier
    classes = model.outputs[-1].shape[-1]
    if not 0 <= label < classes:
        raise ValueError(f"`label` must be a class, in [0, {classes}). Received: label={label}")

    def score(images):
        probability = tf.cast(tf.nest.flatten(model(images, training=False))[-1][:, label], tf.float32)
        return tf.math.log(tf.maximum(probability, 1e-37)) - tf.math.log(tf.maximum(1.0 - probability, 1e-7))

    return score
