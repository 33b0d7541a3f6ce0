"""TensorFlow Serving's gRPC services, for clients that were written for it.

Status codes and the form of errors are those of the server's `predict_util.cc`, `get_model_metadata_impl.cc` and
`get_model_status_impl.cc`. Classification, regression and changes of the configuration are not implemented, and say so.
"""

import logging
import math
from concurrent import futures

import grpc
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.stand_in import served
from keras_gan.listener import LARGEST_REQUEST

_Code = grpc.StatusCode
_THREADS = 8
_SECONDS_TO_END = 30.0
_METADATA_FIELD = "signature_def"
# Where a `TensorProto` has its numbers, as the server writes them and its clients read them.
_FIELDS = {
    tf.float32: "float_val", tf.float64: "double_val", tf.bool: "bool_val", tf.int64: "int64_val",
    tf.int8: "int_val", tf.uint8: "int_val", tf.int16: "int_val", tf.int32: "int_val", tf.string: "string_val",
    tf.uint32: "uint32_val", tf.uint64: "uint64_val",
}  # fmt: skip


class _RefusalError(Exception):
    """Raised where a request gets another status than OK.

    Args:
        code: `grpc.StatusCode`.
        details: The message.
    """

    def __init__(self, code, details):
        super().__init__(details)
        self.code = code


class Server:
    """Listens from the beginning. A context that answers meanwhile, and lets answers that are due end.

    Args:
        models: `served.Served`.
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.

    Attributes:
        address: `host:port`, as clients take it.

    Raises:
        OSError: If it cannot listen there.
    """

    def __init__(self, models, host="127.0.0.1", port=0):
        options = [
            ("grpc.max_receive_message_length", LARGEST_REQUEST),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # or two servers would share one port, and its requests
        ]
        self._server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=options)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(models), self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(models), self._server)
        name = f"[{host}]" if ":" in host else host
        try:
            port = self._server.add_insecure_port(f"{name}:{port}")
        except RuntimeError:
            port = 0
        if not port:
            raise OSError(f"Cannot listen on {host} for gRPC: another --grpc_port may be free, and -1 leaves it out")
        self.address = f"{name}:{port}"

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *exception):
        self._server.stop(_SECONDS_TO_END).wait()


def _answering(method):
    """A method of a service whose errors become statuses."""

    def answer(self, request, context):
        try:
            return method(self, request)
        except _RefusalError as error:
            code, details = error.code, str(error)
        except served.NotFoundError as error:
            code, details = _Code.NOT_FOUND, str(error)
        except ValueError as error:
            code, details = _Code.INVALID_ARGUMENT, str(error)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            code, details = _Code.RESOURCE_EXHAUSTED, f"Out of memory: {error}"
        except Exception as error:
            logging.getLogger(__name__).exception("%s", method.__name__)
            code, details = _Code.INTERNAL, f"{type(error).__name__}: {error}"
        return context.abort(code, details)

    return answer


def _asked(request):
    """The name of the model that a request asks for, and the number of the version or `None`."""
    if not request.HasField("model_spec"):
        raise _RefusalError(_Code.INVALID_ARGUMENT, "Missing ModelSpec")
    spec = request.model_spec
    if spec.HasField("version_label"):
        raise _RefusalError(
            _Code.INVALID_ARGUMENT, f"Unrecognized servable version label: {spec.version_label}. There are no labels"
        )
    return spec.name, spec.version.value if spec.HasField("version") else None


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers `Predict` and `GetModelMetadata`.

    Args:
        models: `served.Served`.
    """

    def __init__(self, models):
        self._models = models

    @_answering
    def Predict(self, request):
        with self._models.slots:
            name, number = _asked(request)
            version = self._models.find(name, number)
            signature = request.model_spec.signature_name or "serving_default"
            if signature not in version.signatures:
                raise _RefusalError(_Code.FAILED_PRECONDITION, f'Serving signature key "{signature}" not found.')
            inputs = _inputs(request.inputs, version.signatures[signature], self._models.memory)
            self._models.check_rows(signature, inputs, version.row_bytes[signature])
            wanted = _wanted(request.output_filter, version.description[signature]["outputs"])
            outputs = version.run(signature, inputs)
            answer = predict_pb2.PredictResponse()
            _name(answer.model_spec, name, version.number, signature)
            for key in wanted:
                answer.outputs[key].CopyFrom(_proto(outputs[key]))
            return answer

    @_answering
    def GetModelMetadata(self, request):
        name, number = _asked(request)
        if not request.metadata_field:
            raise ValueError("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != _METADATA_FIELD:
                raise ValueError(f"Metadata field {field} is not supported")
        version = self._models.find(name, number)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        for key, definition in version.definitions.items():
            definitions.signature_def[key].CopyFrom(definition)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        _name(answer.model_spec, name, version.number)
        answer.metadata[_METADATA_FIELD].Pack(definitions)
        return answer


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Answers `GetModelStatus`.

    Args:
        models: `served.Served`.
    """

    def __init__(self, models):
        self._models = models

    @_answering
    def GetModelStatus(self, request):
        answer = get_model_status_pb2.GetModelStatusResponse()
        for version, state, message in self._models.states(*_asked(request)):
            entry = answer.model_version_status.add(version=version, state=state)
            entry.status.error_code = tf.errors.INVALID_ARGUMENT if message else tf.errors.OK
            entry.status.error_message = message
        return answer


def _name(spec, name, number, signature=""):
    spec.name, spec.version.value, spec.signature_name = name, number, signature


def _inputs(tensors, specs, memory):
    """The arrays of a request's tensors, for a signature's inputs."""
    missing, extra = sorted(set(specs) - set(tensors)), sorted(set(tensors) - set(specs))
    if len(tensors) != len(specs):
        raise ValueError(
            f"input size does not match signature: {len(tensors)}!={len(specs)} len({{{','.join(sorted(tensors))}}}) "
            f"!= len({{{','.join(sorted(specs))}}}). Sent extra: {{{','.join(extra)}}}. "
            f"Missing but required: {{{','.join(missing)}}}."
        )
    if extra:
        raise ValueError(
            f"input tensor alias not found in signature: {extra[0]}. Inputs expected to be in the set "
            f"{{{','.join(sorted(specs))}}}."
        )
    return {key: _array(key, tensors[key], spec, memory) for key, spec in specs.items()}


def _array(key, tensor, spec, memory):
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    # One value may stand for as many as a shape says.
    if tensor.tensor_shape.unknown_rank or min(shape, default=0) < 0 or 8 * math.prod(shape) > memory:
        raise ValueError(f"tensor parsing error: {key} has the shape {shape}")
    if tensor.dtype != spec.dtype.as_datatype_enum:
        received = tf.as_dtype(tensor.dtype).name if tensor.dtype else "no dtype"
        raise ValueError(f"Input {key} must hold {spec.dtype.name}. Received: {received}")
    if not spec.shape.is_compatible_with(shape):
        raise ValueError(f"Input {key} must have shape {spec.shape}. Received: shape {tuple(shape)}")
    try:
        return tf.make_ndarray(tensor)
    except (ValueError, TypeError) as error:
        raise ValueError(f"tensor parsing error: {key}: {error}") from None


def _wanted(names, outputs):
    """The names of the outputs to answer with."""
    for name in names:
        if name not in outputs:
            raise ValueError(f"output tensor alias not found in signature: {name}")
    return list(names) or list(outputs)


def _proto(array):
    dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
    tensor = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    getattr(tensor, _FIELDS[dtype]).extend(array.ravel().tolist())
    return tensor
