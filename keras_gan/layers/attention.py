"""Self-attention over the positions of a feature map."""

import keras

from keras_gan.layers.spectral import SpectralNormalization


@keras.saving.register_keras_serializable("keras_gan")
class SelfAttention(keras.layers.Layer):
    """Adds to every position of a feature map what it attends to at all positions.

    With 1x1 convolutions f, g, h, v: beta_ji = softmax_i(f(x_i)^T g(x_j)), o_j = v(sum_i beta_ji h(x_i)), and
    y = gamma * o + x. The gain gamma is a single weight that starts from 0, so that a new layer is the identity.
    Memory grows with the square of the number of positions.

    Args:
        reduction: f, g and h have 1 / `reduction` of the channels, and at least one.
        spectral_normalization: Whether the four convolutions are spectrally normalized, as in the paper.

    Call arguments:
        inputs: Floats of shape `(batch, height, width, channels)`.

    Returns:
        Floats of the same shape.

    Example:

    >>> layer = keras_gan.layers.SelfAttention()
    >>> x = np.random.default_rng(0).normal(size=(2, 4, 4, 16)).astype("float32")
    >>> bool(np.all(layer(x) == x))
    True

    Reference:
        Zhang et al. 2019, "Self-attention generative adversarial networks" (https://arxiv.org/abs/1805.08318),
        equations 1 to 3. The published code halves the channels of h instead and pools keys and values by 2.
    """

    def __init__(self, reduction=8, spectral_normalization=False, **kwargs):
        super().__init__(**kwargs)
        if int(reduction) < 1:
            raise ValueError(f"`reduction` must be at least 1. Received: reduction={reduction}")
        self.reduction = int(reduction)
        self.spectral_normalization = bool(spectral_normalization)

    def build(self, input_shape):
        channels = input_shape[-1]
        narrow = max(1, channels // self.reduction)
        self.keys, self.queries, self.values, self.out = (
            self._convolution(name, *sizes)
            for name, *sizes in (
                ("keys", channels, narrow),
                ("queries", channels, narrow),
                ("values", channels, narrow),
                ("out", narrow, channels),
            )
        )
        self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

    def _convolution(self, name, inputs, outputs):
        # A dense layer is a 1x1 convolution of the positions.
        layer = keras.layers.Dense(outputs, use_bias=False, name=name, dtype=self.dtype_policy)
        if self.spectral_normalization:
            layer = SpectralNormalization(layer, name=name)
        layer.build((None, None, inputs))
        return layer

    def call(self, inputs):
        batch, height, width, channels = keras.ops.shape(inputs)
        x = keras.ops.reshape(inputs, (batch, height * width, channels))
        scores = keras.ops.matmul(self.queries(x), keras.ops.transpose(self.keys(x), (0, 2, 1)))
        attention = keras.ops.softmax(keras.ops.cast(scores, "float32" if scores.dtype != "float64" else "float64"))
        found = keras.ops.matmul(keras.ops.cast(attention, x.dtype), self.values(x))
        return inputs + self.gamma * keras.ops.reshape(self.out(found), (batch, height, width, channels))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(reduction=self.reduction, spectral_normalization=self.spectral_normalization)
        return config
