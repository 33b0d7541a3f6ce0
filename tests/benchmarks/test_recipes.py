from pathlib import Path

import pytest

from benchmarks import recipes
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class RecipesTest(TestCase):
    def test_a_run_and_what_is_measured_of_it(self):
        out = self.path("runs")
        (found,) = recipes.measure(recipes.Config(recipes="default", steps=2, samples=100, out=out))["recipes"]
        self.assertEqual((found["steps"], found["command"]), (2, "python -m trainers.dcgan --steps=2"))
        self.assertGreater(min(found["rate"], found["seconds"], found["gigabytes"]), 0.0)
        self.assertIn("fcd", [each["name"] for each in found["measures"]])
        self.assertTrue(Path(out, "default", "evaluation", "model_card.html").is_file())
        self.assertIn("| default | 2 | fcd |", recipes.render({"recipes": [found]}))

    def test_a_training_that_fails_says_why(self):
        with self.assertRaisesRegex(OSError, "trainers.dcgan ended with exit status 1 and said: error: --steps"):
            recipes.train("dcgan", ["--steps=-1"], Path(self.path("run")))
