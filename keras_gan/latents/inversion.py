"""Inversion: the latent vectors whose images come closest to given ones."""

import typing
from collections.abc import Callable

import keras
import numpy as np
import scipy
import tensorflow as tf
import tqdm
from numpy.typing import ArrayLike

from keras_gan import latents


class Inversion(typing.NamedTuple):
    """The result of `invert`.

    Attributes:
        latents: float32 `(n, latent_dim)`.
        images: float32 `(n,) + image_shape`, what the generator makes of them.
        errors: float32 `(n,)`, what was minimized; of `invert` the mean squared difference from the targets, in units
            of images in [-1, 1].
    """

    latents: np.ndarray
    images: np.ndarray
    errors: np.ndarray


def invert(
    generator: keras.Model,
    images: ArrayLike,
    labels: ArrayLike | None = None,
    starts: int = 8,
    steps: int = 200,
    learning_rate: float = 0.05,
    seed: int = 0,
    progress: bool = False,
) -> Inversion:
    """Searches the latent space for given images: how much of the data can this generator make at all?

    Minimizes `mean((G(z) - x)^2)` over z with Adam and a cosine-decayed learning rate, from `starts` latents of the
    prior for each image, and keeps the best. After each step z is brought back to where the prior has mass: the ball
    that holds 99.9 % of a normal prior, the cube of a uniform one. Otherwise any image could be approached by latents
    that sampling never meets.

    Args:
        generator: A `keras_gan.networks.Generator`, or a GAN.
        images: Floats in [-1, 1] of shape `(n,) + image_shape`.
        labels: For a conditional generator the class of each image, integers `(n,)`.
        starts: Number of starting points for each image.
        steps: Number of descent steps.
        learning_rate: Adam's at the beginning; it falls to 0.
        seed: Starting points are the latents of the seeds `seed, seed + 1, ...`.
        progress: Whether to show a progress bar, where the output is a terminal.

    Returns:
        An `Inversion`.

    Raises:
        ValueError: If the images do not have the generator's shape, or labels are missing or out of place.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(4, 4, 1), latent_dim=2, hidden_units=(8,))
    >>> found = keras_gan.latents.inversion.invert(generator, generator.sample(2, seed=7), starts=2, steps=20)
    >>> found.latents.shape, found.images.shape, found.errors.shape
    ((2, 2), (2, 4, 4, 1), (2,))

    Reference:
        Creswell and Bharath 2018, "Inverting the generator of a generative adversarial network", algorithm 1;
        several starts and the bound on z are additions.
    """
    images = np.asarray(images, np.float32)
    if images.shape[1:] != tuple(generator.image_shape) or len(images) < 1:
        raise ValueError(
            f"`images` must have the shape (n,) + {tuple(generator.image_shape)}. Received: images.shape={images.shape}"
        )
    if generator.num_classes is not None and labels is None:
        raise ValueError("A conditional generator needs the `labels` of the images. Received: labels=None")
    _check_search(starts, steps)
    n = len(images)
    labels = latents.sample_labels(n, generator.num_classes, labels)
    targets = tf.repeat(tf.constant(images), starts, axis=0)

    def errors_of(made):
        return tf.reduce_mean(tf.square(made - targets), axis=list(range(1, targets.shape.rank)))

    return search(generator, errors_of, n, labels, starts, steps, learning_rate, seed, progress)


def search(
    generator: keras.Model,
    objective: Callable[[tf.Tensor], tf.Tensor],
    n: int,
    labels: ArrayLike | None = None,
    starts: int = 8,
    steps: int = 200,
    learning_rate: float = 0.05,
    seed: int = 0,
    progress: bool = False,
) -> Inversion:
    """Searches the latent space for images with a small value of an objective, as `invert` does.

    Args:
        generator: As for `invert`.
        objective: Differentiable function of images `(n * starts,) + image_shape`, the starts of one search following
            each other, to values `(n * starts,)`.
        n: Number of searches.
        labels: For a conditional generator the class of each search, integers `(n,)`.
        starts: Number of starting points for each search.
        steps: Number of descent steps.
        learning_rate: Adam's at the beginning; it falls to 0.
        seed: Starting points are the latents of the seeds `seed, seed + 1, ...`.
        progress: Whether to show a progress bar, where the output is a terminal.

    Returns:
        An `Inversion`.

    Raises:
        ValueError: If the objective has no gradient, or an argument is out of range.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(4, 4, 1), latent_dim=2, hidden_units=(8,))
    >>> def darkness(images):
    ...     return -tf.reduce_mean(images, axis=(1, 2, 3))
    >>> brightest = keras_gan.latents.search(generator, darkness, 2, steps=20)
    >>> brightest.images.shape
    (2, 4, 4, 1)
    """
    _check_search(starts, steps)
    classes = None if labels is None else tf.constant(np.repeat(labels, starts))
    codes = tf.Variable(latents.draw(generator, n * starts, seed))
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build([codes])

    def generate():
        inputs = codes.value() if classes is None else [codes.value(), classes]
        return tf.cast(generator(inputs, training=False), tf.float32)

    @tf.function
    def descend():
        with tf.GradientTape() as tape:
            # A sum: every row is a problem of its own, and Adam works entry by entry.
            total = tf.reduce_sum(objective(generate()))
        gradient = tape.gradient(total, codes)
        if gradient is None:
            raise ValueError(
                "The objective must be made of differentiable TensorFlow operations. Received: no gradient"
            )
        optimizer.apply([_feasible(gradient, codes.value(), generator.latent_prior)], [codes])
        codes.assign(_within(codes.value(), generator.latent_prior))

    for _ in tqdm.trange(steps, desc="searching", disable=None if progress else True, leave=False):
        descend()
    made = generate()
    values = objective(made).numpy().reshape(n, starts)
    best = np.arange(n) * starts + values.argmin(axis=1)
    return Inversion(codes.numpy()[best], made.numpy()[best], values.min(axis=1))


def _check_search(starts, steps):
    if starts < 1 or steps < 1:
        raise ValueError(f"`starts` and `steps` must be at least 1. Received: starts={starts}, steps={steps}")


def _within(codes, prior):
    """Latents brought back to where nearly all of the prior's mass is."""
    if prior == "uniform":
        return tf.clip_by_value(codes, -1.0, 1.0)
    return tf.clip_by_norm(codes, _radius(codes.shape[-1]), axes=[-1])


def _feasible(gradient, codes, prior):
    """Gradients without what points out of the ball, of the latents on its surface.

    Adam scales every entry by itself, so that with these parts it would come to rest elsewhere than at the best point
    of the surface. A cube has no such trouble.
    """
    if prior == "uniform":
        return gradient
    norms = tf.norm(codes, axis=-1, keepdims=True)
    radial = tf.reduce_sum(gradient * codes, axis=-1, keepdims=True)
    outward = (radial < 0) & (norms > 0.999 * _radius(codes.shape[-1]))
    return tf.where(outward, gradient - radial / norms**2 * codes, gradient)


def _radius(latent_dim):
    """The norm that a normal vector of this length exceeds once in a thousand times."""
    return float(scipy.stats.chi.ppf(0.999, latent_dim))
