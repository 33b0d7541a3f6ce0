import json
from pathlib import Path

from keras_gan.files import pictures
from tests.keras_gan.models.test_translation import OnePixel
from tests.test_case import TestCase
from trainers import evaluate


class DescribeTest(TestCase):
    def evaluate(self, *flags, status=None):
        return self.run_main(evaluate.main, *flags, status=status)

    def test_the_floors_of_super_resolution(self):
        """A translator that changes nothing is no better than its source, and worse than bilinear enlargement."""
        folder = Path(self.path("model"))
        folder.mkdir()
        OnePixel((28, 28, 1), scale=1.0).save(folder / "generator.keras")
        flags = [f"--model={folder}/generator.keras", "--dataset=mnist5k", "--num_samples=30"]
        for flag, sentence in (
            ("--channels=3", "pass --dataset, --source"),
            ("--image_size=20x20", "pass --image_size=28x28, or none. Received: --image_size=20x20"),
        ):
            self.assertIn(sentence, self.evaluate(*flags, "--source=lowres:4", flag, status=1))
        printed = self.evaluate(*flags, "--source=lowres:4")
        self.assertRegex(printed, "measure +output +better +source +mean +bilinear +pairs")
        found = json.loads((folder / "evaluation" / "evaluation.json").read_text())
        self.assertEqual(found["records"][0]["name"], "fcd")
        for each in found["comparisons"]:
            self.assertAllClose(each["value"], each["floors"]["source"], rtol=1e-5)
        psnr = found["comparisons"][0]
        self.assertGreater(psnr["floors"]["bilinear"], psnr["value"])
        self.assertIn(
            pictures.data_uri(pictures.grid([[[[0.0]]]]))[:22], (folder / "evaluation/model_card.html").read_text()
        )


class CompareTest(TestCase):
    def evaluate(self, *flags, status=None):
        return self.run_main(evaluate.main, *flags, status=status)

    def test_every_picture_is_a_pair(self):
        """The identity against one that halves contrast: what it makes of any source is farther from the target."""
        folder = Path(self.path("models"))
        folder.mkdir()
        for name, scale in (("same", 1.0), ("half", 0.5)):
            OnePixel((28, 28, 1), scale=scale).save(folder / f"{name}.keras")
        flags = [f"--compare={folder}/same.keras,{folder}/half.keras", "--dataset=mnist5k", "--num_samples=20"]
        out = folder / "out"
        text = self.evaluate(*flags, "--source=lowres:2", f"--out={out}")
        self.assertIn("20 held-out pairs", text)
        found = json.loads((out / "comparison.json").read_text())
        l1 = found["metrics"][-1]
        self.assertEqual((l1["name"], l1["verdict"], found["paired"]), ("l1", "A is better", True))
        self.assertGreater(l1["low"], 0.0)
        self.assertIn("paired t-test", (out / "comparison.html").read_text())
        self.assertIn("--compare needs pairs", self.evaluate(*flags, "--dataset=domains:mnist5k#3,mnist5k#8", status=1))
