import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import layers
from tests.keras_gan.layers.layer_checks import LayerTestCase

LAYERS = {
    "dense": lambda: (keras.layers.Dense(4), (None, 5)),
    "convolution": lambda: (keras.layers.Conv2D(4, 3), (None, 6, 6, 2)),
    "transposed": lambda: (keras.layers.Conv2DTranspose(3, 4, 2), (None, 6, 6, 5)),
    "depthwise": lambda: (keras.layers.DepthwiseConv2D(3), (None, 6, 6, 3)),
    "embedding": lambda: (keras.layers.Embedding(4, 6), (None,)),
}


def matrix(layer):
    """Miyato's matrix of a kernel, with one row per output channel."""
    kernel = np.asarray(layer.kernel if hasattr(layer, "kernel") else layer.embeddings)
    if isinstance(layer, keras.layers.Conv2DTranspose):
        kernel = kernel.swapaxes(-1, -2)
    return kernel.reshape(-1, kernel.shape[-1]).T


def inputs(shape):
    rng = np.random.default_rng(0)
    if len(shape) == 1:
        return tf.constant([0, 3, 1])
    return tf.constant(rng.normal(size=(3, *shape[1:])), tf.float32)


def spectral_gan(**compile_arguments):
    def dense(units):
        return layers.SpectralNormalization(keras.layers.Dense(units, activation="tanh"))

    gan = keras_gan.GAN(
        keras.Sequential([keras.Input((2,)), dense(4), keras.layers.Dense(2)]),
        keras.Sequential([keras.Input((2,)), dense(4), keras.layers.Dense(1)]),
    )
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), **compile_arguments)
    return gan


class SpectralNormalizationTest(LayerTestCase, parameterized.TestCase):
    def test_layer(self):
        def make(dtype=None, **kwargs):
            return layers.SpectralNormalization(keras.layers.Conv2D(4, 3, dtype=dtype), dtype=dtype, **kwargs)

        self.run_layer_test(make, (5, 5, 2))

    @parameterized.parameters(*LAYERS)
    def test_against_a_singular_value_decomposition(self, name):
        plain, shape = LAYERS[name]()
        layer = layers.SpectralNormalization(plain)
        layer.build(shape)
        kernel = plain.weights[0].numpy()
        for _ in range(300):
            layer.iterate()
        _, sigma, vectors = np.linalg.svd(matrix(plain).T)
        self.assertAllClose(abs(float(np.dot(vectors[0], layer.u))), 1.0, atol=1e-4)
        x = inputs(shape)
        outputs = layer(x)
        self.assertAllEqual(plain.weights[0], kernel)  # untouched
        plain.weights[0].assign(kernel / sigma[0])
        self.assertAllClose(outputs, plain(x), atol=1e-5)

    def test_a_rank_one_kernel_needs_one_iteration(self):
        layer = layers.SpectralNormalization(keras.layers.Dense(3, use_bias=False))
        layer.build((None, 2))
        layer.layer.kernel.assign(np.outer([3.0, 4.0], [2.0, -1.0, 2.0]))  # sigma = 5 * 3
        layer.iterate()
        self.assertAllClose(layer(np.eye(2, dtype="float32")), np.outer([3.0, 4.0], [2.0, -1.0, 2.0]) / 15)

    def test_the_gradient_goes_through_sigma(self):
        """Of <C, W / ||W u||> by hand: (C - <C, W / sigma> v u^T) / sigma."""
        layer = layers.SpectralNormalization(keras.layers.Dense(3, use_bias=False, dtype="float64"))
        layer.build((None, 4))
        weight, u = layer.layer.kernel.numpy(), layer.u.numpy()
        c = np.random.default_rng(0).normal(size=(4, 3))
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(c * layer(np.eye(4)))
        gradient = tape.gradient(value, layer.layer.kernel.value)
        sigma = np.linalg.norm(weight @ u)
        expected = (c - np.sum(c * weight / sigma) * np.outer(weight @ u / sigma, u)) / sigma
        self.assertAllClose(gradient, expected, rtol=1e-10)
        # A kernel's length does not matter, so the gradient has no part along it.
        self.assertAllClose(np.sum(expected * weight), 0.0, atol=1e-12)

    def test_forward_passes_change_nothing(self):
        layer = layers.SpectralNormalization(keras.layers.Dense(3))
        x = tf.ones((2, 4))
        layer(x)
        before = layer.get_weights()
        for _ in range(3):
            layer(x, training=True)
        for old, new in zip(before, layer.get_weights(), strict=True):
            self.assertAllEqual(old, new)

    @parameterized.parameters(
        ({}, 1, 1),
        ({"discriminator_steps": 2, "generator_steps": 3}, 2, 3),
        ({"update": "simultaneous", "loss": "relativistic", "discriminator_regularizers": ["r1", "r2"]}, 1, 1),
    )
    def test_a_training_step_makes_one_iteration_per_update(self, arguments, d_updates, g_updates):
        """With learning rates of zero all iterations are of the same kernel."""
        gan = spectral_gan(**arguments)
        expected = []
        for network, updates in ((gan.discriminator, d_updates), (gan.generator, g_updates)):
            layer = network.layers[0]
            w, u = np.asarray(layer.layer.kernel, "float64"), np.asarray(layer.u, "float64")
            for _ in range(2 * updates):
                u = w.T @ (w @ u)
                u /= np.linalg.norm(u)
            expected.append(u)
        x = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
        for _ in range(2):
            gan.train_on_batch(x)
        self.assertAllClose(gan.discriminator.layers[0].u, expected[0], atol=1e-5)
        self.assertAllClose(gan.generator.layers[0].u, expected[1], atol=1e-5)
        gan.test_on_batch(x)
        self.assertAllClose(gan.discriminator.layers[0].u, expected[0], atol=1e-5)

    def test_saving_goes_on_exactly(self):
        gan = spectral_gan()
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), discriminator_regularizers=["r1"])
        x = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
        gan.train_on_batch(x)
        path = self.path("gan.keras")
        gan.save(path)
        again = keras.saving.load_model(path)
        for model in (gan, again):
            model.train_on_batch(x)
        self.assert_same_weights(again, gan)

    def test_mixed_precision(self):
        exact, mixed = (
            layers.SpectralNormalization(keras.layers.Conv2D(4, 3, dtype=policy))
            for policy in ("float32", "mixed_bfloat16")
        )
        x = inputs((None, 6, 6, 2))
        exact(x), mixed(x)
        mixed.set_weights(exact.get_weights())
        self.assertEqual((mixed(x).dtype, mixed.u.dtype), (tf.bfloat16, "float32"))
        self.assertAllClose(mixed(x), exact(x), atol=0.05)

    def test_a_frozen_layer(self):
        layer = layers.SpectralNormalization(keras.layers.Dense(3))
        x = tf.ones((2, 4))
        expected = layer(x)
        layer.trainable = False
        self.assertAllEqual(layer(x), expected)

    def test_a_kernel_of_zeros(self):
        layer = layers.SpectralNormalization(keras.layers.Dense(3, kernel_initializer="zeros"))
        layer(tf.ones((2, 4)))
        layer.iterate()
        self.assertAllEqual(layer(tf.ones((2, 4))), tf.zeros((2, 3)))

    def test_configuration_and_errors(self):
        again = self.assert_config_round_trip(
            layers.SpectralNormalization(keras.layers.Dense(3, dtype="mixed_bfloat16"))
        )
        self.assertEqual(again.compute_dtype, "bfloat16")
        with self.assertRaisesRegex(ValueError, "needs a layer with a `kernel`.*Received: layer='flatten'"):
            layers.SpectralNormalization(keras.layers.Flatten(name="flatten")).build((None, 3))
