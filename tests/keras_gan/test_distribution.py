from types import SimpleNamespace
from unittest import mock

import numpy as np
import tensorflow as tf

from keras_gan import distribution, latents
from tests.test_case import TestCase


class DistributionTest(TestCase):
    def test_alone_the_sum_is_the_own_array(self):
        strategy, array = tf.distribute.get_strategy(), np.float32([1.0, 2.0])
        self.assertEqual(distribution.place_of(strategy), (0, 1))
        self.assertEqual(distribution.place_of(None), (0, 1))
        self.assertIs(distribution.sum_over_workers(strategy, array), array)

    def test_a_sum_with_zeros_is_the_array_bit_for_bit(self):
        array = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
        for workers in (2, 3, 7):
            mean = lambda value: value / workers  # noqa: B023, E731
            with (
                mock.patch.object(distribution, "place_of", return_value=(0, workers)),
                mock.patch.object(distribution, "_reduction", return_value=mean),
            ):
                total = distribution.sum_over_workers(None, array)
            self.assertEqual(total.dtype, np.float32)
            np.testing.assert_array_equal(total, array)

    def test_replicas_see_their_rows_of_one_draw(self):
        def draw(n):
            return latents.stateless((n, 2), (0, 1))

        whole = draw(6)
        self.assertAllEqual(distribution.per_replica(draw, 6), whole)
        parts = []
        for replica in range(3):
            context = SimpleNamespace(num_replicas_in_sync=3, replica_id_in_sync_group=replica)
            with mock.patch.object(tf.distribute, "get_replica_context", return_value=context):
                parts.append(distribution.per_replica(draw, 2))
        self.assertAllEqual(tf.concat(parts, axis=0), whole)
