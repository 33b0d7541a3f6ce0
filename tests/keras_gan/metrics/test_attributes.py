import numpy as np

from keras_gan.data import faces
from keras_gan.metrics import attributes
from tests.test_case import TestCase


class CoverageTest(TestCase):
    def test_by_hand(self):
        """Three of four combinations of equal probability in four draws: 1 - (3/4)^4 of each is expected."""
        found = attributes.coverage([0, 1, 1, 3], [0.25] * 4)
        self.assertEqual((found.share, found.distance, found.n), (0.75, 0.25, 4))
        self.assertAllClose(found.expected, 1 - 0.75**4)

    def test_expectations_are_those_of_draws(self):
        probabilities = attributes.probabilities()
        self.assertAllClose(probabilities.sum(), 1.0)
        rng = np.random.default_rng(0)
        draws = [
            attributes.coverage(rng.choice(len(probabilities), 3000, p=probabilities), probabilities) for _ in range(20)
        ]
        for value, expected in (("share", "expected"), ("distance", "expected_distance")):
            mean = np.mean([getattr(draw, value) for draw in draws])
            self.assertAllClose(mean, getattr(draws[0], expected), rtol=0.03)

    def test_a_generator_of_one_face(self):
        found = attributes.coverage(np.zeros(100, int), attributes.probabilities())
        self.assertAllClose(found.share, 1 / 288)
        self.assertAllClose(found.distance, 1 - attributes.probabilities()[0])

    def test_numbers_of_combinations(self):
        recognized = {name: np.array([0, 1]) for name in faces.ATTRIBUTES}
        numbers = attributes.combinations(recognized, ("glasses", "hair"))
        self.assertAllEqual(numbers, [0, 5])
        self.assertAllClose(attributes.probabilities(("glasses", "hair"))[5], 0.3 * 0.4)

    def test_drawn_faces_cover_what_is_expected_of_them(self):
        images, _ = faces.draw_many(600, seed=9)
        found = attributes.evaluate(images)
        self.assertNear(found.share, found.expected, 0.05)
        self.assertNear(found.distance, found.expected_distance, 0.05)
        same = attributes.evaluate(np.repeat(images[:3], 100, axis=0))
        self.assertLess(same.share, 0.02)

    def test_refused(self):
        with self.assertRaisesRegex(ValueError, r"Faces are uint8 images .*Received: shape \(2, 32, 32, 3\)"):
            attributes.evaluate(np.zeros((2, 32, 32, 3), "uint8"))
        with self.assertRaisesRegex(ValueError, r"integers in \[0, 3\)"):
            attributes.coverage([3], [0.2, 0.3, 0.5])
