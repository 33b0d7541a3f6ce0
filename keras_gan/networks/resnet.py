"""Residual networks of the years 2017 and 2018: those of WGAN-GP and of spectral normalization."""

import math

import keras

from keras_gan import layers
from keras_gan.networks import convolutional
from keras_gan.networks.base import Discriminator, Generator, check_choice


def _convolution(filters, size, residual, dtype):
    """A convolution with Glorot's uniform initialization, of twice the variance on the residual path."""
    initializer = keras.initializers.VarianceScaling(2.0 if residual else 1.0, "fan_avg", "uniform")
    return layers.Conv2D(filters, size, padding="same", kernel_initializer=initializer, dtype=dtype)


class UpBlock(keras.layers.Layer):
    """Normalized and rectified twice, each before a 3x3 convolution, and doubled in size before the first."""

    def __init__(self, filters, normalizer, **kwargs):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.normalizers = [normalizer(), normalizer()]
        self.upsampling = keras.layers.UpSampling2D(dtype=policy)
        self.convolutions = [_convolution(filters, 3, True, policy) for _ in range(2)]
        self.shortcut = _convolution(filters, 1, False, policy)

    def build(self, input_shape):
        shape, *labels = input_shape if isinstance(input_shape, list) else [input_shape]
        for normalizer, convolution in zip(self.normalizers, self.convolutions, strict=True):
            normalizer.build([shape, *labels] if labels else shape)
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        self.shortcut.build(input_shape[0] if labels else input_shape)

    def call(self, inputs, training=None):
        x, labels = inputs if isinstance(inputs, list) else (inputs, None)
        y = x
        for i, (normalizer, convolution) in enumerate(zip(self.normalizers, self.convolutions, strict=True)):
            y = normalizer(y if labels is None else [y, labels], training=training)
            y = keras.ops.relu(y)
            y = convolution(self.upsampling(y) if i == 0 else y)
        return self.shortcut(self.upsampling(x)) + y


class DownBlock(keras.layers.Layer):
    """Two rectified 3x3 convolutions, then perhaps the mean of every 2x2 pixels; the first block rectifies no image."""

    def __init__(self, filters, down, first, spectral, **kwargs):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.first = first
        self.convolutions = [_normalized(_convolution(filters, 3, True, policy), spectral) for _ in range(2)]
        self.pooling = keras.layers.AveragePooling2D(2, padding="same", dtype=policy) if down else None
        # A block that keeps size and width is the identity beside the residual path.
        self.shortcut = _normalized(_convolution(filters, 1, False, policy), spectral) if down else None

    def build(self, input_shape):
        shape = input_shape
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        if self.shortcut is not None:
            self.shortcut.build(input_shape)

    def call(self, inputs):
        x = y = inputs
        for i, convolution in enumerate(self.convolutions):
            y = convolution(y if self.first and i == 0 else keras.ops.relu(y))
        if self.pooling is None:
            return x + y
        # A 1x1 convolution and the mean commute, and this way there are fewer pixels to convolve.
        return self.shortcut(self.pooling(x)) + self.pooling(y)


def _normalized(layer, spectral):
    return layers.SpectralNormalization(layer) if spectral else layer


def _attended(sizes):
    """Size of the maps with attention, of those from the image's down: the largest up to 32x32."""
    return next((i for i, size in enumerate(sizes) if i > 0 and max(size) <= 32), len(sizes) - 1)


@keras.saving.register_keras_serializable("keras_gan")
class ResNetGenerator(Generator):
    """Residual generator: a linear map to a small feature map, then blocks that double it.

    Feature maps of one width go up through the sizes of `keras_gan.networks.convolutional.stage_sizes`, for 32x32
    images 4, 8, 16 and 32. A block normalizes, rectifies, doubles the size by repeating pixels, and convolves, 3x3,
    twice; a 1x1 convolution of the doubled input is added. After the last come normalization, rectification, a 3x3
    convolution and tanh. Of a conditional generator the blocks' normalization has gains and offsets of each class.

    With the default arguments this is the CIFAR-10 generator of spectral normalization; WGAN-GP's has `filters=128`.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: Length of one latent vector.
        latent_prior: `"normal"` or `"uniform"`.
        filters: Width of every feature map.
        normalization: `"batch"`, or `None` for an unconditional generator.
        num_classes: Number of classes of a conditional generator, or `None`.
        class_names: One name per class, or `None`.
        conditioning: How labels enter: `"projection"`, by conditional batch normalization.
        attention: Whether there is a layer of self-attention, spectrally normalized, after the block that makes the
            largest maps below the image's size and up to 32x32, as in SAGAN.

    Call arguments:
        inputs: Latents, floats of shape `(batch, latent_dim)`; with classes the pair `[latents, labels]`, labels
            integers of shape `(batch,)` in `[0, num_classes)`.
        training: Whether the call is part of a training step, in which batch statistics normalize.

    Returns:
        float32 images in [-1, 1] of shape `(batch,) + image_shape`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> generator = keras_gan.networks.ResNetGenerator((8, 8, 1), latent_dim=8, filters=4)
    >>> generator(np.zeros((3, 8), "float32")).shape
    TensorShape([3, 8, 8, 1])

    Reference: Miyato et al. 2018, "Spectral normalization for generative adversarial networks"
    (https://arxiv.org/abs/1802.05957), table 4; Gulrajani et al. 2017, "Improved training of Wasserstein GANs"
    (https://arxiv.org/abs/1704.00028), appendix; for attention Zhang et al. 2019, "Self-attention generative
    adversarial networks" (https://arxiv.org/abs/1805.08318), section 3, where the convolutions are normalized too.
    """

    def __init__(
        self,
        image_shape=(32, 32, 3),
        latent_dim=128,
        latent_prior="normal",
        filters=256,
        normalization="batch",
        num_classes=None,
        class_names=None,
        conditioning="projection",
        attention=False,
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
        convolutional.check_image(self.image_shape)
        self.filters = convolutional.check_filters(filters)
        self.normalization = check_choice("normalization", normalization, ("batch", None))
        self.conditioning = check_choice("conditioning", conditioning, ("projection",))
        if self.num_classes is not None and normalization is None:
            raise ValueError(
                "Labels enter through the normalization: use normalization='batch'. "
                f"Received: normalization=None, num_classes={num_classes}"
            )
        policy = self.dtype_policy
        *self.sizes, smallest = convolutional.stage_sizes(*self.image_shape[:2])
        self.project = keras.layers.Dense(math.prod(smallest) * self.filters, dtype=policy)
        self.reshape = keras.layers.Reshape((*smallest, self.filters), dtype=policy)

        def conditional():
            if self.num_classes is None:
                return plain()
            return layers.ConditionalBatchNormalization(self.num_classes, dtype=policy)

        def plain():
            return (
                keras.layers.Identity(dtype=policy)
                if normalization is None
                else layers.BatchNormalization(dtype=policy)
            )

        self.blocks = [UpBlock(self.filters, conditional, dtype=policy) for _ in self.sizes]
        self.attention = None
        if attention:
            self.attended = _attended([*self.sizes, smallest])
            self.attention = layers.SelfAttention(spectral_normalization=True, dtype=policy)
        self.normalizer = plain()
        self.to_image = _convolution(self.image_shape[-1], 3, False, policy)
        self.build()

    def call(self, inputs, training=None):
        codes, labels = self.unpack(inputs)
        x = self.reshape(self.project(codes))
        if self.attention is not None and self.attended == len(self.sizes):
            x = self.attention(x)
        for i, block in zip(reversed(range(len(self.sizes))), self.blocks, strict=True):
            height, width = self.sizes[i]
            x = block(x if labels is None else [x, labels], training=training)[:, :height, :width]
            if self.attention is not None and self.attended == i:
                x = self.attention(x)
        x = keras.ops.relu(self.normalizer(x, training=training))
        return keras.ops.tanh(keras.ops.cast(self.to_image(x), "float32"))

    def get_config(self):
        config = super().get_config()
        config.update(
            filters=self.filters,
            normalization=self.normalization,
            conditioning=self.conditioning,
            attention=self.attention is not None,
        )
        return config


@keras.saving.register_keras_serializable("keras_gan")
class ResNetDiscriminator(Discriminator):
    """Residual discriminator: blocks that halve the image until 8x8 or thereabouts, two more, pooling, one linear unit.

    A block convolves, 3x3, twice, each time after a rectification (but the first block's first), and takes means
    of 2x2 pixels; a 1x1 convolution of the input's means is added. The two last blocks keep the size, and their
    input is added as it is. The logit is `w . h + b` of the rectified map h, summed or averaged over pixels; with
    classes `w . h + b + v[label] . h`, the projection.

    With the default arguments this is the CIFAR-10 discriminator of spectral normalization, in which every weight is
    normalized. WGAN-GP's has `normalization=None, pooling="mean"`.

    Args:
        image_shape: `(height, width, channels)`.
        filters: Width of every feature map.
        normalization: `"spectral"` or `None`.
        pooling: `"sum"` or `"mean"`.
        num_classes: Number of classes of a conditional discriminator, or `None`.
        class_names: One name per class, or `None`.
        conditioning: How labels enter: `"projection"`.
        attention: Whether there is a layer of self-attention where the generator has it.
        packing: Images judged together, of an unconditional discriminator; see `keras_gan.networks.Discriminator`.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + image_shape` in [-1, 1]; with classes the pair
            `[images, labels]`, labels integers of shape `(batch,)` in `[0, num_classes)`.
        training: Without effect.

    Returns:
        float32 logits of shape `(batch / packing, 1)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> discriminator = keras_gan.networks.ResNetDiscriminator((8, 8, 1), filters=4)
    >>> discriminator(np.zeros((3, 8, 8, 1), "float32")).shape
    TensorShape([3, 1])

    Reference: Miyato et al. 2018, "Spectral normalization for generative adversarial networks"
    (https://arxiv.org/abs/1802.05957), table 4; Miyato and Koyama 2018, "cGANs with projection discriminator"
    (https://arxiv.org/abs/1802.05637), equation 3.
    """

    def __init__(
        self,
        image_shape=(32, 32, 3),
        filters=128,
        normalization="spectral",
        pooling="sum",
        num_classes=None,
        class_names=None,
        conditioning="projection",
        attention=False,
        packing=1,
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape, num_classes=num_classes, class_names=class_names, packing=packing, **kwargs
        )
        convolutional.check_image(self.image_shape)
        self.refuse_packed_labels()
        self.filters = convolutional.check_filters(filters)
        self.normalization = check_choice("normalization", normalization, ("spectral", None))
        self.pooling = check_choice("pooling", pooling, ("sum", "mean"))
        self.conditioning = check_choice("conditioning", conditioning, ("projection",))
        policy, spectral = self.dtype_policy, normalization == "spectral"
        sizes = convolutional.stage_sizes(*self.image_shape[:2])
        halvings = max(1, len(sizes) - 2)
        self.blocks = [
            DownBlock(self.filters, down=i < halvings, first=i == 0, spectral=spectral, dtype=policy)
            for i in range(halvings + 2)
        ]
        self.attention = None
        if attention:
            # Where the maps would become that small only in the last halving, which is left out, they are the last.
            self.attended = min(_attended(sizes), halvings)
            self.attention = layers.SelfAttention(spectral_normalization=spectral, dtype=policy)
        self.logit = _normalized(keras.layers.Dense(1, dtype="float32"), spectral)
        if self.num_classes is not None:
            embedding = keras.layers.Embedding(
                self.num_classes, self.filters, embeddings_initializer="glorot_uniform", dtype="float32"
            )
            self.embedding = _normalized(embedding, spectral)
        self.build()

    def call(self, inputs, training=None):
        x, labels = self.unpack(inputs)
        x = self.pack(x)
        for i, block in enumerate(self.blocks, start=1):
            x = block(x)
            if self.attention is not None and self.attended == i:
                x = self.attention(x)
        x = keras.ops.cast(keras.ops.relu(x), self.logit.compute_dtype)
        x = keras.ops.sum(x, axis=(1, 2)) if self.pooling == "sum" else keras.ops.mean(x, axis=(1, 2))
        logits = self.logit(x)
        if labels is not None:
            logits = logits + keras.ops.sum(self.embedding(labels) * x, axis=-1, keepdims=True)
        return logits

    def get_config(self):
        config = super().get_config()
        config.update(
            filters=self.filters,
            normalization=self.normalization,
            pooling=self.pooling,
            conditioning=self.conditioning,
            attention=self.attention is not None,
        )
        return config
