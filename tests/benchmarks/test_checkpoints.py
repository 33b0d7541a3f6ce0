import pytest

from benchmarks import checkpoints
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class CheckpointsTest(TestCase):
    def test_the_share_is_that_of_the_medians(self):
        run = checkpoints.measure(checkpoints.Config(rounds=2, steps=3))
        self.assertAllClose(run["share"], run["checkpoint"] / (run["checkpoint"] + 500 * run["step"]))
        self.assertIn("| 500 |", checkpoints.render(run))
