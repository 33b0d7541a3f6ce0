"""Warm-up requests, which TensorFlow Serving runs on a version before it serves it.

They are a TFRecord file of `tensorflow.serving.PredictionLog` protobufs inside the SavedModel. Those few messages are
encoded here, so that writing them needs no `tensorflow-serving-api`. A request that fails keeps the server from loading
the version: the export runs them first.
"""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

FILE = Path("assets.extra", "tf_serving_warmup_requests")
# Field numbers of the serving API's protobufs.
_LOG_PREDICT, _PREDICT_REQUEST = 6, 1
_REQUEST_SPEC, _REQUEST_INPUTS, _SPEC_NAME, _SPEC_SIGNATURE = 1, 2, 1, 3
_MAP_KEY, _MAP_VALUE = 1, 2
_BYTES = 2  # The wire type of strings and messages: a length, and as many bytes.


def encode(model: str, signature: str, inputs: dict) -> bytes:
    """A `PredictionLog` of one request, serialized.

    Args:
        model: Name of the model.
        signature: Name of the signature.
        inputs: Dictionary from the names of its inputs to arrays.

    Returns:
        Bytes.
    """
    request = _field(_REQUEST_SPEC, _field(_SPEC_NAME, model.encode()) + _field(_SPEC_SIGNATURE, signature.encode()))
    for name, value in sorted(inputs.items()):
        tensor = tf.make_tensor_proto(np.asarray(value)).SerializeToString(deterministic=True)
        request += _field(_REQUEST_INPUTS, _field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, tensor))
    return _field(_LOG_PREDICT, _field(_PREDICT_REQUEST, request))


def decode(record: bytes) -> tuple[str, str, dict]:
    """The inverse of `encode`: `(model, signature, inputs)`."""
    (request,) = _fields(_fields(record)[_LOG_PREDICT][0])[_PREDICT_REQUEST]
    request = _fields(request)
    spec = _fields(request[_REQUEST_SPEC][0])
    inputs = {}
    for entry in map(_fields, request.get(_REQUEST_INPUTS, [])):
        tensor = tensor_pb2.TensorProto.FromString(entry[_MAP_VALUE][0])
        inputs[entry[_MAP_KEY][0].decode()] = tf.make_ndarray(tensor)
    return spec[_SPEC_NAME][0].decode(), spec[_SPEC_SIGNATURE][0].decode(), inputs


def write(folder: str | os.PathLike, model: str, requests: list[tuple[str, dict]]) -> None:
    """Adds warm-up requests to a SavedModel.

    Args:
        folder: Path of the SavedModel.
        model: Name of the model.
        requests: List of `(signature, inputs)`.

    Raises:
        OSError: If they cannot be written.
    """
    file = Path(folder, FILE)
    file.parent.mkdir(exist_ok=True)
    try:
        with tf.io.TFRecordWriter(str(file)) as writer:
            for signature, inputs in requests:
                writer.write(encode(model, signature, inputs))
    except tf.errors.OpError as error:
        raise OSError(f"The warm-up requests could not be written: {error.message}") from error


def read(folder: str | os.PathLike) -> list[tuple[str, dict]]:
    """The warm-up requests of a SavedModel, as `write` takes them."""
    records = tf.data.TFRecordDataset(str(Path(folder, FILE))).as_numpy_iterator()
    return [decode(record)[1:] for record in records]


def _varint(number):
    """An integer in groups of seven bits, the lowest first; the eighth bit says that more follow."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def _field(number, contents):
    """A field of a protobuf that holds bytes."""
    return _varint(number << 3 | _BYTES) + _varint(len(contents)) + contents


def _fields(message):
    """The fields of a protobuf that has only such: a dictionary from numbers to lists of bytes."""
    fields, position = {}, 0

    def varint():
        nonlocal position
        number = shift = 0
        while True:
            byte = message[position]
            position += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while position < len(message):
        number, wire_type = divmod(varint(), 8)
        if wire_type != _BYTES:
            raise ValueError(f"Expected a message of which all fields are bytes. Received: wire type {wire_type}")
        length = varint()
        fields.setdefault(number, []).append(message[position : position + length])
        position += length
    return fields
