import time
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks import time_to_quality as benchmark
from benchmarks.peers import quality
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class SnapshotsTest(TestCase):
    def test_on_the_clock_until_the_end(self):
        network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        folder = Path(self.path())
        folder.mkdir(exist_ok=True)
        snapshots = quality.Snapshots(folder, time.monotonic() - 10.0, every=0.2, until=10.5)
        with self.assertRaises(SystemExit):
            while True:
                snapshots(network)
                time.sleep(0.01)
        seconds = sorted(float(file.stem) for file in folder.iterdir())
        self.assertAllClose(seconds, [10.0, 10.2, 10.4, 10.5], atol=0.15)
        with np.load(next(folder.iterdir())) as weights:
            self.assertAllEqual(weights["arr_0"], network.get_weights()[0])


class SidesTest(TestCase):
    def test_their_generators_make_digits(self):
        for side in quality.SIDES:
            weights = quality.generator_of(side).get_weights()
            images = quality.images_of(side, weights, 3)
            self.assertEqual((images.shape, images.dtype), ((3, 28, 28, 1), "uint8"), side)
            self.assertGreater(images.std(), 0)

    def test_keras_io_has_the_published_sizes(self):
        self.assertEqual([n.count_params() for n in quality.keras_io_networks()], [1_339_905, 74_625])


class TableTest(TestCase):
    curves = {
        "keras_gan": [(10.0, 50.0), (30.0, 5.0), (60.0, 2.0)],
        "tutorial": [(20.0, 90.0), (60.1, 4.0)],
        "keras_io": [(25.0, 80.0), (60.0, 1.0)],
    }

    def test_the_last_value_by_then(self):
        times = ((0, 10), (10, 30), (30, 60), (60, 90))
        found = [benchmark.between(self.curves["tutorial"], *ends) for ends in times]
        self.assertEqual(found, [None, 90.0, 4.0, None])

    def test_rows_and_the_time_to_match(self):
        lines = benchmark.render({"curves": self.curves}).splitlines()
        self.assertEqual(lines[2:4], ["| 30 | 5 | 90 | 80 |", "| 60 | 2 | 4 | 1 |"])
        self.assertIn("| tutorial | 60 | 4 | 60 |", lines)
        self.assertIn("| keras_io | 60 | 1 | never |", lines)

    def test_picture(self):
        file = Path(self.path("quality.png"))
        benchmark.draw(self.curves, file)
        self.assertEqual(file.read_bytes()[1:4], b"PNG")

    def test_a_whole_comparison(self):
        folder = self.path("kept")
        benchmark.main([f"--folder={folder}", "--minutes=0.7", "--every=30", "--samples=200"])
        self.assertEqual({path.name for path in Path(folder).iterdir()}, {*quality.SIDES, "mnist.npy"})
