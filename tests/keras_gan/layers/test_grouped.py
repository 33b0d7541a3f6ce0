from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_gan import layers
from keras_gan.layers import grouped
from tests.keras_gan.layers.layer_checks import LayerTestCase

MODES = {
    "eager": lambda function: function,
    "graph": tf.function,
    "xla": lambda function: tf.function(function, jit_compile=True),
}


def dense(layer, inputs):
    """The layer without its bias, as one convolution whose kernel is 0 between groups."""
    *_, size, filters = layer.kernel.shape
    group = np.arange(filters) // (filters // layer.groups)
    within = np.repeat(np.arange(layer.groups), size)[:, None] == group
    kernel = tf.tile(layer.kernel.value, (1, 1, layer.groups, 1)) * within
    options = {"strides": layer.strides, "dilations": layer.dilation_rate, "data_format": "NHWC"}
    return tf.nn.convolution(inputs, kernel, padding=layer.padding.upper(), **options)


def derivatives(function, kernel):
    """A penalty on the gradient with respect to images, and its own gradients."""

    def derive(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(tf.nn.softplus(function(x)))
            penalty = tf.reduce_sum(tf.square(inner.gradient(y, x)))
        return penalty, *outer.gradient(penalty, [x, kernel])

    return derive


class GroupedConv2DTest(LayerTestCase, parameterized.TestCase):
    @parameterized.parameters(True, False)
    def test_layer(self, native):
        self.choose(native)
        self.run_layer_test(
            lambda **kwargs: layers.GroupedConv2D(filters=4, kernel_size=3, groups=2, **kwargs),
            (5, 5, 4),
            second_order=not native,
        )

    def choose(self, native):
        """Takes TensorFlow's own operation, or as many as groups, whatever there is here."""
        patch = mock.patch.object(grouped, "_has_gradients", return_value=native)
        patch.start()
        self.addCleanup(patch.stop)

    @parameterized.product(
        native=(True, False),
        options=(
            {"padding": "same"},
            {"strides": 2, "padding": "same"},
            {"dilation_rate": 2},
            {"kernel_size": (1, 2)},
        ),
    )
    def test_every_group_by_itself(self, native, options):
        self.choose(native)
        layer = layers.GroupedConv2D(**{"filters": 12, "kernel_size": 3, "groups": 4, "use_bias": False, **options})
        inputs = np.random.default_rng(0).normal(size=(2, 7, 6, 8)).astype("float32")
        found = layer(inputs)
        self.assertAllClose(found, dense(layer, inputs), atol=1e-5)
        self.assertEqual(layer.compute_output_shape(inputs.shape), found.shape)

    def test_the_weights_are_those_of_keras(self):
        options = {"filters": 4, "kernel_size": 3, "groups": 2, "bias_initializer": "ones", "activation": "relu"}
        theirs, ours = keras.layers.Conv2D(**options), layers.GroupedConv2D(**options)
        inputs = np.random.default_rng(0).normal(size=(2, 5, 5, 6)).astype("float32")
        theirs.build(inputs.shape)
        ours.build(inputs.shape)
        self.assertEqual([w.name for w in ours.weights], [w.name for w in theirs.weights])
        ours.set_weights(theirs.get_weights())
        self.assertAllClose(ours(inputs), theirs(inputs), atol=1e-5)
        self.assert_config_round_trip(ours)

    def test_channels_first_is_as_in_keras(self):
        layer = layers.GroupedConv2D(4, 3, 2, data_format="channels_first")
        inputs = np.random.default_rng(0).normal(size=(2, 6, 5, 5)).astype("float32")
        found = tf.transpose(tf.function(layer, jit_compile=True)(inputs), (0, 2, 3, 1))
        self.assertAllClose(found, dense(layer, tf.transpose(inputs, (0, 2, 3, 1))), atol=1e-5)

    @parameterized.product(mode=list(MODES), native=(True, False))
    def test_second_derivatives(self, mode, native):
        """In float32, which TensorFlow's own operation has on processors with oneDNN."""
        if native and mode != "xla" and not grouped._has_gradients(tf.float32):
            self.skipTest("TensorFlow has no gradients of grouped convolutions here")
        self.choose(native)
        layer = layers.GroupedConv2D(8, 3, 4, padding="same", use_bias=False)
        layer.build((None, 6, 6, 8))
        x = tf.constant(np.random.default_rng(0).normal(size=(2, 6, 6, 8)), tf.float32)
        expected = derivatives(lambda x: dense(layer, x), layer.kernel.value)(x)
        found = MODES[mode](derivatives(layer, layer.kernel.value))(x)
        for a, b in zip(found, expected, strict=True):
            self.assertAllClose(a, b, rtol=1e-4, atol=1e-5)

    @parameterized.parameters(True, False)
    def test_nothing_is_compiled(self, native):
        self.choose(native)
        layer = layers.GroupedConv2D(4, 3, 2)
        layer.build((None, 5, 5, 4))
        graph = tf.function(layer).get_concrete_function(tf.TensorSpec((None, 5, 5, 4))).graph
        types = {operation.type for operation in graph.get_operations()}
        self.assertIn("Conv2D", types)
        self.assertFalse({kind for kind in types if "Call" in kind}, types)

    @parameterized.parameters("float32", "float64", "bfloat16")
    def test_what_has_no_gradients_is_found(self, dtype):
        """Also when it is first asked while a function is traced."""

        def differentiate():
            x, kernel = tf.ones((1, 5, 5, 8), dtype), tf.ones((3, 3, 2, 8), dtype)
            with tf.GradientTape() as tape:
                tape.watch([x, kernel])
                y = tf.nn.conv2d(x, kernel, 1, "SAME")
            return tape.gradient(y, [x, kernel])

        try:
            differentiate()
            expected = True
        except tf.errors.OpError:
            expected = False
        found = []
        tf.function(lambda: found.append(grouped._has_gradients.__wrapped__(tf.as_dtype(dtype))))()
        self.assertEqual(found, [expected])
        self.assertEqual(grouped._has_gradients(tf.as_dtype(dtype)), expected)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "evenly divisible by the number of groups"):
            layers.GroupedConv2D(5, 3, 2)
        with self.assertRaisesRegex(ValueError, "input has 5 channels"):
            layers.GroupedConv2D(4, 3, 2)(np.ones((1, 4, 4, 5)))
