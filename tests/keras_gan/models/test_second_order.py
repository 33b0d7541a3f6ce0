"""Every layer that a discriminator may use, against finite differences to second order, in eager, graph and XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from keras import layers

import keras_gan
from keras_gan import regularizers
from keras_gan.models.critic import Critic
from tests.test_case import TestCase

own = keras_gan.layers


@keras.saving.register_keras_serializable("keras_gan_tests")
class Labelled(keras.layers.Layer):
    """Conditional batch normalization with labels 0, 1, 2, 0, ..."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.normalization = own.ConditionalBatchNormalization(3, dtype=self.dtype_policy)

    def call(self, inputs, training=None):
        return self.normalization([inputs, tf.range(tf.shape(inputs)[0]) % 3], training=training)

    def compute_output_shape(self, input_shape):
        return input_shape


class Branches(keras.layers.Layer):
    """Sum, product, largest and concatenation of two convolutions of a map."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.left, self.right = (layers.Conv2D(3, 3, dtype=self.dtype_policy) for _ in range(2))
        merges = (layers.Add, layers.Multiply, layers.Maximum, layers.Average, layers.Subtract)
        self.merges = [merge(dtype=self.dtype_policy) for merge in merges]
        self.concatenate = layers.Concatenate(dtype=self.dtype_policy)

    def call(self, inputs):
        pair = [self.left(inputs), self.right(inputs)]
        return self.concatenate([merge(pair) for merge in self.merges])


# Each is a list of layers between two dense ones, on 6x6 images with 4 channels. Some of Keras' share a line.
OWN = {
    "maxout": lambda: [own.Maxout(3, 2)],
    "dropout": lambda: [own.Dropout(0.3, seed=4)],
    "batch_normalization": lambda: [own.BatchNormalization()],
    "conditional_batch_normalization": lambda: [Labelled()],
    "group_normalization": lambda: [own.GroupNormalization(2)],
    "one_group": lambda: [own.GroupNormalization(1)],
    "instance_normalization": lambda: [own.GroupNormalization(-1)],
    "layer_normalization": lambda: [own.LayerNormalization()],
    "layer_normalization_of_all": lambda: [own.LayerNormalization([1, 2, 3])],
    "minibatch_standard_deviation": lambda: [own.MinibatchStandardDeviation(3)],
    "grouped": lambda: [own.GroupedConv2D(4, 3, 2, padding="same"), own.GroupedConv2D(4, 3, 2, strides=2)],
    "self_attention": lambda: [own.SelfAttention(reduction=2)],
    "spectral_self_attention": lambda: [own.SelfAttention(reduction=2, spectral_normalization=True)],
    "nearest": lambda: [own.UpSampling2D()],
    "bilinear": lambda: [own.UpSampling2D("bilinear")],
    "average": lambda: [own.DownSampling2D()],
    "bilinear_down": lambda: [own.DownSampling2D("bilinear")],
    "spectral_convolution": lambda: [own.SpectralNormalization(layers.Conv2D(3, 3, strides=2))],
    "spectral_transposed": lambda: [own.SpectralNormalization(layers.Conv2DTranspose(3, 3, strides=2))],
    "spectral_dense": lambda: [own.SpectralNormalization(layers.Dense(3))],
}
KERAS = {
    "convolutions": lambda: [
        layers.Conv2D(4, 3, padding="same", dilation_rate=2),
        layers.Conv2D(4, 3, strides=2, padding="same", groups=2),
        layers.Conv2DTranspose(4, 4, strides=2),
    ],
    "separable": lambda: [
        layers.DepthwiseConv2D(3),
        layers.SeparableConv2D(4, 3, padding="same"),
    ],
    "pooling": lambda: [layers.MaxPooling2D(2, 1), layers.AveragePooling2D(2, 1)],
    "upsampling": lambda: [layers.UpSampling2D(), layers.ZeroPadding2D(1), layers.Cropping2D(2)],
    "shapes": lambda: [
        layers.Permute((2, 1, 3)),
        layers.Reshape((3, 12, 4)),
        layers.Rescaling(2.0, 0.1),
        layers.Identity(),
    ],
    "branches": lambda: [Branches()],
    "rectifiers": lambda: [layers.Dense(4), layers.LeakyReLU(0.2), layers.Dense(4), layers.ReLU(), layers.PReLU()],
    "smooth": lambda: [
        layer
        for name in ("gelu", "silu", "tanh", "elu", "selu", "mish", "sigmoid", "softplus")
        for layer in (layers.Dense(4), layers.Activation(name))
    ],
    "attention": lambda: [layers.Reshape((36, 4)), layers.Softmax(), layers.Reshape((6, 6, 4))],
    "unit_norms": lambda: [layers.UnitNormalization(), layers.Dense(4), layers.RMSNormalization()],
    "global": lambda: [layers.GlobalAveragePooling2D(keepdims=True), layers.UpSampling2D(3)],
    "global_max": lambda: [layers.GlobalMaxPooling2D(keepdims=True), layers.UpSampling2D(3)],
}


def discriminator(inner):
    """`inner` between smooth layers, in float64 and with weights of ordinary size."""
    keras.config.set_dtype_policy("float64")
    stack = [
        keras.Input((6, 6, 2), dtype="float64"),
        layers.Dense(4, activation="softplus"),
        *inner(),
        layers.Dense(2, activation="softplus"),
        layers.Flatten(),
        layers.Dense(1),
    ]
    network = keras.Sequential(stack)
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(scale=0.5, size=variable.shape))
    return network


class Derivatives:
    """The derivative of R1 along a random direction in weight space."""

    def __init__(self, network):
        rng = np.random.default_rng(1)
        self.images = tf.constant(rng.uniform(-1, 1, (6, 6, 6, 2)))
        self.network = network
        self.points = [variable.numpy() for variable in network.trainable_variables]
        self.direction = [rng.normal(size=point.shape) for point in self.points]
        self.state = [variable.numpy() for variable in network.non_trainable_variables]

    def value_and_derivative(self, images):
        variables = [variable.value for variable in self.network.trainable_variables]
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(regularizers.R1()(Critic(self.network), images, images))
        gradients = tape.gradient(value, variables, unconnected_gradients="zero")
        products = [tf.reduce_sum(g * way) for g, way in zip(gradients, self.direction, strict=True)]
        return value, tf.add_n(products)

    def at(self, function, step=0.0):
        """What `function` returns of weights that went `step` in the direction."""
        triples = zip(self.network.trainable_variables, self.points, self.direction, strict=True)
        for variable, point, way in triples:
            variable.assign(point + step * way)
        # Counters of dropout, so that every mask is the same one.
        for variable, old in zip(self.network.non_trainable_variables, self.state, strict=True):
            variable.assign(old)
        return [float(x) for x in function(self.images)]

    def check(self, test, modes):
        graph = tf.function(self.value_and_derivative)
        h = 1e-6
        numeric = (self.at(graph, h)[0] - self.at(graph, -h)[0]) / (2 * h)
        test.assertGreater(abs(numeric), 1e-5)
        for mode in modes:
            function = {
                "eager": self.value_and_derivative,
                "graph": graph,
                "xla": tf.function(self.value_and_derivative, jit_compile=True),
            }[mode]
            test.assertAllClose(self.at(function)[1], numeric, rtol=1e-6, atol=1e-9, msg=mode)


class SecondOrderTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*OWN, *KERAS)
    def test_eager_and_graph(self, name):
        network = discriminator({**OWN, **KERAS}[name])
        regularizers.check_layers([regularizers.R1()], network)
        Derivatives(network).check(self, ("eager", "graph"))

    @parameterized.parameters("group_normalization", "grouped", "spectral_convolution")
    def test_xla(self, name):
        Derivatives(discriminator(OWN[name])).check(self, ("xla",))

    @parameterized.parameters(*OWN, *KERAS)
    @pytest.mark.slow
    def test_xla_of_every_layer(self, name):
        Derivatives(discriminator({**OWN, **KERAS}[name])).check(self, ("xla",))

    def test_the_table_has_every_layer_of_the_package(self):
        used = {type(layer) for inner in OWN.values() for outer in inner() for layer in outer._flatten_layers()}
        classes = {value for value in vars(own).values() if isinstance(value, type)}
        self.assertEqual(classes - used, set())
