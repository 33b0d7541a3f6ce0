"""Files that anybody may have written, damaged in every way that hypothesis finds: read, or one sentence why not."""

import contextlib
import copy
import dataclasses
import json
import tempfile
import warnings
import zipfile
from pathlib import Path

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies
from PIL import Image

import keras_gan
from export.stand_in import application
from keras_gan import cli, data
from keras_gan.callbacks import watchdog
from keras_gan.data import write_tfrecords
from keras_gan.export import portable, tflite
from keras_gan.export.checks import signatures
from keras_gan.files.run_folder import RunFolder
from keras_gan.metrics import features
from keras_gan.unlearning import LatentDirection
from tests.test_case import TestCase
from trainers import evaluate, sngan
from trainers.engine import continuation
from trainers.evaluation import model_card
from trainers.forgetting import marks

pytestmark = pytest.mark.slow

EXAMPLES = 150
_DEEP = "deeply nested"
_NUMBERS = strategies.integers() | strategies.floats() | strategies.sampled_from([0, -1, 2**63, 10**400, 1e308])
_TEXTS = strategies.text(max_size=5) | strategies.sampled_from(["", "3", "\ud800", "../..", _DEEP])
_VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | _NUMBERS | _TEXTS,
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)


def places(value, path=()):
    """The paths of all values within a value, itself first."""
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


@strategies.composite
def damaged(draw, good):
    """The bytes of a JSON file in which some values are others, or missing; or of none."""
    if draw(strategies.integers(0, 9)) == 0:
        return draw(strategies.binary(max_size=20) | strategies.just(b"[" * 100_000))
    whole = [copy.deepcopy(good)]
    for _ in range(draw(strategies.integers(1, 3))):
        *way, last = draw(strategies.sampled_from([(0, *path) for path in places(whole[0])]))
        inner = whole
        for key in way:
            inner = inner[key]
        if way and draw(strategies.integers(0, 3)) == 0:
            del inner[last]
        else:
            inner[last] = draw(_VALUES)
    deep = "[" * 5000 + "]" * 5000
    return json.dumps(whole[0]).replace(json.dumps(_DEEP), deep).encode()


class FuzzTest(TestCase):
    """For each door a good file, and what is done with it."""

    def assert_reads_or_refuses(self, good, write, read, examples=EXAMPLES):
        """`read` succeeds with the good file, and with a damaged one raises nothing but what ends in one line.

        Args:
            good: Contents of the good file, as JSON has them.
            write: Function of the bytes of a file, that writes it.
            read: Function without arguments.
            examples: Number of damaged files.
        """
        write(json.dumps(good).encode())
        read()

        @hypothesis.settings(
            max_examples=examples, deadline=None, database=None, derandomize=True, print_blob=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        )  # fmt: skip
        @hypothesis.given(damaged(good))
        def check(contents):
            write(contents)
            with warnings.catch_warnings(), contextlib.suppress(*cli._MENDABLE):
                warnings.simplefilter("ignore")
                read()

        check()

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def test_dataset_json(self):
        pictures, out = self.folder(), self.folder() / "records"
        for name in ("a", "b"):
            (pictures / name).mkdir()
            for number in range(2):
                image = np.full((4, 4), 60 * number + 100, np.uint8)
                Image.fromarray(image).save(pictures / name / f"{number}.png")
        good = json.loads(json.dumps(write_tfrecords.write(pictures, out)))

        def read():
            dataset, _ = data.load(f"tfrecord:{out}", batch_size=2)
            next(iter(dataset))
            data.load(f"tfrecord:{out}", batch_size=2, labels=True)

        self.assert_reads_or_refuses(good, (out / "dataset.json").write_bytes, read)

    def test_marked_json(self):
        generator = keras_gan.networks.MLPGenerator((4, 4, 1), latent_dim=3, hidden_units=(4,), num_classes=2)
        file = self.folder() / "marked.json"
        good = dataclasses.asdict(marks.Marks.of(generator, 0, 5, [1]))
        self.assert_reads_or_refuses(good, file.write_bytes, lambda: marks.read(file, generator))

    def test_feature_json(self):
        file = self.folder() / "feature.json"
        good = LatentDirection([0.6, 0.8], threshold=0.1).get_config()

        def read():
            LatentDirection.load(file).remove(np.ones((2, 2), "float32"))

        self.assert_reads_or_refuses(good, file.write_bytes, read)

    def test_networks_for_features(self):
        folder = self.folder()
        layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3), keras.layers.Dense(2)]
        keras.Sequential(layers).save(folder / "good.keras")
        with zipfile.ZipFile(folder / "good.keras") as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}

        def write(part):
            def replace(contents):
                with zipfile.ZipFile(folder / "classifier.keras", "w") as archive:
                    for name in parts:
                        archive.writestr(name, contents if name == part else parts[name])

            return replace

        def read():
            seen = features.get(folder / "classifier.keras")
            seen.check((4, 4, 1))
            seen(np.zeros((2, 4, 4, 1), "uint8"))

        for part in ("config.json", "metadata.json"):
            self.assert_reads_or_refuses(json.loads(parts[part]), write(part), read, examples=100)

    def test_cards_that_the_stand_in_shows(self):
        folder = self.folder()
        file = folder / signatures.CARD
        file.parent.mkdir()
        good = {
            "image_shape": [4, 4, 1], "latent_dim": 3, "latent_prior": "normal", "num_classes": 2,
            "class_names": ["a", "b"], "training": {"steps": 3},
        }  # fmt: skip

        class Version:
            number, signatures = 1, {"sample_png": {"seed": None, "truncation": None, "label": None}}

        class Model:
            name, current = "digits", Version()

        page = application.Application([Model()])

        def read():
            Model.current.card = signatures.read_card(folder)
            page._page(None).get_data()

        self.assert_reads_or_refuses(good, file.write_bytes, read)
        self.assert_reads_or_refuses(good, file.write_bytes, lambda: portable.read_saved_model_card(folder))

    def test_cards_beside_exported_files(self):
        generator = keras_gan.networks.MLPGenerator((4, 4, 1), latent_dim=3, hidden_units=(4,))
        folder = self.folder()
        tflite.export(generator, folder / "digits.tflite")
        generator.export(folder / "saved", verbose=False)
        card = portable.card_path(folder / "digits.tflite")
        good = json.loads(card.read_text())
        self.assert_reads_or_refuses(good, card.write_bytes, lambda: portable.read_card(folder / "digits.tflite"))

    def test_what_a_model_card_tells_of_its_run(self):
        run = RunFolder(self.folder())
        look = {"step": 2, "verdict": "healthy", "changed": True, "since": 1, "evidence": "", "signals": {}}
        config = {**dataclasses.asdict(sngan.Config(precision="float32")), "trainer": "sngan", "private": ["out"]}
        good = {
            run.config_file: config,
            run.result_file: {"steps": 4, "seconds": 1.5, "files": ["generator.keras"]},
            run.metrics_file: {"name": "a", "step": 2, "last_step": 4, "records": [], "history": []},
            run.history_file: {"step": 2, "d_loss": 1.0, "val_d_loss": 2.0},
            run.looks_file: look,
        }
        evaluation = {
            "title": "a", "subtitle": "b", "table": [], "conditions": {}, "identity": {"file": "generator.keras"},
            "versions": {}, "memorisation": {"reading": ""},
        }  # fmt: skip
        picture = np.zeros((2, 2, 1), np.uint8), ""

        def read():
            evaluate._from_run(evaluate.Config(model="generator.keras"), run)
            continuation.of_run(sngan.Config, run.path)
            watchdog.diagnose(run.path)
            model_card.render(evaluation, {"samples": picture, "neighbours": picture}, run).encode()

        for file, contents in good.items():
            for other, whole in good.items():
                other.write_text(json.dumps(whole) + "\n")
            with self.subTest(file.name):
                self.assert_reads_or_refuses(contents, lambda made, file=file: file.write_bytes(made + b"\n"), read, 80)
