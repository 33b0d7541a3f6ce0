from pathlib import Path

import pytest

from benchmarks import tables
from benchmarks import translation as benchmark
from tests.test_case import TestCase


def result(task, seed, value, **more):
    comparison = {"name": "l1", "value": value, "error": 0.0, "floors": {"source": 0.9}, "n": 3}
    return {"task": task, "seed": seed, "steps": 5, "seconds": 2.0, "comparisons": [comparison], "frechet": [], **more}


class RenderTest(TestCase):
    def test_means_ranges_and_floors(self):
        rows = [result("edges", 0, 0.1), result("edges", 1, 0.3), result("edges-l1", 0, 0.2)]
        lines = benchmark.render({"results": rows}).splitlines()
        self.assertEqual(lines[0], "| task | seeds | steps | seconds | L1 |")
        self.assertEqual(lines[2:], [
            "| edges | 2 | 5 | 2 | 0.2 +- 0.1 |", "| - source |  |  |  | 0.9 |",
            "| edges-l1 | 1 | 5 | 2 | 0.2 |", "| - source |  |  |  | 0.9 |",
        ])  # fmt: skip

    def test_mistakes(self):
        for flags, message in (
            ({"tasks": "edges,maps", "out": "x"}, "--tasks must be of edges"),
            ({"tasks": "edges"}, "--out is needed"),
            ({"tasks": "emoji", "out": "x"}, "--emoji is needed for the task emoji"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                benchmark.measure(benchmark.Config(**flags))

    @pytest.mark.slow
    def test_a_training_is_measured_once(self):
        out = Path(self.path("out"))
        config = benchmark.Config(out=str(out), tasks="edges", steps=1)
        for _ in range(2):
            benchmark.measure(config)
        _, [found] = tables.read_lines(out / "results.jsonl")
        self.assertEqual((found["task"], found["steps"]), ("edges", 1))
        self.assertEqual({each["name"] for each in found["comparisons"]}, {"psnr", "ssim", "ms_ssim", "l1"})
