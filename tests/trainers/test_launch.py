"""Workers that one command starts: scripts in the place of trainings, and slowly the trainings themselves."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from tests.test_case import TestCase
from tests.trainers import test_multiworker
from trainers import launch

HEADER = """#!/bin/bash
index=${TF_CONFIG##*\\"index\\": }; index=${index%%\\}*}
"""


class LaunchTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path())

    def start(self, script, *flags, status=None, workers=2, rest=("dcgan",)):
        """Starts workers that are a script, to which `$index` is known; returns what is printed."""
        program = self.folder / "worker"
        program.write_text(HEADER + script)
        program.chmod(0o755)
        rest = ("--", *rest, f"--out={self.folder}/run")
        with mock.patch.object(sys, "executable", str(program)):
            return self.run_main(launch.main, f"--workers={workers}", *flags, *rest, status=status)

    def log(self, index):
        return (self.folder / "run-logs" / f"worker-{index}.log").read_text()

    def test_each_has_its_task_and_its_file(self):
        text = self.start('echo "$index $*"; echo "$TF_CONFIG" >&2; echo "I0000 noise"', workers=3)
        arguments = f"-m trainers.dcgan --strategy=multiworker --out={self.folder}/run"
        self.assertIn(f"0 {arguments}\n", text)
        self.assertNotIn("noise", text)
        ports = set()
        for index in range(3):
            said, config, _ = self.log(index).splitlines()
            self.assertEqual(said, f"{index} {arguments}")
            ports.add(tuple(re.findall(r"127\.0\.0\.1:(\d+)", config)))
        [ports] = ports
        self.assertLen(set(ports), 3)

    def test_a_mistake_is_said_once(self):
        script = 'echo "error: no such flag" >&2; exit 1'
        text = self.start(script, "--restarts=3", status=1)
        self.assertEqual(text.count("no such flag"), 1)
        self.assertRegex(text, r"^error: Worker \d and \d: no such flag The workers' files: .*run-logs\n$")
        # What the others say of the one that failed is not the reason.
        script = '[ $index = 0 ] && { echo "error: Another worker was lost. Start"; exit 1; }; echo "broken"; exit 1'
        self.assertIn("error: Worker 1: broken", self.start(script, status=1))

    def test_one_that_dies_is_started_again_with_all(self):
        script = f'echo again >> {self.folder}/count; [ $index = 1 ] && kill -KILL $$; echo "error: x"; exit 1'
        text = self.start(script, "--restarts=2", status=1)
        self.assertIn("Worker 1 was ended by SIGKILL: all start again, 1 of at most 2 times.", text)
        self.assertRegex(text, "error: worker 1 was ended by SIGKILL. To go on .* --workers=2 -- dcgan --out=")
        self.assertLen((self.folder / "count").read_text().split(), 6)
        done = f"[ -e {self.folder}/second ] && exit 0; touch {self.folder}/second; [ $index = 1 ] && kill -KILL $$"
        self.start(f"sleep 0.$index; {done}; exit 0", "--restarts=1")

    def test_a_signal_is_passed_on_to_all(self):
        script = "trap 'echo saved; exit 130' INT; echo ready; for i in $(seq 200); do sleep 0.05; done"
        timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        text = self.start(script, "--restarts=2", status=130)
        self.assertIn("To go on with all workers: python -m trainers.launch --workers=2 -- dcgan", text)
        for index in range(2):
            self.assertIn("ready\nsaved\n", self.log(index))
        self.assertIs(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)

    def test_what_does_not_end_is_killed(self):
        script = f"echo $$ >> {self.folder}/ids; [ $index = 1 ] && exit 3; trap '' TERM; exec sleep 60"
        with (
            mock.patch.object(launch, "_SECONDS_TO_SPEAK", 0.3),
            mock.patch.object(launch, "_SECONDS_TO_END", 0.3),
        ):
            text = self.start(script, status=1)
        self.assertIn("Worker 1: no word", text)
        for process in (self.folder / "ids").read_text().split():
            self.assertFalse(Path("/proc", process).exists())

    def test_what_waits_for_one_that_died_is_told_to_end(self):
        script = f"[ $index = 1 ] && [ ! -e {self.folder}/second ] && {{ touch {self.folder}/second; kill -KILL $$; }}"
        waits = f"[ $index = 0 ] && [ ! -e {self.folder}/third ] && {{ touch {self.folder}/third; exec sleep 60; }}"
        with mock.patch.object(launch, "_SECONDS_TO_SPEAK", 0.3):
            text = self.start(f"{script}; {waits}; exit 0", "--restarts=1")
        self.assertIn("Worker 1 was ended by SIGKILL: all start again", text)

    @unittest.skipUnless(sys.platform == "linux", "other systems do not tell processes of their parent's end")
    def test_workers_do_not_outlive_a_launch_that_is_killed(self):
        program = self.folder / "worker"
        script = f"trap 'touch {self.folder}/saved-$index; exit 143' TERM; touch {self.folder}/ready-$index"
        program.write_text(f"{HEADER}{script}; for i in $(seq 600); do sleep 0.05; done")
        program.chmod(0o755)
        code = "import sys; from trainers import launch; sys.executable = sys.argv[1]; launch.main(sys.argv[2:])"
        words = ["--workers=2", "--", "dcgan", f"--out={self.folder}/run"]
        job = subprocess.Popen([sys.executable, "-c", code, str(program), *words], stdout=subprocess.DEVNULL)
        self.wait_for_files("ready")
        job.kill()
        job.wait()
        self.wait_for_files("saved")

    def wait_for_files(self, name):
        deadline = time.monotonic() + 60
        while not all((self.folder / f"{name}-{index}").exists() for index in range(2)):
            self.assertLess(time.monotonic(), deadline, f"no {name}")
            time.sleep(0.01)

    def test_refusals(self):
        for arguments, expected in (
            ((), "After -- comes a recipe .* Received: nothing"),
            (("--", "dcgn"), "-- dcgan. Received: 'dcgn'"),
            (("--", "launch"), "Received: 'launch'"),
            (("--", "dcgan", "--strategy=mirrored"), "Received: --strategy=mirrored"),
            (("--workers=0", "--", "dcgan"), "--workers must be at least 1"),
            (("--template=pbs", "--", "dcgan"), r"one of \['kubernetes', 'slurm'\]"),
            (("--template=slurm", "--", "dcgan"), "pass --out"),
            (("--engine=dask", "--", "dcgan"), "processes or ray. Received: --engine=dask"),
        ):
            self.assertRegex(self.refusal(launch.main, *arguments), expected)

    def test_a_batch_file(self):
        text = self.run_main(launch.main, "--workers=5", "--template=slurm", "--", "wgan-gp", "--out=/shared/run")
        self.assertIn("#SBATCH --nodes=5\n", text)
        self.assertIn("python -m trainers.wgan_gp --strategy=multiworker --out=/shared/run", text)


KILLS = 20


class TrainingTest(test_multiworker.MultiworkerTestCase):
    def launch(self, out, *flags, steps=40):
        program = ("-m", "trainers.launch", "--workers=2", *flags, "--", *test_multiworker.DCGAN[1:])
        program = [part.removeprefix("trainers.") if part == "trainers.dcgan" else part for part in program]
        program += [f"--steps={steps}", f"--out={out}"]
        job = test_multiworker.Job(*program, workers=1, temporary=str(self.temporary), flag=False)
        self.addCleanup(job.kill)
        return job

    @pytest.mark.slow
    def test_goes_on_after_a_worker_was_killed(self):
        through = self.folder / "through"
        [(status, text, errors)] = self.launch(through).end()
        self.assertEqual((status, errors), (0, []), text)
        self.assertIn("Trained 40 steps", text)
        job = self.launch(self.out, "--restarts=1")
        self.wait_for(9, job)
        victim = self.workers_of(job.processes[0])[1]
        os.kill(victim, signal.SIGKILL)
        [(status, text, errors)] = job.end()
        self.assertEqual((status, errors), (0, []), text)
        self.assertIn("was ended by SIGKILL: all start again, 1 of at most 1 times.", text)
        self.assert_equal_runs(through, self.out, 40)

    @staticmethod
    def workers_of(process):
        children = Path("/proc", str(process.pid), "task", str(process.pid), "children").read_text().split()
        return [int(child) for child in children]

    @pytest.mark.slow
    def test_storm(self):
        """Kills at random moments, of both workers, while they start, meet, train and save: to the same bits."""
        through, steps, rng = self.folder / "through", 30 * KILLS, np.random.default_rng(0)
        seconds = test_multiworker.SECONDS + 3 * steps
        [(status, text, errors)] = self.launch(through, steps=steps).end(seconds)
        self.assertEqual((status, errors), (0, []), text)
        job = self.launch(self.out, f"--restarts={KILLS}", steps=steps)
        seen, resumed = set(), set()
        for kill in range(KILLS):
            while len(workers := [each for each in self.workers_of(job.processes[0]) if each not in seen]) < 2:
                self.assertIsNone(job.processes[0].poll(), "it ended before the storm did")
                time.sleep(0.05)
            seen.update(workers)
            # Half of them while the workers start, or soon after, and half once they have trained and saved.
            if kill % 2:
                self.wait_for(max(test_multiworker.saved(self.out), default=0) + 1, job)
            time.sleep(rng.uniform(0.0, 0.5 if kill % 2 else 12.0))
            resumed.add(max(test_multiworker.saved(self.out), default=0))
            self.assertIsNone(job.processes[0].poll(), "it ended before the storm did")
            os.kill(rng.choice(workers), signal.SIGKILL)
        [(status, text, errors)] = job.end(seconds)
        self.assertEqual((status, errors), (0, []), text)
        self.assertEqual(text.count(": all start again"), KILLS)
        self.assertGreater(len(resumed), KILLS // 4)
        self.assert_equal_runs(through, self.out, steps)
        self.assertEqual([each for each in seen if Path("/proc", str(each)).exists()], [])
        self.assertEmpty([file for file in self.temporary.iterdir() if file.name.startswith("keras_gan")])

    @pytest.mark.slow
    def test_one_signal_ends_all(self):
        job = self.launch(self.out)
        self.wait_for(6, job)
        workers = self.workers_of(job.processes[0])
        job.processes[0].send_signal(signal.SIGINT)
        [(status, text, errors)] = job.end()
        self.assertEqual((status, errors), (128 + signal.SIGINT, []), text)
        self.assertRegex(text, r"Stopped at step \d+, saved")
        time.sleep(0.2)
        self.assertEqual([worker for worker in workers if Path("/proc", str(worker)).exists()], [])
