import numpy as np
import pytest

from benchmarks import lite0 as benchmark
from tests.test_case import TestCase


class Lite0Test(TestCase):
    def test_neighbours_of_the_same_class(self):
        """Of four points on a line, the nearest other ones of the first three are of their class."""
        rows = np.array([[0.0], [1.0], [1.5], [5.0]])
        found = benchmark._neighbours("line", rows, np.array([0, 0, 0, 1]), None)
        self.assertEqual((found["accuracy"], found["accuracy_400"]), (0.75, 0.75))

    def test_agreement(self):
        rows = [{"a": value, "b": -value, "c": value**3} for value in (1.0, 2.0, 3.0)]
        self.assertEqual(benchmark.agreement(rows, "a", "b"), (-1.0, 0.0))
        self.assertEqual(benchmark.agreement(rows, "a", "c"), (1.0, 1.0))

    def test_unknown_part(self):
        self.assertIn("--parts must be network or order", self.refusal(benchmark.main, "--parts=all"))

    @pytest.mark.slow
    def test_order(self):
        flags = {"last": 1400 // 100, "samples": 20, "real": 20, "filters": 2}
        run = benchmark.measure(benchmark.Config(parts="order", dataset="mnist", **flags))
        self.assertEqual(len(run["generators"]), 12)
        text = benchmark.render(run)
        self.assertIn(
            "| steps | lkd | lkd, 5 images | lfd | lfd, 5 images | mnist_classifier | mnist_classifier_b |", text
        )
