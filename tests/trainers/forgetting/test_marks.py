"""The file of marked samples: what it keeps, and whose it refuses to be."""

import json
from pathlib import Path

import numpy as np

from keras_gan import networks
from keras_gan.export import loading
from tests.test_case import TestCase
from trainers.forgetting import marks


def generator(**kwargs):
    return networks.MLPGenerator((6, 6, 1), latent_dim=4, hidden_units=(8,), **kwargs)


class MarksTest(TestCase):
    def test_round_trip(self):
        for model in (generator(), generator(num_classes=3)):
            path = Path(self.path("new", "marked.json"))
            written = marks.Marks.of(model, seed=5, n=7, marked=[6, 0, 2])
            self.assertEqual(written.marked, [0, 2, 6])
            self.assertEqual(written.labels, None if model.num_classes is None else [0, 1, 2, 0, 1, 2, 0])
            written.write(path)
            self.assertEqual(marks.read(path, model), written)
            # What counts are the weights, not the file that they came from.
            copy = path.with_name("copy.keras")
            model.save(copy)
            self.assertEqual(marks.read(path, loading.load_generator(copy)), written)

    def test_reads_marks_of_the_first_version(self):
        """Their digest is of the weights' names, too; this one was made by that version."""
        model = generator()
        model.set_weights([np.full(weight.shape, 0.5) for weight in model.get_weights()])
        path = Path(self.path("marked.json"))
        former = "5bf5c1b33c50bc90d87a1905ab61afae0dc89185f095a1248797fb693b1ea864"
        path.write_text(json.dumps({"model": former, "seed": 0, "n": 3, "labels": None, "marked": [1]}))
        self.assertEqual(marks.read(path, model).marked, [1])
        model.weights[0].assign_add(np.full(model.weights[0].shape, 1e-6))
        with self.assertRaisesRegex(ValueError, "another model"):
            marks.read(path, model)

    def test_refuses_other_files(self):
        model = generator()
        path = Path(self.path("marked.json"))
        good = vars(marks.Marks.of(model, 0, 5, [1]))
        for changes, words in (
            ({"marked": [5]}, r"different integers in \[0, 5\). Received: \[5\]"),
            ({"marked": [1, 1]}, "different integers"),
            ({"marked": [True]}, r"marked\[0\] must be an integer"),
            ({"marked": "1"}, "marked must be a list"),
            ({"n": 0}, "n must be an integer from 1"),
            ({"n": "5"}, "n must be an integer from 1"),
            ({"seed": 2**70}, "seed must be an integer from"),
            ({"seed": None}, "seed must be an integer from"),
            ({"labels": [0, 0, 0, 0, 0]}, "other classes"),
            ({"model": "0" * 64}, "another model"),
        ):
            with self.subTest(changes=changes):
                path.write_text(json.dumps({**good, **changes}))
                with self.assertRaisesRegex(ValueError, words):
                    marks.read(path, model)
        for text in ("", "[]", "{", '"x"'):
            path.write_text(text)
            with self.assertRaisesRegex(ValueError, "holds no marked samples"):
                marks.read(path, model)
        with self.assertRaisesRegex(ValueError, "made by python -m trainers.label"):
            marks.read(path.with_name("none.json"), model)
