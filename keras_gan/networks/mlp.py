"""Fully connected networks, for vectors and small images; with maxout and dropout, those of 2014."""

import math

import keras

from keras_gan import layers
from keras_gan.networks.base import Discriminator, Generator, append_labels, check_choice, check_conditioning
from keras_gan.networks.heads import CONDITIONINGS, Heads

OUTPUT_ACTIVATIONS = ("sigmoid", "tanh", "linear")


def _initializer(identifier):
    """The initializer of all kernels of a network: `None` stands for N(0, 0.02)."""
    return keras.initializers.get(keras.initializers.RandomNormal(0.0, 0.02) if identifier is None else identifier)


def dense(units, initializer, activation=None, pieces=None, **kwargs):
    """A dense layer: maxout of `pieces`, or a Keras activation of an affine map."""
    # One instance gives the same numbers with every call; clones without an explicit seed do not.
    kwargs["kernel_initializer"] = initializer.clone()
    if activation == "maxout" and pieces is not None:
        return layers.Maxout(units, pieces, **kwargs)
    return keras.layers.Dense(units, activation=activation, **kwargs)


def serialize_activation(activation):
    """An activation as a configuration holds it."""
    return activation if activation == "maxout" else keras.activations.serialize(keras.activations.get(activation))


@keras.saving.register_keras_serializable("keras_gan")
class MLPGenerator(Generator):
    """Fully connected generator.

    Hidden layers h_i = activation(W_i h_{i-1} + b_i), h_0 = z, then an affine map to as many numbers as the image
    has. A conditional generator appends the one-hot label to z, or, with `conditioning="projection"`, has conditional
    batch normalization before each activation. Biases start from 0.

    Args:
        image_shape: `(height, width, channels)`, or `(size,)` for vectors.
        latent_dim: Length of one latent vector.
        latent_prior: `"normal"` or `"uniform"`.
        latent_scale: Factor on the latents as they come in: sqrt(3) gives those of the uniform prior a variance
            of 1.
        hidden_units: Width of each hidden layer.
        activation: Keras activation of the hidden layers.
        output_activation: `"sigmoid"`, mapped to [-1, 1] by 2s - 1; `"tanh"`; `"linear"`, unbounded; or `None`
            for sigmoid where the result is an image and linear where it is a vector.
        num_classes: Number of classes of a conditional generator, or `None`.
        class_names: One name per class, or `None`.
        conditioning: How labels enter: `"concat"`, or `"projection"`: by conditional batch normalization.
        kernel_initializer: Keras initializer of all kernels; `None` for N(0, 0.02), which suits images. On vectors
            of few numbers it begins slowly, and `"glorot_uniform"` or `"he_normal"` do better.

    Call arguments:
        inputs: Latents, floats of shape `(batch, latent_dim)`; with classes the pair `[latents, labels]`, labels
            integers of shape `(batch,)` in `[0, num_classes)`.
        training: Whether the call is part of a training step.

    Returns:
        float32 of shape `(batch,) + image_shape`, in [-1, 1] unless the output is linear.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator((8, 8, 1), latent_dim=4, hidden_units=(16,))
    >>> generator.count_params() == (4 + 1) * 16 + (16 + 1) * 64
    True
    >>> generator(np.zeros((3, 4), "float32")).shape
    TensorShape([3, 8, 8, 1])

    Reference: Goodfellow et al. 2014, "Generative Adversarial Nets" (https://arxiv.org/abs/1406.2661), section 5:
    ReLU and sigmoid units. The released code draws pixels in [0, 1], which 2s - 1 maps to [-1, 1].
    """

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        latent_prior="normal",
        hidden_units=(1200, 1200),
        activation="relu",
        output_activation=None,
        num_classes=None,
        class_names=None,
        conditioning="concat",
        kernel_initializer=None,
        latent_scale=1.0,
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape,
            latent_dim=latent_dim,
            latent_prior=latent_prior,
            num_classes=num_classes,
            class_names=class_names,
            **kwargs,
        )
        self.hidden_units = tuple(int(units) for units in hidden_units)
        self.activation = activation
        if output_activation is None:
            output_activation = "linear" if len(self.image_shape) == 1 else "sigmoid"
        self.output_activation = check_choice("output_activation", output_activation, OUTPUT_ACTIVATIONS)
        self.conditioning = check_conditioning(conditioning, self.num_classes, ("concat", "projection"))

        self.kernel_initializer = _initializer(kernel_initializer)
        self.latent_scale = float(latent_scale)

        kernel, policy = self.kernel_initializer, self.dtype_policy
        inner, self.normalizers = activation, []
        if self.conditioning == "projection":
            inner = None
            # Equal gains would make all classes alike at first.
            gains = keras.initializers.RandomNormal(1.0, 0.02)
            self.normalizers = [
                layers.ConditionalBatchNormalization(self.num_classes, gamma_initializer=gains.clone(), dtype=policy)
                for _ in self.hidden_units
            ]
        self.hidden = [dense(units, kernel, inner, dtype=policy) for units in self.hidden_units]
        self.output_layer = dense(math.prod(self.image_shape), kernel, dtype=policy)
        self.build()

    def call(self, inputs, training=None):
        latents, labels = self.unpack(inputs)
        x = self.latent_scale * latents
        if self.conditioning == "projection":
            for layer, normalizer in zip(self.hidden, self.normalizers, strict=True):
                x = keras.activations.get(self.activation)(normalizer([layer(x), labels], training=training))
        else:
            x = append_labels(x, labels, self.num_classes)
            for layer in self.hidden:
                x = layer(x)
        x = keras.ops.cast(self.output_layer(x), "float32")
        if self.output_activation == "sigmoid":
            x = 2.0 * keras.ops.sigmoid(x) - 1.0
        elif self.output_activation == "tanh":
            x = keras.ops.tanh(x)
        return keras.ops.reshape(x, (-1, *self.image_shape))

    def get_config(self):
        config = super().get_config()
        config.update(
            hidden_units=self.hidden_units,
            activation=serialize_activation(self.activation),
            output_activation=self.output_activation,
            conditioning=self.conditioning,
            kernel_initializer=keras.initializers.serialize(self.kernel_initializer),
            latent_scale=self.latent_scale,
        )
        return config


@keras.saving.register_keras_serializable("keras_gan")
class MLPDiscriminator(Discriminator):
    """Fully connected discriminator, with dropout on its input and after each hidden layer.

    Images are flattened; a conditional discriminator appends the one-hot label, or with h(x) the last hidden layer
    its logit is psi · h(x) + embed(label) · h(x) (`conditioning="projection"`), or there is a classifier beside it
    (`"auxiliary"`), as in `DCGANDiscriminator`. Biases start from 0. The discriminator of the 2014 paper is
    `MLPDiscriminator(image_shape, activation="maxout", input_dropout=0.2, dropout=0.5)`.

    Args:
        image_shape: `(height, width, channels)`, or `(size,)` for vectors.
        hidden_units: Width of each hidden layer.
        activation: Keras activation of the hidden layers, or `"maxout"`.
        pieces: Affine maps per maxout unit; unused with other activations.
        input_dropout: Rate in [0, 1) at which inputs are dropped in training.
        dropout: Rate in [0, 1) at which hidden units are dropped in training.
        seed: Seed of the dropout masks; the i-th dropout layer draws with `seed + i`.
        num_classes: Number of classes of a conditional discriminator, or `None`.
        class_names: One name per class, or `None`.
        conditioning: How labels enter: `"concat"`, `"projection"` or `"auxiliary"`.
        packing: Images judged together, unconditionally or with `conditioning="concat"`, where each comes with its own
            label; see `keras_gan.networks.Discriminator`.
        kernel_initializer: Keras initializer of all kernels; `None` for N(0, 0.02), as for `MLPGenerator`.
        input_range: The interval to which [-1, 1], the range of images, is mapped first. Dropout puts 0 in the place of
            an input: in the middle of the default, at the lower end, black, of (0, 1), the range of the 2014 code.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + image_shape`; with classes the pair `[images, labels]`, labels
            integers of shape `(batch,)` in `[0, num_classes)`.
        training: Whether the call is part of a training step; dropout acts only then.
        return_class_logits: With `conditioning="auxiliary"`: whether class logits are returned too.

    Returns:
        float32 logits of shape `(batch / packing, 1)`; or the pair of these and float32 class logits
            `(batch, num_classes)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> discriminator = keras_gan.networks.MLPDiscriminator((2,), hidden_units=(16, 16))
    >>> discriminator(np.zeros((3, 2), "float32")).shape
    TensorShape([3, 1])

    Reference: Goodfellow et al. 2014, "Generative Adversarial Nets" (https://arxiv.org/abs/1406.2661), section 5;
    sizes and rates as in the released `mnist.yaml`.
    """

    def __init__(
        self,
        image_shape,
        hidden_units=(240, 240),
        activation="leaky_relu",
        pieces=5,
        input_dropout=0.0,
        dropout=0.0,
        seed=0,
        num_classes=None,
        class_names=None,
        conditioning="concat",
        packing=1,
        kernel_initializer=None,
        input_range=(-1.0, 1.0),
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape, num_classes=num_classes, class_names=class_names, packing=packing, **kwargs
        )
        self.hidden_units = tuple(int(units) for units in hidden_units)
        self.activation = activation
        self.pieces = int(pieces)
        self.input_dropout = float(input_dropout)
        self.dropout = float(dropout)
        self.seed = int(seed)
        self.conditioning = check_conditioning(conditioning, self.num_classes, CONDITIONINGS)
        if self.conditioning != "concat":
            self.refuse_packed_labels()
        self.kernel_initializer = _initializer(kernel_initializer)
        low, high = self.input_range = tuple(float(end) for end in input_range)
        if not low < high:
            raise ValueError(f"`input_range` must be two increasing numbers. Received: input_range={input_range}")

        kernel, policy = self.kernel_initializer, self.dtype_policy
        rates = [self.input_dropout] + [self.dropout] * len(self.hidden_units)
        self.dropouts = [layers.Dropout(rate, seed=self.seed + i, dtype=policy) for i, rate in enumerate(rates)]
        self.hidden = [dense(units, kernel, activation, pieces, dtype=policy) for units in self.hidden_units]
        self.heads = Heads(self.conditioning, self.num_classes, True, kernel.clone)
        self.build()

    def call(self, inputs, training=None, return_class_logits=False):
        images, labels = self.unpack(inputs)
        x = keras.ops.reshape(images, (-1, math.prod(self.image_shape)))
        low, high = self.input_range
        if (low, high) != (-1.0, 1.0):
            x = low + (high - low) / 2.0 * (x + 1.0)
        x = self.dropouts[0](x, training=training)
        if self.conditioning == "concat":
            x = append_labels(x, labels, self.num_classes)
        x = self.pack(x)
        for layer, dropout in zip(self.hidden, self.dropouts[1:], strict=True):
            x = dropout(layer(x), training=training)
        return self.heads(x, labels, return_class_logits=return_class_logits)

    @property
    def logit(self):
        """The last linear map of the logit."""
        return self.heads.logit

    def get_config(self):
        config = super().get_config()
        config.update(
            hidden_units=self.hidden_units,
            activation=serialize_activation(self.activation),
            pieces=self.pieces,
            input_dropout=self.input_dropout,
            dropout=self.dropout,
            seed=self.seed,
            conditioning=self.conditioning,
            kernel_initializer=keras.initializers.serialize(self.kernel_initializer),
            input_range=self.input_range,
        )
        return config
