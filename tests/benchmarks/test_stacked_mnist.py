from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from benchmarks import stacked_mnist as benchmark
from benchmarks import tables
from keras_gan import data
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class StackedMNISTTest(TestCase):
    def test_networks(self):
        """3x3 kernels, 2, 4 and 8 filters and a unit; packing widens the first alone."""
        convolutions = 9 * 2 * 4 + 4 + 9 * 4 * 8 + 8 + 4 * 4 * 8 + 1
        for packing in (1, 4):
            network = benchmark.Quarter(packing=packing, normalization=False)
            self.assertEqual(network.count_params(), 9 * 3 * packing * 2 + 2 + convolutions)
            self.assertEqual(network(np.zeros((8, 28, 28, 3), "float32")).shape, (8 // packing, 1))
        normalized = benchmark.Quarter()
        self.assertEqual(len(normalized.trainable_variables), len(network.trainable_variables) + 2 * 3)
        generator = benchmark.generator()
        self.assertEqual(generator.output_shape, (None, 28, 28, 3))
        kernels = [v.shape[-2:] for v in generator.trainable_variables if len(v.shape) == 4]
        # Transposed kernels are (height, width, outputs, inputs).
        self.assertEqual(kernels, [(32, 64), (16, 32), (8, 16), (8, 3)])

    def test_statistics_of_real_stacks(self):
        images, labels = data.stacked.stack(
            *(getattr(data.open_source("mnist5k"), name) for name in ("images", "labels")), 500
        )
        found = benchmark.statistics(images / 127.5 - 1.0)
        self.assertEqual(found["samples"], 500)
        self.assertLess(abs(found["modes"] - len(np.unique(labels))), 10)

    def test_an_interrupted_run_goes_on(self):
        self.enterContext(mock.patch.multiple(benchmark, BATCH=8, SAMPLES=64))
        out = Path(self.path("out"))
        argv = [f"--out={out}", "--steps=2", "--dataset=stacked_mnist5k", "--seeds=1"]
        benchmark.main([*argv, "--methods=PacDCGAN2"])
        file = out / "results.jsonl"
        before = file.read_text("utf-8")
        benchmark.main([*argv, "--methods=PacDCGAN2, RpGAN + R1 + R2"])
        self.assertTrue(file.read_text("utf-8").startswith(before))
        done = [result["method"] for result in tables.read_lines(file)[1]]
        self.assertEqual(done, ["real, test digits", "PacDCGAN2", "RpGAN + R1 + R2"])
        self.assertIn("| PacDCGAN2 | 1 |", (out / "table.md").read_text("utf-8"))
        self.assertTrue((out / "PacDCGAN2-0.png").exists())
