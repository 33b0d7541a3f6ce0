import json
from pathlib import Path

from PIL import Image

import keras_gan
from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase
from trainers.engine import report


class ReportTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path())
        self.run_ = RunFolder(self.folder)

    def write(self, *entries):
        (self.folder / "history.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))

    def test_curves(self):
        entry = {"d_loss": 1.0, "g_loss": 1.0, "real_logits": 0.0, "fake_logits": 0.0, "val_d_loss": 1.0}
        self.write({"step": 1, **entry}, {"step": 2, **entry})
        report.draw_curves(self.run_)
        with Image.open(self.folder / "curves.png") as two:
            width = two.width
        self.write({"step": 1, "r1": 0.1, **entry}, {"step": 2, "r1": 0.1, **entry})
        report.draw_curves(self.run_)
        with Image.open(self.folder / "curves.png") as three:
            self.assertEqual(three.width, width * 3 // 2)

    def test_evaluations_have_a_panel(self):
        entry = {"d_loss": 1.0, "g_loss": 1.0, "real_logits": 0.0, "fake_logits": 0.0}
        self.write({"step": 1, **entry})
        widths = []
        for _ in range(2):
            report.draw_curves(self.run_)
            with Image.open(self.folder / "curves.png") as picture:
                widths.append(picture.width)
            (self.folder / "metrics.jsonl").write_text('{"step": 1, "fcd": 9.0}\n{"step": 2, "fcd": 8.0}\n')
        self.assertEqual(widths[1], widths[0] * 3 // 2)

    def test_metrics(self):
        (self.folder / "metrics.jsonl").write_text('{"step": 10, "fcd": 8.0}\n{"step": 20, "fcd": 9.5}\n')
        record = keras_gan.metrics.Record("fcd", 8.0, 5, 4, "own", "ab", step=10)
        text = report.write_metrics(self.run_, [record], last_step=20)
        self.assertEqual(
            text, "fcd 8 (5 real, 4 fake, own ab): best at step 10; the last 10 steps made it worse, 9.5 at the end."
        )
        content = json.loads((self.folder / "metrics.json").read_text())
        self.assertEqual((content["name"], content["step"], content["last_step"]), ("fcd", 10, 20))
        self.assertEqual(content["records"], [record.to_dict()])
        self.assertEqual(content["history"][1], {"step": 20, "fcd": 9.5})
        text = report.write_metrics(self.run_, [record], last_step=10)
        self.assertEndsWith(text, "the last generator is the best.")

    def test_nothing_to_draw(self):
        self.assertEqual((report.draw_curves(self.run_), report.draw_progress(self.run_)), ([], []))
        self.assertEmpty(list(self.folder.iterdir()))

    def test_progress_shows_first_and_last(self):
        for step in range(9):
            picture = keras_gan.files.pictures.grid([[[[step / 8]]]] * 4)
            keras_gan.files.pictures.write_png(self.folder / "samples" / f"step-{step:07d}.png", picture)
        report.draw_progress(self.run_, most=4)
        with Image.open(self.folder / "progress.gif") as animation:
            self.assertEqual(animation.n_frames, 4)
        last = (self.folder / "samples" / "step-0000008.png").read_bytes()
        self.assertEqual((self.folder / "samples.png").read_bytes(), last)

    def test_a_damaged_grid_is_named_and_left_out(self):
        for step in range(3):
            picture = keras_gan.files.pictures.grid([[[[step / 8]]]] * 4)
            keras_gan.files.pictures.write_png(self.run_.sample_file(step), picture)
        spoilt = self.run_.sample_file(1)
        spoilt.write_bytes(spoilt.read_bytes()[:60])
        with self.assertWarnsRegex(UserWarning, "samples/step-0000001.png is damaged, and left out of progress.gif"):
            report.draw_progress(self.run_)
        with Image.open(self.run_.progress_file) as animation:
            self.assertEqual(animation.n_frames, 2)


class EpilogueTest(TestCase):
    def test_its_failure_costs_nothing_else(self):
        def fail(folder):
            raise ValueError("no such split")

        with self.assertWarnsRegex(UserWarning, "The run is finished, but for one part of its report: no such split"):
            self.assertEqual(report._end_with(fail, None), [])
        self.assertEqual(report._end_with(lambda folder: folder, "file"), ["file"])
        self.assertEqual((report._end_with(lambda folder: None, "file"), report._end_with(None, "file")), ([], []))
