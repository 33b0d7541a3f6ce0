from pathlib import Path

from PIL import Image

from tests.test_case import TestCase
from trainers.toys import figures

ROW = {"generator_updates": 0, "jsd": 0.1, "modes": 1, "high_quality": 0.5, "generator_gradient": 1.0}


def result(kind, outcome="trained", **values):
    rows = [{**ROW, **values}, {**ROW, "generator_updates": 5, **values}] if outcome == "trained" else []
    return {"kind": kind, "outcome": outcome, "rows": rows, **ROW, **values}


class FiguresTest(TestCase):
    """Frames and curves are drawn by the tests of `trainers.toy`; here is what those do not reach."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.path())

    def test_a_sweep_without_modes(self):
        results = [result("1:1"), result("5:1", "diverged")]
        for row in results[0]["rows"]:
            del row["modes"], row["high_quality"]
        figures.draw_sweep(self.folder, results, ["1:1", "5:1"])
        with Image.open(self.folder / "sweep.png") as picture:
            self.assertGreater(picture.width, 1000)

    def test_a_sweep_of_which_nothing_was_trained(self):
        figures.draw_sweep(self.folder, [result("1:1", "diverged")], ["1:1"])
        self.assertEmpty(list(self.folder.iterdir()))

    def test_losses(self):
        results = [result("hinge"), result("hinge r1", jsd=0.6), result("kl", "does not apply: it needs labels")]
        figures.draw_losses(self.folder, results, ["hinge", "kl"], ["", "r1"])
        with Image.open(self.folder / "losses.png") as picture:
            self.assertGreater(picture.height, 200)
