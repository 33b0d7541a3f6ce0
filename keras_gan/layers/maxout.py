"""Dense maxout."""

import keras


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
