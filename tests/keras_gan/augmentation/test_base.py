import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import augmentation, networks, regularizers
from keras_gan.models.critic import Critic
from tests.test_case import TestCase

# Every transformation at once, so often that all of them occur.
AUGMENTERS = {
    "diff_augment": lambda: augmentation.DiffAugment(),
    "ada": lambda: augmentation.AdaptiveAugment("blit,geometry,color,cutout", probability=0.7),
}


class Recorder(augmentation.Augmenter):
    """Leaves images as they are, and remembers what it is given."""

    def __init__(self):
        super().__init__()
        self.seen, self.seeds, self.updates = [], [], []

    def call(self, images, seed):
        self.seen.append(images.numpy())
        self.seeds.append(tuple(seed.numpy()))
        return images

    def update(self, real_logits):
        self.updates.append(real_logits.numpy())


@keras.saving.register_keras_serializable("keras_gan_tests")
class Shift(augmentation.Augmenter):
    """Shifts each image by a random number, whose range grows with every update."""

    def __init__(self, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def build(self, input_shape):
        self.range = self.add_weight(name="range", shape=(), initializer="zeros", trainable=False)

    def call(self, images, seed):
        shape = [tf.shape(images)[0]] + [1] * (images.shape.rank - 1)
        return images + self.range * tf.random.stateless_normal(shape, seed, alg="philox")

    def update(self, real_logits):
        self.range.assign_add(self.rate * tf.math.sigmoid(tf.reduce_mean(real_logits)))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


def make_gan(augmenter, seed=0, **compile_arguments):
    keras.utils.set_random_seed(1)
    gan = keras_gan.GAN(
        networks.MLPGenerator((8, 8, 1), latent_dim=2, hidden_units=(8,)),
        networks.MLPDiscriminator((8, 8, 1), hidden_units=(8,)),
        augmenter=augmenter,
        seed=seed,
    )
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), **compile_arguments)
    return gan


class HookTest(TestCase):
    def setUp(self):
        super().setUp()
        self.images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32")

    def test_the_discriminator_sees_augmented_images_only(self):
        gan = make_gan(recorder := Recorder(), run_eagerly=True)
        gan.train_on_batch(self.images)
        real, fake, fake_for_generator = recorder.seen
        self.assertAllEqual(real, self.images)
        self.assertEqual(fake.shape, real.shape)
        self.assertNotAllClose(fake, fake_for_generator)
        self.assertLen(set(recorder.seeds), 3)
        gan.train_on_batch(self.images)
        self.assertLen(set(recorder.seeds), 6)

    def test_real_images_of_a_relativistic_generator_step_too(self):
        gan = make_gan(recorder := Recorder(), loss="relativistic", run_eagerly=True)
        gan.train_on_batch(self.images)
        self.assertLen(recorder.seen, 4)
        self.assertAllEqual(recorder.seen[2], self.images)

    def test_the_generator_learns_through_the_augmentation(self):
        """Where the augmentation erases everything, no gradient is left; where it inverts, the loss is another."""

        class Factor(augmentation.Augmenter):
            def __init__(self, factor):
                super().__init__()
                self.factor = factor

            def call(self, images, seed):
                return self.factor * images

        after = {}
        for factor in (0.0, 1.0, -1.0):
            gan = make_gan(Factor(factor), run_eagerly=True)
            before = gan.generator.get_weights()
            gan.train_on_batch(self.images)
            after[factor] = gan.generator.get_weights()
        self.assertAllEqual(after[0.0][-1], before[-1])
        self.assertNotAllClose(after[1.0][-1], before[-1])
        self.assertNotAllClose(after[1.0][-1], after[-1.0][-1])

    def test_one_update_for_each_of_the_discriminator(self):
        gan = make_gan(recorder := Recorder(), discriminator_steps=2, generator_steps=3, run_eagerly=True)
        log = gan.train_on_batch(self.images, return_dict=True)
        self.assertEqual([logits.shape for logits in recorder.updates], [(2,), (2,)])
        self.assertAllClose(np.mean(recorder.updates), log["real_logits"])
        gan = make_gan(recorder := Recorder(), update="simultaneous", run_eagerly=True)
        gan.train_on_batch(self.images)
        self.assertEqual([logits.shape for logits in recorder.updates], [(4,)])

    def test_none_in_evaluation(self):
        gan = make_gan(recorder := Recorder(), run_eagerly=True)
        gan.test_on_batch(self.images)
        gan.sample(1)
        self.assertEqual((recorder.seen, recorder.updates), ([], []))

    def test_the_seed_determines_every_augmentation(self):
        gans = [make_gan(Shift(), seed, run_eagerly=True) for seed in (3, 3, 4)]
        for gan in gans:
            for _ in range(3):
                gan.train_on_batch(self.images)
        self.assert_same_weights(gans[0], gans[1])
        kernels = [gan.discriminator.logit.kernel.numpy() for gan in gans]
        self.assertGreater(np.max(np.abs(kernels[0] - kernels[2])), 1e-5)

    def test_saved_and_loaded_with_its_variables(self):
        gan = make_gan(Shift(rate=0.3), run_eagerly=True)
        for _ in range(3):
            gan.train_on_batch(self.images)
        self.assertGreater(float(gan.augmenter.range), 0.1)
        gan.save(path := self.path("gan.keras"))
        again = keras.saving.load_model(path)
        self.assertEqual(again.augmenter.rate, 0.3)
        self.assertEqual(float(again.augmenter.range), float(gan.augmenter.range))
        for model in (gan, again):
            model.train_on_batch(self.images)
        self.assert_same_weights(gan, again)

    def test_its_variables_exist_before_the_first_step(self):
        gan = make_gan(Shift())
        self.assertIn("range", [variable.name for variable in gan.variables])

    def test_images_keep_their_precision(self):
        keras.mixed_precision.set_global_policy("mixed_float16")
        x = tf.constant([[[[1.0 + 2**-20]]]])
        self.assertAllEqual(Shift()(x, seed=(0, 0)), x)

    def test_a_subclass_must_implement_call(self):
        with self.assertRaisesRegex(NotImplementedError, r"Augmenter must implement `call\(images, seed\)`"):
            augmentation.Augmenter()(tf.zeros((1, 2, 2, 1)), seed=(0, 0))


class IdentityTest(TestCase):
    def test_get(self):
        self.assertIsNone(augmentation.get(None))
        augmenter = Shift(rate=0.5)
        self.assertIs(augmentation.get(augmenter), augmenter)
        for again in (
            augmentation.get(augmentation.serialize(augmenter)),
            augmentation.deserialize(augmentation.serialize(augmenter)),
            self.assert_config_round_trip(augmenter),
        ):
            self.assertEqual((type(again), again.rate), (Shift, 0.5))

    def test_get_refuses_what_names_no_augmenter(self):
        for identifier in ("flip", 1.0, Shift, keras.layers.RandomFlip()):
            with self.assertRaisesRegex(ValueError, "keras_gan.Augmenter.*Received: identifier="):
                augmentation.get(identifier)


class AugmentersTest(TestCase, parameterized.TestCase):
    def images(self, n=6, shape=(8, 8, 3)):
        return tf.constant(np.random.default_rng(0).uniform(-1, 1, (n, *shape)))

    @parameterized.parameters(*AUGMENTERS)
    def test_an_image_depends_on_its_row_and_the_seed_alone(self, name):
        augmenter, images = AUGMENTERS[name](), self.images()
        augmenter.build(images.shape)
        seed = tf.constant([3, 4], tf.int64)
        augmented = augmenter(images, seed)
        self.assertAllEqual(augmented, augmenter(images, seed))
        changed = tf.concat([images[:1], tf.zeros_like(images[1:])], 0)
        self.assertAllEqual(augmenter(changed, seed)[0], augmented[0])
        self.assertNotAllClose(augmenter(images, seed + 1), augmented)
        equal = augmenter(tf.repeat(images[:1], 6, 0), seed)
        for row in equal[1:]:
            self.assertNotAllClose(row, equal[0])

    @parameterized.parameters(*AUGMENTERS)
    def test_graph_and_xla(self, name):
        augmenter, images, seed = AUGMENTERS[name](), tf.cast(self.images(), tf.float32), tf.constant([1, 2], tf.int64)
        augmenter.build(images.shape)
        eager = augmenter(images, seed)
        for jit_compile in (False, True):
            self.assertAllClose(tf.function(augmenter, jit_compile=jit_compile)(images, seed), eager, atol=2e-5)

    @parameterized.parameters(*AUGMENTERS)
    def test_penalties_are_differentiated_through_it(self, name):
        """The gradient of R1 with respect to weights, in random directions, against central differences."""
        augmenter, images = AUGMENTERS[name](), self.images()
        augmenter.build(images.shape)
        discriminator = networks.MLPDiscriminator(
            (8, 8, 3), hidden_units=(5, 4), activation="softplus", dtype="float64"
        )
        rng = np.random.default_rng(1)
        for variable in discriminator.trainable_variables:
            variable.assign(rng.normal(scale=0.2, size=variable.shape))

        def penalty():
            critic = Critic(
                discriminator, augment=lambda batches: [augmenter(x, tf.constant([5, 6], tf.int64)) for x in batches]
            )
            return tf.reduce_mean(regularizers.R1()(critic, images, None))

        variable = discriminator.hidden[0].kernel
        with tf.GradientTape() as tape:
            value = penalty()
        gradient = tape.gradient(value, variable.value).numpy()
        self.assertGreater(np.abs(gradient).max(), 1e-4)
        start, terms = variable.numpy(), []
        direction = rng.normal(size=start.shape)
        for step in (1e-5, -1e-5):
            variable.assign(start + step * direction)
            terms.append(float(penalty()))
        numeric = (terms[0] - terms[1]) / 2e-5
        self.assertAllClose(np.sum(gradient * direction), numeric, rtol=1e-5)

    @parameterized.parameters(*AUGMENTERS)
    def test_the_map_is_affine_in_each_image(self, name):
        """T(a x + (1 - a) y) = a T(x) + (1 - a) T(y) for equal draws: so are its gradients right to any order."""
        augmenter, x = AUGMENTERS[name](), self.images()
        augmenter.build(x.shape)
        y, seed = tf.reverse(x, [0]), tf.constant([1, 2], tf.int64)
        mixed = augmenter(0.3 * x + 0.7 * y, seed)
        self.assertAllClose(mixed, 0.3 * augmenter(x, seed) + 0.7 * augmenter(y, seed), atol=1e-9)

    @parameterized.parameters(*AUGMENTERS)
    def test_any_image_shape(self, name):
        for shape in ((1, 1, 1), (7, 5, 4), (9, 16, 2)):
            augmenter = AUGMENTERS[name]()
            augmented = augmenter(self.images(shape=shape), tf.constant([1, 2], tf.int64))
            self.assertEqual(tuple(augmented.shape), (6, *shape))
            self.assertTrue(np.all(np.isfinite(augmented)))

    @parameterized.parameters(*AUGMENTERS)
    def test_vectors_are_refused(self, name):
        with self.assertRaisesRegex(ValueError, r"augments images \(height, width, channels\). Received: shape \(2,\)"):
            keras_gan.GAN(
                networks.MLPGenerator((2,), latent_dim=2, hidden_units=(4,)),
                networks.MLPDiscriminator((2,), hidden_units=(4,)),
                augmenter=AUGMENTERS[name](),
            )
