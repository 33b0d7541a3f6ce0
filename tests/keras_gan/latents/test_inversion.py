import keras
import numpy as np
import tensorflow as tf

from keras_gan import networks
from keras_gan.latents import inversion
from tests.test_case import TestCase


class Rotation(networks.Generator):
    """A generator whose inverse is known: latents turned by an orthogonal matrix."""

    def __init__(self, latent_dim=4, num_classes=None, latent_prior="normal", **kwargs):
        super().__init__(
            image_shape=(latent_dim,),
            latent_dim=latent_dim,
            num_classes=num_classes,
            latent_prior=latent_prior,
            **kwargs,
        )
        self.dense = keras.layers.Dense(latent_dim, use_bias=False, kernel_initializer="orthogonal")
        self.build()

    def call(self, inputs, training=None):
        codes, labels = self.unpack(inputs)
        turned = self.dense(codes)
        return turned if labels is None else turned + keras.ops.cast(labels, turned.dtype)[:, None]


class InversionTest(TestCase):
    def test_finds_the_latents_of_a_generator_with_a_known_inverse(self):
        keras.utils.set_random_seed(0)
        generator = Rotation()
        codes = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
        images = generator(codes).numpy()
        found = inversion.invert(generator, images, starts=2, steps=400)
        self.assertAllClose(found.latents, codes, atol=2e-2)
        self.assertAllClose(found.images, images, atol=2e-2)
        self.assertAllClose(found.errors, np.mean((found.images - images) ** 2, axis=1), atol=1e-6)

    def test_labels_are_used_and_needed(self):
        keras.utils.set_random_seed(0)
        generator = Rotation(num_classes=3)
        codes = np.zeros((2, 4), "float32")
        images = generator([codes, np.array([0, 2])]).numpy()
        found = inversion.invert(generator, images, labels=[0, 2], starts=1, steps=400)
        self.assertAllClose(found.latents, codes, atol=2e-2)
        with self.assertRaisesRegex(ValueError, "needs the `labels`"):
            inversion.invert(generator, images)

    def test_stays_where_the_prior_has_mass(self):
        keras.utils.set_random_seed(0)
        far = np.full((1, 4), 50.0, "float32")
        found = inversion.invert(Rotation(), far, starts=1, steps=300, learning_rate=0.5)
        # 18.467 is the 99.9 % quantile of chi squared with 4 degrees of freedom.
        self.assertAllClose(np.linalg.norm(found.latents), 18.467**0.5, rtol=1e-2)
        found = inversion.invert(Rotation(latent_prior="uniform"), far, starts=1, steps=300, learning_rate=0.5)
        self.assertAllInRange(found.latents, -1.0, 1.0)

    def test_more_starts_are_never_worse(self):
        keras.utils.set_random_seed(0)
        generator = networks.MLPGenerator(image_shape=(6,), latent_dim=2, hidden_units=(16,), output_activation=None)
        images = np.random.default_rng(1).normal(size=(4, 6)).astype("float32") * 0.1
        one = inversion.invert(generator, images[:1], starts=1, steps=20)
        four = inversion.invert(generator, images[:1], starts=4, steps=20)
        self.assertLessEqual(four.errors[0], one.errors[0] + 1e-7)

    def test_search_finds_the_best_value_of_an_objective(self):
        """The largest first number of a rotated vector: the first row of the rotation, as long as the prior allows."""
        keras.utils.set_random_seed(0)
        generator = Rotation()
        found = inversion.search(generator, lambda x: -x[:, 0], n=2, starts=2, steps=200, learning_rate=0.5)
        axis = np.asarray(generator.dense.kernel)[:, 0]
        self.assertAllClose(found.latents, np.tile(18.467**0.5 * axis, (2, 1)), atol=0.05)
        self.assertAllClose(found.errors, -found.images[:, 0])
        with self.assertRaisesRegex(ValueError, "differentiable TensorFlow operations. Received: no gradient"):
            inversion.search(generator, lambda x: tf.stop_gradient(x[:, 0]), n=1, steps=1)

    def test_bad_input(self):
        generator = networks.MLPGenerator(image_shape=(6,), latent_dim=2, hidden_units=(4,))
        with self.assertRaisesRegex(
            ValueError, r"must have the shape \(n,\) \+ \(6,\). Received: images.shape=\(2, 5\)"
        ):
            inversion.invert(generator, np.zeros((2, 5)))
        with self.assertRaisesRegex(ValueError, "must be at least 1"):
            inversion.invert(generator, np.zeros((2, 6)), starts=0)
        with self.assertRaisesRegex(ValueError, "takes no labels"):
            inversion.invert(generator, np.zeros((2, 6)), labels=[0, 1])
