"""Penalties on the logits themselves, and on those of a classifier beside them."""

import warnings

import keras
import tensorflow as tf

from keras_gan import augmentation
from keras_gan.distribution import mean_over_replicas
from keras_gan.regularizers.base import Regularizer


@keras.saving.register_keras_serializable("keras_gan")
class ConsistencyRegularization(Regularizer):
    """An image and its augmentation T are to have the same logit.

    `(D(x) - D(T(x)))^2` for real x; balanced, `(D(G(z)) - D(T(G(z))))^2` is added. It is meant for a `GAN` without an
    augmenter; where there is one, its augmentation is applied to both of what is compared.

    Args:
        augmenter: T, a `keras_gan.augmentation.Augmenter` or its name. Its own variables, if it has any, are saved, and
            this never calls its `update`.
        weight: `lambda`, a number or a schedule of the training step.
        balanced: Whether generated images count too.
        name: Name in the logs; `"consistency"` by default.
        interval: As for `Regularizer`.

    Raises:
        ValueError: If there is no augmenter.

    Example:

    >>> class Brightness(keras_gan.augmentation.Augmenter):
    ...     def call(self, images, seed):
    ...         return images + tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, -0.5, 0.5)
    >>> keras_gan.regularizers.ConsistencyRegularization(Brightness()).weight
    10.0

    Reference:
        Zhang et al. 2020, "Consistency regularization for generative adversarial networks"
        (https://arxiv.org/abs/1910.12027), section 3; balanced: Zhao et al. 2021, "Improved consistency
        regularization for GANs" (https://arxiv.org/abs/2002.04724), algorithm 1.
    """

    name = "consistency"

    def __init__(self, augmenter, weight=10.0, balanced=False, name=None, interval=1):
        super().__init__(weight, name, interval)
        self.state = augmentation.get(augmenter)
        if self.state is None:
            raise ValueError("ConsistencyRegularization needs an augmenter. Received: augmenter=None")
        self.balanced = bool(balanced)

    def build(self, image_shape):
        if not self.state.built:
            self.state.build((None, *image_shape))

    def __call__(self, critic, real, fake):
        penalty = self._distance(critic, real)
        return penalty + self._distance(critic, fake) if self.balanced else penalty

    def _distance(self, critic, images):
        return tf.square(critic(images) - critic(self.state(images, critic.noise.next_seed())))

    def get_config(self):
        return {**super().get_config(), "augmenter": augmentation.serialize(self.state), "balanced": self.balanced}


@keras.saving.register_keras_serializable("keras_gan")
class LeCam(Regularizer):
    """Logits are to stay close to the moving average of what the other side gets.

    `(D(x) - a_F)^2 + (D(G(z)) - a_R)^2`, where a_R and a_F are moving averages of the mean logits of real and generated
    images over the global batch: a <- momentum * a + (1 - momentum) * mean, divided by 1 - momentum^n after n
    updates. They follow once per update of the discriminator, this one included, are not differentiated, and are saved.
    It belongs to the discriminator.

    Args:
        weight: `lambda`, a number or a schedule of the training step.
        momentum: `gamma`, in [0, 1).
        name: Name in the logs; `"lecam"` by default.
        interval: As for `Regularizer`; the averages then follow as rarely.

    Raises:
        ValueError: If `momentum` is out of range.

    Example:

    >>> keras_gan.regularizers.LeCam(weight=0.1).get_config()["momentum"]
    0.99

    Reference:
        Tseng et al. 2021, "Regularizing generative adversarial networks under limited data"
        (https://arxiv.org/abs/2104.03310), section 4. The authors' code differs from their equation: there real logits
        below a_F and generated ones above a_R are free.
    """

    name = "lecam"

    def __init__(self, weight=0.3, momentum=0.99, name=None, interval=1):
        super().__init__(weight, name, interval)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"`momentum` must lie in [0, 1). Received: momentum={momentum}")
        self.momentum = float(momentum)
        self.state = _Averages(self.momentum)

    def build(self, image_shape):
        if not self.state.built:
            self.state.build(())

    def __call__(self, critic, real, fake):
        if not self.state.built:
            self.state.build(())
        means = [tf.reduce_mean(critic(images)) for images in (real, fake)]
        real_mean, fake_mean = tf.unstack(self.state(tf.stack(means), training=critic.training))
        return tf.square(critic(real) - fake_mean) + tf.square(critic(fake) - real_mean)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


class _Averages(keras.layers.Layer):
    """Moving averages of two numbers, without the bias of having started from 0."""

    def __init__(self, momentum):
        super().__init__(dtype="float32", name="lecam")
        self.momentum = momentum

    def build(self, input_shape):
        self.sums = self.add_weight(shape=(2,), initializer="zeros", trainable=False, name="sums")
        self.weight = self.add_weight(shape=(), initializer="zeros", trainable=False, name="weight")

    def call(self, values, training=None):
        if training:
            values = tf.stop_gradient(mean_over_replicas(values))
            self.sums.assign(self.momentum * self.sums + (1.0 - self.momentum) * values)
            self.weight.assign(self.momentum * self.weight + (1.0 - self.momentum))
        return tf.math.divide_no_nan(self.sums.value, self.weight.value)


@keras.saving.register_keras_serializable("keras_gan")
class AuxiliaryClassification(Regularizer):
    """AC-GAN's second objective: the discriminator's classifier is to find the label, which the generator wants too.

    `-log p(y | x)` for real images, `-log p(y | G(z, y))` for generated ones, or their sum, with p the softmax of the
    class logits of a discriminator with `conditioning="auxiliary"`. It belongs in both lists:

        discriminator_regularizers=[AuxiliaryClassification(1.0)],
        generator_regularizers=[AuxiliaryClassification(0.1, images="fake")],

    Args:
        weight: A number or a schedule of the training step.
        images: `"both"`, `"real"` or `"fake"`: which images count. Of the generator's, only `"fake"` depends on it.
        name: Name in the logs; `"classification_"` and `images` by default.
        interval: As for `Regularizer`.

    Raises:
        ValueError: If `images` is none of these.

    Example:

    >>> keras_gan.regularizers.AuxiliaryClassification(0.1, images="fake").name
    'classification_fake'

    Reference:
        Odena et al. 2017, "Conditional image synthesis with auxiliary classifier GANs"
        (https://arxiv.org/abs/1610.09585), equation 3. WGAN-GP's code has weights of 1.0 and 0.1, and
        `images="real"` for the discriminator.
    """

    uses_class_logits = True

    def __init__(self, weight=1.0, images="both", name=None, interval=1):
        if images not in ("both", "real", "fake"):
            raise ValueError(f"`images` must be 'both', 'real' or 'fake'. Received: images={images!r}")
        self.images = images
        super().__init__(weight, name or f"classification_{images}", interval)

    def __call__(self, critic, real, fake):
        chosen = {"both": (real, fake), "real": (real,), "fake": (fake,)}[self.images]
        return tf.add_n(
            [
                tf.nn.sparse_softmax_cross_entropy_with_logits(critic.labels, critic.class_logits(images))
                for images in chosen
            ]
        )

    def get_config(self):
        return {**super().get_config(), "images": self.images}


def check_classifier(discriminator_regularizers, generator_regularizers, discriminator):
    """Checks that a discriminator's classifier and the regularizers that train it go together.

    Args:
        discriminator_regularizers: Those of the discriminator.
        generator_regularizers: Those of the generator.
        discriminator: The model.

    Raises:
        ValueError: If a regularizer needs a classifier and there is none.
    """
    uses = [r for r in (*discriminator_regularizers, *generator_regularizers) if r.uses_class_logits]
    has = getattr(discriminator, "conditioning", None) == "auxiliary"
    if uses and not has:
        raise ValueError(
            f"The regularizer {uses[0].name!r} needs a discriminator with conditioning='auxiliary'. "
            f"Received: discriminator={discriminator.name!r}"
        )
    if has and not all(any(r in uses for r in rs) for rs in (discriminator_regularizers, generator_regularizers)):
        warnings.warn(
            "A discriminator with conditioning='auxiliary' learns of labels through AuxiliaryClassification alone: "
            "put one in discriminator_regularizers and one in generator_regularizers, or the generator will ignore "
            "labels.",
            stacklevel=3,
        )
