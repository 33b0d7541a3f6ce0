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
from tests.keras_gan.networks.network_checks import NetworkTestCase, example_inputs
from tests.test_case import TestCase


@keras.saving.register_keras_serializable("keras_gan_tests")
class Affine(networks.Generator):
    """The smallest conditional generator: a row of a table times the latents."""

    def __init__(self, image_shape=(2,), latent_dim=2, num_classes=3, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, num_classes=num_classes, **kwargs)
        self.table = keras.layers.Embedding(self.num_classes, self.latent_dim, dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(self.image_shape[0], dtype=self.dtype_policy)
        self.build()

    def call(self, inputs, training=None):
        latents, labels = self.unpack(inputs)
        return keras.ops.cast(self.dense(latents + self.table(labels)), "float32")


class BaseTest(NetworkTestCase):
    def test_a_users_network(self):
        self.check_network(Affine, latent_dim=4, latent_prior="uniform", class_names=["x", "y", "z"])

    def test_a_sample_depends_on_its_own_seed_and_label_only(self):
        for generator in (
            networks.MLPGenerator((4, 3, 1), latent_dim=5, hidden_units=(8,), num_classes=3),
            networks.DCGANGenerator((8, 8, 1), latent_dim=5, filters=2, num_classes=3),
        ):
            images = generator.sample(6, labels=[0, 1, 2, 2, 1, 0], seed=10)
            self.assertEqual(images.shape, (6, *generator.image_shape))
            self.assertAllClose(generator.sample(3, labels=[2, 1, 0], seed=13), images[3:], atol=1e-6)
            self.assertNotAllClose(images[0], images[5])
            self.assertAllEqual(generator.sample(6, labels=[0, 1, 2, 2, 1, 0], seed=10), images)

    def test_no_truncation_left_means_one_image(self):
        generator = networks.MLPGenerator((4, 3, 1), latent_dim=5, hidden_units=(8,))
        mean = generator(np.zeros((1, 5), "float32"))
        self.assertAllClose(generator.sample(3, truncation=0.0), np.repeat(mean, 3, axis=0))
        self.assertNotAllClose(generator.sample(3), np.repeat(mean, 3, axis=0), atol=1e-6)

    def test_networks_need_no_data_to_be_built(self):
        self.assertLen(Affine().weights, 3)

    def test_labels_become_planes(self):
        images = np.arange(8.0, dtype="float32").reshape(2, 2, 2, 1)
        joined = networks.base.append_labels(images, np.array([1, 0]), 2)
        self.assertAllEqual(joined[..., :1], images)
        self.assertAllEqual(joined[..., 1], np.array([0.0, 1.0])[:, None, None] * np.ones((2, 2, 2)))
        self.assertAllEqual(joined[..., 2], np.array([1.0, 0.0])[:, None, None] * np.ones((2, 2, 2)))
        self.assertAllEqual(networks.base.append_labels(np.zeros((1, 2)), np.array([1]), 2), [[0, 0, 0, 1]])

    def test_contradictory_arguments(self):
        for shape in ((4, 4), (0, 4, 1), (), 5, (None, 4, 1)):
            with self.assertRaisesRegex(ValueError, r"`image_shape` must be \(height, width, channels\)"):
                networks.MLPDiscriminator(shape)
        with self.assertRaisesRegex(ValueError, "`latent_dim` must be at least 1"):
            Affine(latent_dim=0)
        with self.assertRaisesRegex(ValueError, r"prior must be one of \['normal', 'uniform'\].*'cauchy'"):
            Affine(latent_prior="cauchy")
        with self.assertRaisesRegex(ValueError, "`num_classes` must be at least 1"):
            networks.MLPDiscriminator((2,), num_classes=0)
        with self.assertRaisesRegex(ValueError, "`class_names` needs `num_classes`"):
            networks.MLPDiscriminator((2,), class_names=["a"])
        with self.assertRaisesRegex(ValueError, "must name each of the 3 classes"):
            Affine(class_names=["a", "b"])


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
