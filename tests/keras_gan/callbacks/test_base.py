from types import SimpleNamespace

import tensorflow as tf
from absl.testing import parameterized

from keras_gan import callbacks
from tests.keras_gan.callbacks.callback_checks import make_gan, train
from tests.test_case import TestCase


class EveryStepsTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (1, 0, 1, [1, 2, 3, 4]),
        (3, 0, 1, [3, 6, 9]),
        (3, 4, 1, [6, 9]),  # resumed at step 4
        # With 4 steps at a time the model is seen at 4, 8, 12, ... only: the first chance after a multiple.
        (1, 0, 4, [4, 8, 12]),
        (4, 0, 4, [4, 8, 12]),
        (6, 0, 4, [8, 12, 20]),
    )
    def test_multiples_of_the_models_own_step(self, every, start, steps_per_execution, expected):
        class Note(callbacks.EverySteps):
            def at_step(self, step, logs):
                seen.append(step)

        seen, note = [], Note(every)
        step = tf.Variable(start)
        note.set_model(SimpleNamespace(step=step, steps_per_execution=steps_per_execution))
        while len(seen) < len(expected):
            step.assign_add(steps_per_execution)
            note.on_train_batch_end(0, {})
        self.assertEqual(seen, expected)

    def test_counts_over_several_fits(self):
        class Note(callbacks.EverySteps):
            def at_step(self, step, logs):
                seen.append(step)

        seen, gan, note = [], make_gan(), Note(2)
        train(gan, 3, note)
        train(gan, 2, note)
        self.assertEqual(seen, [2, 4])

    def test_bad_arguments(self):
        for every in (0, -1):
            with self.assertRaisesRegex(ValueError, f"at least 1. Received: {every}"):
                callbacks.EverySteps(every)
        with self.assertRaisesRegex(NotImplementedError, "EverySteps must implement `at_step"):
            callbacks.EverySteps(1).at_step(1, {})
