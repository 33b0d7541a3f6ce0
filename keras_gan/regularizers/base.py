"""The base of all regularizers."""

import tensorflow as tf

from keras_gan import losses, serialization


class Regularizer:
    """Base class of regularizers: a penalty per example, and its weight in the objective.

    The objective gains `weight(step) * mean(penalty)`. The mean penalty is logged under `name`, unweighted.

    Args:
        weight: A number, or a `keras.optimizers.schedules.LearningRateSchedule` of the training step.
        name: Name in the logs; `None` for the class's own.
        interval: In training the penalty is computed at every `interval`-th step only, and then counts `interval`
            times: the "lazy" penalties of StyleGAN2. Anything but 1 saves time, and can fail where the full penalty
            does not: R3GAN's authors report a complete failure on Stacked MNIST.

    Call arguments:
        critic: `keras_gan.models.critic.Critic`, the discriminator within one training step: `critic(images)` gives
            logits, `critic.input_gradients(images)` their gradients, each computed once a step, and `critic.noise`
            the step's random draws.
        real: Real images, float32 `(batch, ...)`.
        fake: Generated images, float32 `(batch, ...)`.

    Returns:
        float32 penalties of shape `(batch,)`, or of a part of the batch; or of the shape of the logits of patches,
        `(batch, rows, columns)`, which are then averaged over patches.

    Example:

    >>> class LogitDrift(keras_gan.regularizers.Regularizer):
    ...     name = "drift"
    ...     def __call__(self, critic, real, fake):
    ...         return tf.square(critic(real))
    >>> LogitDrift(weight=1e-3).get_config()
    {'weight': 0.001, 'name': 'drift', 'interval': 1}
    """

    name = None
    # Whether gradients with respect to images are taken, which then are differentiated once more.
    uses_input_gradients = False
    # Whether logits of an image and of one close to it are compared, which then must differ by nothing else.
    uses_differences = False
    # Whether the discriminator must have a classifier beside its logit.
    uses_class_logits = False
    # A `keras.layers.Layer` whose weights are saved with the `GAN`, if there is something to remember.
    state = None

    def __init__(self, weight=1.0, name=None, interval=1):
        self.weight = serialization.number_or_schedule("weight", weight)
        self.name = name or self.name or type(self).__name__
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(f"`interval` must be an integer of at least 1. Received: interval={interval!r}")
        self.interval = interval

    def __call__(self, critic, real, fake):
        raise NotImplementedError(f"{type(self).__name__} must implement `__call__(critic, real, fake)`.")

    def build(self, image_shape):
        """Creates what `state` holds; called by `GAN.compile` in the scope of its strategy.

        Args:
            image_shape: Shape of one image.
        """

    def at_step(self, critic, real, fake, step):
        """The penalties of a training or test step, and how often they count in it.

        Args:
            critic: As for a call.
            real: As for a call.
            fake: As for a call.
            step: int64 scalar tensor, the number of training steps so far.

        Returns:
            The pair of the penalties and 1; in training with an `interval` of the penalties and `interval`, or of
            zeros and 0.
        """
        if self.interval == 1 or not critic.training:
            return losses.per_example(self(critic, real, fake)), 1.0
        due = tf.equal(step % self.interval, 0)
        # With a critic of its own: what a branch of a graph has computed cannot be used outside of it.
        penalties = tf.cond(
            due,
            lambda: losses.per_example(self(critic.fresh(), real, fake)),
            lambda: tf.zeros(tf.shape(real)[:1]),
        )
        return penalties, tf.where(due, float(self.interval), 0.0)

    def get_config(self):
        return {
            "weight": serialization.serialize_number(self.weight),
            "name": self.name,
            "interval": self.interval,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)
