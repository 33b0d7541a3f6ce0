"""Executes the Python blocks of docs/tflite_onnx.md, follows all pages' links, and looks for every logged name."""

import contextlib
import re
from pathlib import Path

import keras_gan
from docs import reference
from keras_gan import regularizers
from keras_gan.callbacks import watchdog
from keras_gan.export import onnx, tflite
from keras_gan.metrics import registry
from tests.keras_gan.export import networks
from tests.test_case import TestCase

ROOT = Path(__file__).parent.parent
PAGES = reference.pages()
PAGE = ROOT / "docs" / "tflite_onnx.md"


def _exists(target):
    """Whether a link leads to a file, or to a page that the site's build makes of one."""
    made = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md", "build_notes.md": "BUILD_NOTES.md"}
    target = target.resolve()
    if target.parent == ROOT / "docs" / "api":
        return f"{target.name}.rst" in PAGES
    if target.parent == ROOT / "docs" and target.name in made:
        return (ROOT / made[target.name]).exists()
    return target.exists()


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
            targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^":]+)"', text)
            for target in targets:
                self.assertTrue(_exists(page.parent / target), f"{page}: {target}")

    def test_links_of_guides_lead_somewhere(self):
        guides = sorted((ROOT / "docs" / "guides").glob("*.py"))
        self.assertGreater(len(guides), 5)
        for guide in guides:
            text = "\n".join(line for line in guide.read_text("utf-8").splitlines() if line.startswith("# "))
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", re.sub(r"`[^`]*`", "", text)):
                self.assertTrue(_exists(guide.parent / target), f"{guide}: {target}")

    def test_every_logged_quantity_is_explained(self):
        page = (ROOT / "docs" / "quantities.md").read_text("utf-8")
        gan = keras_gan.GAN(
            keras_gan.networks.MLPGenerator((2,), latent_dim=1, hidden_units=(2,)),
            keras_gan.networks.MLPDiscriminator((2,), hidden_units=(2,)),
        )
        gan.compile()
        logged = [*gan.get_metrics_result(), *regularizers.names(), *watchdog.rules.SIGNALS, *registry.METRICS]
        logged += [regularizers.ConsistencyRegularization.name, "augmentation_probability", "generator_overflows"]
        self.assertEqual([name for name in logged if f"`{name}`" not in page], [])

    def test_build_notes_fit_on_a_page(self):
        text = (ROOT / "BUILD_NOTES.md").read_text("utf-8")
        lines = text.splitlines()
        self.assertLessEqual(len(lines), 150)
        self.assertLess(max(map(len, lines)), 200)
        for page in (ROOT / "docs" / "results").glob("*.md"):
            self.assertIn(f"(docs/results/{page.name})", text)
