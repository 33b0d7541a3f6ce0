from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from keras_gan import layers
from keras_gan.networks import ResNetDiscriminator, ResNetGenerator
from tests.keras_gan.networks.network_checks import NetworkTestCase


def trainable_parameters(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def convolution(size, inputs, outputs):
    return size * size * inputs * outputs + outputs


class ResNetTest(NetworkTestCase):
    def check_inputs(self, network):
        # All classes have the same gains and offsets at first.
        for variable in network.trainable_variables:
            if variable.name == "gamma":
                variable.assign(np.random.default_rng(0).uniform(0.5, 1.5, variable.shape))
        super().check_inputs(network)

    def test_generator(self):
        self.check_network(ResNetGenerator, image_shape=(8, 8, 1), latent_dim=3, filters=4, num_classes=3)

    def test_discriminator(self):
        self.check_network(ResNetDiscriminator, image_shape=(8, 8, 1), filters=4, num_classes=3)

    def test_discriminator_without_normalization(self):
        self.check_network(
            ResNetDiscriminator, image_shape=(9, 8, 2), filters=4, normalization=None, pooling="mean", packing=2
        )

    def test_any_image_shape(self):
        for shape, attention in (((1, 1, 1), True), ((7, 9, 2), True), ((33, 17, 3), False), ((7, 70, 1), True)):
            options = {"filters": 4, "attention": attention}
            self.check_output(ResNetGenerator(shape, latent_dim=4, normalization=None, **options))
            self.check_output(ResNetDiscriminator(shape, **options))

    @pytest.mark.slow
    def test_attention(self):
        self.check_network(
            ResNetGenerator, image_shape=(8, 8, 1), latent_dim=3, filters=8, num_classes=3, attention=True
        )
        for side, attended in ((8, 4), (32, 16), (64, 32), (128, 32)):
            seen = []
            attend = layers.SelfAttention.call

            def record(layer, inputs, attend=attend, seen=seen):
                seen.append(inputs.shape[1])
                return attend(layer, inputs)

            with mock.patch.object(layers.SelfAttention, "call", record):
                ResNetGenerator((side, side, 1), latent_dim=2, filters=2, attention=True)
                ResNetDiscriminator((side, side, 1), filters=2, attention=True)
            self.assertEqual(set(seen), {attended})
            self.assertLen(seen, 2)

    def test_attention_changes_nothing_at_first(self):
        plain = ResNetDiscriminator((8, 8, 1), filters=8, normalization=None)
        attentive = ResNetDiscriminator((8, 8, 1), filters=8, normalization=None, attention=True)
        weights = iter(plain.get_weights())
        own = {id(variable) for variable in attentive.attention.weights}
        for variable in attentive.weights:
            if id(variable) not in own:
                variable.assign(next(weights))
        images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
        before = attentive(images)
        self.assertAllEqual(before, plain(images))
        attentive.attention.gamma.assign(1.0)
        self.assertNotAllClose(attentive(images), before)

    def test_parameters_of_the_published_networks(self):
        """Table 4 of the paper, counted layer by layer."""
        block = 2 * convolution(3, 256, 256) + convolution(1, 256, 256) + 2 * 2 * 256
        expected = 128 * 4096 + 4096 + 3 * block + 2 * 256 + convolution(3, 256, 3)
        self.assertEqual(trainable_parameters(ResNetGenerator()), expected)
        first = convolution(3, 3, 128) + convolution(3, 128, 128) + convolution(1, 3, 128)
        second = 2 * convolution(3, 128, 128) + convolution(1, 128, 128)
        expected = first + second + 2 * 2 * convolution(3, 128, 128) + 128 + 1
        self.assertEqual(trainable_parameters(ResNetDiscriminator()), expected)
        self.assertEqual(trainable_parameters(ResNetDiscriminator(num_classes=10)), expected + 10 * 128)
        # Gains and offsets of each class in the six normalizations within blocks.
        generator = ResNetGenerator(num_classes=10)
        self.assertEqual(trainable_parameters(generator) - trainable_parameters(ResNetGenerator()), 9 * 6 * 2 * 256)

    def test_sizes(self):
        for side, halvings in ((32, 2), (64, 3), (28, 1), (8, 1)):
            discriminator = ResNetDiscriminator((side, side, 1), filters=2)
            self.assertEqual(sum(block.pooling is not None for block in discriminator.blocks), halvings)
            self.assertLen(discriminator.blocks, halvings + 2)

    def test_every_weight_of_the_discriminator_is_normalized(self):
        """Scaling all kernels changes nothing but biases' share, which starts at nothing."""
        discriminator = ResNetDiscriminator((8, 8, 1), filters=4, num_classes=2)
        inputs = tf.random.normal((2, 8, 8, 1)), tf.constant([0, 1])
        before = discriminator(list(inputs))
        for variable in discriminator.trainable_variables:
            if len(variable.shape) > 1:
                variable.assign(3.0 * variable)
        self.assertAllClose(discriminator(list(inputs)), before, rtol=1e-4)
        wrapped = [
            layer for layer in discriminator._flatten_layers() if isinstance(layer, layers.SpectralNormalization)
        ]
        # Three blocks of two convolutions, one shortcut, the last two layers.
        self.assertLen(wrapped, 2 * 3 + 1 + 2)

    def test_pooling(self):
        """Without weights' help the sum over the 4x4 pixels of the last map is 16 times their mean."""
        logits = []
        for pooling in ("sum", "mean"):
            discriminator = ResNetDiscriminator((8, 8, 1), filters=2, normalization=None, pooling=pooling)
            rng = np.random.default_rng(0)
            discriminator.set_weights([rng.normal(size=w.shape) for w in discriminator.get_weights()])
            discriminator.logit.bias.assign([0.0])
            logits.append(discriminator(np.ones((1, 8, 8, 1), "float32")).numpy())
        self.assertAllClose(logits[0], 16 * logits[1], rtol=1e-5)

    def test_errors(self):
        for arguments, message in (
            ({"normalization": "batch"}, r"`normalization` must be one of \['spectral', None\]"),
            ({"pooling": "max"}, r"`pooling` must be one of \['sum', 'mean'\]"),
            ({"packing": 2, "num_classes": 3}, "cannot pack images of several classes"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                ResNetDiscriminator((8, 8, 1), filters=2, **arguments)
        with self.assertRaisesRegex(ValueError, "Labels enter through the normalization"):
            ResNetGenerator((8, 8, 1), filters=2, normalization=None, num_classes=3)
        for network_class in (ResNetGenerator, ResNetDiscriminator):
            with self.assertRaisesRegex(ValueError, r"needs `image_shape` \(height"):
                network_class((8,))
