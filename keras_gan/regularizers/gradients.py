"""Penalties on the gradients of logits with respect to images."""

import keras
import tensorflow as tf

from keras_gan.distribution import mean_over_replicas
from keras_gan.regularizers.base import Regularizer

_METHODS = ("exact", "finite_difference")


def _squared_norm(gradients):
    return tf.reduce_sum(tf.square(gradients), axis=range(1, gradients.shape.rank))


class _ZeroCentred(Regularizer):
    """Half the squared norm of input gradients: exact, or estimated from differences of logits."""

    def __init__(self, weight=1.0, name=None, interval=1, method="exact", fraction=1.0, scale=0.01):
        super().__init__(weight, name, interval)
        if method not in _METHODS:
            raise ValueError(f"`method` must be one of {list(_METHODS)}. Received: method={method!r}")
        if not 0.0 < fraction <= 1.0 or abs(1.0 / fraction - round(1.0 / fraction)) > 1e-6:
            raise ValueError(f"`fraction` must be 1 / k for an integer k of at least 1. Received: fraction={fraction}")
        if not 0.0 < scale < float("inf"):
            raise ValueError(f"`scale` must be a positive number. Received: scale={scale}")
        if method == "exact" and (fraction, scale) != (1.0, 0.01):
            raise ValueError(
                "`fraction` and `scale` belong to method='finite_difference'. "
                f"Received: method='exact', fraction={fraction}, scale={scale}"
            )
        self.method = method
        self.fraction = float(fraction)
        self.scale = float(scale)
        self.uses_input_gradients = method == "exact"
        self.uses_differences = method != "exact"

    def _penalty(self, critic, images):
        if self.method == "exact":
            return 0.5 * _squared_norm(critic.input_gradients(images))
        return 0.5 * tf.square(critic.differences(images, self.scale, round(1.0 / self.fraction)) / self.scale)

    def get_config(self):
        own = {"method": self.method, "fraction": self.fraction, "scale": self.scale}
        return {**super().get_config(), **(own if self.method != "exact" else {})}


@keras.saving.register_keras_serializable("keras_gan")
class R1(_ZeroCentred):
    """Zero-centred gradient penalty on real images.

    `R1 = gamma / 2 * E_real ||grad_x D(x)||^2`, where `gamma` is the weight and the squared norm is summed over
    all pixels. Published code sometimes omits the factor 1/2: its `reg_param=10` is `weight=20` here.

    With `method="finite_difference"` it is estimated by `gamma / 2 * E_real E_n (D(x + s n) - D(x))^2 / s^2` with
    n ~ N(0, I), and no second derivative is taken: any layer will do that is not random itself. Of a discriminator that
    is affine around x the expectation is exact; otherwise it is that of a smoothed one, since `||s n||` is about
    `s sqrt(pixels)`. One draw of n has a relative standard deviation of sqrt(2). A discriminator that computes in
    bfloat16 rounds its logits, which adds to the penalty: on one of digits 16 % at a scale of 0.01, and 3 % at 0.03.

    Args:
        weight: `gamma`, a number or a schedule of the training step.
        name: Name in the logs; `"r1"` by default.
        interval: As for `Regularizer`.
        method: `"exact"`, or `"finite_difference"`.
        fraction: Of differences: the share of images that are looked at, 1 / k for an integer k: each k-th of a batch.
        scale: Of differences: s, the noise's standard deviation, in the images' unit.

    Raises:
        ValueError: If an argument is out of range, or without meaning for this method.

    Example:

    >>> keras_gan.regularizers.R1(weight=10.0).get_config()
    {'weight': 10.0, 'name': 'r1', 'interval': 1}
    >>> keras_gan.regularizers.R1(method="finite_difference", fraction=0.25).fraction
    0.25

    Reference:
        Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?"
        (https://arxiv.org/abs/1801.04406), equation 9. The factor follows the paper; the authors' code
        (`GAN_stability`) has none. Differences: "Adversarial flow models" (https://arxiv.org/abs/2511.22475), with a
        scale of 0.01 on a quarter of the batch.
    """

    name = "r1"

    def __call__(self, critic, real, fake):
        return self._penalty(critic, real)


@keras.saving.register_keras_serializable("keras_gan")
class R2(_ZeroCentred):
    """Zero-centred gradient penalty on generated images.

    `R2 = gamma / 2 * E_fake ||grad_x D(x)||^2`: `R1` with the generator's images in place of real ones.

    Args:
        weight: `gamma`, a number or a schedule of the training step.
        name: Name in the logs; `"r2"` by default.
        interval: As for `Regularizer`.
        method: As for `R1`.
        fraction: As for `R1`.
        scale: As for `R1`.

    Raises:
        ValueError: If an argument is out of range, or without meaning for this method.

    Example:

    >>> keras_gan.regularizers.get("r2").weight
    1.0

    Reference:
        Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?"
        (https://arxiv.org/abs/1801.04406), equation 10.
    """

    name = "r2"

    def __call__(self, critic, real, fake):
        return self._penalty(critic, fake)


@keras.saving.register_keras_serializable("keras_gan")
class GradientPenalty(Regularizer):
    """WGAN-GP's penalty: gradients between real and generated images are to have length 1.

    `(||grad_x D(x)|| - target)^2` at x = e * real + (1 - e) * fake, with one e ~ U(0, 1) per pair of images; one-sided,
    only gradients longer than `target` are penalized. With an augmenter the mixtures are augmented like any images, and
    the gradient is taken with respect to the mixture before.

    Args:
        weight: `lambda`, a number or a schedule of the training step.
        target: The length that gradients are to have, at least 0.
        one_sided: Whether shorter gradients are free.
        name: Name in the logs; `"gradient_penalty"` by default.
        interval: As for `Regularizer`.

    Raises:
        ValueError: If `target` is negative.

    Example:

    >>> keras_gan.regularizers.get("gradient_penalty").weight
    10.0

    Reference:
        Gulrajani et al. 2017, "Improved training of Wasserstein GANs" (https://arxiv.org/abs/1704.00028), equation 3;
        one-sided in its section 4.
    """

    name = "gradient_penalty"
    uses_input_gradients = True

    def __init__(self, weight=10.0, target=1.0, one_sided=False, name=None, interval=1):
        super().__init__(weight, name, interval)
        if not target >= 0:
            raise ValueError(f"`target` must be at least 0. Received: target={target}")
        self.target = float(target)
        self.one_sided = bool(one_sided)

    def __call__(self, critic, real, fake):
        share = _one_per_image(critic, real)
        return self._penalty(critic, share * real + (1.0 - share) * fake)

    def _penalty(self, critic, images):
        # The root has no derivative at 0.
        norm = tf.sqrt(tf.maximum(_squared_norm(critic.input_gradients(images)), 1e-16))
        excess = norm - self.target
        return tf.square(tf.nn.relu(excess) if self.one_sided else excess)

    def get_config(self):
        return {**super().get_config(), "target": self.target, "one_sided": self.one_sided}


@keras.saving.register_keras_serializable("keras_gan")
class DRAGAN(GradientPenalty):
    """DRAGAN's penalty: gradients close to real images are to have length 1.

    `(||grad_x D(x)|| - target)^2` at x = real + e * scale * s * u, with one e ~ U(0, 1) per image, one u ~ U(0, 1) per
    pixel, and s the standard deviation of all pixels of the global batch.

    Args:
        weight: `lambda`, a number or a schedule of the training step.
        target: `k`, the length that gradients are to have, at least 0.
        scale: How far from real images the penalty reaches, in standard deviations.
        one_sided: Whether shorter gradients are free.
        name: Name in the logs; `"dragan"` by default.
        interval: As for `Regularizer`.

    Example:

    >>> keras_gan.regularizers.DRAGAN().get_config()["scale"]
    0.5

    Reference:
        Kodali et al. 2017, "On convergence and stability of GANs" (https://arxiv.org/abs/1705.07215). The paper
        perturbs images by N(0, c I); the perturbation here, which is never negative, is that of the authors' code.
    """

    name = "dragan"

    def __init__(self, weight=10.0, target=1.0, scale=0.5, one_sided=False, name=None, interval=1):
        super().__init__(weight, target, one_sided, name, interval)
        self.scale = float(scale)

    def __call__(self, critic, real, fake):
        mean, square = (mean_over_replicas(tf.reduce_mean(x)) for x in (real, tf.square(real)))
        deviation = tf.sqrt(tf.maximum(square - tf.square(mean), 0.0))
        noise = tf.cast(critic.noise.uniform(tf.shape(real)[0], *real.shape[1:]), real.dtype)
        return self._penalty(critic, real + _one_per_image(critic, real) * self.scale * deviation * noise)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def _one_per_image(critic, images):
    """U(0, 1) for each image, or for all images of a pack, of a shape to multiply it with."""
    draws = critic.noise.uniform(tf.shape(images)[0] // critic.packing, *[1] * (images.shape.rank - 1))
    draws = draws if critic.packing == 1 else tf.repeat(draws, critic.packing, axis=0)
    return tf.cast(draws, images.dtype)
