"""Layers that Keras lacks, or has in a form that an adversarial game cannot use."""

import keras
import tensorflow as tf

from keras_gan import latents


@keras.saving.register_keras_serializable("keras_gan")
class Maxout(keras.layers.Layer):
    """Dense maxout: each unit is the largest of several affine maps, y_j = max_k (x · W_jk + b_jk).

    Args:
        units: Number of outputs.
        pieces: Number of affine maps that each output is the largest of.
        kernel_initializer: Initializer of the kernel, of shape `(inputs, units * pieces)`.
        bias_initializer: Initializer of the bias, of shape `(units * pieces,)`.

    Call arguments:
        inputs: Floats of shape `(..., inputs)`.

    Returns:
        Floats of shape `(..., units)`.

    Raises:
        ValueError: If `units` or `pieces` is less than 1.

    Example:

    >>> layer = keras_gan.layers.Maxout(1, pieces=2, kernel_initializer=keras.initializers.Constant([[1.0, -1.0]]))
    >>> keras.ops.convert_to_numpy(layer(np.array([[-3.0], [2.0]]))).tolist()
    [[3.0], [2.0]]

    Reference: Goodfellow et al. 2013, "Maxout Networks" (https://arxiv.org/abs/1302.4389), section 3.
    """

    def __init__(self, units, pieces, kernel_initializer="glorot_uniform", bias_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        if int(units) < 1 or int(pieces) < 1:
            raise ValueError(f"`units` and `pieces` must be at least 1. Received: units={units}, pieces={pieces}")
        self.units = int(units)
        self.pieces = int(pieces)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        outputs = self.units * self.pieces
        self.kernel = self.add_weight(
            shape=(input_shape[-1], outputs), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(shape=(outputs,), initializer=self.bias_initializer, name="bias")

    def call(self, inputs):
        affine = keras.ops.matmul(inputs, self.kernel) + self.bias
        shape = (*keras.ops.shape(affine)[:-1], self.units, self.pieces)
        return keras.ops.max(keras.ops.reshape(affine, shape), axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        config = super().get_config()
        config.update(
            units=self.units,
            pieces=self.pieces,
            kernel_initializer=keras.initializers.serialize(self.kernel_initializer),
            bias_initializer=keras.initializers.serialize(self.bias_initializer),
        )
        return config


@keras.saving.register_keras_serializable("keras_gan")
class Dropout(keras.layers.Layer):
    """Dropout whose masks depend on nothing but a seed and a saved count of training calls.

    In training each element is kept with probability 1 - rate and divided by 1 - rate, or set to 0; otherwise
    the inputs pass unchanged. The n-th mask is a Philox draw with the key (seed, -n). The count n is a weight, so
    that every Keras file and every checkpoint holds it and a resumed run goes on with the masks that it would
    have seen; `keras.layers.Dropout` saves no such state. Under a distribution strategy the replicas see
    their parts of one global mask, where `keras.layers.Dropout` gives all of them the same one.

    Args:
        rate: Probability in [0, 1) that an element is set to 0.
        seed: Integer. Layers that are to draw independent masks need different seeds.

    Call arguments:
        inputs: Floats of shape `(batch, ...)`.
        training: Whether elements are dropped.

    Returns:
        Floats of the shape of `inputs`.

    Raises:
        ValueError: If `rate` is out of range.

    Example:

    >>> layer = keras_gan.layers.Dropout(0.5, seed=1)
    >>> x = np.ones((4, 100), "float32")
    >>> sorted(set(keras.ops.convert_to_numpy(layer(x, training=True)).ravel().tolist()))
    [0.0, 2.0]
    >>> int(layer.calls)
    1

    Reference: Srivastava et al. 2014, "Dropout" (https://jmlr.org/papers/v15/srivastava14a.html), in the
    inverted form: scaled in training rather than afterwards.
    """

    def __init__(self, rate, seed=0, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"`rate` must lie in [0, 1). Received: rate={rate}")
        self.rate = float(rate)
        self.seed = int(seed)
        self.supports_masking = True

    def build(self, input_shape):
        self.calls = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            name="calls",
        )

    def call(self, inputs, training=None):
        if not training or self.rate == 0.0:
            return inputs
        self.calls.assign_add(1)
        # Negative, so that no mask shares a key with the latents, which are drawn with non-negative counts.
        key = tf.stack([tf.constant(self.seed, tf.int64), -self.calls.value])
        rows, *rest = tf.unstack(tf.shape(inputs))
        keep = latents.per_replica(lambda n: latents.uniform((n, *rest), key), rows) >= self.rate
        return tf.where(keep, inputs / (1.0 - self.rate), tf.zeros_like(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(rate=self.rate, seed=self.seed)
        return config


@keras.saving.register_keras_serializable("keras_gan")
class BatchNormalization(keras.layers.Layer):
    """Batch normalization over all axes but the last, with the statistics of the global batch.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta. In training the mean and the (biased) variance are
    those of the batch over all replicas, and the moving averages follow them:
    moving = momentum * moving + (1 - momentum) * batch. Otherwise the moving averages are used; a frozen layer
    (`trainable=False`) uses them always, as in Keras.

    Plain means are differentiated to any order. The gradient of a gradient through `keras.layers.BatchNormalization`
    is wrong without a warning, because `tf.nn.moments` stops one of its gradients, and its moving averages drift
    apart between replicas unless it is synchronized.

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
        def add(name, initializer, trainable):
            return self.add_weight(
                shape=(input_shape[-1],),
                initializer=initializer,
                trainable=trainable,
                autocast=False,
                name=name,
            )

        self.gamma = add("gamma", self.gamma_initializer, True)
        self.beta = add("beta", "zeros", True)
        self.moving_mean = add("moving_mean", "zeros", False)
        self.moving_variance = add("moving_variance", "ones", False)

    def call(self, inputs, training=None):
        x = keras.ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        if training and self.trainable:
            axes = list(range(len(x.shape) - 1))
            mean = _mean_over_replicas(tf.reduce_mean(x, axes))
            variance = _mean_over_replicas(tf.reduce_mean(tf.math.squared_difference(x, mean), axes))
            self.moving_mean.assign(self.momentum * self.moving_mean + (1.0 - self.momentum) * mean)
            self.moving_variance.assign(self.momentum * self.moving_variance + (1.0 - self.momentum) * variance)
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        y = tf.nn.batch_normalization(x, mean, variance, self.beta.value, self.gamma.value, self.epsilon)
        return keras.ops.cast(y, self.compute_dtype)

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


def _mean_over_replicas(x):
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, x)
