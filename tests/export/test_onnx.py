"""Tests of the command `export.onnx`."""

from pathlib import Path
from unittest import mock

import pytest
import tensorflow as tf

from export import onnx as command
from tests.keras_gan.export import networks
from tests.test_case import TestCase


class CommandLineTest(TestCase):
    def setUp(self):
        super().setUp()
        # Too late in a process that has computed.
        self.enterContext(mock.patch.object(tf.config, "set_visible_devices"))

    def test_writes_and_describes(self):
        for package in ("tf2onnx", "onnx", "onnxruntime"):
            pytest.importorskip(package)
        folder = Path(self.get_temp_dir())
        networks.mlp(num_classes=2).save(folder / "generator.keras")
        out = folder / "out.onnx"
        text = self.run_main(command.main, f"--model={folder / 'generator.keras'}", f"--out={out}")
        self.assertStartsWith(text, f"Wrote {out}: {out.stat().st_size:,} bytes, opset 17, ")
        self.assertIn('"latent": ..., "label": ...', text)
        self.assertTrue(Path(f"{out}.json").is_file())

    def test_errors_are_one_line(self):
        for flags, message in (
            ((), "expected --model and --out"),
            (("--model=none.keras", f"--out={self.path('out.onnx')}"), "none.keras, which is missing"),
        ):
            self.assertRegex(self.refusal(command.main, *flags), message)
