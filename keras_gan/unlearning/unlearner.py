"""Fine-tuning a generator so that it no longer makes images that have a feature."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import latents, networks, optimizers, random, serialization
from keras_gan.metrics.similarity import ms_ssim
from keras_gan.models import inputs
from keras_gan.models.base import GenerativeModel
from keras_gan.unlearning.features import LatentFeature


def latent_batches(generator, batch_size=64, seed=0, start_batch=0):
    """An endless dataset of fresh latents, what a `FeatureUnlearner` is fitted on instead of training data.

    Batch i depends on the seed and i alone.

    Args:
        generator: A `keras_gan.networks.Generator`, or a model with its attributes.
        batch_size: Latents in a batch.
        seed: Integer.
        start_batch: Number of the first batch, for going on where an earlier fit ended.

    Returns:
        `tf.data.Dataset` of float32 `(batch_size, latent_dim)`; for a conditional generator of pairs with int32 labels
        `(batch_size,)`, all classes being equally likely.

    Raises:
        ValueError: If `batch_size` is not at least 1.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(4, 4, 1), latent_dim=3)
    >>> next(iter(keras_gan.unlearning.latent_batches(generator, batch_size=8))).shape
    TensorShape([8, 3])
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"`batch_size` must be an integer of at least 1. Received: batch_size={batch_size!r}")
    shape, prior, classes = (batch_size, generator.latent_dim), generator.latent_prior, generator.num_classes

    def draw(i):
        # From 1 on: the second number is 0 where latents are made from a seed alone.
        codes = latents.stateless(shape, tf.stack([tf.constant(seed, tf.int64), i + 1]), prior)
        if classes is None:
            return codes
        places = random.uniform((batch_size,), tf.stack([tf.constant(seed, tf.int64), -i - 1]))
        return codes, tf.cast(places * classes, tf.int32)

    options = tf.data.Options()
    # What autotunes can take a minute to end.
    options.autotune.enabled = False
    numbers = tf.data.Dataset.range(start_batch, np.iinfo(np.int64).max - 1)
    return numbers.map(draw).prefetch(2).with_options(options)


@keras.saving.register_keras_serializable("keras_gan")
class FeatureUnlearner(GenerativeModel):
    """Teaches a copy g of a generator f to make images without a feature, from latents alone.

    With p(z) = 1 where the feature is present and 0 elsewhere, r(z) = `feature.remove(z)`, and |x - y| the mean
    absolute difference of two images,

    `reconstruction = mean((1 - p(z)) |g(z) - f(z)|)`
    `unlearning     = mean(p(z) |g(z) - f(r(z))|)`
    `perceptual     = mean(p(z) (1 - MS-SSIM(g(z), f(r(z)))))`
    `loss           = alpha (unlearning + perceptual) + reconstruction`.

    All four are logged. Means are over the batch, as expectations over latents; the reconstruction of a latent where
    the feature is present counts 0. Vectors, which are no images, have no perceptual term.

    Both networks are called with `training=False`. That is how f is sampled, so g starts equal to it, moving averages
    of batch normalization stay what they were, and what is trained is what is saved; with batch statistics g(z) would
    depend on the other latents of a batch. f is a copy and is never changed. It is part of saved files, `generator` is
    g alone.

    Args:
        generator: The generator to start from, a `keras_gan.networks.Generator`, or a `GAN` or another model that
            samples from one. It stays as it is.
        feature: A `keras_gan.unlearning.LatentFeature`, such as a `LatentDirection`.
        sees: `None`, or a function of images, float32 `(batch,) + image_shape`, that returns booleans `(batch,)`: p(z)
            is then 1 only where it also says so of f(z), so that what lies beyond the threshold without the feature
            stays as it is. It runs within the step, and is not saved.

    Call arguments:
        inputs: Latents, or `[latents, labels]`, as the generator's.

    Returns:
        Images without the feature.

    Raises:
        ValueError: If the generator is none of this package, or the feature is of latents of another length.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator(image_shape=(8, 8, 1), latent_dim=3, hidden_units=(8,))
    >>> feature = keras_gan.unlearning.annotate(generator, 50, lambda images: images.mean(axis=(1, 2, 3))).feature()
    >>> unlearner = keras_gan.unlearning.FeatureUnlearner(generator, feature)
    >>> unlearner.compile(keras.optimizers.Adam(1e-3), alpha=1.0)
    >>> data = keras_gan.unlearning.latent_batches(generator, batch_size=16)
    >>> history = unlearner.fit(data, steps_per_epoch=2, verbose=0)
    >>> sorted(history.history)
    ['loss', 'perceptual', 'reconstruction', 'unlearning']
    >>> unlearner.generator.sample(3).shape
    (3, 8, 8, 1)

    Reference:
        Moon, Cho and Kim 2024, "Feature unlearning for pre-trained GANs and VAEs" (https://arxiv.org/abs/2303.05699).
        There is no official code; means over pixels, which make the three terms comparable, and the scales of
        MS-SSIM on small images are choices made here.
    """

    _arguments = ("generator", "feature", "seed")
    _compile_arguments = ("optimizer", "alpha")

    def __init__(self, generator, feature, sees=None, **kwargs):
        super().__init__(**kwargs)
        generator = getattr(generator, "sampler", generator)
        if not isinstance(generator, networks.Generator):
            raise ValueError(
                "`generator` must be a keras_gan.networks.Generator, or a model that samples from one. "
                f"Received: generator={generator!r}"
            )
        if not isinstance(feature, LatentFeature) or feature.latent_dim != generator.latent_dim:
            raise ValueError(
                f"`feature` must be a keras_gan.unlearning.LatentFeature of length {generator.latent_dim}. "
                f"Received: feature={feature!r}"
            )
        self.latent_dim = generator.latent_dim
        self.latent_prior = generator.latent_prior
        self.image_shape = generator.image_shape
        self.num_classes = generator.num_classes
        self.class_names = generator.class_names
        self.feature = feature
        self.sees = sees
        self.original = serialization.copy_network(generator, name=f"original_{generator.name}")
        self.original.trainable = False
        self.generator = serialization.copy_network(generator, name=generator.name)
        self.built = True

    def compile(self, optimizer="adam", alpha=1.0, jit_compile="auto", steps_per_execution=1, run_eagerly=False):
        """Sets the weight of the terms and how they are descended.

        Args:
            optimizer: A Keras optimizer or a name. Callbacks that need a model's optimizer work.
            alpha: Weight of removing the feature against keeping the rest, a positive number.
            jit_compile: `True`, `False` or `"auto"`: whether the step is compiled with XLA.
            steps_per_execution: Training steps per call of the compiled function.
            run_eagerly: Whether to run without `tf.function`.

        Raises:
            ValueError: If an argument is out of range.
        """
        self.check_compile(jit_compile, steps_per_execution=steps_per_execution)
        if not 0.0 < alpha < float("inf"):
            raise ValueError(f"`alpha` must be a positive number. Received: alpha={alpha}")
        with self.distribute_strategy.scope():
            super().compile(
                optimizer=optimizers.for_network(optimizer, self.generator),
                auto_scale_loss=False,
                jit_compile=jit_compile,
                steps_per_execution=steps_per_execution,
                run_eagerly=run_eagerly,
            )
            self.alpha = float(alpha)
            names = ["loss", "reconstruction", "unlearning", *(["perceptual"] if self._has_pictures else [])]
            self._trackers = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def _has_pictures(self):
        return len(self.image_shape) == 3

    @property
    def networks(self):
        return {"generator": self.generator}

    @property
    def optimizers(self):
        return {"generator": (self.optimizer, 1)}

    @property
    def metrics(self):
        return list(self._trackers.values()) if self.compiled else []

    def train_step(self, data):
        codes, labels = self._unpack(data)
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            scaled = self.optimizer.scale_loss(self._objective(codes, labels))
        optimizers.apply(self.optimizer, tape.gradient(scaled, variables), variables)
        self.step.assign_add(1)
        return self.get_metrics_result()

    def test_step(self, data):
        self._objective(*self._unpack(data))
        return self.get_metrics_result()

    def _objective(self, codes, labels):
        """The loss: this replica's share of the global one."""
        present = self.feature.present(codes)
        removed = self.feature.remove(codes)
        if self.sees is not None:
            present = tf.logical_and(present, self.sees(_images(self.original, codes, labels)))
            removed = tf.where(present[:, None], removed, codes)
        present = tf.cast(present, tf.float32)
        # Where the feature is absent, latents are what they were: one target serves all terms.
        target = tf.stop_gradient(_images(self.original, removed, labels))
        made = _images(self.generator, codes, labels)
        distance = tf.reduce_mean(tf.abs(made - target), axis=list(range(1, made.shape.rank)))
        terms = {"reconstruction": (1.0 - present) * distance, "unlearning": present * distance}
        if self._has_pictures:
            terms["perceptual"] = present * (1.0 - ms_ssim(made, target))
        weights = {"reconstruction": 1.0, "unlearning": self.alpha, "perceptual": self.alpha}
        terms["loss"] = tf.add_n([weights[name] * values for name, values in terms.items()])
        for name, values in terms.items():
            self._trackers[name].update_state(values)
        objective = tf.reduce_mean(terms["loss"])
        if self.generator.losses:
            objective += tf.add_n([tf.cast(loss, tf.float32) for loss in self.generator.losses])
        # Keras sums gradients over replicas.
        return objective / self.distribute_strategy.num_replicas_in_sync

    def _unpack(self, data):
        codes, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        shape = getattr(codes, "shape", None)
        wrong = shape is None or len(shape) != 2 or shape[1] != self.latent_dim
        if wrong or weights is not None or (labels is None and self.num_classes is not None):
            expected = "latents" if self.num_classes is None else "(latents, labels)"
            raise ValueError(
                f"Expected batches {expected} with latents of shape (batch, {self.latent_dim}). Received: {data}"
            )
        if self.num_classes is None:
            return tf.cast(codes, tf.float32), None
        inputs.check_labels(labels, self.num_classes)
        return tf.cast(codes, tf.float32), tf.cast(tf.reshape(labels, [-1]), tf.int32)

    def assertions(self, data, first, training):
        """Assertions about the values of a batch: finite latents, labels in range."""
        codes, labels = self._unpack(data)
        finite = tf.reduce_all(tf.math.is_finite(codes))
        found = [inputs.assertion(finite, "Expected finite latents. Received: latents with NaN or infinity")]
        return found if labels is None else [*found, inputs.label_assertion(labels, self.num_classes)]


def _images(generator, codes, labels):
    return tf.cast(generator(codes if labels is None else [codes, labels], training=False), tf.float32)
