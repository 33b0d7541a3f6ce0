"""Image files to pixels: decoding, and conversion to one size and one number of channels."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps, UnidentifiedImageError

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
# What a file of any name may be recognized by: formats that begin with a mark of their own.
_MARKED = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "PSD", "QOI", "TIFF", "WEBP")


def parse_size(image_size):
    """`(height, width)` from a pair, from the text `"HxW"`, or `None` from `None`.

    Args:
        image_size: Pair of positive integers, text such as `"64x64"`, or `None`.

    Returns:
        Pair of integers, or `None`.

    Raises:
        ValueError: If it is none of these.

    Example:

    >>> keras_gan.data.decoding.parse_size("64x48")
    (64, 48)
    """
    if image_size is None:
        return None
    try:
        parts = image_size.lower().split("x") if isinstance(image_size, str) else image_size
        height, width = (int(part) for part in parts)
        if min(height, width) < 1:
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(
            f'`image_size` must be (height, width) or "HxW", both positive. Received: image_size={image_size!r}'
        ) from None
    return height, width


def check_channels(channels):
    """Returns `channels` if it is 1 to 4 or `None`, and raises `ValueError` otherwise."""
    if channels is not None and channels not in MODES:
        raise ValueError(
            "`channels` must be 1 (gray), 2 (gray and alpha), 3 (RGB), 4 (RGB and alpha), or None. "
            f"Received: channels={channels!r}"
        )
    return channels


def is_image(path):
    """Tells whether a file is an image by its first bytes, whatever its name.

    Args:
        path: `epath.Path` of the file.

    Returns:
        A boolean.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        try:
            Image.open(file, formats=_MARKED).close()
        except Exception:  # nearly anything, where a mark promises an image and nothing like one comes after it
            return False
    return True


def decode(contents, image_size=None, channels=None, bits=16):
    """Decodes an image file, whatever its format and mode, to 8 bits a channel.

    Palettes are resolved, of 16-bit values the upper byte is kept, of an animation the first frame counts, and the
    orientation that a camera recorded is applied.

    Args:
        contents: The file's bytes.
        image_size: `(height, width)` of the result, or `None` for the file's own; see `fit`.
        channels: Channels of the result, 1 to 4, or `None` for the file's own.
        bits: Of a file with 16 bits a value, how many are used, 8 to 16.

    Returns:
        uint8 array of shape `(height, width, channels)`.

    Raises:
        ValueError: If the bytes are no image, or are corrupted or truncated, or are floats.

    Example:

    >>> contents = tf.io.encode_png(np.full((2, 3, 3), 7, "uint8")).numpy()
    >>> keras_gan.data.decoding.decode(contents, channels=1)[0, 0]
    array([7], dtype=uint8)
    """
    return fit(to_bytes(to_pixels(contents), bits), image_size, channels)


def to_pixels(contents):
    """Decodes an image file to its own size and depth.

    Args:
        contents: The file's bytes.

    Returns:
        uint8 or uint16 array of shape `(height, width, channels)`.

    Raises:
        ValueError: As `decode` does.
    """
    try:
        with Image.open(io.BytesIO(contents)) as image:
            if image.format == "PNG" and contents[24] == 16 and image.mode in ("RGB", "RGBA"):
                pixels = tf.io.decode_png(contents, dtype=tf.uint16).numpy()  # Pillow would drop the lower byte
            else:
                ImageOps.exif_transpose(image, in_place=True)
                pixels = _whole_numbers(image)
    except UnidentifiedImageError:
        raise ValueError("the image cannot be decoded: it is in no format that is known") from None
    except Exception as error:  # on a broken file Pillow raises nearly anything
        raise ValueError(f"the image cannot be decoded: {error}") from error
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _whole_numbers(image):
    if image.mode == "F":
        raise ValueError("floating-point values have no agreed range, save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return np.asarray(image.convert(_lossless_mode(image)))
    values = np.asarray(image)  # `convert` would clip at 255 instead of scaling
    if values.min() < 0 or values.max() > 0xFFFF:
        raise ValueError("values of 32 bits have no agreed range, save it with 8 or 16 bits")
    return values.astype(np.uint16)


def to_bytes(pixels, bits=16):
    """Keeps the upper 8 of so many bits; larger values are white.

    Args:
        pixels: uint8 or uint16 array; bytes are returned untouched.
        bits: How many bits of 16 are used, 8 to 16.

    Returns:
        uint8 array of the same shape.

    Example:

    >>> keras_gan.data.decoding.to_bytes(np.array([0x0ABC], "uint16"), bits=12)
    array([171], dtype=uint8)
    """
    return pixels if pixels.dtype == np.uint8 else np.minimum(pixels >> (bits - 8), 255).astype(np.uint8)


def fit(pixels, image_size=None, channels=None):
    """Converts pixels to a size and a number of channels; what already conforms is returned untouched.

    Sizes: the picture is cropped centrally to the aspect of `image_size`, and resized with Pillow's bicubic
    filter, which widens with the reduction and so does not alias (Parmar et al. 2022, section 3.2).
    Channels: gray is `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601); alpha is added as opaque, or dropped.

    Args:
        pixels: uint8 array of shape `(height, width, channels)`.
        image_size: `(height, width)` of the result, or `None`.
        channels: Channels of the result, 1 to 4, or `None`.

    Returns:
        uint8 array of shape `(height, width, channels)`.

    Reference:
        Parmar, Zhang, Zhu, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation", CVPR 2022.

    Example:

    >>> keras_gan.data.decoding.fit(np.full((8, 12, 1), 7, "uint8"), (4, 4), channels=3)[0, 0]
    array([7, 7, 7], dtype=uint8)
    """
    height, width, depth = pixels.shape
    if image_size in (None, (height, width)) and channels in (None, depth):
        return pixels
    image = Image.fromarray(pixels[:, :, 0] if depth == 1 else pixels)
    if channels not in (None, depth):
        image = image.convert(MODES[channels])
    if image_size not in (None, (height, width)):
        image = ImageOps.fit(image, image_size[::-1], method=Image.Resampling.BICUBIC)
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _lossless_mode(image):
    """The one of the four modes that holds an image without loss."""
    if image.mode in MODES.values():
        return image.mode
    if image.mode == "1":
        return "L"
    return "RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB"
