"""Optimizers: one per network, with loss scaling where it is needed, and schedules of more than the learning rate."""

import keras
import tensorflow as tf

from keras_gan import serialization


@keras.saving.register_keras_serializable("keras_gan")
class Adam(keras.optimizers.Adam):
    """Adam in one pass over memory, whose `beta_2` may follow a schedule, as its learning rate may.

    At update t = 1, 2, ... with b = beta_2(t - 1): `v = b v + (1 - b) g^2`, and v is divided by `1 - b^t`, with the
    present b. For a constant b that makes v an unbiased average of g^2; for a changing one the exact divisor would be
    `1 - product of all b`. Released R3GAN code sets the betas of PyTorch's Adam before each step, which divides by
    `1 - b^t` too: this is what is followed. While b rises, `b^t` is the larger of the two.

    With a constant `beta_2` this is `keras.optimizers.Adam`, rounded differently in the last digits and several times
    as fast on a processor.

    Args:
        learning_rate: A number or a schedule of the optimizer's own count of updates.
        beta_1: Number in [0, 1).
        beta_2: Number in [0, 1), or a schedule like that of the learning rate.
        epsilon: Added to the root of v.
        **kwargs: The other arguments of `keras.optimizers.Adam`.

    Raises:
        ValueError: If `beta_2` is neither a number in [0, 1) nor a schedule.

    Example:

    >>> rise = keras_gan.optimizers.schedules.CosineBurnIn(0.9, 0.99, burn_in=1000)
    >>> optimizer = keras_gan.optimizers.Adam(2e-4, beta_1=0.0, beta_2=rise)
    >>> round(float(optimizer.beta_2(500)), 3)
    0.945

    Reference:
        Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1; Huang et al. 2024 (R3GAN) for
        the schedule.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **kwargs):
        beta_2 = serialization.number_or_schedule("beta_2", beta_2)
        if isinstance(beta_2, float) and not 0.0 <= beta_2 < 1.0:
            raise ValueError(f"`beta_2` must lie in [0, 1). Received: beta_2={beta_2}")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        beta_2 = serialization.value_at(self.beta_2, self.iterations)
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            self._update_in_parts(gradient, variable, learning_rate, beta_2)
            return
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        # With gradient accumulation it is no variable.
        count = tf.cast(tf.convert_to_tensor(self.iterations) + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(beta_2, dtype)
        # One pass over memory, where Keras' arithmetic takes one for each of its operations.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**count,
            beta2_power=beta_2**count,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def _update_in_parts(self, gradient, variable, learning_rate, beta_2):
        """As Keras does it, whose arithmetic is right for a number that changes and only has to see one."""
        schedule, self.beta_2 = self.beta_2, tf.cast(beta_2, variable.dtype)
        try:
            super().update_step(gradient, variable, learning_rate)
        finally:
            self.beta_2 = schedule

    def get_config(self):
        return {**super().get_config(), "beta_2": serialization.serialize_number(self.beta_2)}


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


def for_network(identifier, *networks):
    """An optimizer built on the variables of networks, with loss scaling where a layer computes in float16.

    Args:
        identifier: A Keras optimizer, or what `keras.optimizers.get` takes; `"adam"` is this module's.
        *networks: Built models.

    Returns:
        `keras.optimizers.Optimizer`.

    Raises:
        ValueError: If it averages weights by itself, which nothing here would use.
    """
    optimizer = Adam() if identifier == "adam" else keras.optimizers.get(identifier)
    if getattr(optimizer, "inner_optimizer", optimizer).use_ema:
        raise ValueError(
            "An optimizer's own average of weights is written to no network here: use GAN(..., ema_momentum=). "
            f"Received: {type(optimizer).__name__}(use_ema=True) for {', '.join(network.name for network in networks)}"
        )
    half = any(layer.compute_dtype == "float16" for network in networks for layer in network._flatten_layers())
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    if not optimizer.built:
        optimizer.build([variable for network in networks for variable in network.trainable_variables])
    return optimizer


def apply(optimizer, gradients, variables):
    """Applies gradients: clips the global ones; an overflow on any replica skips the update on all of them.

    Args:
        optimizer: A built optimizer.
        gradients: This replica's gradients, which are summed over replicas, one for each variable.
        variables: The variables.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        gradients = _agree_on_overflow(gradients)
    optimizer.apply(_clip_globally(optimizer, gradients), variables)


def _clip_globally(optimizer, gradients):
    """This replica's share of the clipped sum of gradients.

    Keras clips on each replica before it sums, so that N replicas would clip other gradients than one device. What
    is clipped here already passes its clipping unchanged.
    """
    context = tf.distribute.get_replica_context()
    scale, inner = 1.0, optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        scale, inner = optimizer.dynamic_scale.value, optimizer.inner_optimizer
    clips = inner.clipnorm or inner.global_clipnorm or inner.clipvalue
    if not clips or context is None or context.num_replicas_in_sync == 1:
        return gradients
    present = [g for g in gradients if g is not None]
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, present)
    share = scale / context.num_replicas_in_sync
    clipped = iter(g * share for g in inner._clip_gradients([g / scale for g in total]))
    return [None if g is None else next(clipped) for g in gradients]


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
