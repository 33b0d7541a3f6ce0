import pytest

from benchmarks import watchdog_cost
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class WatchdogCostTest(TestCase):
    def test_both_recipes_are_timed(self):
        run = watchdog_cost.measure(watchdog_cost.Config(rounds=2, steps=2))
        self.assertEqual([each["recipe"] for each in run["recipes"]], ["dcgan", "mlp_gan"])
        for each in run["recipes"]:
            self.assertAllClose(each["share"], each["look"] / (each["look"] + each["every"] * each["step"]))
        self.assertLen(watchdog_cost.render(run).splitlines(), 4)
