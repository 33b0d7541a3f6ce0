from unittest import mock

import pytest

from benchmarks import precision as benchmark
from tests.test_case import TestCase

pytestmark = pytest.mark.slow

TRIAL = "precision: bfloat16 (processor with amx_bf16; a step takes 12.5 ms in bfloat16 and 30 ms in float32)\n"


class PrecisionTest(TestCase):
    def test_reads_what_a_dry_run_says(self):
        printed = {"auto": TRIAL, "float32": "speed: 20 steps/s, 9 images/s\n", "bfloat16": "speed: 41 steps/s\n"}
        with mock.patch.object(benchmark, "_dry_run", lambda name, precision: printed[precision]):
            run = benchmark.measure(benchmark.Config(recipes="dcgan", rounds=2))
        [each] = run["recipes"]
        self.assertEqual(each["trial"], {"bfloat16": 12.5, "float32": 30.0})
        self.assertIn("| dcgan | 30 | 12.5 | bfloat16 | 20 | 41 | 2.05 | yes |", benchmark.render(run))

    def test_a_recipe_says_it(self):
        text = benchmark._dry_run("mlp_gan", "auto")
        self.assertIsNotNone(benchmark._CHOICE.search(text))
        self.assertIsNotNone(benchmark._SPEED.search(text))

    def test_right(self):
        for chosen, speed, right in (("bfloat16", 1.1, True), ("bfloat16", 0.9, False), ("float32", 1.1, True)):
            each = {"chosen": chosen, "speed": {"bfloat16": speed, "float32": 1.0}}
            self.assertEqual(benchmark.is_right(each), right)
