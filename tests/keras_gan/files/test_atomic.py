"""Tests of writing all of a result, or nothing."""

import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from keras_gan.files import atomic
from tests.test_case import TestCase


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class StagedTest(TestCase):
    def test_the_result_appears_at_the_end(self):
        folder = Path(self.get_temp_dir())
        with atomic.write_folder(folder / "new" / "file") as path:
            path.write_text("x")
            self.assertFalse((folder / "new").exists())
        self.assertEqual(names(folder), ["new"])
        self.assertEqual((folder / "new" / "file").read_text(), "x")

    def test_nothing_is_left_of_a_failure(self):
        folder = Path(self.get_temp_dir())
        with self.assertRaisesRegex(RuntimeError, "no"), atomic.write_folder(folder / "new" / "file") as path:
            path.write_text("x")
            raise RuntimeError("no")
        self.assertEqual(names(folder), [])

    def test_replaces_only_when_told(self):
        file = Path(self.get_temp_dir(), "file")
        file.write_text("old")
        with self.assertRaisesRegex(ValueError, "exists already"), atomic.write_folder(file):
            self.fail("It was not refused.")
        with self.assertRaises(KeyError), atomic.write_folder(file, overwrite=True) as path:
            path.write_text("half")
            raise KeyError
        self.assertEqual(file.read_text(), "old")
        with atomic.write_folder(file, overwrite=True) as path:
            path.write_text("new")
        self.assertEqual(file.read_text(), "new")

    def test_replaces_only_folders_that_are_saved_models(self):
        folder = Path(self.get_temp_dir(), "folder")
        folder.mkdir()
        (folder / "thesis.tex").touch()
        with self.assertRaisesRegex(ValueError, "without a SavedModel"), atomic.write_folder(folder, overwrite=True):
            self.fail("It was not refused.")
        (folder / "saved_model.pb").touch()
        with atomic.write_folder(folder, overwrite=True) as path:
            path.mkdir()
            (path / "new.pb").touch()
        self.assertEqual(names(folder), ["new.pb"])
        self.assertEqual(names(folder.parent), ["folder"])


class NearestFolderTest(TestCase):
    def test_is_the_deepest_that_exists(self):
        folder = Path(self.get_temp_dir())
        for path in (folder / "file", folder / "a" / "b" / "file"):
            self.assertEqual(atomic.nearest_folder(path), folder)
        with contextlib.chdir(folder):
            self.assertEqual(atomic.nearest_folder("file"), Path.cwd())

    def test_says_where_nothing_can_be_written(self):
        folder = Path(self.get_temp_dir())
        (folder / "file").touch()
        for path in (folder / "file" / "new", folder / "file" / "a" / "new"):
            with self.assertRaisesRegex(ValueError, "new cannot be written: .*/file is a file, not a folder"):
                atomic.nearest_folder(path)
        with (
            mock.patch.object(os, "access", lambda path, mode: path != folder),
            self.assertRaisesRegex(ValueError, f"no permission to write to {folder}"),
        ):
            atomic.nearest_folder(folder / "a" / "new")


class ReplacingTest(TestCase):
    def test_the_file_is_the_old_one_or_the_new_one(self):
        file = Path(self.get_temp_dir(), "file.txt")
        for text in ("old", "new"):
            with atomic.write_file(file) as partial:
                self.assertEqual(partial.suffix, ".txt")
                partial.write_text(text)
                self.assertEqual(
                    names(file.parent), sorted({partial.name, file.name} if text == "new" else {partial.name})
                )
            self.assertEqual(file.read_text(), text)
        for half in ("half", None):
            with self.assertRaises(KeyError), atomic.write_file(file) as partial:
                if half:
                    partial.write_text(half)
                raise KeyError
            self.assertEqual((file.read_text(), names(file.parent)), ("new", ["file.txt"]))

    def test_a_full_disk_is_named(self):
        """What the system says of it has no path."""
        file = Path(self.get_temp_dir(), "file.txt")
        for context in (atomic.write_file, atomic.write_folder):
            with self.assertRaisesRegex(OSError, "file.txt could not be written: No space left"), context(file):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with self.assertRaisesRegex(FileNotFoundError, "No such file .*other.txt"), context(file):
                (file.parent / "other.txt").read_bytes()
            self.assertEqual(names(file.parent), [])


class LockTest(TestCase):
    def test_one_at_a_time(self):
        folder = self.path()
        with atomic.locked(folder) as first:
            self.assertTrue(first)
            with atomic.locked(folder, wait=False) as second:
                self.assertFalse(second)
        with atomic.locked(folder, wait=False) as third:
            self.assertTrue(third)
        self.assertEqual(list(Path(folder).iterdir()), [])

    def test_the_system_releases_it_when_its_owner_dies(self):
        folder = self.path()
        code = (
            f"import fcntl, os, signal; fcntl.flock(os.open({folder!r}, os.O_RDONLY), fcntl.LOCK_EX); "
            "print('mine', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
        )
        owner = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual(owner.stdout, "mine\n")
        with atomic.locked(folder, wait=False) as mine:
            self.assertTrue(mine)


class WorkspaceTest(TestCase):
    def test_what_a_dead_process_left_is_removed_and_what_is_in_use_is_not(self):
        parent = Path(self.path())
        abandoned = parent / ".staging-dead"
        abandoned.mkdir()
        (abandoned / "half").write_text("x")
        with atomic.workspace(parent) as first:
            self.assertFalse(abandoned.exists())
            with atomic.workspace(parent) as second:
                self.assertTrue(first.is_dir() and second.is_dir())
        self.assertEqual(list(parent.iterdir()), [])
