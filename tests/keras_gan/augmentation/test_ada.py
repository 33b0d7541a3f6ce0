import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan import augmentation
from keras_gan.augmentation import ada
from tests.keras_gan.augmentation.test_base import make_gan
from tests.test_case import TestCase


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
        rotations = ada._rotation(*(tf.constant([f(0.8)] * 200, tf.float32) for f in (np.cos, np.sin)))
        self.assertAllClose(keras_gan.augmentation.transforms.warp(image, rotations)[:, 4, 4, 0], np.ones(200))
        self.assertNotAllClose(augmenter(image, seed=(1, 2)), image)

    def test_composition(self):
        a, b = np.random.default_rng(0).normal(size=(2, 3, 2, 3))
        whole = [np.concatenate([m, np.tile([[[0.0, 0.0, 1.0]]], (3, 1, 1))], 1) for m in (a, b)]
        self.assertAllClose(ada._compose(tf.constant(a), tf.constant(b)), (whole[0] @ whole[1])[:, :2])

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
