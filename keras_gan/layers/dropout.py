"""Dropout that resumes exactly and is one draw for all replicas."""

import keras
import tensorflow as tf

from keras_gan import distribution, random


@keras.saving.register_keras_serializable("keras_gan")
class Dropout(keras.layers.Layer):
    """Dropout whose masks depend on nothing but a seed and a saved count of training calls.

    In training each element is kept with probability 1 - rate and divided by 1 - rate, or set to 0; otherwise
    the inputs pass unchanged. The n-th mask is a Philox draw with the key (seed, -n). The count n is a weight, so
    that every Keras file and every checkpoint holds it and a resumed run goes on with the masks that it would
    have seen; `keras.layers.Dropout` saves no such state. Under a distribution strategy the replicas see
    their parts of one global mask, where `keras.layers.Dropout` gives all of them the same one.

    Args:
        rate: Probability in [0, 1) that an element is set to 0, up to rounding to a multiple of 2^-16.
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
        # At most 2^16 - 1, so that some are kept.
        self._threshold = min(round(self.rate * 2**16), 2**16 - 1)
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
        keep = distribution.per_replica(lambda n: random.bernoulli((n, *rest), key, self._threshold), rows)
        kept = 1.0 - self._threshold / 2**16
        return tf.where(keep, inputs / kept, tf.zeros((), inputs.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(rate=self.rate, seed=self.seed)
        return config
