import dataclasses
import shutil
import types
import warnings
from pathlib import Path

from PIL import Image

from keras_gan import cli
from tests.test_case import TestCase
from trainers.engine import flags
from trainers.engine.flags import Config


class LengthTest(TestCase):
    spec = types.SimpleNamespace(num_examples=100)

    def test_one_of_three(self):
        self.assertEqual(flags.total_steps(Config(steps=7), self.spec), 7)
        # A step takes two minibatches of 10.
        self.assertEqual(flags.total_steps(Config(epochs=1.5, batch_size=10, discriminator_steps=2), self.spec), 8)
        self.assertEqual(flags.total_steps(Config(epochs=0.001), self.spec), 1)
        self.assertIsNone(flags.total_steps(Config(minutes=3), self.spec))
        with self.assertRaisesRegex(ValueError, "Give one length.*Received: epochs, steps"):
            flags.check(Config(steps=3, epochs=1), {"steps", "epochs"})

    def test_learning_rates_that_fall_over_the_run(self):
        rates = flags.linear_decay(0.8, 3, Config(epochs=4, batch_size=10, discriminator_steps=2), self.spec)
        # 4 passes of 5 steps, with 3 updates each.
        self.assertAllClose([float(rates(update)) for update in (0, 15, 60)], [0.8, 0.6, 0.0])
        rates = flags.linear_decay(0.8, 3, Config(steps=20), self.spec)
        self.assertAllClose(float(rates(15)), 0.6)
        with self.assertRaisesRegex(ValueError, "only over a known number of steps: .*Received: --minutes=5"):
            flags.linear_decay(0.8, 1, Config(minutes=5), self.spec)


class DataTest(TestCase):
    def test_splits(self):
        self.assertEqual(flags.find_held_out(Config()).num_examples, 500)
        self.assertEqual(flags.find(Config(), "test").images.shape, (500, 28, 28, 1))
        Image.new("L", (8, 8), 255).save(self.path("image.png"))
        self.assertIsNone(flags.find_held_out(Config(dataset=f"folder:{self.path()}")))

    def test_held_out_data_that_cannot_be_used_are_said(self):
        folder = Path(self.path("pictures"))
        config = Config(dataset=f"folder:{folder}")
        for name, size in (("train/1.png", 8), ("test/1.png", 6)):
            (folder / name).parent.mkdir(parents=True)
            Image.new("L", (size, size), 255).save(folder / name)
        self.assertEqual(flags.find_held_out(config).image_shape, (6, 6, 1))
        message = r"No held-out data, the split 'test' cannot be used: .* \(8, 8, 1\), and these have \(6, 6, 1\)"
        with self.assertWarnsRegex(UserWarning, message):
            self.assertIsNone(flags.find_held_out(config, (8, 8, 1)))
        (folder / "test" / "1.png").write_bytes(b"")
        with self.assertWarnsRegex(UserWarning, "'test' cannot be used: None of the 1 image files"):
            self.assertIsNone(flags.find_held_out(config))
        shutil.rmtree(folder / "test")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertIsNone(flags.find_held_out(config))

    def test_like_a_generator(self):
        config = Config(image_size="14x14")
        self.assertEqual(flags.find_like(config, "test", (14, 14, 1)).num_examples, 500)
        with self.assertRaisesRegex(ValueError, r"pass --image_size and --channels. Received: generated \(28, 28, 1\)"):
            flags.find_like(config, "test", (28, 28, 1))
        with self.assertRaisesRegex(ValueError, "Received: split='val'. Pass --real_split=train to take"):
            flags.find_like(config, "val", (14, 14, 1), "real_split")


class FactsTest(TestCase):
    def test_every_flag_has_its_group(self):
        groups = {}
        for field in dataclasses.fields(Config):
            group = cli.fact(Config, field.name, "group") or Config.GROUP
            groups.setdefault(group, []).append(field.name)
        self.assertEqual(list(groups), ["the run", "the data", "the recipe", "evaluation", "hardware"])
        self.assertEqual(groups["the recipe"], ["batch_size", "seed", "discriminator_steps", "generator_steps"])

    def test_what_a_resumed_run_may_not_change(self):
        fixed = {field.name for field in dataclasses.fields(Config)} - cli.names(Config, "resumable")
        self.assertEqual(
            fixed,
            {
                *("dataset", "split", "check_data", "image_size", "channels", "batch_size", "seed"),
                *("deterministic", "precision"),
                *("evaluate_every", "evaluate_samples", "features", "watchdog"),
                *("discriminator_steps", "generator_steps"),
            },
        )

    def test_what_is_private(self):
        self.assertEqual(cli.names(Config, "private"), {"out", "data_dir", "tpu_name", "tpu_zone", "tpu_project"})
