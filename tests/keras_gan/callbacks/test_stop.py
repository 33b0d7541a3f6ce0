import os
import signal
import time

import numpy as np
from absl.testing import parameterized

from keras_gan import callbacks
from tests.keras_gan.callbacks.callback_checks import CallbacksTestCase, at, make_gan, train
from tests.test_case import TestCase


class DeadlineTest(TestCase):
    def test_training_ends_at_the_moment(self):
        for moment, steps in ((time.monotonic() - 1.0, 1), (time.monotonic() + 1000.0, 3)):
            gan = make_gan()
            train(gan, 3, callbacks.Deadline(moment))
            self.assertEqual(int(gan.step), steps)


class StopOnSignalTest(CallbacksTestCase, parameterized.TestCase):
    def handlers(self):
        return [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    @parameterized.parameters(signal.SIGTERM, signal.SIGINT)
    def test_the_step_is_finished_and_training_ends_in_the_ordinary_way(self, number):
        before = self.handlers()
        gan, stop = make_gan(), callbacks.StopOnSignal()
        checkpoint = callbacks.Checkpoint(self.folder, every=100)
        train(gan, 5, at(2, lambda: os.kill(os.getpid(), number)), stop, checkpoint)
        self.assertEqual(stop.received, number)
        self.assertEqual((int(gan.step), int(checkpoint.restore(gan))), (2, 2))
        self.assertEqual(self.handlers(), before)

    def test_a_second_signal_acts_as_without(self):
        gan, stop = make_gan(), callbacks.StopOnSignal()
        # As in a terminal, also where the process was started in the background.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))

        def twice():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

        with self.assertRaises(KeyboardInterrupt):
            train(gan, 5, at(2, twice), stop)
        self.assertEqual(stop.received, signal.SIGINT)

    def test_without_a_signal(self):
        before = self.handlers()
        gan, stop = make_gan(), callbacks.StopOnSignal()
        train(gan, 2, stop, at(1, lambda: self.assertNotEqual(self.handlers(), before)))
        self.assertIsNone(stop.received)
        self.assertEqual((int(gan.step), self.handlers()), (2, before))

    def test_every_training_begins_without_a_signal(self):
        gan, stop = make_gan(), callbacks.StopOnSignal()
        train(gan, 3, at(1, lambda: os.kill(os.getpid(), signal.SIGTERM)), stop)
        train(gan, 3, stop)
        self.assertEqual((int(gan.step), stop.received), (4, None))


class StopOnNonFiniteTest(TestCase):
    def test_names_the_quantity_and_the_step(self):
        gan = make_gan()
        spoil = at(1, lambda: gan.discriminator.logit.bias.assign([np.inf]))
        with self.assertRaisesRegex(FloatingPointError, "diverged at step 2: .*real_logits is inf"):
            train(gan, 3, spoil, callbacks.StopOnNonFinite(every=100))

    def test_looks_at_weights_too(self):
        """A moving average that no logged quantity depends on."""
        gan = make_gan()
        average = gan.generator.normalizers[0].moving_mean
        spoil = at(3, lambda: average.assign(np.full(average.shape, np.nan)))
        with self.assertRaisesRegex(FloatingPointError, "diverged by step 4: the weight .*moving_mean is not finite"):
            train(gan, 6, spoil, callbacks.StopOnNonFinite(every=2))

    def test_finite_training_goes_on(self):
        gan = make_gan()
        train(gan, 3, callbacks.StopOnNonFinite(every=1))
        self.assertEqual(int(gan.step), 3)
