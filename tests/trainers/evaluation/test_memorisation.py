import numpy as np

from keras_gan import data
from keras_gan.metrics import features
from tests.test_case import TestCase
from trainers.evaluation import memorisation


class MemorisationTest(TestCase):
    def setUp(self):
        super().setUp()
        self.seen = features.get("mnist_classifier")
        self.train, self.test = (data.open_source("mnist5k", split) for split in ("train", "test"))

    def test_copies_are_found_and_shown(self):
        copies = memorisation.pixels(self.train, np.arange(20))
        found, (picture, caption) = memorisation.look(self.seen, self.train, self.test, copies, columns=4)
        self.assertEqual(found["near_copies"], 1.0)
        self.assertIn("sign of copying: look at the pairs", found["reading"])
        self.assertEqual(picture.dtype, np.uint8)
        self.assertIn("of all 20 those that come closest", caption)

    def test_real_images_are_no_copies(self):
        found, _ = memorisation.look(
            self.seen, self.train, self.test, memorisation.pixels(self.test, np.arange(0, 500, 5))
        )
        self.assertIn("No sign of copying", found["reading"])

    def test_without_other_images_nothing_is_claimed(self):
        found, _ = memorisation.look(self.seen, None, self.train, memorisation.pixels(self.train, np.arange(10)))
        self.assertEqual(list(found), ["reading"])
