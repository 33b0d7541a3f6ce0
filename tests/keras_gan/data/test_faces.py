import numpy as np

from keras_gan import data
from keras_gan.data import faces
from tests.test_case import TestCase


class FacesTest(TestCase):
    def test_probabilities_are_those_that_are_stated(self):
        faces_drawn = [faces.draw_attributes(3, index) for index in range(2000)]
        for name, values in faces.ATTRIBUTES.items():
            self.assertAllClose(sum(values.values()), 1.0)
            drawn = [attributes[name] for attributes in faces_drawn]
            for value, probability in values.items():
                deviation = np.sqrt(probability * (1 - probability) / 2000)
                self.assertNear(drawn.count(value) / 2000, probability, 4 * deviation)

    def test_combinations_are_numbered(self):
        probabilities = faces.probabilities()
        self.assertAllClose(probabilities.sum(), 1.0)
        attributes = faces.draw_attributes(0, 7)
        expected = np.prod([faces.ATTRIBUTES[name][value] for name, value in attributes.items()])
        self.assertAllClose(probabilities[faces.combination(attributes)], expected)
        last = {name: list(values)[-1] for name, values in faces.ATTRIBUTES.items()}
        self.assertEqual(faces.combination(last), len(probabilities) - 1)

    def test_deterministic(self):
        images, attributes = faces.draw_many(6, 0)
        self.assertEqual((images.shape, images.dtype), ((6, 64, 64, 3), np.uint8))
        again, same = faces.draw_many(2, 0, first=4)
        self.assertAllEqual(images[4:], again)
        self.assertEqual(attributes[4:], same)
        self.assertGreater(np.abs(images[0].astype(int) - faces.draw_many(1, 1)[0][0]).mean(), 5)

    def test_every_attribute_is_seen(self):
        """Changing one attribute and nothing else changes pixels, and only where that part of a face is."""
        whole = faces.draw_attributes(0, 0)
        before = faces.draw(whole, 0, 0).astype(int)
        for name, values in faces.ATTRIBUTES.items():
            for value in values:
                after = faces.draw({**whole, name: value}, 0, 0)
                changed = np.abs(after - before).max(axis=-1) > 20
                self.assertEqual(changed.any(), value != whole[name], (name, value))
                if name == "mouth":
                    self.assertFalse(changed[:40].any())
                if name == "background":
                    self.assertFalse(changed[30:40, 25:40].any())

    def test_the_source(self):
        test = data.open_source("faces", "test")
        self.assertEqual((test.image_shape, test.num_examples), ((64, 64, 3), 2000))
        self.assertEqual(test.class_names, list(faces.ATTRIBUTES["hair"]))
        self.assertEqual(test.class_names[test.labels[5]], faces.draw_attributes(1, 5)["hair"])
        with self.assertRaisesRegex(data.MissingSplitError, "Received: split='dev'"):
            data.open_source("faces", "dev")

    def test_an_unknown_value_is_refused(self):
        with self.assertRaisesRegex(ValueError, "hair must be one of .*Received: hair='mohawk'"):
            faces.draw({**faces.draw_attributes(0, 0), "hair": "mohawk"}, 0, 0)
