import json
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

from absl.testing import parameterized

from keras_gan.files import atomic, run_folder
from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase

HOLDER = """
import fcntl, pathlib, sys, time
with pathlib.Path(sys.argv[1], ".lock").open("a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    time.sleep(600)
"""


class RunFolderTestCase(TestCase):
    def setUp(self):
        super().setUp()
        path = Path(self.path("run"))
        path.mkdir()
        self.run_ = RunFolder(path)

    def write(self, name, content):
        text = content if isinstance(content, str) else json.dumps(content)
        (self.run_.path / name).write_text(text)


class ReadersTest(RunFolderTestCase, parameterized.TestCase):
    def test_nothing_there(self):
        run = RunFolder(self.path("missing"))
        self.assertIsNone(RunFolder.of(run.generator_file))
        for found in (run.config(), run.public_config(), run.result(), run.metrics(), run.best_step):
            self.assertIsNone(found)
        for found in (run.history(), run.evaluations(), run.looks(), run.diagnosis(), run.sample_files()):
            self.assertEqual(found, [])
        self.assertIsNone(run.unfinished_step)
        self.assertFalse(run.is_locked())
        run.forget_after(3)
        self.assertFalse(run.path.exists())

    def test_what_is_private_is_said_by_the_file(self):
        self.run_.write_config({"trainer": "dcgan", "seed": 3, "key": "k"}, private=["key"])
        self.assertEqual(RunFolder.of(self.run_.generator_file).config(), {"trainer": "dcgan", "seed": 3, "key": "k"})
        self.assertEqual(self.run_.public_config(), {"trainer": "dcgan", "seed": 3})
        # One of version 0.1.0 does not say it.
        self.write("config.json", {"seed": 3, "out": "/home/me", "tpu_name": "mine"})
        self.assertEqual(self.run_.public_config(), {"seed": 3})

    def test_the_step_of_each_model(self):
        self.assertIsNone(self.run_.step_of("run/generator.keras"))
        self.write("result.json", {"steps": 30, "seconds": 1.5})
        self.assertEqual(self.run_.step_of("run/generator.keras"), 30)
        self.write("metrics.json", {"name": "fcd", "step": 20, "last_step": 30, "records": []})
        self.assertEqual(self.run_.best_step, 20)
        steps = {name: self.run_.step_of(f"run/{name}.keras") for name in ("generator", "generator_last", "gan")}
        self.assertEqual(steps, {"generator": 20, "generator_last": 30, "gan": 30})

    @parameterized.parameters("[]", '{"steps": ', "7", "", "\x00", "[" * 100_000)
    def test_damage_is_named(self, content):
        for name, read in (("config", RunFolder.config), ("result", RunFolder.result), ("metrics", RunFolder.metrics)):
            self.write(f"{name}.json", content)
            with self.assertRaisesRegex(ValueError, rf"run/{name}\.json is damaged: "):
                read(self.run_)

    def test_other_types_are_damage(self):
        self.write("result.json", {"steps": "30"})
        with self.assertRaisesRegex(ValueError, "result.json is damaged"):
            self.run_.result()
        self.write("metrics.json", {"step": True})
        with self.assertRaisesRegex(ValueError, "metrics.json is damaged"):
            self.run_.metrics()
        self.write("diagnosis.jsonl", '{"step": 3, "rolled_back": "why"}\n{"step": 4, "verdict": "healthy"}\n')
        with self.assertRaisesRegex(ValueError, "diagnosis.jsonl is damaged"):
            self.run_.looks()

    def test_numbers_of_checkpoints(self):
        for step in (0, 20, 100):
            self.run_.checkpoints.mkdir(exist_ok=True)
            (self.run_.checkpoints / f"ckpt-{step}.index").touch()
        for name in ("ckpt-7.data-00000-of-00001", "ckpt-x.index", "checkpoint"):
            (self.run_.checkpoints / name).touch()
        self.assertEqual(run_folder.checkpoint_steps(self.run_.checkpoints), [0, 20, 100])
        self.assertEqual(self.run_.unfinished_step, 100)
        self.write("result.json", {"steps": 20, "seconds": 1.0})
        self.assertEqual(self.run_.unfinished_step, 100)
        self.write("result.json", {"steps": 100, "seconds": 1.0})
        self.assertIsNone(self.run_.unfinished_step)

    def test_forgets_what_is_written_again(self):
        lines = [json.dumps({"step": step}) + "\n" for step in (3, 6, 9)]
        names = ("history.jsonl", "metrics.jsonl", "diagnosis.jsonl")
        for name in names:
            self.write(name, "".join(lines) + '{"step": 12, "d_lo')
        self.run_.forget_after(6)
        for name in names:
            self.assertEqual((self.run_.path / name).read_text(), "".join(lines[:2]))


class LockTest(RunFolderTestCase):
    def hold(self):
        """Another process that has the lock."""
        process = subprocess.Popen([sys.executable, "-c", HOLDER, str(self.run_)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "locked\n")
        return process

    def test_ends_with_its_owner(self):
        process = self.hold()
        self.assertTrue(self.run_.is_locked())
        with (
            self.assertRaisesRegex(ValueError, rf"Another process is training in {self.run_}: wait until it has ended"),
            self.run_.lock(patience=0.1),
        ):
            self.fail("It was locked twice.")
        # Readers need none.
        self.assertIsNone(self.run_.config())
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertFalse(self.run_.is_locked())
        with self.run_.lock() as locked:
            self.assertTrue(locked)

    def test_who_looks_is_no_hindrance(self):
        self.assertFalse(self.run_.is_locked())
        self.assertEqual(list(self.run_.path.iterdir()), [])
        with self.run_.lock():
            self.assertTrue(self.run_.is_locked())
        self.assertFalse(self.run_.is_locked())
        with mock.patch.object(atomic, "try_lock", side_effect=[False, False, True]), self.run_.lock() as locked:
            self.assertTrue(locked)

    def test_a_file_system_without_locks(self):
        with mock.patch.object(atomic.fcntl, "flock", side_effect=OSError("no locks")), self.run_.lock() as locked:
            self.assertFalse(locked)
