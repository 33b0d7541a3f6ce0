import keras
import numpy as np
import tensorflow as tf

from keras_gan import layers
from tests.keras_gan.layers.layer_checks import LayerTestCase


class ResamplingTest(LayerTestCase):
    def test_layers(self):
        for up, down in (("nearest", "average"), ("bilinear", "bilinear")):
            self.run_layer_test(lambda up=up, **kwargs: layers.UpSampling2D(up, **kwargs), (2, 3, 2))
            self.run_layer_test(lambda down=down, **kwargs: layers.DownSampling2D(down, **kwargs), (4, 6, 2))

    def setUp(self):
        super().setUp()
        self.x = np.random.default_rng(0).normal(size=(2, 6, 8, 3)).astype("float32")

    def test_up(self):
        for method in ("nearest", "bilinear"):
            expected = tf.image.resize(self.x, (12, 16), method)
            self.assertAllClose(layers.UpSampling2D(method)(self.x), expected, atol=1e-6)

    def test_down(self):
        averages = keras.layers.AveragePooling2D(2)(self.x)
        self.assertAllClose(layers.DownSampling2D()(self.x), averages, atol=1e-6)
        resized = tf.image.resize(self.x, (3, 4), antialias=True)
        down = layers.DownSampling2D("bilinear")(self.x)
        # At the border TensorFlow drops what lies beyond, in place of repeating the last pixel.
        self.assertAllClose(down[:, 1:-1, 1:-1], resized[:, 1:-1, 1:-1], atol=1e-6)

    def test_a_ramp_stays_a_ramp(self):
        ramp = np.arange(8.0).reshape(1, 1, 8, 1).repeat(2, axis=1)
        up, down = layers.UpSampling2D("bilinear")(ramp), layers.DownSampling2D("bilinear")(ramp)
        self.assertAllClose(np.diff(up[0, 0, 1:-1, 0]), [0.5] * 13)
        self.assertAllClose(np.diff(down[0, 0, 1:-1, 0]), [2.0])

    def test_down_undoes_nearest_up(self):
        self.assertAllEqual(layers.DownSampling2D()(layers.UpSampling2D()(self.x)), self.x)

    def test_means_are_kept_of_constant_maps_and_single_pixels(self):
        for layer in (layers.UpSampling2D("bilinear"), layers.DownSampling2D("bilinear")):
            self.assertAllClose(layer(np.full((1, 2, 4, 1), 3.0)), np.full(layer(np.ones((1, 2, 4, 1))).shape, 3.0))
        self.assertAllEqual(layers.UpSampling2D("bilinear")(np.ones((1, 1, 1, 1))), np.ones((1, 2, 2, 1)))

    def test_symbolic_shapes(self):
        up, down = keras.Input((None, 4, 2)), keras.Input((6, 4, 2))
        self.assertEqual(layers.UpSampling2D("bilinear")(up).shape, (None, None, 8, 2))
        self.assertEqual(layers.DownSampling2D("bilinear")(down).shape, (None, 3, 2, 2))

    def test_configuration_and_errors(self):
        self.assert_config_round_trip(layers.UpSampling2D("bilinear"))
        self.assert_config_round_trip(layers.DownSampling2D("bilinear"))
        with self.assertRaisesRegex(ValueError, "Received: interpolation='area'"):
            layers.UpSampling2D("area")
        with self.assertRaisesRegex(ValueError, "needs even sides. Received: .*5"):
            layers.DownSampling2D()(np.ones((1, 4, 5, 1)))
