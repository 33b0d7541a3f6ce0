"""Ways between latents, and arithmetic with them."""

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_gan.latents.priors import check_prior
from keras_gan.latents.sampling import from_seeds, sample_labels


def interpolate(
    start: ArrayLike, end: ArrayLike, steps: int, prior: str = "normal", method: str | None = None
) -> np.ndarray:
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


def analogy(positive: ArrayLike, negative: ArrayLike, base: ArrayLike) -> np.ndarray:
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


def interpolations(generator: keras.Model, rows: int = 8, steps: int = 8) -> np.ndarray:
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
