"""What was saved before modules moved to their present places still loads, goes on and is read, to the same bits.

`golden/write_before_rooms.py` wrote it. Weights and states are compared exactly. What is computed from them is on a
machine like the one that wrote them, and elsewhere within tolerances, since processors round convolutions differently.
"""

import contextlib
import copy
import io
import json
import runpy
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from tests.golden import saved
from tests.test_case import TestCase

_HERE = Path(__file__).parent / "golden" / "before_rooms"
_FACTS = json.loads((_HERE / "facts.json").read_text("utf-8"))
_OUTPUTS = dict(np.load(_HERE / "outputs.npz"))
_SAME_MACHINE = saved.machine() == _FACTS["machine"]


class SavedTestCase(TestCase):
    """What was saved, in a folder for each archive, which no test writes to."""

    archives = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        for name in cls.archives:
            with tarfile.open(_HERE / f"{name}.tar.xz") as files:
                files.extractall(cls.folder, filter="data")

    def setUp(self):
        super().setUp()
        # As trainers have it. The remapper fails at a node that differs from process to process, and so do the bits.
        before = tf.config.optimizer.get_experimental_options().get("remapping", True)
        tf.config.optimizer.set_experimental_options({"remapping": False})
        self.addCleanup(tf.config.optimizer.set_experimental_options, {"remapping": before})

    def assert_computed(self, found, expected, tolerance):
        """Equal bits on a machine like the one that wrote them, and elsewhere values within a tolerance."""
        if _SAME_MACHINE:
            np.testing.assert_array_equal(found, expected)
        else:
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)

    def command(self, module, *flags):
        """Runs `python -m module` in this process: starting another takes longer than most of what they do.

        Returns:
            The pair of the exit status and what was printed.
        """
        text, status = io.StringIO(), 0
        with (
            contextlib.redirect_stdout(text),
            contextlib.redirect_stderr(text),
            warnings.catch_warnings(),
            mock.patch.object(sys, "argv", [module, *map(str, flags)]),
            # Too late in a process that has computed.
            mock.patch.object(tf.config, "set_visible_devices"),
        ):
            # Of a module that was imported before.
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            except SystemExit as end:
                status = end.code or 0
        return status, text.getvalue()


class ModelsTest(SavedTestCase):
    archives = ("models",)

    def tolerance(self, name, otherwise):
        """Numbers of 16 bits have three digits, of bfloat16 two."""
        return 2e-2 if "float16" in name else otherwise

    def load(self, name):
        """The model, whose weights and states of optimizers are those that were saved."""
        model = keras.saving.load_model(self.folder / f"{name}.keras")
        self.assertEqual(saved.digest(model), _FACTS["models"][name]["digest"])
        return model

    def test_models_make_the_same_images_and_train_on(self):
        for name, facts in _FACTS["models"].items():
            if "history" not in facts:
                continue
            with self.subTest(name):
                model = self.load(name)
                self.assertEqual(int(model.step.numpy()), 3)
                tolerance = self.tolerance(name, 1e-5)
                self.assert_computed(saved.sample(model), _OUTPUTS[f"{name} samples"], tolerance)
                model.run_eagerly = facts["eager"]
                history = saved.train(model, 2, facts["rows"])
                tolerance = self.tolerance(name, 5e-4)
                for key, values in facts["history"].items():
                    self.assert_computed(history[key], values, tolerance)
                self.assert_computed(saved.sample(model), _OUTPUTS[f"{name} samples_after"], tolerance)
                if _SAME_MACHINE:
                    self.assertEqual(saved.digest(model), facts["digest_after"])

    def test_models_are_what_they_were(self):
        for name in ("dcgan", "plain"):
            self.assertIsInstance(self.load(name), keras_gan.GAN)
        self.assertIsInstance(self.load("vae"), keras_gan.VAE)
        # A file of the model's feature is read by the feature's own class.
        feature = self.load("unlearner").feature
        again = type(feature).load(self.folder / "feature.json")
        self.assertEqual(again.get_config(), feature.get_config())
        self.assertAllClose(feature.direction, np.array([1.0, 2.0, 2.0]) / 3.0)

    def test_generators_make_the_same_images(self):
        names = [name for name in _FACTS["models"] if name.startswith("generator_")]
        self.assertLen(names, 10)
        for name in names:
            with self.subTest(name):
                images = saved.sample(self.load(name))
                self.assert_computed(images, _OUTPUTS[f"{name} samples"], self.tolerance(name, 1e-5))

    def test_layers_compute_the_same(self):
        outputs = self.load("every_layer")(list(saved.examples((8, 8, 4), 4, 2)), training=False)
        self.assert_computed(outputs.numpy(), _OUTPUTS["every_layer outputs"], 1e-5)

    def test_configurations(self):
        for name, config in _FACTS["objects"].items():
            with self.subTest(name):
                # A copy, because Keras writes into what it reads.
                thing = keras.saving.deserialize_keras_object(copy.deepcopy(config))
                again = keras.saving.serialize_keras_object(thing)
                self.assertContainsSubset(_values(config), _values(again))


def _values(config, path=()):
    """The entries of a configuration and all within it, but for the names of modules and classes."""
    found = {}
    for key, value in config.items():
        if isinstance(value, dict):
            found |= _values(value, (*path, key))
        elif key not in ("module", "class_name", "registered_name"):
            found[(*path, key)] = repr(value)
    return found.items() if not path else found


class RunsTest(SavedTestCase):
    archives = ("runs",)

    def copy(self, name):
        folder = Path(self.path("run"))
        return Path(shutil.copytree(self.folder / name, folder))

    def resume(self, name, steps, flags=None):
        """Goes on with a copy of a run that was stopped, up to a number of steps; returns the copy."""
        facts, out = _FACTS["runs"][name], self.copy(name)
        flags = facts["flags"] if flags is None else flags
        status, text = self.command(f"trainers.{facts['recipe']}", f"--out={out}", *flags, f"--steps={steps}")
        self.assertEqual(status, 0, text)
        self.assertIn(f"Resuming {out} at step {facts['stopped_at']}", text)
        return out

    def assert_goes_on_as_ever(self, name, out):
        """A resumed run ended like one that was never stopped."""
        through, facts = self.folder / f"{name}_through", _FACTS["runs"][name]
        names = [file.name for file in through.glob("*.jsonl")]
        self.assertIn("history.jsonl", names)
        for file in names:
            self.assert_same_entries(out / file, through / file)
        old, new = (json.loads((folder / "result.json").read_text())["steps"] for folder in (through, out))
        self.assertEqual((new, old), (facts["steps"], facts["steps"]))
        old, new = (saved.state(keras.saving.load_model(folder / facts["model"])) for folder in (through, out))
        for a, b in zip(new, old, strict=True):
            self.assert_computed(a, b, 1e-4)

    def assert_same_entries(self, new, old):
        """Histories have the same steps and numbers; verdicts may be those of later rules."""
        new, old = ([json.loads(line) for line in file.read_text().splitlines()] for file in (new, old))
        for a, b in zip(new, old, strict=True):
            a, b = ({**entry, **entry.get("signals", {}), "signals": None} for entry in (a, b))
            b = {key: value for key, value in b.items() if key not in ("verdict", "changed", "since", "evidence")}
            self.assertContainsSubset(b, a)
            for key, value in b.items():
                if isinstance(value, float):
                    self.assert_computed(a[key], value, 1e-3)
                else:
                    self.assertEqual(a[key], value, key)

    def test_a_checkpoint_is_restored_bit_for_bit(self):
        out = self.resume("dcgan", _FACTS["runs"]["dcgan"]["stopped_at"])
        self.assertEqual(saved.digest(keras.saving.load_model(out / "gan.keras")), _FACTS["runs"]["dcgan"]["restored"])

    def test_a_run_and_its_watchdog_go_on(self):
        out = self.resume("dcgan", _FACTS["runs"]["dcgan"]["steps"])
        self.assert_goes_on_as_ever("dcgan", out)
        # It held "generator winning" since step 80, and had seen one sign of another verdict.
        entries = [json.loads(line) for line in (out / "diagnosis.jsonl").read_text().splitlines()]
        told = [(each["step"], each["verdict"], each["changed"], each["since"]) for each in entries[-2:]]
        self.assertEqual(told, [(144, "generator winning", False, 80), (152, "healthy", True, 136)])
        self.assertIn("since step 136 healthy (said at step 152)", (out / "diagnosis.txt").read_text())

    def test_a_run_goes_on_with_its_evaluations(self):
        out = self.resume("evaluated", _FACTS["runs"]["evaluated"]["steps"])
        self.assert_goes_on_as_ever("evaluated", out)
        through = self.folder / "evaluated_through"
        old, new = (json.loads((folder / "metrics.json").read_text()) for folder in (through, out))
        self.assertEqual([new[key] for key in ("name", "step", "last_step")], ["fcd", 4, 13])
        self.assertEqual(new["step"], old["step"])
        # The best generator was in the checkpoint, and so was the value that no later checkpoint bettered.
        old, new = (keras.saving.load_model(folder / "generator.keras") for folder in (through, out))
        self.assertEqual(saved.digest(new), saved.digest(old))
        self.assertEqual(list((out / "checkpoints").glob("best/*.index")), [])

    def test_flags_come_from_the_run(self):
        out = self.resume("dcgan", _FACTS["runs"]["dcgan"]["steps"], flags=())
        self.assert_goes_on_as_ever("dcgan", out)
        config = json.loads((out / "config.json").read_text())
        self.assertEqual((config["filters"], config["log_every"], config["loss"]), (2, 8, "wasserstein"))

    def test_another_configuration_is_refused(self):
        facts, out = _FACTS["runs"]["dcgan"], self.copy("dcgan")
        status, text = self.command("trainers.dcgan", f"--out={out}", *facts["flags"], "--filters=3", "--steps=999")
        self.assertEqual(status, 1, text)
        self.assertIn("filters was 2", text)

    def test_a_diagnosis_is_read(self):
        status, text = self.command("trainers.diagnose", self.folder / "dcgan_through")
        self.assertEqual(status, 0, text)
        written = (self.folder / "dcgan_through" / "diagnosis.txt").read_text().splitlines()
        self.assertEqual([line.strip() for line in text.splitlines()[1:]], written)

    @pytest.mark.slow
    def test_every_run_goes_on_in_a_process_of_its_own(self):
        for name, facts in _FACTS["runs"].items():
            with self.subTest(name):
                out = self.copy(name)
                self.run_to(out, facts, facts["stopped_at"])
                self.assertEqual(saved.digest(keras.saving.load_model(out / facts["model"])), facts["restored"])
                self.run_to(out, facts, facts["steps"])
                self.assert_goes_on_as_ever(name, out)

    def run_to(self, out, facts, steps):
        command = [sys.executable, "-m", f"trainers.{facts['recipe']}", f"--out={out}", *facts["flags"]]
        child = subprocess.run([*command, f"--steps={steps}"], capture_output=True, text=True, timeout=600)
        self.assertEqual(child.returncode, 0, child.stdout + child.stderr)
        self.assertIn(f"at step {facts['stopped_at']}", child.stdout)

    @pytest.mark.slow
    def test_a_finished_run_is_evaluated(self):
        model, out = self.folder / "evaluated_through" / "generator.keras", self.path("evaluation")
        status, text = self.command("trainers.evaluate", f"--model={model}", "--num_samples=50", f"--out={out}")
        self.assertEqual(status, 0, text)
        found = json.loads(Path(out, "evaluation.json").read_text())
        self.assertIn("mnist5k", json.dumps(found))


class ExportsTest(SavedTestCase):
    archives = ("runs", "more")

    def test_what_was_exported_computes_the_same(self):
        for name, value in saved.run_exports(self.folder).items():
            with self.subTest(name):
                if value.dtype == np.uint8:
                    self.assertLessEqual(np.abs(value.astype(int) - _OUTPUTS[name]).max(), 1)
                else:
                    self.assert_computed(value, _OUTPUTS[name], 1e-5)

    def test_a_file_is_checked_against_its_saved_model(self):
        served = self.folder / "served" / "1"
        status, text = self.command(
            "export.tflite", f"--check={self.folder / 'digits.tflite'}", f"--saved_model={served}"
        )
        self.assertEqual(status, 0, text)
        self.assertIn("Passed.", text)

    def test_a_generator_that_unlearned_makes_the_same_images(self):
        model = keras.saving.load_model(self.folder / "unlearned" / "unlearned.keras")
        self.assertEqual(saved.digest(model), _FACTS["models"]["unlearned"]["digest"])
        self.assert_computed(saved.sample(model), _OUTPUTS["unlearned samples"], 1e-5)

    @pytest.mark.slow
    def test_the_next_version_is_published_beside_it(self):
        served = Path(shutil.copytree(self.folder / "served", self.path("served")))
        model = self.folder / "conditional_through" / "gan.keras"
        command = [sys.executable, "-m", "export.saved_model", f"--model={model}", f"--publish={served}"]
        child = subprocess.run([*command, "--with_discriminator"], capture_output=True, text=True, timeout=600)
        self.assertEqual(child.returncode, 0, child.stdout + child.stderr)
        self.assertEqual(sorted(file.name for file in served.iterdir() if file.is_dir()), ["1", "2"])
        old, new = (json.loads((served / n / "assets.extra" / "generator.json").read_text()) for n in "12")
        for key in ("weights_sha256", "discriminator_sha256", "signatures", "training"):
            self.assertEqual(new[key], old[key], key)
        (served / "2").rename(served / "1.new")
        shutil.rmtree(served / "1")
        (served / "1.new").rename(served / "1")
        shutil.copy(self.folder / "digits.tflite", served.parent)
        for name, value in saved.run_exports(served.parent).items():
            self.assert_computed(value, _OUTPUTS[name], 1e-5)


class MarksTest(SavedTestCase):
    archives = ("runs", "more")

    @property
    def model(self):
        return self.folder / "conditional_through" / "generator.keras"

    def label(self, marks):
        """What the page that goes on with marks says to flags of other samples, which it looks at last."""
        pytest.importorskip("waitress")
        out = Path(self.path("marked.json"))
        out.write_text(json.dumps(marks))
        status, text = self.command("trainers.label", f"--model={self.model}", f"--out={out}", "--n=9", "--seed=3")
        self.assertEqual(status, 1, text)
        return text

    def test_marks_are_of_the_model_that_they_were_made_of(self):
        marks = json.loads((self.folder / "marked.json").read_text())
        self.assertEqual((marks["seed"], marks["n"], marks["marked"]), (3, 8, [1, 4, 6]))
        self.assertIn("holds marks of the seeds 3 to 10", self.label(marks))
        self.assertIn("marks of another model", self.label({**marks, "model": "0" * 64}))

    @pytest.mark.slow
    def test_what_was_marked_is_unlearned(self):
        out, before = Path(self.path("unlearned")), self.folder / "unlearned"
        old = json.loads((before / "config.json").read_text())
        flags = [f"--{name}={old[name]}" for name in ("steps", "evaluated", "attacks")]
        marks = f"--feature=marked:{self.folder / 'marked.json'}"
        status, text = self.command("trainers.unlearn", f"--model={self.model}", marks, *flags, f"--out={out}")
        self.assertEqual(status, 0, text)
        old, new = (json.loads((folder / "report.json").read_text()) for folder in (before, out))
        self.assertEqual(new["annotated"], {"samples": 8, "with_the_feature": 3})
        self.assert_computed(new["feature"]["direction"], old["feature"]["direction"], 1e-5)
        old, new = (saved.state(keras.saving.load_model(folder / "unlearned.keras")) for folder in (before, out))
        for a, b in zip(new, old, strict=True):
            self.assert_computed(a, b, 1e-4)


class ToyTest(SavedTestCase):
    archives = ("more",)

    @pytest.mark.slow
    def test_an_experiment_goes_on(self):
        out = Path(shutil.copytree(self.folder / "toy", self.path("toy")))
        before = (out / "results.jsonl").read_text().splitlines()
        self.assertLen(before, 4)
        (out / "results.jsonl").write_text("".join(line + "\n" for line in before[:3]))
        status, text = self.command("trainers.toy", *saved.TOY, f"--out={out}")
        self.assertEqual(status, 0, text)
        after = (out / "results.jsonl").read_text().splitlines()
        self.assertEqual(after[:3], before[:3])
        old, new = json.loads(before[3]), json.loads(after[3])
        self.assertEqual([new[key] for key in ("kind", "seed", "outcome")], ["15:1", 0, "trained"])
        for key, value in old["rows"][-1].items():
            self.assert_computed(new["rows"][-1][key], value, 1e-3)
