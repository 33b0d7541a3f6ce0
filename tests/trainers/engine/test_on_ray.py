"""A worker's part in this process; with Ray, where it is installed, a run of two workers that loses one."""

import json
import os
import signal
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from tests.test_case import TestCase
from tests.trainers import test_multiworker
from trainers.engine import on_ray

# Where there is a package `tf_keras` or none, and whatever `tf.keras` is.
LEGACY = """
import keras, keras_gan
assert keras.__version__.startswith("3.")
from trainers import dcgan
dcgan.engine.main("dcgan", "", dcgan.Config, dcgan.build)
"""


class WorkerTest(TestCase):
    def test_the_last_line_is_the_reason(self):
        folder = self.get_temp_dir()
        on_ray.train({"worker": ["-c", "open('here', 'w')"], "folder": folder})
        self.assertTrue(Path(folder, "here").exists())
        script = "import sys; print('first', file=sys.stderr); sys.exit('error: broken')"
        with self.assertRaisesRegex(RuntimeError, r"^error: broken \(exit status 1\)$"):
            on_ray.train({"worker": ["-c", script], "folder": folder})


class RayTest(test_multiworker.MultiworkerTestCase):
    @pytest.mark.slow
    def test_the_package_works_where_keras_2_is_asked_for(self):
        environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
        flags = [*test_multiworker.DCGAN[2:], "--steps=3", f"--out={self.out}"]
        done = subprocess.run(
            [sys.executable, "-c", LEGACY, *flags], env=environment, capture_output=True, text=True, timeout=300
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Trained 3 steps", done.stdout)

    @pytest.mark.slow
    @pytest.mark.skipif(util.find_spec("ray") is None, reason="Ray is not installed: pip install '.[ray]'")
    def test_goes_on_after_a_worker_was_killed(self):
        program = ["-m", "trainers.launch", "--engine=ray", "--workers=2", "--restarts=1", "--", "dcgan"]
        program += [*test_multiworker.DCGAN[2:], "--steps=40", f"--out={self.out}"]
        job = test_multiworker.Job(*program, workers=1, temporary=str(self.temporary), flag=False)
        self.addCleanup(job.kill)
        self.wait_for(9, job)
        os.kill(self.trainings()[-1], signal.SIGKILL)
        out, errors = job.processes[0].communicate(timeout=test_multiworker.SECONDS)
        self.assertEqual(job.processes[0].returncode, 0, errors)
        self.assertIn(f"Resuming {self.out} at step", out + errors)
        self.assertEqual(json.loads((self.out / "result.json").read_text())["steps"], 40)

    def trainings(self):
        """The processes that train in this test's folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments = process.read_bytes().split(b"\0")
            except OSError:  # It has just ended.
                continue
            if b"trainers.dcgan" in arguments and f"--out={self.out}".encode() in arguments:
                found.append(int(process.parent.name))
        return found
