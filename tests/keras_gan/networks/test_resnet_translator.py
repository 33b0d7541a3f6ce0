import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.networks import ResNetTranslator
from tests.keras_gan.networks.network_checks import NetworkTestCase


def parameters(**config):
    """The number of parameters, without making any."""
    with keras.StatelessScope(initialize_variables=False):
        return ResNetTranslator(**config).count_params()


class ResNetTranslatorTest(NetworkTestCase):
    def test_network(self):
        self.check_network(
            ResNetTranslator, source_shape=(6, 5, 2), image_shape=(6, 5, 1), filters=2, blocks=1, downsamplings=1
        )

    @pytest.mark.slow
    def test_batch_normalization(self):
        self.check_network(ResNetTranslator, source_shape=(8, 9, 1), filters=2, blocks=1, normalization="batch")

    def test_published_sizes(self):
        self.assertEqual(parameters(), 11_378_179)
        self.assertEqual(parameters(source_shape=(128, 128, 3), blocks=6), 7_837_699)

    def test_borders_are_reflected(self):
        """Reflection knows no edge: a flat picture becomes a flat one, where zeros would show."""
        network = ResNetTranslator((16, 16, 1), filters=2, blocks=1, downsamplings=0, normalization=None)
        image = np.full((1, 16, 16, 1), 0.5, "float32")
        made = network(image)
        self.assertAllClose(made, tf.fill((1, 16, 16, 1), made[0, 8, 8, 0]), atol=1e-6)

    def test_what_it_cannot_take_is_refused(self):
        for config, sentence in (
            ({"source_shape": (16, 4, 1)}, "downsamplings=2 takes images of 5x5 pixels and more.* Received: 16x4"),
            ({"source_shape": (16, 16, 1), "blocks": -1}, "`blocks` must be at least 0"),
            ({"source_shape": (16, 16, 1), "image_shape": (8, 8, 1)}, "keeps height and width"),
        ):
            with self.assertRaisesRegex(ValueError, sentence):
                ResNetTranslator(filters=1, **config)
        self.assertEqual(ResNetTranslator((5, 9, 1), filters=1, blocks=1).downsamplings, 2)
