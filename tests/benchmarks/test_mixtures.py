from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import mixtures as benchmark
from benchmarks import tables
from keras_gan import random
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


def weights_of(gan):
    return gan.generator.get_weights() + gan.discriminator.get_weights()


class MixturesTest(TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.multiple(benchmark, UNITS=(4,), BATCH=4, EXAMPLES=40, SAMPLES=50))

    def test_the_loop_is_the_step(self):
        """Weights after four steps of the compiled loop, and after as many calls of `train_step`."""
        training = benchmark.Training(benchmark.METHODS["RpGAN + R1 + R2"], steps=4)
        density = benchmark.DENSITIES["ring"].standardized()
        points = density.sample(benchmark.EXAMPLES, seed=0)
        first = training.run(density, seed=3)
        looped = weights_of(training.gan)
        self.assertEqual([look["step"] for look in first["course"]], [1, 2, 3, 4])
        training.run(density, seed=4)
        self.assertNotAllClose(weights_of(training.gan)[0], looped[0])
        training.reset(seed=3)
        for step in range(4):
            chosen = random.uniform((benchmark.BATCH,), (-4, step)).numpy()
            training.gan.train_step(tf.constant(points[(chosen * benchmark.EXAMPLES).astype(int)]))
        for by_hand, weight in zip(weights_of(training.gan), looped, strict=True):
            self.assertAllClose(by_hand, weight, atol=1e-5)

    def test_an_interrupted_run_goes_on(self):
        out = Path(self.path("out"))
        argv = [f"--out={out}", "--steps=4", "--methods=PacGAN2", "--densities=grid"]
        benchmark.main([*argv, "--seeds=1"])
        file = out / "results.jsonl"
        before = file.read_text("utf-8")
        benchmark.main([*argv, "--seeds=2"])
        self.assertTrue(file.read_text("utf-8").startswith(before))
        said, results = tables.read_lines(file)
        self.assertLen(said, 2)
        self.assertEqual([result["seed"] for result in results], [0, 1])
        self.assertIn("| PacGAN2 | 2 |", (out / "table.md").read_text("utf-8"))
        with self.assertRaises(SystemExit):
            benchmark.main([*argv, "--methods=unrolled"])

    def test_discriminators(self):
        methods = benchmark.METHODS
        shapes = {
            name: [tuple(v.shape) for v in benchmark.build(methods[name], 10).discriminator.trainable_variables]
            for name in ("WGAN-GP", "PacGAN4", "spectral norm + hinge")
        }
        self.assertEqual(shapes["WGAN-GP"], [(2, 4), (4,), (4, 1), (1,)])
        self.assertEqual(shapes["PacGAN4"], [(8, 4), (4,), (4, 1), (1,)])
        self.assertEqual(shapes["spectral norm + hinge"], shapes["WGAN-GP"])

    def test_rows(self):
        """Means and standard errors; what is no number is counted, not averaged."""
        seen = [
            {"modes": modes, "high_quality": share, "reverse_kl": kl, "std_ratio": 1.0, "seconds": 2.0}
            for modes, share, kl in ((6, 0.5, 0.1), (8, 0.7, None))
        ]
        row = benchmark._row("this", seen)
        self.assertEqual(row, ["this", 2, "7.0", "1.0", "60.0", "10.0", "0.100 (1 without)", None, "1.00", "0.00", "2"])
        self.assertEqual(benchmark._spread([None], "{}"), ("none", None))

    def test_a_perfect_sampler(self):
        for density in benchmark.DENSITIES.values():
            found = benchmark.statistics(density.sample(20_000, seed=5), density)
            self.assertEqual(found["modes"], len(density.modes))
            self.assertAllClose(found["high_quality"], 1 - np.exp(-4.5), atol=3e-3)
        self.assertEqual(set(benchmark.statistics(np.full((3, 2), np.nan), density).values()), {None})
