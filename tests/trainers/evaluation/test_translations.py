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
