import types

import numpy as np

import keras_gan
from keras_gan import cli
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
        self.assertEqual(gan.generator.filters, 32)
        self.assertEqual((gan.discriminator_regularizers[0].interval, gan.update), (4, "shared"))
        self.assertEqual((gan.discriminator.hidden_units, gan.generator.latent_dim), ((256,), 16))
        self.assertEqual((gan.discriminator_regularizers[0].weight, float(gan.generator_optimizer.beta_1)), (3.0, 0.0))
        self.assertIsNone(gan.augmenter)

    def test_what_runs_of_before_had(self):
        """They go on with a penalty at every step, latents of the generator's own and a linear logit, as the paper."""
        names = ("penalty_interval", "update", "discriminator_units")
        before = {name: cli.fact(dcgan.Config, name, "before") for name in names}
        self.assertEqual(before, {"penalty_interval": 1, "update": "alternating", "discriminator_units": 0})
        gan = dcgan.build(dcgan.Config(filters=2, **before), SPEC)
        self.assertEqual((gan.discriminator_regularizers[0].interval, gan.update), (1, "alternating"))
        self.assertEmpty(gan.discriminator.hidden)
        self.assertEqual(dcgan.Config.PRESETS["paper"]["update"], "alternating")

    def test_batch_normalization_without_a_penalty(self):
        gan = dcgan.build(dcgan.Config(discriminator_normalization="batch", r1_gamma=0.0, ema_momentum=0.0), SPEC)
        self.assertEmpty(gan.discriminator_regularizers)
        self.assertEqual(gan.discriminator.normalization, "batch")
        self.assertIsNone(gan.ema_generator)

    def test_both_penalties(self):
        gan = dcgan.build(dcgan.Config(loss="relativistic", r1_gamma=0.5, r2_gamma=0.25), SPEC)
        found = [(type(r), r.weight) for r in gan.discriminator_regularizers]
        self.assertEqual(found, [(keras_gan.regularizers.R1, 0.5), (keras_gan.regularizers.R2, 0.25)])

    def test_penalties_by_differences(self):
        gan = dcgan.build(dcgan.Config(penalty_method="finite_difference", filters=2), SPEC)
        self.assertEqual(
            [(r.method, r.fraction) for r in gan.discriminator_regularizers], [("finite_difference", 0.25)]
        )
        with self.assertRaisesRegex(ValueError, "`method` must be one of"):
            dcgan.build(dcgan.Config(penalty_method="other", filters=2), SPEC)

    def test_the_recipe_before(self):
        config, _ = cli.parse(dcgan.Config, "p", "a", ["--preset=before"])
        gan = dcgan.build(config, SPEC)
        self.assertEqual((config.batch_size, gan.generator.latent_dim, gan.generator.filters), (64, 64, 64))
        [penalty] = gan.discriminator_regularizers
        self.assertEqual((penalty.weight, penalty.interval, gan.update), (1.0, 1, "alternating"))
        self.assertEmpty(gan.discriminator.hidden)
        self.assertAllClose([gan.generator_optimizer.beta_1, gan.ema_momentum], [0.5, 0.998])

    def test_augmentation(self):
        gan = dcgan.build(dcgan.Config(augmentation="cutout, translation", filters=2), SPEC)
        self.assertEqual(gan.augmenter.policy, ("translation", "cutout"))
        with self.assertRaisesRegex(ValueError, "`--augmentation` must name some of .* Received: .*'flip'"):
            dcgan.build(dcgan.Config(augmentation="flip", filters=2), SPEC)

    def test_paper(self):
        """Section 4: Adam with 2e-4 and beta_1 of 0.5, batches of 128, N(0, 0.02), 100 uniform latents, no more."""
        config, _ = cli.parse(dcgan.Config, "p", "a", ["--preset=paper"])
        gan = dcgan.build(config, types.SimpleNamespace(image_shape=(64, 64, 3)))
        for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
            self.assertAllClose([optimizer.learning_rate, optimizer.beta_1, optimizer.beta_2], [2e-4, 0.5, 0.999])
        self.assertEqual((config.batch_size, gan.generator.latent_dim, gan.latent_prior), (128, 100, "uniform"))
        self.assertEqual((gan.generator.normalization, gan.discriminator.normalization), ("batch", "batch"))
        self.assertEmpty(gan.discriminator.hidden)
        self.assertEqual(gan.generator.reshape.target_shape, (4, 4, 1024))
        self.assertAllClose(np.std(gan.generator.project.kernel), 0.02, rtol=0.01)
        self.assertIsInstance(gan.adversarial_loss, keras_gan.losses.NonSaturating)
        self.assertEmpty(gan.discriminator_regularizers)
        self.assertIsNone(gan.ema_generator)
