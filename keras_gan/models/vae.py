"""The variational autoencoder: a generator trained to explain data, with an encoder that says how."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_gan import latents, networks, optimizers, random
from keras_gan.models import inputs
from keras_gan.models.base import GenerativeModel

LIKELIHOODS = ("gaussian", "bernoulli")
# Logits of pixels beyond this have probabilities that float32 cannot tell from 0 or 1.
_MARGIN = 1e-6


def kl_divergence(mean, log_variance):
    """KL(N(m, diag(s^2)) || N(0, 1)), the sum over entries of `(m^2 + s^2 - 1 - log s^2) / 2`, in nats.

    Args:
        mean: m, floats `(batch, latent_dim)`.
        log_variance: log s^2, floats `(batch, latent_dim)`.

    Returns:
        Tensor `(batch,)`.

    Example: at unit variance half the squared distance.

    >>> keras_gan.models.vae.kl_divergence(tf.constant([[3.0, 0.0]]), tf.zeros((1, 2))).numpy().tolist()
    [4.5]

    Reference:
        Kingma and Welling 2014, "Auto-encoding variational Bayes", appendix B.
    """
    # expm1, because exp(v) - 1 - v of a small v is a difference of nearly equal numbers.
    return 0.5 * tf.reduce_sum(tf.square(mean) + tf.math.expm1(log_variance) - log_variance, axis=-1)


@keras.saving.register_keras_serializable("keras_gan")
class VAE(GenerativeModel):
    """An encoder q(z | x) and a generator G, trained to maximize a lower bound of log p(x) by `fit`.

    With x in [-1, 1]^D, the prior p(z) = N(0, 1), and z = m(x) + s(x) e, e ~ N(0, 1), one draw for each image,

    `reconstruction = mean(-log p(x | z))`
    `kl             = mean(KL(N(m(x), s(x)^2) || N(0, 1)))`
    `loss           = reconstruction + beta kl`,

    all in nats per image; with beta = 1, minus the loss is the evidence lower bound. The likelihood is

    - `"gaussian"`: p(x | z) = N(x; G(z), v), `-log p = |x - G(z)|^2 / (2 v) + D log(2 pi v) / 2`, where v is given, or
      one trained number for all pixels (`variance=None`), which weighs the terms as the data ask for;
    - `"bernoulli"`: pixels (x + 1) / 2 in [0, 1] are probabilities, compared with those of G by the cross-entropy
      `-log p = -sum(t log q + (1 - t) log(1 - q))`. For pixels other than 0 and 1 it is no density.

    Sampling, evaluation, exports and unlearning use `generator` alone, any of `keras_gan.networks`, as for a GAN.

    Args:
        encoder: A `keras_gan.networks.Encoder`.
        generator: A `keras_gan.networks.Generator` with the prior `"normal"`: the decoder.
        likelihood: `"gaussian"` or `"bernoulli"`.
        variance: v of a Gaussian likelihood, a positive number; `None` to train it, from 1 on.
        seed: Integer; with the step it determines every draw of training.

    Call arguments:
        inputs: Latents, or `[latents, labels]`, as the generator's.

    Returns:
        Images.

    Raises:
        ValueError: If the networks do not fit each other, or an argument is out of range.

    Example:

    >>> vae = keras_gan.VAE(
    ...     keras_gan.networks.MLPEncoder((2,), latent_dim=2, hidden_units=(8,)),
    ...     keras_gan.networks.MLPGenerator((2,), latent_dim=2, hidden_units=(8,)),
    ... )
    >>> vae.compile("adam")
    >>> history = vae.fit(np.ones((64, 2), "float32"), epochs=2, verbose=0)
    >>> sorted(history.history)
    ['kl', 'loss', 'reconstruction']
    >>> vae.sample(3, seed=0).shape, vae.reconstruct(np.ones((5, 2), "float32")).shape
    ((3, 2), (5, 2))

    Reference:
        Kingma and Welling 2014, "Auto-encoding variational Bayes", equation 10 with one draw; beta: Higgins et al.
        2017, "beta-VAE"; the trained variance: Rybkin, Daniilidis and Levine 2021, "Simple and effective VAE training
        with calibrated decoders".
    """

    _arguments = ("encoder", "generator", "likelihood", "variance", "seed")
    _compile_arguments = ("optimizer", "beta")

    def __init__(self, encoder, generator, likelihood="gaussian", variance=None, seed=0, **kwargs):
        super().__init__(seed, **kwargs)
        _check_networks(encoder, generator)
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"`likelihood` must be one of {list(LIKELIHOODS)}. Received: likelihood={likelihood!r}")
        if variance is not None and (likelihood != "gaussian" or not 0.0 < variance < math.inf):
            raise ValueError(
                "`variance` must be a positive number, or None, and is one of likelihood='gaussian'. "
                f"Received: variance={variance}, likelihood={likelihood!r}"
            )
        self.latent_dim = generator.latent_dim
        self.latent_prior = generator.latent_prior
        self.image_shape = generator.image_shape
        self.num_classes = generator.num_classes
        self.class_names = generator.class_names
        self.packing = 1
        self.likelihood = likelihood
        self.variance = None if variance is None else float(variance)
        self.encoder = encoder
        self.generator = generator
        if likelihood == "gaussian":
            self.log_variance = self.add_weight(
                name="log_variance",
                shape=(),
                dtype="float32",
                initializer=keras.initializers.Constant(math.log(variance or 1.0)),
                trainable=variance is None,
            )
        self.built = True

    @property
    def networks(self):
        return {"encoder": self.encoder, "generator": self.generator}

    @property
    def optimizers(self):
        return {"vae": (self.optimizer, 1)}

    @property
    def metrics(self):
        return list(self._trackers.values()) if self.compiled else []

    def encode(
        self, images: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 100
    ) -> tuple[np.ndarray, np.ndarray]:
        """The distributions of latents of given images.

        Args:
            images: Floats in [-1, 1], `(n,) + image_shape`.
            labels: For a conditional model integers `(n,)`.
            batch_size: Images encoded at a time.

        Returns:
            The pair of means and logarithms of variances, float32 arrays `(n, latent_dim)`.
        """
        found = []
        for start in range(0, len(images), batch_size):
            rows = slice(start, start + batch_size)
            found.append(self.encoder(_pair(images[rows], None if labels is None else labels[rows]), training=False))
        return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))

    def reconstruct(self, images: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 100) -> np.ndarray:
        """Images that the generator makes of the means of `encode`: float32 `(n,) + image_shape`."""
        means, _ = self.encode(images, labels, batch_size)
        return latents.generate(self.generator, means, labels, batch_size)

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        beta: float = 1.0,
        jit_compile: bool | str = "auto",
        steps_per_execution: int = 1,
        run_eagerly: bool = False,
    ) -> None:
        """Sets the weight of the divergence and how the loss is descended.

        Args:
            optimizer: A Keras optimizer or a name. Callbacks that need a model's optimizer work.
            beta: Weight of the divergence, a number of at least 0.
            jit_compile: `True`, `False` or `"auto"`: whether the step is compiled with XLA.
            steps_per_execution: Training steps per call of the compiled function.
            run_eagerly: Whether to run without `tf.function`.

        Raises:
            ValueError: If an argument is out of range.
        """
        self.check_compile(jit_compile, steps_per_execution=steps_per_execution)
        if not 0.0 <= beta < math.inf:
            raise ValueError(f"`beta` must be a number of at least 0. Received: beta={beta}")
        with self.distribute_strategy.scope():
            super().compile(
                optimizer=optimizers.for_network(optimizer, self),
                auto_scale_loss=False,
                jit_compile=jit_compile,
                steps_per_execution=steps_per_execution,
                run_eagerly=run_eagerly,
            )
            self.beta = float(beta)
            self._trackers = {name: keras.metrics.Mean(name=name) for name in ("loss", "reconstruction", "kl")}

    def train_step(self, data):
        images, labels = inputs.unpack(data, self)
        noise = random.Noise(self.seed, self.step.value, self.rollbacks.value)
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            scaled = self.optimizer.scale_loss(self._objective(images, labels, noise, training=True))
        optimizers.apply(self.optimizer, tape.gradient(scaled, variables), variables)
        self.step.assign_add(1)
        return self.get_metrics_result()

    def test_step(self, data):
        images, labels = inputs.unpack(data, self)
        # Negative steps, numbered by the examples seen since the metrics were reset: every evaluation draws the
        # same numbers, and none that training draws.
        seen = tf.cast(self._trackers["loss"].count.value, tf.int64) * self.distribute_strategy.num_replicas_in_sync
        self._objective(images, labels, random.Noise(self.seed, -1 - seen), training=False)
        return self.get_metrics_result()

    def _objective(self, images, labels, noise, training):
        """The loss: this replica's share of the global one."""
        mean, log_variance = self.encoder(_pair(images, labels), training=training)
        codes = mean + tf.exp(0.5 * log_variance) * latents.from_noise(noise, tf.shape(images)[0], self.latent_dim)
        made = tf.cast(self.generator(_pair(codes, labels), training=training), tf.float32)
        kl = kl_divergence(mean, log_variance)
        reconstruction = self.negative_log_likelihood(images, made)
        terms = {"loss": reconstruction + self.beta * kl, "reconstruction": reconstruction, "kl": kl}
        for name, values in terms.items():
            self._trackers[name].update_state(values)
        objective = tf.reduce_mean(terms["loss"])
        if self.losses:
            objective += tf.add_n([tf.cast(loss, tf.float32) for loss in self.losses])
        # Keras sums gradients over replicas.
        return objective / self.distribute_strategy.num_replicas_in_sync

    def negative_log_likelihood(self, images, made):
        """-log p(x | z) of images, given what the generator made of their latents.

        Args:
            images: x, float32 `(batch,) + image_shape` in [-1, 1].
            made: G(z), of the same shape.

        Returns:
            float32 tensor `(batch,)`, in nats.
        """
        axes = list(range(1, images.shape.rank))
        if self.likelihood == "gaussian":
            spread = tf.convert_to_tensor(self.log_variance)
            squares = tf.reduce_sum(tf.square(images - made), axis=axes)
            pixels = math.prod(self.image_shape)
            return 0.5 * (squares * tf.exp(-spread) + pixels * (math.log(2.0 * math.pi) + spread))
        # The generator has no logits to offer: its images are theirs through tanh, or a sigmoid.
        made = tf.clip_by_value(made, _MARGIN - 1.0, 1.0 - _MARGIN)
        logits = tf.math.log1p(made) - tf.math.log1p(-made)
        entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=0.5 * (images + 1.0), logits=logits)
        return tf.reduce_sum(entropy, axis=axes)

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
            callbacks: Keras callbacks.
            **kwargs: The other arguments of `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If the data do not fit the model; before the first update.
        """
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)


def _pair(inputs, labels):
    return inputs if labels is None else [inputs, labels]


def _check_networks(encoder, generator):
    for name, network, base in (
        ("encoder", encoder, networks.Encoder),
        ("generator", generator, networks.Generator),
    ):
        if not isinstance(network, base):
            raise ValueError(f"`{name}` must be a keras_gan.networks.{base.__name__}. Received: {name}={network!r}")
    for name in ("image_shape", "latent_dim", "num_classes"):
        of_encoder, of_generator = getattr(encoder, name), getattr(generator, name)
        if of_encoder != of_generator:
            raise ValueError(
                f"Encoder and generator must have the same `{name}`. Received: {of_encoder} and {of_generator}"
            )
    if generator.latent_prior != "normal":
        raise ValueError(
            "The divergence is that from a normal prior: use a generator with latent_prior='normal'. "
            f"Received: latent_prior={generator.latent_prior!r}"
        )
