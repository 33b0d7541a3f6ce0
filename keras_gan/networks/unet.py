"""The U-Net of pix2pix, for images of any size."""

import math

import keras

from keras_gan import layers
from keras_gan.networks import convolutional
from keras_gan.networks.base import check_choice
from keras_gan.networks.translator import Translator

_LEVELS = 8  # of the published network for 256x256, the most there are unless somebody asks for more
_PLAIN = 5  # outer and innermost levels, in which nothing is dropped


@keras.saving.register_keras_serializable("keras_gan")
class UNetGenerator(Translator):
    """U-Net: convolutions that halve the image down to a pixel or two, and transposed ones back, with shortcuts.

    Level i of the way down is a convolution with kernel 4 and stride 2 to `filters * min(2^i, 8)` maps, i = 0, 1, ...,
    after LeakyReLU with slope 0.2 but for the first; all but the first and the innermost are normalized. The way up is
    ReLU, a transposed convolution with the same kernel and stride, and normalization; what comes up to a level has the
    maps that went down from it appended to its channels. The outermost is followed by tanh alone, and has the only
    bias where there is batch normalization. Kernels start from N(0, 0.02), gains from N(1, 0.02).

    With more than five levels, the way up of those next to the innermost, all but five, drops half of its maps' values
    in training, which is all that is random about this generator.

    A level halves odd sizes too, rounded up; on the way back the last row, or column, is dropped.

    With the default arguments this is the published generator for 256x256, of 54,413,955 parameters; for 128x128
    there are seven levels and 41,828,995.

    Args:
        source_shape: `(height, width, channels)` of what is translated.
        image_shape: Shape of what it becomes, of the same height and width; by default the same.
        filters: Width of the outermost level.
        levels: Number of halvings; by default as many as lead to a side of one pixel, at most 8.
        normalization: `"batch"`, `"instance"` (without gains and offsets) or `None`.
        dropout: Share of values that are dropped.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + source_shape` in [-1, 1].
        training: Whether the call is part of a training step, which drops values and normalizes by the batch.

    Returns:
        float32 images in [-1, 1] of shape `(batch,) + image_shape`.

    Raises:
        ValueError: If an argument is out of range, or images are too small for the levels.

    Example:

    >>> generator = keras_gan.networks.UNetGenerator((12, 9, 1), (12, 9, 3), filters=2)
    >>> generator.levels, generator(np.zeros((2, 12, 9, 1), "float32")).shape
    (4, TensorShape([2, 12, 9, 3]))

    Reference: Isola et al. 2017, "Image-to-image translation with conditional adversarial networks"
    (https://arxiv.org/abs/1611.07004), section 6.1.1; which layers are normalized, dropped and have biases is as in
    the authors' PyTorch code (https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix).
    """

    def __init__(
        self,
        source_shape=(256, 256, 3),
        image_shape=None,
        filters=64,
        levels=None,
        normalization="batch",
        dropout=0.5,
        **kwargs,
    ):
        super().__init__(source_shape, image_shape, **kwargs)
        convolutional.check_image(self.source_shape)
        self.filters = convolutional.check_filters(filters)
        self.normalization = check_choice("normalization", normalization, convolutional.IMAGE_NORMALIZATIONS)
        self.dropout = float(dropout)
        if levels is None:
            levels = min(_LEVELS, max(1, math.ceil(math.log2(min(self.source_shape[:2])))))
        if int(levels) < 1:
            raise ValueError(f"`levels` must be at least 1, or None. Received: levels={levels}")
        self.levels = int(levels)
        convolutional.check_translator(self, 2 ** (self.levels - 1) + 1, f"levels={self.levels}")

        policy, plain = self.dtype_policy, normalization != "batch"
        widths = convolutional.stage_filters(self.filters, self.levels)
        innermost = self.levels - 1

        def halving(level):
            # The first and the innermost have no bias either, though nothing normalizes them, as published.
            return keras.layers.Conv2D(
                widths[level], 4, 2, padding="same", use_bias=plain,
                kernel_initializer=convolutional.kernel(), dtype=policy,
            )  # fmt: skip

        def doubling(level):
            return keras.layers.Conv2DTranspose(
                widths[level - 1] if level else self.image_shape[-1], 4, 2, padding="same",
                use_bias=plain or level == 0, kernel_initializer=convolutional.kernel(), dtype=policy,
            )  # fmt: skip

        def normalizer(present):
            return convolutional.normalizer(normalization if present else None, policy)

        self.halvings = [halving(level) for level in range(self.levels)]
        self.down_normalizers = [normalizer(0 < level < innermost) for level in range(self.levels)]
        self.doublings = [doubling(level) for level in range(self.levels)]
        # Of all levels but the outermost, whose way up ends in the image.
        self.up_normalizers = [normalizer(True) for _ in range(1, self.levels)]
        dropped = range(innermost - max(0, self.levels - _PLAIN), innermost)
        self.dropouts = [
            layers.Dropout(self.dropout if level in dropped else 0.0, seed=level, dtype=policy)
            for level in range(1, self.levels)
        ]
        self.build()

    def call(self, inputs, training=None):
        x = self.unpack(inputs)
        passed = []
        for level, (halving, normalizer) in enumerate(zip(self.halvings, self.down_normalizers, strict=True)):
            passed.append(x)
            x = normalizer(halving(keras.ops.leaky_relu(x, 0.2) if level else x), training=training)
        for level in reversed(range(self.levels)):
            height, width = passed[level].shape[1:3]
            x = self.doublings[level](keras.ops.relu(x))[:, :height, :width]
            if level:
                x = self.up_normalizers[level - 1](x, training=training)
                x = keras.ops.concatenate([passed[level], self.dropouts[level - 1](x, training=training)], axis=-1)
        return keras.ops.tanh(keras.ops.cast(x, "float32"))

    def get_config(self):
        config = super().get_config()
        config.update(filters=self.filters, levels=self.levels, normalization=self.normalization, dropout=self.dropout)
        return config
