"""Adaptive discriminator augmentation."""

import functools
import math

import keras
import tensorflow as tf

from keras_gan import losses, serialization
from keras_gan.augmentation import transforms
from keras_gan.augmentation.base import Augmenter, Draws, check_images, part_names


@keras.saving.register_keras_serializable("keras_gan")
class AdaptiveAugment(Augmenter):
    """Adaptive discriminator augmentation (ADA): random transformations, each with probability p.

    - `"blit"`: flip from left to right; turn by a multiple of 90 degrees (of 180, where the image is no square);
      move by whole pixels, uniform up to 1/8 of each side.
    - `"geometry"`: scale by `2^N(0, 0.2)`; rotate by any angle, before and after stretching by `2^N(0, 0.2)` and its
      inverse; move by N(0, 1/8) of each side.
    - `"color"`: brightness `x + N(0, 0.2)`; contrast by a factor `2^N(0, 0.5)`; mirror the luminance; and, of three
      channels, rotate the hue by any angle; of several, saturation by a factor `2^N(0, 1)`.
    - `"cutout"`: a rectangle of half the image's sides is set to 0.

    The generator learns the distribution of unaugmented images as long as p stays below about 0.8 (the paper's limit).
    p follows how much the discriminator overfits: each `interval` updates of the discriminator,

    `p <- clip(p + sign(mean(sign D(real)) - target) * batch * interval / horizon, 0, 1)`,

    where the inner mean is over all real images of those updates, on all replicas. All of this state is saved.

    Args:
        policy: Names joined by commas, or a sequence of them, or a dictionary from name to a factor in [0, 1] on p;
            they act in the order above.
        probability: `None` for the rule above; or p itself, a number in [0, 1] or a schedule of the number of
            discriminator updates.
        target: What `mean(sign D(real))` is steered to.
        horizon: Images in which p can rise from 0 to 1.
        interval: Discriminator updates between two changes of p.

    Call arguments:
        images: float32 images in [-1, 1] of shape `(batch, height, width, channels)`.
        seed: Two int64 that determine every random number of this call.

    Returns:
        Images of the same shape; colours may leave [-1, 1].

    Raises:
        ValueError: If an argument is out of range, or vectors are to be augmented.

    Example:

    >>> augmenter = keras_gan.augmentation.AdaptiveAugment({"blit": 1.0, "color": 0.5}, horizon=1000)
    >>> augmenter(tf.ones((2, 8, 8, 3)), seed=(0, 1)).shape
    TensorShape([2, 8, 8, 3])
    >>> for _ in range(4):
    ...     augmenter.update(tf.ones(50))
    >>> round(float(augmenter.p), 6)
    0.2

    Reference:
        Karras et al. 2020, "Training generative adversarial networks with limited data", section 3 and appendix B,
        with the constants of the released code. Unlike there, p is kept at or below 1, resampling is bilinear
        without the wavelet filter against aliasing, and there is no image-space filtering and no additive noise.
    """

    PARTS = ("blit", "geometry", "color", "cutout")

    def __init__(
        self,
        policy=("blit", "geometry", "color"),
        probability=None,
        target=0.6,
        horizon=500_000,
        interval=4,
        **kwargs,
    ):
        super().__init__(**kwargs)
        names = part_names("policy", policy, self.PARTS)
        factors = policy if isinstance(policy, dict) else dict.fromkeys(names, 1.0)
        self.policy = {name: float(factors[name]) for name in names}
        if any(not 0 <= factor <= 1 for factor in self.policy.values()):
            raise ValueError(f"The factors of `policy` must lie in [0, 1]. Received: policy={policy}")
        self.probability = None
        if probability is not None:
            self.probability = serialization.number_or_schedule("probability", probability)
            if isinstance(self.probability, float) and not 0 <= self.probability <= 1:
                raise ValueError(f"`probability` must lie in [0, 1]. Received: probability={probability}")
        if horizon <= 0 or interval < 1:
            raise ValueError(
                f"`horizon` must be positive and `interval` at least 1. Received: horizon={horizon}, "
                f"interval={interval}"
            )
        self.target = float(target)
        self.horizon = int(horizon)
        self.interval = int(interval)

    def build(self, input_shape):
        check_images(self, input_shape)
        add = functools.partial(
            self.add_weight, shape=(), initializer="zeros", trainable=False, aggregation="only_first_replica"
        )
        self.p = add(name="p")
        self.updates = add(name="updates", dtype="int64")
        # Sums over the updates since p last changed.
        self.signs = add(name="signs")
        self.images = add(name="images")
        if self.probability is not None:
            self.p.assign(serialization.value_at(self.probability, 0))

    def call(self, images, seed):
        draws = Draws(images, seed, 40)
        p = {name: factor * self.p.value for name, factor in self.policy.items()}
        matrices = self._matrices(images, draws, p)
        if matrices is not None:
            images = transforms.warp(images, matrices)
        if "color" in p:
            images = _recolor(images, draws, p["color"])
        if "cutout" in p:
            reach = draws.maybe(p["cutout"], tf.constant(0.25, images.dtype), 0.0)[:, None]
            middles = [(tf.range(side, dtype=images.dtype) + 0.5) / side for side in images.shape[1:3]]
            covered = [tf.abs(middle - draws.uniform()[:, None]) < reach for middle in middles]
            images = transforms.erase(images, *covered)
        return images

    def _matrices(self, images, draws, p):
        """Each image's map from output to input, or `None` where nothing moves."""
        height, width = images.shape[1:3]
        matrices = None
        if "blit" in p:
            flip = draws.maybe(p["blit"], 1 - 2 * tf.cast(draws.integer(2), images.dtype), 1.0)
            turns = draws.integer(4) if height == width else 2 * draws.integer(2)
            turns = draws.maybe(p["blit"], turns, 0)
            right, down = (tf.round(draws.uniform(-0.125, 0.125) * side) for side in (width, height))
            moves = draws.maybe(p["blit"], tf.ones_like(right), 0.0)
            # Quarter turns as exact integers.
            cosine, sine = (tf.cast(tf.gather([1, 0, -1, 0], (turns + i) % 4), images.dtype) for i in (0, 3))
            matrices = _scaling(flip, tf.ones_like(flip))
            matrices = _compose(matrices, _rotation(cosine, sine))
            matrices = _compose(matrices, _translation(-right * moves, -down * moves))
        if "geometry" in p:
            # Rotations come twice: each so often that one or both happen with probability p.
            rotate = 1 - tf.sqrt(1 - p["geometry"])
            scale = draws.maybe(p["geometry"], 2.0 ** draws.normal(0.2), 1.0)
            before, after = (draws.maybe(rotate, draws.uniform(-math.pi, math.pi), 0.0) for _ in range(2))
            stretch = draws.maybe(p["geometry"], 2.0 ** draws.normal(0.2), 1.0)
            right, down = draws.normal(0.125) * width, draws.normal(0.125) * height
            moves = draws.maybe(p["geometry"], tf.ones_like(right), 0.0)
            scaling = _scaling(1 / scale, 1 / scale)
            matrices = scaling if matrices is None else _compose(matrices, scaling)
            matrices = _compose(matrices, _rotation(tf.cos(before), tf.sin(before)))
            matrices = _compose(matrices, _scaling(1 / stretch, stretch))
            matrices = _compose(matrices, _rotation(tf.cos(after), tf.sin(after)))
            matrices = _compose(matrices, _translation(-right * moves, -down * moves))
        return matrices

    def update(self, real_logits):
        """Adapts p to one update of the discriminator.

        Args:
            real_logits: float32 `(batch,)`, the logits of the augmented real images in that update; where the
                discriminator packs images, each has that of its pack; of patches `(batch, rows, columns)`, where an
                image's sign is the mean over its patches.
        """
        self.updates.assign_add(1)
        if self.probability is not None:
            self.p.assign(tf.cast(serialization.value_at(self.probability, self.updates.value), tf.float32))
            return
        # Of a NaN, as in an update that loss scaling skips, neither holds.
        signs = losses.per_example(tf.cast(real_logits > 0, tf.float32) - tf.cast(real_logits < 0, tf.float32))
        context = tf.distribute.get_replica_context()
        total, count = tf.reduce_sum(signs), tf.cast(tf.size(signs), tf.float32)
        if context is not None and context.num_replicas_in_sync > 1:
            total, count = context.all_reduce(tf.distribute.ReduceOp.SUM, [total, count])
        total, count = self.signs.value + total, self.images.value + count
        due = self.updates.value % self.interval == 0
        change = tf.sign(total / count - self.target) * count / self.horizon
        self.p.assign(tf.where(due, tf.clip_by_value(self.p.value + change, 0.0, 1.0), self.p.value))
        self.signs.assign(tf.where(due, 0.0, total))
        self.images.assign(tf.where(due, 0.0, count))

    def get_config(self):
        config = super().get_config()
        config.update(
            policy=dict(self.policy),
            probability=serialization.serialize_number(self.probability),
            target=self.target,
            horizon=self.horizon,
            interval=self.interval,
        )
        return config


def _recolor(images, draws, p):
    """ADA's colour transformations, in its order."""
    channels = images.shape[-1]
    images = images + transforms.per_image(draws.maybe(p, draws.normal(0.2), 0.0))
    images = images * transforms.per_image(draws.maybe(p, 2.0 ** draws.normal(0.5), 1.0))
    mirror = draws.maybe(p, 2.0 * tf.cast(draws.integer(2), images.dtype), 0.0)
    images = images - transforms.per_image(mirror) * tf.reduce_mean(images, -1, keepdims=True)
    hue = draws.maybe(p, draws.uniform(-math.pi, math.pi), 0.0)
    if channels == 3:
        images = transforms.rotate_hue(images, hue)
    saturation = draws.maybe(p, 2.0 ** draws.normal(1.0), 1.0)
    return transforms.scale_colors(images, saturation) if channels > 1 else images


def _affine(*rows):
    return tf.stack([tf.stack(row, -1) for row in rows], 1)


def _scaling(x, y):
    zero = tf.zeros_like(x)
    return _affine((x, zero, zero), (zero, y, zero))


def _rotation(cosine, sine):
    zero = tf.zeros_like(cosine)
    return _affine((cosine, -sine, zero), (sine, cosine, zero))


def _translation(x, y):
    one, zero = tf.ones_like(x), tf.zeros_like(x)
    return _affine((one, zero, x), (zero, one, y))


def _compose(first, second):
    """The affine map of `first` after `second`, `(batch, 2, 3)` each."""
    linear = tf.reduce_sum(first[:, :, :2, None] * second[:, None], 2)
    return linear + tf.pad(first[:, :, 2:], [[0, 0], [0, 0], [2, 0]])
