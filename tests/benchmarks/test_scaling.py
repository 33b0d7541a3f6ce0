import pytest

from benchmarks import scaling, startup_phases
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class ScalingTest(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gan = scaling.build()

    def test_steps_are_counted(self):
        before = int(self.gan.step.numpy())
        self.assertGreater(scaling.fit(self.gan, 4 * scaling.BATCH, 2), 0)
        self.assertEqual(int(self.gan.step.numpy()) - before, 8)

    def test_an_epochs_end_is_measured(self):
        # Of work beside it the difference may even be negative, but never seconds.
        self.assertLess(abs(scaling.end_of_epoch(self.gan, 40, 1)), 1.0)

    def test_memory_is_read_eleven_times(self):
        used = scaling.memory(self.gan, 20)
        self.assertLen(used, 11)
        self.assertGreater(min(used), 100)

    def test_the_pipeline_delivers(self):
        for repeat in (True, False):
            self.assertGreater(scaling.pipeline(repeat, examples=64, batch=16, seconds=0.05), 0)


class StartupTest(TestCase):
    def test_phases_of_one_process(self):
        phases = startup_phases.probe()
        self.assertIn("trace", phases)
        self.assertTrue(all(seconds >= 0 for name, seconds in phases.items() if name != "trace"))
