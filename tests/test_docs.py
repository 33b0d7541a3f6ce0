"""Executes the Python blocks of docs/tflite_onnx.md, and follows the links of all pages."""

import contextlib
import re
from pathlib import Path

from keras_gan.export import onnx, tflite
from tests.keras_gan.export import networks
from tests.test_case import TestCase

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "tflite_onnx.md"


class TFLiteAndOnnxTest(TestCase):
    def test_blocks(self):
        blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
        self.assertLen(blocks, 2)
        folder = Path(self.get_temp_dir())
        generator = networks.mlp(num_classes=2)
        tflite.export(generator, folder / "generator.tflite")
        onnx.export(generator, folder / "generator.onnx")
        for block, size in zip(blocks, (1, 16), strict=True):
            scope = {"__name__": "page"}
            with contextlib.chdir(folder):
                exec(compile(block, PAGE.name, "exec"), scope)
            self.assertEqual((scope["pixels"].shape, scope["pixels"].dtype), ((size, 8, 8, 1), "uint8"))


class PagesTest(TestCase):
    def test_links_lead_somewhere(self):
        pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        self.assertGreater(len(pages), 10)
        for page in pages:
            text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
                self.assertTrue((page.parent / target).exists(), f"{page}: {target}")

    def test_build_notes_fit_on_a_page(self):
        text = (ROOT / "BUILD_NOTES.md").read_text("utf-8")
        lines = text.splitlines()
        self.assertLessEqual(len(lines), 150)
        self.assertLess(max(map(len, lines)), 200)
        for page in (ROOT / "docs" / "results").glob("*.md"):
            self.assertIn(f"(docs/results/{page.name})", text)
