import json
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import keras
import pytest
import tensorflow as tf

from keras_gan import distribution
from tests.test_case import TestCase
from trainers import dcgan
from trainers.engine import hardware, precision, run


class ChooseTest(TestCase):
    def choose(self, native, float32=1.0, bfloat16=1.0, strategy=None):
        seconds = {"float32": float32, "bfloat16": bfloat16}
        with (
            mock.patch.object(hardware, "native_bfloat16", return_value=native),
            mock.patch.object(precision, "time_steps", return_value=seconds) as timed,
        ):
            return *precision.choose(strategy or tf.distribute.get_strategy(), None), timed.called

    def test_needs_both_the_unit_and_the_speed(self):
        self.assertEqual(self.choose(None, 9.0), ("float32", "no native bfloat16 here", None, False))
        self.assertEqual(self.choose("a unit", 1.14)[0], "float32")
        chosen, reason, seconds, _ = self.choose("a unit", 0.5, 0.25)
        self.assertEqual((chosen, seconds), ("bfloat16", {"float32": 0.5, "bfloat16": 0.25}))
        self.assertEqual(reason, "a unit; a step takes 250 ms in bfloat16 and 500 ms in float32")

    def test_tpu(self):
        found = self.choose(None, strategy=mock.Mock(spec=tf.distribute.TPUStrategy))
        self.assertEqual(found, ("bfloat16", "a TPU's native format", None, False))

    def test_the_first_worker_decides(self):
        def strategy(task):
            return SimpleNamespace(cluster_resolver=SimpleNamespace(task_type="worker", task_id=task))

        with mock.patch.object(distribution, "mean_over_workers", side_effect=lambda _, value: float(value) / 4):
            self.assertEqual(self.choose("a unit", 2.0, strategy=strategy(0))[0], "bfloat16")
        for mean, chosen in ((0.25, "bfloat16"), (0.0, "float32")):
            with mock.patch.object(distribution, "mean_over_workers", return_value=mean) as asked:
                found = self.choose("a unit", 2.0, strategy=strategy(1))
            self.assertEqual(found, (chosen, "as the first worker found", None, False))
            self.assertFalse(asked.call_args.args[1])


class TimeStepsTest(TestCase):
    def test_takes_turns_in_each_policy(self):
        calls = []

        def make_step():
            policy = keras.config.dtype_policy().name
            keras.layers.Dense(1).build((1, 1))

            def step():
                calls.append(policy)
                time.sleep(0.02 if policy == "float32" else 0.001)

            return step

        with mock.patch.object(precision, "SECONDS", 0.0):
            seconds = precision.time_steps(make_step)
        self.assertEqual(calls, ["float32", "mixed_bfloat16"] * 4)
        self.assertGreater(seconds["float32"], seconds["bfloat16"])
        # As in a process that has built nothing.
        self.assertEqual((keras.config.dtype_policy().name, keras.layers.Dense(1).name), ("float32", "dense"))

    def test_a_model_that_fails_leaves_no_policy(self):
        with self.assertRaisesRegex(ValueError, "no"):
            precision.time_steps(mock.Mock(side_effect=ValueError("no")))
        self.assertEqual(keras.config.dtype_policy().name, "float32")


class RunTest(TestCase):
    @pytest.mark.slow
    def test_a_run_remembers_the_trial_and_its_weights_know_nothing_of_it(self):
        """The same as with the precision given; a resumed run keeps what was found and does not try again."""
        tiny = ["--filters=2", "--latent_dim=4", "--batch_size=8", "--steps=2", "--evaluate_every=0", "--nowatchdog"]

        def train(name, *flags):
            folder = Path(self.path(name))
            run.main("dcgan", "About.", dcgan.Config, dcgan.build, [f"--out={folder}", *tiny, *flags])
            return folder, keras.models.load_model(folder / "gan.keras").generator

        with (
            mock.patch.object(hardware, "native_bfloat16", return_value="a unit"),
            mock.patch.object(precision, "SECONDS", 0.0),
            mock.patch.object(precision, "MARGIN", 0.0),
        ):
            folder, found = train("auto")
        _, expected = train("given", "--precision=bfloat16")
        self.assert_same_weights(found, expected)
        trial = json.loads((folder / "config.json").read_text("utf-8"))["precision_trial"]
        self.assertEqual(list(trial), ["float32", "bfloat16"])
        with mock.patch.object(precision, "choose") as asked:
            run.main("dcgan", "About.", dcgan.Config, dcgan.build, [f"--out={folder}", "--steps=3"])
        asked.assert_not_called()
        self.assertEqual(json.loads((folder / "config.json").read_text("utf-8"))["precision_trial"], trial)
