import dataclasses
import types
from unittest import mock

import tensorflow as tf

from keras_gan.data import pairs
from tests.test_case import TestCase
from trainers.engine import flags, tasks


class FeaturesTest(TestCase):
    def settled(self, config, shape=(16, 16, 3), count=60, examples=None, given=()):
        spec = types.SimpleNamespace(image_shape=shape, num_examples=count)
        found = tasks.settle_features(config, set(given), examples, spec)
        return found.features, found.evaluate_samples

    def test_what_auto_means(self):
        own = flags.Config(dataset="folder:x")
        self.assertEqual(self.settled(own), ("efficientnet_lite0", 250))
        asked = dataclasses.replace(own, evaluate_samples=70)
        self.assertEqual(self.settled(asked, given=["evaluate_samples"]), ("efficientnet_lite0", 70))
        for config, shape, count in (
            (flags.Config(dataset="mnist5k"), (28, 28, 1), 4500),  # has a classifier of its own
            (own, (4, 4, 3), 60),
            (own, (2,), 60),
            (own, (16, 16, 3), 49),
            (flags.Config(dataset="folder:x", evaluate_every=0), (16, 16, 3), 60),
            (flags.TranslationConfig(dataset="pairs:a,b"), (16, 16, 3), 60),
        ):
            self.assertEqual(self.settled(config, shape, count), ("auto", 2500))
        self.assertEqual(self.settled(flags.Config(features="none"))[0], "none")

    def test_of_two_domains_the_second_is_judged(self):
        domains = pairs.Domains(None, None)
        config = flags.TranslationConfig(dataset="domains:mnist5k#3,folder:x")
        self.assertEqual(self.settled(config, examples=domains)[0], "efficientnet_lite0")
        config = flags.TranslationConfig(dataset="domains:folder:x,mnist5k#3")
        self.assertEqual(self.settled(config, (28, 28, 1), examples=domains)[0], "auto")


class FirstStepsTest(TestCase):
    def lines(self, seconds, total_steps=None, deadline=None, first=1):
        """What is said when steps end at these seconds after the start of the process."""
        said = []
        callback = tasks.FirstSteps(said.append, total_steps, deadline)
        callback.set_model(types.SimpleNamespace(step=tf.Variable(first - 1)))
        for moment in seconds:
            callback.model.step.assign_add(1)
            with mock.patch.object(tasks.time, "monotonic", return_value=tasks.STARTED + moment):
                callback.on_train_batch_end(0)
        return said

    def test_how_long_it_will_take(self):
        # Half a second a step, the first aside: it is known after the seventh.
        first, expected = self.lines([9.0, 9.5, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0], total_steps=17)
        self.assertEqual(first, "first step 9.0 s after the command")
        self.assertEqual(expected, "about 5 seconds to go, at 2 steps/s")
        _, expected = self.lines([9.0, 19.0], total_steps=62)
        self.assertEqual(expected, "about 10 minutes to go, at 0.1 steps/s")
        # A run that went on counts from where it was.
        _, expected = self.lines([9.0, 13.0], total_steps=110, first=101)
        self.assertEqual(expected, "about 32 seconds to go, at 0.25 steps/s")

    def test_how_far_it_will_come(self):
        _, expected = self.lines([10.0, 14.0], deadline=lambda: tasks.STARTED + 114.0)
        self.assertEqual(expected, "about 27 steps until the time is over, at 0.25 steps/s")

    def test_a_run_that_is_over_sooner(self):
        self.assertLen(self.lines([9.0, 9.1, 9.2], total_steps=3), 1)
