"""Regularizers: penalties per example on what a critic says about real and fake images."""

import keras
import tensorflow as tf

from keras_gan import serialization


class Regularizer:
    """Base class of regularizers: a penalty per example, and its weight in the objective.

    The objective gains `weight(step) * mean(penalty)`. The mean penalty is logged under `name`, unweighted.

    Args:
        weight: A number, or a `keras.optimizers.schedules.LearningRateSchedule` of the training step.
        name: Name in the logs; `None` for the class's own.

    Call arguments:
        critic: `keras_gan.critic.Critic`, the discriminator within one training step: `critic(images)` gives
            logits and `critic.input_gradients(images)` their gradients, each computed once a step.
        real: Real images, float32 `(batch, ...)`.
        fake: Generated images, float32 `(batch, ...)`.

    Returns:
        float32 penalties of shape `(batch,)`.

    Example:

    >>> class LogitDrift(keras_gan.regularizers.Regularizer):
    ...     name = "drift"
    ...     def __call__(self, critic, real, fake):
    ...         return tf.square(critic(real))
    >>> LogitDrift(weight=1e-3).get_config()
    {'weight': 0.001, 'name': 'drift'}
    """

    name = None
    # Whether gradients with respect to images are taken, which then are differentiated once more.
    uses_input_gradients = False

    def __init__(self, weight=1.0, name=None):
        self.weight = serialization.number_or_schedule("weight", weight)
        self.name = name or self.name or type(self).__name__

    def __call__(self, critic, real, fake):
        raise NotImplementedError(f"{type(self).__name__} must implement `__call__(critic, real, fake)`.")

    def get_config(self):
        return {"weight": serialization.serialize_number(self.weight), "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _half_squared_norm(gradients):
    return 0.5 * tf.reduce_sum(tf.square(gradients), axis=range(1, gradients.shape.rank))


@keras.saving.register_keras_serializable("keras_gan")
class R1(Regularizer):
    """Zero-centred gradient penalty on real images.

    `R1 = gamma / 2 * E_real ||grad_x D(x)||^2`, where `gamma` is the weight and the squared norm is summed over
    all pixels. Published code sometimes omits the factor 1/2: its `reg_param=10` is `weight=20` here.

    Args:
        weight: `gamma`, a number or a schedule of the training step.
        name: Name in the logs; `"r1"` by default.

    Example:

    >>> keras_gan.regularizers.R1(weight=10.0).get_config()
    {'weight': 10.0, 'name': 'r1'}

    Reference:
        Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?", equation 9.
        The factor follows the paper; the authors' code (`GAN_stability`) has none.
    """

    name = "r1"
    uses_input_gradients = True

    def __call__(self, critic, real, fake):
        return _half_squared_norm(critic.input_gradients(real))


@keras.saving.register_keras_serializable("keras_gan")
class R2(Regularizer):
    """Zero-centred gradient penalty on generated images.

    `R2 = gamma / 2 * E_fake ||grad_x D(x)||^2`: `R1` with the generator's images in place of real ones.

    Args:
        weight: `gamma`, a number or a schedule of the training step.
        name: Name in the logs; `"r2"` by default.

    Example:

    >>> keras_gan.regularizers.get("r2").weight
    1.0

    Reference:
        Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?", equation 10.
    """

    name = "r2"
    uses_input_gradients = True

    def __call__(self, critic, real, fake):
        return _half_squared_norm(critic.input_gradients(fake))


# tf.nn.moments and bilinear resizing stop a gradient, so a penalty on input gradients is differentiated
# wrongly through these, and no error says so (finite differences do: 397.0 against 396.0 for the first).
_WRONG_TO_SECOND_ORDER = {
    keras.layers.LayerNormalization: "leave it out",
    keras.layers.GroupNormalization: "leave it out",
    keras.layers.BatchNormalization: "leave it out, or normalize the generator alone",
    keras.layers.UpSampling2D: "use interpolation='nearest'",
    keras.layers.Resizing: "resize the data instead",
}


def check_layers(regularizers, discriminator):
    """Refuses layers that a penalty on input gradients cannot be differentiated through.

    Args:
        regularizers: The regularizers of one objective.
        discriminator: The model whose layers are checked, nested ones too.

    Raises:
        ValueError: If such a layer meets such a regularizer; it names both, and what to use instead.
    """
    penalty = next((r for r in regularizers if r.uses_input_gradients), None)
    if penalty is None:
        return
    for layer in discriminator._flatten_layers():
        nearest = getattr(layer, "interpolation", None) == "nearest"
        if type(layer) in _WRONG_TO_SECOND_ORDER and not nearest:
            raise ValueError(
                f"The gradient penalty {penalty.name!r} would be silently wrong: TensorFlow's second derivative "
                f"through {type(layer).__name__} is not the true one. In the discriminator's layer "
                f"{layer.name!r}, {_WRONG_TO_SECOND_ORDER[type(layer)]}. Received: regularizer={penalty.name!r}"
            )


_CLASSES = {"r1": R1, "r2": R2}


def names():
    """The names that `get` knows, in the order of the registry."""
    return list(_CLASSES)


def get(identifier):
    """Returns the regularizer that `identifier` names, describes or is; see `keras.losses.get`.

    Example:

    >>> type(keras_gan.regularizers.get("r1")).__name__
    'R1'
    """
    return serialization.get(identifier, Regularizer, _CLASSES)


def serialize(regularizer):
    """Returns the configuration that `deserialize` reads."""
    return keras.saving.serialize_keras_object(regularizer)


def deserialize(config):
    """Returns the regularizer that `serialize` described."""
    return serialization.get(config, Regularizer, _CLASSES)
