import keras
import numpy as np
import pytest

from benchmarks import equal_steps as benchmark
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


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
        lines = benchmark.render({"distances": {"tutorial": [2.0, 4.0, 6.0], "keras_gan": [3.0]}}).splitlines()
        self.assertEqual(lines[2:4], ["| tutorial | 3 | 4 | 2 |", "| keras_gan | 1 | 3 |  |"])
        self.assertEqual(lines[-1], "| keras_gan | 0 | 3 |")

    def test_both_sides_train_the_same_networks(self):
        config = benchmark.Config(steps=1, batch=2, seeds=1, samples=100, dataset="mnist5k")
        distances = [distance for (distance,) in benchmark.measure(config)["distances"].values()]
        # One step from random weights: far from digits, and about as far.
        self.assertGreater(min(distances), 100)
        self.assertLess(max(distances), 1.5 * min(distances))
