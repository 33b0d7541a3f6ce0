import pytest

from benchmarks import toy
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class ToyTest(TestCase):
    def test_kinds_are_summarized(self):
        results = [
            {"kind": "1:1", "outcome": "trained", "jsd": 0.2, "seconds": 1.0},
            {"kind": "1:1", "outcome": "trained", "jsd": 0.4, "seconds": 3.0},
            {"kind": "1:1", "outcome": "diverged", "seconds": 9.0},
        ]
        found = toy._kind("1:1", results)
        self.assertEqual((found["seeds"], found["outcome"]), (2, "diverged"))
        self.assertAllClose(
            [found["mean"]["jsd"], found["deviation"]["jsd"], found["mean"]["seconds"]], [0.3, 0.02**0.5, 2]
        )

    def test_a_sweep(self):
        run = toy.measure(toy.Config(steps=20, measure_every=10, batch_size=8, seeds=1))
        self.assertEqual([each["kind"] for each in run["kinds"]], ["1:5", "1:1", "5:1", "15:1"])
        self.assertIn("| 15:1 | 1 | trained | 0.", toy.render(run))
