"""Sampling without a feature and without training: what unlearning has to be better than.

Both leave the generator's weights as they are, so that whoever has these has the feature.
"""

import numpy as np

from keras_gan import latents as latent_space
from keras_gan import random


def sample_rejecting(generator, feature, n, labels=None, seed=0, most=1000):
    """Generates images from latents that are drawn again until the feature is absent.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model with its attributes.
        feature: A `Feature`.
        n: Number of images.
        labels: As for `keras_gan.latents.sample`.
        seed: Image i is that of `generator.sample(n, labels, seed)` if its latent lacks the feature; attempt j draws
            from the seed `seed + i + j 2^32`.
        most: The largest number of attempts.

    Returns:
        float32 array `(n,) + image_shape`.

    Raises:
        ValueError: If the feature is still present after so many attempts.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(4, 4, 1), latent_dim=2)
    >>> feature = keras_gan.unlearning.LatentDirection([1.0, 0.0], threshold=-0.5)
    >>> keras_gan.unlearning.sample_rejecting(generator, feature, 3).shape
    (3, 4, 4, 1)
    """
    classes = latent_space.sample_labels(n, generator.num_classes, labels)
    return latent_space.generate(generator, rejected(generator, feature, n, seed, most), classes)


def rejected(generator, feature, n, seed=0, most=1000):
    """The latents of `sample_rejecting`, float32 `(n, latent_dim)`: the prior, given that the feature is absent."""
    codes = latent_space.draw(generator, n, seed)
    for attempt in range(1, most + 1):
        again = np.flatnonzero(feature.present(codes))
        if not len(again):
            return codes
        if attempt < most:
            codes[again] = latent_space.of_seeds(generator, random.attempt_seed(seed + again, attempt))
    raise ValueError(
        f"The feature was present in all of {most} draws of a latent: raise its threshold. Received: feature={feature}"
    )


def sample_projecting(generator, feature, n, labels=None, seed=0):
    """Generates images from latents with the feature removed, `f(feature.remove(z))`: the target of unlearning.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model with its attributes.
        feature: A `Feature`.
        n: Number of images.
        labels: As for `keras_gan.latents.sample`.
        seed: Latent i before the removal is that of the seed `seed + i`.

    Returns:
        float32 array `(n,) + image_shape`.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(4, 4, 1), latent_dim=2)
    >>> feature = keras_gan.unlearning.LatentDirection([1.0, 0.0], threshold=0.5)
    >>> keras_gan.unlearning.sample_projecting(generator, feature, 3).shape
    (3, 4, 4, 1)
    """
    classes = latent_space.sample_labels(n, generator.num_classes, labels)
    codes = np.asarray(feature.remove(latent_space.draw(generator, n, seed)))
    return latent_space.generate(generator, codes, classes)
