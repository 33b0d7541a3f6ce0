import contextlib
import io
import json
import statistics
import sys
from pathlib import Path

import pytest

from benchmarks import gate, works
from benchmarks import training_speed as benchmark
from benchmarks.peers import tensorflow as peers
from tests.test_case import TestCase

pytestmark = pytest.mark.slow

# A worker that trains nothing: a step takes a hundredth of a second.
_LOOP = """
import sys, time
from benchmarks.gate import Gate
pass_ = Gate(2, {"parameters": PARAMETERS, "version": "none", "precision": "float32"})
print("what a library prints")
while True:
    time.sleep(0.01)
    pass_()
"""


def _worker(parameters=(1, 2), before=""):
    loop = _LOOP.replace("PARAMETERS", repr(list(parameters))).replace("while", before + "while")
    return [sys.executable, "-c", loop]


class GateTest(TestCase):
    def test_trains_on_request(self):
        with gate.Worker("loop", _worker(), benchmark.ROOT) as worker:
            self.assertEqual(worker.facts["parameters"], [1, 2])
            for steps in (1, 5):
                report = worker.run(steps)
                self.assertGreaterEqual(report["seconds"], 0.01 * steps)
                self.assertGreater(report["mebibytes"], 1)
                self.assertNotIn("parameters", report)

    def test_a_worker_that_fails_says_why(self):
        failing = "raise ValueError('no such thing')\n"
        for command in ([sys.executable, "-c", failing], _worker(before=failing)):
            with self.assertRaisesRegex(OSError, "loop ended with exit status 1 and said: ValueError: no such thing"):
                gate.Worker("loop", command, benchmark.ROOT)


class NetworksTest(TestCase):
    def test_have_the_published_sizes(self):
        for name, work in works.WORKS.items():
            gan = peers.our_gan(name)
            self.assertEqual(tuple(peers.sizes(gan)), work.parameters, name)
            self.assertEqual(gan.image_shape, work.shape)
        self.assertEqual(works.WORKS["a"].parameters, (3_576_704, 2_765_568))

    def test_the_tutorials_have_the_same(self):
        from keras import layers

        networks = {
            "b": peers.tutorial_networks(layers.BatchNormalization, layers.Dropout),
            "c": peers.keras_io_networks(layers.Dropout, "sigmoid", "sigmoid"),
        }
        for name, pair in networks.items():
            self.assertEqual(tuple(map(peers.parameters, pair)), works.WORKS[name].parameters)

    def test_images(self):
        images = works.images(works.WORKS["b"], 10)
        self.assertEqual((images.shape, images.dtype), ((10, 28, 28, 1), "uint8"))
        self.assertGreater(images.std(), 50)


class MeasureTest(TestCase):
    def measure(self, **commands):
        self.enterContext(pytest.MonkeyPatch.context()).setattr(
            benchmark, "command_of", lambda name, side, *others: commands[side]
        )
        return benchmark.measure_work("a", list(commands), benchmark.Config(rounds=3, steps=2), "python")

    def test_sides_take_turns(self):
        right = _worker(works.WORKS["a"].parameters)
        broken = [sys.executable, "-c", "raise SystemExit('no compiler')"]
        measured = self.measure(keras_gan=right, torch=right, torch_compiled=broken)
        for side in ("keras_gan", "torch"):
            self.assertLen(measured[side]["rates"], 3)
            self.assertLess(max(measured[side]["rates"]), 64 / 0.01)
        text = benchmark.render({"works": {"a": measured}})
        self.assertRegex(text, r"\| torch_compiled \|.* \| The worker a torch_compiled .* no compiler \|")
        ratios = [a / b for a, b in zip(measured["keras_gan"]["rates"], measured["torch"]["rates"], strict=True)]
        self.assertIn(f"| {statistics.median(ratios):.2f} |", text)

    def test_refuses_to_compare_other_networks(self):
        with self.assertRaisesRegex(ValueError, "side torch of a has other networks: expected .* Received: \\[1, 2\\]"):
            self.measure(torch=_worker())

    def test_a_side_that_fails_ends_it(self):
        with self.assertRaisesRegex(OSError, "worker a torch ended with exit status 1"):
            self.measure(torch=[sys.executable, "-c", "raise SystemExit('nothing')"])

    def test_who_goes_first_changes(self):
        self.assertEqual(
            [benchmark._rotated(["x", "y"], turn) for turn in range(3)], [["x", "y"], ["y", "x"], ["x", "y"]]
        )


class FlagsTest(TestCase):
    def refused(self, *flags):
        written = io.StringIO()
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(written):
            benchmark.main(list(flags))
        self.assertEqual(written.getvalue().count("\n"), 1)
        return written.getvalue()

    def test_errors_are_one_line(self):
        self.assertIn("--work must be of a, b, c", self.refused("--work=a,g"))
        self.assertIn("--sides names nobody", self.refused("--work=b", "--sides=torch"))
        self.assertIn("--precision must be", self.refused("--precision=int8"))
        self.assertIn("--before must be a checkout", self.refused("--work=b", "--before=/nowhere"))
        self.assertIn("cannot be started", self.refused("--work=a", "--torch_python=/nowhere/python"))

    def test_a_whole_comparison(self):
        file = self.path("measured.json")
        flags = ["--work=b", "--sides=keras_gan,tutorial", "--rounds=1", "--steps=1", f"--json={file}"]
        benchmark.main(flags)
        (run,) = json.loads(Path(file).read_text("utf-8"))
        command = "python -m benchmarks.training_speed --work=b --sides=keras_gan,tutorial --rounds=1 --steps=1"
        self.assertEqual(run["command"], command)
        measured = run["works"]["b"]
        self.assertEqual(list(measured), ["keras_gan", "tutorial"])
        self.assertTrue(all(facts["rates"][0] > 0 for facts in measured.values()))
