"""Optimizers: one per network, with loss scaling where it is needed."""

import keras
import tensorflow as tf


def for_network(identifier, network):
    """An optimizer built on a network's variables, with loss scaling where a layer computes in float16.

    Args:
        identifier: A Keras optimizer, or what `keras.optimizers.get` takes.
        network: A built model.

    Returns:
        `keras.optimizers.Optimizer`.
    """
    optimizer = keras.optimizers.get(identifier)
    half = any(layer.compute_dtype == "float16" for layer in network._flatten_layers())
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    if not optimizer.built:
        optimizer.build(network.trainable_variables)
    return optimizer


def apply(optimizer, gradients, variables):
    """Applies gradients; with loss scaling an overflow on any replica skips the update on all of them."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        gradients = _agree_on_overflow(gradients)
    optimizer.apply(gradients, variables)


def _agree_on_overflow(gradients):
    """Makes an overflow on one replica one on all of them.

    Loss scaling looks at local gradients only: a replica alone in skipping its update would leave the others
    with infinite weights, or waiting for ever.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    finite = [tf.reduce_all(tf.math.is_finite(g)) for g in gradients if g is not None]
    overflows = context.all_reduce(tf.distribute.ReduceOp.SUM, 1.0 - tf.cast(tf.reduce_all(finite), tf.float32))
    poison = tf.where(overflows > 0, float("inf"), 0.0)
    return [None if g is None else g + tf.cast(poison, g.dtype) for g in gradients]
