import contextlib
import io
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from absl.testing import parameterized
from ai_edge_litert.interpreter import Interpreter

import keras_gan
from keras_gan import cli, networks
from tests.keras_gan.networks.network_checks import example_inputs
from tests.test_case import TestCase


class DoorsTest(TestCase, parameterized.TestCase):
    """What Keras and TensorFlow write of a network, by their own ways: before it was ever called."""

    loaded = False

    def network(self, role, num_classes, dtype):
        """A generator or discriminator of a GAN."""
        arguments = {"hidden_units": (8,), "num_classes": num_classes, "dtype": dtype}
        generator = networks.MLPGenerator((4, 3, 1), latent_dim=5, **arguments)
        gan = keras_gan.GAN(generator, networks.MLPDiscriminator((4, 3, 1), activation="relu", **arguments))
        if self.loaded:
            path = self.path("gan.keras")
            gan.save(path)
            gan = keras.saving.load_model(path)
        return getattr(gan, role)

    def check(self, network, dtypes, call=None):
        """Floats are float32 and labels int32, and what comes out, in float32, is what Keras computes."""
        expected = {"float32"} if network.num_classes is None else {"float32", "int32"}
        self.assertLen(dtypes, len(expected))
        self.assertEqual({np.dtype(dtype).name for dtype in dtypes}, expected)
        if call is not None:
            inputs = example_inputs(network, n=3)
            inputs = [inputs] if network.num_classes is None else inputs
            output = np.asarray(call(*(np.asarray(value) for value in inputs)))
            self.assertEqual(output.dtype, np.float32)
            expected = network(inputs[0] if network.num_classes is None else inputs)
            self.assertAllClose(output, expected, atol=1e-5 if network.compute_dtype == "float32" else 0.02)

    def check_saved_model(self, network, path):
        signature = tf.saved_model.load(path).signatures["serving_default"]
        specs = signature.structured_input_signature[1]
        names = [tensor.name for tensor in tf.nest.flatten(network.symbolic_inputs())]
        self.assertCountEqual(specs, names)

        def call(*values):
            inputs = {name: tf.constant(value) for name, value in zip(names, values, strict=True)}
            return signature(**inputs)["output_0"]

        self.check(network, [spec.dtype.as_numpy_dtype for spec in specs.values()], call)

    def check_tflite(self, network, contents, runs=True):
        interpreter = Interpreter(model_content=contents)
        inputs = sorted(interpreter.get_input_details(), key=lambda item: item["dtype"] == np.int32)

        def call(*values):
            for item, value in zip(inputs, values, strict=True):
                interpreter.resize_tensor_input(item["index"], value.shape)
            interpreter.allocate_tensors()
            for item, value in zip(inputs, values, strict=True):
                interpreter.set_tensor(item["index"], value)
            interpreter.invoke()
            return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

        self.check(network, [item["dtype"] for item in inputs], call if runs else None)

    def check_onnx(self, network, path):
        session = onnxruntime.InferenceSession(path)
        names = [value.name for value in session.get_inputs()]
        dtypes = {"tensor(float)": np.float32, "tensor(int32)": np.int32}
        self.assertEqual(names, [tensor.name for tensor in tf.nest.flatten(network.symbolic_inputs())])
        self.check(
            network,
            [dtypes[value.type] for value in session.get_inputs()],
            lambda *values: session.run(None, dict(zip(names, values, strict=True)))[0],
        )

    @parameterized.product(
        role=("generator", "discriminator"),
        num_classes=(None, 3),
        dtype=("float32", "mixed_bfloat16"),
    )
    def test_saved_model(self, role, num_classes, dtype):
        network = self.network(role, num_classes, dtype)
        network.export(path := self.path("exported"), verbose=False)
        self.check_saved_model(network, path)
        tf.saved_model.save(network, path := self.path("saved"))
        self.check_saved_model(network, path)

    @parameterized.product(num_classes=(None, 3), dtype=("float32", "mixed_bfloat16"))
    def test_litert(self, num_classes, dtype):
        network = self.network("generator", num_classes, dtype)
        with cli.silenced():
            network.export(path := self.path("exported.tflite"), format="litert", verbose=False)
        self.check_tflite(network, Path(path).read_bytes())
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        # TFLite's own operations have no bfloat16, and no interpreter here runs TensorFlow's.
        if dtype != "float32":
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        with cli.silenced(), contextlib.redirect_stdout(io.StringIO()):
            contents = converter.convert()
        self.check_tflite(network, contents, runs=dtype == "float32")

    @parameterized.product(num_classes=(None, 3), dtype=("float32", "mixed_bfloat16"))
    def test_onnx(self, num_classes, dtype):
        network = self.network("generator", num_classes, dtype)
        network.export(path := self.path("exported.onnx"), format="onnx", verbose=False)
        self.check_onnx(network, path)

    def test_a_tflite_file_of_one_input_has_a_signature(self):
        with cli.silenced(), contextlib.redirect_stdout(io.StringIO()):
            contents = tf.lite.TFLiteConverter.from_keras_model(self.network("discriminator", None, "float32"))
            signatures = Interpreter(model_content=contents.convert()).get_signature_list()
        self.assertEqual(signatures, {"serving_default": {"inputs": ["args_0"], "outputs": ["output_0"]}})


@pytest.mark.slow
class LoadedDoorsTest(DoorsTest):
    """The same of networks that come from a file."""

    loaded = True
