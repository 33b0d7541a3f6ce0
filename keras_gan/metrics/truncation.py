"""Truncation of the latents: what it buys, and what it costs."""

import typing

import tqdm

from keras_gan import latents
from keras_gan.files import pictures
from keras_gan.metrics import arrays
from keras_gan.metrics.distances import frechet_distance
from keras_gan.metrics.manifold import precision_recall


class TruncationCurve(typing.NamedTuple):
    """Quality and variety at several truncations, lists of equal length.

    Attributes:
        truncation: The factors.
        precision: Share of generated images that lie among the real ones: quality.
        recall: Share of real images that lie among the generated ones: variety.
        distance: Frechet distance, which weighs both.
    """

    truncation: list
    precision: list
    recall: list
    distance: list


def truncation_curve(
    generator, real, features, truncations=(0.4, 0.55, 0.7, 0.85, 1.0), num_samples=1000, seed=0, progress=False
):
    """Measures a generator at several truncations.

    Factors below 1 shrink the latents towards the prior's mean: the images become more typical and more alike. The
    same seeds are used at each.

    Args:
        generator: A `keras_gan.networks.Generator`, or a GAN.
        real: Features of real images, floats `(n, d)`. With n = `num_samples` precision and recall weigh alike.
        features: `keras_gan.metrics.features.FeatureExtractor` that these were made with.
        truncations: Factors in [0, 1].
        num_samples: Number of images at each of them; more than the features are long.
        seed: Image i is generated from the seed `seed + i`; classes take turns.
        progress: Whether to show a progress bar, where the output is a terminal.

    Returns:
        `TruncationCurve`.

    Raises:
        ValueError: As `keras_gan.latents.sample` and the metrics.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator((28, 28, 1), latent_dim=4, hidden_units=(8,))
    >>> features = keras_gan.metrics.features.get("mnist_classifier")
    >>> real = np.random.default_rng(0).normal(size=(200, features.dimension))
    >>> curve = keras_gan.metrics.truncation_curve(generator, real, features, (0.5, 1.0), num_samples=200)
    >>> curve.truncation, len(curve.precision), len(curve.distance)
    ([0.5, 1.0], 2, 2)
    """
    rows = []
    for factor in tqdm.tqdm(truncations, desc="truncation", disable=None if progress else True, leave=False):
        images = latents.sample(generator, num_samples, seed=seed, truncation=factor)
        fake = features(pictures.to_uint8(arrays.finite("images of the generator", images)))
        rows.append((float(factor), *precision_recall(real, fake), frechet_distance(real, fake)))
    return TruncationCurve(*map(list, zip(*rows, strict=True)))
