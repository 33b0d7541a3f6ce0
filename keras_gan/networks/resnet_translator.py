"""The residual generator of CycleGAN, for images of any size."""

import keras

from keras_gan.networks import convolutional
from keras_gan.networks.base import check_choice
from keras_gan.networks.translator import Translator


def _reflect(x, border):
    """Feature maps with a border of their own mirror image, without the edge itself."""
    return keras.ops.pad(x, ((0, 0), (border, border), (border, border), (0, 0)), mode="reflect")


class TranslatorBlock(keras.layers.Layer):
    """The input plus two normalized 3x3 convolutions of it, in reflected borders, with a rectification between."""

    def __init__(self, filters, normalization, **kwargs):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.convolutions = [_convolution(filters, 3, 1, normalization, policy, "valid") for _ in range(2)]
        self.normalizers = [convolutional.normalizer(normalization, policy) for _ in range(2)]

    def build(self, input_shape):
        batch, height, width, channels = input_shape
        for convolution, normalizer in zip(self.convolutions, self.normalizers, strict=True):
            convolution.build((batch, height + 2, width + 2, channels))
            normalizer.build(input_shape)

    def call(self, inputs, training=None):
        x = inputs
        for i, (convolution, normalizer) in enumerate(zip(self.convolutions, self.normalizers, strict=True)):
            x = normalizer(convolution(_reflect(keras.ops.relu(x) if i else x, 1)), training=training)
        return inputs + x


def _convolution(filters, size, stride, normalization, dtype, padding, transposed=False):
    # An offset before batch normalization, which has one of its own, would have no effect.
    kind = keras.layers.Conv2DTranspose if transposed else keras.layers.Conv2D
    return kind(
        filters, size, stride, padding=padding, use_bias=normalization != "batch",
        kernel_initializer=convolutional.kernel(), dtype=dtype,
    )  # fmt: skip


@keras.saving.register_keras_serializable("keras_gan")
class ResNetTranslator(Translator):
    """Residual generator: two halvings, blocks at a quarter of the size, and two doublings back.

    A 7x7 convolution to `filters` maps, `downsamplings` 3x3 convolutions of stride 2 that double the width, `blocks`
    residual blocks of two 3x3 convolutions, as many transposed 3x3 convolutions of stride 2 that halve the width, and
    a 7x7 convolution, after which comes tanh. All but the last are normalized and rectified. The 7x7 convolutions and
    the blocks see images continued by reflection at their borders, so that there is no edge to learn. Kernels start
    from N(0, 0.02).

    A halving rounds odd sizes up; on the way back the last row, or column, is dropped.

    With the default arguments this is the published generator for 256x256, of 11,378,179 parameters; that for 128x128
    has `blocks=6` and 7,837,699.

    Args:
        source_shape: `(height, width, channels)` of what is translated.
        image_shape: Shape of what it becomes, of the same height and width; by default the same.
        filters: Width at the image's side.
        blocks: Number of residual blocks.
        downsamplings: Number of halvings.
        normalization: `"instance"` (without gains and offsets), `"batch"` or `None`.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + source_shape` in [-1, 1].
        training: Whether the call is part of a training step, in which batch statistics normalize.

    Returns:
        float32 images in [-1, 1] of shape `(batch,) + image_shape`.

    Raises:
        ValueError: If an argument is out of range, or images are too small for the reflected borders.

    Example:

    >>> generator = keras_gan.networks.ResNetTranslator((9, 12, 3), filters=2, blocks=1)
    >>> generator(np.zeros((2, 9, 12, 3), "float32")).shape
    TensorShape([2, 9, 12, 3])

    Reference: Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks"
    (https://arxiv.org/abs/1703.10593), section 7.2, after Johnson et al. 2016, "Perceptual losses for real-time style
    transfer and super-resolution" (https://arxiv.org/abs/1603.08155).
    """

    def __init__(
        self,
        source_shape=(256, 256, 3),
        image_shape=None,
        filters=64,
        blocks=9,
        downsamplings=2,
        normalization="instance",
        **kwargs,
    ):
        super().__init__(source_shape, image_shape, **kwargs)
        self.filters = convolutional.check_filters(filters)
        self.normalization = check_choice("normalization", normalization, convolutional.IMAGE_NORMALIZATIONS)
        for name, value in (("blocks", blocks), ("downsamplings", downsamplings)):
            if int(value) < 0:
                raise ValueError(f"`{name}` must be at least 0. Received: {name}={value}")
        self.num_blocks, self.downsamplings = int(blocks), int(downsamplings)
        # A border of n pixels is reflected from n others beside the edge: 3 of the image, 1 of the blocks' maps.
        least = max(4, 2**self.downsamplings + 1)
        convolutional.check_translator(self, least, f"downsamplings={self.downsamplings}")

        policy = self.dtype_policy
        widths = [self.filters * 2**stage for stage in range(self.downsamplings + 1)]

        def layer(width, size, stride, padding, transposed=False):
            return _convolution(width, size, stride, normalization, policy, padding, transposed)

        self.first = layer(widths[0], 7, 1, "valid")
        self.halvings = [layer(width, 3, 2, "same") for width in widths[1:]]
        self.blocks = [TranslatorBlock(widths[-1], normalization, dtype=policy) for _ in range(self.num_blocks)]
        self.doublings = [layer(width, 3, 2, "same", transposed=True) for width in widths[-2::-1]]
        self.normalizers = [convolutional.normalizer(normalization, policy) for _ in range(1 + 2 * self.downsamplings)]
        self.last = keras.layers.Conv2D(
            self.image_shape[-1], 7, padding="valid", kernel_initializer=convolutional.kernel(), dtype=policy
        )
        self.build()

    def call(self, inputs, training=None):
        normalizers = iter(self.normalizers)

        def rectified(x):
            return keras.ops.relu(next(normalizers)(x, training=training))

        x = rectified(self.first(_reflect(self.unpack(inputs), 3)))
        sizes = []
        for halving in self.halvings:
            sizes.append(x.shape[1:3])
            x = rectified(halving(x))
        for block in self.blocks:
            x = block(x, training=training)
        for doubling, (height, width) in zip(self.doublings, reversed(sizes), strict=True):
            x = rectified(doubling(x)[:, :height, :width])
        return keras.ops.tanh(keras.ops.cast(self.last(_reflect(x, 3)), "float32"))

    def get_config(self):
        config = super().get_config()
        config.update(
            filters=self.filters,
            blocks=self.num_blocks,
            downsamplings=self.downsamplings,
            normalization=self.normalization,
        )
        return config
