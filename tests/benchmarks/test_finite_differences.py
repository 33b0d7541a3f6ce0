import pytest

from benchmarks import finite_differences as benchmark
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class FiniteDifferencesTest(TestCase):
    def test_differences_are_close_to_the_exact_penalty(self):
        run = benchmark.measure(benchmark.Config(steps=3, filters=2, images=16, draws=50, rounds=1))
        self.assertEqual([row["scale"] for row in run["scales"]], list(benchmark.SCALES))
        # A discriminator that has hardly been trained is nearly affine.
        row = run["scales"][1]
        self.assertAllClose(row["float32"], 1.0, atol=5 * row["float32_error"])
        self.assertAllClose(row["float32_spread"], 2**0.5, rtol=0.5)
        self.assertEqual(list(run["seconds"]), list(benchmark.STEPS))
        text = benchmark.render(run)
        self.assertIn("| differences on a quarter |", text)
        self.assertIn("| 0.01 | 0.28 |", text)
