import math

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import augmentation, distribution, networks, random, regularizers
from keras_gan.models.critic import Critic
from tests.test_case import TestCase

GRID = {"image_shape": (4, 4, 1), "hidden_units": (6,)}


@keras.saving.register_keras_serializable("keras_gan_tests")
class Scale(augmentation.Augmenter):
    """Multiplies each image by a draw of its own."""

    def call(self, images, seed):
        draws = distribution.per_replica(lambda n: random.uniform((n, 1, 1, 1), seed), tf.shape(images)[0])
        return images * draws


def total(images, training):
    """D(x) = the sum of all pixels."""
    return tf.reduce_sum(images, axis=range(1, images.shape.rank))


def auxiliary_gan(**arguments):
    gan = keras_gan.GAN(
        networks.MLPGenerator(latent_dim=2, num_classes=3, **GRID),
        networks.MLPDiscriminator(num_classes=3, conditioning="auxiliary", **GRID),
    )
    gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01), "hinge", **arguments)
    return gan


class ConsistencyTest(TestCase):
    def test_definition(self):
        """D(x) - D(ux) = (1 - u) sum x, with a u for each image."""
        noise = random.Noise(1, tf.constant(2, tf.int64))
        u, v = (noise.uniform(3, 1)[:, 0] for _ in range(2))
        real, fake = tf.ones((3, 2, 2, 1)), tf.fill((3, 2, 2, 1), 2.0)
        for balanced in (False, True):
            critic = Critic(total, noise=random.Noise(1, tf.constant(2, tf.int64)))
            penalty = regularizers.ConsistencyRegularization(Scale(), balanced=balanced)(critic, real, fake)
            expected = tf.square(4.0 * (1.0 - u)) + balanced * tf.square(8.0 * (1.0 - v))
            self.assertAllClose(penalty, expected)

    def test_serialization_and_errors(self):
        penalty = regularizers.ConsistencyRegularization(Scale(), weight=5.0, balanced=True)
        again = self.assert_config_round_trip(penalty)
        self.assertTrue(again.balanced)
        self.assertIsInstance(again.state, Scale)
        with self.assertRaisesRegex(ValueError, "needs an augmenter. Received: augmenter=None"):
            regularizers.ConsistencyRegularization(None)


class LeCamTest(TestCase):
    def test_definition(self):
        """Two updates with momentum 0.5; means 1, 3 of real and 5, 9 of fake logits."""
        lecam = regularizers.LeCam(momentum=0.5)
        first = lecam(Critic(total), tf.constant([[0.0], [2.0]]), tf.constant([[5.0], [5.0]]))
        self.assertAllClose(first, [(0 - 5) ** 2 + (5 - 1) ** 2, (2 - 5) ** 2 + (5 - 1) ** 2])
        second = lecam(Critic(total), tf.constant([[3.0], [3.0]]), tf.constant([[9.0], [9.0]]))
        real, fake = (0.25 * 1 + 0.5 * 3) / 0.75, (0.25 * 5 + 0.5 * 9) / 0.75
        self.assertAllClose(second, [(3 - fake) ** 2 + (9 - real) ** 2] * 2)
        held_out = lecam(Critic(total, training=False), tf.zeros((2, 1)), tf.zeros((2, 1)))
        self.assertAllClose(held_out, [fake**2 + real**2] * 2)
        self.assertAllClose(held_out, lecam(Critic(total, training=False), tf.zeros((2, 1)), tf.zeros((2, 1))))

    def test_averages_are_constants(self):
        """d/dx of (x - 7)^2 is 2 (x - 7): the average that x has moved does not count."""
        real, fake = tf.constant([[3.0]]), tf.constant([[7.0]])
        with tf.GradientTape() as tape:
            tape.watch(real)
            penalty = regularizers.LeCam()(Critic(total), real, fake)
        self.assertAllClose(tape.gradient(penalty, real), [[2.0 * (3.0 - 7.0)]])

    def test_averages_are_saved_and_go_on(self):
        def make():
            gan = keras_gan.GAN(networks.MLPGenerator(latent_dim=2, **GRID), networks.MLPDiscriminator(**GRID), seed=1)
            gan.compile("sgd", "sgd", discriminator_regularizers=["lecam"], discriminator_steps=2)
            return gan

        x = np.random.default_rng(0).uniform(-1, 1, (4, 4, 4, 1)).astype("float32")
        gan = make()
        gan.train_on_batch(x)
        [averages] = gan.regularizer_states
        self.assertAllClose(averages.weight, 1 - 0.99**2)  # one update for each of the discriminator's
        path, checkpoint = self.path("gan.keras"), self.path("ckpt")
        gan.save(path)
        state = [variable.value for variable in gan.variables]
        tf.train.Checkpoint(state=state).write(checkpoint)
        again, other = keras.saving.load_model(path), make()
        tf.train.Checkpoint(state=[variable.value for variable in other.variables]).read(checkpoint).assert_consumed()
        logs = [model.train_on_batch(x, return_dict=True) for model in (gan, again, other)]
        self.assert_same_weights(again, gan)
        self.assert_same_weights(other, gan)
        self.assertEqual(logs[0]["lecam"], logs[1]["lecam"])

    def test_compiling_again_leaves_one_state(self):
        gan = keras_gan.GAN(networks.MLPGenerator(latent_dim=2, **GRID), networks.MLPDiscriminator(**GRID))
        gan.compile()
        n = len(gan.weights)
        for expected in (n + 2, n + 2):
            gan.compile(discriminator_regularizers=["lecam"])
            self.assertLen(gan.weights, expected)
        gan.compile()
        self.assertLen(gan.weights, n)

    def test_configuration_and_errors(self):
        self.assert_config_round_trip(regularizers.LeCam(0.1, momentum=0.5))
        with self.assertRaisesRegex(ValueError, r"in \[0, 1\). Received: momentum=1"):
            regularizers.LeCam(momentum=1)


class AuxiliaryClassificationTest(TestCase, parameterized.TestCase):
    def test_definition(self):
        """Class logits (log 3, 0) mean probabilities 3/4 and 1/4."""

        class Fixed:
            conditioning = "auxiliary"

            def __call__(self, inputs, training, return_class_logits):
                images, _ = inputs
                return tf.reduce_sum(images, axis=-1), tf.math.log(3.0) * tf.concat([images, 0 * images], axis=-1)

        critic = Critic(Fixed(), labels=tf.constant([0, 1]))
        real, fake = tf.ones((2, 1)), tf.zeros((2, 1))
        on_real, on_fake = [math.log(4 / 3), math.log(4)], [math.log(2)] * 2
        for images, expected in (
            ("real", on_real),
            ("fake", on_fake),
            ("both", np.add(on_real, on_fake)),
        ):
            self.assertAllClose(regularizers.AuxiliaryClassification(images=images)(critic, real, fake), expected)

    def test_both_networks_learn_from_it(self):
        penalties = {
            "discriminator_regularizers": [regularizers.AuxiliaryClassification()],
            "generator_regularizers": [regularizers.AuxiliaryClassification(images="fake")],
        }
        gan = auxiliary_gan(**penalties)
        x = np.random.default_rng(0).uniform(-1, 1, (6, 4, 4, 1)).astype("float32")
        data = tf.data.Dataset.from_tensors((x, np.arange(6) % 3)).repeat(40)
        history = gan.fit(data, verbose=0, epochs=2).history
        self.assertLess(history["classification_both"][1], history["classification_both"][0])
        self.assertLess(history["classification_fake"][1], history["classification_fake"][0])
        path = self.path("gan.keras")
        gan.save(path)
        self.assert_same_weights(keras.saving.load_model(path), gan)

    def test_what_does_not_go_together(self):
        gan = keras_gan.GAN(networks.MLPGenerator(latent_dim=2, **GRID), networks.MLPDiscriminator(**GRID))
        with self.assertRaisesRegex(ValueError, "'classification_both' needs a discriminator with conditioning='aux"):
            gan.compile(discriminator_regularizers=["auxiliary_classification"])
        with self.assertWarnsRegex(UserWarning, "the generator will ignore labels"):
            auxiliary_gan(discriminator_regularizers=[regularizers.AuxiliaryClassification()])

    def test_configuration_and_errors(self):
        self.assert_config_round_trip(regularizers.AuxiliaryClassification(0.1, images="fake"))
        self.assertIsInstance(regularizers.get("auxiliary_classification"), regularizers.AuxiliaryClassification)
        with self.assertRaisesRegex(ValueError, "Received: images='none'"):
            regularizers.AuxiliaryClassification(images="none")


class WeightClipTest(TestCase, parameterized.TestCase):
    @parameterized.parameters("alternating", "simultaneous")
    def test_weights_stay_in_the_box(self, update):
        gan = keras_gan.GAN(networks.MLPGenerator(latent_dim=2, **GRID), networks.MLPDiscriminator(**GRID))
        sgd = keras.optimizers.SGD
        gan.compile(sgd(1.0), sgd(10.0), "wasserstein", update=update, weight_clip=0.02)
        before = [variable.numpy() for variable in gan.generator.trainable_variables]
        gan.train_on_batch(np.ones((4, 4, 4, 1), "float32"))
        values = np.concatenate([v.numpy().ravel() for v in gan.discriminator.trainable_variables])
        self.assertAllClose(np.abs(values).max(), 0.02)
        self.assertGreater(np.ptp(values), 0.02)
        for old, new in zip(before, gan.generator.trainable_variables, strict=True):
            self.assertNotAllClose(old, new)
        self.assertEqual(gan.get_compile_config()["weight_clip"], 0.02)

    def test_errors(self):
        gan = keras_gan.GAN(networks.MLPGenerator(latent_dim=2, **GRID), networks.MLPDiscriminator(**GRID))
        with self.assertRaisesRegex(ValueError, "positive number, or None. Received: weight_clip=0"):
            gan.compile(weight_clip=0)
