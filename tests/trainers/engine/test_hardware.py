import dataclasses
import os
from unittest import mock

import pytest
import tensorflow as tf

from tests.test_case import TestCase
from trainers.engine import hardware
from trainers.engine.flags import Config


class StrategyTest(TestCase):
    def test_none_is_the_default_strategy(self):
        strategy = hardware.make_strategy(Config())
        self.assertIs(strategy, tf.distribute.get_strategy())
        self.assertTrue(hardware.is_chief(strategy))

    def test_tpu_flags_stand_for_the_strategy(self):
        for flags in ({"tpu": True}, {"tpu_name": "mine"}, {"strategy": "tpu"}):
            self.assertEqual(hardware.strategy_name(Config(**flags)), "tpu")
        with self.assertRaisesRegex(ValueError, "does not go with another strategy"):
            hardware.strategy_name(Config(tpu=True, strategy="mirrored"))
        with self.assertRaisesRegex(ValueError, "--strategy=horovod"):
            hardware.strategy_name(Config(strategy="horovod"))

    @pytest.mark.slow
    def test_a_missing_tpu_is_named(self):
        with self.assertRaisesRegex(ValueError, "looked for a TPU on this machine and found none"):
            hardware.make_strategy(Config(tpu=True))
        # A port that is bound and not listened to refuses connections.
        with self.assertRaisesRegex(ValueError, "looked for a TPU at grpc://127.0.0.1:9"):
            hardware.make_strategy(Config(tpu_name="grpc://127.0.0.1:9"))

    def test_multiworker_needs_its_variable(self):
        for text in ("", "{}", "no json", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}'):
            with mock.patch.dict(os.environ, TF_CONFIG=text), self.assertRaisesRegex(ValueError, "TF_CONFIG"):
                hardware.make_strategy(Config(strategy="multiworker"))

    def test_shares_of_two_workers_make_the_batch(self):
        """Worker w has rows [w B / W, (w + 1) B / W), cut into batches for its replicas."""
        strategy = mock.Mock(spec=tf.distribute.MultiWorkerMirroredStrategy)
        strategy.distribute_datasets_from_function = lambda function: [
            [batch.numpy().tolist() for batch in function(tf.distribute.InputContext(2, worker, 4))]
            for worker in range(2)
        ]

        def load(part):
            number, parts = part
            rows = tf.data.Dataset.range(16).batch(8).map(lambda batch: tf.split(batch, parts)[number])
            return rows

        shares = hardware.distribute(strategy, load, rows=8)
        self.assertEqual(shares, [[[0, 1], [2, 3], [8, 9], [10, 11]], [[4, 5], [6, 7], [12, 13], [14, 15]]])


class PrecisionTest(TestCase):
    def test_flags_default_to_auto(self):
        self.assertEqual({f.name: f.default for f in dataclasses.fields(Config)}["precision"], "auto")
