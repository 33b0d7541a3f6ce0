import contextlib
import io

import pytest
import tensorflow as tf
from absl.testing import parameterized

from benchmarks import levers as benchmark
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class LeversTest(TestCase, parameterized.TestCase):
    def test_each_is_timed_in_turn(self):
        called = []
        times = benchmark.time_in_turn([lambda: called.append("a"), lambda: called.append("b")], rounds=3)
        # Another one is first in each round, and the first round compiles.
        self.assertEqual("".join(called), "abbaabba")
        self.assertEqual([len(each) for each in times], [3, 3])

    @parameterized.parameters("no gradients", "real and fake", "channels first")
    def test_both_ways_compute_the_same(self, start):
        (make,) = (make for name, make in benchmark.LEVERS.items() if name.startswith(start))
        try:
            a, b = (function() for function in make(2))
        except tf.errors.InvalidArgumentError as error:
            # Channels first are differentiated by oneDNN alone, which not every processor has.
            self.assertIn("only supports NHWC", error.message)
            self.skipTest(error.message)
        # The longer list of gradients begins with the shorter one.
        self.assertAllClose(a, b[: len(a)], rtol=1e-3, atol=1e-4)

    def test_a_line(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            benchmark.main(["--rounds=1", "--batch=4", "--levers=XLA"])
        cells = output.getvalue().splitlines()[-1].split("|")
        self.assertEqual(cells[1].strip(), "XLA, an MLP")
        self.assertGreater(min(map(float, cells[2:-1])), 0)

    def test_every_line(self):
        found = benchmark.measure(benchmark.Config(rounds=1, batch=2))["levers"]
        self.assertEqual([each["lever"] for each in found], [*benchmark.LEVERS])
        failed = {each["lever"] for each in found if "error" in each}
        self.assertLessEqual(failed, {"channels first, a 32x32x64 layer"})

    def test_unknown_names_are_one_line(self):
        output = io.StringIO()
        with contextlib.redirect_stderr(output), self.assertRaises(SystemExit) as caught:
            benchmark.main(["--levers=faster"])
        self.assertEqual(caught.exception.code, 1)
        self.assertIn("--levers=faster", output.getvalue())
