"""Tests of what every metric asks of its arrays."""

import numpy as np

from keras_gan.metrics import arrays
from tests.test_case import TestCase


class ArraysTest(TestCase):
    def test_floats_keep_their_type(self):
        for dtype, expected in ((np.float16, np.float16), (np.float32, np.float32), (np.int32, np.float64)):
            self.assertEqual(arrays.feature_matrix("real", np.ones((3, 2), dtype), 2).dtype, expected)

    def test_what_is_refused(self):
        good = np.ones((3, 2))
        bad = good.copy()
        bad[1, 0] = np.nan
        for features, message in (
            (np.ones(3), r"one row of features per sample.*Received: real.shape=\(3,\)"),
            (np.ones((3, 0)), r"Received: real.shape=\(3, 0\)"),
            (good[:1], "`real` must hold at least 2 samples. Received: 1"),
            (bad, "`real` must be finite. Received: NaN or infinity in row 1 of 3"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                arrays.feature_matrices(features, good, 2)
        with self.assertRaisesRegex(ValueError, "have equal width"):
            arrays.feature_matrices(good, np.ones((3, 4)), 2)

    def test_positive_integers(self):
        self.assertEqual(arrays.positive_integer("k", np.int64(3)), 3)
        for value in (0, True, 1.0, "1"):
            with self.assertRaisesRegex(ValueError, "`k` must be a positive integer. Received: k="):
                arrays.positive_integer("k", value)

    def test_tiles_cover_all_rows_once(self):
        rows = [i for part in arrays.tiles(10, 5, rows=4) for i in range(10)[part]]
        self.assertEqual(rows, list(range(10)))
