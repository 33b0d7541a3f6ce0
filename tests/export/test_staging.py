"""Tests of writing all of a result, or nothing."""

from pathlib import Path

from export import staging
from tests.test_case import TestCase


def names(folder):
    return [path.name for path in folder.iterdir()]


class StagedTest(TestCase):
    def test_the_result_appears_at_the_end(self):
        folder = Path(self.get_temp_dir())
        with staging.staged(folder / "new" / "file") as path:
            path.write_text("x")
            self.assertFalse((folder / "new").exists())
        self.assertEqual(names(folder), ["new"])
        self.assertEqual((folder / "new" / "file").read_text(), "x")

    def test_nothing_is_left_of_a_failure(self):
        folder = Path(self.get_temp_dir())
        with self.assertRaisesRegex(RuntimeError, "no"), staging.staged(folder / "new" / "file") as path:
            path.write_text("x")
            raise RuntimeError("no")
        self.assertEqual(names(folder), [])

    def test_replaces_only_when_told(self):
        file = Path(self.get_temp_dir(), "file")
        file.write_text("old")
        with self.assertRaisesRegex(ValueError, "exists already"), staging.staged(file):
            self.fail("It was not refused.")
        with self.assertRaises(KeyError), staging.staged(file, overwrite=True) as path:
            path.write_text("half")
            raise KeyError
        self.assertEqual(file.read_text(), "old")
        with staging.staged(file, overwrite=True) as path:
            path.write_text("new")
        self.assertEqual(file.read_text(), "new")

    def test_replaces_only_folders_that_are_saved_models(self):
        folder = Path(self.get_temp_dir(), "folder")
        folder.mkdir()
        (folder / "thesis.tex").touch()
        with self.assertRaisesRegex(ValueError, "without a SavedModel"), staging.staged(folder, overwrite=True):
            self.fail("It was not refused.")
        (folder / "saved_model.pb").touch()
        with staging.staged(folder, overwrite=True) as path:
            path.mkdir()
            (path / "new.pb").touch()
        self.assertEqual(names(folder), ["new.pb"])
        self.assertEqual(names(folder.parent), ["folder"])
