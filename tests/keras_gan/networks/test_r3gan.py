from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from keras_gan import regularizers
from keras_gan.models.critic import Critic
from keras_gan.networks import R3GANDiscriminator, R3GANGenerator, r3gan
from tests.keras_gan.networks.network_checks import NetworkTestCase

SMALL = {"widths": 4, "blocks": 1, "group_size": 4}


def block_parameters(width, group_size=16):
    return 2 * width * 2 * width + 2 * width * group_size * 9 + 2 * 2 * width


class R3GANTest(NetworkTestCase, parameterized.TestCase):
    def test_generator(self):
        self.check_network(R3GANGenerator, image_shape=(9, 8, 2), latent_dim=3, latent_prior="uniform", **SMALL)
        widths = {**SMALL, "widths": (4, 2)}
        self.check_network(R3GANGenerator, image_shape=(8, 8, 1), latent_dim=3, num_classes=3, **widths)

    @pytest.mark.slow
    def test_packing_discriminator(self):
        self.check_network(R3GANDiscriminator, image_shape=(9, 8, 1), packing=2, **SMALL)

    def test_discriminator(self):
        widths = {**SMALL, "widths": (4, 2)}
        self.check_network(R3GANDiscriminator, image_shape=(8, 8, 1), num_classes=3, **widths)

    def test_published_parameter_counts(self):
        """Table 9 of the paper: 20.73 and 20.68 million without, 20.78 and 21.28 million with 10 classes."""
        # Which values they have does not matter here, and drawing them takes longer than all else.
        zeros = mock.patch.object(keras.initializers.RandomNormal, "__call__", keras.initializers.Zeros.__call__)
        self.enterContext(zeros)
        for classes, g_size, d_size in ((None, 20_732_160, 20_683_776), (10, 20_781_952, 21_280_512)):
            self.assertEqual(R3GANGenerator.from_preset("cifar10", num_classes=classes).count_params(), g_size)
            self.assertEqual(R3GANDiscriminator.from_preset("cifar10", num_classes=classes).count_params(), d_size)

    def test_parameters_by_hand(self):
        """7x7, 14x14 and 28x28 with one block each; transitions where the width changes."""
        generator = R3GANGenerator((28, 28, 1), latent_dim=5, widths=(32, 32, 16), blocks=1)
        expected = 7 * 7 * 32 + 5 * 32 + 2 * block_parameters(32) + block_parameters(16) + 32 * 16 + 16 * 1
        self.assertEqual(generator.count_params(), expected)
        discriminator = R3GANDiscriminator((28, 28, 1), widths=(32, 32, 16), blocks=1)
        expected = 16 * 1 + block_parameters(16) + 16 * 32 + 2 * block_parameters(32) + 7 * 7 * 32 + 32
        self.assertEqual(discriminator.count_params(), expected)

    def test_initial_weights(self):
        generator = R3GANGenerator((32, 32, 3), widths=64, blocks=2)
        gain = np.sqrt(2 / 1.04) * 8**-0.25
        block = generator.stages[1][0]
        for kernel, deviation in (
            (block.expand.kernel, gain / np.sqrt(64)),
            (block.mix.kernel, gain / np.sqrt(9 * 16)),
            (generator.basis, 1.0),
            (generator.coefficients.kernel, 1 / 8),
        ):
            self.assertAllClose(np.std(kernel), deviation, rtol=0.06)
        self.assertAllEqual(block.reduce.kernel, np.zeros((1, 1, 128, 64)))
        self.assertNotAllClose(block.mix.kernel, generator.stages[1][1].mix.kernel)
        # Blocks are the identity, so pixels in the middle are those of the smoothed basis: variance near 1.
        images = generator(tf.random.normal((64, 64)), training=True)
        self.assertBetween(float(tf.math.reduce_std(images)), 0.4, 1.2)

    def test_images_are_clipped_outside_training(self):
        generator = R3GANGenerator((8, 8, 1), latent_dim=4, **SMALL)
        latents = 3 * tf.random.normal((16, 4))
        raw = generator(latents, training=True).numpy()
        self.assertGreater(np.abs(raw).max(), 1.0)
        self.assertAllEqual(generator(latents), np.clip(raw, -1, 1))

    def test_resampling_against_convolutions(self):
        kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
        x = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("float32")
        kernel = np.repeat(kernel[:, :, None, None], 3, 2).astype("float32")
        for size in (6, 5):
            expected = tf.nn.depthwise_conv2d(x[:, :size], kernel, (1, 2, 2, 1), "SAME")
            self.assertAllClose(r3gan.downsample(tf.constant(x[:, :size])), expected, atol=1e-6)
        # Upsampling is the adjoint of downsampling, times 4: <down y, x> = <y, up x> / 4.
        y = np.random.default_rng(1).normal(size=(2, 12, 10, 3)).astype("float32")
        self.assertAllClose(
            np.sum(r3gan.downsample(tf.constant(y)) * x), np.sum(y * r3gan.upsample(tf.constant(x))) / 4, rtol=1e-4
        )

    @parameterized.parameters(False, True)
    def test_penalties_are_right_to_second_order(self, conditional):
        """The gradient of R1 in random directions against central differences, in float64."""
        sizes = {"widths": 4, "blocks": 1, "group_size": 4, "dtype": "float64"}
        discriminator = R3GANDiscriminator((8, 8, 1), num_classes=3 if conditional else None, **sizes)
        rng = np.random.default_rng(0)
        for variable in discriminator.trainable_variables:
            variable.assign(rng.normal(scale=0.5, size=variable.shape))
        images = tf.constant(rng.uniform(-1, 1, (4, 8, 8, 1)))
        labels = tf.range(4) % 3 if conditional else None
        variables = [v.value for v in discriminator.trainable_variables]

        def penalty():
            return tf.reduce_mean(regularizers.R1()(Critic(discriminator, labels), images, None))

        with tf.GradientTape() as tape:
            value = penalty()
        gradients = tape.gradient(value, variables, unconnected_gradients="zero")
        for variable, gradient in zip(discriminator.trainable_variables, gradients, strict=True):
            gradient, direction = tf.convert_to_tensor(gradient).numpy(), rng.normal(size=variable.shape)
            start, terms, points = variable.numpy(), [], []
            for step in (1e-5, -1e-5):
                variable.assign(start + step * direction)
                points.append(variable.numpy())
                terms.append(float(penalty()))
            variable.assign(start)
            # The points as they were rounded: the last layers are in float32, and so is the product with an embedding.
            self.assertAllClose(
                np.sum(gradient * (points[0] - points[1])), terms[0] - terms[1], rtol=1e-4, atol=1e-6 * terms[0]
            )

    def test_presets_fit_their_images(self):
        for name in ("tiny", "small"):
            for shape in ((28, 28, 1), (64, 48, 3)):
                self.assertEqual(R3GANDiscriminator.from_preset(name, image_shape=shape, widths=16).blocks, 1)
        ffhq = r3gan.PRESETS["ffhq64"]
        self.assertEqual(R3GANGenerator((64, 64, 3), **{**ffhq, "widths": (32, 32, 32, 32, 16)}).widths[-1], 16)
        with self.assertRaisesRegex(ValueError, "`widths` must be one number or 4.*Received: widths="):
            R3GANGenerator.from_preset("ffhq64")

    def test_errors(self):
        for arguments, message in (
            ({"widths": 5}, "divisible by `group_size`"),
            ({"blocks": 0}, "at least 1"),
            ({"image_shape": (8,)}, r"needs `image_shape` \(height"),
        ):
            for network_class in (R3GANGenerator, R3GANDiscriminator):
                with self.assertRaisesRegex(ValueError, message):
                    network_class(**{"image_shape": (8, 8, 1), **SMALL, **arguments})
        with self.assertRaisesRegex(ValueError, "cannot pack images of several classes"):
            R3GANDiscriminator((8, 8, 1), packing=2, num_classes=3, **SMALL)
        with self.assertRaisesRegex(ValueError, "`preset` must be one of"):
            R3GANGenerator.from_preset("huge")

    def test_saved_and_loaded_with_a_block_moved(self):
        discriminator = R3GANDiscriminator((8, 8, 1), **SMALL)
        discriminator.stages[0][0].reduce.kernel.assign(np.ones((1, 1, 8, 4)))
        discriminator.save(path := self.path("network.keras"))
        again = keras.saving.load_model(path)
        self.assert_same_weights(again, discriminator)
