"""The labelling command from its first line to its last."""

import json
import os
import signal
import threading
import urllib.request
from concurrent import futures
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("waitress")

from keras_gan import networks
from tests.test_case import TestCase
from trainers import label
from trainers.forgetting import marks


class LabelTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path())
        self.folder.mkdir(exist_ok=True)
        self.generator = networks.MLPGenerator((6, 6, 1), latent_dim=4, hidden_units=(8,), num_classes=2)
        self.model = self.folder / "generator.keras"
        self.generator.save(self.model)
        self.out = self.folder / "marked.json"

    def label(self, use, *flags):
        """Runs the command, calls `use` with the page's address, and ends it with Ctrl+C; returns what was printed."""
        printed, ready = [], threading.Event()

        def say(*words, **_):
            printed.append(" ".join(map(str, words)))
            ready.set()

        def client():
            try:
                self.assertTrue(ready.wait(60))
                use(printed[0].split(": ")[1].split()[0])
            finally:
                os.kill(os.getpid(), signal.SIGINT)

        with mock.patch.object(label, "print", say, create=True), futures.ThreadPoolExecutor(1) as pool:
            done = pool.submit(client)
            label.main([f"--model={self.model}", f"--out={self.out}", "--port=0", *flags])
            done.result()
        return printed

    def fails(self, *flags):
        return self.refusal(label.main, f"--model={self.model}", f"--out={self.out}", *flags)

    def test_from_the_first_line_to_the_last(self):
        def save(address):
            body = json.dumps({"marked": [3, 0]}).encode()
            headers = {"Content-Type": "application/json", "Origin": address.rstrip("/")}
            with urllib.request.urlopen(urllib.request.Request(f"{address}save", body, headers), timeout=60) as answer:
                self.assertEqual(json.load(answer), {"saved": 2})

        printed = self.label(lambda address: None, "--n=4")
        self.assertRegex(printed[0], r"\AMark the samples .* http://127.0.0.1:[0-9]+/ \(Ctrl\+C ends\)\Z")
        self.assertEqual(printed[1:], ["Nothing was saved."])
        printed = self.label(save, "--n=4", "--seed=9")
        self.assertEqual(printed[1:], [f"2 of 4 samples are marked in {self.out}."])
        self.assertEqual(marks.read(self.out, self.generator), marks.Marks.of(self.generator, 9, 4, [0, 3]))

        # With the same flags it goes on, with others it says which.
        def look(address):
            with urllib.request.urlopen(address, timeout=60) as answer:
                page = answer.read().decode()
            self.assertIn('"marked": [0, 3]', page)
            self.assertIn("seed 10, 1", page)

        self.label(look, "--n=4", "--seed=9")
        self.assertIn("give --seed=9 --n=4 to go on with them, or another --out", self.fails("--n=4"))

    def test_mistakes(self):
        (self.folder / "other.json").write_text("{}")
        vectors = self.folder / "vectors.keras"
        networks.MLPGenerator((3,), latent_dim=4, hidden_units=(8,)).save(vectors)
        for flags, words in (
            (["--model="], "--model is needed"),
            ([f"--model={self.folder / 'none.keras'}"], "Expected a .keras file"),
            ([f"--model={vectors}"], "generates vectors"),
            (["--n=1"], "--n must be at least 2"),
            ([f"--out={self.folder}"], "--out must be a file"),
            ([f"--out={self.model}/x.json"], "is a file, not a folder"),
            ([f"--out={self.folder / 'other.json'}"], "holds no marked samples"),
            (["--port=70000"], "--port must be"),
        ):
            with self.subTest(flags=flags):
                self.assertIn(words, self.fails(*flags))
        self.assertFalse(self.out.exists())
