"""Checks of what TensorFlow Serving asks of signatures, on the SavedModel as it lies on disk."""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_gan.files import schema

# What is known of the generator, for people and programs; no loader looks at it.
CARD = Path("assets.extra", "generator.json")
METHOD = "tensorflow/serving/predict"
# The types that its JSON has: no half precision, for one.
JSON_TYPES = (
    tf.bool, tf.string, tf.int8, tf.uint8, tf.int16, tf.int32, tf.uint32, tf.int64, tf.uint64, tf.float32, tf.float64,
)  # fmt: skip
_INIT = "__saved_model_init_op"


def signature_defs(path):
    """The signatures of a SavedModel, as its file declares them.

    Args:
        path: Path of its folder.

    Returns:
        Dictionary from names to `SignatureDef` protobufs.
    """
    file = saved_model_pb2.SavedModel.FromString(Path(path, "saved_model.pb").read_bytes())
    definitions = file.meta_graphs[0].signature_def
    return {name: definition for name, definition in definitions.items() if name != _INIT}


def check(path):
    """Checks what the server's JSON, its batching and its clients need.

    There must be a `serving_default`; every tensor has the batch as a first axis of unknown length, which batching
    joins requests along, and a type that JSON has; binary outputs have names that end in `_bytes`, and no others do;
    no input has a default, which REST requests could not rely on.

    Args:
        path: Path of a SavedModel folder.

    Raises:
        ValueError: If it breaks one of these rules.
    """
    definitions = signature_defs(path)
    if "serving_default" not in definitions:
        raise ValueError(f"A served model needs a signature serving_default. Received: {sorted(definitions)}")
    for name, definition in definitions.items():
        if definition.method_name != METHOD:
            raise ValueError(f"Signature {name} must be of the method {METHOD}. Received: {definition.method_name!r}")
        if definition.defaults:
            raise ValueError(
                f"Signature {name} must require all inputs. Received: defaults for {sorted(definition.defaults)}"
            )
        for tensors in (definition.inputs, definition.outputs):
            for key, tensor in tensors.items():
                _check_tensor(f"{key} of signature {name}", key, tensor)
        for key, tensor in definition.outputs.items():
            if (tensor.dtype == tf.string.as_datatype_enum) != key.endswith("_bytes"):
                raise ValueError(
                    f"Binary outputs must have names that end in _bytes, and only they. Received: {key} of "
                    f"signature {name}, of type {tf.as_dtype(tensor.dtype).name}"
                )


def _check_tensor(where, key, tensor):
    dtype, shape = tf.as_dtype(tensor.dtype), tf.TensorShape(tensor.tensor_shape)
    if dtype not in JSON_TYPES:
        raise ValueError(f"JSON has no type for {dtype.name}. Received: {where}")
    if not shape.rank or shape[0] is not None:
        raise ValueError(f"The first axis must be the batch, of unknown length. Received: {where}, of shape {shape}")


def describe(path):
    """The signatures as JSON holds them.

    Args:
        path: Path of a SavedModel folder.

    Returns:
        Dictionary from the name of a signature to `{"inputs": ..., "outputs": ...}`, each a dictionary from a name
        to `{"dtype": ..., "shape": ...}`, where the batch is `None`.
    """
    return {
        name: {
            side: {key: _describe_tensor(tensor) for key, tensor in sorted(getattr(definition, side).items())}
            for side in ("inputs", "outputs")
        }
        for name, definition in sorted(signature_defs(path).items())
    }


def _describe_tensor(tensor):
    return {"dtype": tf.as_dtype(tensor.dtype).name, "shape": tf.TensorShape(tensor.tensor_shape).as_list()}


def read_card(path):
    """Reads what is known of the generator of a SavedModel.

    Args:
        path: Path of its folder.

    Returns:
        The contents of its `generator.json`, `{}` where it has none. What is shown of it, and used, is of the right
        types: `image_shape` and `class_names` are lists of integers and strings, `num_classes` and `latent_dim`
        integers, `latent_prior` a string, `training` a dictionary whose `steps` is an integer; each may be `None` or
        missing.

    Raises:
        ValueError: If the file cannot be read, or holds something else.
    """
    file = Path(path, CARD)
    try:
        return schema.read(file, _form)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is damaged: {error}") from None


def _form(card, where):
    count = schema.integer(low=0)
    schema.table(
        image_shape=schema.optional(schema.array(count)),
        latent_dim=schema.optional(count),
        latent_prior=schema.optional(schema.text),
        training=schema.optional(schema.table(steps=schema.optional(count))),
    )(card, where)
    schema.classes(card, where)
