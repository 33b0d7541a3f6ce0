"""Optimizers: one per network, with loss scaling where it is needed, and schedules of more than the learning rate."""

import keras
import tensorflow as tf

from keras_gan import serialization


@keras.saving.register_keras_serializable("keras_gan")
class SGD(keras.optimizers.SGD):
    """Gradient descent whose momentum may follow a schedule, as its learning rate may.

    At update t, with momentum m(t) and learning rate r(t), `v = m(t) v - r(t) g` and then `w = w + v`; with
    `nesterov` `w = w + m(t) v - r(t) g`.

    Args:
        learning_rate: A number or a schedule of the optimizer's own count of updates.
        momentum: The same; values in [0, 1].
        nesterov: Whether to look ahead.
        **kwargs: The other arguments of `keras.optimizers.SGD`.

    Raises:
        ValueError: If `momentum` is neither a number in [0, 1] nor a schedule.

    Example: the momentum of the 2014 MNIST experiment, which rises from 0.5 to 0.7 over 250 epochs of 500 updates.

    >>> rise = keras.optimizers.schedules.PolynomialDecay(0.5, decay_steps=125_000, end_learning_rate=0.7)
    >>> optimizer = keras_gan.optimizers.SGD(0.1, momentum=rise)
    >>> round(float(optimizer.momentum(62_500)), 3)
    0.6
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **kwargs):
        momentum = serialization.number_or_schedule("momentum", momentum)
        if isinstance(momentum, float) and not 0.0 <= momentum <= 1.0:
            raise ValueError(f"`momentum` must lie in [0, 1]. Received: momentum={momentum}")
        # Keras takes numbers only. Any but 0 makes it keep velocities.
        number = momentum if isinstance(momentum, float) else 1.0
        super().__init__(learning_rate, number, nesterov, **kwargs)
        self.momentum = momentum

    def update_step(self, gradient, variable, learning_rate):
        if isinstance(self.momentum, float):
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        momentum = keras.ops.cast(serialization.value_at(self.momentum, self.iterations), variable.dtype)
        step = keras.ops.cast(learning_rate, variable.dtype) * keras.ops.cast(gradient, variable.dtype)
        self.assign(velocity, momentum * velocity - step)
        self.assign_add(variable, momentum * velocity - step if self.nesterov else velocity)

    def get_config(self):
        return {**super().get_config(), "momentum": serialization.serialize_number(self.momentum)}


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
