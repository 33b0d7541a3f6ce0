"""The networks of R3GAN: residual, without normalization, from a handful of filters to the published sizes."""

import itertools
import math

import keras
import tensorflow as tf

from keras_gan import layers
from keras_gan.networks import convolutional
from keras_gan.networks.base import Discriminator, Generator

# Of the published ones, each is for images of that size; the others are for any.
PRESETS = {
    "tiny": {"widths": 32, "blocks": 1},
    "small": {"widths": 128, "blocks": 1},
    "cifar10": {"widths": 768, "blocks": 2},
    "imagenet32": {"widths": 1536, "blocks": 2, "group_size": 32},
    "imagenet64": {"widths": 1536, "blocks": 2, "group_size": 32},
    "ffhq64": {"widths": (768, 768, 768, 768, 384), "blocks": 2},
    "ffhq256": {"widths": (768, 768, 768, 768, 384, 192, 96), "blocks": 2},
}

_GAIN = math.sqrt(2.0 / (1.0 + 0.2**2))  # of LeakyReLU with slope 0.2


def _normal(fan_in, gain=1.0):
    # A fresh initializer for each layer: one object gives equal shapes equal values.
    return keras.initializers.RandomNormal(0.0, gain / math.sqrt(fan_in))


def _convolution(inputs, outputs, dtype):
    return keras.layers.Conv2D(outputs, 1, use_bias=False, kernel_initializer=_normal(inputs), dtype=dtype)


class ResidualBlock(keras.layers.Layer):
    """x + C(a(b + G(a(b + C(x))))) with 1x1 convolutions C, a grouped 3x3 one G, biases b and LeakyReLU a."""

    def __init__(self, width, expansion, group_size, gain, **kwargs):
        super().__init__(**kwargs)
        hidden, policy = width * expansion, self.dtype_policy
        self.expand = keras.layers.Conv2D(hidden, 1, kernel_initializer=_normal(width, gain), dtype=policy)
        self.mix = layers.GroupedConv2D(
            hidden,
            3,
            hidden // group_size,
            padding="same",
            kernel_initializer=_normal(9 * group_size, gain),
            dtype=policy,
        )
        self.reduce = keras.layers.Conv2D(width, 1, use_bias=False, kernel_initializer="zeros", dtype=policy)

    def build(self, input_shape):
        hidden = self.expand.compute_output_shape(input_shape)
        self.expand.build(input_shape)
        self.mix.build(hidden)
        self.reduce.build(hidden)

    def call(self, inputs):
        x = keras.ops.leaky_relu(self.expand(inputs), 0.2)
        x = keras.ops.leaky_relu(self.mix(x), 0.2)
        return inputs + self.reduce(x)

    def compute_output_shape(self, input_shape):
        return input_shape


class _Stages:
    """Sizes, residual blocks, presets and configuration, which both networks share."""

    @classmethod
    def from_preset(cls, preset, **kwargs):
        """The network of a preset: `"tiny"`, `"small"`, or a published one such as `"cifar10"`.

        Args:
            preset: A name in `keras_gan.networks.r3gan.PRESETS`.
            **kwargs: Constructor arguments, which take precedence.

        Returns:
            A network.
        """
        if preset not in PRESETS:
            raise ValueError(f"`preset` must be one of {list(PRESETS)}. Received: preset={preset!r}")
        return cls(**{**PRESETS[preset], **kwargs})

    def _check_stages(self, widths, blocks, expansion, group_size):
        """Stores the arguments, and returns the sizes of all stages, from the smallest to the image's, and widths."""
        convolutional.check_image(self.image_shape)
        sizes = convolutional.stage_sizes(*self.image_shape[:2])[::-1]
        each = (widths,) * len(sizes) if isinstance(widths, int) else tuple(int(width) for width in widths)
        if len(each) != len(sizes):
            raise ValueError(
                f"`widths` must be one number or {len(sizes)}, for feature maps of sizes {sizes}. "
                f"Received: widths={widths}"
            )
        self.widths = widths if isinstance(widths, int) else each
        self.blocks, self.expansion, self.group_size = int(blocks), int(expansion), int(group_size)
        if min(each) < 1 or min(self.blocks, self.expansion, self.group_size) < 1:
            raise ValueError(
                "`widths`, `blocks`, `expansion` and `group_size` must be at least 1. Received: "
                f"widths={widths}, blocks={blocks}, expansion={expansion}, group_size={group_size}"
            )
        if any(width * self.expansion % self.group_size for width in each):
            raise ValueError(
                "Every width times `expansion` must be divisible by `group_size`. Received: "
                f"widths={widths}, expansion={expansion}, group_size={group_size}"
            )
        return sizes, each

    def _add_stages(self, widths):
        """Makes residual blocks for each width in turn, and what goes from one to the next."""
        policy, gain = self.dtype_policy, _GAIN * (self.blocks * len(widths)) ** -0.25
        self.stages = [
            [ResidualBlock(width, self.expansion, self.group_size, gain, dtype=policy) for _ in range(self.blocks)]
            for width in widths
        ]
        self.transitions = [
            keras.layers.Identity(dtype=policy) if before == after else _convolution(before, after, policy)
            for before, after in itertools.pairwise(widths)
        ]

    def get_config(self):
        config = super().get_config()
        config.update(widths=self.widths, blocks=self.blocks, expansion=self.expansion, group_size=self.group_size)
        return config


def upsample(x):
    """Doubles height and width by the kernel [1, 3, 3, 1] / 4 along either axis, with zeros around the map.

    Args:
        x: Floats of shape `(batch, height, width, channels)`.

    Returns:
        Floats of shape `(batch, 2 * height, 2 * width, channels)`.

    Example:

    >>> keras_gan.networks.r3gan.upsample(tf.fill((1, 1, 2, 1), 16.0)).numpy()[0, 0, :, 0].tolist()
    [9.0, 12.0, 12.0, 9.0]
    """
    _, height, width, channels = x.shape
    for axis, shape in ((1, (-1, 2 * height, width, channels)), (2, (-1, 2 * height, 2 * width, channels))):
        before, after = _shifted(x, axis)
        x = tf.reshape(tf.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], axis + 1), shape)
    return x


def downsample(x):
    """Halves height and width, rounded up, by the kernel [1, 3, 3, 1] / 8 along either axis, with zeros around the map.

    Args:
        x: Floats of shape `(batch, height, width, channels)`.

    Returns:
        Floats of shape `(batch, ceil(height / 2), ceil(width / 2), channels)`.

    Example:

    >>> keras_gan.networks.r3gan.downsample(tf.fill((1, 4, 4, 1), 64.0)).numpy()[0, 0, :, 0].tolist()
    [49.0, 49.0]
    """
    for axis in (1, 2):
        if x.shape[axis] % 2:
            x = tf.pad(x, [[0, int(i == axis)] for i in range(4)])
        first, *rest = x.shape[1:]
        shape = (-1, first // 2, 2, *rest) if axis == 1 else (-1, first, rest[0] // 2, 2, rest[1])
        even, odd = tf.unstack(tf.reshape(x, shape), axis=axis + 1)
        before, after = _shifted(odd, axis)[0], _shifted(even, axis)[1]
        x = 0.125 * (before + after) + 0.375 * (even + odd)
    return x


def _shifted(x, axis):
    """The map moved on by one place, and back by one; zeros come in."""
    size = x.shape[axis]
    before, after = ([[0, 0]] * axis + [pad] + [[0, 0]] * (3 - axis) for pad in ([1, 0], [0, 1]))
    x_before, x_after = tf.pad(x, before), tf.pad(x, after)
    index = (slice(None),) * axis
    return x_before[(*index, slice(0, size))], x_after[(*index, slice(1, size + 1))]


@keras.saving.register_keras_serializable("keras_gan")
class R3GANGenerator(_Stages, Generator):
    """Generator of R3GAN: a learned basis, residual blocks without normalization, bilinear upsampling.

    A feature map of the smallest size of `keras_gan.networks.convolutional.stage_sizes` is a trainable map times a
    linear function of z, and of a linear embedding of the label where there are classes. Each stage has `blocks`
    residual blocks; between stages a 1x1 convolution where the width changes, then `upsample`. A 1x1 convolution
    makes the image. Kernels start from N(0, 1 / inputs); the two first of a block from that times 2 / (1 + 0.2^2) /
    sqrt(L) with L blocks in all, its last from 0.

    The published network has no squashing output. Images are therefore unbounded in training, and clipped to [-1, 1]
    otherwise, as they are wherever they are looked at.

    `R3GANGenerator.from_preset("cifar10")` is the published network for 32x32x3: 20,732,160 parameters, 20,781,952
    with 10 classes.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: Length of one latent vector.
        latent_prior: `"normal"` or `"uniform"`.
        widths: Width of the feature maps: one number, or one for each stage from the smallest to the image's.
        blocks: Residual blocks in each stage.
        expansion: Width within a block by that of the block.
        group_size: Channels in each group of the 3x3 convolutions.
        num_classes: Number of classes of a conditional generator, or `None`.
        class_names: One name per class, or `None`.

    Call arguments:
        inputs: Latents, floats of shape `(batch, latent_dim)`; with classes the pair `[latents, labels]`, labels
            integers of shape `(batch,)` in `[0, num_classes)`.
        training: Whether the call is part of a training step; otherwise images are clipped.

    Returns:
        float32 images of shape `(batch,) + image_shape`.

    Raises:
        ValueError: If the arguments contradict one another.

    Example:

    >>> generator = keras_gan.networks.R3GANGenerator.from_preset("tiny", image_shape=(28, 28, 1))
    >>> generator(np.zeros((3, 64), "float32")).shape
    TensorShape([3, 28, 28, 1])

    Reference: Huang et al. 2024, "The GAN is dead; long live the GAN! A modern GAN baseline"
    (https://arxiv.org/abs/2501.05441), section 4 and the released code.
    """

    def __init__(
        self,
        image_shape=(32, 32, 3),
        latent_dim=64,
        latent_prior="normal",
        widths=768,
        blocks=2,
        expansion=2,
        group_size=16,
        num_classes=None,
        class_names=None,
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape,
            latent_dim=latent_dim,
            latent_prior=latent_prior,
            num_classes=num_classes,
            class_names=class_names,
            **kwargs,
        )
        self.sizes, widths = self._check_stages(widths, blocks, expansion, group_size)
        policy, inputs = self.dtype_policy, self.latent_dim
        if self.num_classes is not None:
            self.embedding = keras.layers.Embedding(
                self.num_classes, self.latent_dim, embeddings_initializer=_normal(self.num_classes), dtype=policy
            )
            inputs += self.latent_dim
        self.basis = self.add_weight(shape=(*self.sizes[0], widths[0]), initializer=_normal(1), name="basis")
        self.coefficients = keras.layers.Dense(
            widths[0], use_bias=False, kernel_initializer=_normal(inputs), dtype=policy
        )
        self._add_stages(widths)
        self.to_image = _convolution(widths[-1], self.image_shape[-1], "float32")
        self.build()

    def call(self, inputs, training=None):
        x, labels = self.unpack(inputs)
        if labels is not None:
            x = keras.ops.concatenate([x, self.embedding(labels)], axis=-1)
        x = self.basis * self.coefficients(x)[:, None, None, :]
        for i, blocks in enumerate(self.stages):
            if i > 0:
                height, width = self.sizes[i]
                x = upsample(self.transitions[i - 1](x))[:, :height, :width]
            for block in blocks:
                x = block(x)
        images = self.to_image(x)
        return images if training else keras.ops.clip(images, -1.0, 1.0)


@keras.saving.register_keras_serializable("keras_gan")
class R3GANDiscriminator(_Stages, Discriminator):
    """Discriminator of R3GAN: the generator's stages in reverse, and a learned basis in place of pooling.

    A 1x1 convolution of the image, then stages of `blocks` residual blocks; between stages `downsample`, then a 1x1
    convolution where the width changes. From the last feature map each channel's sum, weighted by a trainable map,
    goes through a linear layer to the logit; with classes that gives a vector as long as the last width, whose inner
    product with the label's embedding is the logit. Nothing but the blocks has a bias, and there is no
    normalization, so any gradient penalty is right.

    `R3GANDiscriminator.from_preset("cifar10")` is the published network for 32x32x3: 20,683,776 parameters, 21,280,512
    with 10 classes.

    Args:
        image_shape: `(height, width, channels)`.
        widths: Width of the feature maps: one number, or one for each stage from the smallest to the image's, as
            for the generator.
        blocks: Residual blocks in each stage.
        expansion: Width within a block by that of the block.
        group_size: Channels in each group of the 3x3 convolutions.
        num_classes: Number of classes of a conditional discriminator, or `None`.
        class_names: One name per class, or `None`.
        packing: Images judged together, of an unconditional discriminator; see `keras_gan.networks.Discriminator`.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + image_shape`; with classes the pair `[images, labels]`, labels
            integers of shape `(batch,)` in `[0, num_classes)`.
        training: Without effect.

    Returns:
        float32 logits of shape `(batch / packing, 1)`.

    Raises:
        ValueError: If the arguments contradict one another.

    Example:

    >>> discriminator = keras_gan.networks.R3GANDiscriminator.from_preset("tiny", image_shape=(28, 28, 1))
    >>> discriminator(np.zeros((3, 28, 28, 1), "float32")).shape
    TensorShape([3, 1])

    Reference: Huang et al. 2024, "The GAN is dead; long live the GAN! A modern GAN baseline"
    (https://arxiv.org/abs/2501.05441), section 4 and the released code.
    """

    def __init__(
        self,
        image_shape=(32, 32, 3),
        widths=768,
        blocks=2,
        expansion=2,
        group_size=16,
        num_classes=None,
        class_names=None,
        packing=1,
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape, num_classes=num_classes, class_names=class_names, packing=packing, **kwargs
        )
        self.refuse_packed_labels()
        sizes, widths = self._check_stages(widths, blocks, expansion, group_size)
        policy = self.dtype_policy
        widths = widths[::-1]
        self.from_image = _convolution(self.packing * self.image_shape[-1], widths[0], policy)
        self._add_stages(widths)
        self.basis = self.add_weight(
            shape=(*sizes[0], widths[-1]), initializer=_normal(math.prod(sizes[0])), autocast=False, name="basis"
        )
        outputs = 1
        if self.num_classes is not None:
            outputs = widths[-1]
            self.embedding = keras.layers.Embedding(
                self.num_classes, outputs, embeddings_initializer=_normal(self.num_classes * outputs), dtype="float32"
            )
        self.logit = keras.layers.Dense(
            outputs, use_bias=False, kernel_initializer=_normal(widths[-1]), dtype="float32"
        )
        self.build()

    def call(self, inputs, training=None):
        x, labels = self.unpack(inputs)
        x = self.from_image(self.pack(x))
        for i, blocks in enumerate(self.stages):
            if i > 0:
                x = self.transitions[i - 1](downsample(x))
            for block in blocks:
                x = block(x)
        x = keras.ops.cast(x, self.basis.dtype)
        logits = self.logit(keras.ops.sum(x * self.basis, axis=(1, 2)))
        if labels is not None:
            logits = keras.ops.sum(logits * self.embedding(labels), axis=-1, keepdims=True)
        return logits
