"""Tests of what a server asks of signatures."""

import json
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_gan.export.checks import signatures
from tests.test_case import TestCase


class ContractTest(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        module = tf.Module()
        specs = [tf.TensorSpec((None,), tf.int64, name="seed"), tf.TensorSpec((None, 3), tf.float32, name="x")]

        @tf.function(input_signature=specs)
        def function(seed, x):
            return {"y": x, "y_bytes": tf.strings.as_string(seed)}

        cls.folder = Path(cls().get_temp_dir())
        tf.saved_model.save(module, cls.folder, signatures={"serving_default": function})
        cls.contents = (cls.folder / "saved_model.pb").read_bytes()

    def assert_refused(self, change, message):
        """A change of the signature, written back to the file, is refused."""
        file = saved_model_pb2.SavedModel.FromString(self.contents)
        definitions = file.meta_graphs[0].signature_def
        change(definitions["serving_default"], definitions)
        (self.folder / "saved_model.pb").write_bytes(file.SerializeToString())
        with self.assertRaisesRegex(ValueError, message):
            signatures.check(self.folder)

    def test_describe(self):
        (self.folder / "saved_model.pb").write_bytes(self.contents)
        signatures.check(self.folder)
        described = signatures.describe(self.folder)
        self.assertEqual(
            described,
            {
                "serving_default": {
                    "inputs": {
                        "seed": {"dtype": "int64", "shape": [None]},
                        "x": {"dtype": "float32", "shape": [None, 3]},
                    },
                    "outputs": {
                        "y": {"dtype": "float32", "shape": [None, 3]},
                        "y_bytes": {"dtype": "string", "shape": [None]},
                    },
                }
            },
        )

    def test_types_that_json_does_not_have(self):
        for dtype in (tf.float16, tf.bfloat16, tf.complex64):

            def change(signature, _, dtype=dtype):
                signature.outputs["y"].dtype = dtype.as_datatype_enum

            self.assert_refused(change, f"JSON has no type for {dtype.name}. Received: y of signature serving_default")

    def test_a_first_axis_that_is_not_the_batch(self):
        def scalar(signature, _):
            del signature.inputs["seed"].tensor_shape.dim[:]

        def fixed(signature, _):
            signature.outputs["y"].tensor_shape.dim[0].size = 4

        def unknown(signature, _):
            signature.outputs["y"].tensor_shape.unknown_rank = True

        for change, name in ((scalar, "seed"), (fixed, "y"), (unknown, "y")):
            self.assert_refused(change, f"first axis must be the batch.*Received: {name} of signature")

    def test_names_of_binary_outputs(self):
        def unmarked(signature, _):
            signature.outputs["png"].CopyFrom(signature.outputs["y_bytes"])

        def marked(signature, _):
            signature.outputs["x_bytes"].CopyFrom(signature.outputs["y"])

        for change, message in ((unmarked, "png of .*, of type string"), (marked, "x_bytes of .*, of type float32")):
            self.assert_refused(change, f"end in _bytes, and only they. Received: {message}")

    def test_methods_defaults_and_the_default_signature(self):
        def method(signature, _):
            signature.method_name = "tensorflow/serving/classify"

        def default(signature, _):
            signature.defaults["x"].CopyFrom(tf.make_tensor_proto([1.0]))

        def renamed(signature, definitions):
            definitions["other"].CopyFrom(signature)
            del definitions["serving_default"]

        self.assert_refused(method, "must be of the method .*Received: 'tensorflow/serving/classify'")
        self.assert_refused(default, r"Received: defaults for \['x'\]")
        self.assert_refused(renamed, r"needs a signature serving_default. Received: \['other'\]")


class CardTest(TestCase):
    def read(self, contents):
        folder = Path(self.path())
        (folder / "assets.extra").mkdir()
        (folder / signatures.CARD).write_text(contents)
        return signatures.read_card(folder)

    def test_what_it_holds(self):
        card = {"num_classes": 2, "class_names": ["a", "b"], "image_shape": [8, 8, 1], "training": {"steps": 3}}
        self.assertEqual(self.read(json.dumps(card)), card)
        self.assertEqual(self.read("{}"), {})
        self.assertEqual(signatures.read_card(self.path()), {})

    def test_damage_is_named(self):
        for contents, message in (
            ("[]", "the whole must be an object. Received: []"),
            ("[" * 100_000, "nested too deeply"),
            ("{", "line 1 column 2"),
            ('{"training": 3}', "training must be an object. Received: 3"),
            ('{"training": {"steps": "3"}}', "training.steps must be an integer of at least 0. Received: '3'"),
            ('{"num_classes": 1e9}', "num_classes must be an integer from 1 to 100000. Received: 1000000000.0"),
            ('{"num_classes": 2, "class_names": ["a"]}', "as many as num_classes, 2. Received: 1 names"),
            ('{"image_shape": "8x8"}', "image_shape must be a list. Received: '8x8'"),
        ):
            with self.assertRaisesRegex(ValueError, "generator.json is damaged: ") as caught:
                self.read(contents)
            self.assertIn(message, str(caught.exception))
