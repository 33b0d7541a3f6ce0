import types
from pathlib import Path

import numpy as np

from keras_gan.files import pictures
from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase
from trainers.engine import summary
from trainers.engine.flags import Config, TranslationConfig


class Gan:
    num_classes = None


class SummaryTest(TestCase):
    def run_(self, num_classes=None, image_shape=(28, 28, 1), folder="runs/x", **flags):
        model = Gan()
        model.num_classes = num_classes
        return types.SimpleNamespace(
            folder=RunFolder(folder),
            own=RunFolder(folder),
            config=Config(**flags),
            model=model,
            spec=types.SimpleNamespace(image_shape=image_shape),
            translates=False,
        )

    def commands(self, *args, **kwargs):
        return [" ".join(command) for command in summary.next_commands(self.run_(*args, **kwargs))]

    def test_of_a_translator(self):
        run = self.run_()
        run.translates, run.config = True, TranslationConfig(features="none")
        run.model.samplers = {"generator": None, "generator_backward": None}
        self.assertIn("source, output and way back of the same pictures, at the end", summary.text(run, 10, 75))
        translate, evaluate, *_ = [" ".join(command) for command in summary.next_commands(run)]
        self.assertIn("trainers.translate --model=runs/x/generator.keras --input=FOLDER --out=translated", translate)
        self.assertIn("trainers.evaluate --model=runs/x/generator.keras", evaluate)

    def test_what_was_made(self):
        text = summary.text(self.run_(), step=10, seconds=75)
        self.assertIn("10 steps in 1 min 15 s", text)
        self.assertIn("the last; none was evaluated", text)
        self.assertIn("  gan.keras  ", text)
        self.assertNotIn("metrics.json", text)
        self.assertIn("\nIt is good.\nNext:", summary.text(self.run_(), 10, 75, "It is good."))
        self.assertIn("\nfcd 8, floor 1\nfloor: what real images", summary.text(self.run_(), 10, 75, "fcd 8, floor 1"))

    def test_the_next_commands(self):
        model = "--model=runs/x/generator.keras"
        self.assertEqual(
            self.commands(),
            [
                f"python -m trainers.sample {model} --n=64 --seed=64 --out=runs/x/more.png",
                f"python -m trainers.evaluate {model}",
                f"python -m export.saved_model {model} --publish=served/generator",
                f"python -m export.tflite {model} --out=runs/x/generator.tflite",
            ],
        )

    def test_other_pictures_than_the_grids(self):
        self.assertIn("--seed=80 ", self.commands(num_classes=10)[0])
        self.assertIn("--seed=256 ", self.commands(num_classes=1000)[0])

    def test_nothing_that_would_fail(self):
        folder = Path(self.path("data"))
        pictures.write_png(folder / "0.png", np.zeros((28, 28, 1), "uint8"))
        # None is held out.
        self.assertEndsWith(self.commands(dataset=f"folder:{folder}")[1], "generator.keras --split=train")
        self.assertNotIn("evaluate", " ".join(self.commands(dataset=f"folder:{folder}", image_shape=(4, 4, 1))))
        evaluate = self.commands(dataset=f"folder:{folder}", features="inception")[1]
        self.assertEndsWith(evaluate, "--features=inception --split=train")
        self.assertLen(self.commands(image_shape=(2,), dataset="toy:ring"), 2)
        # What is there already is replaced.
        run = RunFolder(self.path("run"))
        for name in ("evaluation", "more.png", "generator.tflite"):
            (run.path / name).mkdir(parents=True)
        for command in self.commands(folder=run.path):
            self.assertEqual("--overwrite" in command, "--publish" not in command)
