"""Second derivatives through every layer that a discriminator may hold, beside central differences.

    python -m benchmarks.second_order --json=benchmarks/results/second_order.json

Each layer stands between dense layers with softplus, in float64, where it has operations for that, and with weights of
ordinary size. The derivative of R1 in one random direction of all weights is compared with the central difference of R1
along it, in eager mode, in a graph, and compiled with XLA: errors are relative to the larger of the two. Where a mode
cannot compute it the table has the error's name. What is refused beside a gradient penalty is refused by `compile`,
which looks at operations and compares nothing.
"""

import dataclasses
import functools
import inspect
import sys
import warnings

import keras
import numpy as np
import tensorflow as tf
import tqdm
from keras import layers, ops

import keras_gan
from benchmarks import tables
from keras_gan import regularizers
from keras_gan.cli import option
from keras_gan.models import compiled, second_order
from keras_gan.models.critic import Critic

own = keras_gan.layers
MODES = ("eager", "graph", "xla")
# By the narrowest type of floats in a network. Errors below these are of rounding. Of several steps of differences the
# one counts that comes closest: a long one crosses kinks, a short one sees rounding.
TOLERANCES = {"float64": 1e-5, "float32": 5e-3}
# XLA keeps 8 bits of what goes through the second derivative of a maximum in float32.
_XLA_TOLERANCE = 0.2
_STEPS = {"float64": (1e-6,), "float32": (1e-3, 3e-4, 1e-4)}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    layers: str = option("", "Names of cases, separated by semicolons; all by default.")
    modes: str = option(",".join(MODES), "Modes, separated by commas.")


class Apply(keras.layers.Layer):
    """A layer of several inputs, on as many dense layers of one input.

    Args:
        layer: The layer.
        count: How many inputs it has.
        as_list: Whether it takes them as one list.
    """

    def __init__(self, layer, count=2, as_list=True):
        super().__init__()
        self.layer, self.as_list = layer, as_list
        self.inputs_of = [layers.Dense(4, activation="softplus") for _ in range(count)]

    def call(self, inputs):
        values = [dense(inputs) for dense in self.inputs_of]
        return self.layer(values) if self.as_list else self.layer(*values)


class Labelled(keras.layers.Layer):
    """A conditional batch normalization with labels 0, 1, 2, 0, ..."""

    def __init__(self):
        super().__init__()
        self.normalization = own.ConditionalBatchNormalization(3)

    def call(self, inputs, training=None):
        return self.normalization([inputs, tf.range(tf.shape(inputs)[0]) % 3], training=training)


class Augmented(keras.layers.Layer):
    """An augmenter of this package, with the same seed in each call."""

    def __init__(self, augmenter):
        super().__init__()
        self.augmenter = augmenter

    def call(self, inputs):
        return self.augmenter(inputs, tf.constant([3, 5], tf.int64))


def _function(function, **options):
    return lambda: [layers.Lambda(function, **options)]


VECTOR, SEQUENCE, MAP, VOLUME = (6,), (6, 3), (6, 6, 2), (4, 4, 4, 2)
# For layers that have no operations in float64.
_SINGLE = {"dtype": "float32"}
_RANGE = {"value_range": (0.0, 4.0)}
# From names to the shape of the images and to a function that makes layers.
CASES = {
    "Dense": (VECTOR, lambda: [layers.Dense(4)]),
    "EinsumDense": (VECTOR, lambda: [layers.EinsumDense("ab,bc->ac", output_shape=4, bias_axes="c")]),
    **{
        name: (VECTOR, functools.partial(lambda name: [layers.Dense(4), layers.Activation(name)], name))
        for name in (
            "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
            "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
            "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax",
            "squareplus", "tanh", "tanh_shrink",
        )
    },
    "ELU": (VECTOR, lambda: [layers.Dense(4), layers.ELU()]),
    "ReLU": (VECTOR, lambda: [layers.Dense(4), layers.ReLU(6.0, 0.1, 0.2)]),
    "LeakyReLU": (VECTOR, lambda: [layers.Dense(4), layers.LeakyReLU(0.2)]),
    "PReLU": (VECTOR, lambda: [layers.Dense(4), layers.PReLU()]),
    "Softmax": (VECTOR, lambda: [layers.Softmax()]),
    "Softmax over two axes": (MAP, lambda: [layers.Softmax((1, 2))]),
    "ActivityRegularization": (VECTOR, lambda: [layers.ActivityRegularization(0.1, 0.1)]),
    "Identity": (VECTOR, lambda: [layers.Identity()]),
    "Masking": (SEQUENCE, lambda: [layers.Masking()]),
    "Rescaling": (MAP, lambda: [layers.Rescaling(2.0, 0.1)]),
    "Normalization": (MAP, lambda: [layers.Normalization(mean=0.5, variance=2.0)]),
    "Flatten": (MAP, lambda: [layers.Flatten()]),
    "Reshape": (MAP, lambda: [layers.Reshape((3, 12, 4))]),
    "Permute": (MAP, lambda: [layers.Permute((2, 1, 3))]),
    "RepeatVector": (VECTOR, lambda: [layers.RepeatVector(3)]),
    **{
        name: (VECTOR, functools.partial(lambda name: [Apply(getattr(layers, name)())], name))
        for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
    },
    "Dot": (VECTOR, lambda: [Apply(layers.Dot(1, normalize=True))]),
    "Conv1D": (SEQUENCE, lambda: [layers.Conv1D(3, 3, dilation_rate=2, padding="causal")]),
    "Conv2D": (MAP, lambda: [layers.Conv2D(4, 3, strides=2, padding="same")]),
    "Conv2D, dilated": (MAP, lambda: [layers.Conv2D(4, 3, dilation_rate=2)]),
    "Conv2D, in groups": (MAP, lambda: [layers.Conv2D(4, 3, groups=2)]),
    "Conv3D": (VOLUME, lambda: [layers.Conv3D(3, 2, strides=2)]),
    "Conv1DTranspose": (SEQUENCE, lambda: [layers.Conv1DTranspose(3, 3, strides=2)]),
    "Conv2DTranspose": (MAP, lambda: [layers.Conv2DTranspose(3, 4, strides=2)]),
    "Conv3DTranspose": (VOLUME, lambda: [layers.Conv3DTranspose(3, 2, strides=2)]),
    "DepthwiseConv1D": (SEQUENCE, lambda: [layers.DepthwiseConv1D(3)]),
    "DepthwiseConv2D": (MAP, lambda: [layers.DepthwiseConv2D(3)]),
    "SeparableConv1D": (SEQUENCE, lambda: [layers.SeparableConv1D(3, 3)]),
    "SeparableConv2D": (MAP, lambda: [layers.SeparableConv2D(3, 3, padding="same")]),
    "AveragePooling1D": (SEQUENCE, lambda: [layers.AveragePooling1D(3, 1)]),
    "AveragePooling2D": (MAP, lambda: [layers.AveragePooling2D(3, 2, "same")]),
    "AveragePooling3D": (VOLUME, lambda: [layers.AveragePooling3D(2, 1, **_SINGLE)]),
    "MaxPooling1D": (SEQUENCE, lambda: [layers.MaxPooling1D(3, 1)]),
    "MaxPooling2D": (MAP, lambda: [layers.MaxPooling2D(3, 1)]),
    "MaxPooling3D": (VOLUME, lambda: [layers.MaxPooling3D(2, **_SINGLE)]),
    "MaxPooling3D, overlapping": (VOLUME, lambda: [layers.MaxPooling3D(3, 1, **_SINGLE)]),
    "MaxPooling3D, overlapping, same": (VOLUME, lambda: [layers.MaxPooling3D(3, 2, "same", **_SINGLE)]),
    "GlobalAveragePooling1D": (SEQUENCE, lambda: [layers.GlobalAveragePooling1D()]),
    "GlobalAveragePooling2D": (MAP, lambda: [layers.GlobalAveragePooling2D()]),
    "GlobalAveragePooling3D": (VOLUME, lambda: [layers.GlobalAveragePooling3D()]),
    "GlobalMaxPooling1D": (SEQUENCE, lambda: [layers.GlobalMaxPooling1D()]),
    "GlobalMaxPooling2D": (MAP, lambda: [layers.GlobalMaxPooling2D()]),
    "GlobalMaxPooling3D": (VOLUME, lambda: [layers.GlobalMaxPooling3D()]),
    "AdaptiveAveragePooling1D": (SEQUENCE, lambda: [layers.AdaptiveAveragePooling1D(4)]),
    "AdaptiveAveragePooling2D": (MAP, lambda: [layers.AdaptiveAveragePooling2D(4)]),
    "AdaptiveAveragePooling3D": (VOLUME, lambda: [layers.AdaptiveAveragePooling3D(3, **_SINGLE)]),
    "AdaptiveMaxPooling1D": (SEQUENCE, lambda: [layers.AdaptiveMaxPooling1D(4)]),
    "AdaptiveMaxPooling2D": (MAP, lambda: [layers.AdaptiveMaxPooling2D(4)]),
    "AdaptiveMaxPooling3D": (VOLUME, lambda: [layers.AdaptiveMaxPooling3D(3, **_SINGLE)]),
    "ZeroPadding1D": (SEQUENCE, lambda: [layers.ZeroPadding1D(1)]),
    "ZeroPadding2D": (MAP, lambda: [layers.ZeroPadding2D(1)]),
    "ZeroPadding3D": (VOLUME, lambda: [layers.ZeroPadding3D(1)]),
    "Cropping1D": (SEQUENCE, lambda: [layers.Cropping1D(1)]),
    "Cropping2D": (MAP, lambda: [layers.Cropping2D(1)]),
    "Cropping3D": (VOLUME, lambda: [layers.Cropping3D(1)]),
    "UpSampling1D": (SEQUENCE, lambda: [layers.UpSampling1D()]),
    "UpSampling2D": (MAP, lambda: [layers.UpSampling2D()]),
    "UpSampling3D": (VOLUME, lambda: [layers.UpSampling3D()]),
    **{
        f"{name}, {interpolation}": (MAP, functools.partial(make, interpolation))
        for name, make in (
            ("UpSampling2D", lambda interpolation: [layers.UpSampling2D(2, None, interpolation, **_SINGLE)]),
            ("Resizing", lambda interpolation: [layers.Resizing(4, 4, interpolation, **_SINGLE)]),
        )
        for interpolation in ("nearest", "bilinear", "bicubic", "lanczos3")
    },
    "BatchNormalization": (MAP, lambda: [layers.BatchNormalization()]),
    "BatchNormalization, frozen": (MAP, lambda: [layers.BatchNormalization(trainable=False)]),
    "BatchNormalization, renorm": (MAP, lambda: [layers.BatchNormalization(renorm=True)]),
    "GroupNormalization": (MAP, lambda: [layers.GroupNormalization(2)]),
    "LayerNormalization": (MAP, lambda: [layers.LayerNormalization()]),
    "LayerNormalization, rms_scaling": (MAP, lambda: [layers.LayerNormalization(rms_scaling=True)]),
    "RMSNormalization": (MAP, lambda: [layers.RMSNormalization()]),
    "UnitNormalization": (MAP, lambda: [layers.UnitNormalization()]),
    "SpectralNormalization": (MAP, lambda: [layers.SpectralNormalization(layers.Conv2D(3, 3))]),
    "Dropout": (MAP, lambda: [layers.Dropout(0.3, seed=4)]),
    "AlphaDropout": (MAP, lambda: [layers.AlphaDropout(0.3, seed=4)]),
    "GaussianDropout": (MAP, lambda: [layers.GaussianDropout(0.3, seed=4)]),
    "GaussianNoise": (MAP, lambda: [layers.GaussianNoise(0.3, seed=4)]),
    "SpatialDropout1D": (SEQUENCE, lambda: [layers.SpatialDropout1D(0.3, seed=4)]),
    "SpatialDropout2D": (MAP, lambda: [layers.SpatialDropout2D(0.3, seed=4)]),
    "SpatialDropout3D": (VOLUME, lambda: [layers.SpatialDropout3D(0.3, seed=4)]),
    "Attention": (SEQUENCE, lambda: [Apply(layers.Attention(use_scale=True))]),
    "AdditiveAttention": (SEQUENCE, lambda: [Apply(layers.AdditiveAttention())]),
    "MultiHeadAttention": (SEQUENCE, lambda: [Apply(layers.MultiHeadAttention(2, 3), as_list=False)]),
    "GroupedQueryAttention": (SEQUENCE, lambda: [Apply(layers.GroupQueryAttention(3, 2, 1), as_list=False)]),
    "RNN": (SEQUENCE, lambda: [layers.RNN(layers.SimpleRNNCell(3))]),
    "SimpleRNN": (SEQUENCE, lambda: [layers.SimpleRNN(3, return_sequences=True)]),
    "GRU": (SEQUENCE, lambda: [layers.GRU(3)]),
    "LSTM": (SEQUENCE, lambda: [layers.LSTM(3)]),
    "LSTM, unrolled": (SEQUENCE, lambda: [layers.LSTM(3, unroll=True)]),
    "StackedRNNCells": (SEQUENCE, lambda: [layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)])]),
    "Bidirectional": (SEQUENCE, lambda: [layers.Bidirectional(layers.LSTM(2))]),
    "TimeDistributed": (SEQUENCE, lambda: [layers.TimeDistributed(layers.Dense(3))]),
    "ConvLSTM1D": (MAP, lambda: [layers.ConvLSTM1D(2, 3)]),
    "ConvLSTM2D": (VOLUME, lambda: [layers.ConvLSTM2D(2, 3)]),
    "ConvLSTM3D": (VOLUME, lambda: [layers.Reshape((2, 4, 4, 2, 4)), layers.ConvLSTM3D(2, 2)]),
    "STFTSpectrogram": (SEQUENCE, lambda: [layers.STFTSpectrogram("magnitude", 4, 2)]),
    "MelSpectrogram": (
        (64,),
        lambda: [layers.Dense(64), layers.MelSpectrogram(16, 8, sampling_rate=8000, num_mel_bins=4, **_SINGLE)],
    ),
    # Layers that prepare images, with which a discriminator may begin.
    "AugMix": (MAP, lambda: [layers.Dense(3), layers.AugMix(**_RANGE, seed=4)]),
    "AutoContrast": (MAP, lambda: [layers.AutoContrast(**_RANGE)]),
    "CenterCrop": (MAP, lambda: [layers.CenterCrop(4, 4)]),
    "CenterCrop, larger": (MAP, lambda: [layers.CenterCrop(8, 8)]),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        MAP,
        lambda: [layers.ContrastLimitedAdaptiveHistogramEqualization(**_RANGE, tile_grid_size=(2, 2))],
    ),
    "Equalization": (MAP, lambda: [Apply(layers.Equalization(**_RANGE), count=1, as_list=False)]),
    "RandAugment": (MAP, lambda: [layers.Dense(3), layers.RandAugment(**_RANGE, seed=4)]),
    "RandomBrightness": (MAP, lambda: [layers.RandomBrightness(0.3, **_RANGE, seed=4)]),
    "RandomColorDegeneration": (MAP, lambda: [layers.Dense(3), layers.RandomColorDegeneration(0.5, **_RANGE, seed=4)]),
    "RandomColorJitter": (
        MAP,
        lambda: [layers.Dense(3), layers.RandomColorJitter(**_RANGE, brightness_factor=0.2, hue_factor=0.2, seed=4)],
    ),
    "RandomContrast": (MAP, lambda: [layers.RandomContrast(0.3, **_RANGE, seed=4)]),
    "RandomCrop": (MAP, lambda: [layers.RandomCrop(4, 4, seed=4)]),
    "RandomElasticTransform": (MAP, lambda: [layers.Dense(3), layers.RandomElasticTransform(1.0, **_RANGE, seed=4)]),
    "RandomErasing": (MAP, lambda: [layers.RandomErasing(1.0, **_RANGE, seed=4)]),
    "RandomFlip": (MAP, lambda: [layers.RandomFlip(seed=4)]),
    "RandomGaussianBlur": (MAP, lambda: [layers.RandomGaussianBlur(1.0, 3, 1.0, **_RANGE, seed=4)]),
    "RandomGrayscale": (MAP, lambda: [layers.Dense(3), layers.RandomGrayscale(1.0, seed=4)]),
    "RandomHue": (MAP, lambda: [layers.Dense(3), layers.RandomHue(0.3, **_RANGE, seed=4)]),
    "RandomInvert": (MAP, lambda: [layers.RandomInvert(1.0, **_RANGE, seed=4)]),
    "RandomPerspective": (MAP, lambda: [layers.RandomPerspective(1.0, 0.3, seed=4)]),
    "RandomPosterization": (MAP, lambda: [layers.RandomPosterization(4, **_RANGE, seed=4)]),
    "RandomRotation": (MAP, lambda: [layers.RandomRotation(0.2, seed=4)]),
    "RandomSaturation": (MAP, lambda: [layers.Dense(3), layers.RandomSaturation(0.3, **_RANGE, seed=4)]),
    "RandomSharpness": (MAP, lambda: [layers.RandomSharpness(0.5, **_RANGE, seed=4)]),
    "RandomShear": (MAP, lambda: [layers.RandomShear(0.3, 0.3, seed=4)]),
    "RandomTranslation": (MAP, lambda: [layers.RandomTranslation(0.3, 0.3, seed=4)]),
    "RandomZoom": (MAP, lambda: [layers.RandomZoom(0.3, seed=4)]),
    "Solarization": (MAP, lambda: [layers.Solarization(**_RANGE)]),
    "Pipeline": (MAP, lambda: [layers.Pipeline([layers.RandomFlip(seed=4), layers.RandomInvert(1.0, **_RANGE)])]),
    # Functions.
    "layer_normalization in a Lambda": (MAP, _function(lambda x: ops.layer_normalization(x))),
    "moments in a Lambda": (MAP, _function(lambda x: x - ops.moments(x, -1, keepdims=True)[1])),
    "plain means in a Lambda": (MAP, _function(lambda x: x - ops.mean((x - ops.mean(x, -1, True)) ** 2, -1, True))),
    "var in a Lambda": (MAP, _function(lambda x: x - ops.var(x, -1, keepdims=True))),
    "std in a Lambda": (MAP, _function(lambda x: x / ops.std(x, (1, 2, 3), keepdims=True))),
    "logsumexp in a Lambda": (MAP, _function(lambda x: ops.logsumexp(x, -1, keepdims=True))),
    "norm in a Lambda": (MAP, _function(lambda x: x / ops.norm(x, axis=-1, keepdims=True))),
    **{
        f"image.resize in a Lambda, {interpolation}": (
            MAP,
            functools.partial(lambda way: [layers.Lambda(lambda x: ops.image.resize(x, (9, 9), way))], interpolation),
        )
        for interpolation in ("nearest", "bilinear", "bicubic")
    },
    "stop_gradient in a Lambda": (MAP, _function(lambda x: x * ops.stop_gradient(x))),
    "a loop in a Lambda": (
        VECTOR,
        _function(lambda x: ops.fori_loop(0, 3, lambda i, y: tf.sin(y), x)),
    ),
    # Those of this package.
    "keras_gan: Maxout": (MAP, lambda: [own.Maxout(3, 2)]),
    "keras_gan: Dropout": (MAP, lambda: [own.Dropout(0.3, seed=4)]),
    "keras_gan: Conv2D": (MAP, lambda: [own.Conv2D(3, 3, 2, padding="same")]),
    "keras_gan: Conv2DTranspose": (MAP, lambda: [own.Conv2DTranspose(3, 3, 2, padding="same")]),
    "keras_gan: BatchNormalization": (MAP, lambda: [own.BatchNormalization()]),
    "keras_gan: ConditionalBatchNormalization": (MAP, lambda: [Labelled()]),
    "keras_gan: GroupNormalization": (MAP, lambda: [own.GroupNormalization(2)]),
    "keras_gan: GroupNormalization, one group": (MAP, lambda: [own.GroupNormalization(1)]),
    "keras_gan: GroupNormalization, a group each": (MAP, lambda: [own.GroupNormalization(-1)]),
    "keras_gan: LayerNormalization": (MAP, lambda: [own.LayerNormalization()]),
    "keras_gan: LayerNormalization, all axes": (MAP, lambda: [own.LayerNormalization([1, 2, 3])]),
    "keras_gan: MinibatchStandardDeviation": (MAP, lambda: [own.MinibatchStandardDeviation(3)]),
    "keras_gan: GroupedConv2D": (
        MAP,
        lambda: [own.GroupedConv2D(4, 3, 2, padding="same"), own.GroupedConv2D(4, 3, 2, strides=2)],
    ),
    "keras_gan: SelfAttention": (MAP, lambda: [own.SelfAttention(reduction=2)]),
    "keras_gan: SelfAttention, spectral": (MAP, lambda: [own.SelfAttention(reduction=2, spectral_normalization=True)]),
    "keras_gan: UpSampling2D": (MAP, lambda: [own.UpSampling2D()]),
    "keras_gan: UpSampling2D, bilinear": (MAP, lambda: [own.UpSampling2D("bilinear")]),
    "keras_gan: DownSampling2D": (MAP, lambda: [own.DownSampling2D()]),
    "keras_gan: DownSampling2D, bilinear": (MAP, lambda: [own.DownSampling2D("bilinear")]),
    "keras_gan: SpectralNormalization, Conv2D": (
        MAP,
        lambda: [own.SpectralNormalization(layers.Conv2D(3, 3, strides=2))],
    ),
    "keras_gan: SpectralNormalization, Conv2DTranspose": (
        MAP,
        lambda: [own.SpectralNormalization(layers.Conv2DTranspose(3, 3, strides=2))],
    ),
    "keras_gan: SpectralNormalization, Dense": (MAP, lambda: [own.SpectralNormalization(layers.Dense(3))]),
    "keras_gan: AdaptiveAugment": (
        MAP,
        lambda: [
            layers.Dense(3),
            Augmented(keras_gan.augmentation.AdaptiveAugment(("blit", "geometry", "color", "cutout"), probability=0.7)),
        ],
    ),
    "keras_gan: DiffAugment": (MAP, lambda: [layers.Dense(3), Augmented(keras_gan.augmentation.DiffAugment())]),
}  # fmt: skip
# Refused though these settings may be right: what they use is wrong in other calls.
SOMETIMES_RIGHT = ("AdaptiveMaxPooling3D", "MaxPooling3D, overlapping", "MaxPooling3D, overlapping, same")
# Classes of `keras.layers` that no discriminator can be made of.
LEFT_OUT = {
    "bases": ("InputSpec", "InputLayer", "Layer", "Wrapper", "Lambda", "Activation"),
    "take integers or strings, or return integers": (
        "CategoryEncoding", "Discretization", "Embedding", "HashedCrossing", "Hashing", "IntegerLookup",
        "ReversibleEmbedding", "StringLookup", "TextVectorization",
    ),
    "take boxes or labels beside images": ("CutMix", "MaxNumBoundingBoxes", "MixUp"),
    "hold other frameworks' code or files": ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"),
    "are held by RNN": ("GRUCell", "LSTMCell", "SimpleRNNCell"),
}  # fmt: skip


def keras_layers():
    """The names of the classes of `keras.layers`, without aliases."""
    classes = {value for value in vars(layers).values() if inspect.isclass(value)}
    return sorted(cls.__name__ for cls in classes)


def own_layers():
    """The names of the classes of `keras_gan.layers`."""
    return sorted(value.__name__ for value in vars(own).values() if inspect.isclass(value))


def discriminator(name):
    """The network of one case, in float64 and with weights of ordinary size.

    Args:
        name: A key of `CASES`.

    Returns:
        Keras model.
    """
    shape, make = CASES[name]
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = keras.Sequential(
                [
                    keras.Input(shape, dtype="float64"),
                    layers.Dense(4, activation="softplus"),
                    *make(),
                    layers.Dense(2, activation="softplus"),
                    layers.Flatten(),
                    layers.Dense(1),
                ]
            )
    finally:
        keras.config.set_dtype_policy(policy)
    random = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(random.normal(scale=0.5, size=variable.shape))
    return network


class Derivatives:
    """The derivative of R1 along a random direction in the space of weights, by two ways.

    Args:
        network: A discriminator in float64.
    """

    def __init__(self, network):
        random = np.random.default_rng(1)
        self.network = network
        dtypes = {layer.compute_dtype for layer in network._flatten_layers()}
        self.dtype = "float32" if "float32" in dtypes else "float64"
        self.images = tf.constant(random.uniform(-1, 1, (6, *network.input_shape[1:])))
        self.points = [variable.numpy() for variable in network.trainable_variables]
        self.direction = [random.normal(size=point.shape) for point in self.points]
        self.state = [variable.numpy() for variable in network.non_trainable_variables]

    def compare(self, mode):
        """R1's derivative as TensorFlow computes it, and as the central difference that comes closest to it.

        Args:
            mode: `"eager"`, `"graph"` or `"xla"`.

        Returns:
            Two floats.
        """
        function = self._value_and_derivative
        if mode != "eager":
            function = tf.function(function, jit_compile=mode == "xla", autograph=False)
        # As in training.
        with compiled.equal_graphs():
            exact = self._at(function)[1]
            differences = []
            for step in _STEPS[self.dtype]:
                (ahead, _), (behind, _) = (self._at(function, shift) for shift in (step, -step))
                differences.append((ahead - behind) / (2 * step))
        return exact, min(differences, key=lambda difference: abs(difference - exact))

    def _value_and_derivative(self, images):
        variables = [variable.value for variable in self.network.trainable_variables]
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(regularizers.R1()(Critic(self.network), images, images))
        gradients = tape.gradient(value, variables, unconnected_gradients="zero")
        products = [tf.reduce_sum(g * way) for g, way in zip(gradients, self.direction, strict=True)]
        return value, tf.add_n(products)

    def _at(self, function, step=0.0):
        """The values that a function returns of weights that went `step` in the direction."""
        triples = zip(self.network.trainable_variables, self.points, self.direction, strict=True)
        for variable, point, way in triples:
            variable.assign(point + step * way)
        # Counters of random numbers too, so that every mask is the same one.
        for variable, old in zip(self.network.non_trainable_variables, self.state, strict=True):
            variable.assign(old)
        return [float(x) for x in function(self.images)]


def judge(name, modes=MODES):
    """Compares one case.

    Args:
        name: A key of `CASES`.
        modes: Some of `MODES`.

    Returns:
        Dictionary from modes to relative errors, or to names of exceptions where there is no number; the narrowest
        `dtype`; and `refused`, what `keras_gan.models.second_order.check` says, or `None`.
    """
    network = discriminator(name)
    derivatives = Derivatives(network)
    found = {"dtype": derivatives.dtype}
    try:
        second_order.check([regularizers.R1()], network, network.input_shape[1:])
        found["refused"] = None
    except ValueError as error:
        found["refused"] = str(error)
    for mode in modes:
        try:
            exact, numeric = derivatives.compare(mode)
        except Exception as error:
            found[mode] = type(error).__name__
            continue
        found[mode] = abs(exact - numeric) / max(abs(exact), abs(numeric), 1e-4)
    return found


def is_right(found):
    """Says whether the derivative can be had, and is right in each mode where it can."""
    bounds = dict.fromkeys(MODES, TOLERANCES[found["dtype"]])
    if found["dtype"] == "float32":
        bounds["xla"] = _XLA_TOLERANCE
    numbers = {mode: found[mode] for mode in MODES if isinstance(found.get(mode), float)}
    return bool(numbers) and all(numbers[mode] < bounds[mode] for mode in numbers)


def main(argv=None):
    """Measures, or prints the page."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Compares all cases.

    Returns:
        Dictionary of `layers`: from names of cases to what `judge` returns.
    """
    names = config.layers.split(";") if config.layers else list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise ValueError(f"--layers are of {list(CASES)}, separated by semicolons. Received: {unknown}")
    return {"layers": {name: judge(name, config.modes.split(",")) for name in tqdm.tqdm(names, disable=None)}}


def render(run):
    """The table of a run, Markdown."""
    rows = []
    for name, found in run["layers"].items():
        cells = [x if isinstance(x, str) else tables.digits(x, "{:.1e}") for x in map(found.get, MODES)]
        rows.append([name, *cells, "" if found["refused"] is None else "refused"])
    return tables.table(["layer", *MODES, "beside a gradient penalty"], rows)


if __name__ == "__main__":
    main()
