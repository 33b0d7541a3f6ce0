import keras
import numpy as np

from keras_gan.networks import Translator
from keras_gan.networks.translator import check_images
from tests.test_case import TestCase


class Recolor(Translator):
    """Three channels that are the one times 1, 0 and -1."""

    def __init__(self, source_shape=(4, 5, 1), image_shape=(4, 5, 3), **kwargs):
        super().__init__(source_shape, image_shape, **kwargs)
        self.build()

    def call(self, inputs, training=None):
        return self.unpack(inputs) * keras.ops.convert_to_tensor([1.0, 0.0, -1.0])


class TranslatorTest(TestCase):
    def test_translates_in_batches(self):
        images = np.random.default_rng(0).uniform(-1, 1, (5, 4, 5, 1)).astype("float32")
        made = Recolor().translate(images, batch_size=2)
        self.assertAllClose(made, images * [1.0, 0.0, -1.0])
        self.assertEqual(made.dtype, np.float32)

    def test_the_output_has_the_sources_shape_by_default(self):
        self.assertEqual(Translator((4, 6, 2)).image_shape, (4, 6, 2))
        with self.assertRaisesRegex(ValueError, "`source_shape` must be"):
            Translator((4, 6))

    def test_what_is_no_image_is_refused(self):
        network, good = Recolor(), np.zeros((2, 4, 5, 1), "float32")
        for images, sentence in (
            (good[0], r"shape \(n, 4, 5, 1\), at least one. Received: an array of shape \(4, 5, 1\)"),
            (good[:0], "at least one"),
            (good.astype("uint8"), "scale uint8 ones"),
            (good + 2.0, "values as large as 2"),
            (good * np.nan, "values as large as nan"),
        ):
            with self.assertRaisesRegex(ValueError, sentence):
                network.translate(images)
        self.assertIs(check_images(good, (4, 5, 1)), good)
