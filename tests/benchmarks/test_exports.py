import pytest

from benchmarks import exports
from tests.keras_gan.export import networks
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class ExportsTest(TestCase):
    def test_every_form_has_its_lines(self):
        file = self.path("generator.keras")
        networks.mlp((8, 8, 1)).save(file)
        run = exports.measure(exports.Config(model=file, formats="float32,onnx,saved_model"))
        self.assertEqual([each["form"] for each in run["files"]], ["float32", "onnx", "saved_model"])
        self.assertGreater(run["files"][0]["psnr"], 100)
        self.assertGreater(min(each["bytes"] for each in run["files"]), 4 * run["parameters"])
        text = exports.render(run)
        for signature in ("float32", "serving_default", "sample_png"):
            self.assertIn(f" {signature} |", text)
