import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan.models.critic import Critic
from keras_gan.networks import PatchDiscriminator
from tests.keras_gan.networks.network_checks import NetworkTestCase


def parameters(**config):
    """The number of trainable parameters, without making any."""
    with keras.StatelessScope(initialize_variables=False):
        network = PatchDiscriminator(**config)
        return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


class PatchDiscriminatorTest(NetworkTestCase):
    def test_networks(self):
        self.check_network(PatchDiscriminator, image_shape=(12, 14, 2), filters=2, downsamplings=2)
        self.check_network(
            PatchDiscriminator,
            image_shape=(8, 8, 1),
            source_shape=(8, 8, 3),
            filters=2,
            downsamplings=1,
            normalization="batch",
        )

    def test_published_sizes(self):
        self.assertEqual(parameters(), 2_764_737)
        self.assertEqual(parameters(source_shape=(256, 256, 3), normalization="batch"), 2_768_705)
        with keras.StatelessScope(initialize_variables=False):
            network = PatchDiscriminator()
            self.assertEqual(network.compute_output_spec(network.symbolic_inputs()).shape, (None, 30, 30, 1))

    def test_the_receptive_field_is_what_a_logit_depends_on(self):
        network = PatchDiscriminator((40, 40, 1), filters=1, downsamplings=2, normalization=None)
        self.assertEqual(network.receptive_field, 34)
        image = tf.random.stateless_uniform((1, 40, 40, 1), (0, 1), -1.0, 1.0)
        with tf.GradientTape() as tape:
            tape.watch(image)
            logits = network(image)
            middle = logits[0, 4, 4, 0]
        reached = np.any(tape.gradient(middle, image)[0, :, :, 0].numpy() != 0, axis=0)
        self.assertEqual(logits.shape, (1, 8, 8, 1))
        self.assertEqual((reached.sum(), np.flatnonzero(reached)[-1] - np.flatnonzero(reached)[0]), (34, 33))

    def test_an_images_logit_is_the_mean_of_its_patches(self):
        """Gradients for penalties, by finite differences, through instance normalization."""
        network = PatchDiscriminator((12, 12, 1), filters=2, downsamplings=1, dtype="float64")
        images = tf.random.stateless_uniform((2, 12, 12, 1), (0, 1), -1.0, 1.0)
        critic = Critic(network)
        self.assertEqual(critic(images).shape, (2, 4, 4))
        gradient = critic.input_gradients(images)
        step = 1e-2 * tf.one_hot([[70]], 144)[0, :, :, None]
        moved = tf.reshape(step, (1, 12, 12, 1))
        change = tf.reduce_mean(network(images + moved) - network(images - moved), (1, 2, 3)) / 2e-2
        self.assertAllClose(gradient[:, 5, 10, 0], change, rtol=1e-2, atol=1e-5)

    def test_what_it_cannot_take_is_refused(self):
        for config, sentence in (
            (
                {"image_shape": (28, 20, 1)},
                r"takes images of 24x24 pixels and more: use larger images, or downsamplings=2 for these",
            ),
            ({"image_shape": (5, 5, 1)}, "use larger images. Received"),
            ({"image_shape": (24, 24, 1), "source_shape": (12, 24, 1)}, "of its own height and width"),
            ({"packing": 2}, "Patches are judged one image at a time"),
            ({"downsamplings": 0}, "`downsamplings` must be at least 1"),
        ):
            with self.assertRaisesRegex(ValueError, sentence):
                PatchDiscriminator(filters=1, **config)

    def test_a_gan_of_latents_is_judged_by_patches(self):
        """Every loss, penalties on gradients and logits, and augmentation that adapts."""
        shape, images = (12, 12, 1), np.random.default_rng(0).uniform(-1, 1, (4, 12, 12, 1)).astype("float32")
        penalties = [
            "r1",
            "gradient_penalty",
            "lecam",
            keras_gan.regularizers.ConsistencyRegularization("diff_augment"),
        ]
        gan = keras_gan.GAN(
            keras_gan.networks.MLPGenerator(shape, latent_dim=2, hidden_units=(4,)),
            PatchDiscriminator(shape, filters=2, downsamplings=1, normalization=None),
            augmenter=keras_gan.augmentation.AdaptiveAugment("color", horizon=100, interval=1),
        )
        for loss in ("non_saturating", "relativistic_average"):
            gan.compile("sgd", "sgd", loss=loss, discriminator_regularizers=penalties, run_eagerly=True)
            logs = gan.train_on_batch(images, return_dict=True)
            self.assertTrue(all(np.isfinite(value) for value in logs.values()))
        # Two updates of four images, each of which moves p by 4 / 100 one way or the other, whatever their patches.
        self.assertIn(round(float(gan.augmenter.p), 4), (0.0, 0.04, 0.08))
