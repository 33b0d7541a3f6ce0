"""Models that translate images into images: pix2pix, from pairs, and CycleGAN, from two domains."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_gan import augmentation, latents, layers, losses, networks, random, regularizers, serialization
from keras_gan.models import inputs, pair
from keras_gan.models.adversarial import AdversarialModel
from keras_gan.models.critic import Critic
from keras_gan.models.gan import GAN
from keras_gan.models.pool import ImagePool
from keras_gan.networks.translator import check_images

Number = float | keras.optimizers.schedules.LearningRateSchedule


class Translation:
    """The part of models whose generators are translators: `translate`, and no `sample`."""

    num_classes = None
    class_names = None

    def translate(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Translates images with the sampling generator, some at a time; dropout is off.

        Args:
            images: Floats in [-1, 1] of shape `(n,) + source_shape`.
            batch_size: Images translated at a time.

        Returns:
            float32 array of shape `(n,) + image_shape`, in [-1, 1].

        Raises:
            ValueError: If there are none, or they are of another shape, integers or out of range.
        """
        return latents.generate(self.sampler, check_images(images, self.source_shape), batch_size=batch_size)

    def sample(self, *args, **kwargs):
        """Refuses: there are no latents.

        Raises:
            ValueError: Always; it says what to call instead.
        """
        raise ValueError(
            f"A {type(self).__name__} has no latents to sample from: translate(images) makes images of images. "
            "Received: a call of `sample`"
        )


def _absolute(made, wanted):
    """The mean absolute difference of each image: floats `(batch,)`."""
    return tf.reduce_mean(tf.abs(made - wanted), axis=list(range(1, wanted.shape.rank)))


def _check_weights(model, **weights):
    """Makes weights of terms attributes of the model, numbers of at least 0 or schedules."""
    for name, weight in weights.items():
        weight = serialization.number_or_schedule(name, weight)
        if isinstance(weight, float) and weight < 0:
            raise ValueError(f"`{name}` must be at least 0. Received: {name}={weight}")
        setattr(model, name, weight)


@keras.saving.register_keras_serializable("keras_gan")
class Pix2Pix(Translation, GAN):
    """A translator that learns from pairs of images, with a discriminator that judges source and target together.

    With pairs (x, y), the generator G and the discriminator D,

    `d_loss = mean(loss.discriminator_loss(D(y, x), D(G(x), x)))`
    `g_loss = mean(adversarial_weight loss.generator_loss(D(G(x), x)) + reconstruction_weight |y - G(x)|)`,

    each with its regularizers as in `GAN`, where |.| is the mean over pixels and channels. Logged are the means of
    `GAN`, and `reconstruction`, the absolute difference alone. An augmenter changes source and target alike.

    `fit` takes elements `(sources, targets)`.

    Args:
        generator: A `keras_gan.networks.Translator`.
        discriminator: A model from `[images, sources]` to one logit each, or to logits of patches, such as a
            `keras_gan.networks.PatchDiscriminator` with a `source_shape`. One of images alone judges them without.
        augmenter: As of `GAN`.
        ema_momentum: As of `GAN`.
        seed: Integer; with the step it determines every random draw of training but those of dropout, which have seeds
            of their own.

    Call arguments:
        inputs: Sources, floats `(batch,) + source_shape` in [-1, 1].

    Returns:
        Images, made by the averaged generator where there is one, without dropout.

    Raises:
        ValueError: If the two networks do not fit each other.

    Example:

    >>> shape = (8, 8, 1)
    >>> model = keras_gan.Pix2Pix(
    ...     keras_gan.networks.UNetGenerator(shape, filters=2, levels=1),
    ...     keras_gan.networks.PatchDiscriminator(shape, shape, filters=2, downsamplings=1, normalization=None),
    ... )
    >>> model.compile("adam", "adam")
    >>> history = model.fit(np.zeros((8, *shape), "float32"), np.ones((8, *shape), "float32"), verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'fake_logits', 'g_loss', 'loss', 'real_logits', 'reconstruction']
    >>> model.translate(np.zeros((3, *shape), "float32")).shape
    (3, 8, 8, 1)

    Reference: Isola et al. 2017, "Image-to-image translation with conditional adversarial networks"
    (https://arxiv.org/abs/1611.07004), equations 1 to 4. The authors halve the discriminator's loss, which Adam does
    not notice, and translate with dropout on, which here is off.
    """

    _arguments = ("generator", "discriminator", "augmenter", "ema_momentum", "seed")
    _compile_arguments = (*GAN._compile_arguments, "reconstruction_weight", "adversarial_weight")
    _terms = ("reconstruction",)

    def __init__(
        self,
        generator: networks.Translator,
        discriminator: keras.Model,
        augmenter: str | augmentation.Augmenter | None = None,
        ema_momentum: Number | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(generator, discriminator, augmenter, ema_momentum, seed=seed, **kwargs)

    def _agree(self, generator, discriminator, latent_prior, num_classes):
        self.judges_pairs = pair.check_translation(generator, discriminator, paired=True)
        self.source_shape = generator.source_shape
        self.image_shape = generator.image_shape

    def compile(
        self,
        generator_optimizer: str | keras.optimizers.Optimizer = "adam",
        discriminator_optimizer: str | keras.optimizers.Optimizer = "adam",
        loss: str | losses.AdversarialLoss = "non_saturating",
        reconstruction_weight: Number = 100.0,
        adversarial_weight: Number = 1.0,
        update: str = "shared",
        **kwargs,
    ) -> None:
        """Sets the objective and how it is descended.

        Args:
            generator_optimizer: A Keras optimizer of its own, or a name.
            discriminator_optimizer: A Keras optimizer of its own, or a name.
            loss: A name, or a `keras_gan.losses.AdversarialLoss`.
            reconstruction_weight: Weight of the absolute difference, a number of at least 0 or a schedule of the step.
            adversarial_weight: The same of the adversarial loss; 0 leaves a regression.
            update: As of `GAN.compile`; by default the generator answers the updated discriminator about the images
                that it learned from, as published.
            **kwargs: The other arguments of `GAN.compile`.

        Raises:
            ValueError: If an argument is out of range, or if a regularizer does not fit the discriminator.
        """
        _check_weights(self, reconstruction_weight=reconstruction_weight, adversarial_weight=adversarial_weight)
        super().compile(generator_optimizer, discriminator_optimizer, loss, update=update, **kwargs)

    def _unpack(self, data):
        sources, targets = inputs.unpack(data, self)
        return targets, sources

    def _generate(self, generator, real, condition, noise, training=True):
        return tf.cast(generator(condition, training=training), tf.float32)

    def _judge(self, condition, noise, training=True):
        sources = condition if self.judges_pairs else None
        if not training:
            return Critic(self.discriminator, training=False, noise=noise, sources=sources)
        return self._critic(self.discriminator, noise, sources=sources)

    def _generator_values(self, critic, real, fake):
        difference = _absolute(fake, real)
        self._trackers["reconstruction"].update_state(difference)
        adversarial = super()._generator_values(critic, real, fake)
        step = self.step.value
        return (
            serialization.value_at(self.adversarial_weight, step) * adversarial
            + serialization.value_at(self.reconstruction_weight, step) * difference
        )


class _Way(NamedTuple):
    """One of the two ways of a `CycleGAN`: its networks, penalties and images."""

    generator: keras.Model
    back: keras.Model
    discriminator: keras.Model
    pool: ImagePool
    discriminator_regularizers: list
    generator_regularizers: list
    source: tf.Tensor
    target: tf.Tensor


@keras.saving.register_keras_serializable("keras_gan")
class CycleGAN(Translation, AdversarialModel):
    """Two translators between two domains of images, of which no pairs are known.

    With images a and b of the domains, F from a to b, G back, and a discriminator on either side,

    `d_loss = mean(loss.discriminator_loss(D(b), D(pool(F(a)))))`
    `g_loss = mean(adversarial_weight loss.generator_loss(D(F(a))) + cycle_weight |G(F(a)) - a|
    + identity_weight |F(b) - b|)`,

    each with its regularizers as in `GAN`, and the same the other way; |.| is the mean over pixels and channels. The
    objective of a side is the sum of both ways. The generators are updated first, then the discriminators, which see
    images of a pool of earlier ones among the new. Logged are means over both ways: those of `GAN`, and of `cycle` and
    `identity`, the absolute differences alone.

    `fit` takes elements `(a, b)`, whose rows need not belong together. `translate` and everything that takes a
    generator means the forward one, from a to b, unless it is told otherwise.

    Args:
        forward: F, a `keras_gan.networks.Translator`.
        backward: G, a `keras_gan.networks.Translator` the other way.
        forward_discriminator: A model from images of the second domain, which F makes, to one logit each or to logits
            of patches, such as a `keras_gan.networks.PatchDiscriminator`.
        backward_discriminator: The same for the first domain.
        pool_size: Number of earlier images of each generator that are kept for its discriminator; 0 for none.
        augmenter: As of `GAN`; for both discriminators.
        ema_momentum: As of `GAN`; of both generators.
        seed: Integer; with the step it determines every random draw of training.

    Call arguments:
        inputs: Images of the first domain, floats `(batch,) + source_shape` in [-1, 1].

    Returns:
        Images, made by the averaged forward generator where there is one.

    Raises:
        ValueError: If the networks do not fit each other, or `pool_size` is negative.

    Example:

    >>> def networks(shape=(8, 8, 1)):
    ...     translator = keras_gan.networks.ResNetTranslator(shape, filters=2, blocks=0, downsamplings=0)
    ...     return translator, keras_gan.networks.PatchDiscriminator(shape, filters=2, downsamplings=1)
    >>> (forward, judge), (backward, other_judge) = networks(), networks()
    >>> model = keras_gan.CycleGAN(forward, backward, judge, other_judge, pool_size=4)
    >>> model.compile("adam", "adam")
    >>> history = model.fit(np.zeros((8, 8, 8, 1), "float32"), np.ones((8, 8, 8, 1), "float32"), verbose=0)
    >>> sorted(history.history)
    ['cycle', 'd_loss', 'fake_logits', 'g_loss', 'identity', 'loss', 'real_logits']
    >>> model.translate(np.ones((3, 8, 8, 1), "float32"), backward=True).shape
    (3, 8, 8, 1)

    Reference: Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks"
    (https://arxiv.org/abs/1703.10593), equations 1 to 3 and sections 4 and 5.2. The order of updates is that of the
    authors' code.
    """

    _generators = ("forward", "backward")
    _discriminators = ("forward_discriminator", "backward_discriminator")
    _arguments = (*_generators, *_discriminators, "pool_size", "augmenter", "ema_momentum", "seed")
    _compile_arguments = (
        *AdversarialModel._compile_arguments, "cycle_weight", "identity_weight", "adversarial_weight",
    )  # fmt: skip

    def __init__(
        self,
        forward: networks.Translator,
        backward: networks.Translator,
        forward_discriminator: keras.Model,
        backward_discriminator: keras.Model,
        pool_size: int = 50,
        augmenter: str | augmentation.Augmenter | None = None,
        ema_momentum: Number | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        pair.check_translation(forward, forward_discriminator, role="forward")
        pair.check_translation(backward, backward_discriminator, role="backward")
        if (forward.source_shape, forward.image_shape) != (backward.image_shape, backward.source_shape):
            raise ValueError(
                "The backward translator must lead back to where the forward one comes from. Received: forward "
                f"{forward.source_shape} to {forward.image_shape}, backward {backward.source_shape} to "
                f"{backward.image_shape}"
            )
        if forward is backward or forward_discriminator is backward_discriminator:
            raise ValueError("Each way needs networks of its own. Received: the same object twice")
        self.source_shape = forward.source_shape
        self.image_shape = forward.image_shape
        self.forward = forward
        self.backward = backward
        self.forward_discriminator = forward_discriminator
        self.backward_discriminator = backward_discriminator
        self.pool_size = int(pool_size)
        self.forward_pool = ImagePool(self.pool_size, name="forward_pool")
        self.backward_pool = ImagePool(self.pool_size, name="backward_pool")
        self.forward_pool.build((None, *self.image_shape))
        self.backward_pool.build((None, *self.source_shape))
        self._own(augmenter, ema_momentum)

    @property
    def generator(self) -> networks.Translator:
        """The forward translator."""
        return self.forward

    @property
    def samplers(self) -> dict[str, networks.Translator]:
        """Dictionary from the name of its file in a run to a generator used for everything but training."""
        return {"generator": self.sampler, "generator_backward": self._sampler("backward")}

    def translate(self, images: np.ndarray, batch_size: int = 64, backward: bool = False) -> np.ndarray:
        """Translates images with a sampling generator, some at a time.

        Args:
            images: Floats in [-1, 1]: images of the first domain, or with `backward` of the second.
            batch_size: Images translated at a time.
            backward: Whether to translate from the second domain to the first.

        Returns:
            float32 array of images of the other domain, in [-1, 1].

        Raises:
            ValueError: If there are none, or they are of another shape, integers or out of range.
        """
        if not backward:
            return super().translate(images, batch_size)
        images = check_images(images, self.image_shape)
        return latents.generate(self._sampler("backward"), images, batch_size=batch_size)

    def save_generator(
        self,
        path: str | os.PathLike,
        overwrite: bool = True,
        weights: list[np.ndarray] | None = None,
        backward: bool = False,
    ) -> None:
        """Saves a sampling generator alone as a `.keras` file, trainable like a new one.

        Args:
            path: Where to; ends in `.keras`.
            overwrite: Whether an existing file is replaced.
            weights: Weights to save instead of the present ones, as its `get_weights()` returned them earlier.
            backward: Whether it is the one from the second domain to the first.
        """
        name = "backward" if backward else "forward"
        self._save_network(self._sampler(name), getattr(self, name).name, path, overwrite, weights)

    def compile(
        self,
        generator_optimizer: str | keras.optimizers.Optimizer = "adam",
        discriminator_optimizer: str | keras.optimizers.Optimizer = "adam",
        loss: str | losses.AdversarialLoss = "least_squares",
        discriminator_regularizers: Sequence[str | regularizers.Regularizer] = (),
        generator_regularizers: Sequence[str | regularizers.Regularizer] = (),
        cycle_weight: Number = 10.0,
        identity_weight: Number = 5.0,
        adversarial_weight: Number = 2.0,
        weight_clip: float | None = None,
        jit_compile: bool | str = "auto",
        steps_per_execution: int = 1,
        run_eagerly: bool = False,
        **kwargs,
    ) -> None:
        """Sets the objective and how it is descended.

        Args:
            generator_optimizer: A Keras optimizer for both generators, or a name.
            discriminator_optimizer: A Keras optimizer for both discriminators, or a name.
            loss: A name, or a `keras_gan.losses.AdversarialLoss`.
            discriminator_regularizers: Names or `keras_gan.regularizers.Regularizer`s of the discriminators. Those that
                remember do so for each way by itself.
            generator_regularizers: The same of the generators.
            cycle_weight: Weight of the way there and back, a number of at least 0 or a schedule of the step.
            identity_weight: Weight of what a generator changes about images that are of its target already; 0 where
                the domains have images of different shapes.
            adversarial_weight: Weight of the generators' adversarial loss. The published one is 1 for least squares
                without the factor 1/2 that `LeastSquares` has, and so is 2 here.
            weight_clip: As of `GAN.compile`.
            jit_compile: As of `GAN.compile`.
            steps_per_execution: As of `GAN.compile`.
            run_eagerly: Whether to run without `tf.function`.
            **kwargs: What an ordinary model would take, to be refused by name.

        Raises:
            ValueError: If an argument is out of range, or if a regularizer does not fit a discriminator.
        """
        inputs.check_compile_arguments(kwargs)
        self.check_compile(jit_compile, steps_per_execution=steps_per_execution)
        weights = {"cycle_weight": cycle_weight, "identity_weight": identity_weight}
        _check_weights(self, **weights, adversarial_weight=adversarial_weight)
        if self.identity_weight != 0.0 and self.source_shape != self.image_shape:
            raise ValueError(
                "A generator can be compared with the identity only where both domains have images of one shape: pass "
                f"identity_weight=0. Received: identity_weight={identity_weight}, shapes {self.source_shape} and "
                f"{self.image_shape}"
            )
        self._set_objective(
            generator_optimizer,
            discriminator_optimizer,
            loss,
            discriminator_regularizers,
            generator_regularizers,
            weight_clip,
            ("cycle", "identity") if self.identity_weight != 0.0 else ("cycle",),
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            run_eagerly=run_eagerly,
        )

    def _penalties_by_shape(self):
        # What remembers the logits of one discriminator is of no use to the other.
        copies = [
            [regularizers.get(regularizers.serialize(r)) for r in each]
            for each in (self.discriminator_regularizers, self.generator_regularizers)
        ]
        self._backward_regularizers = copies
        return super()._penalties_by_shape() + [(r, self.source_shape) for each in copies for r in each]

    def _ways(self, a, b, sampling=False):
        """The two ways, forward and backward, on a batch."""
        forward, backward = ((self._sampler(n) if sampling else getattr(self, n)) for n in self._generators)
        mine, others = (self.discriminator_regularizers, self.generator_regularizers), self._backward_regularizers
        return (
            _Way(forward, backward, self.forward_discriminator, self.forward_pool, *mine, a, b),
            _Way(backward, forward, self.backward_discriminator, self.backward_pool, *others, b, a),
        )

    def train_step(self, data):
        ways = self._ways(*inputs.unpack(data, self))
        noise = random.Noise(self.seed, self.step.value, self.rollbacks.value)
        for network in self._side("generator"):
            layers.iterate_spectral_norms(network)
        with tf.GradientTape() as tape:
            fakes = [tf.cast(way.generator(way.source, training=True), tf.float32) for way in ways]
            objective = tf.add_n(
                [
                    self._generator_objective(way, self._critic(way.discriminator, noise), fake, training=True)
                    for way, fake in zip(ways, fakes, strict=True)
                ]
            )
        self._move("generator", self._gradients("generator", tape, objective))
        shown = [way.pool(fake, noise.next_seed()) for way, fake in zip(ways, fakes, strict=True)]
        for network in self._side("discriminator"):
            layers.iterate_spectral_norms(network)
        critics = [self._critic(way.discriminator, noise) for way in ways]
        with tf.GradientTape() as tape:
            objective = tf.add_n(
                [self._discriminator_objective(*each) for each in zip(ways, critics, shown, strict=True)]
            )
        self._move("discriminator", self._gradients("discriminator", tape, objective))
        if self.augmenter is not None:
            for way, critic in zip(ways, critics, strict=True):
                self.augmenter.update(critic(way.target))
        self._update_averages()
        self.step.assign_add(1)
        return self.get_metrics_result()

    def test_step(self, data):
        # Negative steps, as of `GAN`.
        noise = random.Noise(self.seed, -1 - self._examples_seen())
        for way in self._ways(*inputs.unpack(data, self), sampling=True):
            critic = Critic(way.discriminator, training=False, noise=noise)
            fake = tf.cast(way.generator(way.source, training=False), tf.float32)
            self._discriminator_objective(way, critic, fake)
            self._generator_objective(way, critic, fake, training=False)
        return self.get_metrics_result()

    def _generator_objective(self, way, critic, fake, training):
        step = self.step.value
        values = serialization.value_at(self.adversarial_weight, step) * self._generator_values(
            critic, way.target, fake
        )
        terms = {"cycle": (self.cycle_weight, way.back, fake, way.source)}
        if "identity" in self._trackers:
            terms["identity"] = self.identity_weight, way.generator, way.target, way.target
        for name, (weight, generator, given, wanted) in terms.items():
            difference = _absolute(tf.cast(generator(given, training=training), tf.float32), wanted)
            self._trackers[name].update_state(difference)
            values += serialization.value_at(weight, step) * difference
        penalties = way.generator_regularizers
        return self._objective("g_loss", values, penalties, way.generator, critic, way.target, fake)

    def _discriminator_objective(self, way, critic, fake):
        values = self._discriminator_values(critic, way.target, fake)
        penalties = way.discriminator_regularizers
        return self._objective("d_loss", values, penalties, way.discriminator, critic, way.target, fake)
