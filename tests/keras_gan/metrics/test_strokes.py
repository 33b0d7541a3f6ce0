"""Stroke thickness against widths that are known."""

import numpy as np
from scipy import ndimage

from keras_gan import data
from keras_gan.metrics import stroke_thickness, strokes
from tests.test_case import TestCase


def bar(width, channels=1):
    """A bar of that many columns, bright on dark, as floats in [-1, 1]."""
    image = np.full((28, 28, channels), -1.0)
    image[3:25, 8 : 8 + width] = 1.0
    return image


class StrokeThicknessTest(TestCase):
    def test_bars_have_their_width(self):
        widths = range(2, 8)
        images = np.stack([bar(width) for width in widths])
        self.assertAllClose(stroke_thickness(images), list(widths), atol=1e-12)
        self.assertAllClose(stroke_thickness(images.swapaxes(1, 2)), list(widths), atol=1e-12)
        # Not enlarged, a middle column of 3 is 2 from the dark, and twice that is 4.
        self.assertAllClose(stroke_thickness(images[:2], scale=1), [2.0, 4.0])

    def test_types_and_channels(self):
        images = np.stack([bar(3), bar(6)])
        found = stroke_thickness(images)
        self.assertAllEqual(stroke_thickness(((images + 1) * 127.5).astype(np.uint8)), found)
        self.assertAllEqual(stroke_thickness(images.repeat(3, axis=3).astype(np.float32)), found)

    def test_slanted_bars_and_discs(self):
        y, x = np.mgrid[:28, :28]
        for width in (2.0, 3.0, 4.5):
            image = 2 * np.clip(width / 2 - np.abs(y - x) / np.sqrt(2) + 0.5, 0, 1) - 1
            self.assertAllClose(stroke_thickness(image[None, :, :, None]), [width], atol=0.25)
        # A disc's centre line is its centre, which is a radius from the dark.
        for radius in (3.0, 5.0, 7.5):
            image = 2 * np.clip(radius - np.hypot(y - 13.5, x - 13.5) + 0.5, 0, 1) - 1
            self.assertAllClose(stroke_thickness(image[None, :, :, None]), [2 * radius], atol=0.5)

    def test_images_do_not_touch_each_other_or_their_border(self):
        full = np.ones((1, 9, 9, 1))
        dark = -full
        alone = stroke_thickness(full)
        self.assertAllEqual(stroke_thickness(np.concatenate([dark, full, full, dark])), [0.0, *alone, *alone, 0.0])
        self.assertAllEqual(stroke_thickness(np.zeros((0, 9, 9, 1))), [])
        many = np.concatenate([full, dark] * 150)  # more than one chunk
        self.assertAllEqual(stroke_thickness(many), np.tile([alone[0], 0.0], 150))

    def test_grows_with_dilation(self):
        digits = data.open_source("mnist5k", "test").images[::25]
        thick = ndimage.grey_dilation(digits, size=(1, 2, 2, 1))
        difference = stroke_thickness(thick) - stroke_thickness(digits)
        # One more pixel across and down is between 1 and sqrt(2) more across a stroke; holes that close give more.
        self.assertBetween(np.median(difference), 0.8, 1.5)
        self.assertGreater(difference.min(), 0.0)

    def test_distances_by_search(self):
        bright = np.random.default_rng(0).random((3, 6, 9)) > 0.2
        y, x = np.mgrid[-1:7, -1:10]
        for image, distance in zip(bright, strokes._distance(bright), strict=True):
            dark = ~np.pad(image, 1)
            squared = (y[1:-1, 1:-1, None] - y[dark]) ** 2 + (x[1:-1, 1:-1, None] - x[dark]) ** 2
            self.assertAllClose(distance, np.sqrt(squared.min(axis=-1)), rtol=1e-6)

    def test_bad_input(self):
        for images, words in (
            (np.zeros((28, 28, 1)), r"shape \(28, 28, 1\) of float64"),
            (np.zeros((1, 28, 28, 1), int), "of int64"),
        ):
            with self.assertRaisesRegex(ValueError, words):
                stroke_thickness(images)
        with self.assertRaisesRegex(ValueError, "scale=0"):
            stroke_thickness(np.zeros((1, 28, 28, 1)), scale=0)
