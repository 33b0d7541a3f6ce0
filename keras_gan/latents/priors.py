"""Priors of latent vectors, and draws from them that are functions of a seed alone."""

import math

import tensorflow as tf

from keras_gan import distribution, random

PRIORS = ("normal", "uniform")


def check_prior(prior: str) -> str:
    """Returns `prior` if there is one of that name, and raises `ValueError` otherwise."""
    if prior not in PRIORS:
        raise ValueError(f"The latent prior must be one of {list(PRIORS)}. Received: latent_prior={prior!r}")
    return prior


def stateless(shape: tuple[int, ...], seed: tf.Tensor | tuple[int, int], prior: str = "normal") -> tf.Tensor:
    """Draws from a latent prior, as a function of the seed alone, whatever compiles it.

    With u, v from `uniform`, a normal draw is sqrt(-2 log(1 - u)) cos(2 pi v) (Box and Muller 1958), and a uniform
    one 2u - 1.

    Args:
        shape: Shape of the result, a tuple.
        seed: Two int64, as a tensor or a pair.
        prior: `"normal"`, independent N(0, 1), or `"uniform"`, independent U(-1, 1).

    Returns:
        float32 tensor.

    Example:

    >>> a = keras_gan.latents.stateless((2, 3), seed=(0, 1))
    >>> bool(tf.reduce_all(a == keras_gan.latents.stateless((2, 3), seed=(0, 1))))
    True
    """
    if check_prior(prior) == "uniform":
        return 2.0 * random.uniform(shape, seed) - 1.0
    u, v = tf.unstack(random.uniform((*shape, 2), seed), axis=-1)
    return tf.sqrt(-2.0 * tf.math.log1p(-u)) * tf.cos(2.0 * math.pi * v)


def from_noise(noise: random.Noise, n: int | tf.Tensor, latent_dim: int, prior: str = "normal") -> tf.Tensor:
    """Draws this replica's latents of a training step.

    Args:
        noise: `keras_gan.random.Noise` of the step.
        n: Number of latents on this replica.
        latent_dim: Length of a latent vector.
        prior: `"normal"` or `"uniform"`.

    Returns:
        float32 tensor of shape `(n, latent_dim)`.

    Example:

    >>> noise = keras_gan.random.Noise(seed=0, step=tf.constant(3, tf.int64))
    >>> keras_gan.latents.from_noise(noise, 2, latent_dim=4).shape
    TensorShape([2, 4])
    """
    seed = noise.next_seed()
    return distribution.per_replica(lambda rows: stateless((rows, latent_dim), seed, prior), n)
