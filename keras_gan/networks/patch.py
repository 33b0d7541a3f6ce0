"""The discriminator of pix2pix and CycleGAN, which judges patches."""

import keras

from keras_gan.networks import convolutional
from keras_gan.networks.base import Discriminator, check_choice, check_shape


@keras.saving.register_keras_serializable("keras_gan")
class PatchDiscriminator(Discriminator):
    """Convolutional discriminator with one logit for each of many overlapping patches of an image.

    4x4 convolutions in borders of one zero: `downsamplings` of stride 2 and two of stride 1, with widths of `filters`,
    doubled up to eight times that, and 1 in the end. All but the first and the last are normalized; all but the last
    pass LeakyReLU with slope 0.2. Kernels start from N(0, 0.02), gains from N(1, 0.02). A logit depends on a square of
    `receptive_field` pixels a side.

    Losses are taken of each logit and then averaged over an image's patches, so that an image counts the same whatever
    its size; gradient penalties take the gradient of an image's mean logit.

    Given a `source_shape` it judges whether an image belongs to a source: both, their channels one after another.

    With the default arguments this is the published "70x70" discriminator: of 2,764,737 parameters for 3 channels with
    instance normalization, of 2,768,705 for a source and an image of 3 channels with batch normalization.

    Args:
        image_shape: `(height, width, channels)`.
        source_shape: Shape of the source that it is judged beside, of the same height and width; or `None`.
        filters: Width of the first feature map.
        downsamplings: Number of halvings, at least 1; the receptive field is 16, 34, 70, 142 ...
        normalization: `"instance"` (without gains and offsets), `"batch"` or `None`.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + image_shape` in [-1, 1]; with a `source_shape` the pair
            `[images, sources]`.
        training: Whether the call is part of a training step, in which batch statistics normalize.

    Returns:
        float32 logits of shape `(batch, rows, columns, 1)`.

    Raises:
        ValueError: If an argument is out of range, or images are too small.

    Example:

    >>> discriminator = keras_gan.networks.PatchDiscriminator((16, 18, 3), filters=2, downsamplings=1)
    >>> discriminator.receptive_field, discriminator(np.zeros((2, 16, 18, 3), "float32")).shape
    (16, TensorShape([2, 6, 7, 1]))

    Reference: Isola et al. 2017, "Image-to-image translation with conditional adversarial networks"
    (https://arxiv.org/abs/1611.07004), sections 3.2.2 and 6.1.2; instance normalization as in Zhu et al. 2017
    (https://arxiv.org/abs/1703.10593).
    """

    def __init__(
        self,
        image_shape=(256, 256, 3),
        source_shape=None,
        filters=64,
        downsamplings=3,
        normalization="instance",
        **kwargs,
    ):
        super().__init__(image_shape=image_shape, **kwargs)
        convolutional.check_image(self.image_shape)
        self.source_shape = None
        if source_shape is not None:
            self.source_shape = check_shape("source_shape", source_shape)
            convolutional.check_image(self.source_shape)
            if self.source_shape[:2] != self.image_shape[:2]:
                raise ValueError(
                    "A source is judged beside an image of its own height and width. "
                    f"Received: image_shape={self.image_shape}, source_shape={self.source_shape}"
                )
        if self.packing != 1:
            raise ValueError(f"Patches are judged one image at a time. Received: packing={self.packing}")
        self.filters = convolutional.check_filters(filters)
        self.normalization = check_choice("normalization", normalization, convolutional.IMAGE_NORMALIZATIONS)
        if int(downsamplings) < 1:
            raise ValueError(f"`downsamplings` must be at least 1. Received: downsamplings={downsamplings}")
        self.downsamplings = int(downsamplings)
        self._check_size()

        policy, plain = self.dtype_policy, normalization != "batch"
        *widths, last = convolutional.stage_filters(self.filters, self.downsamplings + 1)
        # Width and stride of each; nothing normalizes the first and the last, which always have a bias.
        stages = [*((width, 2) for width in widths), (last, 1), (1, 1)]
        ends = (0, len(stages) - 1)
        self.borders = [keras.layers.ZeroPadding2D(1, dtype=policy) for _ in stages]
        self.convolutions = [
            keras.layers.Conv2D(
                width, 4, stride, use_bias=plain or i in ends, kernel_initializer=convolutional.kernel(), dtype=policy
            )
            for i, (width, stride) in enumerate(stages)
        ]
        self.normalizers = [
            convolutional.normalizer(None if i in ends else normalization, policy) for i in range(len(stages))
        ]
        self.build()

    def _check_size(self):
        # A halving rounds down, and each of the two last convolutions takes one row and one column.
        fitting = [count for count in range(1, self.downsamplings + 1) if min(self.image_shape[:2]) >= 3 * 2**count]
        if fitting and fitting[-1] == self.downsamplings:
            return
        least = 3 * 2**self.downsamplings
        instead = f", or downsamplings={fitting[-1]} for these" if fitting else ""
        raise ValueError(
            f"A PatchDiscriminator with downsamplings={self.downsamplings} takes images of {least}x{least} pixels and "
            f"more: use larger images{instead}. Received: image_shape={self.image_shape}"
        )

    @property
    def receptive_field(self):
        """Side of the square of pixels that one logit depends on."""
        side, step = 1, 1
        for convolution in self.convolutions:
            side += (convolution.kernel_size[0] - 1) * step
            step *= convolution.strides[0]
        return side

    def symbolic_inputs(self):
        """The inputs of `call` as Keras tensors."""
        images = super().symbolic_inputs()
        if self.source_shape is None:
            return images
        return [images, keras.KerasTensor((None, *self.source_shape), dtype="float32", name="sources")]

    def call(self, inputs, training=None):
        pair = isinstance(inputs, (list, tuple))
        if pair != (self.source_shape is not None):
            expected = "one tensor" if self.source_shape is None else "a pair of images and sources"
            raise ValueError(
                f"{self.name} has source_shape={self.source_shape} and takes {expected}. Received: inputs={inputs}"
            )
        x = keras.ops.concatenate([inputs[1], inputs[0]], axis=-1) if pair else inputs
        x = keras.ops.cast(x, self.compute_dtype)
        *stages, (border, convolution, _) = zip(self.borders, self.convolutions, self.normalizers, strict=True)
        for padded, convolved, normalizer in stages:
            x = keras.ops.leaky_relu(normalizer(convolved(padded(x)), training=training), 0.2)
        return keras.ops.cast(convolution(border(x)), "float32")

    def get_config(self):
        config = super().get_config()
        # It has neither classes nor packs.
        for name in ("num_classes", "class_names", "packing"):
            config.pop(name)
        config.update(
            source_shape=self.source_shape,
            filters=self.filters,
            downsamplings=self.downsamplings,
            normalization=self.normalization,
        )
        return config
