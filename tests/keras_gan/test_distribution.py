from types import SimpleNamespace
from unittest import mock

import tensorflow as tf

from keras_gan import distribution, latents
from tests.test_case import TestCase


class DistributionTest(TestCase):
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
