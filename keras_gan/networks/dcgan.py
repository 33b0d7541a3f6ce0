"""Convolutional networks after Radford et al. 2015, for images of any size."""

import math

import keras

from keras_gan import layers
from keras_gan.networks import convolutional
from keras_gan.networks.base import Discriminator, Generator, append_labels, check_choice, check_conditioning
from keras_gan.networks.heads import CONDITIONINGS, Heads


@keras.saving.register_keras_serializable("keras_gan")
class DCGANGenerator(Generator):
    """Convolutional generator: a linear map to a small feature map, then transposed convolutions that double it.

    The feature map goes up through the sizes of `stage_sizes`, from the smallest to the image's, while its width
    goes down from at most `8 * filters` to `filters`. Every hidden feature map is batch normalized and then
    rectified; the last transposed convolution is followed by tanh alone. Kernels start from N(0, 0.02), gains
    from N(1, 0.02). A conditional generator appends the one-hot label to the latent vector, or, to go with a
    discriminator with `conditioning="projection"`, has conditional batch normalization.

    A transposed convolution turns n rows into (n - 1) * stride + kernel - 2 * padding + output_padding. With
    kernel 4, stride 2 and padding 1 on either side that is 2n. To reach an odd size 2n - 1 the last row, or
    column, of the feature map is dropped; no image is ever cropped or resized.

    With `image_shape=(64, 64, 3)` and default arguments this is the generator of PyTorch's DCGAN example: no
    layer has a bias, and there are 3,576,704 trainable parameters. Without normalization every layer has a bias.

    Args:
        image_shape: `(height, width, channels)`, any of them at least 1.
        latent_dim: Length of one latent vector.
        latent_prior: `"normal"`, or `"uniform"` as in the paper.
        filters: Width of the last hidden feature map.
        normalization: `"batch"` or `None`.
        num_classes: Number of classes of a conditional generator, or `None`.
        class_names: One name per class, or `None`.
        conditioning: How labels enter: `"concat"`, or `"projection"`: by conditional batch normalization.

    Call arguments:
        inputs: Latents, floats of shape `(batch, latent_dim)`; with classes the pair `[latents, labels]`, labels
            integers of shape `(batch,)` in `[0, num_classes)`.
        training: Whether the call is part of a training step; batch normalization then uses the statistics of
            the batch, and otherwise moving averages.

    Returns:
        float32 images in [-1, 1] of shape `(batch,) + image_shape`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> generator = keras_gan.networks.DCGANGenerator((28, 28, 1), latent_dim=8, filters=4)
    >>> generator(np.zeros((3, 8), "float32")).shape
    TensorShape([3, 28, 28, 1])

    Reference: Radford et al. 2015, "Unsupervised Representation Learning with Deep Convolutional Generative
    Adversarial Networks" (https://arxiv.org/abs/1511.06434), section 3. The paper's code has 5x5 kernels and twice
    the width; sizes here are those of PyTorch's example (https://github.com/pytorch/examples/tree/main/dcgan).
    """

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=100,
        latent_prior="normal",
        filters=64,
        normalization="batch",
        num_classes=None,
        class_names=None,
        conditioning="concat",
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
        self.normalization = check_choice("normalization", normalization, convolutional.NORMALIZATIONS)
        self.conditioning = check_conditioning(conditioning, self.num_classes, ("concat", "projection"))
        projects = self.conditioning == "projection"
        if projects and normalization is None:
            raise ValueError(
                "A generator with conditioning='projection' has conditional batch normalization and needs "
                f"normalization='batch'. Received: normalization={normalization}"
            )

        height, width, channels = self.image_shape
        policy, use_bias = self.dtype_policy, normalization is None
        *self.sizes, smallest = convolutional.stage_sizes(height, width)
        widths = [channels, *convolutional.stage_filters(self.filters, len(self.sizes))]
        # As a dense layer, which is the transposed convolution of a 1x1 map without padding.
        self.project = keras.layers.Dense(
            math.prod(smallest) * widths[-1], use_bias=use_bias, kernel_initializer=convolutional.kernel(), dtype=policy
        )
        self.reshape = keras.layers.Reshape((*smallest, widths[-1]), dtype=policy)
        classes = self.num_classes if projects else None
        self.normalizers = [convolutional.normalizer(normalization, policy, classes) for _ in self.sizes]
        self.upsamplings = [
            layers.Conv2DTranspose(
                width, 4, 2, padding="same", use_bias=use_bias, kernel_initializer=convolutional.kernel(), dtype=policy
            )
            for width in widths[-2::-1]
        ]
        self.build()

    def call(self, inputs, training=None):
        x, labels = self.unpack(inputs)
        projects = self.conditioning == "projection"
        x = self.reshape(self.project(x if projects else append_labels(x, labels, self.num_classes)))
        stages = zip(self.normalizers, self.upsamplings, reversed(self.sizes), strict=True)
        for normalizer, upsampling, (height, width) in stages:
            x = keras.ops.relu(normalizer([x, labels] if projects else x, training=training))
            x = upsampling(x)
            if tuple(x.shape[1:3]) != (height, width):
                x = x[:, :height, :width]
        return keras.ops.tanh(keras.ops.cast(x, "float32"))

    def get_config(self):
        config = super().get_config()
        config.update(filters=self.filters, normalization=self.normalization, conditioning=self.conditioning)
        return config


@keras.saving.register_keras_serializable("keras_gan")
class DCGANDiscriminator(Discriminator):
    """Convolutional discriminator: strided convolutions down to a small feature map, then one linear unit.

    Each convolution, with kernel 4 and stride 2, halves the size, rounded up, and doubles the width, from `filters`
    to at most `8 * filters`, until the last size of `stage_sizes`. Feature maps are batch normalized, except
    the first, and pass LeakyReLU with slope 0.2. Kernels start from N(0, 0.02), gains from N(1, 0.02).

    With h(x) the last feature map, flattened and taken through the dense layers of `hidden_units`, which LeakyReLU
    follows, the logit of a conditional discriminator is, with `conditioning`
    - `"concat"`: w · h(x), where the label is appended to the image as one-hot planes: channel k is 1 everywhere for
      class k and 0 for the others;
    - `"projection"`: w · h(x) + embed(label) · h(x);
    - `"auxiliary"`: w · h(x), whatever the label; class logits are another linear map of h(x).

    With `image_shape=(64, 64, 3)` and default arguments this is the discriminator of PyTorch's DCGAN example: no
    layer has a bias, and there are 2,765,568 trainable parameters. Without normalization every layer has a bias.

    With batch normalization the logit of one image depends on the others of its batch. A gradient penalty (R1, R2,
    WGAN-GP) is defined for each image by itself: use `normalization=None` there.

    Args:
        image_shape: `(height, width, channels)`, any of them at least 1.
        filters: Width of the first feature map.
        normalization: `"batch"` or `None`.
        num_classes: Number of classes of a conditional discriminator, or `None`.
        class_names: One name per class, or `None`.
        conditioning: How labels enter: `"concat"`, `"projection"` or `"auxiliary"`.
        packing: Images judged together, unconditionally or with `conditioning="concat"`, where each comes with its own
            label; see `keras_gan.networks.Discriminator`.
        hidden_units: Width of each dense layer between the last feature map and the logit; none by default, as in the
            paper.

    Call arguments:
        inputs: Images, floats of shape `(batch,) + image_shape` in [-1, 1]; with classes the pair
            `[images, labels]`, labels integers of shape `(batch,)` in `[0, num_classes)`.
        training: Whether the call is part of a training step; batch normalization then uses the statistics of
            the batch, and otherwise moving averages.
        return_class_logits: With `conditioning="auxiliary"`: whether class logits are returned too.

    Returns:
        float32 logits of shape `(batch / packing, 1)`; or the pair of these and float32 class logits
            `(batch, num_classes)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> discriminator = keras_gan.networks.DCGANDiscriminator((28, 28, 1), filters=4, num_classes=10)
    >>> discriminator([np.zeros((3, 28, 28, 1), "float32"), np.array([1, 2, 3])]).shape
    TensorShape([3, 1])

    Reference: projection: Miyato and Koyama 2018, "cGANs with projection discriminator"
    (https://arxiv.org/abs/1802.05637), equation 4; auxiliary: Odena et al. 2017 (https://arxiv.org/abs/1610.09585);
    the rest: Radford et al. 2015, "Unsupervised Representation Learning with Deep Convolutional Generative
    Adversarial Networks" (https://arxiv.org/abs/1511.06434), section 3; sizes as in PyTorch's example
    (https://github.com/pytorch/examples/tree/main/dcgan).
    """

    def __init__(
        self,
        image_shape=(64, 64, 3),
        filters=64,
        normalization="batch",
        num_classes=None,
        class_names=None,
        conditioning="concat",
        packing=1,
        hidden_units=(),
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape, num_classes=num_classes, class_names=class_names, packing=packing, **kwargs
        )
        convolutional.check_image(self.image_shape)
        self.filters = convolutional.check_filters(filters)
        self.normalization = check_choice("normalization", normalization, convolutional.NORMALIZATIONS)
        self.conditioning = check_conditioning(conditioning, self.num_classes, CONDITIONINGS)
        self.hidden_units = tuple(int(units) for units in hidden_units)
        if self.conditioning != "concat":
            self.refuse_packed_labels()

        policy, use_bias = self.dtype_policy, normalization is None
        widths = convolutional.stage_filters(self.filters, len(convolutional.stage_sizes(*self.image_shape[:2])) - 1)
        self.convolutions = [
            layers.Conv2D(
                width, 4, 2, padding="same", use_bias=use_bias, kernel_initializer=convolutional.kernel(), dtype=policy
            )
            for width in widths
        ]
        self.normalizers = [
            convolutional.normalizer(normalization if stage else None, policy) for stage in range(len(widths))
        ]
        # Not a sum over positions, as in residual networks: where these end, a position has seen 10x10 of 28x28 pixels.
        self.flatten = keras.layers.Flatten(dtype=policy)
        self.hidden = [
            keras.layers.Dense(units, kernel_initializer=convolutional.kernel(), dtype=policy)
            for units in self.hidden_units
        ]
        self.heads = Heads(self.conditioning, self.num_classes, use_bias, convolutional.kernel)
        self.build()

    def call(self, inputs, training=None, return_class_logits=False):
        x, labels = self.unpack(inputs)
        if self.conditioning == "concat":
            x = append_labels(x, labels, self.num_classes)
        x = self.pack(x)
        for convolution, normalizer in zip(self.convolutions, self.normalizers, strict=True):
            x = keras.ops.leaky_relu(normalizer(convolution(x), training=training), 0.2)
        x = self.flatten(x)
        for layer in self.hidden:
            x = keras.ops.leaky_relu(layer(x), 0.2)
        return self.heads(x, labels, return_class_logits=return_class_logits)

    @property
    def logit(self):
        """The last linear map of the logit."""
        return self.heads.logit

    def get_config(self):
        config = super().get_config()
        config.update(
            filters=self.filters,
            normalization=self.normalization,
            conditioning=self.conditioning,
            hidden_units=self.hidden_units,
        )
        return config
