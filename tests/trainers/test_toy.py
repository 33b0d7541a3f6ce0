import csv
import json
from pathlib import Path
from unittest import mock

import keras
import pytest
from PIL import Image

from keras_gan import losses, regularizers
from tests.test_case import TestCase
from trainers import toy

TINY = ("--steps=3", "--discriminator_steps=1", "--probe_steps=20", "--measure_every=3", "--units=4", "--batch_size=8")


class ToyTest(TestCase):
    def run_toy(self, *flags, out, status=None):
        """What the command prints."""
        return self.run_main(toy.main, f"--out={out}", *TINY, *flags, status=status)

    def check_evolution(self, name, dim, counted):
        out = Path(self.path(name))
        text = self.run_toy(f"--data={name}", out=out)
        result = json.loads((out / "result.json").read_text())
        self.assertEqual((result["generator_updates"], "modes" in result), (3, counted))
        self.assertIn("probe_jsd", text)
        with (out / "measures.csv").open() as file:
            self.assertEqual([row["step"] for row in csv.DictReader(file)], ["0", "3"])
        with Image.open(out / "evolution.gif") as animation:
            self.assertEqual(animation.n_frames, 2)
        self.assertTrue((out / "curves.png").is_file())
        self.assertEqual(keras.models.load_model(out / "generator.keras").image_shape, (dim,))

    @pytest.mark.slow
    def test_evolution(self):
        self.check_evolution("two_gaussians", 1, counted=True)

    @pytest.mark.slow
    def test_evolution_in_the_plane(self):
        self.check_evolution("ring", 2, counted=True)
        self.check_evolution("swiss_roll", 2, counted=False)

    def test_results_of_a_process_that_was_killed_and_damaged_ones(self):
        file = Path(self.path("results.jsonl"))
        whole = json.dumps({"kind": "1:1", "seed": 0, "outcome": "diverged", "rows": []}) + "\n"
        file.write_text(whole + whole[:20])
        self.assertEqual(toy._finished(file), [json.loads(whole)])
        self.assertEqual(file.read_text(), whole)
        file.write_text(whole + '{"kind": 3}\n')
        with self.assertRaisesRegex(ValueError, "results.jsonl is damaged: choose another --out .kind must be text"):
            toy._finished(file)

    @pytest.mark.slow
    def test_k_sweep_goes_on_where_it_was(self):
        out = Path(self.path("sweep"))
        flags = ("--experiment=k_sweep", "--data=two_gaussians", "--seeds=1", "--steps=4", "--measure_every=2")
        with mock.patch.object(toy, "RATIOS", ((1, 2),)):
            self.run_toy(*flags, out=out)
        first = (out / "results.jsonl").read_text()
        with mock.patch.object(toy, "RATIOS", ((1, 2), (2, 1))):
            text = self.run_toy(*flags, out=out)
        lines = (out / "results.jsonl").read_text()
        self.assertTrue(lines.startswith(first))
        results = [json.loads(line) for line in lines.splitlines()]
        self.assertEqual([(r["kind"], r["seed"]) for r in results], [("1:2", 0), ("2:1", 0)])
        # Both have made four generator updates, the second with eight of the discriminator.
        last = [result["rows"][-1] for result in results]
        self.assertEqual([(row["generator_updates"], row["step"]) for row in last], [(4, 2), (4, 4)])
        self.assertIn("| 1:2 ", text)
        for name in ("sweep.png", "table.md", "results.csv"):
            self.assertTrue((out / name).is_file(), name)

    def test_losses_with_what_diverges_and_what_does_not_apply(self):
        out = Path(self.path("losses"))

        class Unfit(regularizers.Regularizer):
            name = "unfit"

            def __init__(self):
                raise ValueError("It needs labels.")

        names = ["kl"]
        with (
            mock.patch.object(losses, "names", return_value=names),
            mock.patch.dict(regularizers._CLASSES, {"unfit": Unfit}, clear=True),
        ):
            text = self.run_toy("--experiment=losses", "--data=gaussian", "--seeds=1", "--learning_rate=1e30", out=out)
        outcomes = {r["kind"]: r["outcome"] for r in map(json.loads, (out / "results.jsonl").read_text().splitlines())}
        self.assertEqual(outcomes["kl"], "diverged")
        self.assertEqual(outcomes["kl unfit"], "does not apply: It needs labels.")
        self.assertIn("does not apply", text)
        self.assertTrue((out / "losses.png").is_file())

    def test_errors(self):
        out = Path(self.path("run"))
        self.assertIn("one of", self.run_toy("--data=rings", out=out, status=1))
        self.assertIn("--experiment must be one of", self.run_toy("--experiment=x", out=out, status=1))
        self.assertFalse(out.exists())
        out.mkdir()
        (out / "mine.txt").write_text("")
        self.assertIn("holds no results", self.run_toy(out=out, status=1))
        (out / "config.json").write_text(json.dumps({"data": "grid"}))
        self.assertIn("results of another configuration", self.run_toy(out=out, status=1))

    def options(self, *flags):
        """The configuration that a command trains with."""
        with mock.patch.object(toy, "_evolution") as evolution, mock.patch.object(toy, "_k_sweep") as sweep:
            toy.main(list(flags))
        return (evolution.call_args or sweep.call_args)[0][0]

    def test_presets(self):
        out = self.path("preset")
        config = self.options(f"--out={out}-1")
        self.assertEqual((config.data, config.learning_rate, config.discriminator_steps), ("gaussian", 1e-4, 5))
        config = self.options(f"--out={out}-2", "--preset=collapse", "--data=ring")
        self.assertEqual((config.data, config.learning_rate, config.generator_steps), ("ring", 1e-3, 30))
        for name, given in toy.Config.PRESETS.items():
            self.assertIn(name, toy.__doc__)
            toy.build(toy.Config(preset=name, **{**given, "units": 2}), mock.Mock(dim=2))

    def test_experiments_and_old_results_keep_what_the_defaults_were(self):
        plain = ("ring", 1e-3, 1, 0.5, 4000)

        def told(config):
            return (
                config.data, config.learning_rate, config.discriminator_steps, config.beta_1, config.steps
            )  # fmt: skip

        out = Path(self.path("sweep"))
        self.assertEqual(told(self.options(f"--out={out}", "--experiment=k_sweep")), plain)
        old = json.loads((out / "config.json").read_text())
        for names in (("preset",), ("preset", "data", "steps", "learning_rate", "discriminator_steps", "beta_1")):
            kept = {name: value for name, value in old.items() if name not in names}
            (out / "config.json").write_text(json.dumps(kept))
            config = self.options(f"--out={out}", "--seeds=5")
            self.assertEqual((told(config), config.preset, config.experiment), (plain, "plain", "k_sweep"))
            self.assertEqual(config.seeds, 5)
        self.assertIn("['preset'] differ", self.run_toy_refused("--preset=weak", f"--out={out}"))

    def run_toy_refused(self, *flags):
        return self.refusal(toy.main, *flags)
