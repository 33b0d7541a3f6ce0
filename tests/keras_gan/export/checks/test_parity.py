"""Tests of how converted generators are measured and judged."""

import numpy as np

from keras_gan import latents
from keras_gan.export.checks import parity
from tests.test_case import TestCase


class ContractTest(TestCase):
    def test_draw(self):
        inputs = parity.LatentSampler(3, "uniform", num_classes=4).draw(7, 5)
        self.assertEqual(inputs["label"].tolist(), [0, 1, 2, 3, 0, 1, 2, 3])
        self.assertAllEqual(inputs["latent"], latents.from_seeds(np.arange(7, 15), 3, "uniform"))
        self.assertLen(parity.LatentSampler(3, num_classes=4).draw(0, 5, per_class=3)["label"], 12)
        inputs = parity.LatentSampler(3).draw(0, 5, per_class=100)
        self.assertEqual((list(inputs), inputs["latent"].shape), (["latent"], (5, 3)))


class CompareTest(TestCase):
    def test_classes_are_apart(self):
        expected = np.zeros((4, 1, 1, 2), "float32")
        actual = np.float32([0, 0, 0.02, 0.2])[:, None, None, None] + expected
        first, second = parity.compare(expected, actual, np.int32([0, 0, 1, 1]), "batch_4", 4)
        self.assertEqual((first["class"], first["images"], first["psnr"], first["max_level_error"]), (0, 2, np.inf, 0))
        # 4 / mean(0.0004, 0.04) = 198.02; floor(128 + 2.55) = 130 and floor(128 + 25.5) = 153.
        self.assertAlmostEqual(second["psnr"], 22.967, places=3)
        self.assertEqual((second["mean_level_error"], second["level_error"], second["max_level_error"]), (13.5, 25, 25))
        self.assertEqual((second["signature"], second["batch_size"]), ("batch_4", 4))

    def test_percentile(self):
        expected = np.full((1, 40, 50, 1), -1, "float32")
        actual = expected.copy()
        actual[0, 0, :2, 0] = 1  # 2 of 2000 bytes: the percentile leaves out as many
        (row,) = parity.compare(expected, actual)
        self.assertEqual((row["level_error"], row["max_level_error"]), (0, 255))
        actual[0, 0, 2, 0] = 1
        (row,) = parity.compare(expected, actual)
        self.assertEqual(row["level_error"], 255)

    def test_vectors_have_no_levels_and_their_own_peak(self):
        expected = np.float32([[-10, 0], [10, 0]])
        (row,) = parity.compare(expected, expected + np.float32([[0.2, 0.2]]))
        self.assertAlmostEqual(row["psnr"], 40.0, places=4)
        self.assertAlmostEqual(row["relative_difference"], 0.02, places=6)
        self.assertIsNone(row["level_error"])
        self.assertEqual(parity.Gate(max_level_error=0).failures([row]), [])

    def test_nan_passes_no_gate(self):
        expected = np.zeros((1, 2, 2, 1), "float32")
        for value in (np.nan, np.inf):
            (row,) = parity.compare(expected, expected + np.float32(value))
            self.assertLen(parity.Gate(1e9, -1e9, 100).failures([row]), 3)


class GateTest(TestCase):
    ROW = {"signature": "s", "class": None, "max_difference": 0.1, "relative_difference": 0.1, "psnr": 30.0,
           "level_error": 4.0}  # fmt: skip

    def test_limits_are_inclusive(self):
        self.assertEqual(parity.Gate(0.1, 30.0, 4.0).failures([self.ROW]), [])
        self.assertLen(parity.Gate(0.09, 30.1, 3.0).failures([self.ROW]), 3)

    def test_the_worst_row_counts(self):
        rows = [self.ROW, {**self.ROW, "class": 1, "psnr": 10.0}, self.ROW]
        self.assertEqual(
            parity.Gate(min_psnr=20.0).failures(rows), ["PSNR 10.0 dB in class 1 of s (at least 20 dB is asked)"]
        )


class TableTest(TestCase):
    def test_table(self):
        row = {**GateTest.ROW, "batch_size": 2, "images": 8, "mean_level_error": 0.5, "max_level_error": 9.0}
        lines = parity.table([row, {**row, "class": 7}]).splitlines()
        self.assertEqual(lines[1].split(), ["s", "2", "all", "8", "0.1", "30.0", "0.5", "4", "9"])
        self.assertEqual(lines[2].split()[2], "7")
        lines = parity.table([{**row, "psnr": 100.0 - i} for i in range(50)]).splitlines()
        self.assertLen(lines, 42)
        self.assertEqual((lines[1].split()[5], lines[-1]), ("51.0", "(the 40 rows with the lowest PSNR, of 50)"))
