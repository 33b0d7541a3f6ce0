import contextlib
import io

import keras
import numpy as np

from benchmarks import equal_steps as benchmark
from tests.test_case import TestCase


class EqualStepsTest(TestCase):
    def test_a_gate_lets_as_many_steps_pass(self):
        gate = benchmark.Gate(3)
        gate()
        gate()
        with self.assertRaises(benchmark.Enough):
            gate()

    def test_images_are_those_of_the_generator(self):
        generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2, 1))])
        generator.set_weights([np.zeros((2, 4)), np.array([-1.0, 0.0, 1.0, 9.0])])
        self.assertAllEqual(benchmark.draw(generator, 2)[1].ravel(), [0, 128, 255, 255])

    def test_means_and_deviations(self):
        lines = benchmark.table({"tutorial": [2.0, 4.0, 6.0], "keras_gan": [3.0]}).splitlines()
        self.assertEqual(lines[2:], ["| tutorial | 4 +- 2 | 2, 4, 6 |", "| keras_gan | 3 | 3 |"])

    def test_both_sides_train_the_same_networks(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            benchmark.main(["--steps=1", "--batch=2", "--seeds=1", "--samples=100", "--dataset=mnist5k"])
        distances = [float(line.split("|")[2]) for line in output.getvalue().splitlines()[-2:]]
        # One step from random weights: far from digits, and about as far.
        self.assertGreater(min(distances), 100)
        self.assertLess(max(distances), 1.5 * min(distances))
