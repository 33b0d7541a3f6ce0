"""Tests of the command `export.saved_model`."""

import contextlib
import importlib.metadata
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from export import saved_model as command
from keras_gan import latents, serialization
from keras_gan.export import loading
from keras_gan.export.checks import c_api, processes, verification
from keras_gan.files import pictures
from tests.keras_gan.export import networks
from tests.test_case import TestCase


class CommandLineTest(TestCase):
    """The command as it is run, and what other programs make of its result."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory())).resolve()
        gan = keras_gan.GAN(
            networks.dcgan(num_classes=2, class_names=["left", "right"]),
            networks.discriminator((9, 7, 3), num_classes=2),
            ema_momentum=0.9,
        )
        gan.compile()
        gan.save(cls.folder / "gan.keras")
        (cls.folder / "config.json").write_text('{"trainer": "dcgan", "seed": 3}')
        cls.model = cls.folder / "gan.keras"
        cls.base = cls.folder / "my models" / "digits"
        flags = [f"--model={cls.model}", f"--publish={cls.base}", "--with_discriminator", "--keep=2", "--thorough"]
        cls.done = subprocess.run([sys.executable, "-m", "export.saved_model", *flags], capture_output=True, text=True)
        cls.generator, cls.discriminator = loading.load_pair(cls.model)

    def test_writes_and_describes(self):
        self.assertEqual((self.done.returncode, self.done.stderr), (0, ""))
        lines = self.done.stdout.splitlines()
        size = self.generator.count_params()
        self.assertRegex(lines[0], rf"\AWrote {re.escape(str(self.base))}/1: 0.\d\d MB, {size:,} parameters")
        self.assertStartsWith(lines[-1], "Serve it:  docker run ")
        self.assertIn(f"'type=bind,source={self.base},target=/models/digits,readonly'", lines[-1])
        card = json.loads((self.base / "1" / "assets.extra" / "generator.json").read_text())
        self.assertEqual(card["weights_sha256"], serialization.weights_digest(self.generator))
        self.assertEqual(card["discriminator_sha256"], serialization.weights_digest(self.discriminator))
        self.assertEqual((card["image_shape"], card["class_names"]), ([9, 7, 3], ["left", "right"]))
        self.assertEqual(card["training"]["run"], self.folder.name)
        ways = [verification.PYTHON] + ([verification.C_API] if c_api.library() else [])
        names = {"serving_default", "sample", "sample_png", "latents", "discriminate"}
        found = {(row["run"], row["signature"], row["batch"]) for row in card["parity"]}
        self.assertEqual(found, {(way, name, batch) for way in ways for name in names for batch in (1, 8)})
        self.assertCountEqual([file.name for file in self.base.iterdir()], ["1", "models.config"])

    def test_the_digests_in_the_card(self):
        """With the program that the page for receivers gives."""
        text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
        (program,) = re.findall(r"```python\n(import hashlib\n.*?)```", text, flags=re.DOTALL)
        run = [sys.executable, "-c", program]
        self.assertEqual(subprocess.run(run, cwd=self.base.parent).returncode, 0)
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(self.base, Path(folder, "digits"))
            with (copy / "1" / "saved_model.pb").open("ab") as file:
                file.write(b"x")
            done = subprocess.run(run, cwd=folder, capture_output=True, text=True)
            self.assertIn("AssertionError: saved_model.pb", done.stderr)

    def test_the_saved_model_command_line(self):
        """TensorFlow's own tool shows the signatures and runs one."""
        (entry,) = importlib.metadata.entry_points(group="console_scripts", name="saved_model_cli")

        def run(*arguments):
            with (
                mock.patch.object(sys, "argv", ["saved_model_cli", *arguments]),
                mock.patch("sys.stdout", io.StringIO()) as out,
                contextlib.suppress(SystemExit),
            ):
                entry.load()()
            return out.getvalue()

        text = run("show", f"--dir={self.base / '1'}", "--all")
        for name in ("serving_default", "sample", "sample_png", "latents", "discriminate"):
            self.assertIn(f"signature_def['{name}']", text)
        inputs = "seed=[5,6];truncation=[1.0,0.5];label=[0,1]"
        signature = ["--tag_set=serve", "--signature_def=sample", f"--input_exprs={inputs}"]
        run("run", f"--dir={self.base / '1'}", *signature, f"--outdir={self.folder}")
        codes = latents.from_seeds([5, 6], 6, truncation=np.float32([1.0, 0.5]))
        expected = pictures.to_uint8(self.generator([codes, np.int32([0, 1])]))
        self.assertLessEqual(processes.max_difference(expected, np.load(self.folder / "images.npy")), 1)

    def test_predict_requests(self):
        """What clients of the gRPC interface send and get, through its protobufs."""
        predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = "digits", "sample_png"
        for name, value in {
            "seed": np.int64([3, 4]),
            "truncation": np.float32([1, 1]),
            "label": np.int32([1, 0]),
        }.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        received = predict_pb2.PredictRequest.FromString(request.SerializeToString())
        function = tf.saved_model.load(self.base / "1").signatures[received.model_spec.signature_name]
        specs = function.structured_input_signature[1]
        self.assertEqual(set(received.inputs), set(specs))
        for name, tensor in received.inputs.items():
            self.assertEqual(tensor.dtype, specs[name].dtype.as_datatype_enum)
        outputs = function(**{name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in received.inputs.items()})
        response = predict_pb2.PredictResponse()
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
        response = predict_pb2.PredictResponse.FromString(response.SerializeToString())
        images = [tf.io.decode_png(png).numpy() for png in tf.make_ndarray(response.outputs["image_bytes"])]
        codes = latents.from_seeds([3, 4], 6)
        expected = pictures.to_uint8(self.generator([codes, np.int32([1, 0])]))
        self.assertLessEqual(processes.max_difference(expected, np.stack(images)), 1)

    def test_bad_flags_are_one_line(self):
        for flags, reason in (
            ([], "expected --model and --out, or --model and --publish"),
            (["--model=a.keras", "--out=a", "--publish=b"], "expected --model and --out, or"),
            (["--model=a.keras", "--out=a", "--keep=2"], "--keep goes with --publish"),
            (["--model=a.keras", "--publish=a", "--overwrite"], "--overwrite does not go with --publish"),
            (["--model=a.keras", "--publish=a", "--keep=-1"], "--keep must be at least 0"),
            ([f"--model={self.model}", f"--publish={self.model}"], "gan.keras, which is a file"),
            ([f"--model={self.model}", f"--publish={self.folder}/new", "--name=a/b"], "name must consist of letters"),
            ([f"--model={self.model}", f"--publish={self.folder}/my models"], "name must .*Received: name='my models'"),
        ):
            self.assertRegex(self.refusal(command.main, *flags), reason)
        self.assertFalse((self.folder / "new").exists())
