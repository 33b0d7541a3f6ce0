"""Images as files: quantized, arranged in grids, written as PNG and animated GIF."""

import base64
import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from keras_gan.files import atomic

# How exported generators make bytes, as their cards say it.
ROUNDING = "clip(floor(127.5 * image + 128), 0, 255)"


def to_uint8(images):
    """Quantizes images in [-1, 1] to bytes: `floor(127.5 x + 128)`, clipped to [0, 255].

    Args:
        images: Float array of any shape.

    Returns:
        uint8 array of the same shape.

    Example:

    >>> keras_gan.files.pictures.to_uint8(np.array([-1.0, 0.0, 1.0])).tolist()
    [0, 128, 255]
    """
    return np.clip(np.floor(np.asarray(images, np.float32) * 127.5 + 128.0), 0, 255).astype(np.uint8)


def from_uint8(images):
    """Scales bytes to [-1, 1]: `x / 127.5 - 1`, which `to_uint8` turns into the same bytes.

    Args:
        images: Array of any shape with values in [0, 255].

    Returns:
        float32 array of the same shape.

    Example:

    >>> keras_gan.files.pictures.from_uint8(np.uint8([0, 255])).tolist()
    [-1.0, 1.0]
    """
    return np.asarray(images, np.float32) / np.float32(127.5) - np.float32(1.0)


def tensor_to_uint8(images):
    """Quantizes as `to_uint8` does, in a TensorFlow graph.

    Args:
        images: Float tensor of any shape.

    Returns:
        uint8 tensor of the same shape.
    """
    return tf.cast(tf.clip_by_value(tf.floor(127.5 * images + 128.0), 0.0, 255.0), tf.uint8)


def tensor_from_uint8(images):
    """Scales as `from_uint8` does, in a TensorFlow graph.

    Args:
        images: Tensor of any shape with values in [0, 255].

    Returns:
        float32 tensor of the same shape.
    """
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def grid(images, columns=None, border=2):
    """Arranges images row by row in one picture.

    Small images are enlarged by a whole factor, so that pixels stay sharp and a person can see them.

    Args:
        images: Floats in [-1, 1] of shape `(n, height, width, channels)` with 1 to 4 channels. Of two channels
            the first is shown.
        columns: Images per row; by default as many as make the picture about square.
        border: Pixels between images.

    Returns:
        uint8 array of shape `(height, width, channels)`, with 1, 3 or 4 channels.

    Example:

    >>> keras_gan.files.pictures.grid(np.zeros((6, 64, 32, 3)), columns=3).shape
    (134, 104, 3)
    """
    images = to_uint8(images)
    if images.shape[-1] == 2:
        images = images[..., :1]
    scale = max(1, 64 // max(images.shape[1:3]))
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    n, height, width, channels = images.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    shape = (rows * (height + border) + border, columns * (width + border) + border, channels)
    canvas = np.full(shape, 255, np.uint8)
    for i, image in enumerate(images):
        top = border + (i // columns) * (height + border)
        left = border + (i % columns) * (width + border)
        canvas[top : top + height, left : left + width] = image
    return canvas


def name_rows(picture, names):
    """Puts a name to the left of each row of a `grid`, in the middle of its height.

    Args:
        picture: uint8 `(height, width, channels)`, of equally high rows.
        names: A text for each row.

    Returns:
        uint8 array of the same height and channels, and as much wider as the longest name needs.
    """
    font = ImageFont.load_default(size=14)
    margin = 16 + max(round(font.getlength(name)) for name in names)
    image = Image.new("L", (margin, len(picture)), 255)
    draw = ImageDraw.Draw(image)
    for row, name in enumerate(names):
        draw.text((8, (row + 0.5) * len(picture) / len(names)), name, fill=0, font=font, anchor="lm")
    left = np.repeat(np.asarray(image)[:, :, None], picture.shape[2], axis=2)
    if picture.shape[2] == 4:
        left[:, :, 3] = 255
    return np.concatenate([left, picture], axis=1)


def write_png(path, picture):
    """Writes a `grid` as a PNG file, creating its folder.

    Args:
        path: Where to.
        picture: uint8 array of shape `(height, width, channels)`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.write_file(path) as partial:
        _image(picture).save(partial, format="PNG")


def is_whole(path):
    """True where a file is there, and a picture that can be read to its end."""
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def data_uri(picture):
    """A picture as text that an HTML page can hold in place of an address: a PNG file in base 64.

    Args:
        picture: uint8 array of shape `(height, width, channels)`.

    Returns:
        A string.

    Example:

    >>> keras_gan.files.pictures.data_uri(np.zeros((4, 4, 1), "uint8"))[:30]
    'data:image/png;base64,iVBORw0K'
    """
    buffer = io.BytesIO()
    _image(picture).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def write_gif(path, png_files, seconds=6.0):
    """Writes an animation of PNG files of one size; the last frame stays for a while.

    Args:
        path: Where to.
        png_files: The frames' paths, in order.
        seconds: How long the frames before the last take together.
    """
    frames = []
    for file in png_files:
        with Image.open(file) as frame:
            frames.append(frame.convert("L" if frame.mode == "L" else "RGB"))
    durations = [max(40, int(1000 * seconds / len(frames)))] * (len(frames) - 1) + [2000]
    with atomic.write_file(Path(path)) as partial:
        frames[0].save(partial, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def _image(picture):
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
