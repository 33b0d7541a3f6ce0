import keras
import numpy as np

from keras_gan import networks
from tests.keras_gan.networks.network_checks import NetworkTestCase


@keras.saving.register_keras_serializable("keras_gan_tests")
class Affine(networks.Generator):
    """The smallest conditional generator: a row of a table times the latents."""

    def __init__(self, image_shape=(2,), latent_dim=2, num_classes=3, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, num_classes=num_classes, **kwargs)
        self.table = keras.layers.Embedding(self.num_classes, self.latent_dim, dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(self.image_shape[0], dtype=self.dtype_policy)
        self.build()

    def call(self, inputs, training=None):
        latents, labels = self.unpack(inputs)
        return keras.ops.cast(self.dense(latents + self.table(labels)), "float32")


class BaseTest(NetworkTestCase):
    def test_a_users_network(self):
        self.check_network(Affine, latent_dim=4, latent_prior="uniform", class_names=["x", "y", "z"])

    def test_a_sample_depends_on_its_own_seed_and_label_only(self):
        for generator in (
            networks.MLPGenerator((4, 3, 1), latent_dim=5, hidden_units=(8,), num_classes=3),
            networks.DCGANGenerator((8, 8, 1), latent_dim=5, filters=2, num_classes=3),
        ):
            images = generator.sample(6, labels=[0, 1, 2, 2, 1, 0], seed=10)
            self.assertEqual(images.shape, (6, *generator.image_shape))
            self.assertAllClose(generator.sample(3, labels=[2, 1, 0], seed=13), images[3:], atol=1e-6)
            self.assertNotAllClose(images[0], images[5])
            self.assertAllEqual(generator.sample(6, labels=[0, 1, 2, 2, 1, 0], seed=10), images)

    def test_no_truncation_left_means_one_image(self):
        generator = networks.MLPGenerator((4, 3, 1), latent_dim=5, hidden_units=(8,))
        mean = generator(np.zeros((1, 5), "float32"))
        self.assertAllClose(generator.sample(3, truncation=0.0), np.repeat(mean, 3, axis=0))
        self.assertNotAllClose(generator.sample(3), np.repeat(mean, 3, axis=0), atol=1e-6)

    def test_networks_need_no_data_to_be_built(self):
        self.assertLen(Affine().weights, 3)

    def test_labels_become_planes(self):
        images = np.arange(8.0, dtype="float32").reshape(2, 2, 2, 1)
        joined = networks.base.append_labels(images, np.array([1, 0]), 2)
        self.assertAllEqual(joined[..., :1], images)
        self.assertAllEqual(joined[..., 1], np.array([0.0, 1.0])[:, None, None] * np.ones((2, 2, 2)))
        self.assertAllEqual(joined[..., 2], np.array([1.0, 0.0])[:, None, None] * np.ones((2, 2, 2)))
        self.assertAllEqual(networks.base.append_labels(np.zeros((1, 2)), np.array([1]), 2), [[0, 0, 0, 1]])

    def test_channels_first_are_refused_in_one_sentence(self):
        self.addCleanup(keras.config.set_image_data_format, keras.config.image_data_format())
        keras.config.set_image_data_format("channels_first")
        for network in (networks.DCGANGenerator, networks.DCGANDiscriminator, networks.MLPGenerator):
            with self.assertRaisesRegex(ValueError, "channels_last.*Received: image_data_format='channels_first'"):
                network((16, 16, 1))
        self.assertEqual(Affine().image_shape, (2,))  # vectors have no channels

    def test_contradictory_arguments(self):
        for shape in ((4, 4), (0, 4, 1), (), 5, (None, 4, 1)):
            with self.assertRaisesRegex(ValueError, r"`image_shape` must be \(height, width, channels\)"):
                networks.MLPDiscriminator(shape)
        with self.assertRaisesRegex(ValueError, "`latent_dim` must be at least 1"):
            Affine(latent_dim=0)
        with self.assertRaisesRegex(ValueError, r"prior must be one of \['normal', 'uniform'\].*'cauchy'"):
            Affine(latent_prior="cauchy")
        with self.assertRaisesRegex(ValueError, "`num_classes` must be at least 1"):
            networks.MLPDiscriminator((2,), num_classes=0)
        with self.assertRaisesRegex(ValueError, "`class_names` needs `num_classes`"):
            networks.MLPDiscriminator((2,), class_names=["a"])
        with self.assertRaisesRegex(ValueError, "must name each of the 3 classes"):
            Affine(class_names=["a", "b"])
