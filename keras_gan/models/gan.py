"""The GAN: a Keras model that owns a generator and a discriminator and plays them against each other."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_gan import augmentation, latents, layers, losses, random, regularizers
from keras_gan.models import inputs
from keras_gan.models.adversarial import AdversarialModel
from keras_gan.models.critic import Critic
from keras_gan.models.pair import Pair

_UPDATES = ("alternating", "shared", "simultaneous")


@keras.saving.register_keras_serializable("keras_gan")
class GAN(AdversarialModel):
    """A generator and a discriminator trained against each other with `fit`.

    One training step splits its batch into `discriminator_steps` parts, updates the discriminator on each, and
    then updates the generator `generator_steps` times. The objectives are

    `d_loss = mean(loss.discriminator_loss(D(x), D(G(z)))) + sum(weight * mean(regularizer))`
    `g_loss = mean(loss.generator_loss(D(x), D(G(z)))) + sum(weight * mean(regularizer))`.

    What owns saved variables is given to the constructor, what defines the objective to `compile`.

    Logged are the means of `loss` (`d_loss + g_loss`), `d_loss`, `g_loss`, `real_logits`, `fake_logits`, and
    each regularizer's unweighted penalty under its name. `loss` says nothing about progress; it is there so
    that a NaN in either objective shows where Keras looks for it.

    Args:
        generator: A `keras_gan.networks.Generator`, or any Keras model from latents, or `[latents, labels]`, to
            images in [-1, 1].
        discriminator: A `keras_gan.networks.Discriminator`, or any Keras model from images, or
            `[images, labels]`, to one logit per image, or per pack of images where it has `packing`.
        augmenter: `None`, a name, or a `keras_gan.augmentation.Augmenter`, applied to all images that the
            discriminator sees in training.
        ema_momentum: `None`, or the momentum of an exponential moving average of the generator's weights, a
            number in [0, 1) or a schedule of the step. The average is what `predict`, `sample`, `evaluate` and
            saved generators use. It is warmed up: at step t the momentum is at most `(1 + t) / (10 + t)`.
        latent_prior: For a generator that does not declare it: `"normal"` (the default) or `"uniform"`.
        num_classes: For a conditional generator that does not declare it: the number of classes.
        seed: Integer; with the step it determines every latent vector of training.

    Call arguments:
        inputs: Latents `(batch, latent_dim)`, or `[latents, labels]`, as the generator's.

    Returns:
        Images, made by the averaged generator where there is one.

    Raises:
        ValueError: If the two networks do not fit each other.

    Example:

    >>> gan = keras_gan.GAN(
    ...     keras_gan.networks.MLPGenerator(image_shape=(2,), latent_dim=2, hidden_units=(8,)),
    ...     keras_gan.networks.MLPDiscriminator(image_shape=(2,), hidden_units=(8,), activation="relu"),
    ... )
    >>> gan.compile("adam", "adam", loss="non_saturating", discriminator_regularizers=["r1"])
    >>> history = gan.fit(np.ones((64, 2), "float32"), epochs=2, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'fake_logits', 'g_loss', 'loss', 'r1', 'real_logits']
    >>> gan.sample(3, seed=0).shape
    (3, 2)

    Reference:
        Goodfellow et al. 2014, "Generative adversarial nets", algorithm 1, where each discriminator step also
        draws a fresh minibatch.
    """

    _arguments = ("generator", "discriminator", "augmenter", "ema_momentum", "latent_prior", "num_classes", "seed")
    _compile_arguments = (
        *AdversarialModel._compile_arguments, "discriminator_steps", "generator_steps", "update",
    )  # fmt: skip

    # Terms of the objective that are logged beside those of every adversarial model.
    _terms = ()

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        augmenter: str | augmentation.Augmenter | None = None,
        ema_momentum: float | keras.optimizers.schedules.LearningRateSchedule | None = None,
        latent_prior: str | None = None,
        num_classes: int | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        self._agree(generator, discriminator, latent_prior, num_classes)
        self.generator = generator
        self.discriminator = discriminator
        self._own(augmenter, ema_momentum)

    def _agree(self, generator, discriminator, latent_prior, num_classes):
        """Reads shapes, prior and classes of networks that fit each other."""
        pair = Pair.of(generator, discriminator, latent_prior, num_classes)
        self.latent_dim = pair.latent_dim
        self.latent_prior = pair.latent_prior
        self.image_shape = pair.image_shape
        self.num_classes = pair.num_classes
        self.class_names = pair.class_names
        self.packing = pair.packing

    def compile(
        self,
        generator_optimizer: str | keras.optimizers.Optimizer = "adam",
        discriminator_optimizer: str | keras.optimizers.Optimizer = "adam",
        loss: str | losses.AdversarialLoss = "non_saturating",
        discriminator_regularizers: Sequence[str | regularizers.Regularizer] = (),
        generator_regularizers: Sequence[str | regularizers.Regularizer] = (),
        discriminator_steps: int = 1,
        generator_steps: int = 1,
        update: str = "alternating",
        weight_clip: float | None = None,
        jit_compile: bool | str = "auto",
        steps_per_execution: int = 1,
        run_eagerly: bool = False,
        **kwargs,
    ) -> None:
        """Sets the objective and how it is descended.

        Args:
            generator_optimizer: A Keras optimizer of its own, or a name.
            discriminator_optimizer: A Keras optimizer of its own, or a name.
            loss: A name, or a `keras_gan.losses.AdversarialLoss`.
            discriminator_regularizers: Names or `keras_gan.regularizers.Regularizer`s of the discriminator.
            generator_regularizers: The same of the generator.
            discriminator_steps: Discriminator updates per training step, each on its own part of the batch: part
                j is rows j, j + k, j + 2k, ..., so a batch holds k minibatches and must be divisible by k.
            generator_steps: Generator updates per training step.
            update: `"alternating"`: the generator answers the updated discriminator, with images of its own, as
                algorithm 1 of the 2014 paper. `"shared"`: its first update goes on from the images that the
                discriminator was last updated on, as PyTorch's DCGAN example does, which saves one pass of the
                generator. `"simultaneous"`: both move at once from the same generated images, as the 2014 paper's
                released code; it needs one step of each.
            weight_clip: `None`, or c > 0: after each of its updates all trainable weights of the discriminator are
                clipped to [-c, c], as in algorithm 1 of the Wasserstein GAN (c = 0.01; Arjovsky et al. 2017).
            jit_compile: `True`, `False` or `"auto"`: whether the step is compiled with XLA. Not with several
                replicas in one process.
            steps_per_execution: Training steps per call of the compiled function. They are unrolled, so that
                the result is the same for any number; the number of batches must be divisible by it.
            run_eagerly: Whether to run without `tf.function`.
            **kwargs: What an ordinary model would take, to be refused by name.

        Raises:
            ValueError: If an argument is out of range, or if a regularizer does not fit the discriminator.
        """
        inputs.check_compile_arguments(kwargs)
        self.check_compile(
            jit_compile,
            discriminator_steps=discriminator_steps,
            generator_steps=generator_steps,
            steps_per_execution=steps_per_execution,
        )
        if update not in _UPDATES:
            raise ValueError(f"`update` must be one of {list(_UPDATES)}. Received: update={update!r}")
        if update == "simultaneous" and (discriminator_steps, generator_steps) != (1, 1):
            raise ValueError(
                "A simultaneous update has one discriminator step and one generator step. Received: "
                f"discriminator_steps={discriminator_steps}, generator_steps={generator_steps}"
            )
        self._set_objective(
            generator_optimizer,
            discriminator_optimizer,
            loss,
            discriminator_regularizers,
            generator_regularizers,
            weight_clip,
            self._terms,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            run_eagerly=run_eagerly,
        )
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.update = update

    def _unpack(self, data):
        """The images of a batch that are to be learned, and what they are conditioned on: labels or nothing."""
        return inputs.unpack(data, self)

    def train_step(self, data):
        images, condition = self._unpack(data)
        noise = random.Noise(self.seed, self.step.value, self.rollbacks.value)
        parts = inputs.split(images, condition, self.discriminator_steps)
        getattr(self, f"_{self.update}_updates")(parts, noise)
        self._update_averages()
        self.step.assign_add(1)
        return self.get_metrics_result()

    def test_step(self, data):
        images, condition = inputs.whole_packs(*self._unpack(data), self.packing)
        # Negative steps, numbered by the examples seen since the metrics were reset: every evaluation draws the
        # same latents, and none that training draws.
        noise = random.Noise(self.seed, -1 - self._examples_seen())
        fake = self._generate(self.sampler, images, condition, noise, training=False)
        critic = self._judge(condition, noise, training=False)
        self._discriminator_objective(critic, images, fake)
        self._generator_objective(critic, images, fake)
        return self.get_metrics_result()

    def _alternating_updates(self, parts, noise):
        """Algorithm 1: each update draws latents of its own."""
        for real, condition in parts:
            self._update_discriminator(real, condition, noise)
        for j in range(self.generator_steps):
            self._update_generator(*parts[j % len(parts)], noise)

    def _shared_updates(self, parts, noise):
        """The same, but one pass of the generator serves the last update of the discriminator and its own first."""
        for real, condition in parts[:-1]:
            self._update_discriminator(real, condition, noise)
        real, condition = parts[-1]
        layers.iterate_spectral_norms(self.generator)
        with tf.GradientTape() as tape:
            fake = self._generate(self.generator, real, condition, noise)
        self._update_discriminator(real, condition, noise, fake)
        with tape:
            objective = self._generator_objective(self._judge(condition, noise), real, fake)
        self._move("generator", self._gradients("generator", tape, objective))
        for j in range(1, self.generator_steps):
            self._update_generator(*parts[j % len(parts)], noise)

    def _simultaneous_updates(self, parts, noise):
        """Both gradients are taken before either network moves."""
        [(real, condition)] = parts
        layers.iterate_spectral_norms(self.discriminator)
        layers.iterate_spectral_norms(self.generator)
        critic = self._judge(condition, noise)
        with tf.GradientTape(persistent=True) as tape:
            fake = self._generate(self.generator, real, condition, noise)
            d_objective = self._discriminator_objective(critic, real, fake)
            g_objective = self._generator_objective(critic, real, fake)
        d_gradients = self._gradients("discriminator", tape, d_objective)
        g_gradients = self._gradients("generator", tape, g_objective)
        self._move_discriminator(d_gradients, critic(real))
        self._move("generator", g_gradients)

    def _update_discriminator(self, real, condition, noise, fake=None):
        layers.iterate_spectral_norms(self.discriminator)
        if fake is None:
            fake = self._generate(self.generator, real, condition, noise)
        critic = self._judge(condition, noise)
        with tf.GradientTape() as tape:
            objective = self._discriminator_objective(critic, real, fake)
        self._move_discriminator(self._gradients("discriminator", tape, objective), critic(real))

    def _update_generator(self, real, condition, noise):
        layers.iterate_spectral_norms(self.generator)
        with tf.GradientTape() as tape:
            fake = self._generate(self.generator, real, condition, noise)
            objective = self._generator_objective(self._judge(condition, noise), real, fake)
        self._move("generator", self._gradients("generator", tape, objective))

    def _move_discriminator(self, gradients, real_logits):
        """Updates the discriminator, and the augmenter by logits from before this update."""
        self._move("discriminator", gradients)
        if self.augmenter is not None:
            # The logit of a pack is that of each of its images.
            self.augmenter.update(tf.repeat(real_logits, self.packing, axis=0))

    def _generate(self, generator, real, condition, noise, training=True):
        codes = latents.from_noise(noise, tf.shape(real)[0], self.latent_dim, self.latent_prior)
        fake = generator(codes if condition is None else [codes, condition], training=training)
        return tf.cast(fake, tf.float32)

    def _judge(self, condition, noise, training=True):
        """The discriminator, with what images are conditioned on; augmented in training."""
        if not training:
            return Critic(self.discriminator, condition, training=False, noise=noise)
        return self._critic(self.discriminator, noise, condition)

    def _discriminator_objective(self, critic, real, fake):
        values = self._discriminator_values(critic, real, fake)
        penalties = self.discriminator_regularizers
        return self._objective("d_loss", values, penalties, self.discriminator, critic, real, fake)

    def _generator_objective(self, critic, real, fake):
        values = self._generator_values(critic, real, fake)
        return self._objective("g_loss", values, self.generator_regularizers, self.generator, critic, real, fake)

    def compile_from_config(self, config):
        config = dict(config)
        # Files of version 0.1.0 say `fresh_latents=False` for what is an update of its own.
        if not config.pop("fresh_latents", True) and config["update"] == "alternating":
            config["update"] = "shared"
        super().compile_from_config(config)
