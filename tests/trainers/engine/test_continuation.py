import contextlib
import dataclasses
import json
import os
import types
from pathlib import Path

from keras_gan import cli
from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase
from trainers.engine import continuation
from trainers.engine.flags import Config

SPEC = types.SimpleNamespace(fingerprint="one")


@dataclasses.dataclass(frozen=True)
class Recipe(Config):
    PRESETS = {"default": {}, "large": {"filters": 99, "batch_size": 32}}

    preset: str = cli.option("default", "Sizes.")
    filters: int = cli.option(8, "How many.")
    blocks: int = cli.option(0, "How deep.", auto=0)
    # A flag that came later; what was done before it is not its default.
    fresh: bool = cli.option(True, "Whether latents are drawn anew.", before=False)


class ContinuationTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = RunFolder(self.path("run"))
        self.folder.path.mkdir()

    def write(self, config, without=(), folder=None, **more):
        """Writes down a run of a configuration."""
        facts = {**continuation.facts("dcgan", config, SPEC), **more}
        for name in without:
            del facts[name]
        (folder or self.folder).write_config(facts)

    def open(self, *argv, program="dcgan"):
        """The configuration that is gone on with."""
        argv = [f"--out={self.folder}", *argv]
        folder, config = continuation.open_folder(program, *cli.parse(Recipe, "p", "a", argv))
        self.assertEqual(folder.path, self.folder.path)
        return config

    def refused(self, message, *argv, **kwargs):
        with self.assertRaisesRegex(ValueError, message):
            self.open(*argv, **kwargs)


class OpenFolderTest(ContinuationTestCase):
    def test_default_names_are_numbered(self):
        config = Config(dataset="folder:/some/My pictures")
        with contextlib.chdir(self.path()):
            first, _ = continuation.open_folder("dcgan", config, set())
            self.assertEqual(str(first), "runs/dcgan-My-pictures-001")
            first.path.mkdir(parents=True)
            self.assertEqual(str(continuation.open_folder("dcgan", config, set())[0]), "runs/dcgan-My-pictures-002")

    def test_what_is_not_given_is_as_it_was(self):
        was = Recipe(precision="bfloat16", steps=70, minutes=0.0, filters=3, data_dir="here", seed=7, fresh=True)
        self.write(was)
        self.assertEqual(self.open(), dataclasses.replace(was, out=str(self.folder)))
        self.assertEqual(self.open("--steps=90", "--precision=auto").precision, "bfloat16")
        self.assertEqual(self.open("--steps=90", "--filters=3").steps, 90)

    def test_what_was_decided_stays(self):
        self.write(Recipe(precision="float32", blocks=3))
        for argv in ([], ["--blocks=auto"], ["--blocks=3"]):
            self.assertEqual(self.open(*argv).blocks, 3)
        self.refused("blocks was 3 and is now 4", "--blocks=4")

    def test_one_length_takes_the_place_of_another(self):
        self.write(Recipe(precision="float32", minutes=5.0, steps=70))
        self.assertEqual((self.open().minutes, self.open("--steps=9").minutes), (5.0, 0.0))
        self.assertEqual(self.open("--epochs=2").epochs, 2.0)
        self.assertEqual(self.open("--epochs=2").minutes, 0.0)

    def test_a_flag_that_the_run_did_not_have(self):
        self.write(Recipe(precision="float32"), without=("fresh", "filters"))
        self.assertEqual((self.open().fresh, self.open().filters), (False, 8))
        self.refused("fresh was False and is now True", "--fresh")
        self.assertFalse(self.open("--nofresh").fresh)

    def test_what_may_not_differ(self):
        self.write(Recipe(precision="float32", steps=5))
        self.refused("another configuration: batch_size was 64 and is now 3. Choose another", "--batch_size=3")
        self.refused("trainer was 'dcgan' and is now 'vae'", program="vae")
        self.refused("precision was 'float32' and is now 'bfloat16'", "--precision=bfloat16")
        self.refused("holds a run already", "--noresume")

    def test_presets(self):
        self.write(Recipe(precision="float32", preset="large", filters=12, batch_size=32))
        for argv in ([], ["--preset=large"]):
            self.assertEqual((self.open(*argv).filters, self.open(*argv).batch_size), (12, 32))
        self.refused("preset was 'large' and is now 'default'", "--preset=default")
        self.write(Recipe(precision="float32"), without=("preset",))
        self.refused("preset was 'default' and is now 'large'", "--preset=large")

    def test_damage(self):
        for more in (
            {"precision": "float99"},
            {"precision": None},
            {"filters": "many"},
            {"seed": -1},
            {"filters": True},
        ):
            self.write(Recipe(precision="float32"), **more)
            self.refused("config.json is damaged: restore it")
        self.folder.config_file.write_text("[" * 9999)
        self.refused("config.json is damaged: restore it")

    def test_other_folders(self):
        (self.folder.path / ".lock").touch()
        self.assertEqual(self.open().filters, 8)
        (self.folder.path / "thesis.tex").touch()
        self.refused("is not empty and holds no run")
        for out, message in (
            (self.folder.path / "thesis.tex", "--out must be a folder. Received: .*which is a file"),
            ("gs://bucket/run", "mounted on this machine. Received: --out=gs://bucket/run"),
            (self.folder.path / "lr[1e-3]", "for a pattern: choose another folder"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                continuation.open_folder("dcgan", Recipe(out=str(out)), {"out"})

    def test_results_without_checkpoints(self):
        self.write(Recipe(precision="float32"))
        self.folder.result_file.write_text('{"steps": 3, "seconds": 1.0}')
        self.refused("no checkpoint to go on from")

    def test_one_that_is_going_on(self):
        self.write(Recipe(precision="float32"))
        with self.folder.lock():
            self.refused("Another process is training in .*: wait until it has ended, or choose another --out")
            self.assertTrue(self.open("--dry_run").dry_run)
        self.assertEqual(self.open().filters, 8)


class RunTest(ContinuationTestCase):
    def test_its_configuration(self):
        config = Recipe(precision="float32", filters=3)
        self.write(config)
        self.assertEqual(continuation.of_run(Recipe, self.folder.path), config)
        self.assertEqual(continuation.of_run(Config, self.folder.path).precision, "float32")
        with self.assertRaisesRegex(ValueError, "There is no run in nowhere"):
            continuation.of_run(Recipe, "nowhere")

    def test_the_fingerprint_of_the_data(self):
        continuation.check_data(self.folder, SPEC)
        self.write(Recipe(precision="float32"), data="two")
        continuation.check_data(self.folder, types.SimpleNamespace(fingerprint="two"))
        with self.assertRaisesRegex(ValueError, "not those that the run in .* began with"):
            continuation.check_data(self.folder, SPEC)

    def test_the_command_that_goes_on(self):
        self.assertEqual(continuation.command("vae", "a b"), "python -m trainers.vae '--out=a b'")


class UnfinishedTest(ContinuationTestCase):
    def setUp(self):
        super().setUp()
        self.runs = Path(self.path("runs"))

    def run_(self, name, config=None, step=20, result=None, age=0, **more):
        folder = RunFolder(self.runs / name)
        folder.checkpoints.mkdir(parents=True)
        self.write(config or Recipe(precision="float32"), folder=folder, **more)
        file = folder.checkpoints / f"ckpt-{step}.index"
        file.touch()
        os.utime(file, (10**9 - age, 10**9 - age))
        if result is not None:
            folder.result_file.write_text(json.dumps({"steps": result, "seconds": 1.0}))
        return folder

    def command(self, *argv):
        config, given = cli.parse(Recipe, "p", "a", argv)
        return continuation.unfinished("dcgan", config, given, SPEC, self.runs)

    def test_the_newest_of_the_same_configuration(self):
        self.assertIsNone(self.command())
        self.run_("finished", result=20)
        self.run_("not-begun", step=0)
        self.run_("other-flags", Recipe(precision="float32", filters=3))
        self.run_("other-data", data="two")
        self.run_("another-trainer", trainer="vae")
        (self.runs / "notes.txt").touch()
        RunFolder(self.runs / "damaged").path.mkdir()
        (self.runs / "damaged" / "config.json").write_text("{")
        self.assertIsNone(self.command())
        self.run_("old", age=9)
        self.run_("new", Recipe(precision="float32", steps=70, log_every=3), result=10)
        self.assertEqual(self.command(), f"python -m trainers.dcgan --out={self.runs}/new")
        # What may differ, and was given, is given again.
        self.assertEqual(
            self.command("--steps=80", "--nodownload", "--filters=8"),
            f"python -m trainers.dcgan --out={self.runs}/new --nodownload --steps=80",
        )
        with RunFolder(self.runs / "new").lock():
            self.assertEqual(self.command(), f"python -m trainers.dcgan --out={self.runs}/old")
        self.assertEqual(self.command("--precision=float32"), f"python -m trainers.dcgan --out={self.runs}/new")
        self.assertIsNone(self.command("--precision=bfloat16"))
