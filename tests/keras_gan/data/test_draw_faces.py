import csv
from pathlib import Path

from keras_gan import data
from keras_gan.data import draw_faces, faces
from tests.test_case import TestCase


class DrawFacesTest(TestCase):
    def test_a_folder_of_the_same_faces(self):
        out = Path(self.path("faces"))
        text = self.run_main(draw_faces.main, out, "--n=40")
        self.assertIn("Drew 40 faces for train and 10 faces for test", text)
        found = data.open_source(f"folder:{out}", "train")
        images, attributes = faces.draw_many(40, 0)
        names = [int(Path(name).stem) for name in found.names]
        self.assertAllEqual(found.images, images[names])
        with (out / "train" / "attributes.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([{name: row[name] for name in faces.ATTRIBUTES} for row in rows], attributes)
        self.assertEqual({Path(row["file"]).parent.name == row["hair"] for row in rows}, {True})
        self.assertEqual(data.open_source(f"folder:{out}", "test").num_examples, 10)

    def test_bad_input(self):
        out = Path(self.path("faces"))
        self.assertIn("`n` must be at least 4", self.refusal(draw_faces.main, out, "--n=3"))
        self.assertFalse(out.exists())
        out.mkdir(parents=True)
        self.assertIn("exists already", self.refusal(draw_faces.main, out))
        self.assertIn("--size=9", self.refusal(draw_faces.main, out, "--size=9"))
