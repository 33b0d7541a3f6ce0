import keras
import numpy as np

from keras_gan import networks
from tests.keras_gan.networks.network_checks import NetworkTestCase


def model(num_classes=None, image_shape=(2, 2, 1), dtype="float32"):
    """Latents, plus a row of a table for each class, through one layer."""
    codes = keras.Input((3,))
    x, inputs = codes, codes
    if num_classes is not None:
        labels = keras.Input((), dtype="int32")
        x, inputs = codes + keras.layers.Embedding(num_classes, 3, dtype=dtype)(labels), [codes, labels]
    x = keras.layers.Dense(int(np.prod(image_shape)), "tanh", dtype=dtype)(x)
    return keras.Model(inputs, keras.layers.Reshape(image_shape, dtype="float32")(x))


class PlainGeneratorTest(NetworkTestCase):
    def test_functional_models(self):
        for num_classes in (None, 4):
            plain = model(num_classes)
            generator = networks.PlainGenerator(plain, "uniform", num_classes)
            self.assertEqual((generator.latent_dim, generator.image_shape), (3, (2, 2, 1)))
            self.assertEqual((generator.latent_prior, generator.num_classes), ("uniform", num_classes))
            self.check_output(generator)
            self.check_config(generator, {})
            self.check_saving(generator)
            self.check_inputs(generator)
            self.check_gradients(generator)
            self.assert_same_weights(generator, plain)
            codes = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
            inputs = codes if num_classes is None else [codes, np.int32([3, 0])]
            np.testing.assert_array_equal(generator(inputs), plain(inputs))

    def test_what_does_not_fit(self):
        with self.assertRaisesRegex(ValueError, "functional or sequential Keras model of latents.*Dense"):
            networks.PlainGenerator(keras.layers.Dense(2))
        with self.assertRaisesRegex(ValueError, "functional or sequential"):
            networks.PlainGenerator(networks.MLPGenerator((2,), 3))
        with self.assertRaisesRegex(ValueError, "model with 1 inputs, num_classes=4"):
            networks.PlainGenerator(model(), num_classes=4)
        with self.assertRaisesRegex(ValueError, "model with 2 inputs, num_classes=None"):
            networks.PlainGenerator(model(4))
        images = keras.Input((2, 2, 1))
        with self.assertRaisesRegex(ValueError, r"latents of shape \(batch, latent_dim\)"):
            networks.PlainGenerator(keras.Model(images, images + 1.0))
        codes = keras.Input((3,))
        with self.assertRaisesRegex(ValueError, r"`image_shape` must be"):
            networks.PlainGenerator(keras.Model(codes, keras.layers.Reshape((3, 1))(codes)))
