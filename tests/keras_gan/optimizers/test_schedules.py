import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan import networks, optimizers, regularizers
from keras_gan.optimizers import schedules
from tests.test_case import TestCase


class CosineBurnInTest(TestCase):
    def test_values(self):
        schedule = schedules.CosineBurnIn(2.0, 0.5, burn_in=1200, images_per_step=4)
        # cos(pi / 3) = 1/2: three quarters of the way down from 2.0 remain after a third of the burn-in.
        for step, value in ((0, 2.0), (100, 0.5 + 1.5 * 0.75), (150, 1.25), (200, 0.5 + 1.5 * 0.25), (300, 0.5)):
            self.assertAllClose(schedule(step), value)
        self.assertAllClose(schedule(tf.constant(10**9, tf.int64)), 0.5)
        self.assertEqual(schedule(tf.constant(3, tf.int64)).dtype, tf.float32)

    def test_is_keras_cosine_decay_where_that_goes(self):
        schedule = schedules.CosineBurnIn(0.1, 0.0, burn_in=50)
        keras_schedule = keras.optimizers.schedules.CosineDecay(0.1, 50)
        for step in range(0, 70, 7):
            self.assertAllClose(schedule(step), keras_schedule(step), atol=1e-8)

    def test_serialization_and_errors(self):
        again = self.assert_config_round_trip(schedules.CosineBurnIn(1.0, 0.1, burn_in=10, images_per_step=2))
        self.assertAllClose(again(5), 0.1)
        for arguments in ({"burn_in": 0}, {"burn_in": 1, "images_per_step": 0}):
            with self.assertRaisesRegex(ValueError, "must be positive. Received: burn_in="):
                schedules.CosineBurnIn(1.0, 0.1, **arguments)

    def test_everywhere(self):
        """One schedule for learning rates, beta_2, a penalty's weight, the average and the augmentation; saved too."""
        schedule = schedules.CosineBurnIn(0.8, 0.1, burn_in=16, images_per_step=4)
        gan = keras_gan.GAN(
            networks.MLPGenerator((4, 4, 1), latent_dim=2, hidden_units=(4,)),
            networks.MLPDiscriminator((4, 4, 1), hidden_units=(4,)),
            augmenter=keras_gan.augmentation.AdaptiveAugment("color", probability=schedule),
            ema_momentum=schedules.HalfLife(schedule, images_per_step=1),
        )
        gan.compile(
            optimizers.Adam(schedule, beta_1=0.0, beta_2=schedule),
            optimizers.Adam(schedule, beta_1=0.0, beta_2=schedule),
            discriminator_regularizers=[regularizers.R1(weight=schedule)],
        )
        images = np.random.default_rng(0).uniform(-1, 1, (4, 4, 4, 1)).astype("float32")
        for _ in range(2):
            gan.train_on_batch(images)
        self.assertAllClose(gan.augmenter.p, schedule(2))
        self.assertAllClose(gan.discriminator_optimizer.learning_rate, schedule(2))
        gan.save(path := self.path("gan.keras"))
        again = keras.saving.load_model(path)
        for model in (gan, again):
            model.train_on_batch(images)
        self.assert_same_weights(gan, again)


class HalfLifeTest(TestCase):
    def test_a_weight_counts_half_after_the_half_life(self):
        momentum = schedules.HalfLife(3000, images_per_step=30)
        self.assertAllClose(momentum(0), 0.5**0.01)
        average = 1.0
        for step in range(100):
            average *= float(momentum(step))
        self.assertAllClose(average, 0.5, rtol=1e-4)

    def test_ramp_and_schedule(self):
        momentum = schedules.HalfLife(640, images_per_step=64, ramp=0.05)
        # After 100 steps half-lives of 5 steps, at most 10.
        for step, steps in ((0, 0), (100, 5), (1000, 10)):
            self.assertAllClose(momentum(step), 0.5 ** (1 / steps) if steps else 0.0)
        rising = schedules.HalfLife(schedules.CosineBurnIn(0, 640, 6400, 64), images_per_step=64)
        for step, steps in ((0, 0), (50, 5), (100, 10)):
            self.assertAllClose(rising(step), 0.5 ** (1 / steps) if steps else 0.0)
        self.assertAllClose(self.assert_config_round_trip(rising)(50), rising(50))

    def test_the_warm_up_of_the_average_is_weaker_than_the_usual_ramp(self):
        momentum = schedules.HalfLife(1e9, images_per_step=64, ramp=0.05)
        for step in (1, 10, 1000, 10**5):
            self.assertLess(float(momentum(step)), (1 + step) / (10 + step))

    def test_errors(self):
        for arguments in ({"half_life": -1, "images_per_step": 1}, {"half_life": 1, "images_per_step": 0}):
            with self.assertRaisesRegex(ValueError, "`(half_life|images_per_step)`.* must.*Received"):
                schedules.HalfLife(**arguments)
        with self.assertRaisesRegex(ValueError, "`half_life` must be a finite number"):
            schedules.HalfLife("long", 1)


class LinearDecayTest(TestCase):
    def test_values(self):
        schedule = schedules.LinearDecay(0.4, steps=100, constant=60)
        for step, value in ((0, 0.4), (60, 0.4), (70, 0.3), (99, 0.01), (100, 0.0), (10**9, 0.0)):
            self.assertAllClose(schedule(step), value, atol=1e-7)
        self.assertEqual(schedule(tf.constant(3, tf.int64)).dtype, tf.float32)

    def test_is_keras_polynomial_decay_without_a_beginning(self):
        schedule, other = schedules.LinearDecay(0.1, 50), keras.optimizers.schedules.PolynomialDecay(0.1, 50, 0.0)
        for step in range(0, 70, 7):
            self.assertAllClose(schedule(step), other(step), atol=1e-8)

    def test_serialization_and_errors(self):
        self.assertAllClose(self.assert_config_round_trip(schedules.LinearDecay(1.0, 10, 5))(6), 0.8)
        for constant in (-1, 10):
            with self.assertRaisesRegex(ValueError, "less than `steps`. Received: constant="):
                schedules.LinearDecay(1.0, 10, constant)
