"""Tests of the command `export.tflite`."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import tensorflow as tf

from export import tflite as command
from keras_gan.export import portable, saved_model, tflite
from tests.keras_gan.export import networks
from tests.test_case import TestCase


class CommandLineTest(TestCase):
    def run_command(self, *flags):
        done = subprocess.run([sys.executable, "-m", "export.tflite", *flags], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def check_in_process(self, file, folder):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), mock.patch.object(tf.config, "set_visible_devices"):
            command.main([f"--check={file}", f"--saved_model={folder}"])
        return output.getvalue()

    def test_writes_and_checks(self):
        folder = Path(self.get_temp_dir())
        generator = networks.mlp(num_classes=2)
        generator.save(folder / "generator.keras")
        out = folder / "out.tflite"
        flags = (f"--model={folder / 'generator.keras'}", f"--out={out}", "--format=float16", "--batch_sizes=1,2")
        code, text, errors = self.run_command(*flags)
        self.assertEqual((code, errors), (0, ""))
        self.assertStartsWith(text, f"Wrote {out}: {out.stat().st_size:,} bytes, float16, ")
        saved_model.write(saved_model.functions(generator), folder / "saved")
        lines = self.check_in_process(out, folder / "saved").splitlines()
        self.assertEqual([line.split()[:4] for line in lines[1:5]], [
            ["serving_default", "1", "0", "32"], ["serving_default", "1", "1", "32"],
            ["batch_2", "2", "0", "32"], ["batch_2", "2", "1", "32"],
        ])  # fmt: skip
        self.assertRegex(lines[5], r"is float16; run by ai-edge-litert \d")
        self.assertEqual(lines[6], "Passed.")

    @pytest.mark.slow
    def test_check_fails_for_other_weights(self):
        folder = Path(self.get_temp_dir())
        generator, other = networks.mlp(), networks.mlp()
        other.set_weights([-weight for weight in other.get_weights()])
        saved_model.write(saved_model.functions(other), folder / "other")
        (folder / "other" / "assets.extra").mkdir()
        card = {"latent_dim": 6, "latent_prior": "normal", "num_classes": None}
        (folder / "other" / "assets.extra" / "generator.json").write_text(json.dumps(card))
        (folder / "out.tflite").write_bytes(tflite.convert(generator))
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit):
            self.check_in_process(folder / "out.tflite", folder / "other")
        self.assertRegex(errors.getvalue(), r"\Aerror: The float32 file is not accepted: a difference of .*\n\Z")
        portable.write_card(folder / "out.tflite.json", {**card, "file": {"sha256": "0"}})
        with self.assertRaisesRegex(ValueError, "out.tflite is not the file that out.tflite.json describes"):
            tflite.check(folder / "out.tflite", folder / "other")
