import numpy as np
import tensorflow as tf

from keras_gan import layers
from tests.keras_gan.layers.layer_checks import LayerTestCase


class MinibatchStandardDeviationTest(LayerTestCase):
    def test_layer(self):
        self.run_layer_test(lambda **kwargs: layers.MinibatchStandardDeviation(2, **kwargs), (2, 4, 3), (5,))

    def test_definition(self):
        x = np.random.default_rng(0).normal(size=(6, 2, 4, 3)).astype("float32")
        y = layers.MinibatchStandardDeviation(3)(x)
        self.assertAllEqual(y[..., :3], x)
        for rows in (slice(0, 3), slice(3, 6)):
            expected = np.std(x[rows], axis=0).mean()
            self.assertAllClose(y[rows, ..., 3], np.full((3, 2, 4), expected))

    def test_groups_of_halves_are_those_of_the_whole(self):
        """As two replicas see them."""
        x = np.random.default_rng(0).normal(size=(8, 5)).astype("float32")
        layer = layers.MinibatchStandardDeviation(2)
        self.assertAllEqual(np.concatenate([layer(x[:4]), layer(x[4:])]), layer(x))

    def test_batches_of_unknown_size(self):
        layer = layers.MinibatchStandardDeviation(4)
        call = tf.function(layer, input_signature=[tf.TensorSpec((None, 3))])
        for n in (1, 3, 4, 8):
            x = tf.random.normal((n, 3))
            self.assertAllClose(call(x), layer(x))
        self.assertAllClose(layer(tf.ones((1, 3))), [[1.0, 1.0, 1.0, 1e-4]])

    def test_configuration_and_errors(self):
        layer = self.assert_config_round_trip(layers.MinibatchStandardDeviation(8))
        self.assertEqual(layer.compute_output_shape((None, 4, 4, 3)), (None, 4, 4, 4))
        with self.assertRaisesRegex(ValueError, "must divide the batch. Received: group_size=4, a batch of 6"):
            layers.MinibatchStandardDeviation(4)(np.ones((6, 2)))
        with self.assertRaisesRegex(ValueError, "at least 2. Received: group_size=1"):
            layers.MinibatchStandardDeviation(1)
