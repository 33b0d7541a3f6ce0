"""The GAN: a Keras model that owns a generator and a discriminator and plays them against each other."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_gan import augmentation, latents, layers, losses, optimizers, random, regularizers, serialization
from keras_gan.models import inputs
from keras_gan.models.base import GenerativeModel

# As a module, because what it imports imports this one.
from keras_gan.models.critic import Critic
from keras_gan.models.pair import Pair

_UPDATES = ("alternating", "shared", "simultaneous")


@keras.saving.register_keras_serializable("keras_gan")
class GAN(GenerativeModel):
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
        "generator_optimizer", "discriminator_optimizer", "discriminator_regularizers", "generator_regularizers",
        "discriminator_steps", "generator_steps", "update", "weight_clip",
    )  # fmt: skip

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
        pair = Pair.of(generator, discriminator, latent_prior, num_classes)
        self.latent_dim = pair.latent_dim
        self.latent_prior = pair.latent_prior
        self.image_shape = pair.image_shape
        self.num_classes = pair.num_classes
        self.class_names = pair.class_names
        self.packing = pair.packing
        self.generator = generator
        self.discriminator = discriminator
        self.augmenter = augmentation.get(augmenter)
        if self.augmenter is not None and not self.augmenter.built:
            self.augmenter.build((None, *self.image_shape))
        self.ema_momentum = None
        self.ema_generator = None
        if ema_momentum is not None:
            self.ema_momentum = serialization.number_or_schedule("ema_momentum", ema_momentum)
            if isinstance(self.ema_momentum, float) and not 0 <= self.ema_momentum < 1:
                raise ValueError(f"`ema_momentum` must lie in [0, 1). Received: ema_momentum={ema_momentum}")
            self.ema_generator = serialization.copy_network(generator, name=f"ema_{generator.name}")
            self.ema_generator.trainable = False
        # The networks are built, and without this Keras would trace `call` on images to find that out.
        self.built = True

    @property
    def sampler(self):
        """The generator used for everything but training: the averaged one, or else the only one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    @property
    def networks(self):
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def optimizers(self):
        return {
            "generator": (self.generator_optimizer, self.generator_steps),
            "discriminator": (self.discriminator_optimizer, self.discriminator_steps),
        }

    @property
    def optimizer(self):
        """The generator's optimizer, for callbacks that log a learning rate; those that set one are refused."""
        return self.generator_optimizer if self.compiled else None

    @optimizer.setter
    def optimizer(self, value):
        # Keras sets what it received: nothing, as it would build it on the weights of both networks.
        if value is not None:
            raise AttributeError("A GAN has two optimizers: pass generator_optimizer= and discriminator_optimizer=.")

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
        if weight_clip is not None and not 0 < weight_clip < float("inf"):
            raise ValueError(f"`weight_clip` must be a positive number, or None. Received: weight_clip={weight_clip}")
        if generator_optimizer is discriminator_optimizer and not isinstance(generator_optimizer, str):
            raise ValueError("Each network needs an optimizer of its own. Received: the same object twice")
        loss = losses.get(loss)
        discriminator_regularizers = [regularizers.get(r) for r in discriminator_regularizers]
        generator_regularizers = [regularizers.get(r) for r in generator_regularizers]
        penalties = discriminator_regularizers + generator_regularizers
        regularizers.check_layers(penalties, self.discriminator)
        regularizers.check_classifier(discriminator_regularizers, generator_regularizers, self.discriminator)
        tracked = _tracker_names(penalties)
        with self.distribute_strategy.scope():
            # No `optimizer`: Keras would build it on the weights of both networks.
            super().compile(
                optimizer=None,
                jit_compile=jit_compile,
                steps_per_execution=steps_per_execution,
                run_eagerly=run_eagerly,
            )
            self.adversarial_loss = loss
            self.discriminator_regularizers = discriminator_regularizers
            self.generator_regularizers = generator_regularizers
            self.discriminator_steps = discriminator_steps
            self.generator_steps = generator_steps
            self.update = update
            self.weight_clip = None if weight_clip is None else float(weight_clip)
            self._keep_states(penalties)
            self.generator_optimizer = optimizers.for_network(generator_optimizer, self.generator)
            self.discriminator_optimizer = optimizers.for_network(discriminator_optimizer, self.discriminator)
            self._trackers = {name: keras.metrics.Mean(name=name) for name in tracked}

    def _keep_states(self, penalties):
        """Makes what these regularizers remember part of the model, in place of what earlier ones did."""
        for state in getattr(self, "regularizer_states", ()):
            self._tracker.untrack(state)
        for regularizer in penalties:
            regularizer.build(self.image_shape)
        self.regularizer_states = [r.state for r in penalties if r.state is not None]

    @property
    def metrics(self):
        return list(self._trackers.values()) if self.compiled else []

    def train_step(self, data):
        images, labels = inputs.unpack(data, self)
        noise = random.Noise(self.seed, self.step.value, self.rollbacks.value)
        parts = inputs.split(images, labels, self.discriminator_steps)
        getattr(self, f"_{self.update}_updates")(parts, noise)
        self._update_average()
        self.step.assign_add(1)
        return self.get_metrics_result()

    def test_step(self, data):
        images, labels = inputs.whole_packs(*inputs.unpack(data, self), self.packing)
        # Negative steps, numbered by the examples seen since the metrics were reset: every evaluation draws the
        # same latents, and none that training draws.
        seen = tf.cast(self._trackers["d_loss"].count.value, tf.int64) * self.distribute_strategy.num_replicas_in_sync
        noise = random.Noise(self.seed, -1 - seen)
        fake = self._generate(self.sampler, images, labels, noise, training=False)
        critic = Critic(self.discriminator, labels, training=False, noise=noise)
        self._discriminator_objective(critic, images, fake)
        self._generator_objective(critic, images, fake)
        return self.get_metrics_result()

    def _alternating_updates(self, parts, noise):
        """Algorithm 1: each update draws latents of its own."""
        for real, labels in parts:
            self._update_discriminator(real, labels, noise)
        for j in range(self.generator_steps):
            self._update_generator(*parts[j % len(parts)], noise)

    def _shared_updates(self, parts, noise):
        """The same, but one pass of the generator serves the last update of the discriminator and its own first."""
        for real, labels in parts[:-1]:
            self._update_discriminator(real, labels, noise)
        real, labels = parts[-1]
        layers.iterate_spectral_norms(self.generator)
        with tf.GradientTape() as tape:
            fake = self._generate(self.generator, real, labels, noise)
        self._update_discriminator(real, labels, noise, fake)
        with tape:
            objective = self._generator_objective(self._critic(labels, noise), real, fake)
        self._move_generator(self._gradients("generator", tape, objective))
        for j in range(1, self.generator_steps):
            self._update_generator(*parts[j % len(parts)], noise)

    def _simultaneous_updates(self, parts, noise):
        """Both gradients are taken before either network moves."""
        [(real, labels)] = parts
        layers.iterate_spectral_norms(self.discriminator)
        layers.iterate_spectral_norms(self.generator)
        critic = self._critic(labels, noise)
        with tf.GradientTape(persistent=True) as tape:
            fake = self._generate(self.generator, real, labels, noise)
            d_objective = self._discriminator_objective(critic, real, fake)
            g_objective = self._generator_objective(critic, real, fake)
        d_gradients = self._gradients("discriminator", tape, d_objective)
        g_gradients = self._gradients("generator", tape, g_objective)
        self._move_discriminator(d_gradients, critic(real))
        self._move_generator(g_gradients)

    def _update_discriminator(self, real, labels, noise, fake=None):
        layers.iterate_spectral_norms(self.discriminator)
        if fake is None:
            fake = self._generate(self.generator, real, labels, noise)
        critic = self._critic(labels, noise)
        with tf.GradientTape() as tape:
            objective = self._discriminator_objective(critic, real, fake)
        self._move_discriminator(self._gradients("discriminator", tape, objective), critic(real))

    def _update_generator(self, real, labels, noise):
        layers.iterate_spectral_norms(self.generator)
        with tf.GradientTape() as tape:
            fake = self._generate(self.generator, real, labels, noise)
            objective = self._generator_objective(self._critic(labels, noise), real, fake)
        self._move_generator(self._gradients("generator", tape, objective))

    def _gradients(self, role, tape, objective):
        """Gradients of an objective by the weights of one network, scaled as its optimizer wants them."""
        with tape:
            scaled = self.optimizers[role][0].scale_loss(objective)
        return tape.gradient(scaled, self.networks[role].trainable_variables)

    def _move_generator(self, gradients):
        optimizers.apply(self.generator_optimizer, gradients, self.generator.trainable_variables)

    def _move_discriminator(self, gradients, real_logits):
        """Updates the discriminator, and the augmenter by logits from before this update."""
        variables = self.discriminator.trainable_variables
        optimizers.apply(self.discriminator_optimizer, gradients, variables)
        if self.weight_clip is not None:
            for variable in variables:
                variable.assign(tf.clip_by_value(variable.value, -self.weight_clip, self.weight_clip))
        if self.augmenter is not None:
            # The logit of a pack is that of each of its images.
            self.augmenter.update(tf.repeat(real_logits, self.packing, axis=0))

    def _generate(self, generator, real, labels, noise, training=True):
        codes = latents.from_noise(noise, tf.shape(real)[0], self.latent_dim, self.latent_prior)
        fake = generator(codes if labels is None else [codes, labels], training=training)
        return tf.cast(fake, tf.float32)

    def _critic(self, labels, noise):
        augment = None
        if self.augmenter is not None:

            def augment(batches):
                seed = noise.next_seed()
                return [self.augmenter(images, seed) for images in batches]

        return Critic(self.discriminator, labels, augment, noise=noise)

    def _discriminator_objective(self, critic, real, fake):
        values = self.adversarial_loss.discriminator_loss(critic(real), critic(fake))
        self._trackers["real_logits"].update_state(critic(real))
        self._trackers["fake_logits"].update_state(critic(fake))
        penalties = self.discriminator_regularizers
        return self._objective("d_loss", values, penalties, self.discriminator, critic, real, fake)

    def _generator_objective(self, critic, real, fake):
        real_logits = critic(real) if self.adversarial_loss.uses_real_logits else None
        values = self.adversarial_loss.generator_loss(real_logits, critic(fake))
        return self._objective("g_loss", values, self.generator_regularizers, self.generator, critic, real, fake)

    def _objective(self, name, values, penalties, network, critic, real, fake):
        """The mean of an adversarial loss, plus penalties: this replica's share of the global objective."""
        objective = tf.reduce_mean(values)
        for regularizer in penalties:
            penalty, times = regularizer.at_step(critic, real, fake, self.step.value)
            self._trackers[regularizer.name].update_state(penalty, sample_weight=times)
            objective += times * serialization.value_at(regularizer.weight, self.step.value) * tf.reduce_mean(penalty)
        if network.losses:
            objective += tf.add_n([tf.cast(loss, tf.float32) for loss in network.losses])
        self._trackers[name].update_state(objective, sample_weight=tf.shape(values)[0])
        # Keras sums gradients over replicas.
        return objective / self.distribute_strategy.num_replicas_in_sync

    def _update_average(self):
        if self.ema_generator is None:
            return
        step = tf.cast(self.step.value, tf.float32)
        momentum = tf.minimum((1.0 + step) / (10.0 + step), serialization.value_at(self.ema_momentum, self.step.value))
        for average, variable in zip(self.ema_generator.variables, self.generator.variables, strict=True):
            if variable.trainable:
                rate = tf.cast(1.0 - momentum, variable.dtype)
                average.assign(average.value + rate * (variable.value - average.value))
            else:
                # Batch statistics are averages already.
                average.assign(variable.value)

    def get_metrics_result(self):
        results = {name: tracker.result() for name, tracker in self._trackers.items()}
        return {"loss": results["d_loss"] + results["g_loss"], **results}

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, **kwargs):
        """Trains for a number of epochs; see `keras.Model.fit`.

        Args:
            x: A `tf.data.Dataset` of batches `images` or `(images, labels)`, or an array of images: floats of
                shape `(batch,) + image_shape`, images of rank 4 in [-1, 1]. Labels of an unconditional model
                are ignored.
            y: Labels, if `x` is an array: integers of shape `(n,)` in `[0, num_classes)`.
            batch_size: Rows of a batch, if `x` is an array; 32 by default.
            epochs: Passes over the data, or over `steps_per_epoch` batches of it.
            verbose: 0, 1 or 2; `"auto"` is 1.
            callbacks: Keras callbacks. Those that need the one optimizer of an ordinary model are refused.
            **kwargs: The other arguments of `keras.Model.fit`, but for weights of classes and samples.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If the data do not fit the model; before the first update.
        """
        self._assert_compile_called("fit")
        for name in ("class_weight", "sample_weight"):
            if kwargs.get(name) is not None:
                raise ValueError(f"A GAN has no use for `{name}`. Received: {name}={kwargs[name]!r}")
        inputs.check_callbacks(callbacks)
        inputs.check_fit(x, y, batch_size, kwargs.get("steps_per_epoch"), self, kwargs.get("validation_split"))
        if isinstance(kwargs.get("validation_data"), tf.data.Dataset):
            inputs.check_spec(kwargs["validation_data"], self)
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)

    def get_compile_config(self):
        config = super().get_compile_config()
        if config is not None:
            # Keras has an attribute `loss` of its own.
            config["loss"] = keras.saving.serialize_keras_object(self.adversarial_loss)
        return config

    def compile_from_config(self, config):
        config = dict(config)
        # Files of version 0.1.0 say `fresh_latents=False` for what is an update of its own.
        if not config.pop("fresh_latents", True) and config["update"] == "alternating":
            config["update"] = "shared"
        super().compile_from_config(config)


def _tracker_names(penalties):
    """The names under which a step logs its means."""
    names = ["d_loss", "g_loss", "real_logits", "fake_logits", *(penalty.name for penalty in penalties)]
    if len(set(names)) < len(names):
        raise ValueError(f"Regularizers need names that differ: pass `name=`. Received: names={names[4:]}")
    return names
