"""Coverage against truth: which combinations of attributes a generator of faces makes, beside their probabilities."""

import functools
import typing

import numpy as np

from keras_gan import latents
from keras_gan.data import faces
from keras_gan.files import pictures
from keras_gan.metrics import arrays
from keras_gan.metrics.features import classifiers

CLASSIFIER = "faces_classifier"
# Of all attributes the combinations would be more than the images that anybody generates.
COMBINED = ("skin", "hair", "glasses", "mouth", "background")


class AttributeCoverage(typing.NamedTuple):
    """The result of `coverage`.

    Attributes:
        share: Share of all combinations that occur among the generated images.
        expected: The same of as many faces that are drawn from the stated probabilities, in expectation.
        distance: Total variation distance between the frequencies of combinations and their probabilities, in [0, 1].
        expected_distance: The same of as many faces that are drawn, in expectation, approximately.
        n: Number of images.
    """

    share: float
    expected: float
    distance: float
    expected_distance: float
    n: int


def read(found):
    """A sentence on an `AttributeCoverage`."""
    return (
        f"Of the combinations of {', '.join(COMBINED)} {found.share:.1%} occur in {found.n} images, where "
        f"{found.expected:.1%} are expected of as many that are drawn; their frequencies are {found.distance:.3f} in "
        f"total variation from the stated probabilities, and chance alone makes about {found.expected_distance:.3f}."
    )


def coverage(numbers, probabilities):
    """Compares how often combinations occur with their probabilities.

    With counts c_k of n images, the share is `mean_k [c_k > 0]`, which has the expectation `mean_k (1 - (1 - p_k)^n)`
    for images of the stated probabilities; the distance is `sum_k |c_k / n - p_k| / 2`, whose expectation is near
    `sum_k sqrt(p_k (1 - p_k) / (2 pi n))`.

    Args:
        numbers: Integers `(n,)`, the combination of each image.
        probabilities: Floats `(k,)` that sum to 1.

    Returns:
        `AttributeCoverage`.

    Raises:
        ValueError: If there are no images, or a number lies outside of [0, k).

    Example:

    >>> found = keras_gan.metrics.attributes.coverage([0, 0, 1, 1], [0.5, 0.25, 0.25])
    >>> round(found.share, 3), found.distance
    (0.667, 0.25)
    """
    numbers, p = np.asarray(numbers), np.asarray(probabilities, np.float64)
    if not numbers.size or numbers.ndim != 1 or numbers.min() < 0 or numbers.max() >= len(p):
        raise ValueError(f"Combinations are a row of integers in [0, {len(p)}). Received: shape {numbers.shape}")
    n = len(numbers)
    counts = np.bincount(numbers, minlength=len(p))
    expected = np.mean(1.0 - (1.0 - p) ** n)
    distance = np.abs(counts / n - p).sum() / 2
    spread = np.sqrt(p * (1 - p) / (2 * np.pi * n)).sum()
    return AttributeCoverage(float(np.mean(counts > 0)), float(expected), float(distance), float(spread), n)


def recognize(images):
    """The attributes of faces as the shipped classifier sees them.

    Args:
        images: uint8 `(n, 64, 64, 3)`.

    Returns:
        Dictionary from the names of `keras_gan.data.faces.ATTRIBUTES` to int arrays `(n,)`, the number of the value.

    Raises:
        ValueError: If the images have another shape or dtype.

    Example:

    >>> images, drawn = keras_gan.data.faces.draw_many(8, seed=2)
    >>> glasses = keras_gan.metrics.attributes.recognize(images)["glasses"]
    >>> [["none", "worn"][value] for value in glasses] == [attributes["glasses"] for attributes in drawn]
    True
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (faces.SIZE, faces.SIZE, 3):
        raise ValueError(
            f"Faces are uint8 images of shape (n, {faces.SIZE}, {faces.SIZE}, 3). "
            f"Received: shape {images.shape} of {images.dtype}"
        )
    network, _ = _classifier()
    scores = [
        network(pictures.from_uint8(images[start : start + 250]))[1].numpy() for start in range(0, len(images), 250)
    ]
    sizes = [len(values) for values in faces.ATTRIBUTES.values()]
    parts = np.split(np.concatenate(scores), np.cumsum(sizes)[:-1], axis=-1)
    return {name: part.argmax(axis=-1) for name, part in zip(faces.ATTRIBUTES, parts, strict=True)}


@functools.cache
def _classifier():
    return classifiers.load(CLASSIFIER, attributes=True)


def combinations(recognized, names=COMBINED):
    """The number of each image's combination of some attributes, in mixed radix.

    Args:
        recognized: What `recognize` returns.
        names: Names of attributes, the one that counts most first.

    Returns:
        int array `(n,)`.
    """
    numbers = 0
    for name in names:
        numbers = numbers * len(faces.ATTRIBUTES[name]) + recognized[name]
    return numbers


def probabilities(names=COMBINED):
    """The probability of every combination of some attributes, by its number.

    Example:

    >>> keras_gan.metrics.attributes.probabilities(("glasses",)).tolist()
    [0.7, 0.3]
    """
    return functools.reduce(
        np.multiply.outer, [list(faces.ATTRIBUTES[name].values()) for name in names], np.ones(1)
    ).ravel()


def evaluate(generator, num_samples=2000, seed=0):
    """Measures which combinations of attributes a generator of faces makes, beside their probabilities.

    Args:
        generator: A `keras_gan.networks.Generator`, a `GAN`, or uint8 images `(n, 64, 64, 3)`.
        num_samples: Number of images to generate.
        seed: Image i is generated from the seed `seed + i`.

    Returns:
        `AttributeCoverage` of the attributes in `COMBINED`.

    Raises:
        ValueError: If it makes other images than faces.

    Example:

    >>> images, _ = keras_gan.data.faces.draw_many(300, seed=2)
    >>> found = keras_gan.metrics.attributes.evaluate(images)
    >>> abs(found.share - found.expected) < 0.06
    True
    """
    if hasattr(generator, "latent_dim"):
        labels = None
        if generator.num_classes is not None:
            values = list(faces.ATTRIBUTES[faces.LABEL].values())
            labels = np.random.default_rng(seed).choice(len(values), num_samples, p=values)
        images = latents.sample(generator, num_samples, labels=labels, seed=seed)
        generator = pictures.to_uint8(arrays.finite("images of the generator", images))
    return coverage(combinations(recognize(generator)), probabilities())
