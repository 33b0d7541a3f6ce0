"""Tests of what every regularizer has."""

import types

import keras
import tensorflow as tf

from keras_gan import regularizers
from tests.test_case import TestCase


class Counting(regularizers.Regularizer):
    """The square of the real images, which needs no critic."""

    def __call__(self, critic, real, fake):
        return tf.square(real)


def critic(training=True):
    found = types.SimpleNamespace(training=training)
    found.fresh = lambda: found
    return found


class RegularizerTest(TestCase):
    def penalties(self, regularizer, step, training=True):
        real = tf.constant([2.0, 3.0])
        values, times = regularizer.at_step(critic(training), real, real, tf.constant(step, tf.int64))
        return list(values.numpy()), float(times)

    def test_every_step_counts_once(self):
        for step in range(3):
            self.assertEqual(self.penalties(Counting(), step), ([4.0, 9.0], 1.0))

    def test_an_interval_counts_as_often_as_it_leaves_out(self):
        lazy = Counting(interval=3)
        found = [self.penalties(lazy, step) for step in range(6)]
        self.assertEqual(found[0], ([4.0, 9.0], 3.0))
        self.assertEqual(found[1], ([0.0, 0.0], 0.0))
        self.assertEqual(sum(times for _, times in found), 6.0)
        # Held-out data are looked at as they are.
        self.assertEqual(self.penalties(lazy, 1, training=False), ([4.0, 9.0], 1.0))

    def test_names_and_configurations(self):
        self.assertEqual(Counting().name, "Counting")
        self.assertEqual(Counting(name="squares").name, "squares")
        schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10)
        again = Counting.from_config(Counting(weight=schedule, name="squares").get_config())
        self.assertEqual((again.weight.get_config(), again.name), (schedule.get_config(), "squares"))

    def test_errors(self):
        for arguments, message in (
            ({"weight": "1"}, "`weight` must be a finite number"),
            ({"interval": 0}, "`interval` must be an integer of at least 1. Received: interval=0"),
            ({"interval": 1.5}, "Received: interval=1.5"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                Counting(**arguments)
        with self.assertRaisesRegex(NotImplementedError, "Regularizer must implement `__call__"):
            regularizers.Regularizer()(None, None, None)
