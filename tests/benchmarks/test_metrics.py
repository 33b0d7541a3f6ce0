import sys

import pytest

from benchmarks import metrics as benchmark
from benchmarks.gate import Worker
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class MetricsTest(TestCase):
    def test_ours_are_timed(self):
        with Worker("ours", [sys.executable, "-m", "benchmarks.peers.metrics"], benchmark.ROOT) as worker:
            first, second = benchmark._time({"manifold": worker, "precision_recall": worker}, 50, 4, rounds=2)
        self.assertEqual((first["function"], first["times"]), ("manifold", 1.0))
        self.assertAlmostEqual(second["times"], second["seconds"] / first["seconds"])
        text = benchmark.render({"metrics": [{"metric": "both", "rows": 50, "width": 4, "functions": [first, second]}]})
        self.assertIn("| both | 50 | 4 | `precision_recall` |", text)
