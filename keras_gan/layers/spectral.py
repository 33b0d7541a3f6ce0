"""Spectral normalization as published: of the kernel that is used, not of the kernel that is kept."""

import keras
import tensorflow as tf

_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)


@keras.saving.register_keras_serializable("keras_gan")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides a layer's kernel by an estimate of its largest singular value, in the forward pass alone.

    The kernel W, seen as a matrix with one column per output channel, takes part as W / sigma with
    sigma = ||W u||, where the unit vector u is a weight that follows the leading right singular vector of W. One power
    iteration is u <- W^T W u / ||W^T W u||. The gradient goes through sigma: d sigma / d W = v u^T with
    v = W u / sigma.

    A forward pass never changes u: `iterate` does, once before each update of the network, however often the network is
    called in it. `GAN` calls it through `iterate_spectral_norms`; a training loop of your own does so too. All
    replicas compute the same u from the same weights; it is saved like any weight.

    `keras.layers.SpectralNormalization` overwrites the kernel in every training call, iterates once per call, and has
    no gradient through sigma.

    Args:
        layer: A layer with a weight `kernel` or `embeddings`: dense, convolutional, transposed, or an embedding.

    Call arguments:
        inputs: Inputs of the wrapped layer.

    Returns:
        Its outputs with the normalized kernel; a bias is left as it is. sigma is computed in float32 or better.

    Raises:
        ValueError: If the layer has no kernel.

    Example:

    >>> layer = keras_gan.layers.SpectralNormalization(keras.layers.Dense(2, use_bias=False))
    >>> layer.build((None, 2))
    >>> _ = layer.layer.kernel.assign([[5.0, 0.0], [0.0, 3.0]])
    >>> for _ in range(30):
    ...     layer.iterate()
    >>> layer(np.array([[1.0, 1.0]], "float32")).numpy().round(4).tolist()
    [[1.0, 0.6000000238418579]]

    Reference:
        Miyato et al. 2018, "Spectral normalization for generative adversarial networks"
        (https://arxiv.org/abs/1802.05957), algorithm 1 and equation 12. There sigma = v^T W u' with the u' before
        this iteration; ||W u|| with the new one is never smaller, nor larger than the true value, and of the same
        gradient.
    """

    def __init__(self, layer, **kwargs):
        kwargs.setdefault("dtype", layer.dtype_policy)
        super().__init__(layer, **kwargs)

    def build(self, input_shape=None):
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        self._kernel = getattr(self.layer, "embeddings", None) if kernel is None else kernel
        if self._kernel is None:
            raise ValueError(
                "SpectralNormalization needs a layer with a `kernel` or `embeddings`. "
                f"Received: layer={self.layer.name!r} of class {type(self.layer).__name__}"
            )
        outputs = self._kernel.shape[-2 if isinstance(self.layer, _TRANSPOSED) else -1]
        self.u = self.add_weight(
            shape=(outputs,), initializer=_random_unit_vector, trainable=False, autocast=False, name="u"
        )

    def call(self, inputs):
        kernel = keras.ops.convert_to_tensor(self._kernel)
        sigma = tf.cast(_norm(self._matrix() @ self.u.value[:, None]), kernel.dtype)
        with keras.StatelessScope(state_mapping=[(self._kernel, kernel / sigma)]):
            return self.layer(inputs)

    def iterate(self):
        """Makes one power iteration: moves `u` towards the leading singular vector of the present kernel."""
        matrix = self._matrix()
        v = _unit(matrix @ self.u.value[:, None])
        self.u.assign(_unit(tf.transpose(matrix) @ v)[:, 0])

    def _matrix(self):
        """The kernel as a matrix with one column per output channel, in the precision of `u`."""
        kernel = tf.cast(keras.ops.convert_to_tensor(self._kernel), self.u.dtype)
        if isinstance(self.layer, _TRANSPOSED):
            kernel = tf.linalg.matrix_transpose(kernel)
        return tf.reshape(kernel, (-1, kernel.shape[-1]))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # Keras takes the layer out of the dictionary that it is given.
        return super().from_config(dict(config), custom_objects)


def iterate_spectral_norms(network):
    """Makes one power iteration in every `SpectralNormalization` of a network.

    Args:
        network: A Keras model, or a layer that contains others.

    Example:

    >>> dense = keras_gan.layers.SpectralNormalization(keras.layers.Dense(2))
    >>> network = keras.Sequential([keras.Input((3,)), dense])
    >>> before = dense.u.numpy()
    >>> keras_gan.layers.iterate_spectral_norms(network)
    >>> bool(np.all(dense.u.numpy() == before))
    False
    """
    for layer in network._flatten_layers():
        if isinstance(layer, SpectralNormalization):
            layer.iterate()


def _random_unit_vector(shape, dtype=None):
    # An initializer with a seed of its own: the global one may not exist yet while a network is being traced.
    return _unit(keras.initializers.RandomNormal(0.0, 1.0)(shape, dtype))


def _norm(x):
    # A kernel of zeros stays one, and has a gradient.
    return tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(x)), 1e-24))


def _unit(x):
    return x / _norm(x)
