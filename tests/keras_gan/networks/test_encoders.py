import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_gan import networks
from tests.keras_gan.networks.network_checks import example_inputs
from tests.test_case import TestCase

CASES = (
    (networks.MLPEncoder, {"image_shape": (5,), "latent_dim": 3, "hidden_units": (4,)}),
    (networks.MLPEncoder, {"image_shape": (4, 5, 2), "latent_dim": 3, "hidden_units": (4,), "num_classes": 3}),
    (networks.DCGANEncoder, {"image_shape": (9, 12, 1), "latent_dim": 3, "filters": 2}),
    (networks.DCGANEncoder, {"image_shape": (8, 8, 3), "latent_dim": 2, "filters": 2, "num_classes": 2}),
    (networks.DCGANEncoder, {"image_shape": (8, 8, 1), "latent_dim": 2, "filters": 2, "normalization": None}),
)


class EncoderTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*CASES)
    def test_promises_of_a_network(self, encoder_class, config):
        encoder = encoder_class(**config)
        inputs = example_inputs(encoder)
        mean, log_variance = encoder(inputs)
        for part in (mean, log_variance):
            self.assertEqual((part.shape, part.dtype), ((4, config["latent_dim"]), tf.float32))
            self.assertGreater(np.std(part), 0.0)
        self.assert_config_round_trip(encoder)
        path = self.path("encoder.keras")
        encoder(inputs, training=True)
        encoder.save(path)
        again = keras.saving.load_model(path)
        self.assertIs(type(again), encoder_class)
        self.assert_same_weights(again, encoder)
        self.assertAllEqual(again(inputs), encoder(inputs))
        if encoder.num_classes is not None:
            self.assertNotAllClose(encoder([inputs[0], (inputs[1] + 1) % encoder.num_classes])[0], encoder(inputs)[0])
            with self.assertRaisesRegex(ValueError, "takes a pair"):
                encoder(inputs[0])
        with tf.GradientTape() as tape:
            loss = tf.add_n([tf.reduce_sum(tf.square(part - 0.3)) for part in encoder(inputs, training=True)])
        for variable, gradient in zip(
            encoder.trainable_variables, tape.gradient(loss, encoder.trainable_variables), strict=True
        ):
            self.assertTrue(np.isfinite(np.asarray(gradient)).all(), variable.path)
        mixed = encoder_class(**config, dtype="mixed_bfloat16")
        mixed.set_weights(encoder.get_weights())
        self.assertEqual(mixed(inputs)[0].dtype, tf.float32)
        self.assertAllClose(mixed(inputs)[0], encoder(inputs)[0], atol=0.05)

    def test_convolutions_are_those_of_the_discriminator(self):
        config = {"image_shape": (28, 28, 1), "filters": 4}
        encoder, discriminator = networks.DCGANEncoder(latent_dim=6, **config), networks.DCGANDiscriminator(**config)
        for layers in ("convolutions", "normalizers"):
            shapes = [
                [[weight.shape for weight in layer.weights] for layer in getattr(network, layers)]
                for network in (encoder, discriminator)
            ]
            self.assertEqual(*shapes)
        self.assertEqual(encoder.code.kernel.shape, (7 * 7 * 8, 12))

    def test_logarithms_are_bounded(self):
        encoder = networks.MLPEncoder((2,), latent_dim=1, hidden_units=())
        encoder.code.kernel.assign([[0.0, 1.0], [0.0, 0.0]])
        _, log_variance = encoder(np.array([[1e5, 0.0], [-1e5, 0.0], [3.0, 0.0]], "float32"))
        self.assertAllClose(log_variance[:, 0], [20.0, -30.0, 3.0])

    def test_bad_input(self):
        with self.assertRaisesRegex(ValueError, "`latent_dim` must be at least 1"):
            networks.MLPEncoder((2,), latent_dim=0)
        with self.assertRaisesRegex(ValueError, "A convolutional network needs `image_shape`"):
            networks.DCGANEncoder((2,))
