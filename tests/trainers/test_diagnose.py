import json
from pathlib import Path
from unittest import mock

import keras
import pytest

from keras_gan.callbacks.watchdog import rules
from tests.test_case import TestCase
from trainers import dcgan, diagnose
from trainers.engine import run

FLAGS = (
    "--filters=2", "--latent_dim=4", "--batch_size=8", "--log_every=2", "--sample_every=20", "--checkpoint_every=3",
    "--features=none",
)  # fmt: skip
UPDATE = rules.Judge.update


def collapse_at(step):
    """A judge that sees a collapse at a step, of which the first signs were two steps before."""

    def hear(self, now, row, missing=()):
        verdict = UPDATE(self, now, row, missing)
        if now != step:
            return verdict
        return rules.Verdict(rules.COLLAPSE, True, step - 2, "one digit", rules.ADVICE[rules.COLLAPSE])

    return mock.patch.object(rules.Judge, "update", hear)


class DiagnoseTest(TestCase):
    def setUp(self):
        super().setUp()
        self.out = Path(self.path("run"))

    def train(self, *flags, status=None):
        def main(argv):
            run.main("dcgan", "About.", dcgan.Config, dcgan.build, argv)

        return self.run_main(main, f"--out={self.out}", *FLAGS, *flags, status=status)

    def entries(self):
        return [json.loads(line) for line in (self.out / "diagnosis.jsonl").read_text("utf-8").splitlines()]

    def diagnosis(self, *folders, status=None):
        return self.run_main(diagnose.main, *folders, status=status)

    @pytest.mark.slow
    def test_trainers_watch_by_default(self):
        printed = self.train("--steps=8")
        entries = self.entries()
        self.assertEqual([entry["step"] for entry in entries], [2, 4, 6, 8])
        # Through the classifier of digits, with held-out ones.
        self.assertContainsSubset({"entropy", "overfitting", "movement"}, entries[-1]["signals"])
        text = (self.out / "diagnosis.txt").read_text("utf-8")
        self.assertStartsWith(text, f"{entries[-1]['verdict']} at step 8")
        self.assertIn(text.splitlines()[0], self.diagnosis(self.out))
        self.assertIn(f"what the watchdog said; last: {text.splitlines()[0]}", printed)

    @pytest.mark.slow
    def test_a_run_that_was_extended_says_the_same(self):
        self.train("--steps=9")
        through = (self.out / "diagnosis.jsonl").read_text("utf-8")
        self.out = self.out.with_name("parts")
        self.train("--steps=5")
        self.train("--steps=9")
        self.assertEqual((self.out / "diagnosis.jsonl").read_text("utf-8"), through)

    @pytest.mark.slow
    def test_a_collapse_goes_back_to_before_it(self):
        with collapse_at(8):
            text = self.train("--steps=9", "--on_collapse=rollback", "--max_rollbacks=1", status=1)
        # The first signs were at step 6: the checkpoint of that step is given up.
        self.assertIn("mode collapse, since step 6. Rolling back to step 3", text)
        self.assertIn("It happened 2 times", text)
        self.assertIn("mode collapse, since step 6; went back to step 3", self.diagnosis(self.out))
        self.train("--steps=9", "--on_collapse=rollback", "--max_rollbacks=1")
        gan = keras.models.load_model(self.out / "gan.keras")
        self.assertEqual(int(gan.step.numpy()), 9)

    @pytest.mark.slow
    def test_a_collapse_stops(self):
        with collapse_at(4):
            text = self.train("--steps=9", "--on_collapse=stop")
        self.assertIn("step 4  mode collapse: one digit; try: ", text)
        self.assertEqual(json.loads((self.out / "result.json").read_text())["steps"], 4)

    def test_not_watched(self):
        self.out.mkdir()
        self.assertIn("error: There is no diagnosis in", self.diagnosis(self.out, status=1))

    def test_mistakes(self):
        text = self.train("--on_collapse=panic", status=1)
        self.assertIn("error: --on_collapse must be 'warn', 'rollback' or 'stop'", text)
        self.assertIn("error: expected run folders", self.diagnosis(status=1))
