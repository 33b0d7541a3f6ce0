"""Tests of the command `export.onnx`."""

import contextlib
import io
from pathlib import Path
from unittest import mock

import pytest
import tensorflow as tf

from export import onnx as command
from tests.keras_gan.export import networks
from tests.test_case import TestCase


class CommandLineTest(TestCase):
    def run_command(self, *flags):
        """The exit status, and what was printed and complained of."""
        output, errors, status = io.StringIO(), io.StringIO(), 0
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            mock.patch.object(tf.config, "set_visible_devices"),
        ):
            try:
                command.main(list(flags))
            except SystemExit as error:
                status = error.code
        return status, output.getvalue(), errors.getvalue()

    def test_writes_and_describes(self):
        for package in ("tf2onnx", "onnx", "onnxruntime"):
            pytest.importorskip(package)
        folder = Path(self.get_temp_dir())
        networks.mlp(num_classes=2).save(folder / "generator.keras")
        out = folder / "out.onnx"
        status, text, _ = self.run_command(f"--model={folder / 'generator.keras'}", f"--out={out}")
        self.assertEqual(status, 0)
        self.assertStartsWith(text, f"Wrote {out}: {out.stat().st_size:,} bytes, opset 17, ")
        self.assertIn('"latent": ..., "label": ...', text)
        self.assertTrue(Path(f"{out}.json").is_file())

    def test_errors_are_one_line(self):
        for flags, message in (
            ((), "expected --model and --out"),
            (("--model=none.keras", f"--out={self.path('out.onnx')}"), "none.keras, which is missing"),
        ):
            status, text, errors = self.run_command(*flags)
            self.assertEqual((status, text), (1, ""))
            self.assertRegex(errors, rf"\Aerror: .*{message}.*\n\Z")
