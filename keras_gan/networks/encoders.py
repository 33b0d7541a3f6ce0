"""Encoders: networks from images to distributions of latents, mirrored on the discriminators."""

import math

import keras

from keras_gan import layers
from keras_gan.networks import convolutional
from keras_gan.networks.base import Encoder, append_labels, check_choice
from keras_gan.networks.mlp import dense, serialize_activation


@keras.saving.register_keras_serializable("keras_gan")
class MLPEncoder(Encoder):
    """Fully connected encoder: hidden layers, then one linear map to means and logarithms of variances.

    Images are flattened; a conditional encoder appends the one-hot label to them.

    Args:
        image_shape: `(height, width, channels)`, or `(size,)` for vectors.
        latent_dim: Length of one latent vector.
        hidden_units: Width of each hidden layer.
        activation: Keras activation of the hidden layers.
        num_classes: Number of classes of a conditional encoder, or `None`.
        class_names: One name per class, or `None`.
        kernel_initializer: Keras initializer of the kernels of hidden layers. That of the last layer is N(0, 0.02), so
            that distributions begin close to the prior.

    Call arguments:
        inputs: As for `keras_gan.networks.Encoder`.

    Returns:
        The pair of means and logarithms of variances, float32 `(batch, latent_dim)`.

    Example:

    >>> encoder = keras_gan.networks.MLPEncoder((8, 8, 1), latent_dim=4, hidden_units=(16,))
    >>> mean, log_variance = encoder(np.zeros((3, 8, 8, 1), "float32"))
    >>> mean.shape, log_variance.shape
    (TensorShape([3, 4]), TensorShape([3, 4]))
    """

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        hidden_units=(512, 512),
        activation="relu",
        num_classes=None,
        class_names=None,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape, latent_dim=latent_dim, num_classes=num_classes, class_names=class_names, **kwargs
        )
        self.hidden_units = tuple(int(units) for units in hidden_units)
        self.activation = activation
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        policy = self.dtype_policy
        self.hidden = [dense(units, self.kernel_initializer, activation, dtype=policy) for units in self.hidden_units]
        self.code = dense(2 * self.latent_dim, convolutional.kernel(), dtype="float32")
        self.build()

    def call(self, inputs, training=None):
        images, labels = self.unpack(inputs)
        x = append_labels(keras.ops.reshape(images, (-1, math.prod(self.image_shape))), labels, self.num_classes)
        for layer in self.hidden:
            x = layer(x)
        return self.halves(self.code(x))

    def get_config(self):
        config = super().get_config()
        config.update(
            hidden_units=self.hidden_units,
            activation=serialize_activation(self.activation),
            kernel_initializer=keras.initializers.serialize(self.kernel_initializer),
        )
        return config


@keras.saving.register_keras_serializable("keras_gan")
class DCGANEncoder(Encoder):
    """Convolutional encoder: the convolutions of `DCGANDiscriminator`, then one linear map to the distribution.

    Each convolution, with kernel 4 and stride 2, halves the size, rounded up, and doubles the width, from `filters`
    to at most `8 * filters`, until the last size of `stage_sizes`. Feature maps are batch normalized, except
    the first, and pass LeakyReLU with slope 0.2. A conditional encoder appends labels to the image as one-hot planes.

    Args:
        image_shape: `(height, width, channels)`, any of them at least 1.
        latent_dim: Length of one latent vector.
        filters: Width of the first feature map.
        normalization: `"batch"` or `None`.
        num_classes: Number of classes of a conditional encoder, or `None`.
        class_names: One name per class, or `None`.

    Call arguments:
        inputs: As for `keras_gan.networks.Encoder`.
        training: Whether the call is part of a training step; batch normalization then uses the statistics of
            the batch, and otherwise moving averages.

    Returns:
        The pair of means and logarithms of variances, float32 `(batch, latent_dim)`.

    Example:

    >>> encoder = keras_gan.networks.DCGANEncoder((28, 28, 1), latent_dim=8, filters=4)
    >>> mean, log_variance = encoder(np.zeros((3, 28, 28, 1), "float32"))
    >>> mean.shape, log_variance.shape
    (TensorShape([3, 8]), TensorShape([3, 8]))
    """

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=100,
        filters=64,
        normalization="batch",
        num_classes=None,
        class_names=None,
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape, latent_dim=latent_dim, num_classes=num_classes, class_names=class_names, **kwargs
        )
        convolutional.check_image(self.image_shape)
        self.filters = convolutional.check_filters(filters)
        self.normalization = check_choice("normalization", normalization, convolutional.NORMALIZATIONS)
        policy, use_bias = self.dtype_policy, normalization is None
        widths = convolutional.stage_filters(self.filters, len(convolutional.stage_sizes(*self.image_shape[:2])) - 1)
        self.convolutions = [
            layers.Conv2D(
                width, 4, 2, padding="same", use_bias=use_bias, kernel_initializer=convolutional.kernel(), dtype=policy
            )
            for width in widths
        ]
        self.normalizers = [
            convolutional.normalizer(normalization if stage else None, policy) for stage in range(len(widths))
        ]
        self.flatten = keras.layers.Flatten(dtype=policy)
        self.code = keras.layers.Dense(2 * self.latent_dim, kernel_initializer=convolutional.kernel(), dtype="float32")
        self.build()

    def call(self, inputs, training=None):
        x, labels = self.unpack(inputs)
        x = append_labels(x, labels, self.num_classes)
        for convolution, normalizer in zip(self.convolutions, self.normalizers, strict=True):
            x = keras.ops.leaky_relu(normalizer(convolution(x), training=training), 0.2)
        return self.halves(self.code(self.flatten(x)))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "normalization": self.normalization}
