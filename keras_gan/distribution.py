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


@functools.cache
def _reduction(strategy):
    # Compiled, because this runs beside every training step: without, it takes three times as long.
    @tf.function
    def mean(value):
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(tf.identity, args=(value,)), axis=None)

    return mean
