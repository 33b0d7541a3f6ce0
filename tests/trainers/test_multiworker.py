"""Two workers, each a process of its own, that train one GAN over the loopback interface."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from keras_gan import callbacks, distribution
from keras_gan.data import batches, sources
from keras_gan.files import history as histories
from tests.test_case import TestCase
from trainers import dcgan
from trainers.dcgan import Config
from trainers.engine import flags, hardware, run

# An entry of the log spans a checkpoint, so that the metrics in it matter.
TINY = (
    "--precision=float32",
    "--latent_dim=4",
    "--batch_size=8",
    "--log_every=4",
    "--checkpoint_every=3",
    "--evaluate_every=0",
    "--nowatchdog",
)
EVALUATING = ("--evaluate_every=2", "--evaluate_samples=80")
DCGAN = ("-m", "trainers.dcgan", "--filters=2", *TINY)
MLP = ("-m", "trainers.mlp_gan", "--generator_units=8", "--discriminator_units=4", "--maxout_pieces=2", *TINY)
DIVERGING = (
    "-c",
    "from tests.trainers import test_multiworker as test; test.train_with_a_fault()",
    "--filters=2",
    *TINY,
)
LARGE = ("-c", "from tests.trainers import test_multiworker as test; test.train_on_large_data()", "--filters=2", *TINY)
SECONDS = 300


def train_with_a_fault():
    """The DCGAN recipe, with a weight that becomes NaN after step 5 of the first attempt."""
    fit = run._fit

    def fit_and_fail(run, tasks):
        gan = run.model
        bias = gan.discriminator.logit.bias

        def spoil(batch, logs):
            if int(gan.step.numpy()) == 5 and int(gan.rollbacks.numpy()) == 0:
                bias.assign(np.full(bias.shape, np.nan))

        fit(run, [keras.callbacks.LambdaCallback(on_train_batch_end=spoil), *tasks])

    run._fit = fit_and_fail
    run.main("dcgan", "About.", Config, dcgan.build)


def train_on_large_data():
    """The DCGAN recipe, for which 200 files are so many that half of them are read before training."""
    sources.LARGE, sources.CHECKED = 199, 100
    run.main("dcgan", "About.", Config, dcgan.build)


class Job:
    """A training in one process or two.

    Args:
        program: What Python runs, with its flags.
        workers: Number of processes; one is no worker but trains alone.
        temporary: Folder for temporary files.
        delay: Seconds until the second process starts.
        flag: Whether it is told which strategy to train with.
    """

    def __init__(self, *program, workers, temporary, delay=0.0, flag=True):
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
        addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
        for s in sockets:
            s.close()
        self.processes = []
        for i in range(workers):
            time.sleep(delay * i)
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}}
            environment = {
                **os.environ,
                "TMPDIR": temporary,
                "TF_CONFIG": json.dumps(task),
                "CUDA_VISIBLE_DEVICES": "-1",
            }
            strategy = [f"--strategy={'multiworker' if workers > 1 else 'none'}"] if flag else []
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, *program, *strategy],
                    cwd=Path(__file__).parents[2],
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )

    def end(self, seconds=SECONDS):
        """Waits; returns the exit status, the output and the errors of each process, without TensorFlow's own."""
        ends = []
        for process in self.processes:
            out, errors = process.communicate(timeout=seconds)
            own = [line for line in errors.splitlines() if not line.startswith(("I0000", "WARNING: All log", "E0000"))]
            ends.append((process.returncode, out, own))
        return ends

    def kill(self):
        for process in self.processes:
            process.kill()
            process.communicate()


def saved(run):
    """The steps of a run's checkpoints."""
    return [int(file.stem.split("-")[1]) for file in (run / "checkpoints").glob("ckpt-*.index")]


def state(run, step):
    """The weights and optimizer states in a checkpoint."""
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / f"ckpt-{step}"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(("model", "generator", "discr"))]
    return {name: reader.get_tensor(name) for name in sorted(names)}


def history(run):
    return [json.loads(line) for line in (run / "history.jsonl").read_text("utf-8").splitlines()]


class MultiworkerTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path())
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir()
        self.out = self.folder / "run"

    def start(self, program, *flags, out=None, workers=2, delay=0.0):
        job = Job(
            *program, f"--out={out or self.out}", *flags, workers=workers, temporary=str(self.temporary), delay=delay
        )
        self.addCleanup(job.kill)
        return job

    def train(self, program, *flags, **kwargs):
        """Trains to the end; returns what the chief printed."""
        ends = self.start(program, *flags, **kwargs).end()
        self.assertEqual([status for status, _, _ in ends], [0] * len(ends), ends)
        # One worker speaks for all, and errors there are none.
        self.assertEqual([out for _, out, _ in ends[1:]], [""] * (len(ends) - 1))
        self.assertEqual([errors for _, _, errors in ends], [[]] * len(ends))
        return ends[0][1]

    def wait_for(self, step, job):
        """Waits for a checkpoint of this step or a later one."""
        deadline = time.monotonic() + SECONDS
        while max(saved(self.out), default=0) < step:
            self.assertLess(time.monotonic(), deadline)
            self.assertEqual({process.poll() for process in job.processes}, {None})
            time.sleep(0.01)

    def assert_close(self, a, b, step):
        """Two runs are at the same place, compared with the way there since the oldest checkpoint of the first."""
        before, x, y = state(a, min(saved(a))), state(a, step), state(b, step)
        self.assertEqual(list(x), list(y))
        moved = {name: np.max(np.abs(x[name] - before[name])) for name in x}
        for name in x:
            np.testing.assert_allclose(x[name], y[name], rtol=0, atol=1e-2 * moved[name] + 1e-6, err_msg=name)
        self.assertGreater(np.mean(np.greater(list(moved.values()), 1e-4)), 0.3)

    def assert_equal_runs(self, a, b, step):
        x, y = state(a, step), state(b, step)
        self.assertEqual(list(x), list(y))
        for name in x:
            np.testing.assert_array_equal(x[name], y[name], err_msg=name)
        # A checkpoint holds the sum of what the workers have seen, which they share out evenly when they go on.
        self.assert_close_histories(a, b)

    def assert_close_histories(self, a, b):
        """Two runs logged the same, of held-out data too."""
        for x, y in zip(history(a), history(b), strict=True):
            self.assertContainsSubset({"step", "d_loss", "g_loss", "real_logits", "r1"} & set(x), y)
            self.assertEqual(set(x), set(y))
            self.assertIn("val_d_loss", x)
            for name in x:
                self.assertAllClose(x[name], y[name], rtol=1e-4, atol=1e-5, msg=name)


class TwoWorkersTest(MultiworkerTestCase, parameterized.TestCase):
    def test_train_as_one_process_does(self):
        alone = self.folder / "alone"
        single = self.start(DCGAN, "--steps=5", *EVALUATING, out=alone, workers=1)
        text = self.train(DCGAN, "--steps=5", *EVALUATING)
        self.assertEqual(single.end()[0][0], 0)
        self.assert_close(alone, self.out, 5)
        self.assert_close_histories(alone, self.out)
        for one, two in zip(*(histories.read(folder / "metrics.jsonl") for folder in (alone, self.out)), strict=True):
            self.assertAllClose(one, two, rtol=1e-3)
        self.assertIn("step 4/5", text)
        self.assertIn("Trained 5 steps", text)
        for folder in (self.out, self.out / "checkpoints", self.out / "samples"):
            other = alone / folder.relative_to(self.out)
            self.assertEqual(sorted(f.name for f in folder.iterdir()), sorted(f.name for f in other.iterdir()))
        self.assertLen(list((self.out / "logs").iterdir()), len(list((alone / "logs").iterdir())))
        # Nor does the other worker leave anything elsewhere.
        self.assertEmpty([file for file in self.temporary.iterdir() if file.name.startswith("keras_gan")])

    @pytest.mark.slow
    def test_dropout_and_several_discriminator_steps(self):
        alone, flags = self.folder / "alone", ("--steps=5", "--discriminator_steps=2")
        self.train(MLP, *flags, out=alone, workers=1)
        self.train(MLP, *flags)
        self.assert_close(alone, self.out, 5)

    @pytest.mark.slow
    def test_runs_change_between_one_process_and_two(self):
        alone, other = self.folder / "alone", self.folder / "other"
        self.train(DCGAN, "--steps=9", out=alone, workers=1)
        for out, first, second in ((self.out, 1, 2), (other, 2, 1)):
            self.train(DCGAN, "--steps=5", out=out, workers=first)
            text = self.train(DCGAN, "--steps=9", out=out, workers=second)
            self.assertIn(f"Resuming {out} at step 5", text)
            self.assert_close(alone, out, 9)
            self.assert_close_histories(alone, out)

    @pytest.mark.slow
    def test_a_worker_may_start_late(self):
        self.train(DCGAN, "--steps=2", delay=15.0)

    @pytest.mark.slow
    def test_both_go_back_after_a_divergence(self):
        alone = self.folder / "alone"
        texts = [self.train(DIVERGING, "--steps=7", out=alone, workers=1), self.train(DIVERGING, "--steps=7")]
        for text in texts:
            self.assertRegex(text, r"Training diverged at step 6: .* is nan.* Rolling back to step 3")
        self.assert_close(alone, self.out, 7)

    @pytest.mark.slow
    def test_dry_run(self):
        text = self.train(DCGAN, "--dry_run")
        self.assertIn("expected time", text)
        self.assertFalse(self.out.exists())


class InterruptionTest(MultiworkerTestCase, parameterized.TestCase):
    @parameterized.parameters(
        # The worker that is lost, or told to stop; the exit statuses of both.
        (1, signal.SIGKILL, [1, -signal.SIGKILL]),
        (0, signal.SIGKILL, [-signal.SIGKILL, 1]),
        (1, signal.SIGTERM, [128 + signal.SIGTERM] * 2),
        (0, signal.SIGINT, [128 + signal.SIGINT, 128 + signal.SIGTERM]),
    )
    @pytest.mark.slow
    def test_both_end_and_go_on_as_if_they_had_not(self, worker, number, statuses):
        through = self.folder / "through"
        self.train(DCGAN, "--steps=40", out=through)

        job = self.start(DCGAN, "--steps=40")
        self.wait_for(9, job)
        job.processes[worker].send_signal(number)
        ends = job.end()
        self.assertEqual([status for status, _, _ in ends], statuses)
        if number == signal.SIGKILL:
            [error] = ends[1 - worker][2]
            self.assertStartsWith(error, "error: Another worker was lost. Start all workers again")
        else:
            self.assertRegex(ends[0][1], r"Stopped at step \d+, saved. To go on: python -m trainers.dcgan --out=")
            self.assertEqual([errors for _, _, errors in ends], [[], []])

        self.assertIn(f"Resuming {self.out} at step", self.train(DCGAN, "--steps=40"))
        self.assert_equal_runs(through, self.out, 40)


class MistakesTest(MultiworkerTestCase):
    @pytest.mark.slow
    def test_workers_that_differ(self):
        job = self.start(
            (
                "-c",
                "import json, os, runpy, sys; "
                "sys.argv.append('--seed=%d' % json.loads(os.environ['TF_CONFIG'])['task']['index']); "
                "runpy.run_module('trainers.dcgan', run_name='__main__')",
                *DCGAN[2:],
            ),
            "--steps=2",
        )
        for status, _, errors in job.end():
            self.assertEqual(status, 1)
            self.assertLen(errors, 1)
            self.assertIn("The workers differ in their flags or data", errors[0])
        self.assertFalse(self.out.exists())

    @pytest.mark.slow
    def test_batches_that_workers_cannot_share(self):
        for status, _, errors in self.start(DCGAN, "--steps=2", "--batch_size=9").end():
            self.assertEqual(status, 1)
            self.assertLen(errors, 1)
            self.assertIn("must be divisible by 2. Received: a batch of 9", errors[0])

    @pytest.mark.slow
    def test_a_file_that_nobody_had_read_before(self):
        images = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 3), np.uint8)
        (self.folder / "images").mkdir()
        for index, image in enumerate(images):
            keras.utils.save_img(self.folder / "images" / f"{index:03d}.png", image, scale=False)
        with mock.patch.multiple(sources, CHECKED=100):
            read_before = sources.some_of(200)
        # Of those that no worker reads in the first ten steps.
        stream = batches.order(200, shuffle=True, seed=0, repeat=True, first=0).take(200)
        order = [index for index, _ in stream.as_numpy_iterator()]
        bad = self.folder / "images" / f"{next(i for i in order[80:] if i not in read_before):03d}.png"
        whole = bad.read_bytes()
        bad.write_bytes(b"broken")
        flags = (f"--dataset=folder:{bad.parent}", "--steps=30")
        ends = self.start(LARGE, *flags).end()
        self.assertEqual([status for status, _, _ in ends], [1, 1])
        errors = sorted(error for _, _, errors in ends for error in errors)
        self.assertLen(errors, 2)
        self.assertRegex(errors[0], f"^error: {bad}: the image cannot be decoded: .* python -m keras_gan.data.check")
        self.assertRegex(errors[0], "Once the data are mended, start all workers again: .* last checkpoint.")
        self.assertRegex(errors[1], "^error: Another worker was lost. Start all workers again")
        bad.write_bytes(whole)
        text = self.train(LARGE, *flags)
        self.assertRegex(text, r"Resuming .* at step \d+")
        self.assertIn("Trained 30 steps", text)

    def test_minutes(self):
        with self.assertRaisesRegex(ValueError, "--minutes does not go with --strategy=multiworker"):
            flags.check(Config(strategy="multiworker", minutes=1.0), {"strategy", "minutes"})

    def test_other_jobs_than_workers(self):
        cluster = {"chief": ["127.0.0.1:1"], "worker": ["127.0.0.1:2"]}
        for text in (
            json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}),
            json.dumps({"cluster": {"worker": ["127.0.0.1:2"]}, "task": {"type": "evaluator", "index": 0}}),
        ):
            with mock.patch.dict(os.environ, TF_CONFIG=text), self.assertRaisesRegex(ValueError, "needs .* TF_CONFIG"):
                hardware.make_strategy(Config(strategy="multiworker"))


class OneWorkerTest(TestCase):
    """What the parts do in each process; another worker is a mock."""

    def test_alone_there_is_nothing_to_agree_on(self):
        strategy = tf.distribute.get_strategy()
        self.assertEqual(distribution.mean_over_workers(strategy, 7), 7.0)
        hardware.check_same(strategy, "flags", "a")
        with hardware.worker(strategy, Path("run")) as folder:
            self.assertEqual(folder, Path("run"))

    def test_workers_that_differ_are_refused(self):
        with (
            mock.patch.object(distribution, "mean_over_workers", lambda strategy, value: value + 0.5),
            self.assertRaisesRegex(ValueError, "differ in their flags"),
        ):
            hardware.check_same(None, "flags", "a")

    def test_others_than_the_chief_write_elsewhere_and_print_nothing(self):
        resolver = SimpleNamespace(task_type="worker", task_id=1)
        output = io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            hardware.worker(SimpleNamespace(cluster_resolver=resolver), Path("run")) as folder,
        ):
            print("hidden")
            self.assertNotEqual(folder, Path("run"))
            self.assertTrue(folder.parent.is_dir())
        self.assertEqual(output.getvalue(), "")
        self.assertFalse(folder.parent.exists())

    def test_the_loss_of_another_worker_becomes_one_sentence(self):
        strategy = tf.distribute.get_strategy()
        lost = tf.errors.UnavailableError(None, None, "gone")
        with self.assertRaisesRegex(OSError, "Another worker was lost"), hardware.worker(strategy, Path("run")):
            raise lost
        # As Keras does, which adds to the message of what is raised in a layer.
        with self.assertRaisesRegex(OSError, "Another worker was lost"), hardware.worker(strategy, Path("run")):
            try:
                raise lost
            except tf.errors.OpError as error:
                raise type(error)("gone") from error
        with self.assertRaisesRegex(ValueError, "mine"), hardware.worker(strategy, Path("run")):
            raise ValueError("mine")

    def test_a_signal_to_another_worker_is_one_to_all(self):
        stop = callbacks.StopOnSignal()
        stop.set_model(SimpleNamespace(distribute_strategy=None, stop_training=False))
        for mean, received in ((0.0, None), (0.5, signal.SIGTERM)):
            with mock.patch.object(distribution, "mean_over_workers", return_value=mean):
                stop.on_train_batch_end(0)
            self.assertEqual((stop.received, stop.model.stop_training), (received, received is not None))
