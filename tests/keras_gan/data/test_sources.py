import time
import warnings
from pathlib import Path
from unittest import mock

import numpy as np

from keras_gan import data
from keras_gan.data import sources
from tests.test_case import TestCase


class DigitsTest(TestCase):
    def test_500_of_each_class_of_which_50_are_held_out(self):
        for split, each in (("train", 450), ("test", 50)):
            source = sources.mnist5k(None, sources.Request(split=split))
            self.assertAllEqual(np.bincount(source.labels), [each] * 10)
            self.assertEqual((source.images.shape, source.images.dtype), ((10 * each, 28, 28, 1), np.uint8))
            self.assertEqual((source.images.min(), source.images.max()), (0, 255))

    def test_damage_is_said(self):
        folder = Path(self.path())
        file = folder / "digits" / "mnist_5k.npz"
        file.parent.mkdir()
        with mock.patch("importlib.resources.files", return_value=folder):
            for contents, message in ((None, "cannot be read"), (b"PK", "cannot be read")):
                if contents is not None:
                    file.write_bytes(contents)
                with self.assertRaisesRegex(ValueError, f"mnist_5k.npz {message} .*: reinstall keras_gan"):
                    sources.mnist5k(None, sources.Request())
            np.savez(file, rows=np.zeros((5000, 785), np.uint8))
            with self.assertRaisesRegex(ValueError, "does not hold the digits that define mnist5k"):
                sources.mnist5k(None, sources.Request())


class ArraysTest(TestCase):
    """What arrays may silently be; what they must be is in the tests of `images`."""

    def assert_warns(self, message, images, **arguments):
        with self.assertWarnsRegex(UserWarning, message) as caught:
            found = data.load(images, batch_size=1, **arguments)
        self.assertEqual(caught.filename, __file__)
        return found

    def assert_quiet(self, images, **arguments):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data.load(images, batch_size=1, **arguments)

    def test_floats_from_0_to_1(self):
        images = np.array([0.0, 0.25, 0.5, 1.0]).reshape(1, 2, 2, 1)
        self.assert_warns(r"expected in \[-1, 1\], and these lie in \[0, 1\]: .* by 2 \* x - 1\.", images)
        self.assert_quiet(2 * images - 1)
        self.assert_quiet(np.zeros((1, 2, 2, 1)))  # which says nothing of a range
        self.assert_quiet(images.reshape(1, 4))  # vectors have none

    def test_bytes_that_are_zeros_and_ones(self):
        images = np.array([0, 1, 1, 0], np.uint8).reshape(1, 2, 2, 1)
        self.assert_warns("zeros and ones alone, and white is 255: multiply them by 255", images)
        self.assert_quiet(255 * images)
        self.assert_quiet(2 * images)

    def test_labels_from_1(self):
        images, labels = np.zeros((4, 2, 2, 1), np.uint8), np.arange(1, 5)
        _, spec = self.assert_warns(
            r"1 of 5 classes have no examples in arrays: '0'; labels count from 0\.", (images, labels), labels=True
        )
        self.assertEqual(spec.num_classes, 5)
        self.assert_quiet((images, labels - 1), labels=True)
        self.assert_quiet((images, labels))  # unused
        for n, names in ((7, "'4', '5', '6'\\."), (10, "'4', '5', '6', '7', '8' and 1 more\\.")):
            message = f"{n - 4} of {n} classes have no examples in arrays: {names}"
            self.assert_warns(message, (images, labels - 1), labels=True, num_classes=n)


class ReadErrorTest(TestCase):
    def test_it_names_the_file_once_and_in_one_line(self):
        missing = FileNotFoundError(2, "No such file or directory", "a/1.png")
        self.assertEqual(str(sources.ReadError("a/1.png", missing)), "a/1.png: No such file or directory")
        self.assertEqual(str(sources.ReadError("a/1.png", ValueError("one\n  two"))), "a/1.png: one two")
        self.assertEqual(str(sources.ReadError("caf\udce9.png", "odd")), "caf\\udce9.png: odd")


class InOrderTest(TestCase):
    def test_results_come_in_order_and_errors_in_their_place(self):
        def function(index):
            time.sleep(0.001 * (index % 3))
            if index == 5:
                raise ValueError("five")
            return index

        results = list(sources.in_order(function, 20, block=2))
        self.assertEqual(str(results.pop(5)), "five")
        self.assertEqual(results, [*range(5), *range(6, 20)])

    def test_little_is_computed_ahead(self):
        called = []
        results = sources.in_order(lambda index: called.append(index), 10_000, block=2)
        next(results)
        self.assertLessEqual(len(called), 2 * (2 * sources.THREADS + 1))
        results.close()

    def test_other_errors_are_raised(self):
        with self.assertRaises(ZeroDivisionError):
            list(sources.in_order(lambda index: 1 // index, 3))
