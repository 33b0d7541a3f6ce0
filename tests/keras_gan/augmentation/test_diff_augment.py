import numpy as np
import tensorflow as tf

from keras_gan import augmentation
from tests.test_case import TestCase


class DiffAugmentTest(TestCase):
    def test_colors(self):
        """Brightness alone moves a grey image, uniformly in [-0.5, 0.5], and nothing else changes."""
        x = (
            augmentation.DiffAugment("color")(tf.fill((4000, 1, 1, 3), 0.25), seed=(1, 2)).numpy().reshape(4000, 3)
            - 0.25
        )
        self.assertAllClose(x[:, 0], x[:, 1], atol=1e-6)
        self.assertAllInRange(x, -0.5, 0.5)
        self.assertAllClose([x.mean(), x.std()], [0.0, 1 / np.sqrt(12)], atol=0.015)

    def test_saturation_and_contrast(self):
        # One red and one blue pixel: grey is constant, so contrast scales everything and saturation all but grey.
        pixels = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], "float32").reshape(1, 1, 2, 3)
        x = augmentation.DiffAugment("color")(np.repeat(pixels, 4000, 0), seed=(1, 2)).numpy()[:, 0]
        factor = x[:, 0, 0] - x[:, 0, 1]  # saturation times contrast
        self.assertAllClose(factor, x[:, 1, 2] - x[:, 1, 0], atol=1e-5)
        self.assertAllInRange(factor, 0.0, 3.0)
        # The product of independent U(0, 2) and U(0.5, 1.5): mean 1, second moment 4/3 * 13/12.
        self.assertAllClose([factor.mean(), np.mean(factor**2)], [1.0, 13 / 9], atol=0.05)

    def test_translation(self):
        image = np.zeros((4000, 17, 8, 1), "float32")
        image[:, 8, 4] = 1.0
        x = augmentation.DiffAugment("translation")(image, seed=(1, 2)).numpy()[..., 0]
        _, rows, columns = np.nonzero(x)
        self.assertLen(rows, 4000)
        for offsets, reach in ((rows - 8, 2), (columns - 4, 1)):
            values, counts = np.unique(offsets, return_counts=True)
            self.assertAllEqual(values, np.arange(-reach, reach + 1))
            self.assertAllClose(counts / 4000, np.full(2 * reach + 1, 1 / (2 * reach + 1)), atol=0.03)

    def test_cutout(self):
        x = augmentation.DiffAugment("cutout")(tf.ones((2000, 8, 7, 1)), seed=(1, 2)).numpy()[..., 0] == 0
        heights, widths = x.any(axis=2).sum(axis=1), x.any(axis=1).sum(axis=1)
        self.assertAllEqual(x.sum(axis=(1, 2)), heights * widths)  # rectangles
        # Of 8 rows 4 at most, centred at 0 to 8; of 7 columns 4 at most, centred at 0 to 7.
        self.assertEqual((heights.min(), heights.max(), widths.min(), widths.max()), (2, 4, 2, 4))
        self.assertAllClose(
            [heights.mean(), widths.mean()], [(2 + 3 + 5 * 4 + 3 + 2) / 9, (2 + 3 + 4 * 4 + 3 + 2) / 8], atol=0.1
        )

    def test_policies(self):
        self.assertEqual(augmentation.DiffAugment("cutout, color").policy, ("color", "cutout"))
        self.assert_config_round_trip(augmentation.DiffAugment(("translation",)))
        for policy in ("flip", "", ("color", "hue")):
            with self.assertRaisesRegex(ValueError, "`policy` must name some of .*'cutout'.*Received: policy="):
                augmentation.DiffAugment(policy)
