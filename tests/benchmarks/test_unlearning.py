"""The table of the unlearning benchmark, on numbers that can be checked by hand."""

import math

import pytest

from benchmarks import unlearning
from tests.test_case import TestCase
from trainers.forgetting import forgetting

pytestmark = pytest.mark.slow


class TableTest(TestCase):
    def test_interval(self):
        # Student's t of 2 degrees of freedom is 4.303 at 97.5 %; the deviation of 1, 2, 3 is 1.
        self.assertEqual(unlearning.interval([1.0, 2.0, 3.0]), ("2", f"{4.3027 / math.sqrt(3):.2g}"))
        self.assertEqual(unlearning.interval([5.0]), ("5", None))
        self.assertEqual(unlearning.interval([]), (None, None))
        self.assertEqual(unlearning.interval([0.0, 0.0]), ("0", "0"))

    def test_rows(self):
        def result(seed):
            methods = {name: {"share": {"value": 0.01 * seed}, "fcd": None} for name in forgetting.METHODS}
            detector = {"auc": 0.8, "recall": 0.5, "present_rate": 0.2}
            return {"model": "GAN", "feature": "class:7", "seed": seed, "methods": methods, "detector": detector,
                    "threshold": 1.0}  # fmt: skip

        lines = unlearning.render({"results": [result(1), result(3)]}).splitlines()
        # 12.706 is Student's t of 1 degree of freedom, sqrt(2) the deviation of 1 and 3.
        self.assertEqual(lines[2], "| GAN | class:7 | original | 2 | 13 |")
        self.assertLen([line for line in lines if line.startswith("| GAN")], len(forgetting.METHODS) + 1)
        self.assertIn("| GAN | class:7 | 2 | 0.8 | 0 | 0.5 | 0 | 0.2 | 0 | 1 | 0 |", lines)
