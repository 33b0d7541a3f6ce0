import types

import keras_gan
from tests.test_case import TestCase
from trainers import dcgan

SPEC = types.SimpleNamespace(image_shape=(28, 28, 1))


class DCGANTest(TestCase):
    def test_defaults_are_the_recipe_that_is_described(self):
        gan = dcgan.build(dcgan.Config(), SPEC)
        self.assertIsInstance(gan.adversarial_loss, keras_gan.losses.NonSaturating)
        self.assertEqual([type(r) for r in gan.discriminator_regularizers], [keras_gan.regularizers.R1])
        self.assertIsNone(gan.discriminator.normalization)
        self.assertIsNotNone(gan.ema_generator)

    def test_batch_normalization_without_a_penalty(self):
        gan = dcgan.build(dcgan.Config(discriminator_normalization="batch", r1_gamma=0.0, ema_momentum=0.0), SPEC)
        self.assertEmpty(gan.discriminator_regularizers)
        self.assertEqual(gan.discriminator.normalization, "batch")
        self.assertIsNone(gan.ema_generator)
