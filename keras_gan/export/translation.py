r"""The exported functions of translators: what `saved_model`, `tflite` and `onnx` write of networks without latents.

| signature                      | inputs                                    | outputs                       |
|--------------------------------|-------------------------------------------|-------------------------------|
| `serving_default`, `translate` | `images` float32 (b, h, w, c), in [-1, 1] | `images` float32, in [-1, 1]  |
| `translate_png`                | `image_bytes` string (b), PNG or JPEG     | `image_bytes` string (b), PNG |

`translate_png` decodes pictures, cuts them centrally to the network's aspect, resizes them with an antialiased bicubic
filter, and encodes what they become; what is neither PNG nor JPEG is refused, and so are images that are not finite or
out of range. ONNX, where inputs and outputs share their names, calls the output `translated`.
"""

import platform

import keras
import tensorflow as tf

import keras_gan
from keras_gan import serialization
from keras_gan.files import pictures

# The first bytes of the two formats; TensorFlow's decoders take others too, some of which crash it.
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_DECODED = (1, 3, 4)  # channels that TensorFlow decodes pictures to


def functions(translator, batch_size=None):
    """The functions that are exported.

    Args:
        translator: A `keras_gan.networks.Translator`.
        batch_size: Number of images per call, or `None` for any.

    Returns:
        Dictionary from the name of a signature to `(function, list of tf.TensorSpec)`.

    Example:

    >>> from keras_gan.export import translation
    >>> translator = keras_gan.networks.UNetGenerator((8, 8, 1), (8, 8, 3), filters=2)
    >>> function, specs = translation.functions(translator)["translate"]
    >>> specs[0].name, function(tf.zeros((2, 8, 8, 1)))["images"].shape
    ('images', TensorShape([2, 8, 8, 3]))
    """

    def translate(images):
        # Of a NaN this does not hold.
        in_range = tf.abs(images) <= 1.001
        checked = tf.debugging.Assert(tf.reduce_all(in_range), ["`images` must be finite and lie in [-1, 1]"])
        with tf.control_dependencies([checked]):
            return {"images": tf.cast(translator(tf.identity(images), training=False), tf.float32)}

    def translate_png(image_bytes):
        shape = translator.source_shape
        spec = tf.TensorSpec(shape, tf.float32)
        images = tf.map_fn(lambda contents: _decode(contents, shape), image_bytes, fn_output_signature=spec)
        made = pictures.tensor_to_uint8(translate(images)["images"])
        return {"image_bytes": tf.map_fn(tf.io.encode_png, made, fn_output_signature=tf.string)}

    specs = [tf.TensorSpec((batch_size, *translator.source_shape), tf.float32, name="images")]
    found = {"serving_default": (translate, specs), "translate": (translate, specs)}
    if translator.source_shape[-1] in _DECODED and translator.image_shape[-1] <= 4:
        found["translate_png"] = (translate_png, [tf.TensorSpec((batch_size,), tf.string, name="image_bytes")])
    return found


def _decode(contents, shape):
    """A picture file as an image of a shape, floats in [-1, 1]."""
    begins = [tf.equal(tf.strings.substr(contents, 0, len(magic)), magic) for magic in (_PNG, _JPEG)]
    checked = tf.debugging.Assert(begins[0] | begins[1], ["`image_bytes` must be PNG or JPEG files"])
    with tf.control_dependencies([checked]):
        image = tf.io.decode_png(tf.identity(contents), channels=shape[-1])  # which decodes JPEG as well
    height, width = shape[:2]
    rows, columns = tf.shape(image)[0], tf.shape(image)[1]
    # The largest window of the network's aspect, in the middle.
    tall = tf.maximum(1, tf.minimum(rows, columns * height // width))
    wide = tf.maximum(1, tf.minimum(columns, rows * width // height))
    top, left = (rows - tall) // 2, (columns - wide) // 2
    window = tf.cast(image[top : top + tall, left : left + wide], tf.float32)
    resized = tf.image.resize(window, (height, width), tf.image.ResizeMethod.BICUBIC, antialias=True)
    return pictures.tensor_from_uint8(tf.clip_by_value(tf.round(resized), 0.0, 255.0))


def describe(translator):
    """Facts that a program needs to run the export, as JSON holds them.

    Args:
        translator: A `keras_gan.networks.Translator`.

    Returns:
        Dictionary.
    """
    return {
        "format_version": 1,
        "source_shape": list(translator.source_shape),
        "image_shape": list(translator.image_shape),
        "image_range": [-1, 1],
        "uint8": pictures.ROUNDING,
        "num_classes": None,
        "class_names": None,
        "parameters": translator.count_params(),
        "weights_sha256": serialization.weights_digest(translator),
        "versions": {
            "keras_gan": keras_gan.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
    }
