"""Tests of the comparison of detectors."""

from benchmarks import unlearning_detectors
from tests.test_case import TestCase


def result(detector, seed, changed):
    curve = [
        {"beyond": beyond, "left": left, "class_changed": change, "change": change / 10}
        for beyond, left, change in ((0.0, 0.2, 0.0), (0.5, 0.1, changed), (0.75, 0.0, 3 * changed))
    ]
    return {"feature": "class:7", "seed": seed, "detector": detector, "samples": 5000, "auc": 0.9, "curve": curve}


class UnlearningDetectorsTest(TestCase):
    def test_changes_are_compared_at_an_equal_share(self):
        results = [result(detector, seed, changed) for seed in (0, 1) for detector, changed in (("a", 0.1), ("b", 0.2))]
        text = unlearning_detectors.render({"results": results})
        # A quarter of 20 % is 5 %, halfway between the last two thresholds.
        self.assertIn("| class:7 | a | 5000 | 0.9 | 0 | 5 | 0 | 20 | 0 | 0.02 | 0 |", text)
        self.assertIn("| class:7 | b | 5000 | 0.9 | 0 | 5 | 0 | 40 | 0 | 0.04 | 0 |", text)
        self.assertIn("| class:7 | b | 5000 | 75 | 0 | 0 | 60 | 0 |", text)
