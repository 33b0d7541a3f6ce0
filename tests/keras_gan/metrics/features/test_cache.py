import os
from pathlib import Path
from unittest import mock

import numpy as np

from keras_gan import metrics
from keras_gan.metrics.evaluate import _memory
from keras_gan.metrics.features import FeatureExtractor, cache
from tests.test_case import TestCase


class CacheTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.path("cache")
        self.enterContext(mock.patch.dict(os.environ, KERAS_GAN_CACHE=self.folder))
        self.calls = []

    def compute(self, value):
        self.calls.append(value)
        return {"a": np.full(3, value)}

    def test_computed_once(self):
        for key, value in (("x", 1), ("x", 2), ("y", 3)):
            found = cache.kept(key, lambda value=value: self.compute(value))["a"]
            self.assertAllEqual(found, np.full(3, 1 if key == "x" else 3))
        self.assertEqual(self.calls, [1, 3])

    def test_a_damaged_file_is_made_again(self):
        cache.kept("x", lambda: self.compute(1))
        (file,) = Path(self.folder, "features").glob("*.npz")
        file.write_bytes(file.read_bytes()[:50])
        self.assertAllEqual(cache.kept("x", lambda: self.compute(2))["a"], np.full(3, 2))
        self.assertAllEqual(cache.kept("x", lambda: self.compute(3))["a"], np.full(3, 2))

    def test_a_folder_that_cannot_be_written_costs_nothing(self):
        Path(self.folder).write_text("a file")
        self.assertAllEqual(cache.kept("x", lambda: self.compute(1))["a"], np.ones(3))

    def test_the_newest_are_kept(self):
        with mock.patch.object(cache, "MOST", 2):
            for number in range(4):
                cache.kept(number, lambda number=number: self.compute(number))
                (newest,) = [f for f in Path(self.folder, "features").glob("*.npz") if f.stat().st_mtime > number + 1e6]
                os.utime(newest, (number, number))
        self.assertLen(list(Path(self.folder, "features").glob("*.npz")), 2)

    def test_slow_networks_see_real_images_once(self):
        def network(images):
            return images[:, 0, :2, 0] / 255.0, None

        images = np.random.default_rng(0).integers(0, 256, (520, 8, 8, 1), dtype="uint8")
        values = []
        for size in (80, 80, 64):  # slow, slow, fast
            seen = FeatureExtractor("own", network, "digest", (size, size, 1), "bilinear, antialiased")
            self.assertEqual(seen.is_slow, size == 80)
            with mock.patch.dict(_memory, clear=True):
                (record,) = metrics.evaluate(images[:20], images, seen, "kcd", floor=False, progress=False)
            values.append(record.value)
            self.assertLen(list(Path(self.folder, "features").glob("*.npz")), 1)
        self.assertEqual(values[0], values[1])
