from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_gan import layers
from keras_gan.layers import convolution
from tests.keras_gan.layers.layer_checks import LayerTestCase

# As it is, without what a test case puts in its place.
bfloat16_unit = convolution.bfloat16_unit.__wrapped__

# Size, stride, kernel: even and odd, with a kernel that is and is not a multiple of the stride, or smaller.
SHAPES = (
    ((8, 8), 2, (4, 4, 3, 5)),
    ((7, 9), 2, (4, 4, 3, 5)),
    ((7, 6), 2, (5, 5, 3, 2)),
    ((6, 5), 1, (3, 3, 2, 4)),
    ((5, 5), 3, (2, 2, 2, 3)),
)


class ConvolutionTest(LayerTestCase, parameterized.TestCase):
    @parameterized.parameters(*((*shape, way) for shape in SHAPES for way in (False, True)))
    def test_products_equal_tensorflows_operations(self, size, stride, shape, all_products):
        rng = np.random.default_rng(0)
        x, kernel = tf.constant(rng.normal(size=(2, *size, shape[2]))), tf.constant(rng.normal(size=shape))
        expected = tf.nn.conv2d(x, kernel, stride, "SAME")
        factor = tf.constant(rng.normal(size=expected.shape))
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            total = tf.reduce_sum(tf.nn.conv2d(x, kernel, stride, "SAME") * factor)
        by_images, by_kernel = tape.gradient(total, [x, kernel])
        maps = convolution._Convolution(size, stride, shape, all_products)
        self.assertAllClose(maps.forward(x, kernel), expected, atol=1e-12)
        self.assertAllClose(maps.backward(factor, kernel), by_images, atol=1e-12)
        self.assertAllClose(maps.correlate(x, factor), by_kernel, atol=1e-12)

    @parameterized.product(layer=(layers.Conv2D, layers.Conv2DTranspose), way=("gradient", "all"))
    def test_layer(self, layer, way):
        with mock.patch.object(convolution, "_products", return_value=way):
            self.run_layer_test(lambda **kwargs: layer(3, 4, 2, padding="same", **kwargs), (5, 4, 2))

    @parameterized.parameters(*((name, way) for name in ("Conv2D", "Conv2DTranspose") for way in ("", "all")))
    def test_is_what_keras_has(self, name, way):
        """Values, weights' names, and the gradients by every input, biases and activation included."""
        x = tf.constant(np.random.default_rng(0).normal(size=(2, 6, 6, 3)), "float32")
        found = []
        for module in (layers, keras.layers):
            keras.utils.set_random_seed(0)
            layer = getattr(module, name)(4, 4, 2, padding="same", activation="tanh", bias_initializer="ones")
            with mock.patch.object(convolution, "_products", return_value=way), tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                total = tf.reduce_sum(y**2)
            found.append([y, *tape.gradient(total, [x, layer.kernel, layer.bias])])
        self.assertEqual(type(layer).__name__, name)
        for mine, theirs in zip(*found, strict=True):
            self.assertAllClose(mine, theirs, atol=2e-5)


class RuleTest(LayerTestCase, parameterized.TestCase):
    def which(self, size, filters, channels, kernel=4, stride=2, dtype="bfloat16", native=True, **kwargs):
        layer = layers.Conv2D(filters, kernel, stride, padding=kwargs.pop("padding", "same"), **kwargs)
        with mock.patch.object(convolution, "bfloat16_unit", return_value=native):
            out = tuple(None if n is None else -(-n // stride) for n in size)
            return convolution._products(layer, size, out, tf.zeros((kernel, kernel, channels, filters)), dtype)

    def test_by_dtype_and_shape(self):
        self.assertEqual(self.which((8, 8), 512, 256), "all")
        self.assertEqual(self.which((16, 16), 256, 128), "gradient")
        self.assertEqual(self.which((32, 32), 128, 64), "")
        self.assertEqual(self.which((16, 16), 16, 3), "")
        self.assertEqual(self.which((8, 8), 128, 128, kernel=3, stride=1), "")
        self.assertEqual(self.which((4, 4), 128, 128, kernel=3, stride=1), "gradient")

    @parameterized.parameters(
        {"dtype": "float32"},
        {"native": False},
        {"padding": "valid"},
        {"groups": 2},
        {"data_format": "channels_first"},
        {"dilation_rate": 2, "stride": 1},
    )
    def test_otherwise_keras_computes(self, **kwargs):
        self.assertEqual(self.which((8, 8), 512, 256, **kwargs), "")

    def test_a_size_that_is_not_known(self):
        self.assertEqual(self.which((None, 8), 512, 256), "")

    def test_processors(self):
        cpu, gpu = (tf.config.PhysicalDevice(f"/physical_device:{kind}:0", kind) for kind in ("CPU", "GPU"))
        for devices, flags, expected in (
            ([cpu], "avx2 amx_bf16", "amx_bf16"),
            ([cpu], "fpu avx512_bf16 avx2", "avx512_bf16"),
            ([cpu], "avx2", None),
            ([cpu, gpu], "amx_bf16", None),
        ):
            with (
                mock.patch.object(tf.config, "list_physical_devices", return_value=devices),
                mock.patch.object(convolution.Path, "read_text", return_value=f"flags : {flags}"),
                mock.patch.object(convolution.Path, "exists", return_value=True),
            ):
                self.assertEqual(bfloat16_unit(), expected)
