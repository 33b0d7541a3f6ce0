"""Questions to replicas and workers: whether there are several, and what they agree on."""

import functools

import tensorflow as tf


def per_replica(draw, n):
    """This replica's `n` rows of one draw for the global batch.

    Every replica draws all rows from the same seed and keeps its own, so that N replicas together see the
    numbers that one device would have seen.

    Args:
        draw: Function from a number of rows to a tensor with as many.
        n: Number of rows wanted here; equal on all replicas.

    Returns:
        Tensor with `n` rows.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(n)
    rows = draw(n * context.num_replicas_in_sync)
    first = context.replica_id_in_sync_group * n
    return rows[first : first + n]


def mean_over_replicas(x):
    """The mean of what all replicas have; its gradient crosses replicas too.

    Args:
        x: This replica's tensor.

    Returns:
        Tensor of the same shape, equal on all replicas.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, x)


def mean_over_workers(strategy, value):
    """The mean of a number over the workers of a strategy, each of which must call this at the same point.

    Args:
        strategy: `tf.distribute.Strategy`.
        value: This worker's number.

    Returns:
        The mean, a float; with one worker `value` itself.

    Example:

    >>> keras_gan.distribution.mean_over_workers(tf.distribute.get_strategy(), True)
    1.0
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return float(value)
    return float(_reduction(strategy)(tf.constant(value, tf.float64)))


def place_of(strategy):
    """The number of this process among the workers of a strategy, and how many they are.

    Args:
        strategy: `tf.distribute.Strategy`, or `None`.

    Returns:
        Pair of integers; `(0, 1)` for all but several workers.

    Example:

    >>> keras_gan.distribution.place_of(tf.distribute.get_strategy())
    (0, 1)
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 0, 1
    resolver = strategy.cluster_resolver
    return resolver.task_id, len(resolver.cluster_spec().as_dict()["worker"])


def sum_over_workers(strategy, array):
    """The sum of arrays over the workers of a strategy, each of which must call this at the same point.

    Args:
        strategy: `tf.distribute.Strategy`.
        array: This worker's floats, of the same shape and dtype as the others'.

    Returns:
        Array of that shape and dtype. Where all but one worker have zeros, it is that one's, bit for bit.
    """
    _, workers = place_of(strategy)
    if workers == 1:
        return array
    # In float64 what dividing takes is less than float32 shows.
    mean = _reduction(strategy)(tf.constant(array, tf.float64)).numpy()
    return (mean * workers).astype(array.dtype)


@functools.cache
def _reduction(strategy):
    # Compiled, because this runs beside every training step: without, it takes three times as long.
    @tf.function
    def mean(value):
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(tf.identity, args=(value,)), axis=None)

    return mean
