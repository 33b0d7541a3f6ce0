"""Random draws that are functions of a seed alone: in a training step of the model's, the step and their order."""

import tensorflow as tf

from keras_gan import distribution


def uniform(shape, seed):
    """Draws from U(0, 1), as a function of the seed alone: the same numbers in eager, graph and XLA execution.

    TensorFlow's own float draws are not: even with one algorithm, XLA makes floats from other bits of it.

    Args:
        shape: Shape of the result, a tuple.
        seed: Two int64, as a tensor or a pair: the key of a Philox generator.

    Returns:
        float32 tensor, multiples of 2^-24 in [0, 1).

    Example:

    >>> a = keras_gan.random.uniform((2, 3), seed=(0, 1))
    >>> b = tf.function(keras_gan.random.uniform, jit_compile=True)((2, 3), seed=(0, 1))
    >>> bool(tf.reduce_all(a == b))
    True
    """
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    return tf.cast(tf.bitwise.bitwise_and(bits, 2**24 - 1), tf.float32) * 2.0**-24


def bernoulli(shape, seed, threshold):
    """Draws that are true with probability `1 - threshold / 2^16`, as a function of the seed alone, as `uniform` is.

    Two draws share the 32 bits of one number, so they take less than half the time of comparing uniform ones.

    Args:
        shape: Shape of the result, a tuple.
        seed: Two int64, as a tensor or a pair.
        threshold: Integer in [0, 2^16).

    Returns:
        Boolean tensor.

    Example:

    >>> draws = keras_gan.random.bernoulli((100, 100), seed=(0, 1), threshold=2**14)
    >>> round(float(tf.reduce_mean(tf.cast(draws, "float32"))), 1)
    0.8
    """
    count = tf.reduce_prod(shape)
    bits = tf.random.stateless_uniform([(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    halves = tf.reshape(tf.bitcast(bits, tf.int16), [-1])[:count]
    return tf.reshape(halves, shape) >= tf.constant(threshold - 2**15, tf.int16)


def attempt_seed(seed, attempt):
    """The seed of another attempt at the same steps; that of attempt 0 is `seed` itself."""
    return seed + attempt * 2**32


class Noise:
    """The random draws of one training or test step: a function of a seed, the step and their order.

    No state is kept between steps, so a run that is resumed at a step draws what the uninterrupted run drew,
    and the draws are those of the global batch, whatever the number of replicas.

    Args:
        seed: The model's seed, an integer.
        step: int64 scalar tensor.
        attempt: int64 scalar tensor or integer: how often training went back to an earlier step. Other attempts at
            the same step draw other numbers.

    Example:

    >>> noise = keras_gan.random.Noise(seed=0, step=tf.constant(3, tf.int64))
    >>> noise.uniform(2, 4).shape
    TensorShape([2, 4])
    """

    _DRAWS = 1024  # per step; more than any step makes, so that steps never share a seed

    def __init__(self, seed, step, attempt=0):
        self._seed = attempt_seed(tf.constant(seed, tf.int64), tf.cast(attempt, tf.int64))
        self._step = step
        self._index = 0

    def next_seed(self):
        """A fresh seed, two int64."""
        index, self._index = self._index, self._index + 1
        return tf.stack([self._seed, self._step * self._DRAWS + index])

    def uniform(self, n, *shape):
        """This replica's `n` rows of a draw from U(0, 1), float32 of shape `(n, *shape)`."""
        seed = self.next_seed()
        return distribution.per_replica(lambda rows: uniform((rows, *shape), seed), n)
