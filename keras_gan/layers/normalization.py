"""Normalizations that are right to second order: fused, or from plain means."""

import math

import keras
import tensorflow as tf

from keras_gan import distribution


@keras.saving.register_keras_serializable("keras_gan")
class BatchNormalization(keras.layers.Layer):
    """Batch normalization over all axes but the last, with the statistics of the global batch.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta. In training the mean and the (biased) variance are
    those of the batch over all replicas, and the moving averages follow them:
    moving = momentum * moving + (1 - momentum) * batch. Otherwise the moving averages are used; a frozen layer
    (`trainable=False`) uses them always, as in Keras.

    It is right to second order. The gradient of a gradient through `keras.layers.BatchNormalization` is wrong
    without a warning, because `tf.nn.moments` stops one of its gradients, and its moving averages drift apart
    between replicas unless it is synchronized.

    Args:
        momentum: Decay of the moving averages, in [0, 1].
        epsilon: Added to the variance.
        gamma_initializer: Initializer of the gains.

    Call arguments:
        inputs: Floats of shape `(batch, ..., channels)`; all replicas have batches of one size.
        training: Whether to use the batch's statistics.

    Returns:
        Floats of the shape of `inputs`. Statistics are computed in float32 or better under any policy.

    Example:

    >>> layer = keras_gan.layers.BatchNormalization(momentum=0.5, epsilon=0.0)
    >>> keras.ops.convert_to_numpy(layer(np.array([[1.0], [5.0]]), training=True)).tolist()
    [[-1.0], [1.0]]
    >>> float(layer.moving_mean[0]), float(layer.moving_variance[0])
    (1.5, 2.5)

    Reference: Ioffe and Szegedy 2015, "Batch Normalization" (https://arxiv.org/abs/1502.03167), algorithm 1.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, gamma_initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        channels = (input_shape[-1],)
        self._add_weights(channels, channels)

    def _add_weights(self, affine_shape, moving_shape):
        def add(name, shape, initializer, trainable):
            return self.add_weight(shape=shape, initializer=initializer, trainable=trainable, autocast=False, name=name)

        self.gamma = add("gamma", affine_shape, self.gamma_initializer, True)
        self.beta = add("beta", affine_shape, "zeros", True)
        self.moving_mean = add("moving_mean", moving_shape, "zeros", False)
        self.moving_variance = add("moving_variance", moving_shape, "ones", False)

    def call(self, inputs, training=None):
        return self._normalize(inputs, self.gamma.value, self.beta.value, training)

    def _normalize(self, x, gamma, beta, training):
        """Features with one gain and offset a channel; in training the moving averages follow their statistics."""
        learning = training and self.trainable
        if learning and self._fuses(x):
            y, mean, variance = _fused(x, gamma, beta, self.epsilon)
            self._follow(mean, variance)
            return keras.ops.cast(y, self.compute_dtype)
        x = _precise(x)
        mean, variance = self.moving_mean.value, self.moving_variance.value
        if learning:
            axes = list(range(len(x.shape) - 1))
            mean = distribution.mean_over_replicas(tf.reduce_mean(x, axes))
            variance = distribution.mean_over_replicas(tf.reduce_mean(tf.math.squared_difference(x, mean), axes))
            self._follow(mean, variance)
        y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon)
        return keras.ops.cast(y, self.compute_dtype)

    def _fuses(self, x):
        """Tells whether one operation can do all: in single precision or less, with the statistics of one replica."""
        context = tf.distribute.get_replica_context()
        alone = context is None or context.num_replicas_in_sync == 1
        # cuDNN takes no smaller epsilon.
        return alone and x.dtype != tf.float64 and self.epsilon >= 1e-5

    def _follow(self, mean, variance):
        self.moving_mean.assign(self.momentum * self.moving_mean + (1.0 - self.momentum) * mean)
        self.moving_variance.assign(self.momentum * self.moving_variance + (1.0 - self.momentum) * variance)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(
            momentum=self.momentum,
            epsilon=self.epsilon,
            gamma_initializer=keras.initializers.serialize(self.gamma_initializer),
        )
        return config


@keras.saving.register_keras_serializable("keras_gan")
class ConditionalBatchNormalization(BatchNormalization):
    """Batch normalization with gains and offsets of each example's class.

    y = gamma[label] * (x - mean) / sqrt(variance + epsilon) + beta[label]. The statistics are those of
    `BatchNormalization`, over the whole batch whatever its classes.

    Args:
        num_classes: Number of classes, at least 1.
        momentum: Decay of the moving averages, in [0, 1].
        epsilon: Added to the variance.
        gamma_initializer: Initializer of the gains, of shape `(num_classes, channels)`.

    Call arguments:
        inputs: The pair `[features, labels]`: floats of shape `(batch, ..., channels)` and integers of shape
            `(batch,)` in `[0, num_classes)`.
        training: Whether to use the batch's statistics.

    Returns:
        Floats of the shape of the features.

    Raises:
        ValueError: If `num_classes` is less than 1.

    Example:

    >>> layer = keras_gan.layers.ConditionalBatchNormalization(num_classes=2, epsilon=0.0)
    >>> layer.build([(None, 1), (None,)])
    >>> _ = layer.gamma.assign([[1.0], [10.0]])
    >>> layer([np.array([[1.0], [5.0]], "float32"), np.array([0, 1])], training=True).numpy().tolist()
    [[-1.0], [10.0]]

    Reference: Dumoulin et al. 2017, "A learned representation for artistic style"
    (https://arxiv.org/abs/1610.07629), equation 5, there for single instances; as the generators of Miyato and Koyama
    2018, "cGANs with projection discriminator" (https://arxiv.org/abs/1802.05637), have it.
    """

    def __init__(self, num_classes, momentum=0.9, epsilon=1e-5, gamma_initializer="ones", **kwargs):
        super().__init__(momentum, epsilon, gamma_initializer, **kwargs)
        if int(num_classes) < 1:
            raise ValueError(f"`num_classes` must be at least 1. Received: num_classes={num_classes}")
        self.num_classes = int(num_classes)

    def build(self, input_shape):
        channels = input_shape[0][-1]
        self._add_weights((self.num_classes, channels), (channels,))

    def call(self, inputs, training=None):
        features, labels = inputs
        channels = features.shape[-1]
        dtype = self.gamma.dtype
        x = _precise(self._normalize(features, tf.ones(channels, dtype), tf.zeros(channels, dtype), training))
        # A product with one-hot rows rather than a gather, whose gradients optimizers and TPUs treat apart.
        rows = tf.one_hot(labels, self.num_classes, dtype=x.dtype)
        shape = (-1, *[1] * (len(x.shape) - 2), channels)
        gamma, beta = (tf.reshape(rows @ table.value, shape) for table in (self.gamma, self.beta))
        return keras.ops.cast(x * gamma + beta, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable("keras_gan")
class GroupNormalization(keras.layers.Layer):
    """Group normalization: each example by itself, with the statistics of groups of its channels.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, where mean and variance are taken over all positions and
    over the channels of one group. `groups=1` is the layer normalization of WGAN-GP's critics, and `groups=-1`, one
    channel to a group, is instance normalization; the published image-to-image networks have that with
    `center=False, scale=False`.

    It is `keras.layers.GroupNormalization` from plain means, which are differentiated to any order; the gradient
    of a gradient through that one is wrong without a warning.

    Args:
        groups: Number of groups, a divisor of the number of channels; -1 for as many as channels.
        epsilon: Added to the variance.
        center: Whether there are offsets, beta.
        scale: Whether there are gains, gamma.

    Call arguments:
        inputs: Floats of shape `(batch, ..., channels)`.

    Returns:
        Floats of the shape of `inputs`. Statistics are computed in float32 or better under any policy.

    Raises:
        ValueError: If `groups` does not divide the number of channels.

    Example:

    >>> layer = keras_gan.layers.GroupNormalization(groups=2, epsilon=0.0)
    >>> layer(np.array([[1.0, 3.0, 10.0, 30.0]])).numpy().tolist()
    [[-1.0, 1.0, -1.0, 1.0]]

    Reference: Wu and He 2018, "Group normalization" (https://arxiv.org/abs/1803.08494), equations 1, 2 and 7; of single
    channels: Ulyanov et al. 2016, "Instance normalization" (https://arxiv.org/abs/1607.08022), equation 4.
    """

    def __init__(self, groups=32, epsilon=1e-3, center=True, scale=True, **kwargs):
        super().__init__(**kwargs)
        if int(groups) < 1 and groups != -1:
            raise ValueError(f"`groups` must be at least 1, or -1 for one a channel. Received: groups={groups}")
        self.groups = int(groups)
        self.epsilon = float(epsilon)
        self.center = bool(center)
        self.scale = bool(scale)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(f"`groups` must divide the {channels} channels. Received: groups={self.groups}")
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(shape=(channels,), initializer="ones", autocast=False, name="gamma")
        if self.center:
            self.beta = self.add_weight(shape=(channels,), initializer="zeros", autocast=False, name="beta")

    def call(self, inputs):
        x = _precise(inputs)
        shape = tf.shape(x)
        channels = x.shape[-1]
        groups = channels if self.groups == -1 else self.groups
        grouped = tf.reshape(x, (-1, math.prod(x.shape[1:-1]), groups, channels // groups))
        y = tf.reshape(_standardize(grouped, (1, 3), self.epsilon), shape)
        y = y if self.gamma is None else y * self.gamma.value
        return keras.ops.cast(y if self.beta is None else y + self.beta.value, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(groups=self.groups, epsilon=self.epsilon, center=self.center, scale=self.scale)
        return config


@keras.saving.register_keras_serializable("keras_gan")
class LayerNormalization(keras.layers.Layer):
    """Layer normalization: each example by itself, over the given axes.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta; gamma and beta have the shape of the normalized axes.
    It is `keras.layers.LayerNormalization` from plain means, which are differentiated to any order; the gradient
    of a gradient through that one is wrong without a warning. For the layer normalization of WGAN-GP's convolutional
    critics, over all of an example with one gain a channel, use `GroupNormalization(groups=1)`.

    Args:
        axis: The normalized axis, or a list of them; not the batch's.
        epsilon: Added to the variance.

    Call arguments:
        inputs: Floats of shape `(batch, ...)`.

    Returns:
        Floats of the shape of `inputs`. Statistics are computed in float32 or better under any policy.

    Raises:
        ValueError: If `axis` includes the batch's.

    Example:

    >>> layer = keras_gan.layers.LayerNormalization(epsilon=0.0)
    >>> layer(np.array([[1.0, 3.0], [10.0, 30.0]])).numpy().tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]

    Reference: Ba et al. 2016, "Layer normalization" (https://arxiv.org/abs/1607.06450), equation 3.
    """

    def __init__(self, axis=-1, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.axis = [int(a) for a in axis] if isinstance(axis, (list, tuple)) else int(axis)
        self.epsilon = float(epsilon)

    def build(self, input_shape):
        rank = len(input_shape)
        self._axes = sorted(a % rank for a in (self.axis if isinstance(self.axis, list) else [self.axis]))
        if 0 in self._axes:
            raise ValueError(f"`axis` must not include the batch's. Received: axis={self.axis} of {rank} axes")
        shape = tuple(input_shape[a] for a in self._axes)
        self.gamma = self.add_weight(shape=shape, initializer="ones", autocast=False, name="gamma")
        self.beta = self.add_weight(shape=shape, initializer="zeros", autocast=False, name="beta")

    def call(self, inputs):
        x = _precise(inputs)
        shape = [x.shape[a] if a in self._axes else 1 for a in range(len(x.shape))]
        gamma, beta = (tf.reshape(weight.value, shape) for weight in (self.gamma, self.beta))
        return keras.ops.cast(_standardize(x, self._axes, self.epsilon) * gamma + beta, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


def _fused(x, gamma, beta, epsilon):
    """Batch normalization as one operation, and the batch's means and biased variances; right to second order."""
    images = x if len(x.shape) == 4 else tf.reshape(x, (-1, 1, 1, x.shape[-1]))
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon, is_training=True
    )
    if images is not x:
        y = tf.ensure_shape(tf.reshape(y, tf.shape(x)), x.shape)
    # The operation's variance is the unbiased one.
    rows = tf.cast(tf.size(x) // x.shape[-1], variance.dtype)
    return y, mean, variance * (tf.maximum(rows - 1.0, 1.0) / rows)


def _precise(x):
    """The tensor in float32, or in float64 if it is that already."""
    return keras.ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def _standardize(x, axes, epsilon):
    # Not tf.nn.moments, which stops a gradient.
    centred = x - tf.reduce_mean(x, axes, keepdims=True)
    return centred * tf.math.rsqrt(tf.reduce_mean(tf.square(centred), axes, keepdims=True) + epsilon)
