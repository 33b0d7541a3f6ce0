import contextlib
import json
import shutil
import types
import warnings
from pathlib import Path

from PIL import Image

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


class FolderTest(TestCase):
    def test_default_names_are_numbered(self):
        config = Config(dataset="folder:/some/My pictures")
        with contextlib.chdir(self.path()):
            first = flags.run_folder("dcgan", config)
            self.assertEqual(str(first), "runs/dcgan-My-pictures-001")
            first.mkdir(parents=True)
            self.assertEqual(flags.run_folder("dcgan", config).name, "dcgan-My-pictures-002")

    def test_what_may_differ_in_a_continuation(self):
        folder = Path(self.path("run"))
        folder.mkdir()
        (folder / "config.json").write_text(flags.config_text("dcgan", Config(precision="float32", steps=5)))
        self.assertEqual(flags.run_folder("dcgan", Config(out=str(folder), steps=9)), folder)
        with self.assertRaisesRegex(ValueError, "another configuration: batch_size was 64 and is now 3. Choose anoth"):
            flags.run_folder("dcgan", Config(out=str(folder), batch_size=3))
        with self.assertRaisesRegex(ValueError, "trainer was 'dcgan' and is now 'vae'"):
            flags.run_folder("vae", Config(out=str(folder)))
        (folder / "config.json").write_text(json.dumps({"precision": "float99"}))
        with self.assertRaisesRegex(ValueError, "config.json is damaged"):
            flags.run_folder("dcgan", Config(out=str(folder)))

    def test_the_fingerprint_of_the_data(self):
        folder = Path(self.path("run"))
        spec = types.SimpleNamespace(fingerprint="one")
        flags.check_data(folder, spec)
        folder.mkdir()
        (folder / "config.json").write_text(flags.config_text("dcgan", Config(precision="float32"), data="two"))
        flags.check_data(folder, types.SimpleNamespace(fingerprint="two"))
        with self.assertRaisesRegex(ValueError, "not those that the run in .* began with"):
            flags.check_data(folder, spec)


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


class PrecisionTest(TestCase):
    def test_a_run_keeps_its_own(self):
        folder = Path(self.path("run"))
        folder.mkdir()
        (folder / "config.json").write_text(flags.config_text("dcgan", Config(precision="bfloat16")))
        resolved = flags.resolve_precision(Config(precision="auto"), folder, None)
        self.assertEqual(resolved.precision, "bfloat16")
        self.assertEqual(flags.resolve_precision(Config(precision="float32"), folder, None).precision, "float32")
