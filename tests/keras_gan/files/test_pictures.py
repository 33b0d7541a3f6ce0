from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from keras_gan.files import pictures
from tests.test_case import TestCase


def random_picture(height, width, channels, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def flat(n, height, width, channels):
    """n images without contrast, the i-th of the byte 10 i."""
    images = np.ones((n, height, width, channels)) * np.arange(n)[:, None, None, None]
    return images * 10 / 127.5 - 1


def write_half(image, file, **kwargs):
    """Begins a file on a disk that fills up."""
    Path(file).write_bytes(b"half")
    raise OSError("disk full")


class ToUint8Test(TestCase):
    def test_rounding(self):
        # floor(127.5 x + 128)
        for value, byte in (
            (-1.0, 0),  # 0.5
            (-0.997, 0),  # 0.88
            (-0.996, 1),  # 1.01
            (-1e-6, 127),
            (0.0, 128),
            (0.5, 191),  # 191.75
            (0.996, 254),  # 254.99
            (0.9961, 255),  # 255.003
            (1.0, 255),  # 255.5
        ):
            self.assertEqual(pictures.to_uint8(value), byte, value)

    def test_clipping(self):
        self.assertAllEqual(pictures.to_uint8([-1.01, 1.01, -50.0, 50.0, -np.inf, np.inf]), [0, 255, 0, 255, 0, 255])

    def test_every_byte_comes_back(self):
        floats = pictures.from_uint8(np.arange(256))
        self.assertEqual((floats.dtype, floats[0], floats[51], floats[255]), (np.float32, -1.0, np.float32(-0.6), 1.0))
        self.assertAllEqual(pictures.to_uint8(floats), np.arange(256))
        self.assertAllEqual(np.diff(floats) > 0, [True] * 255)

    def test_tensors_become_the_same(self):
        levels = np.arange(256, dtype="uint8")
        floats = pictures.tensor_from_uint8(levels)
        self.assertEqual(floats.dtype, tf.float32)
        np.testing.assert_array_equal(floats, pictures.from_uint8(levels))
        edges = (np.arange(-1, 258) - 128) / 127.5  # between levels, and beyond the last
        images = np.float32([*edges, *np.nextafter(np.float32(edges), np.float32(-9)), *np.linspace(-1.1, 1.1, 1000)])
        quantized = pictures.tensor_to_uint8(tf.constant(images))
        self.assertEqual(quantized.dtype, tf.uint8)
        np.testing.assert_array_equal(quantized, pictures.to_uint8(images))

    def test_shape_and_dtypes(self):
        for dtype in ("float16", "float32", "float64"):
            result = pictures.to_uint8(np.zeros((2, 3, 4), dtype))
            self.assertEqual((result.dtype, result.shape), (np.uint8, (2, 3, 4)))


class GridTest(TestCase, parameterized.TestCase):
    def test_row_by_row_with_borders(self):
        picture = pictures.grid(flat(5, 64, 70, 1), columns=3, border=2)
        self.assertEqual(picture.shape, (2 + 2 * (64 + 2), 2 + 3 * (70 + 2), 1))
        self.assertEqual(picture.dtype, np.uint8)
        expected = np.full(picture.shape, 255)
        for i, (top, left) in enumerate(((2, 2), (2, 74), (2, 146), (68, 2), (68, 74))):
            expected[top : top + 64, left : left + 70] = 10 * i
        self.assertAllEqual(picture, expected)

    @parameterized.parameters((1, 1, 1), (4, 2, 2), (5, 2, 3), (9, 3, 3), (10, 3, 4), (64, 8, 8))
    def test_about_square_by_default(self, n, rows, columns):
        self.assertEqual(pictures.grid(flat(n, 64, 64, 1), border=0).shape, (64 * rows, 64 * columns, 1))

    @parameterized.parameters(((1, 1), 64), ((28, 28), 2), ((8, 20), 3), ((33, 33), 1), ((64, 64), 1), ((10, 200), 1))
    def test_small_images_are_enlarged_by_a_whole_factor(self, size, factor):
        image = random_picture(*size, 3)
        picture = pictures.grid(image[None] / 127.5 - 1, border=1)
        self.assertEqual(picture.shape, (factor * size[0] + 2, factor * size[1] + 2, 3))
        self.assertAllEqual(picture[1:-1, 1:-1], image.repeat(factor, 0).repeat(factor, 1))

    @parameterized.parameters((1, 1), (2, 1), (3, 3), (4, 4))
    def test_channels(self, channels, shown):
        image = random_picture(64, 64, channels)
        picture = pictures.grid(image[None] / 127.5 - 1, border=0)
        self.assertAllEqual(picture, image[..., :shown])

    @parameterized.parameters(1, 3, 4)
    def test_names_of_rows(self, channels):
        picture = pictures.grid(flat(4, 64, 64, channels), columns=2)
        named = pictures.name_rows(picture, ["up", "a longer name"])
        self.assertEqual(named.dtype, np.uint8)
        width = picture.shape[1]
        self.assertAllEqual(named[:, -width:], picture)
        names = named[:, :-width, 0]
        dark = np.flatnonzero(names.min(axis=1) < 128)
        # In the middle of the rows, which are 66 high.
        self.assertBetween(dark[dark < 66].mean(), 26, 40)
        self.assertBetween(dark[dark >= 66].mean(), 92, 106)
        # Neither is cut off at the left or touches the pictures.
        self.assertEqual(names[:, :4].min(), 255)
        self.assertEqual(names[:, -4:].min(), 255)
        if channels == 4:
            self.assertEqual(named[:, :-width, 3].min(), 255)


class PNGTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 3, 4)
    def test_exact_round_trip(self, channels):
        picture, path = random_picture(20, 30, channels), self.path("new", "folder", "a.png")
        pictures.write_png(path, picture)
        with Image.open(path) as image:
            self.assertEqual(image.format, "PNG")
            self.assertAllEqual(np.asarray(image).reshape(picture.shape), picture)

    def test_nothing_else_is_left(self):
        path = Path(self.path("a.png"))
        for seed in range(2):
            pictures.write_png(path, picture := random_picture(20, 30, 3, seed))
        self.assertEqual(list(path.parent.iterdir()), [path])
        with Image.open(path) as image:
            self.assertAllEqual(image, picture)

    def test_a_failure_spares_the_old_file(self):
        path = Path(self.path("a.png"))
        pictures.write_png(path, random_picture(20, 30, 3))
        old = path.read_bytes()
        with self.assertRaises(TypeError):
            pictures.write_png(path, np.zeros((20, 30, 5), np.uint8))
        with mock.patch.object(Image.Image, "save", write_half), self.assertRaisesRegex(OSError, "disk full"):
            pictures.write_png(path, random_picture(20, 30, 3, seed=1))
        self.assertEqual(list(path.parent.iterdir()), [path])
        self.assertEqual(path.read_bytes(), old)


class GIFTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 3, 4)
    def test_frames(self, channels):
        folder = Path(self.path())
        files = [folder / f"{i}.png" for i in range(4)]
        for i, file in enumerate(files):
            pictures.write_png(file, np.full((10, 12, channels), 60 * i, np.uint8))
        pictures.write_gif(folder / "a.gif", files, seconds=0.6)
        with Image.open(folder / "a.gif") as gif:
            self.assertEqual((gif.n_frames, gif.size, gif.info["loop"]), (4, (12, 10), 0))
            durations, values = [], []
            for i in range(4):
                gif.seek(i)
                durations.append(gif.info["duration"])
                values.append(np.asarray(gif.convert("L"))[5, 6])
        self.assertEqual(durations, [150, 150, 150, 2000])  # 0.6 s for four frames, and the last one stays
        self.assertAllClose(values, [0, 60, 120, 180], atol=1)

    def test_a_failure_leaves_nothing(self):
        folder = Path(self.path())
        pictures.write_png(folder / "0.png", random_picture(10, 12, 1))
        with mock.patch.object(Image.Image, "save", write_half), self.assertRaisesRegex(OSError, "disk full"):
            pictures.write_gif(folder / "a.gif", [folder / "0.png"])
        self.assertEqual([file.name for file in folder.iterdir()], ["0.png"])

    def test_many_frames_are_not_too_fast_to_see(self):
        folder = Path(self.path())
        files = [folder / "0.png", folder / "1.png"]
        for i, file in enumerate(files):
            pictures.write_png(file, np.full((10, 12, 1), 60 * i, np.uint8))
        pictures.write_gif(folder / "a.gif", files, seconds=0.0)
        with Image.open(folder / "a.gif") as gif:
            self.assertEqual(gif.info["duration"], 40)
