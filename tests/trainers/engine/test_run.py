import dataclasses
import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from concurrent import futures
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_gan
from keras_gan import data
from keras_gan.files import atomic, run_folder
from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase
from trainers import dcgan
from trainers.engine import flags, report, run, tasks

TINY = (
    "--filters=2",
    "--latent_dim=4",
    "--batch_size=16",
    "--log_every=4",
    "--sample_every=5",
    "--checkpoint_every=3",
    "--evaluate_every=0",
    "--nowatchdog",
)
EVALUATING = ("--evaluate_every=4", "--evaluate_samples=30")


class TrainerTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.out = Path(self.path("run"))

    def train(self, *argv, status=None, out=None, build=dcgan.build, tiny=TINY, output=None):
        """Runs the DCGAN recipe in this process; returns what it printed."""

        def main(argv):
            run.main("dcgan", "About.", dcgan.Config, build, argv)

        return self.run_main(main, f"--out={out or self.out}", *tiny, *argv, status=status, output=output)

    def go_on(self, *argv, **kwargs):
        """Goes on with a run, whose folder has its flags."""
        return self.train(*argv, tiny=(), **kwargs)

    def state(self, out):
        """The final weights and optimizer states of a run."""
        gan = keras.models.load_model(out / "gan.keras")
        variables = gan.variables + gan.generator_optimizer.variables + gan.discriminator_optimizer.variables
        return [np.asarray(variable) for variable in variables]

    def assert_equal_runs(self, a, b):
        for x, y in zip(self.state(a), self.state(b), strict=True):
            np.testing.assert_array_equal(x, y)
        self.assertEqual((a / "history.jsonl").read_text(), (b / "history.jsonl").read_text())
        self.assertEqual((a / "metrics.json").exists(), (b / "metrics.json").exists())
        if (a / "metrics.json").exists():
            for name in ("metrics.json", "metrics.jsonl"):
                self.assertEqual((a / name).read_text(), (b / name).read_text())
            for name in ("generator.keras", "generator_last.keras"):
                self.assert_same_weights(*(keras.models.load_model(folder / name) for folder in (a, b)))
        for file in (a / "samples").iterdir():
            self.assertEqual(file.read_bytes(), (b / "samples" / file.name).read_bytes(), file.name)


class RunFolderTest(TrainerTestCase):
    def test_holds_what_it_should(self):
        text = self.train("--steps=10")
        for name in ("config.json", "gan.keras", "generator.keras", "samples.png", "progress.gif", "curves.png"):
            self.assertTrue((self.out / name).is_file(), name)
            self.assertIn(name, text) if name != "config.json" else None
        self.assertEqual(json.loads((self.out / "config.json").read_text())["filters"], 2)
        self.assertEqual(
            sorted(file.name for file in (self.out / "samples").iterdir()),
            ["step-0000000.png", "step-0000005.png", "step-0000010.png"],
        )
        entries = [json.loads(line) for line in (self.out / "history.jsonl").read_text().splitlines()]
        self.assertEqual([entry["step"] for entry in entries], [4, 8])
        self.assertContainsSubset({"d_loss", "val_d_loss", "r1", "generator_learning_rate"}, entries[0])
        with Image.open(self.out / "progress.gif") as animation:
            self.assertEqual(animation.n_frames, 3)
        generator = keras.models.load_model(self.out / "generator.keras")
        self.assertEqual((generator.image_shape, generator.latent_dim, generator.num_classes), ((28, 28, 1), 4, None))
        self.assertIn("trainers.sample", text)
        self.assertFalse([file for file in self.out.iterdir() if "partial" in file.name])
        self.assertFalse((self.out / "diagnosis.txt").exists())  # because of --nowatchdog

    def test_length_in_epochs(self):
        self.train("--epochs=0.01")
        self.assertEqual(json.loads((self.out / "result.json").read_text())["steps"], round(0.01 * (4500 // 16)))

    def test_length_in_minutes(self):
        """In a thread, where no signal comes."""
        with futures.ThreadPoolExecutor(1) as pool:
            pool.submit(self.train, "--minutes=0.0001").result()
        self.assertEqual(json.loads((self.out / "result.json").read_text())["steps"], 1)
        self.assertIn("A larger --minutes extends it", self.go_on())

    def test_dry_run_writes_nothing(self):
        text = self.train("--dry_run")
        self.assertFalse(self.out.exists())
        for word in ("memory", "steps/s", "expected time", '"batch_size": 16'):
            self.assertIn(word, text)

    def test_discriminator_steps_load_as_many_minibatches(self):
        self.train("--steps=2", "--discriminator_steps=3")
        gan = keras.models.load_model(self.out / "gan.keras")
        self.assertEqual(int(gan.discriminator_optimizer.iterations.numpy()), 6)

    @pytest.mark.slow
    def test_keeps_the_best_by_a_named_metric(self):
        self.train("--steps=12", "--best_metric=val_real_logits", "--best_mode=max")
        entries = [json.loads(line) for line in (self.out / "history.jsonl").read_text().splitlines()]
        best = max(entries, key=lambda entry: entry["val_real_logits"])["step"]
        kept = [file.name for file in (self.out / "checkpoints" / "best").glob("*.index")]
        self.assertEqual(kept, [f"ckpt-{best}.index"])

    def test_float16_counts_overflows(self):
        self.train("--steps=4", "--precision=float16")
        entry = json.loads((self.out / "history.jsonl").read_text().splitlines()[0])
        gan = keras.models.load_model(self.out / "gan.keras")
        applied = int(gan.discriminator_optimizer.iterations.numpy())
        self.assertEqual(entry["discriminator_overflows"], 4 - applied)

    @pytest.mark.slow
    def test_mixed_precision(self):
        self.train("--steps=2", "--precision=bfloat16")
        self.assertEqual(keras.models.load_model(self.out / "gan.keras").generator.compute_dtype, "bfloat16")


class ResumeTest(TrainerTestCase):
    def test_extending_equals_running_through(self):
        through = Path(self.path("through"))
        self.train("--steps=10", *EVALUATING, out=through)
        self.train("--steps=7", *EVALUATING)
        # All that is not given again is in the folder.
        text = self.go_on("--steps=10")
        self.assertIn("Resuming", text)
        # The picture of step 7 was the first part's last one.
        (self.out / "samples" / "step-0000007.png").unlink()
        self.assert_equal_runs(through, self.out)

    def test_a_finished_run_says_so(self):
        self.train("--steps=3")
        before = (self.out / "gan.keras").stat().st_mtime_ns
        self.assertIn("is finished", self.train("--steps=3"))
        self.assertEqual((self.out / "gan.keras").stat().st_mtime_ns, before)

    @pytest.mark.slow
    def test_what_is_missing_or_damaged_of_the_results_is_made_again(self):
        """As of a run that was killed before it had written them."""
        self.train("--steps=6", *EVALUATING)
        whole = Path(self.path("whole"))
        shutil.copytree(self.out, whole)
        for name in ("samples.png", "curves.png"):
            (self.out / name).unlink()
        for name in ("generator.keras", "metrics.json"):
            (self.out / name).write_bytes((self.out / name).read_bytes()[:-9])
        (self.out / "history.jsonl").write_text("damage\n" + (self.out / "history.jsonl").read_text())
        text = self.go_on()
        self.assertRegex(text, "Missing or damaged, and made again: .*generator.keras, .*metrics.json, .*curves.png")
        self.assert_equal_runs(whole, self.out)
        self.assertIn("is finished", self.go_on())
        (self.out / "result.json").unlink()
        self.go_on()
        self.assert_equal_runs(whole, self.out)

    def test_an_interrupted_finish_is_repeated(self):
        with mock.patch.object(report, "draw_curves", side_effect=KeyboardInterrupt):
            text = self.train("--steps=3", status=130)
        self.assertIn(f"Interrupted. To go on: python -m trainers.dcgan --out={self.out}\n", text)
        self.assertNotIn("Traceback", text)
        self.assertFalse((self.out / "result.json").exists())
        self.go_on()
        self.assertIn("gan.keras", json.loads((self.out / "result.json").read_text())["files"])

    def test_another_configuration_is_refused(self):
        self.train("--steps=3")
        before = (self.out / "config.json").read_text()
        text = self.train("--steps=3", "--r1_gamma=2", status=1)
        self.assertIn("r1_gamma was 3.0 and is now 2.0", text)
        self.assertEqual((self.out / "config.json").read_text(), before)

    def test_other_data_are_refused(self):
        folder = Path(self.path("images"))
        folder.mkdir()
        for i in range(16):
            pixels = np.random.default_rng(i).integers(0, 256, (16, 16), dtype="uint8")
            Image.fromarray(pixels).save(folder / f"{i}.png")
        flags = [f"--dataset=folder:{folder}", "--steps=2"]
        self.train(*flags)
        (folder / "0.png").unlink()
        self.assertIn("not those that the run", self.train(*flags, "--steps=3", status=1))

    def test_another_process_is_refused(self):
        self.train("--steps=2")
        with RunFolder(self.out).lock():
            self.assertIn("Another process is training in", self.go_on("--steps=3", status=1))
        with mock.patch.object(atomic.fcntl, "flock", side_effect=OSError):
            self.assertIn("No lock can be had on", self.go_on("--steps=3"))

    def test_noresume_refuses_an_existing_run(self):
        self.train("--steps=3")
        self.assertIn("holds a run already", self.train("--steps=3", "--noresume", status=1))

    def test_a_foreign_folder_is_refused(self):
        self.out.mkdir()
        (self.out / "thesis.tex").write_text("")
        self.assertIn("holds no run", self.train("--steps=3", status=1))
        self.assertEqual([file.name for file in self.out.iterdir()], ["thesis.tex"])


class EvaluationTest(TrainerTestCase):
    def scripted(self, values):
        """Runs 12 steps with given values instead of evaluations at 4, 8 and 12."""
        values = iter(values)

        def evaluate(*args, **kwargs):
            return [types.SimpleNamespace(name="fcd", value=next(values))]

        with mock.patch("keras_gan.callbacks.evaluate.evaluate", evaluate):
            return self.train("--steps=12", *EVALUATING)

    def test_keeps_the_best_generator(self):
        text = self.scripted([5.0, 3.0, 4.0])
        self.assertIn("best at step 8; the last 4 steps made it worse, 4 at the end.", text)
        self.assertIn("generator_last.keras is the last", text)
        best, last = (keras.models.load_model(self.out / f"generator{suffix}.keras") for suffix in ("", "_last"))
        shorter = Path(self.path("shorter"))
        self.train("--steps=8", out=shorter)
        self.assert_same_weights(best, keras.models.load_model(shorter / "generator.keras"))
        self.assert_same_weights(last, keras.models.load_model(self.out / "gan.keras").sampler)
        content = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual((content["name"], content["step"], content["last_step"]), ("fcd", 8, 12))
        self.assertEqual(
            [(entry["step"], entry["fcd"]) for entry in content["history"]], [(4, 5.0), (8, 3.0), (12, 4.0)]
        )
        records = [keras_gan.metrics.Record.from_dict(fields) for fields in content["records"]]
        self.assertEqual([record.name for record in records][:3], ["fcd", "kcd", "classifier_score"])
        for record in records:
            self.assertEqual((record.step, record.n_fake, record.ema, record.dataset), (8, 30, True, "mnist5k"))
            self.assertIsNotNone(record.floor)

    @pytest.mark.slow
    def test_the_last_may_be_the_best(self):
        text = self.train("--steps=6", *EVALUATING)
        content = json.loads((self.out / "metrics.json").read_text())
        # The end is evaluated too, and what the record says is what was logged.
        self.assertEqual([entry["step"] for entry in content["history"]], [4, 6])
        best = min(content["history"], key=lambda entry: entry["fcd"])
        self.assertEqual((content["step"], content["records"][0]["value"]), (best["step"], best["fcd"]))
        self.assertIn("the last generator is the best" if best["step"] == 6 else "best at step 4", text)

    def own_pictures(self, count):
        folder = Path(self.path("images"))
        folder.mkdir()
        for i in range(count):
            Image.fromarray(np.full((16, 16), 4 * i, "uint8")).save(folder / f"{i}.png")
        return f"--dataset=folder:{folder}"

    def test_of_ones_own_pictures_the_best_is_kept(self):
        dataset = self.own_pictures(52)
        text = self.train(dataset, "--steps=5", "--evaluate_every=4", "--evaluate_samples=12")
        self.assertIn("12 generated images are compared with 52 real ones, as efficientnet_lite0 sees them", text)
        content = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(
            [(entry["step"], set(entry)) for entry in content["history"]], [(4, {"step", "lkd"}), (5, {"step", "lkd"})]
        )
        # The Frechet distance wants more images.
        self.assertEqual([record["name"] for record in content["records"]][:2], ["lkd", "precision"])
        self.assertTrue((self.out / "generator_last.keras").exists())
        config = json.loads((self.out / "config.json").read_text())
        self.assertEqual(config["features"], "efficientnet_lite0")
        self.assertIn("has 5 steps", self.train(dataset, "--steps=5", "--evaluate_every=4", "--evaluate_samples=12"))

    def test_a_run_that_began_without_evaluations_goes_on_without(self):
        dataset = self.own_pictures(52)
        with mock.patch.object(tasks, "settle_features", lambda config, *args: config):
            self.train(dataset, "--steps=2", *EVALUATING)
        text = self.train(dataset, "--steps=3", *EVALUATING)
        self.assertIn("generator.keras will be the last", text)
        self.assertEqual(json.loads((self.out / "config.json").read_text())["features"], "auto")

    def test_of_a_few_pictures_the_last_is_kept(self):
        text = self.train(self.own_pictures(16), "--steps=2", *EVALUATING)
        self.assertRegex(
            text, "No features for 16 images of .* as 16x16x1 come with the package: generator.keras will be"
        )
        self.assertIn("the last; none was evaluated", text)
        self.assertFalse((self.out / "generator_last.keras").exists())
        self.assertFalse((self.out / "metrics.json").exists())


@keras.saving.register_keras_serializable("test_common")
class Fault(keras_gan.regularizers.Regularizer):
    """A penalty that is NaN at one step of the first attempts."""

    name = "fault"

    def __init__(self, gan=None, step=5, attempts=1, **kwargs):
        super().__init__(**kwargs)
        self.gan, self.step, self.attempts = gan, step, attempts

    def __call__(self, critic, real, fake):
        if self.gan is None:
            return tf.zeros_like(critic(real))
        now = (self.gan.step.value == self.step) & (self.gan.rollbacks.value < self.attempts)
        return tf.where(now, np.nan, 0.0 * critic(real))


class DivergenceTest(TrainerTestCase):
    def run_with_fault(self, *flags, attempts=1, status=None, out=None):
        def build(config, spec):
            gan = dcgan.build(config, spec)
            fault = Fault(gan, attempts=attempts)
            gan.compile("adam", "adam", discriminator_regularizers=[fault])
            return gan

        return self.train(*flags, status=status, out=out, build=build)

    def test_goes_back_and_takes_another_way(self):
        text = self.run_with_fault("--steps=10")
        self.assertIn("Rolling back to step 3", text)
        self.assertIn("fault is nan", text)
        gan = keras.models.load_model(self.out / "gan.keras")
        self.assertEqual((int(gan.step.numpy()), int(gan.rollbacks.numpy())), (10, 1))
        steps = [json.loads(line)["step"] for line in (self.out / "history.jsonl").read_text().splitlines()]
        self.assertEqual(steps, [4, 8])
        healthy = Path(self.path("healthy"))
        self.run_with_fault("--steps=10", attempts=0, out=healthy)
        self.assertTrue(any((a != b).any() for a, b in zip(self.state(healthy), self.state(self.out), strict=True)))

    @pytest.mark.slow
    def test_the_retry_is_resumable(self):
        through = Path(self.path("through"))
        self.run_with_fault("--steps=12", out=through)
        self.run_with_fault("--steps=9")
        self.run_with_fault("--steps=12")
        (self.out / "samples" / "step-0000009.png").unlink()
        self.assert_equal_runs(through, self.out)

    @pytest.mark.slow
    def test_gives_up_with_a_diagnosis(self):
        text = self.run_with_fault("--steps=10", "--max_rollbacks=2", attempts=9, status=1)
        self.assertEqual(text.count("Rolling back"), 2)
        self.assertIn("error: Training diverged at step 6", text)
        self.assertIn("lower the learning rates", text)
        self.assertFalse((self.out / "generator.keras").exists())


class DataTest(TrainerTestCase):
    """Examples that are read from a disk while training goes on."""

    def source(self, bad=None):
        """20 images, of which one may be unreadable."""
        images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype="uint8")

        def read(index):
            if index == bad:
                raise ValueError(f"pictures/{index}.png: no such file")
            return images[index], 0

        return dataclasses.replace(data.open_source(images), images=None, labels=None, read=read)

    def train_on(self, source, *argv, **kwargs):
        def find(config, split=None, held_out=False):
            if split is not None:
                raise data.MissingSplitError("There is nothing but what is trained on.")
            return source

        with mock.patch.object(flags, "find", find):
            return self.train("--batch_size=4", "--steps=7", *argv, **kwargs)

    @pytest.mark.slow
    def test_a_failure_ends_the_run_at_the_last_whole_step(self):
        through = Path(self.path("through"))
        self.train_on(self.source(), out=through)
        order, _ = data.load((np.zeros((20, 1)), np.arange(20)), batch_size=4, labels=True, repeat=True)
        bad = int(list(order.take(5))[4][1][0])
        text = self.train_on(self.source(bad), status=1)
        self.assertEqual(
            [line for line in text.splitlines() if line.startswith("error: ")],
            [
                f"error: pictures/{bad}.png: no such file. Training ended at step 4, saved. Once the data are mended: "
                f"python -m trainers.dcgan --out={self.out}"
            ],
        )
        self.assertNotIn("Traceback", text)
        again = self.train_on(self.source(bad), status=1)
        self.assertIn(f"error: pictures/{bad}.png: no such file\n", again)
        self.assertIn("Resuming", self.train_on(self.source()))
        self.assert_equal_runs(through, self.out)

    def test_other_errors_are_not_taken_for_it(self):
        checkpoint = types.SimpleNamespace(save_last_whole_step=self.fail)
        of_run = types.SimpleNamespace(step=3, strategy=None)
        error = tf.errors.ResourceExhaustedError(None, None, "out of memory")
        with self.assertRaises(tf.errors.ResourceExhaustedError):
            run._save_and_say(of_run, checkpoint, 0, error)

    def test_one_of_several_workers_saves_nothing(self):
        checkpoint = types.SimpleNamespace(save_last_whole_step=self.fail)
        of_run = types.SimpleNamespace(
            step=3, strategy=mock.create_autospec(tf.distribute.MultiWorkerMirroredStrategy, instance=True)
        )
        read = tf.errors.InvalidArgumentError(None, None, "ReadError: 7.png: no such file\n\t [[{{node PyFunc}}]]")
        for error in (ValueError("7.png: no such file"), read):
            with self.assertRaisesRegex(ValueError, "^7.png: no such file. Once the data are mended, start all"):
                run._save_and_say(of_run, checkpoint, 0, error)


class ClosedOutput(io.StringIO):
    """A pipe that nobody reads any more after some lines."""

    def write(self, text):
        if self.getvalue().count("\n") >= 3:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return super().write(text)


class MistakesTest(TrainerTestCase):
    def test_one_line_each(self):
        for argv, sentence in (
            (["--stepz=3"], "Unknown command line flag 'stepz'"),
            (["--steps=many"], "steps"),
            (["--steps=0"], "--steps must be at least 1"),
            (["--batch_size=-4"], "--batch_size must be at least 1"),
            (["--minutes=-1"], "--minutes must be positive"),
            (["--steps=3", "--epochs=1"], "Give one length"),
            (["--precision=float8"], "--precision must be auto or one of"),
            (["--best_metric=fid"], "--best_metric must be one of"),
            (["--best_mode=most"], "--best_mode must be min or max"),
            (["--out=lr[1e-3]"], "for a pattern"),
            (["--out=gs://bucket/run"], "mounted on this machine"),
            (["--out=\udcff"], r"--out must be text in UTF-8. Received: --out=\udcff"),
            (["--features=inceptoin", "--evaluate_every=9"], "Features are one of"),
            (
                ["--features=cifar10_classifier", "--evaluate_every=9"],
                "cifar10_classifier sees images of shape (32, 32,",
            ),
            (["--evaluate_every=-1"], "--evaluate_every must be at least 0"),
            (["--strategy=ring"], "--strategy must be one of"),
            (["--tpu"], "looked for a TPU on this machine"),
            (["--strategy=multiworker"], "TF_CONFIG"),
            (["--dataset=folder:/no/such/folder"], "/no/such/folder"),
            (["--dataset=no_such_dataset"], "no_such_dataset"),
            (["--loss=l3"], "identifier='l3'"),
            (["--latent_prior=cauchy"], "latent_prior='cauchy'"),
            (["--discriminator_normalization=batch2"], "batch2"),
            (["--image_size=12"], "image_size"),
            (["extra"], "expected flags only"),
        ):
            text = self.train(*argv, status=1)
            errors = [line for line in text.splitlines() if line.startswith("error: ")]
            self.assertLen(errors, 1, text)
            self.assertIn(sentence, errors[0])
            self.assertNotIn("Traceback", text)
            self.assertFalse(self.out.exists())

    def test_help(self):
        text = self.train("--help", status=0)
        for field in dataclasses.fields(dcgan.Config):
            self.assertIn(field.name, text)
        headings = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
        self.assertEqual(headings, ["the run:", "the data:", "the recipe:", "evaluation:", "hardware:"])


def start(out, *flags):
    """The recipe in a process of its own."""
    command = [sys.executable, "-m", "trainers.dcgan", f"--out={out}", *TINY, "--precision=float32", *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(path, seconds=120):
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise AssertionError(f"{path} did not appear")
        time.sleep(0.01)


class InterruptionTest(TrainerTestCase):
    def test_sigterm_saves_and_says_how_to_go_on(self):
        process = start(self.out, "--steps=100000")
        wait_for(self.out / "checkpoints" / "ckpt-3.index")
        process.send_signal(signal.SIGTERM)
        text, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM, text)
        self.assertIn(f"To go on: python -m trainers.dcgan --out={self.out}\n", text)
        self.assertNotIn("Traceback", text)

    @pytest.mark.slow
    def test_output_that_nobody_reads(self):
        """As with `| head -3`: the run is saved, and goes on as if nothing had been."""
        self.train("--steps=9", "--log_every=2", status=128 + signal.SIGPIPE, output=ClosedOutput())
        step = run_folder.checkpoint_steps(self.out / "checkpoints")[-1]
        self.assertBetween(step, 1, 8)
        self.assertIn(f"Resuming {self.out} at step {step}", self.go_on())

    @pytest.mark.slow
    def test_interrupted_at_any_moment_of_its_start(self):
        for seconds in (0.2, 1.0, 3.0, 6.0, 10.0):
            process = start(self.out, "--steps=100000")
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            text, _ = process.communicate(timeout=120)
            self.assertNotIn("Traceback", text)
            self.assertIn(process.returncode, (-signal.SIGINT, 128 + signal.SIGINT))

    @pytest.mark.slow
    def test_a_pipe_that_ends(self):
        process = start(self.out, "--steps=100000")
        self.assertStartsWith(process.stdout.readline(), "dcgan: ")
        process.stdout.close()
        self.assertEqual(process.wait(timeout=300), 128 + signal.SIGPIPE)
        self.assertGreater(run_folder.checkpoint_steps(self.out / "checkpoints")[-1], 0)

    @pytest.mark.slow
    def test_a_terminal_that_is_closed(self):
        """The signal that then comes; under nohup it is ignored."""
        process = start(self.out, "--steps=100000")
        wait_for(self.out / "checkpoints" / "ckpt-3.index")
        process.send_signal(signal.SIGHUP)
        text, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 128 + signal.SIGHUP, text)
        self.assertIn("saved. To go on", text)
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        process = start(self.out, "--steps=100000")
        while "images/s" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGHUP)
        self.assertIn("images/s", process.stdout.readline() + process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)

    @pytest.mark.slow
    def test_killed_runs_end_like_one_that_was_not(self):
        random = np.random.default_rng(0)
        often = ("--evaluate_every=50", "--evaluate_samples=30")
        through = Path(self.path("through"))
        self.train("--steps=600", *often, out=through)
        for _ in range(6):
            process = start(self.out, "--steps=600", *often)
            newest = max((int(f.stem[5:]) for f in self.out.glob("checkpoints/ckpt-*.index")), default=0)
            wait_for(self.out / "checkpoints" / f"ckpt-{newest + 3}.index")
            time.sleep(random.uniform(0, 0.3))
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        text = self.train("--steps=600", *often)
        self.assertIn("Resuming", text)
        self.assert_equal_runs(through, self.out)
