"""Penalties on the gradients of logits with respect to images."""

import keras
import tensorflow as tf

from keras_gan.distribution import mean_over_replicas
from keras_gan.regularizers.base import Regularizer


def _squared_norm(gradients):
    return tf.reduce_sum(tf.square(gradients), axis=range(1, gradients.shape.rank))


@keras.saving.register_keras_serializable("keras_gan")
class R1(Regularizer):
    """Zero-centred gradient penalty on real images.

    `R1 = gamma / 2 * E_real ||grad_x D(x)||^2`, where `gamma` is the weight and the squared norm is summed over
    all pixels. Published code sometimes omits the factor 1/2: its `reg_param=10` is `weight=20` here.

    Args:
        weight: `gamma`, a number or a schedule of the training step.
        name: Name in the logs; `"r1"` by default.
        interval: As for `Regularizer`.

    Example:

    >>> keras_gan.regularizers.R1(weight=10.0).get_config()
    {'weight': 10.0, 'name': 'r1', 'interval': 1}

    Reference:
        Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?", equation 9.
        The factor follows the paper; the authors' code (`GAN_stability`) has none.
    """

    name = "r1"
    uses_input_gradients = True

    def __call__(self, critic, real, fake):
        return 0.5 * _squared_norm(critic.input_gradients(real))


@keras.saving.register_keras_serializable("keras_gan")
class R2(Regularizer):
    """Zero-centred gradient penalty on generated images.

    `R2 = gamma / 2 * E_fake ||grad_x D(x)||^2`: `R1` with the generator's images in place of real ones.

    Args:
        weight: `gamma`, a number or a schedule of the training step.
        name: Name in the logs; `"r2"` by default.
        interval: As for `Regularizer`.

    Example:

    >>> keras_gan.regularizers.get("r2").weight
    1.0

    Reference:
        Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?", equation 10.
    """

    name = "r2"
    uses_input_gradients = True

    def __call__(self, critic, real, fake):
        return 0.5 * _squared_norm(critic.input_gradients(fake))


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
