import numpy as np

from tests.test_case import TestCase
from trainers import cyclegan, pix2pix
from trainers.engine import flags, translations


class ExamplesTest(TestCase):
    def test_held_out_pairs(self):
        shown = translations.examples(pix2pix.Config(image_size="12x12"), most=20)
        self.assertEqual((shown.paired, shown.split), (True, "test"))
        self.assertEqual((shown.sources.shape, shown.targets.shape), ((20, 12, 12, 1), (20, 12, 12, 1)))
        self.assertAllEqual(np.unique(shown.sources), [-1.0, 1.0])
        sources, _ = translations.few(shown)
        self.assertLen(sources, 20)

    def test_held_out_domains(self):
        shown = translations.examples(cyclegan.Config(image_size="8x8").settled(), most=500)
        self.assertEqual((shown.paired, len(shown.sources), len(shown.targets)), (False, 50, 50))

    def test_windows_are_for_training(self):
        config = pix2pix.Config(image_size="12x12", crop="8x8", flip=True)
        self.assertEqual(flags.loading(config), {"condition": "edges", "crop": "8x8", "flip": True})
        self.assertEqual(flags.loading(config, held_out=True), {"condition": "edges"})
        self.assertEqual(translations.examples(config, most=2).targets.shape, (2, 8, 8, 1))

    def test_features(self):
        for dataset, expected in (
            ("mnist5k", "mnist_classifier"),
            ("domains:folder:x,mnist5k#3", "mnist_classifier"),
            ("domains:mnist5k#3,folder:x", None),
        ):
            config = pix2pix.Config(dataset=dataset)
            self.assertEqual(translations.features_of(config, (28, 28, 1)), expected)
        self.assertIsNone(translations.features_of(pix2pix.Config(features="none"), (28, 28, 1)))
