"""Schedules by images seen, for whatever accepts a Keras schedule.

A schedule is a function of a step. Which steps those are is the matter of whoever calls it: an optimizer counts its own
updates, the weight of a regularizer and the momentum of the generator's average follow the model's training steps, an
augmenter counts updates of the discriminator. `images_per_step` says how many images one of them is.
"""

import math

import keras
import tensorflow as tf

from keras_gan import serialization


@keras.saving.register_keras_serializable("keras_gan")
class CosineBurnIn(keras.optimizers.schedules.LearningRateSchedule):
    """From one value to another along half a cosine, then constant.

    `value(n) = end + (start - end) (1 + cos(pi min(1, n / burn_in))) / 2` after n images, `n = step * images_per_step`.

    Args:
        start: Value at the first step.
        end: Value from `burn_in` images on.
        burn_in: Images until then; with `images_per_step=1`, steps.
        images_per_step: Images that one step stands for.

    Call arguments:
        step: Number of steps so far.

    Returns:
        float32 value at that step.

    Raises:
        ValueError: If `burn_in` or `images_per_step` is not positive.

    Example: a learning rate that falls over the first 20 million images, in batches of 512.

    >>> rate = keras_gan.optimizers.schedules.CosineBurnIn(2e-4, 5e-5, burn_in=20e6, images_per_step=512)
    >>> optimizer = keras.optimizers.Adam(rate)
    >>> [round(1e4 * float(rate(step)), 3) for step in (0, 10e6 / 512, 40_000)]
    [2.0, 1.25, 0.5]

    Reference:
        Huang et al. 2024, "The GAN is dead; long live the GAN! A modern GAN baseline" (R3GAN), appendix: learning rate,
        gamma, beta_2, the average's half-life and the augmentation's probability all follow such a curve.
    """

    def __init__(self, start, end, burn_in, images_per_step=1, name=None):
        super().__init__()
        if burn_in <= 0 or images_per_step <= 0:
            raise ValueError(
                "`burn_in` and `images_per_step` must be positive. "
                f"Received: burn_in={burn_in}, images_per_step={images_per_step}"
            )
        self.start = float(start)
        self.end = float(end)
        self.burn_in = float(burn_in)
        self.images_per_step = float(images_per_step)
        self.name = name

    def __call__(self, step):
        progress = tf.minimum(1.0, tf.cast(step, tf.float32) * (self.images_per_step / self.burn_in))
        return self.end + (self.start - self.end) * 0.5 * (1.0 + tf.cos(math.pi * progress))

    def get_config(self):
        return {
            "start": self.start,
            "end": self.end,
            "burn_in": self.burn_in,
            "images_per_step": self.images_per_step,
            "name": self.name,
        }


@keras.saving.register_keras_serializable("keras_gan")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant for a while, then in a straight line to 0.

    `value(step) = start * min(1, (steps - step) / (steps - constant))`, and 0 from `steps` on.

    Args:
        start: The value at first.
        steps: Steps until it is 0.
        constant: Steps, the first of these, in which it stays.

    Call arguments:
        step: Number of steps so far.

    Returns:
        float32 value at that step.

    Raises:
        ValueError: Unless `0 <= constant < steps`.

    Example: the learning rate of pix2pix and CycleGAN, of so many epochs.

    >>> rate = keras_gan.optimizers.schedules.LinearDecay(2e-4, steps=200, constant=100)
    >>> [round(1e4 * float(rate(step)), 3) for step in (0, 100, 150, 200, 250)]
    [2.0, 2.0, 1.0, 0.0, 0.0]

    Reference: Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks"
    (https://arxiv.org/abs/1703.10593), section 4.
    """

    def __init__(self, start, steps, constant=0, name=None):
        super().__init__()
        if not 0 <= constant < steps:
            raise ValueError(
                f"`constant` must be at least 0 and less than `steps`. Received: constant={constant}, steps={steps}"
            )
        self.start = float(start)
        self.steps = float(steps)
        self.constant = float(constant)
        self.name = name

    def __call__(self, step):
        left = (self.steps - tf.cast(step, tf.float32)) / (self.steps - self.constant)
        return self.start * tf.clip_by_value(left, 0.0, 1.0)

    def get_config(self):
        return {"start": self.start, "steps": self.steps, "constant": self.constant, "name": self.name}


@keras.saving.register_keras_serializable("keras_gan")
class HalfLife(keras.optimizers.schedules.LearningRateSchedule):
    """The momentum of a moving average, from the number of images after which a weight counts half.

    `momentum = 0.5 ** (images_per_step / half_life)`; with `ramp`, the half-life is at most `ramp` times the images
    seen so far. `GAN` bounds the momentum by its own warm-up, (1 + t) / (10 + t) at step t, as well: that is weaker
    than a ramp below 0.077.

    Args:
        half_life: Images, or a schedule of the step that gives images; 0 is no average at all.
        images_per_step: Images that one step stands for: those that the generator makes in a training step.
        ramp: Positive factor, or `None`.

    Call arguments:
        step: Number of steps so far.

    Returns:
        float32 momentum in [0, 1).

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> momentum = keras_gan.optimizers.schedules.HalfLife(500_000, images_per_step=64, ramp=0.05)
    >>> round(float(momentum(10**6)) ** (500_000 / 64), 3)
    0.5
    >>> round(float(momentum(1000)) ** 50, 3)
    0.5

    Reference:
        Karras et al. 2020, "Training generative adversarial networks with limited data", whose code has this ramp,
        by default of 0.05.
    """

    def __init__(self, half_life, images_per_step, ramp=None, name=None):
        super().__init__()
        self.half_life = serialization.number_or_schedule("half_life", half_life)
        if isinstance(self.half_life, float) and self.half_life < 0:
            raise ValueError(f"`half_life` must not be negative. Received: half_life={half_life}")
        if images_per_step <= 0 or (ramp is not None and ramp <= 0):
            raise ValueError(
                "`images_per_step` and `ramp` must be positive. "
                f"Received: images_per_step={images_per_step}, ramp={ramp}"
            )
        self.images_per_step = float(images_per_step)
        self.ramp = None if ramp is None else float(ramp)
        self.name = name

    def __call__(self, step):
        half_life = serialization.value_at(self.half_life, step) / self.images_per_step
        if self.ramp is not None:
            half_life = tf.minimum(half_life, self.ramp * tf.cast(step, tf.float32))
        return tf.pow(0.5, 1.0 / tf.maximum(tf.cast(half_life, tf.float32), 1e-6))

    def get_config(self):
        return {
            "half_life": serialization.serialize_number(self.half_life),
            "images_per_step": self.images_per_step,
            "ramp": self.ramp,
            "name": self.name,
        }
