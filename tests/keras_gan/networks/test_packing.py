import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import losses, networks, regularizers
from keras_gan.models.critic import Critic
from tests.keras_gan.networks.network_checks import NetworkTestCase

PENALTIES = regularizers.R1(), regularizers.R2(), regularizers.GradientPenalty()


def make_gan(packing=2, **compile_arguments):
    gan = keras_gan.GAN(
        networks.MLPGenerator((2,), latent_dim=2, hidden_units=(4,)),
        networks.MLPDiscriminator((2,), hidden_units=(4,), packing=packing),
    )
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), **compile_arguments)
    return gan


class PackingTest(NetworkTestCase, parameterized.TestCase):
    def test_networks(self):
        self.check_network(networks.MLPDiscriminator, image_shape=(3, 3, 2), hidden_units=(4,), packing=2)
        self.check_network(
            networks.DCGANDiscriminator,
            image_shape=(8, 9, 1),
            filters=4,
            normalization=None,
            num_classes=3,
            packing=2,
        )

    def test_successive_rows_are_joined_along_channels(self):
        discriminator = networks.DCGANDiscriminator((2, 2, 2), filters=2, packing=3)
        x = np.random.default_rng(0).normal(size=(6, 2, 2, 2)).astype("float32")
        packed = discriminator.pack(tf.constant(x)).numpy()
        self.assertAllEqual(packed, [np.concatenate(list(rows), -1) for rows in (x[:3], x[3:])])
        self.assertAllEqual(discriminator.pack(tf.constant(x[:, 0, 0])), x[:, 0, 0].reshape(2, 6))

    def test_is_an_ordinary_discriminator_of_joined_images(self):
        """Every loss and penalty, with gradients, is that of a network that takes the packs as images."""
        packed = networks.MLPDiscriminator((2,), hidden_units=(5,), packing=3)
        plain = networks.MLPDiscriminator((6,), hidden_units=(5,))
        rng = np.random.default_rng(0)
        plain.set_weights([rng.normal(size=w.shape) for w in packed.get_weights()])
        packed.set_weights(plain.get_weights())
        real, fake = (tf.constant(rng.normal(size=(12, 2)), tf.float32) for _ in range(2))

        def terms(discriminator, real, fake):
            variables = [v.value for v in discriminator.trainable_variables]
            with tf.GradientTape() as tape:
                critic = Critic(discriminator)
                values = [
                    loss.discriminator_loss(critic(real), critic(fake)) for loss in map(losses.get, losses._LOSSES)
                ]
                values += [r(critic, real, fake) for r in PENALTIES]
                total = tf.add_n([tf.reduce_mean(value) for value in values])
            return values, tape.gradient(total, variables)

        found, expected = terms(packed, real, fake), terms(plain, *(tf.reshape(x, (4, 6)) for x in (real, fake)))
        for a, b in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
            self.assertAllClose(a, b, rtol=1e-5)

    def test_each_image_comes_with_its_own_label(self):
        discriminator = networks.MLPDiscriminator((1,), hidden_units=(), num_classes=2, packing=2)
        # image and one-hot label of the first, then of the second
        discriminator.logit.kernel.assign([[1.0], [10.0], [100.0], [2.0], [20.0], [200.0]])
        logits = discriminator([tf.constant([[0.5], [0.25], [0.0], [0.0]]), tf.constant([0, 1, 1, 0])])
        self.assertAllClose(logits, [[0.5 + 10 + 0.5 + 200], [100 + 20]])

    def test_training_and_evaluation(self):
        penalties = ["r1", "r2"]
        gan = make_gan(
            loss="relativistic", discriminator_regularizers=penalties, discriminator_steps=2, run_eagerly=True
        )
        self.assertEqual(gan.packing, 2)
        x = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")
        before = gan.discriminator.logit.kernel.numpy()
        gan.fit(x[:8], batch_size=4, epochs=1, verbose=0)
        self.assertNotAllEqual(before, gan.discriminator.logit.kernel)
        # The last of 7 rows fills no pack.
        logs = gan.evaluate(x[:7], batch_size=7, verbose=0, return_dict=True)
        self.assertEqual(logs, gan.evaluate(x[:6], batch_size=6, verbose=0, return_dict=True))

    def test_batches_that_do_not_divide_are_refused_before_training(self):
        gan = make_gan(packing=3, discriminator_steps=2)
        x = np.zeros((24, 2), "float32")
        for data, size in ((x[:8], 8), (x[:16], 12)):
            with self.assertRaisesRegex(ValueError, "packs of packing=3 images, so its size must be divisible by 6"):
                gan.fit(data, batch_size=size, verbose=0)
        with self.assertRaisesRegex(ValueError, "so batches must be of one size"):
            gan.fit(tf.data.Dataset.from_tensor_slices(x).batch(6), verbose=0)
        with self.assertRaisesRegex(ValueError, "packing=3 images at once.*Received: a batch of 4"):
            gan.discriminator(x[:4])
        with self.assertRaisesRegex(ValueError, "packing=3 images at once. Received: a batch of 2"):
            gan.test_step(tf.constant(x[:2]))
        self.assertEqual(int(gan.step.numpy()), 0)

    def test_labels_of_a_logit_are_refused(self):
        for network_class, kwargs in (
            (networks.MLPDiscriminator, {"hidden_units": (2,)}),
            (networks.DCGANDiscriminator, {"filters": 2}),
        ):
            for conditioning in ("projection", "auxiliary"):
                with self.assertRaisesRegex(ValueError, "cannot pack images of several classes"):
                    network_class((4, 4, 1), num_classes=2, conditioning=conditioning, packing=2, **kwargs)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "`packing` must be at least 1. Received: packing=0"):
            networks.MLPDiscriminator((2,), packing=0)
