import keras
import numpy as np
import tensorflow as tf

from keras_gan import random
from keras_gan.models.pool import ImagePool
from tests.test_case import TestCase


def numbered(first, n):
    """Images of one pixel whose value is their number."""
    return tf.reshape(tf.range(first, first + n, dtype=tf.float32), (n, 1, 1, 1))


def one_by_one(size, batches, seeds):
    """The pool's rule, image after image, in plain Python."""
    held, shown = [], []
    for batch, seed in zip(batches, seeds, strict=True):
        draws = random.uniform((len(batch), 2), seed).numpy()
        for image, (trade, place) in zip(batch.numpy().ravel(), draws, strict=True):
            if len(held) < size:
                held.append(image)
                shown.append(image)
            elif trade < 0.5:
                slot = int(place * size)
                shown.append(held[slot])
                held[slot] = image
            else:
                shown.append(image)
    return held, shown


def two_replicas_share_a_pool(strategy):
    batches = [numbered(10 * i, 8) for i in range(6)]
    with strategy.scope():
        pool = ImagePool(5)
        pool.build((None, 1, 1, 1))

    @tf.function
    def step(batch, seed):
        def replica():
            first = 4 * tf.distribute.get_replica_context().replica_id_in_sync_group
            return pool(batch[first : first + 4], seed)

        return strategy.experimental_local_results(strategy.run(replica))

    shown = [np.concatenate(step(batch, tf.constant([3, i], tf.int64))).ravel() for i, batch in enumerate(batches)]
    held, expected = one_by_one(5, batches, [(3, i) for i in range(6)])
    np.testing.assert_array_equal(np.concatenate(shown), expected)
    np.testing.assert_array_equal(pool.images.numpy().ravel(), held)


class ImagePoolTest(TestCase):
    def test_rows_come_one_after_another(self):
        """Batches that are larger than the pool, so that rows trade with rows of their own batch."""
        batches, seeds = [numbered(10 * i, 7) for i in range(20)], [(3, i) for i in range(20)]
        held, expected = one_by_one(5, batches, seeds)
        for compiled in (lambda f: f, lambda f: tf.function(f, jit_compile=True)):
            pool = ImagePool(5)
            pool.build((None, 1, 1, 1))
            call = compiled(pool)
            shown = [call(batch, tf.constant(seed, tf.int64)) for batch, seed in zip(batches, seeds, strict=True)]
            self.assertAllEqual(np.concatenate(shown).ravel(), expected)
            self.assertAllEqual(pool.images.numpy().ravel(), held)
            self.assertEqual(int(pool.count), 5)

    def test_half_of_what_is_shown_is_old(self):
        pool = ImagePool(50)
        pool(numbered(-50, 50), seed=(0, 0))
        shown = pool(numbered(1, 1000), seed=(0, 1))
        self.assertAllClose(np.mean(shown.numpy().ravel() != np.arange(1, 1001)), 0.5, atol=0.05)

    def test_a_pool_of_nothing_shows_everything(self):
        images = numbered(0, 3)
        self.assertAllEqual(ImagePool(0)(images, seed=(0, 0)), images)
        with self.assertRaisesRegex(ValueError, "at least 0 images. Received: size=-1"):
            ImagePool(-1)

    def test_configuration(self):
        self.assertEqual(self.assert_config_round_trip(ImagePool(7)).size, 7)
        self.assertIsInstance(ImagePool(7), keras.layers.Layer)

    def test_replicas_share_it(self):
        self.run_on_two_replicas(two_replicas_share_a_pool)
