import numpy as np
import tensorflow as tf

from keras_gan.metrics import similarity, translation
from tests.test_case import TestCase


def images(n=6, shape=(12, 12, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


class PairedTest(TestCase):
    def test_values_by_hand(self):
        black, gray = -np.ones((3, 12, 12, 1), "float32"), np.full((3, 12, 12, 1), -1 + 2 * 51 / 255, "float32")
        found = translation.paired(black, gray)
        self.assertAllClose(found["l1"], [0.4] * 3, atol=1e-6)
        self.assertAllClose(found["psnr"], [20 * np.log10(5.0)] * 3, atol=1e-4)
        # Of flat images luminance alone is left: (2 a b + c) / (a^2 + b^2 + c) at a = 0, b = 0.4.
        self.assertAllClose(found["ssim"], [0.02**2 / (0.16 + 0.02**2)] * 3, rtol=1e-4)

    def test_equal_images(self):
        found = translation.paired(images(), images())
        self.assertAllClose([values.mean() for values in found.values()], [100.0, 1.0, 1.0, 0.0], atol=1e-4)

    def test_batches_change_nothing(self):
        whole = translation.paired(images(), images(seed=1))
        parts = translation.paired(images(), images(seed=1), batch_size=4)
        for name in whole:
            self.assertAllClose(whole[name], parts[name], rtol=1e-6)

    def test_agrees_with_tensorflow(self):
        a, b = images(shape=(16, 20, 3)), images(shape=(16, 20, 3), seed=1)
        self.assertAllClose(similarity.ssim(a, b), tf.image.ssim(a + 1, b + 1, 2.0), atol=1e-4)
        self.assertAllClose(similarity.psnr(a, b), tf.image.psnr(a, b, 2.0), atol=1e-3)

    def test_mistakes(self):
        with self.assertRaisesRegex(ValueError, "of their own shape. Received: .6, 12, 12, 1. and .5, 12, 12, 1."):
            translation.paired(images(), images(5))
        with self.assertRaisesRegex(ValueError, "finite"):
            translation.paired(images() * np.nan, images())


class CompareTest(TestCase):
    def test_floors(self):
        targets = images(40, (4, 4, 1))
        sources = np.repeat(np.repeat(targets[:, ::2, ::2], 2, axis=1), 2, axis=2)
        mean = targets.mean(axis=0)
        [l1] = translation.compare(targets, sources, targets, mean, factor=2, names=["l1"])
        self.assertEqual((l1.value, l1.error, l1.n), (0.0, 0.0, 40))
        self.assertEqual(set(l1.floors), {"source", "mean", "bilinear"})
        # Of pixels that are uniform the mean is at 1/2 from them on average, and another pixel at 2/3.
        self.assertAllClose(l1.floors["mean"], 0.5, atol=0.05)
        self.assertAllClose(l1.floors["source"], 0.75 * 2 / 3, atol=0.05)
        self.assertEqual(l1.to_dict()["name"], "l1")

    def test_enlarged_is_bilinear(self):
        ramp = np.float32([0, 0, 1, 1, 2, 2])[None, None, :, None]
        enlarged = translation.enlarged(np.repeat(ramp, 2, axis=1), 2)
        self.assertAllClose(enlarged[0, 0, :, 0], [0, 0.25, 0.75, 1.25, 1.75, 2])

    def test_channels(self):
        color = images(2, (2, 2, 3))
        gray = translation.as_shown(color, 1)
        self.assertAllClose(gray[..., 0], color @ np.float32([0.299, 0.587, 0.114]), atol=1e-6)
        self.assertAllEqual(translation.as_shown(gray, 3)[..., 2], gray[..., 0])
        self.assertIs(translation.as_shown(color, 3), color)

    def test_cycle(self):
        found = translation.cycle(np.zeros((4, 2, 2, 1), "float32"), np.ones((4, 2, 2, 1), "float32"))
        self.assertEqual((found.name, found.better, found.floors), ("cycle", "lower", {}))
        # 0 is the byte 128.
        self.assertAllClose(found.value, 127 / 127.5, atol=1e-6)
