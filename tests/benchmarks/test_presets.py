from pathlib import Path

import pytest

from benchmarks import presets as benchmark
from keras_gan import networks
from keras_gan.networks import presets
from tests.test_case import TestCase


class PresetsTest(TestCase):
    def test_unknown_name(self):
        refusal = self.refusal(benchmark.main, "--only=dcgan_lsun", f"--out={self.path('out')}")
        self.assertIn("Received: ['dcgan_lsun']", refusal)

    def test_every_shipped_preset_has_a_recipe(self):
        for name, facts in networks.Generator.presets.items():
            self.assertIn(benchmark.RECIPES[name].flags, facts["command"])

    @pytest.mark.slow
    def test_one_is_made(self):
        out, folder = Path(self.path("out")), Path(self.path("presets"))
        more = "--dataset=mnist5k --steps=3 --filters=2 --nowatchdog"
        config = benchmark.Config(only="dcgan_mnist", out=str(out), presets=str(folder), samples=50, more=more)
        benchmark.measure(config)
        facts = presets.card(folder / "dcgan_mnist")
        self.assertEqual((facts["dataset"], facts["seed"], len(facts["metrics"])), ("mnist5k", 0, 4))
        self.assertEqual(networks.Generator.from_preset(folder / "dcgan_mnist").image_shape, (28, 28, 1))
        self.assertIn("dcgan_mnist", (out / "results.jsonl").read_text())
