from keras_gan.models.adversarial import AdversarialModel
from tests.keras_gan.models.test_gan import compiled
from tests.test_case import TestCase


class AdversarialModelTest(TestCase):
    def test_sides_and_their_optimizers(self):
        gan = compiled(generator_steps=2)
        self.assertIsInstance(gan, AdversarialModel)
        self.assertEqual(list(gan.networks), ["generator", "discriminator"])
        self.assertEqual([updates for _, updates in gan.optimizers.values()], [2, 1])
        for role, network in gan.networks.items():
            optimizer, _ = gan.optimizers[role]
            # Two moments of each weight, the iterations and the learning rate.
            self.assertLen(optimizer.variables, 2 * len(network.trainable_variables) + 2)

    def test_weight_clip_is_checked(self):
        for clip in (0.0, -1.0, float("inf")):
            with self.assertRaisesRegex(ValueError, "`weight_clip` must be a positive number"):
                compiled(weight_clip=clip)
