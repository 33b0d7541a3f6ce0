import numpy as np

import keras_gan
from keras_gan.export.checks import parity, translations
from tests.test_case import TestCase


class CasesTest(TestCase):
    def test_images_are_those_of_bytes(self):
        network = keras_gan.networks.UNetGenerator((8, 6, 3), (8, 6, 1), filters=1)
        cases = {name: (inputs, expected) for name, inputs, expected in translations._cases(network, 2)}
        self.assertEqual(set(cases), {"serving_default", "translate", "translate_png"})
        inputs, expected = cases["translate_png"]
        self.assertEqual((len(inputs["image_bytes"]), expected.dtype, expected.shape), (2, np.uint8, (2, 8, 6, 1)))
        sources = np.stack([translations._decode(contents) for contents in inputs["image_bytes"]])
        self.assertAllClose(keras_gan.files.pictures.from_uint8(sources), cases["translate"][0]["images"])

    def test_answers_to_bad_inputs_are_failures(self):
        network = keras_gan.networks.UNetGenerator((8, 8, 1), filters=1)
        calls = [("", "translate", {"images": np.zeros((1, 8, 8, 1))})] * 2
        with self.assertRaisesRegex(ValueError, "must refuse bad inputs"):
            translations._compare("here", network, [], 1, calls, [{"images": np.zeros(1)}, {"images": np.zeros(1)}])
        with self.assertRaisesRegex(ValueError, "`translate` failed .here.: broken"):
            translations._compare("here", network, [], 1, calls, ["broken", "refused"])


class SamplerTest(TestCase):
    def test_images_depend_on_their_seed_alone(self):
        sampler = parity.ImageSampler((8, 6, 3))
        images = sampler.draw(5, 3)["images"]
        self.assertAllInRange(images, -1.0, 1.0)
        self.assertAllEqual(sampler.draw(7, 1)["images"], images[2:])
        self.assertGreater(np.std(images), 0.2)
