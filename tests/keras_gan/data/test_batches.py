import numpy as np

from keras_gan.data import batches
from tests.test_case import TestCase


class OrderTest(TestCase):
    def test_places_count_on_over_epochs(self):
        stream = list(batches.order(3, shuffle=True, seed=7, repeat=True, first=0).take(7).as_numpy_iterator())
        self.assertEqual([int(place) for _, place in stream], list(range(7)))
        self.assertEqual(sorted(int(index) for index, _ in stream[:3]), [0, 1, 2])
        later = list(batches.order(3, shuffle=True, seed=7, repeat=True, first=4).take(3).as_numpy_iterator())
        self.assertAllEqual(np.array(later), np.array(stream[4:]))

    def test_iterations_of_a_finite_order_are_epochs(self):
        finite = batches.order(2, shuffle=False, seed=0, repeat=False, first=0)
        self.assertEqual([[int(place) for _, place in finite] for _ in range(2)], [[0, 1], [2, 3]])

    def test_keys_take_any_seed(self):
        self.assertAllEqual(batches.keys_of(2**64 - 1, np.array([0, 5])), [[-1, -1], [-1, -6]])


class TensorTest(TestCase):
    def test_one_copy_of_the_images(self):
        for array in (np.arange(50, dtype=np.uint8).reshape(2, 5, 5, 1), np.float32([-1, 1]), np.arange(3)):
            tensor = batches._tensor(array)
            self.assertAllEqual(tensor, array)
            self.assertDTypeEqual(tensor, array.dtype)
