"""Sources that are made of images: what a translator learns to undo."""

import math

import tensorflow as tf

# Luminance of ITU-R BT.601, as `decoding.fit` has it.
_LUMINANCE = (0.299, 0.587, 0.114)
_EDGE = 0.5  # a gradient of half the range of a byte over a pixel or two is an edge
_NOISE = 0.5  # standard deviation, in images of [-1, 1]

NAMES = ("gray", "edges", "lowres:N", "mask", "noise")


def get(name, image_shape):
    """The function that makes sources of images.

    - `"gray"`: their luminance, for colourization;
    - `"edges"`: dark lines where it changes steeply, found by Sobel's operator, for pictures of drawings;
    - `"lowres:N"`: the mean of every NxN pixels, repeated, for super-resolution;
    - `"mask"`: without a rectangle of half the sides, at a random place, for inpainting;
    - `"noise"`: with normal noise of standard deviation 0.5, for denoising.

    Args:
        name: One of these.
        image_shape: `(height, width, channels)` of the images.

    Returns:
        The pair of a function and the shape of a source. The function takes float32 images in [-1, 1]
        `(batch, height, width, channels)` and int64 keys `(batch, 2)`, which determine what is random about each, and
        returns float32 sources in [-1, 1].

    Raises:
        ValueError: If the name is none of these, or does not fit the images.

    Example:

    >>> gray, shape = keras_gan.data.conditions.get("gray", (1, 1, 3))
    >>> shape, round(float(gray(tf.constant([[[[1.0, 0.0, -1.0]]]]), None)[0, 0, 0, 0]), 3)
    ((1, 1, 1), 0.185)
    """
    if len(image_shape) != 3:
        raise ValueError(f"Sources are made of images. Received: source={name!r} for vectors of shape {image_shape}")
    height, width, channels = image_shape
    kind, _, number = name.partition(":")
    if name == "gray":
        if channels < 3:
            raise ValueError(
                f"source='gray' needs images of 3 channels: pass channels=3. Received: {channels} channels"
            )
        return _gray, (height, width, 1)
    if name == "edges":
        return _edges, (height, width, 1)
    if kind == "lowres" and number.isdecimal() and int(number) > 1:
        return _lowres(int(number), image_shape), image_shape
    if name == "mask":
        return _mask, image_shape
    if name == "noise":
        return _noise, image_shape
    raise ValueError(f"A source is one of {list(NAMES)}, with N at least 2. Received: source={name!r}")


def _gray(images, keys):
    if images.shape[-1] < 3:
        return images[..., :1]
    return tf.tensordot(images[..., :3], tf.constant(_LUMINANCE), 1)[..., None]


def _edges(images, keys):
    gradients = tf.image.sobel_edges(_gray(images, keys))
    # Sobel's kernels weigh a difference over two pixels by 4, so that a step of the whole range has 8.
    steepness = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=-1)) / 8.0
    return tf.where(steepness > _EDGE / 2.0, -1.0, 1.0)


def _lowres(factor, image_shape):
    height, width, _ = image_shape
    if height % factor or width % factor:
        raise ValueError(
            f"source='lowres:{factor}' needs sides that {factor} divides, such as "
            f"{math.ceil(height / factor) * factor}x{math.ceil(width / factor) * factor}: pass image_size. "
            f"Received: {height}x{width}"
        )

    def lowres(images, keys):
        small = tf.nn.avg_pool2d(images, factor, factor, "VALID")
        return tf.repeat(tf.repeat(small, factor, axis=1), factor, axis=2)

    return lowres


def uniform(keys, count):
    """Draws from U(0, 1) of each image's own key: float32 `(batch, count)`."""
    draw = lambda key: tf.random.stateless_uniform((count,), key, alg="philox")  # noqa: E731
    return tf.map_fn(draw, keys, fn_output_signature=tf.TensorSpec((count,), tf.float32))


def _mask(images, keys):
    sides, draws = images.shape[1:3], uniform(keys, 2)
    inside = []
    for axis, side in enumerate(sides):
        length = max(1, side // 2)
        start = tf.floor(draws[:, axis] * (side - length + 1))[:, None]
        pixels = tf.range(side, dtype=tf.float32)
        inside.append((pixels >= start) & (pixels < start + length))
    hidden = inside[0][:, :, None] & inside[1][:, None, :]
    return tf.where(hidden[..., None], 0.0, images)


def _noise(images, keys):
    shape = images.shape[1:]
    noise = tf.map_fn(
        lambda key: tf.random.stateless_normal(shape, key, alg="philox"),
        keys,
        fn_output_signature=tf.TensorSpec(shape, tf.float32),
    )
    return tf.clip_by_value(images + _NOISE * noise, -1.0, 1.0)
