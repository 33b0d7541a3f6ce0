import json
from pathlib import Path
from unittest import mock

import keras
import pytest
import tensorflow as tf
from PIL import Image

import keras_gan
from tests.test_case import TestCase
from trainers import engine, evaluate, pix2pix
from trainers.engine import flags, run

TINY = [
    "--steps=4", "--filters=2", "--discriminator_filters=2", "--downsamplings=1", "--batch_size=4",
    "--image_size=12x12", "--precision=float32", "--checkpoint_every=2", "--log_every=2", "--sample_every=2",
    "--evaluate_every=2",
]  # fmt: skip


def train(*argv):
    return engine.main("pix2pix", "About.", pix2pix.Config, pix2pix.build, argv)


class Pix2PixTest(TestCase):
    def test_defaults_are_the_recipe_that_is_described(self):
        spec = keras_gan.data.load("mnist5k", condition="edges")[1]
        model = pix2pix.build(pix2pix.Config(), spec)
        self.assertEqual((model.source_shape, model.image_shape), ((28, 28, 1), (28, 28, 1)))
        self.assertEqual(model.discriminator.receptive_field, 34)
        self.assertEqual((model.reconstruction_weight, model.update, model.generator.levels), (100.0, "shared", 5))
        with self.assertRaisesRegex(ValueError, "--source is needed where the data are no pairs"):
            pix2pix.build(pix2pix.Config(source=""), keras_gan.data.load("mnist5k")[1])

    def test_the_papers_preset(self):
        config = pix2pix.Config(**pix2pix.Config.PRESETS["paper"])
        self.assertEqual((config.image_size, config.crop, config.flip), ("286x286", "256x256", True))
        spec = keras_gan.data.DataSpec((256, 256, 3), None, None, 400, "", {}, (256, 256, 3))
        with keras.StatelessScope(initialize_variables=False):
            networks = keras_gan.networks
            generator = networks.UNetGenerator(spec.source_shape, spec.image_shape, filters=config.filters)
            self.assertEqual(sum(v.shape.num_elements() for v in _values(generator)), 54_413_955)
        rate = engine.linear_decay(config.learning_rate, 1, config, spec, constant=0.5)
        self.assertAllClose([float(rate(step)) for step in (0, 40_000, 60_000, 80_000)], [2e-4, 2e-4, 1e-4, 0.0])

    @pytest.mark.slow
    def test_precisions_are_tried_on_pairs(self):
        config = pix2pix.Config(image_size="12x12", filters=2, discriminator_filters=2, downsamplings=1, batch_size=4)
        examples = flags.find(config)
        _, spec = keras_gan.data.load(examples, batch_size=4, **flags.loading(config))

        def choose(strategy, make_step):
            make_step()()
            return "float32", "it was tried", None

        with mock.patch.object(run.precision, "choose", choose):
            chosen, _ = run._choose_precision(config, tf.distribute.get_strategy(), pix2pix.build, examples, spec)
        self.assertEqual(chosen.precision, "float32")

    @pytest.mark.slow
    def test_a_run_is_evaluated(self):
        folder = Path(self.path("run"))
        self.assertEqual(train(f"--out={folder}", *TINY), folder)
        entry = json.loads((folder / "history.jsonl").read_text().splitlines()[-1])
        wanted = {"step", "d_loss", "g_loss", "reconstruction", "val_reconstruction", "generator_learning_rate"}
        self.assertEqual(wanted - set(entry), set())
        measured = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
        self.assertEqual(set(measured), {"step", "ssim", "psnr", "l1"})
        generator, model = (keras.models.load_model(folder / f"{name}.keras") for name in ("generator", "pix2pix"))
        self.assertIs(type(generator), keras_gan.networks.UNetGenerator)
        self.assertIs(type(model), keras_gan.Pix2Pix)
        for name in ("samples.png", "curves.png", "progress.gif", "result.json", "generator_last.keras"):
            self.assertTrue((folder / name).is_file(), name)
        with Image.open(folder / "samples.png") as picture:
            self.assertEqual(picture.size, (12 * 62 + 2, 8 * 62 + 2))
        evaluate.main([f"--model={folder}/generator.keras", "--num_samples=20"])
        found = json.loads((folder / "evaluation" / "evaluation.json").read_text())
        comparisons = {each["name"]: each for each in found["comparisons"]}
        self.assertEqual(set(comparisons), {"psnr", "ssim", "ms_ssim", "l1"})
        self.assertEqual(set(comparisons["l1"]["floors"]), {"source", "mean"})
        page = (folder / "evaluation" / "model_card.html").read_text()
        self.assertIn("Beside what costs nothing", page)
        self.assertNotIn("copies of the training data", page)

    @pytest.mark.slow
    def test_two_steps_and_two_more_are_four_steps(self):
        whole, parts = (Path(self.path("run")) for _ in range(2))
        jitter = ["--crop=10x10", "--flip", "--source=noise"]
        train(f"--out={whole}", *TINY, *jitter)
        train(f"--out={parts}", *TINY, *jitter, "--steps=2")
        train(f"--out={parts}", *TINY, *jitter)
        self.assert_same_weights(*(keras.models.load_model(folder / "pix2pix.keras") for folder in (whole, parts)))
        self.assertEqual(*((folder / "history.jsonl").read_text() for folder in (whole, parts)))


def _values(network):
    return [tf.TensorSpec(variable.shape) for variable in network.trainable_variables]
