import gc
import shutil
import threading
import time
import weakref
from pathlib import Path
from unittest import mock

import numpy as np

from export.stand_in import watching
from keras_gan.export.publishing import warmup
from tests.keras_gan.export import published
from tests.test_case import TestCase


def wait(condition):
    """Returns once something holds, or after a minute."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


class VersionTest(TestCase):
    def test_runs_and_describes(self):
        version = published.model().current
        inputs = {"seed": np.array([7, 8]), "truncation": np.ones(2, "float32"), "label": np.array([3, 3], "int32")}
        self.assertAllClose(version.run("sample", inputs)["images"], published.images([7, 8], 3), atol=1)
        self.assertEqual(version.number, 1)
        self.assertEqual(set(version.signatures), {"serving_default", "sample", "sample_png", "latents"})
        self.assertEqual(version.card["class_names"], list(published.CLASSES))
        with self.assertRaisesRegex(ValueError, r"`label` must lie in \[0, 4\)"):
            version.run("sample", inputs | {"label": np.array([3, 4], "int32")})

    def test_a_warm_up_request_that_fails_keeps_it_from_being_served(self):
        base = Path(self.path("digits"))
        number = published.publish(base)
        request = {"seed": np.array([7]), "truncation": np.ones(1, "float32"), "label": np.array([4], "int32")}
        warmup.write(base / str(number), "digits", [("sample", request)])
        with self.assertRaisesRegex(ValueError, r"\AVersion 1 cannot be served: .*`label` must lie in \[0, 4\)"):
            watching.Version(base, number)


class ModelTest(TestCase):
    def setUp(self):
        super().setUp()
        self.print = self.enterContext(mock.patch.object(watching, "print", create=True))

    def test_loads_the_newest_that_can_be_loaded(self):
        """The old one answers until the new one is warm; a broken one is tried once; a removed one is left."""
        base = Path(self.path("digits"))
        loaded, begun, goon = [], threading.Event(), threading.Event()

        class Slow:
            def __init__(self, base, number):
                loaded.append(number)
                if (Path(base, str(number)) / "saved_model.pb").read_bytes() == b"broken":
                    raise ValueError(f"Version {number} cannot be served: broken")
                begun.set()
                goon.wait()
                self.number = number

        def publish():
            folder = base / str(len(list(base.iterdir())) + 1)
            folder.mkdir()
            (folder / "saved_model.pb").write_bytes(b"good")

        base.mkdir()
        self.enterContext(mock.patch.object(watching, "Version", Slow))
        goon.set()
        publish()
        model = watching.Model("digits", base, seconds=0.01)
        model.look()
        first = weakref.ref(model.current)
        self.assertEqual((model.current.number, model.states), (1, {1: ("AVAILABLE", "")}))
        goon.clear()
        begun.clear()
        with model:
            publish()
            begun.wait()
            self.assertEqual((model.current.number, model.states[2]), (1, ("LOADING", "")))
            goon.set()
            wait(lambda: model.current.number == 2)
            wait(lambda: model.states[1] == ("END", ""))
            published.publish_broken(base)
            wait(lambda: 3 in model.states and model.states[3][0] == "END")
            self.assertEqual(model.states[3], ("END", "Version 3 cannot be served: broken"))
            time.sleep(0.1)
            self.assertEqual((model.current.number, loaded), (2, [1, 2, 3]))
            shutil.rmtree(base / "2")
            wait(lambda: model.current.number == 1)
        self.assertEqual(loaded, [1, 2, 3, 1])
        self.assertEqual({number: state for number, (state, _) in model.states.items()}[1], "AVAILABLE")
        self.assertIsNone(first())
        said = [call.args[0] for call in self.print.call_args_list]
        self.assertEqual(said[0], "digits: serving version 1.")
        self.assertLen([line for line in said if line == "digits: Version 3 cannot be served: broken"], 1)

    def test_whatever_a_version_does_wrong_the_last_good_one_is_served(self):
        base = Path(self.path("digits"))
        published.publish(base)
        model = watching.Model("digits", base, seconds=0.01)
        model.look()
        good, variables = base / "1", Path("variables", "variables.data-00000-of-00001")

        def truncated(folder):
            with (folder / variables).open("r+b") as file:
                file.truncate(10)

        def garbage(folder):
            (folder / "saved_model.pb").write_bytes(b"\xff" * 50)

        def without_variables(folder):
            shutil.rmtree(folder / "variables")

        wrongs = (truncated, garbage, without_variables, lambda folder: (folder / "saved_model.pb").unlink())
        with model:
            for number, wrong in enumerate(wrongs, start=2):
                hidden = base / ".copy"
                shutil.copytree(good, hidden)
                wrong(hidden)
                hidden.rename(base / str(number))
                wait(lambda number=number: model.states.get(number, ("",))[0] == "END")
                self.assertRegex(model.states[number][1], f"Version {number} cannot be served: .+")
                self.assertEqual(model.current.number, 1)
            (base / "6").write_text("a file")
            self.assertEqual(published.publish(base), 7)
            wait(lambda: model.current.number == 7)
        self.assertEqual(model.current.number, 7)

    def test_a_version_that_was_being_copied_is_served_when_it_is_whole(self):
        base = Path(self.path("digits"))
        published.publish(base)
        model = watching.Model("digits", base)
        model.look()
        shutil.copytree(base / "1", base / "2", ignore=shutil.ignore_patterns("variables.data*"))
        model.look()
        self.assertEqual((model.current.number, model.states[2][0]), (1, "END"))
        with mock.patch.object(watching, "Version", side_effect=AssertionError("nothing has changed")):
            model.look()
        for file in (base / "1" / "variables").glob("variables.data*"):
            shutil.copy(file, base / "2" / "variables")
        model.look()  # It has changed, and may go on changing.
        self.assertEqual(model.current.number, 1)
        model.look()
        self.assertEqual((model.current.number, model.states[2]), (2, ("AVAILABLE", "")))

    def test_a_damaged_card_keeps_no_version_from_being_served(self):
        base = Path(self.path("digits"))
        published.publish(base)
        (base / "1" / "assets.extra" / "generator.json").write_text("[1, 2]")
        model = watching.Model("digits", base)
        model.look()
        self.assertEqual((model.current.number, model.current.card), (1, {}))
        said = [call.args[0] for call in self.print.call_args_list]
        self.assertRegex(said[0], "served without its card: .*must be an object. Received: \[1, 2\]")

    def test_a_version_is_freed_once_no_request_uses_it(self):
        base = Path(self.path("digits"))
        published.publish(base)
        model = watching.Model("digits", base)
        model.look()
        in_use = model.current
        graph = weakref.ref(in_use._loaded.signatures["sample"].graph)
        published.publish(base, 1)
        model.look()
        model._free()
        self.assertIsNotNone(graph())
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        del in_use
        self.assertIsNotNone(graph())  # What TensorFlow loads are cycles.
        model._free()
        self.assertIsNone(graph())

    def test_a_folder_that_vanishes_keeps_what_is_loaded(self):
        base = Path(self.path("digits"))
        base.mkdir(parents=True)
        model = watching.Model("digits", base, seconds=0.01)
        with model:
            base.rmdir()
            wait(lambda: self.print.called)
        self.assertIn("cannot be read", self.print.call_args.args[0])


class FindTest(TestCase):
    def folder(self, *names):
        root = Path(self.path("models"))
        for name in ("", *names):
            (root / name).mkdir(parents=True, exist_ok=True)
        for name in names:
            (root / name / "saved_model.pb").touch()
        return root

    def test_one_model(self):
        root = self.folder("1", "12")
        (model,) = watching.find(root)
        self.assertEqual((model.name, model.base), ("models", root))
        (model,) = watching.find(root, "other")
        self.assertEqual(model.name, "other")

    def test_a_folder_of_models(self):
        root = self.folder("digits/1", "faces/3", ".hidden/1", "empty/x")
        found = [(model.name, model.base) for model in watching.find(root)]
        self.assertEqual(found, [(name, root / name) for name in ("digits", "faces")])
        with self.assertRaisesRegex(ValueError, "A single model can be given a name. Received: name='x', and 2 models"):
            watching.find(root, "x")

    def test_refusals(self):
        for root in (self.folder(), self.folder("digits/x")):
            with self.assertRaisesRegex(ValueError, "Expected a folder of numbered versions"):
                watching.find(root)
        with self.assertRaisesRegex(ValueError, "Expected a folder of versions, or of such folders. Received: .*/none"):
            watching.find(self.path("none"))
        with self.assertRaisesRegex(ValueError, "name must consist of"):
            watching.find(self.folder("1"), "a b")
