from pathlib import Path

import numpy as np

from keras_gan import data
from keras_gan.files import pictures
from tests.test_case import TestCase
from trainers import evaluate
from trainers.evaluation import seen_through


class FeaturesTest(TestCase):
    def seen(self, shape, **flags):
        return seen_through.features_of(evaluate.Config(**flags), shape).name

    def test_what_nobody_chose(self):
        self.assertEqual(self.seen((28, 28, 1), dataset="mnist5k"), "mnist_classifier")
        self.assertEqual(self.seen((32, 32, 1), dataset="mnist5k"), "efficientnet_lite0")
        self.assertEqual(self.seen((9, 9, 4), dataset="folder:x", samples="y"), "efficientnet_lite0")
        lite0 = {"features": "efficientnet_lite0", "dataset": "cifar10", "samples": "y"}
        self.assertEqual(self.seen((9, 9, 4), **lite0), "efficientnet_lite0")

    def test_refused(self):
        for shape, flags, reason in (
            ((4, 4, 1), {"dataset": "folder:x"}, "No features for images 4x4x1 of folder:x"),
            ((9, 9, 3), {"dataset": "mnist5k", "samples": "y"}, "pass --image_size=28x28 --channels=1"),
            ((9, 9, 3), {"inception": "x.tgz", "features": "mnist_classifier"}, "Give --inception or --features"),
        ):
            with self.subTest(reason=reason), self.assertRaisesRegex(ValueError, reason):
                self.seen(shape, **flags)
        with self.assertRaisesRegex(OSError, "nowhere.tgz"):
            self.seen((9, 9, 3), inception="nowhere.tgz")


class RealTest(TestCase):
    def test_a_folder_without_splits(self):
        folder = Path(self.path("real"))
        for i in range(3):
            pictures.write_png(folder / f"{i}.png", np.full((4, 4, 1), 50 * i, "uint8"))
        samples = evaluate.Config(dataset=f"folder:{folder}", samples="y")
        split, real = seen_through.find_real(samples, (4, 4, 1))
        self.assertEqual((split, real.num_examples), ("train", 3))
        for flags in ({"samples": "y", "split": "test"}, {"model": "generator.keras"}):
            with self.assertRaises(data.MissingSplitError):
                seen_through.find_real(evaluate.Config(dataset=f"folder:{folder}", **flags), (4, 4, 1))
