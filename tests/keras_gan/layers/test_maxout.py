import keras
import numpy as np

from keras_gan import layers
from tests.keras_gan.layers.layer_checks import LayerTestCase


class MaxoutTest(LayerTestCase):
    def test_layer(self):
        self.run_layer_test(lambda **kwargs: layers.Maxout(3, pieces=2, **kwargs), (5,), (2, 5))

    def test_largest_piece_of_each_unit(self):
        layer = layers.Maxout(2, pieces=3)
        layer.build((None, 1))
        # Unit 0: max(x, -x, 1); unit 1: max(2x - 1, 0, -5).
        layer.set_weights([np.array([[1, -1, 0, 2, 0, 0]]), np.array([0, 0, 1, -1, 0, -5])])
        self.assertAllEqual(layer(np.array([[-3.0], [0.5], [2.0]])), [[3, 0], [1, 0], [2, 3]])

    def test_one_piece_is_a_dense_layer(self):
        maxout, dense = layers.Maxout(3, pieces=1), keras.layers.Dense(3)
        x = np.random.default_rng(0).normal(size=(2, 5, 4))
        maxout(x), dense(x)
        dense.set_weights(maxout.get_weights())
        self.assertAllClose(maxout(x), dense(x))

    def test_saving_and_errors(self):
        self.assert_config_round_trip(
            layers.Maxout(3, pieces=2, kernel_initializer="he_normal", dtype="mixed_bfloat16")
        )
        with self.assertRaisesRegex(ValueError, "at least 1. Received: units=0, pieces=2"):
            layers.Maxout(0, pieces=2)
