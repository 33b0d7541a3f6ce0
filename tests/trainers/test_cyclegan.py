import json
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_gan
from tests.test_case import TestCase
from trainers import cyclegan, engine, evaluate

TINY = [
    "--steps=4", "--filters=1", "--blocks=1", "--discriminator_filters=2", "--downsamplings=1", "--batch_size=2",
    "--image_size=8x8", "--precision=float32", "--checkpoint_every=2", "--log_every=2", "--sample_every=4",
    "--pool_size=3",
]  # fmt: skip


def train(*argv):
    return engine.main("cyclegan", "About.", cyclegan.Config, cyclegan.build, argv)


class CycleGANTest(TestCase):
    def test_defaults_are_the_recipe_that_is_described(self):
        config = cyclegan.Config().settled()
        self.assertEqual(config.dataset, "domains:mnist5k#3,mnist5k#5")
        model = cyclegan.build(config, keras_gan.data.load(config.dataset)[1])
        self.assertEqual((model.cycle_weight, model.identity_weight, model.pool_size), (10.0, 5.0, 50))
        self.assertEqual(model.forward.num_blocks, 3)
        given = cyclegan.Config(dataset="domains:a,b").settled()
        self.assertEqual(given.dataset, "domains:a,b")
        with self.assertRaisesRegex(ValueError, "--dataset must be of two domains"):
            cyclegan.build(config, keras_gan.data.load("mnist5k")[1])

    @pytest.mark.slow
    def test_a_run_is_evaluated(self):
        folder = Path(self.path("run"))
        self.assertEqual(train(f"--out={folder}", *TINY), folder)
        entry = json.loads((folder / "history.jsonl").read_text().splitlines()[-1])
        self.assertEqual({"cycle", "identity", "val_cycle", "generator_learning_rate"} - set(entry), set())
        model = keras.models.load_model(folder / "cyclegan.keras")
        images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")
        for name, backward in (("generator", False), ("generator_backward", True)):
            generator = keras.models.load_model(folder / f"{name}.keras")
            self.assertAllEqual(generator.translate(images), model.translate(images, backward=backward))
        self.assertEqual(int(model.forward_pool.count), 3)
        evaluate.main([f"--model={folder}/generator_backward.keras", "--num_samples=10"])
        found = json.loads((folder / "evaluation" / "evaluation.json").read_text())
        self.assertEqual([each["name"] for each in found["comparisons"]], ["cycle"])

    @pytest.mark.slow
    def test_two_steps_and_two_more_are_four_steps(self):
        whole, parts = (Path(self.path("run")) for _ in range(2))
        train(f"--out={whole}", *TINY)
        train(f"--out={parts}", *TINY, "--steps=2")
        train(f"--out={parts}", *TINY)
        self.assert_same_weights(*(keras.models.load_model(folder / "cyclegan.keras") for folder in (whole, parts)))
