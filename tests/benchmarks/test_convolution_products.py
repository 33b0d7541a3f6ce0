import pytest

from benchmarks import convolution_products as benchmark
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class ConvolutionProductsTest(TestCase):
    def test_times_everything_both_ways(self):
        times = benchmark.time_layer(1, 8, 2, 3, 4, 2, "float32", rounds=2)
        self.assertEqual(tuple(times), benchmark.OPERATIONS)
        self.assertEqual({len(each) for pair in times.values() for each in pair}, {2})

    def test_a_row_says_what_the_rule_takes(self):
        seconds = {name: [0.002, 0.001] for name in benchmark.OPERATIONS}
        shape = (64, 8, 256, 512, 4, 2)
        layer = {"shape": shape, "dtype": "bfloat16", "rule": benchmark.rule(*shape, "bfloat16"), "seconds": seconds}
        text = benchmark.render({"layers": [layer]})
        row = "| 64 x 8x8x256 to 512, kernel 4, stride 2 | bfloat16 | 2.0 | 1.0 | 2.0 | 1.0 | 2.0 | 1.0 | all |"
        self.assertIn(row, text)
