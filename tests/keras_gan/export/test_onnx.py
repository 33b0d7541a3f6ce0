"""Tests of ONNX exports."""

import hashlib
import json
from pathlib import Path
from unittest import mock

import numpy as np
import onnx as onnx_library
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan.export import onnx, portable
from keras_gan.export.checks import parity, processes
from tests.keras_gan.export import networks
from tests.keras_gan.export.test_tflite import inverting
from tests.test_case import TestCase


class Drawing(keras_gan.networks.MLPGenerator):
    """Adds noise of a stateless generator, for which ONNX has no operator."""

    def call(self, inputs, training=None):
        images = super().call(inputs, training=training)
        return images + 0.1 * tf.random.stateless_normal(tf.shape(images), (0, 1))


class ExportTest(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def test_conditional(self):
        generator = networks.dcgan((9, 7, 3), num_classes=3, class_names=["a", "b", "c"])
        out = self.folder / "out.onnx"
        card = onnx.export(generator, out)
        self.assertEqual(json.loads(Path(f"{out}.json").read_text()), card)
        self.assertEqual(card["file"]["sha256"], hashlib.sha256(out.read_bytes()).hexdigest())
        self.assertEqual(card["class_names"], ["a", "b", "c"])
        self.assertEqual(card["signatures"]["serving_default"]["inputs"]["latent"]["shape"], ["batch", 6])
        refused = {"label -1": "refused", "label too large": "refused", "latent NaN": "NaN"}
        self.assertEqual(card["bad_inputs"], refused)
        self.assertIn("ConvTranspose", card["operators"])
        self.assertEqual({row["batch_size"] for row in card["parity"]["rows"]}, {1, 16})
        model = onnx_library.load(out)
        self.assertEqual([(entry.domain, entry.version) for entry in model.opset_import], [("", onnx.OPSET)])
        shapes = {
            value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
            for value in [*model.graph.input, *model.graph.output]
        }
        self.assertEqual(shapes, {"latent": ["batch", 6], "label": ["batch"], "images": ["batch", 9, 7, 3]})
        # Any batch, also none.
        inputs = parity.LatentSampler.of(generator).draw(0, 6)
        sizes = (0, 2, 6)
        requests = [(out, "", {name: value[:size] for name, value in inputs.items()}) for size in sizes]
        expected = np.asarray(generator([inputs["latent"], inputs["label"]]))
        for size, answer in zip(sizes, processes.run(requests), strict=True):
            self.assertLessEqual(processes.max_difference(expected[:size], answer["images"]), 1e-5)

    def test_grouped_convolutions(self):
        card = onnx.export(networks.r3gan(), self.folder / "out.onnx")
        self.assertLessEqual(max(row["max_difference"] for row in card["parity"]["rows"]), 1e-5)

    @parameterized.parameters(*networks.GENERATORS)
    def test_generators_convert(self, name):
        """Every generator of the package, without classes."""
        model = onnx.convert(networks.smallest(name, (8, 8, 1)))
        self.assertEqual(onnx.operators(model)[1], [])
        self.assertEqual([value.name for value in model.graph.input], ["latent"])

    def test_refuses_operators_by_name(self):
        for generator, name in ((inverting(), "MatrixInverse"), (Drawing((4, 4, 1), latent_dim=6), "Stateless")):
            with self.assertRaisesRegex(ValueError, f"does not convert to .*{name}"):
                onnx.export(generator, self.folder / "out.onnx")
            self.assertEmpty(list(self.folder.iterdir()))

    def test_operators_of_other_domains(self):
        node = onnx_library.helper.make_node("FusedMatMul", ["a", "b"], ["c"], domain="com.microsoft")
        inner = onnx_library.helper.make_graph([node], "inner", [], [])
        branch = onnx_library.helper.make_node("If", ["d"], ["e"], then_branch=inner, else_branch=inner)
        add = onnx_library.helper.make_node("Add", ["a", "b"], ["d"])
        model = onnx_library.helper.make_model(onnx_library.helper.make_graph([add, branch], "outer", [], []))
        self.assertEqual(onnx.operators(model), (["Add", "If"], ["com.microsoft::FusedMatMul"]))

    def test_a_failed_check_leaves_nothing(self):
        generator = networks.mlp()
        with (
            mock.patch.object(portable, "reference", return_value=lambda latent: -generator(latent)),
            self.assertRaisesRegex(ValueError, "ONNX file is not accepted: a difference of"),
        ):
            onnx.export(generator, self.folder / "out.onnx")
        self.assertEmpty(list(self.folder.iterdir()))

    def test_a_missing_package_is_named(self):
        with (
            mock.patch("importlib.util.find_spec", lambda name: name == "onnx" or None),
            self.assertRaisesRegex(ValueError, "Run: pip install tf2onnx onnxruntime$"),
        ):
            onnx.export(networks.mlp(), self.folder / "out.onnx")
        self.assertEmpty(list(self.folder.iterdir()))
