"""Latents by seed, and samples from a generator."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_gan.latents.priors import stateless


def from_seeds(
    seeds: ArrayLike, latent_dim: int, prior: str = "normal", truncation: float | ArrayLike = 1.0
) -> tf.Tensor:
    """One latent vector per seed: row i depends on `seeds[i]` alone, whatever the batch.

    The draw is that of `stateless` with the key `[seed, 0]`, multiplied by `truncation`. Exported generators use the
    same recipe, so a seed means the same picture in Python and on a server.

    Args:
        seeds: int64 of shape `(batch,)`; any value, negative ones too.
        latent_dim: Length of a latent vector.
        prior: `"normal"` or `"uniform"`.
        truncation: Factor in [0, 1] that shrinks latents towards the prior's mean, a number or float32 of
            shape `(batch,)`: less variety, often better pictures.

    Returns:
        float32 tensor of shape `(batch, latent_dim)`.

    Example:

    >>> keras_gan.latents.from_seeds([7, 8, 9], latent_dim=4).shape
    TensorShape([3, 4])
    """
    seeds = tf.cast(tf.convert_to_tensor(seeds), tf.int64)
    rows = tf.map_fn(
        lambda seed: stateless((latent_dim,), tf.stack([seed, tf.zeros_like(seed)]), prior),
        seeds,
        fn_output_signature=tf.TensorSpec((latent_dim,), tf.float32),
    )
    truncation = tf.convert_to_tensor(truncation, tf.float32)
    return rows * (truncation[:, None] if truncation.shape.rank else truncation)


# Eagerly `tf.map_fn` takes a millisecond a seed.
_graph_from_seeds = tf.function(from_seeds, reduce_retracing=True)


def sample(
    generator: keras.Model,
    n: int,
    labels: int | ArrayLike | None = None,
    seed: int = 0,
    truncation: float = 1.0,
    batch_size: int = 100,
) -> np.ndarray:
    """Generates `n` images from consecutive seeds.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model with its attributes.
        n: Number of images, at least 1.
        labels: For a conditional generator: one class for all images, `n` classes, or `None` for
            0, 1, ..., num_classes - 1, 0, 1, ...; `None` for an unconditional one.
        seed: Image i is made from the seed `seed + i`.
        truncation: Factor in [0, 1] on the latents.
        batch_size: Images generated at a time.

    Returns:
        float32 array of shape `(n,) + image_shape`, in [-1, 1].

    Raises:
        ValueError: If `n`, `labels`, `seed` or `truncation` is out of range, or labels are given to an
            unconditional generator.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(8, 8, 1), latent_dim=4)
    >>> images = keras_gan.latents.sample(generator, 3, seed=5)
    >>> images.shape
    (3, 8, 8, 1)
    """
    codes = draw(generator, n, seed, truncation)
    return generate(generator, codes, sample_labels(n, generator.num_classes, labels), batch_size)


def draw(generator: keras.Model, n: int, seed: int = 0, truncation: float = 1.0) -> np.ndarray:
    """The latents of consecutive seeds, from which `sample` makes its images.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model with its attributes.
        n: Number of latents, at least 1.
        seed: Row i is of the seed `seed + i`.
        truncation: Factor in [0, 1] on the latents.

    Returns:
        float32 array of shape `(n, latent_dim)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(8, 8, 1), latent_dim=4)
    >>> keras_gan.latents.draw(generator, 3, seed=5).shape
    (3, 4)
    """
    if int(n) < 1:
        raise ValueError(f"The number of samples must be at least 1. Received: n={n}")
    if not 0.0 <= truncation <= 1.0:
        raise ValueError(f"`truncation` must lie in [0, 1]. Received: truncation={truncation}")
    if not -(2**63) <= seed <= 2**63 - 1 - n:
        raise ValueError(f"Seeds must lie in [-2^63, 2^63). Received: seed={seed}, n={n}")
    return of_seeds(generator, np.arange(seed, seed + n, dtype=np.int64), truncation)


def of_seeds(generator: keras.Model, seeds: ArrayLike, truncation: float | ArrayLike = 1.0) -> np.ndarray:
    """The latents of given seeds as an array: `from_seeds` for a generator, compiled.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model with its attributes.
        seeds: int64 `(n,)`.
        truncation: Factor in [0, 1] on the latents.

    Returns:
        float32 array of shape `(n, latent_dim)`.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(8, 8, 1), latent_dim=4)
    >>> keras_gan.latents.of_seeds(generator, [5, -3]).shape
    (2, 4)
    """
    factor = tf.constant(truncation, tf.float32)
    seeds = tf.constant(seeds, tf.int64)
    return _graph_from_seeds(seeds, generator.latent_dim, generator.latent_prior, factor).numpy()


def generate(
    generator: keras.Model, codes: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 100
) -> np.ndarray:
    """Images that a generator makes of given latents, some at a time.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model that is called like one.
        codes: float32 `(n, latent_dim)`.
        labels: For a conditional generator int32 `(n,)`.
        batch_size: Images generated at a time.

    Returns:
        float32 array of shape `(n,) + image_shape`.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(8, 8, 1), latent_dim=4)
    >>> keras_gan.latents.generate(generator, np.zeros((3, 4), "float32")).shape
    (3, 8, 8, 1)
    """
    images = []
    for start in range(0, len(codes), batch_size):
        rows = slice(start, start + batch_size)
        inputs = codes[rows] if labels is None else [codes[rows], labels[rows]]
        images.append(np.asarray(generator(inputs, training=False)))
    return np.concatenate(images)


def sample_labels(n: int, num_classes: int | None, labels: int | ArrayLike | None = None) -> np.ndarray | None:
    """Labels for `n` samples: checked, repeated or cycled; `None` for an unconditional generator.

    Args:
        n: Number of samples.
        num_classes: Number of classes, or `None`.
        labels: One class, `n` classes, or `None` to cycle through all of them.

    Returns:
        int32 array of shape `(n,)`, or `None`.

    Raises:
        ValueError: If there are no classes, or a label is not an integer in `[0, num_classes)`.

    Example:

    >>> keras_gan.latents.sample_labels(5, num_classes=3).tolist()
    [0, 1, 2, 0, 1]
    """
    if num_classes is None:
        if labels is not None:
            raise ValueError(f"This generator is unconditional and takes no labels. Received: labels={labels}")
        return None
    if labels is None:
        return np.arange(n, dtype=np.int32) % num_classes
    given = np.asarray(labels)
    if not np.issubdtype(given.dtype, np.integer) or given.size not in (1, n) or given.ndim > 1:
        raise ValueError(f"`labels` must be one integer or {n} of them. Received: labels={labels}")
    if given.min() < 0 or given.max() >= num_classes:
        raise ValueError(f"`labels` must lie in [0, {num_classes}). Received: labels={labels}")
    return np.broadcast_to(given, (n,)).astype(np.int32)
