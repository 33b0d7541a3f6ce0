"""Tests of the simulation of intervals."""

import pytest

from benchmarks import interval_coverage
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class IntervalCoverageTest(TestCase):
    def test_shares_of_draws(self):
        found = interval_coverage.judge("100 modes by Zipf's law, n = 1,000", draws=20)
        for row in found.values():
            self.assertBetween(row["holds_mean"], 0.7, 1.0)
            self.assertGreaterEqual(row["prediction_holds_another"], row["holds_another"] - 1e-9)

    def test_the_bound_of_the_support(self):
        found = interval_coverage.judge("birthday, 1,000 equal things, n = 100", draws=20)["support_at_least"]
        self.assertEqual(found["true"], 1000.0)
        self.assertBetween(found["holds_true"], 0.8, 1.0)

    def test_a_table(self):
        config = interval_coverage.Config(draws=3, processes=1, settings="unsure classifier")
        text = interval_coverage.render(interval_coverage.measure(config))
        self.assertIn("| unsure classifier | classifier_score |", text)
        with self.assertRaisesRegex(ValueError, "--settings are of"):
            interval_coverage.measure(interval_coverage.Config(settings="none"))
