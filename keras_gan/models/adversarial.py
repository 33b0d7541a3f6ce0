"""The base of models that play generators against discriminators: their objective, and how it is descended."""

import keras
import tensorflow as tf

from keras_gan import augmentation, losses, optimizers, regularizers, serialization
from keras_gan.models import inputs, second_order
from keras_gan.models.base import GenerativeModel

# As a module, because what it imports imports this one.
from keras_gan.models.critic import Critic


class AdversarialModel(GenerativeModel):
    """Base class of models with generators on one side, discriminators on the other, and an optimizer for each side.

    A subclass names its networks, attributes, in `_generators` and `_discriminators`. It creates them in `__init__`,
    where it then calls `_own`; its `compile` calls `_set_objective`; it implements `train_step` and `test_step` of the
    parts here.

    Args:
        seed: Integer; with the step it determines every random draw of training.
    """

    _generators = ("generator",)
    _discriminators = ("discriminator",)
    _compile_arguments = (
        "generator_optimizer", "discriminator_optimizer", "discriminator_regularizers", "generator_regularizers",
        "weight_clip",
    )  # fmt: skip
    # Updates per training step, and images that are judged together.
    generator_steps = 1
    discriminator_steps = 1
    packing = 1

    def _own(self, augmenter, ema_momentum):
        """Makes the augmenter, and copies of the generators for their averages, parts of the model."""
        self.augmenter = augmentation.get(augmenter)
        if self.augmenter is not None and not self.augmenter.built:
            self.augmenter.build((None, *self.image_shape))
        self.ema_momentum = None
        if ema_momentum is not None:
            self.ema_momentum = serialization.number_or_schedule("ema_momentum", ema_momentum)
            if isinstance(self.ema_momentum, float) and not 0 <= self.ema_momentum < 1:
                raise ValueError(f"`ema_momentum` must lie in [0, 1). Received: ema_momentum={ema_momentum}")
        for name in self._generators:
            average, network = None, getattr(self, name)
            if ema_momentum is not None:
                average = serialization.copy_network(network, name=f"ema_{network.name}")
                average.trainable = False
            setattr(self, f"ema_{name}", average)
        # The networks are built, and without this Keras would trace `call` on images to find that out.
        self.built = True

    def _sampler(self, name):
        """A generator for everything but training: the averaged one, or else the only one."""
        average = getattr(self, f"ema_{name}")
        return getattr(self, name) if average is None else average

    @property
    def sampler(self):
        """The generator used for everything but training: the averaged one, or else the only one."""
        return self._sampler(self._generators[0])

    @property
    def networks(self):
        return {name: getattr(self, name) for name in (*self._generators, *self._discriminators)}

    @property
    def optimizers(self):
        return {
            "generator": (self.generator_optimizer, self.generator_steps),
            "discriminator": (self.discriminator_optimizer, self.discriminator_steps),
        }

    def _side(self, role):
        """The networks of one side, `"generator"` or `"discriminator"`."""
        names = self._generators if role == "generator" else self._discriminators
        return [getattr(self, name) for name in names]

    def _variables(self, role):
        return [variable for network in self._side(role) for variable in network.trainable_variables]

    @property
    def optimizer(self):
        """The generator's optimizer, for callbacks that log a learning rate; those that set one are refused."""
        return self.generator_optimizer if self.compiled else None

    @optimizer.setter
    def optimizer(self, value):
        # Keras sets what it received: nothing, as it would build it on the weights of both networks.
        if value is not None:
            raise AttributeError("A GAN has two optimizers: pass generator_optimizer= and discriminator_optimizer=.")

    def _set_objective(
        self,
        generator_optimizer,
        discriminator_optimizer,
        loss,
        discriminator_regularizers,
        generator_regularizers,
        weight_clip,
        more=(),
        **options,
    ):
        """Compiles the model, once everything that it is given is known to be right.

        Args:
            generator_optimizer: As for `GAN.compile`.
            discriminator_optimizer: As for `GAN.compile`.
            loss: As for `GAN.compile`.
            discriminator_regularizers: As for `GAN.compile`.
            generator_regularizers: As for `GAN.compile`.
            weight_clip: As for `GAN.compile`.
            more: Names of the means that are logged beside those of every adversarial model.
            **options: Arguments of `keras.Model.compile`.

        Raises:
            ValueError: If an argument is out of range, or if a regularizer does not fit a discriminator.
        """
        if weight_clip is not None and not 0 < weight_clip < float("inf"):
            raise ValueError(f"`weight_clip` must be a positive number, or None. Received: weight_clip={weight_clip}")
        if generator_optimizer is discriminator_optimizer and not isinstance(generator_optimizer, str):
            raise ValueError("Each network needs an optimizer of its own. Received: the same object twice")
        loss = losses.get(loss)
        discriminator_regularizers = [regularizers.get(r) for r in discriminator_regularizers]
        generator_regularizers = [regularizers.get(r) for r in generator_regularizers]
        penalties = discriminator_regularizers + generator_regularizers
        for discriminator in self._side("discriminator"):
            second_order.check(
                penalties,
                discriminator,
                getattr(discriminator, "image_shape", self.image_shape),
                self.num_classes,
                self.augmenter,
                getattr(discriminator, "source_shape", None),
            )
            regularizers.check_classifier(discriminator_regularizers, generator_regularizers, discriminator)
        tracked = _tracker_names(penalties, more)
        with self.distribute_strategy.scope():
            # No `optimizer`: Keras would build it on the weights of both sides.
            super().compile(optimizer=None, **options)
            self.adversarial_loss = loss
            self.discriminator_regularizers = discriminator_regularizers
            self.generator_regularizers = generator_regularizers
            self.weight_clip = None if weight_clip is None else float(weight_clip)
            self._keep_states(self._penalties_by_shape())
            self.generator_optimizer = optimizers.for_network(generator_optimizer, *self._side("generator"))
            self.discriminator_optimizer = optimizers.for_network(discriminator_optimizer, *self._side("discriminator"))
            self._trackers = {name: keras.metrics.Mean(name=name) for name in tracked}

    def _penalties_by_shape(self):
        """All regularizers, each with the shape of the images that it sees."""
        return [(r, self.image_shape) for r in (*self.discriminator_regularizers, *self.generator_regularizers)]

    def _keep_states(self, penalties):
        """Makes what these regularizers remember part of the model, in place of what earlier ones did."""
        for state in getattr(self, "regularizer_states", ()):
            self._tracker.untrack(state)
        for regularizer, shape in penalties:
            regularizer.build(shape)
        self.regularizer_states = [r.state for r, _ in penalties if r.state is not None]

    @property
    def metrics(self):
        return list(self._trackers.values()) if self.compiled else []

    def _examples_seen(self):
        """The examples since the metrics were reset, by which evaluations are numbered."""
        return tf.cast(self._trackers["d_loss"].count.value, tf.int64) * self.distribute_strategy.num_replicas_in_sync

    def _gradients(self, role, tape, objective):
        """Gradients of an objective by the weights of one side, scaled as its optimizer wants them."""
        with tape:
            scaled = self.optimizers[role][0].scale_loss(objective)
        return tape.gradient(scaled, self._variables(role))

    def _move(self, role, gradients):
        """Updates one side."""
        variables = self._variables(role)
        optimizers.apply(self.optimizers[role][0], gradients, variables)
        if role == "discriminator" and self.weight_clip is not None:
            for variable in variables:
                variable.assign(tf.clip_by_value(variable.value, -self.weight_clip, self.weight_clip))

    def _critic(self, discriminator, noise, labels=None, sources=None):
        """A discriminator as a training step sees it."""
        augment = None
        if self.augmenter is not None:

            def augment(batches):
                seed = noise.next_seed()
                return [self.augmenter(images, seed) for images in batches]

        return Critic(discriminator, labels, augment, noise=noise, sources=sources)

    def _discriminator_values(self, critic, real, fake):
        """The discriminator's adversarial loss, per example."""
        self._trackers["real_logits"].update_state(critic(real))
        self._trackers["fake_logits"].update_state(critic(fake))
        return self.adversarial_loss.discriminator_loss(critic(real), critic(fake))

    def _generator_values(self, critic, real, fake):
        """The generator's adversarial loss, per example."""
        real_logits = critic(real) if self.adversarial_loss.uses_real_logits else None
        return self.adversarial_loss.generator_loss(real_logits, critic(fake))

    def _objective(self, name, values, penalties, network, critic, real, fake):
        """The mean of a loss, plus penalties: this replica's share of the global objective."""
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

    def _update_averages(self):
        if self.ema_momentum is None:
            return
        step = tf.cast(self.step.value, tf.float32)
        momentum = tf.minimum((1.0 + step) / (10.0 + step), serialization.value_at(self.ema_momentum, self.step.value))
        for name in self._generators:
            pairs = zip(getattr(self, f"ema_{name}").variables, getattr(self, name).variables, strict=True)
            for average, variable in pairs:
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


def _tracker_names(penalties, more):
    """The names under which a step logs its means."""
    own = ["d_loss", "g_loss", "real_logits", "fake_logits", *more]
    names = [*own, *(penalty.name for penalty in penalties)]
    if len(set(names)) < len(names):
        raise ValueError(f"Regularizers need names that differ: pass `name=`. Received: names={names[len(own) :]}")
    return names
