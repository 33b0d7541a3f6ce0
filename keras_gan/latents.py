"""Latent vectors: priors, draws that depend on nothing but a seed, and samples from a generator."""

import math

import numpy as np
import tensorflow as tf

PRIORS = ("normal", "uniform")


def check_prior(prior):
    """Returns `prior` if there is one of that name, and raises `ValueError` otherwise."""
    if prior not in PRIORS:
        raise ValueError(f"The latent prior must be one of {list(PRIORS)}. Received: latent_prior={prior!r}")
    return prior


def uniform(shape, seed):
    """Draws from U(0, 1), as a function of the seed alone: the same numbers in eager, graph and XLA execution.

    TensorFlow's own float draws are not: even with one algorithm, XLA makes floats from other bits of it.

    Args:
        shape: Shape of the result, a tuple.
        seed: Two int64, as a tensor or a pair: the key of a Philox generator.

    Returns:
        float32 tensor, multiples of 2^-24 in [0, 1).

    Example:

    >>> a = keras_gan.latents.uniform((2, 3), seed=(0, 1))
    >>> b = tf.function(keras_gan.latents.uniform, jit_compile=True)((2, 3), seed=(0, 1))
    >>> bool(tf.reduce_all(a == b))
    True
    """
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    return tf.cast(tf.bitwise.bitwise_and(bits, 2**24 - 1), tf.float32) * 2.0**-24


def stateless(shape, seed, prior="normal"):
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
        return 2.0 * uniform(shape, seed) - 1.0
    u, v = tf.unstack(uniform((*shape, 2), seed), axis=-1)
    return tf.sqrt(-2.0 * tf.math.log1p(-u)) * tf.cos(2.0 * math.pi * v)


def per_replica(draw, n):
    """This replica's `n` rows of one draw for the global batch.

    Every replica draws all rows from the same seed and keeps its own, so that N replicas together see the
    numbers that one device would have seen.

    Args:
        draw: Function from a number of rows to a tensor with as many.
        n: Number of rows wanted here; equal on all replicas.

    Returns:
        Tensor with `n` rows.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(n)
    rows = draw(n * context.num_replicas_in_sync)
    first = context.replica_id_in_sync_group * n
    return rows[first : first + n]


def attempt_seed(seed, attempt):
    """The seed of another attempt at the same steps; that of attempt 0 is `seed` itself."""
    return seed + attempt * 2**32


class Noise:
    """The random draws of one training or test step: a function of a seed, the step and their order.

    No state is kept between steps, so a run that is resumed at a step draws what the uninterrupted run drew,
    and the draws are those of the global batch, whatever the number of replicas.

    Args:
        seed: The model's seed, an integer.
        step: int64 scalar tensor.
        attempt: int64 scalar tensor or integer: how often training went back to an earlier step. Other attempts at
            the same step draw other numbers.

    Example:

    >>> noise = keras_gan.latents.Noise(seed=0, step=tf.constant(3, tf.int64))
    >>> noise.latents(2, latent_dim=4).shape
    TensorShape([2, 4])
    """

    _DRAWS = 1024  # per step; more than any step makes, so that steps never share a seed

    def __init__(self, seed, step, attempt=0):
        self._seed = attempt_seed(tf.constant(seed, tf.int64), tf.cast(attempt, tf.int64))
        self._step = step
        self._index = 0

    def next_seed(self):
        """A fresh seed, two int64."""
        index, self._index = self._index, self._index + 1
        return tf.stack([self._seed, self._step * self._DRAWS + index])

    def latents(self, n, latent_dim, prior="normal"):
        """This replica's `n` latent vectors, float32 `(n, latent_dim)`."""
        seed = self.next_seed()
        return per_replica(lambda rows: stateless((rows, latent_dim), seed, prior), n)

    def uniform(self, n, *shape):
        """This replica's `n` rows of a draw from U(0, 1), float32 of shape `(n, *shape)`."""
        seed = self.next_seed()
        return per_replica(lambda rows: uniform((rows, *shape), seed), n)


def from_seeds(seeds, latent_dim, prior="normal", truncation=1.0):
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


def sample(generator, n, labels=None, seed=0, truncation=1.0, batch_size=100):
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


def draw(generator, n, seed=0, truncation=1.0):
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


def of_seeds(generator, seeds, truncation=1.0):
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


def generate(generator, codes, labels=None, batch_size=100):
    """What a generator makes of given latents, some at a time.

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


def interpolate(start, end, steps, prior="normal", method=None):
    """Latents on the way from one to another, on the sphere or straight.

    `slerp(a, b, t) = (sin((1 - t) w) a + sin(t w) b) / sin(w)` with w the angle between a and b;
    `lerp(a, b, t) = (1 - t) a + t b`. High-dimensional normal vectors lie near a sphere, which a straight line would
    leave.

    Args:
        start: float32 `(latent_dim,)`.
        end: float32 `(latent_dim,)`.
        steps: Number of latents, both ends included.
        prior: `"normal"` or `"uniform"`.
        method: `"slerp"`, `"lerp"`, or `None` for what suits the prior: slerp for a normal one, lerp for a uniform one.

    Returns:
        float32 array of shape `(steps, latent_dim)`.

    Raises:
        ValueError: If `prior` or `method` is none of these.

    Example:

    >>> keras_gan.latents.interpolate([1.0, 0.0], [0.0, 1.0], steps=3).round(3).tolist()
    [[1.0, 0.0], [0.7070000171661377, 0.7070000171661377], [0.0, 1.0]]
    >>> keras_gan.latents.interpolate([1.0, 0.0], [0.0, 1.0], steps=3, method="lerp").tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]

    Reference:
        Shoemake 1985, "Animating rotation with quaternion curves"; White 2016, "Sampling generative networks", section
        2.1, for latents.
    """
    if method not in (None, "slerp", "lerp"):
        raise ValueError(f"`method` must be 'slerp', 'lerp' or None. Received: method={method!r}")
    spherical = check_prior(prior) == "normal" if method is None else method == "slerp"
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    t = np.linspace(0.0, 1.0, steps)[:, None]
    lengths = np.linalg.norm(start) * np.linalg.norm(end)
    angle = np.arccos(np.clip(start @ end / lengths, -1.0, 1.0)) if lengths else 0.0
    if spherical and np.sin(angle) > 1e-6:
        path = (np.sin((1.0 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)
    else:
        path = (1.0 - t) * start + t * end
    return path.astype(np.float32)


def analogy(positive, negative, base):
    """Latent arithmetic: `base + mean(positive) - mean(negative)`.

    What distinguishes the images of `positive` from those of `negative` is added to the images of `base`. Means of
    several latents are steadier than single ones.

    Args:
        positive: float32 `(m, latent_dim)`, latents of images that have a feature.
        negative: float32 `(n, latent_dim)`, latents of images that lack it.
        base: float32 `(latent_dim,)` or `(k, latent_dim)`.

    Returns:
        float32 array of `base`'s shape.

    Raises:
        ValueError: If the lengths of the latents differ, or there are none.

    Example:

    >>> keras_gan.latents.analogy([[2.0, 0.0], [4.0, 0.0]], [[0.0, 1.0]], [1.0, 1.0]).tolist()
    [4.0, 0.0]

    Reference:
        Radford et al. 2016, "Unsupervised representation learning with deep convolutional generative adversarial
        networks", section 6.3.2.
    """
    positive, negative = (np.atleast_2d(np.asarray(codes, np.float64)) for codes in (positive, negative))
    base = np.asarray(base, np.float64)
    sizes = positive.shape[-1], negative.shape[-1], base.shape[-1]
    if len(set(sizes)) > 1 or not positive.size or not negative.size:
        raise ValueError(
            "`positive`, `negative` and `base` must hold latents of one length, and at least one each. "
            f"Received: shapes {positive.shape}, {negative.shape}, {base.shape}"
        )
    return (base + positive.mean(axis=0) - negative.mean(axis=0)).astype(np.float32)


def interpolations(generator, rows=8, steps=8):
    """Images along `rows` interpolations between latents of consecutive seeds, row by row.

    Args:
        generator: As for `sample`. Of a conditional one, row i shows class i modulo their number.
        rows: Number of interpolations.
        steps: Images in each.

    Returns:
        float32 array of shape `(rows * steps,) + image_shape`.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(8, 8, 1), latent_dim=4)
    >>> keras_gan.latents.interpolations(generator, rows=2, steps=3).shape
    (6, 8, 8, 1)
    """
    ends = from_seeds(np.arange(2 * rows), generator.latent_dim, generator.latent_prior).numpy()
    paths = [interpolate(a, b, steps, generator.latent_prior) for a, b in zip(ends[::2], ends[1::2], strict=True)]
    codes = np.concatenate(paths)
    labels = sample_labels(rows, generator.num_classes)
    return np.asarray(generator(codes if labels is None else [codes, labels.repeat(steps)], training=False))


def sample_labels(n, num_classes, labels=None):
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
