"""The gRPC services, through clients as they are written for TensorFlow Serving."""

from unittest import mock

import pytest
import tensorflow as tf

from tests.keras_gan.export import published
from tests.test_case import TestCase

grpc = pytest.importorskip("grpc")
pytest.importorskip("tensorflow_serving.apis.predict_pb2")

from tensorflow_serving.apis import (  # noqa: E402
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.stand_in import rpc, served  # noqa: E402

INPUTS = {"seed": ([7, 8], tf.int64), "truncation": ([1.0, 1.0], tf.float32), "label": ([3, 3], tf.int32)}


def request(signature="sample", inputs=INPUTS, name="digits", **spec):
    """A request to predict; `inputs` are pairs of values and dtype."""
    made = predict_pb2.PredictRequest()
    made.model_spec.name, made.model_spec.signature_name = name, signature
    for key, value in spec.items():
        if key == "version":
            made.model_spec.version.value = value
        else:
            setattr(made.model_spec, key, value)
    for key, (values, dtype) in inputs.items():
        made.inputs[key].CopyFrom(tf.make_tensor_proto(values, dtype))
    return made


def with_one(key, values, dtype):
    return {**INPUTS, key: (values, dtype)}


def without(key):
    return {name: value for name, value in INPUTS.items() if name != key}


def bad_requests():
    """Requests that the server refuses too: triples of the request, its status and what the message says."""
    unnamed = predict_pb2.PredictRequest()
    filtered = request()
    filtered.output_filter.append("sounds")
    code = grpc.StatusCode
    return [
        (unnamed, code.INVALID_ARGUMENT, "Missing ModelSpec"),
        (request(name="none"), code.NOT_FOUND, r"Servable not found for request: Latest\(none\)"),
        (request(version=77), code.NOT_FOUND, r"Servable not found for request: Specific\(digits, 77\)"),
        (request(version_label="stable"), code.INVALID_ARGUMENT, "Unrecognized servable version label: stable"),
        (request("hear"), code.FAILED_PRECONDITION, 'Serving signature key "hear" not found'),
        (request(inputs=without("label")), code.INVALID_ARGUMENT, "input size does not match signature"),
        (
            request(inputs={**without("label"), "mood": ([1, 1], tf.int32)}),
            code.INVALID_ARGUMENT,
            "input tensor alias not found in signature: mood",
        ),
        (request(inputs=with_one("label", [4, 4], tf.int32)), code.INVALID_ARGUMENT, r"must lie in \[0, 4\)"),
        (request(inputs=with_one("label", [3, 3], tf.int64)), code.INVALID_ARGUMENT, "."),
        (request(inputs=with_one("label", [3, 3, 3], tf.int32)), code.INVALID_ARGUMENT, "."),
        (request(inputs=with_one("seed", [[7], [8]], tf.int64)), code.INVALID_ARGUMENT, "."),
        (filtered, code.INVALID_ARGUMENT, "output tensor alias not found in signature: sounds"),
    ]


class ServerTest(TestCase):
    def connect(self, **kwargs):
        server = self.enterContext(rpc.Server(served.Served([published.model()], **kwargs)))
        channel = self.enterContext(grpc.insecure_channel(server.address))
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)
        return server

    def refused(self, call, made):
        with self.assertRaises(grpc.RpcError) as caught:
            call(made, timeout=20)
        return caught.exception.code(), caught.exception.details()

    def test_predict(self):
        self.connect()
        for made in (request(), request(version=1)):
            answer = self.predictions.Predict(made, timeout=20)
            self.assertAllClose(tf.make_ndarray(answer.outputs["images"]), published.images([7, 8], 3), atol=1)
            spec = answer.model_spec
            self.assertEqual((spec.name, spec.version.value, spec.signature_name), ("digits", 1, "sample"))
        # Numbers are where the server has them, and files are strings.
        self.assertLen(answer.outputs["images"].int_val, 2 * 16)
        answer = self.predictions.Predict(request("sample_png"), timeout=20)
        [output] = answer.outputs.values()
        self.assertAllClose(
            tf.io.decode_png(output.string_val[1]).numpy().astype(int), published.images([8], 3)[0], atol=1
        )

    def test_default_signature_and_output_filter(self):
        self.connect()
        latent = self.predictions.Predict(request("latents", without("label")), timeout=20).outputs["latent"]
        self.assertLen(latent.float_val, 2 * 6)
        made = request("", {"latent": (tf.make_ndarray(latent), tf.float32), "label": ([3, 3], tf.int32)})
        made.output_filter.append("images")
        answer = self.predictions.Predict(made, timeout=20)
        self.assertEqual(answer.model_spec.signature_name, "serving_default")
        self.assertEqual(list(answer.outputs), ["images"])
        self.assertAllClose(
            127.5 * tf.make_ndarray(answer.outputs["images"]) + 127.5, published.images([7, 8], 3), atol=1.5
        )

    def test_refusals(self):
        self.connect()
        for made, code, message in bad_requests():
            found = self.refused(self.predictions.Predict, made)
            self.assertEqual(found[0], code, made)
            self.assertRegex(found[1], message)

    def test_memory_is_bounded_before_it_is_spent(self):
        row = published.model().current.row_bytes["sample"]
        self.connect(largest_memory=3 * row)
        with mock.patch.object(type(published.model().current), "run", side_effect=AssertionError("it was computed")):
            made = request(inputs={key: (2 * values, dtype) for key, (values, dtype) in INPUTS.items()})
            code, details = self.refused(self.predictions.Predict, made)
            self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
            self.assertRegex(details, "4 rows of sample, .* ask for at most 3")
            # One number that stands for many.
            made = request()
            made.inputs["seed"].tensor_shape.dim[0].size = 2**40
            self.assertRegex(self.refused(self.predictions.Predict, made)[1], "tensor parsing error: seed has")

    def test_defects_are_internal(self):
        self.connect()
        run = mock.patch.object(type(published.model().current), "run", side_effect=KeyError("odd"))
        with run, self.assertLogs("export.stand_in.rpc"):
            self.assertEqual(self.refused(self.predictions.Predict, request())[0], grpc.StatusCode.INTERNAL)

    def test_metadata(self):
        self.connect()
        made = get_model_metadata_pb2.GetModelMetadataRequest()
        self.assertEqual(self.refused(self.predictions.GetModelMetadata, made)[1], "Missing ModelSpec")
        made.model_spec.name = "digits"
        self.assertIn("at least one metadata_field", self.refused(self.predictions.GetModelMetadata, made)[1])
        made.metadata_field.append("signature_def")
        answer = self.predictions.GetModelMetadata(made, timeout=20)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        self.assertTrue(answer.metadata["signature_def"].Unpack(definitions))
        definition = definitions.signature_def["sample"]
        self.assertEqual(sorted(definition.inputs), ["label", "seed", "truncation"])
        self.assertEqual(definition.inputs["seed"].dtype, tf.int64.as_datatype_enum)
        self.assertEqual(answer.model_spec.version.value, 1)
        made.metadata_field.append("weights")
        self.assertIn(
            "Metadata field weights is not supported", self.refused(self.predictions.GetModelMetadata, made)[1]
        )

    def test_status(self):
        self.connect()
        made = get_model_status_pb2.GetModelStatusRequest()
        made.model_spec.name = "digits"
        [entry] = self.models.GetModelStatus(made, timeout=20).model_version_status
        self.assertEqual((entry.version, entry.status.error_code), (1, 0))
        self.assertEqual(entry.state, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
        made.model_spec.name = "none"
        self.assertEqual(self.refused(self.models.GetModelStatus, made)[0], grpc.StatusCode.NOT_FOUND)

    def test_a_port_has_one_server(self):
        server = self.connect()
        with self.assertRaisesRegex(OSError, "Cannot listen on 127.0.0.1 for gRPC"):
            rpc.Server(served.Served([]), port=int(server.address.rpartition(":")[2]))
