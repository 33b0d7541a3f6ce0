"""The attack on an unlearned generator: latents that bring the feature back."""

import typing

import numpy as np

from keras_gan import latents as latent_space
from keras_gan.latents import inversion
from keras_gan.unlearning.features import judge


class Attack(typing.NamedTuple):
    """The result of `bring_back`.

    Attributes:
        latents: float32 `(n, latent_dim)`, one for each attempt.
        images: float32 `(n,) + image_shape`, what the generator makes of them.
        scores: float32 `(n,)` of those images, or `None` where the function returns booleans.
        recovered: Booleans `(n,)`, whether they have the feature.
    """

    latents: np.ndarray
    images: np.ndarray
    scores: np.ndarray | None
    recovered: np.ndarray

    @property
    def share(self):
        """The share of attempts that brought the feature back."""
        return float(self.recovered.mean())


def bring_back(
    generator,
    has_feature,
    cutoff=None,
    targets=None,
    n=64,
    labels=None,
    starts=4,
    steps=200,
    learning_rate=0.05,
    seed=0,
    progress=False,
):
    """Searches the latents of a generator for images that have a feature, by gradient.

    From `starts` latents of the prior for each attempt, Adam descends, and the best is kept,
    - with a differentiable score: minus the score of the generated image;
    - with `targets`, images of the original generator that have the feature: the mean squared difference from them, as
      in `keras_gan.latents.inversion.invert`. That needs no gradient of the score, which may then be any function.

    After each step latents are brought back to where the prior has mass, since far outside any generator makes images
    that sampling never meets. The share of attempts that succeed says how much of the feature is hidden rather than
    gone; run it on the original generator too, which is what to compare with.

    Args:
        generator: The unlearned `keras_gan.networks.Generator`, or a model that samples from one.
        has_feature: A function of images, float32 `(batch,) + image_shape`, to scores `(batch,)`, made of TensorFlow
            operations unless there are targets, such as `class_score`; with targets also one to booleans.
        cutoff: The score from which on an image has the feature, as in `Annotation.cutoff`.
        targets: float32 `(n,) + image_shape`, or `None`.
        n: Number of attempts without targets.
        labels: For a conditional generator the class of each attempt: as for `keras_gan.latents.sample`; with targets
            the class of each target.
        starts: Number of starting points for each attempt.
        steps: Number of descent steps.
        learning_rate: Adam's at the beginning; it falls to 0.
        seed: Starting points are the latents of the seeds `seed, seed + 1, ...`.
        progress: Whether to show a progress bar, where the output is a terminal.

    Returns:
        An `Attack`.

    Raises:
        ValueError: If scores come without a cutoff, if a score has no gradient and there are no targets, or if an
            argument is out of range.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(4, 4, 1), latent_dim=3)
    >>> attack = keras_gan.unlearning.bring_back(
    ...     generator, lambda images: tf.reduce_mean(images, axis=(1, 2, 3)), cutoff=0.9, n=4, steps=3)
    >>> attack.images.shape, attack.share
    ((4, 4, 4, 1), 0.0)

    Reference:
        Moon, Cho and Kim 2024, who attack the latents of their generators; the objective and the bound are choices
        made here.
    """
    search = {"starts": starts, "steps": steps, "learning_rate": learning_rate, "seed": seed, "progress": progress}
    if targets is None:
        labels = latent_space.sample_labels(n, generator.num_classes, labels)
        found = inversion.search(generator, lambda images: -has_feature(images), n, labels, **search)
    else:
        found = inversion.invert(generator, targets, labels, **search)
    values = judge(has_feature, found.images)
    if values.dtype == bool:
        return Attack(found.latents, found.images, None, values)
    if cutoff is None:
        raise ValueError("A function that returns scores needs the `cutoff` of the feature. Received: cutoff=None")
    return Attack(found.latents, found.images, values, values >= np.float32(cutoff))
