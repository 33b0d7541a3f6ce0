import io

import numpy as np
import tensorflow as tf
from etils import epath
from PIL import Image

from keras_gan.data import decoding
from tests.test_case import TestCase


def file_of(pixels, format="PNG", mode=None, **options):
    """The bytes of an image file."""
    image = Image.fromarray(np.asarray(pixels))
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, format, **options)
    return file.getvalue()


def colours(height=3, width=5):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


class DecodeTest(TestCase):
    def test_lossless_formats_keep_every_pixel(self):
        pixels = colours()
        for format in ("PNG", "BMP"):
            self.assertAllEqual(decoding.decode(file_of(pixels, format)), pixels)
        self.assertAllEqual(decoding.decode(file_of(pixels, "WEBP", lossless=True)), pixels)

    def test_each_mode_has_its_own_number_of_channels(self):
        for mode, channels in (("1", 1), ("L", 1), ("LA", 2), ("P", 3), ("RGB", 3), ("RGBA", 4)):
            decoded = decoding.decode(file_of(colours(), mode=mode))
            self.assertEqual((decoded.shape, decoded.dtype), ((3, 5, channels), np.uint8), mode)
        self.assertEqual(decoding.decode(file_of(colours(), "JPEG", mode="CMYK")).shape, (3, 5, 3))

    def test_a_bit_is_black_or_white(self):
        decoded = decoding.decode(file_of(np.array([[False, True]])))
        self.assertAllEqual(decoded[0, :, 0], [0, 255])

    def test_palettes_are_resolved(self):
        for format in ("PNG", "BMP", "GIF"):
            decoded = decoding.decode(self.paletted(format), channels=3)
            self.assertAllEqual(decoded[0], [[10, 20, 30], [40, 50, 60]])

    def test_a_transparent_palette_entry_becomes_alpha(self):
        decoded = decoding.decode(self.paletted("PNG", transparency=1))
        self.assertAllEqual(decoded[0], [[10, 20, 30, 255], [40, 50, 60, 0]])

    def paletted(self, format, **options):
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 40, 50, 60])
        image.putpixel((1, 0), 1)
        file = io.BytesIO()
        image.save(file, format, **options)
        return file.getvalue()

    def test_sixteen_bits_keep_the_upper_eight(self):
        decoded = decoding.decode(file_of(np.array([[0x00FF, 0x0100, 0xABCD]], np.uint16)))
        self.assertAllEqual(decoded[0, :, 0], [0x00, 0x01, 0xAB])

    def test_sixteen_bits_of_colours(self):
        pixels = np.array([[[0x00FF, 0x0100, 0xABCD]], [[0xFFFF, 0, 0x7FFF]]], np.uint16)
        for channels in (1, 2, 3):
            contents = tf.io.encode_png(pixels[..., :channels]).numpy()
            found = decoding.to_pixels(contents)
            self.assertDTypeEqual(found, np.uint16)
            self.assertAllEqual(found, pixels[..., :channels])
            self.assertAllEqual(decoding.decode(contents), pixels[..., :channels] >> 8)

    def test_fewer_bits_than_sixteen(self):
        values = np.array([0, 0x123, 0xFFF, 0x1000, 0xFFFF], np.uint16)
        self.assertAllEqual(decoding.to_bytes(values, 12), [0, 0x12, 0xFF, 0xFF, 0xFF])
        self.assertAllEqual(decoding.to_bytes(values), [0, 0x01, 0x0F, 0x10, 0xFF])
        self.assertAllEqual(decoding.to_bytes(values[:2], 8), [0, 0xFF])
        self.assertAllEqual(decoding.decode(file_of(values[None]), bits=12)[0, :, 0], [0, 0x12, 0xFF, 0xFF, 0xFF])
        as_bytes = np.array([7], np.uint8)
        self.assertIs(decoding.to_bytes(as_bytes, 12), as_bytes)

    def test_values_without_a_range_are_refused(self):
        for values in (np.ones((2, 2), np.float32), np.full((2, 2), 1 << 16, np.int32), np.full((2, 2), -1, np.int32)):
            with self.assertRaisesRegex(ValueError, "no agreed range, save it with 8 or 16 bits"):
                decoding.decode(file_of(values, "TIFF"))
        self.assertAllEqual(decoding.decode(file_of(np.full((1, 1), 0xABCD, np.int32), "TIFF")), [[[0xAB]]])

    def test_images_are_known_by_their_first_bytes(self):
        path = epath.Path(self.path("file"))
        for contents, expected in (
            (file_of(colours()), True),
            (file_of(colours(), "JPEG"), True),
            (file_of(colours(), "TIFF"), True),
            (b"", False),
            (b"a text", False),
            (b"\x93NUMPY\x01\x00", False),
            (bytes(18), False),  # which a format without a mark would take
            (b"\x89PNG\r\n\x1a\n", False),
        ):
            path.write_bytes(contents)
            self.assertEqual(decoding.is_image(path), expected, contents[:10])

    def test_of_an_animation_the_first_frame_counts(self):
        first, second = (Image.new("RGB", (4, 4), colour) for colour in ("red", "blue"))
        for format, options in (("GIF", {}), ("WEBP", {"lossless": True})):
            file = io.BytesIO()
            first.save(file, format, save_all=True, append_images=[second], **options)
            decoded = decoding.decode(file.getvalue(), channels=3)
            self.assertAllEqual(decoded, np.broadcast_to([255, 0, 0], (4, 4, 3)))

    def test_the_camera_s_orientation_is_applied(self):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by a quarter, clockwise
        pixels = colours()
        self.assertAllEqual(decoding.decode(file_of(pixels, exif=exif)), np.rot90(pixels, -1))

    def test_broken_files_are_value_errors(self):
        whole = file_of(colours(40, 40))
        for contents in (b"", b"hello", whole[:-40], whole[:60]):
            with self.assertRaisesRegex(ValueError, "cannot be decoded"):
                decoding.decode(contents)
        with self.assertRaisesRegex(ValueError, "cannot be decoded"):
            decoding.decode(file_of(colours(40, 40), "JPEG")[:700])


class FitTest(TestCase):
    def test_gray_is_luma(self):
        primary = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [7, 7, 7]]], np.uint8)
        # 0.299, 0.587 and 0.114 of 255, rounded.
        self.assertAllEqual(decoding.fit(primary, channels=1)[0, :, 0], [76, 150, 29, 255, 7])

    def test_gray_is_repeated_and_alpha_is_opaque(self):
        gray = np.array([[[9], [200]]], np.uint8)
        self.assertAllEqual(decoding.fit(gray, channels=2)[0], [[9, 255], [200, 255]])
        self.assertAllEqual(decoding.fit(gray, channels=3)[0], [[9, 9, 9], [200, 200, 200]])
        self.assertAllEqual(decoding.fit(gray, channels=4)[0], [[9, 9, 9, 255], [200, 200, 200, 255]])

    def test_alpha_is_dropped(self):
        pixels = np.array([[[10, 20, 30, 0], [40, 50, 60, 128]]], np.uint8)
        self.assertAllEqual(decoding.fit(pixels, channels=3)[0], [[10, 20, 30], [40, 50, 60]])
        self.assertAllEqual(decoding.fit(np.array([[[5, 0]]], np.uint8), channels=1), [[[5]]])

    def test_what_conforms_is_returned_untouched(self):
        pixels = colours()
        self.assertIs(decoding.fit(pixels), pixels)
        self.assertIs(decoding.fit(pixels, (3, 5), 3), pixels)

    def test_the_middle_is_kept(self):
        wide, high = colours(4, 12), colours(12, 4)
        self.assertAllEqual(decoding.fit(wide, (4, 4)), wide[:, 4:8])
        self.assertAllEqual(decoding.fit(high, (4, 4)), high[4:8])

    def test_constants_stay_constant(self):
        for channels in (1, 2, 3, 4):
            pixels = np.full((13, 29, channels), 77, np.uint8)
            if channels in (2, 4):
                pixels[..., -1] = 255
            for size in ((8, 8), (5, 11), (40, 30)):
                resized = decoding.fit(pixels, size)
                self.assertAllEqual(resized, np.broadcast_to(pixels[0, 0], (*size, channels)))

    def test_resizing_averages_rather_than_samples(self):
        board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[:, :, None]
        inner = decoding.fit(board, (16, 16))[2:-2, 2:-2]
        self.assertAllClose(inner, np.full(inner.shape, 127.5), atol=1.0)
        noise = colours(64, 64)
        self.assertAllClose(decoding.fit(noise, (16, 16)).mean((0, 1)), noise.mean((0, 1)), atol=1.5)


class ArgumentsTest(TestCase):
    def test_sizes(self):
        self.assertIsNone(decoding.parse_size(None))
        for size in ((64, 48), [64, 48], "64x48", "64X48"):
            self.assertEqual(decoding.parse_size(size), (64, 48))
        for size in ("64", "64x", "x", "64x48x3", (64,), (0, 64), "-1x3", 64, ("a", "b")):
            with self.assertRaisesRegex(ValueError, "Received: image_size="):
                decoding.parse_size(size)

    def test_channels(self):
        self.assertEqual([decoding.check_channels(c) for c in (None, 1, 4)], [None, 1, 4])
        for channels in (0, 5, "3"):
            with self.assertRaisesRegex(ValueError, "Received: channels="):
                decoding.check_channels(channels)
