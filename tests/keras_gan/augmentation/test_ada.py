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


def ada_follows_the_global_batch(strategy):
    """Half of the replicas see only positive logits and half only negative ones: E[sign] = 0 is below 0.6."""
    with strategy.scope():
        augmenter = augmentation.AdaptiveAugment(horizon=100, interval=1)
        augmenter.build((None, 4, 4, 1))
        augmenter.p.assign(0.5)

    @tf.function
    def step():
        def on_replica():
            first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
            augmenter.update(tf.where(first, 1.0, -1.0) * tf.ones(5))
            return augmenter(tf.reshape(tf.linspace(-1.0, 1.0, 48), (3, 4, 4, 1)), tf.constant([1, 2], tf.int64))

        return strategy.experimental_local_results(strategy.run(on_replica))

    images = step()
    copies = [np.asarray(copy) for copy in strategy.experimental_local_results(augmenter.p.value)]
    np.testing.assert_allclose(copies, [0.4, 0.4], rtol=1e-6)
    # The replicas' images are the halves of one batch on one device.
    alone = augmentation.AdaptiveAugment()
    alone.build((None, 4, 4, 1))
    alone.p.assign(0.4)
    both = np.tile(np.linspace(-1, 1, 48, dtype="float32").reshape(3, 4, 4, 1), (2, 1, 1, 1))
    np.testing.assert_allclose(np.concatenate(images), alone(both, tf.constant([1, 2], tf.int64)), atol=1e-6)


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
            critic = Critic(discriminator, augment=lambda x: augmenter(x, tf.constant([5, 6], tf.int64)))
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


class DiffAugmentTest(TestCase):
    def test_colors(self):
        """Brightness alone moves a grey image, uniformly in [-0.5, 0.5], and nothing else changes."""
        x = (
            augmentation.DiffAugment("color")(tf.fill((4000, 1, 1, 3), 0.25), seed=(1, 2)).numpy().reshape(4000, 3)
            - 0.25
        )
        self.assertAllClose(x[:, 0], x[:, 1], atol=1e-6)
        self.assertAllInRange(x, -0.5, 0.5)
        self.assertAllClose([x.mean(), x.std()], [0.0, 1 / np.sqrt(12)], atol=0.015)

    def test_saturation_and_contrast(self):
        # One red and one blue pixel: grey is constant, so contrast scales everything and saturation all but grey.
        pixels = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], "float32").reshape(1, 1, 2, 3)
        x = augmentation.DiffAugment("color")(np.repeat(pixels, 4000, 0), seed=(1, 2)).numpy()[:, 0]
        factor = x[:, 0, 0] - x[:, 0, 1]  # saturation times contrast
        self.assertAllClose(factor, x[:, 1, 2] - x[:, 1, 0], atol=1e-5)
        self.assertAllInRange(factor, 0.0, 3.0)
        # The product of independent U(0, 2) and U(0.5, 1.5): mean 1, second moment 4/3 * 13/12.
        self.assertAllClose([factor.mean(), np.mean(factor**2)], [1.0, 13 / 9], atol=0.05)

    def test_translation(self):
        image = np.zeros((4000, 17, 8, 1), "float32")
        image[:, 8, 4] = 1.0
        x = augmentation.DiffAugment("translation")(image, seed=(1, 2)).numpy()[..., 0]
        _, rows, columns = np.nonzero(x)
        self.assertLen(rows, 4000)
        for offsets, reach in ((rows - 8, 2), (columns - 4, 1)):
            values, counts = np.unique(offsets, return_counts=True)
            self.assertAllEqual(values, np.arange(-reach, reach + 1))
            self.assertAllClose(counts / 4000, np.full(2 * reach + 1, 1 / (2 * reach + 1)), atol=0.03)

    def test_cutout(self):
        x = augmentation.DiffAugment("cutout")(tf.ones((2000, 8, 7, 1)), seed=(1, 2)).numpy()[..., 0] == 0
        heights, widths = x.any(axis=2).sum(axis=1), x.any(axis=1).sum(axis=1)
        self.assertAllEqual(x.sum(axis=(1, 2)), heights * widths)  # rectangles
        # Of 8 rows 4 at most, centred at 0 to 8; of 7 columns 4 at most, centred at 0 to 7.
        self.assertEqual((heights.min(), heights.max(), widths.min(), widths.max()), (2, 4, 2, 4))
        self.assertAllClose(
            [heights.mean(), widths.mean()], [(2 + 3 + 5 * 4 + 3 + 2) / 9, (2 + 3 + 4 * 4 + 3 + 2) / 8], atol=0.1
        )

    def test_policies(self):
        self.assertEqual(augmentation.DiffAugment("cutout, color").policy, ("color", "cutout"))
        self.assert_config_round_trip(augmentation.DiffAugment(("translation",)))
        for policy in ("flip", "", ("color", "hue")):
            with self.assertRaisesRegex(ValueError, "`policy` must name some of .*'cutout'.*Received: policy="):
                augmentation.DiffAugment(policy)


class AdaptiveAugmentTest(TestCase):
    def run_updates(self, augmenter, *logits):
        augmenter.build((None, 4, 4, 1))
        values = []
        for batch in logits:
            augmenter.update(tf.constant(batch, tf.float32))
            values.append(float(augmenter.p))
        return values

    def test_feedback(self):
        """Two updates of 5 images each per change, so steps of 10 / 100; the signs' mean is over all ten."""
        augmenter = augmentation.AdaptiveAugment(horizon=100, interval=2)
        high, low = [5.0] * 5, [1.0, 1.0, 1.0, -1.0, -1.0]
        values = self.run_updates(augmenter, high, high, high, low, low, low, low, low, low, low)
        # E sign D = 1, then (5 + 1) / 10, which is the target itself, then 0.2.
        self.assertAllClose(values, [0, 0.1, 0.1, 0.1, 0.1, 0, 0, 0, 0, 0], atol=1e-6)

    def test_p_stays_below_one_and_nan_counts_for_nothing(self):
        augmenter = augmentation.AdaptiveAugment(horizon=4, interval=1)
        self.assertAllClose(self.run_updates(augmenter, [1] * 3, [1] * 3, [np.nan] * 2), [0.75, 1.0, 0.5])

    def test_the_published_rate(self):
        values = self.run_updates(augmentation.AdaptiveAugment(), *[[1.0] * 50] * 8)
        self.assertAllClose(values[3::4], [50 * 4 / 500_000, 2 * 50 * 4 / 500_000], rtol=1e-5)

    def test_nothing_happens_at_zero_and_everything_in_proportion(self):
        images = np.random.default_rng(0).uniform(-1, 1, (2000, 8, 8, 1)).astype("float32")
        for p in (0.0, 0.3, 1.0):
            augmenter = augmentation.AdaptiveAugment("color", probability=p)
            changed = np.any(augmenter(images, seed=(1, 2)).numpy() != images, axis=(1, 2, 3))
            # Brightness and contrast change an image surely when they act, mirroring every other time.
            self.assertAllClose(changed.mean(), 1 - (1 - p) ** 2 * (1 - p / 2), atol=0.03)
        for policy in ("blit", "geometry", "cutout"):
            augmenter = augmentation.AdaptiveAugment(policy)
            self.assertAllEqual(augmenter(images, seed=(1, 2)), images)

    def test_blits_permute_pixels(self):
        image = np.arange(64, dtype="float32").reshape(1, 8, 8, 1) / 64
        x = augmentation.AdaptiveAugment("blit", probability=1.0)(np.repeat(image, 500, 0), seed=(1, 2)).numpy()
        self.assertAllEqual(np.unique(x), np.unique(image))
        # All eight symmetries of the square, each with moves of -1, 0 and 1 by either axis.
        inner = {row.tobytes() for row in x}
        self.assertBetween(len(inner), 60, 72)

    def test_rotations_keep_the_middle(self):
        image = np.zeros((200, 9, 9, 1), "float32")
        image[:, 3:6, 3:6] = 1.0
        augmenter = augmentation.AdaptiveAugment({"geometry": 1.0}, probability=1.0)
        augmenter.build(image.shape)
        rotations = augmentation._rotation(*(tf.constant([f(0.8)] * 200, tf.float32) for f in (np.cos, np.sin)))
        self.assertAllClose(keras_gan.augmentation.transforms.warp(image, rotations)[:, 4, 4, 0], np.ones(200))
        self.assertNotAllClose(augmenter(image, seed=(1, 2)), image)

    def test_composition(self):
        a, b = np.random.default_rng(0).normal(size=(2, 3, 2, 3))
        whole = [np.concatenate([m, np.tile([[[0.0, 0.0, 1.0]]], (3, 1, 1))], 1) for m in (a, b)]
        self.assertAllClose(augmentation._compose(tf.constant(a), tf.constant(b)), (whole[0] @ whole[1])[:, :2])

    def test_a_schedule_counts_updates_of_the_discriminator(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.9])
        augmenter = augmentation.AdaptiveAugment(probability=schedule)
        self.assertAllClose(self.run_updates(augmenter, [-1.0], [-1.0], [-1.0], [-1.0]), [0.1, 0.1, 0.9, 0.9])
        again = self.assert_config_round_trip(augmenter)
        self.assertAllClose(again.p, 0.1)

    def test_images_of_packs_are_all_counted(self):
        gan = keras_gan.GAN(
            keras_gan.networks.DCGANGenerator((8, 8, 1), latent_dim=2, filters=2),
            keras_gan.networks.DCGANDiscriminator((8, 8, 1), filters=2, packing=2),
            augmenter=augmentation.AdaptiveAugment("color", target=-2.0, horizon=32, interval=2),
        )
        for update in ("alternating", "simultaneous"):
            gan.compile(update=update, run_eagerly=True)
            images = np.zeros((4, 8, 8, 1), "float32")
            gan.train_on_batch(images)
            self.assertEqual(float(gan.augmenter.images), 4.0)
            gan.train_on_batch(images)
        # Two changes of two updates of 4 images each, in 32.
        self.assertAllClose(gan.augmenter.p, 0.5)

    def test_state_is_saved(self):
        gan = make_gan(augmentation.AdaptiveAugment({"color": 0.5}, target=-1.0, horizon=32, interval=2))
        images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32")
        for _ in range(3):
            gan.train_on_batch(images)
        self.assertGreater(float(gan.augmenter.p), 0.0)
        gan.save(path := self.path("gan.keras"))
        again = keras.saving.load_model(path)
        self.assertEqual(again.augmenter.get_config(), gan.augmenter.get_config())
        for model in (gan, again):
            model.train_on_batch(images)
        self.assert_same_weights(gan, again)

    def test_replicas(self):
        self.run_on_two_replicas(ada_follows_the_global_batch)

    def test_errors(self):
        for arguments, message in (
            ({"policy": "flip"}, "`policy` must name some of"),
            ({"policy": {"color": 2.0}}, "factors of `policy` must lie"),
            ({"probability": 1.5}, r"`probability` must lie in \[0, 1\]"),
            ({"probability": "often"}, "`probability` must be a finite number"),
            ({"interval": 0}, "`interval` at least 1"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                augmentation.AdaptiveAugment(**arguments)
