"""Tests of TFLite exports."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from export import checks, saved_model, tflite
from keras_gan import command
from tests.export import networks
from tests.test_case import TestCase


@keras.saving.register_keras_serializable("tests")
class Inverting(keras_gan.networks.MLPGenerator):
    """Inverts a matrix, for which TFLite has no operation."""

    def call(self, inputs, training=None):
        images = super().call(inputs, training=training)
        return images + tf.linalg.inv(tf.eye(4) + 0.01 * images[..., 0])[..., None]


def inverting():
    return Inverting((4, 4, 1), latent_dim=6, hidden_units=(4,))


class ExportTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def export(self, generator, name="out.tflite", **kwargs):
        return tflite.export(generator, self.folder / name, **kwargs)

    def test_float32_agrees_with_keras(self):
        for generator, operator in ((networks.dcgan((9, 7, 3)), "TRANSPOSE_CONV"), (networks.mlp(), "LOGISTIC")):
            report = self.export(generator, overwrite=True)
            self.assertLessEqual(report["max_difference"], 1e-5)
            self.assertGreater(report["psnr"], 100.0)
            self.assertEqual(report["bytes"], (self.folder / "out.tflite").stat().st_size)
            self.assertIn(operator, report["operators"])

    def test_formats(self):
        generator = networks.dcgan((28, 28, 1), filters=16, num_classes=3)
        reports = {name: self.export(generator, name + ".tflite", format=name) for name in tflite.FORMATS}
        sizes = {name: report["bytes"] for name, report in reports.items()}
        self.assertBetween(sizes["float32"], 4 * generator.count_params(), 5 * generator.count_params())
        self.assertBetween(sizes["float16"] / sizes["float32"], 0.5, 0.6)
        # Each output channel has a scale of its own, which is as much as a few of its 8-bit weights.
        self.assertBetween(sizes["dynamic"] / sizes["float32"], 0.25, 0.55)
        self.assertGreater(reports["float32"]["psnr"], reports["float16"]["psnr"])
        self.assertGreater(reports["float16"]["psnr"], reports["dynamic"]["psnr"])

    def test_batch_size(self):
        generator = networks.dcgan(num_classes=2)
        self.assertLessEqual(self.export(generator, batch_size=3)["max_difference"], 1e-5)
        codes, labels = np.random.default_rng(0).normal(size=(3, 6)).astype("float32"), np.int32([0, 1, 1])
        signature = (self.folder / "out.tflite", "serving_default")
        (answer,) = checks.run([(*signature, {"latent": codes, "label": labels})])
        difference = checks.max_difference(np.asarray(generator([codes, labels])), answer["images"])
        self.assertLessEqual(difference, 1e-5)

    def test_refuses_operations_by_name(self):
        with self.assertRaisesRegex(ValueError, "built-in TFLite operations. Received: MatrixInverse$"):
            self.export(inverting())
        self.assertEmpty(list(self.folder.iterdir()))

    def test_operators_finds_custom_ones(self):
        with command.silenced():
            saved_model.write(saved_model.signatures(inverting(), batch_size=1), self.folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(str(self.folder), signature_keys=["serving_default"])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
            contents = converter.convert()
        builtin, custom = tflite.operators(contents)
        self.assertEqual(custom, ["FlexMatrixInverse"])
        self.assertIn("LOGISTIC", builtin)

    def test_check_fails_for_other_weights(self):
        generator, other = networks.mlp(), networks.mlp()
        other.set_weights([-weight for weight in other.get_weights()])
        for name in ("float32", "dynamic"):
            path = self.folder / f"{name}.tflite"
            path.write_bytes(tflite.convert(generator, name))
            limit = "agree with Keras to 1e-05" if name == "float32" else "reach a PSNR of"
            with self.assertRaisesRegex(ValueError, f"The {name} file must {limit}"):
                tflite.check(other, path, name)

    def test_refuses_bad_arguments(self):
        generator = networks.mlp()
        with self.assertRaisesRegex(ValueError, "format='int8'"):
            self.export(generator, format="int8")
        with self.assertRaisesRegex(ValueError, "batch_size=0"):
            self.export(generator, batch_size=0)
        with self.assertRaisesRegex(ValueError, "end in .tflite"):
            self.export(generator, "out.lite")
        (self.folder / "out.tflite").write_text("old")
        with self.assertRaisesRegex(ValueError, "exists already"):
            self.export(generator)
        self.assertEqual((self.folder / "out.tflite").read_text(), "old")


class CommandLineTest(TestCase):
    def test_writes(self):
        folder = Path(self.get_temp_dir())
        networks.mlp().save(folder / "generator.keras")
        out = folder / "out.tflite"
        command = [sys.executable, "-m", "export.tflite", f"--model={folder / 'generator.keras'}", f"--out={out}"]
        done = subprocess.run([*command, "--format=float16"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertStartsWith(done.stdout, f"Wrote {out}: {out.stat().st_size:,} bytes, float16, ")
        self.assertLen(done.stdout.splitlines(), 5)
