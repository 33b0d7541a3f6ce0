import json
from pathlib import Path

from PIL import Image

import keras_gan
from tests.test_case import TestCase
from trainers.engine import report


class ReportTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path())

    def write(self, *entries):
        (self.folder / "history.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))

    def test_history(self):
        self.write({"step": 1, "d_loss": 0.5}, {"step": 2, "d_loss": 0.25, "r1": 1.0})
        self.assertEqual(report.read_history(self.folder), {"step": [1, 2], "d_loss": [0.5, 0.25], "r1": [None, 1.0]})

    def test_curves(self):
        entry = {"d_loss": 1.0, "g_loss": 1.0, "real_logits": 0.0, "fake_logits": 0.0, "val_d_loss": 1.0}
        self.write({"step": 1, **entry}, {"step": 2, **entry})
        report.draw_curves(self.folder)
        with Image.open(self.folder / "curves.png") as two:
            width = two.width
        self.write({"step": 1, "r1": 0.1, **entry}, {"step": 2, "r1": 0.1, **entry})
        report.draw_curves(self.folder)
        with Image.open(self.folder / "curves.png") as three:
            self.assertEqual(three.width, width * 3 // 2)

    def test_evaluations_have_a_panel(self):
        entry = {"d_loss": 1.0, "g_loss": 1.0, "real_logits": 0.0, "fake_logits": 0.0}
        self.write({"step": 1, **entry})
        widths = []
        for _ in range(2):
            report.draw_curves(self.folder)
            with Image.open(self.folder / "curves.png") as picture:
                widths.append(picture.width)
            (self.folder / "metrics.jsonl").write_text('{"step": 1, "fcd": 9.0}\n{"step": 2, "fcd": 8.0}\n')
        self.assertEqual(widths[1], widths[0] * 3 // 2)

    def test_metrics(self):
        (self.folder / "metrics.jsonl").write_text('{"step": 10, "fcd": 8.0}\n{"step": 20, "fcd": 9.5}\n')
        record = keras_gan.metrics.Record("fcd", 8.0, 5, 4, "own", "ab", step=10)
        text = report.write_metrics(self.folder, [record], last_step=20)
        self.assertEqual(
            text, "fcd 8 (5 real, 4 fake, own ab): best at step 10; the last 10 steps made it worse, 9.5 at the end."
        )
        content = json.loads((self.folder / "metrics.json").read_text())
        self.assertEqual((content["name"], content["step"], content["last_step"]), ("fcd", 10, 20))
        self.assertEqual(content["records"], [record.to_dict()])
        self.assertEqual(content["history"][1], {"step": 20, "fcd": 9.5})
        text = report.write_metrics(self.folder, [record], last_step=10)
        self.assertEndsWith(text, "the last generator is the best.")

    def test_nothing_to_draw(self):
        report.draw_curves(self.folder)
        report.draw_progress(self.folder)
        self.assertEmpty(list(self.folder.iterdir()))

    def test_progress_shows_first_and_last(self):
        for step in range(9):
            picture = keras_gan.files.pictures.grid([[[[step / 8]]]] * 4)
            keras_gan.files.pictures.write_png(self.folder / "samples" / f"step-{step:07d}.png", picture)
        report.draw_progress(self.folder, most=4)
        with Image.open(self.folder / "progress.gif") as animation:
            self.assertEqual(animation.n_frames, 4)
        last = (self.folder / "samples" / "step-0000008.png").read_bytes()
        self.assertEqual((self.folder / "samples.png").read_bytes(), last)

    def test_summary_names_the_next_commands(self):
        text = report.summary("runs/x", steps=10, seconds=75)
        self.assertIn("10 steps in 1 min 15 s", text)
        self.assertIn("the last; none was evaluated", text)
        self.assertNotIn("metrics.json", text)
        self.assertIn("\nIt is good.\n", report.summary("runs/x", 10, 75, "It is good."))
        for command in ("trainers.sample", "export.saved_model", "export.tflite"):
            self.assertIn(f"python -m {command} --model=runs/x/generator.keras", text)
