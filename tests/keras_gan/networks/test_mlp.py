import keras
import numpy as np
import tensorflow as tf

from keras_gan.networks import MLPDiscriminator, MLPGenerator
from tests.keras_gan.networks.network_checks import NetworkTestCase


class MLPTest(NetworkTestCase):
    def test_generators(self):
        self.check_network(MLPGenerator, image_shape=(5, 4, 3), latent_dim=3, hidden_units=[6, 7], activation="tanh")
        self.check_network(MLPGenerator, image_shape=(2,), latent_dim=3, hidden_units=[6], num_classes=3)

    def test_discriminators(self):
        self.check_network(MLPDiscriminator, image_shape=(2,), hidden_units=[6, 6], activation="relu")
        self.check_network(
            MLPDiscriminator,
            image_shape=(4, 3, 2),
            hidden_units=[6, 5],
            activation="maxout",
            pieces=3,
            input_dropout=0.2,
            dropout=0.5,
            seed=7,
            num_classes=3,
            class_names=["a", "b", "c"],
        )

    def test_the_networks_of_2014_have_their_size(self):
        generator = MLPGenerator((28, 28, 1))
        self.assertEqual(generator.count_params(), 101 * 1200 + 1201 * 1200 + 1201 * 784)
        discriminator = MLPDiscriminator((28, 28, 1), activation="maxout", input_dropout=0.2, dropout=0.5)
        trainable = sum(int(np.prod(v.shape)) for v in discriminator.trainable_variables)
        self.assertEqual(trainable, 5 * 240 * 785 + 5 * 240 * 241 + 241)

    def test_output_activations(self):
        expected = {"sigmoid": np.tanh(1.5), "tanh": np.tanh(3.0), "linear": 3.0}  # 2 sigmoid(3) - 1 = tanh(1.5)
        for activation, value in expected.items():
            generator = MLPGenerator((1,), 1, hidden_units=(), output_activation=activation)
            generator.set_weights([np.array([[1.0]]), np.array([1.0])])
            self.assertAllClose(generator(np.array([[2.0]])), [[value]])
        self.assertEqual(MLPGenerator((2,), 1, hidden_units=()).output_activation, "linear")
        self.assertEqual(MLPGenerator((2, 2, 1), 1, hidden_units=()).output_activation, "sigmoid")

    def test_kernels_start_from_a_normal_of_standard_deviation_0_02(self):
        discriminator = MLPDiscriminator((100,), hidden_units=(100, 100))
        first, second = (layer.kernel.numpy() for layer in discriminator.hidden)
        self.assertNotAllClose(first, second)
        self.assertAllClose([np.std(first), np.std(second)], [0.02, 0.02], atol=0.001)
        self.assertAllClose([np.mean(first), np.mean(second)], [0.0, 0.0], atol=0.001)

    def test_another_initializer(self):
        limit = keras.initializers.RandomUniform(-0.5, 0.5)
        for network in (
            MLPGenerator((50,), 50, hidden_units=(50, 50), kernel_initializer=limit),
            MLPDiscriminator((50,), hidden_units=(50, 50), kernel_initializer=limit),
        ):
            first, second = (layer.kernel.numpy() for layer in network.hidden)
            self.assertAllClose([first.max(), first.min()], [0.5, -0.5], atol=0.02)
            self.assertNotAllClose(first, second)
        self.check_network(MLPGenerator, image_shape=(2,), latent_dim=3, kernel_initializer="he_normal", latent_scale=2)
        self.check_network(
            MLPDiscriminator, image_shape=(2,), hidden_units=[6], kernel_initializer="he_normal", input_range=(0, 1)
        )

    def test_latent_scale_and_input_range(self):
        generator = MLPGenerator((1,), 1, hidden_units=(), latent_scale=3.0)
        generator.set_weights([np.array([[2.0]]), np.array([1.0])])
        self.assertAllClose(generator(np.array([[0.5]])), [[2.0 * 3.0 * 0.5 + 1.0]])
        discriminator = MLPDiscriminator((1,), hidden_units=(), input_range=(0, 1))
        discriminator.logit.set_weights([np.array([[8.0]]), np.array([0.0])])
        self.assertAllClose(discriminator(np.array([[-1.0], [0.0], [1.0]]))[:, 0], [0.0, 4.0, 8.0])

    def test_dropout_acts_in_training_only_and_with_the_rates_given(self):
        x = np.ones((4, 200), "float32")
        discriminator = MLPDiscriminator((200,), hidden_units=(50,), input_dropout=0.2, dropout=0.5)
        self.assertAllEqual(discriminator(x), discriminator(x))
        self.assertNotAllClose(discriminator(x, training=True), discriminator(x, training=True))
        self.assertEqual([layer.rate for layer in discriminator.dropouts], [0.2, 0.5])
        self.assertEqual([int(layer.calls) for layer in discriminator.dropouts], [2, 2])

    def test_input_dropout_spares_the_labels(self):
        discriminator = MLPDiscriminator((50,), hidden_units=(), input_dropout=0.99, num_classes=2)
        kernel = np.zeros((52, 1))
        kernel[50:, 0] = [3.0, 5.0]
        discriminator.logit.set_weights([kernel, np.zeros(1)])
        logits = discriminator([tf.ones((20, 50)), tf.constant([0, 1] * 10)], training=True)
        self.assertAllEqual(logits[:, 0], [3.0, 5.0] * 10)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"`conditioning` must be one of \['concat'\]. Received.*'film'"):
            MLPGenerator((2,), conditioning="film")
        with self.assertRaisesRegex(ValueError, "`output_activation` must be one of .*'relu'"):
            MLPGenerator((2,), output_activation="relu")
        with self.assertRaisesRegex(ValueError, r"`rate` must lie in \[0, 1\)"):
            MLPDiscriminator((2,), dropout=1.0)
        with self.assertRaisesRegex(ValueError, "at least 1"):
            MLPDiscriminator((2,), activation="maxout", pieces=0)
        with self.assertRaisesRegex(ValueError, r"`input_range` must be two increasing numbers. Received.*\(1, 0\)"):
            MLPDiscriminator((2,), input_range=(1, 0))
        with self.assertRaisesRegex(ValueError, "maxout"):
            MLPGenerator((2,), activation="maxout")
