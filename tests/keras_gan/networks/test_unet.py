import keras
import numpy as np

from keras_gan.networks import UNetGenerator
from tests.keras_gan.networks.network_checks import NetworkTestCase


def parameters(**config):
    """The number of trainable parameters, without making any."""
    with keras.StatelessScope(initialize_variables=False):
        network = UNetGenerator(**config)
        return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


class UNetTest(NetworkTestCase):
    def test_network(self):
        self.check_network(UNetGenerator, source_shape=(9, 12, 2), image_shape=(9, 12, 3), filters=2, levels=3)

    def test_published_sizes(self):
        self.assertEqual(parameters(), 54_413_955)
        self.assertEqual(parameters(source_shape=(128, 128, 3)), 41_828_995)

    def test_any_size_comes_back(self):
        for height, width in ((2, 2), (3, 5), (17, 8), (28, 28)):
            network = UNetGenerator((height, width, 1), filters=1, normalization="instance")
            self.assertEqual(network.compute_output_spec(network.symbolic_inputs()).shape, (None, height, width, 1))
        self.assertEqual(network.levels, 5)

    def test_the_inner_levels_drop_in_training_alone(self):
        network = UNetGenerator((33, 33, 1), filters=1, normalization=None)
        self.assertEqual([dropout.rate for dropout in network.dropouts], [0, 0, 0, 0.5, 0])
        images = np.random.default_rng(0).uniform(-1, 1, (1, 33, 33, 1)).astype("float32")
        network.set_weights([10 * weight for weight in network.get_weights()])  # so that the middle matters
        drawn = [network(images, training=True) for _ in range(2)]
        self.assertNotAllEqual(*drawn)
        self.assertAllEqual(*(network(images, training=False) for _ in range(2)))

    def test_what_it_cannot_take_is_refused(self):
        for config, sentence in (
            ({"source_shape": (8, 4, 1), "levels": 3}, "levels=3 takes images of 5x5 pixels and more.* Received: 8x4"),
            ({"source_shape": (8, 8, 1), "image_shape": (16, 16, 1)}, "keeps height and width"),
            ({"levels": 0}, "`levels` must be at least 1"),
            ({"normalization": "layer"}, "`normalization` must be one of"),
        ):
            with self.assertRaisesRegex(ValueError, sentence):
                UNetGenerator(**{"filters": 1, **config})
