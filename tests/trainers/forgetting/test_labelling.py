"""The labelling page as a browser asks for it, and what it refuses."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("werkzeug")

from werkzeug.test import Client

from keras_gan import networks
from tests.test_case import TestCase
from trainers.forgetting import labelling, marks

PORT = 8502
HERE = f"http://localhost:{PORT}"


class LabellingTest(TestCase):
    def setUp(self):
        super().setUp()
        self.generator = networks.MLPGenerator((6, 6, 1), latent_dim=4, hidden_units=(8,))
        self.out = Path(self.path("marked.json"))
        start = marks.Marks.of(self.generator, seed=3, n=5, marked=[1])
        images = np.zeros((5, 6, 6, 1), np.uint8)
        captions = ["</script><b>", "seed 4", "seed 5", "seed 6", "seed 7"]
        self.application = labelling.Application(start, images, captions, self.out, "Samples of <x>", "python ...")
        self.client = Client(self.application)

    def get(self, path="/", base=HERE):
        return self.client.get(path, base_url=base)

    def facts(self):
        (facts,) = re.findall(r"const facts = (.*);\n", self.get().text)
        return json.loads(facts)

    def save(self, contents, origin=HERE, base=HERE, kind="application/json"):
        body = contents if isinstance(contents, bytes) else json.dumps(contents)
        headers = {} if origin is None else {"Origin": origin}
        return self.client.post("/save", base_url=base, data=body, headers=headers, content_type=kind)

    def test_the_page_holds_everything(self):
        answer = self.get()
        self.assertEqual((answer.status_code, answer.mimetype), (200, "text/html"))
        page = answer.text
        facts = self.facts()
        self.assertEqual([sample["caption"] for sample in facts["samples"]][:2], ["</script><b>", "seed 4"])
        self.assertTrue(all(sample["source"].startswith("data:image/png") for sample in facts["samples"]))
        self.assertEqual((facts["marked"], facts["saved"]), ([1], False))
        self.assertNotRegex(page, r"""(src|href)=(?!["']?data:)""")
        self.assertNotIn("</script><b>", page)
        self.assertIn("<title>Samples of &lt;x&gt;</title>", page)
        policy = answer.headers["Content-Security-Policy"]
        (nonce,) = set(re.findall(r"nonce-([\w-]+)", policy))
        self.assertEqual(re.findall(r"<(?:script|style)([^>]*)>", page), [f' nonce="{nonce}"'] * 2)
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn(nonce, self.get().text)

    def test_saves_what_trainers_unlearn_reads(self):
        self.assertFalse(self.out.exists())
        for marked in ([4, 0], [], [2]):
            answer = self.save({"marked": marked})
            self.assertEqual((answer.status_code, answer.json), (200, {"saved": len(marked)}))
            self.assertEqual(marks.read(self.out, self.generator), marks.Marks.of(self.generator, 3, 5, marked))
            self.assertEqual(
                json.loads(re.findall(r"const facts = (.*);\n", self.get().text)[0])["marked"], marked[::-1]
            )
        self.assertEqual([file.name for file in self.out.parent.iterdir()], ["marked.json"])

    def test_answers_this_machine_only(self):
        for name in ("127.0.0.1:8502", "localhost", "[::1]:8502", "LOCALHOST:1", "127.8.9.1:8502"):
            self.assertEqual(self.get(base=f"http://{name}").status_code, 200, name)
            self.assertEqual(self.save({"marked": []}, f"http://{name}", f"http://{name}").status_code, 200, name)
        self.out.unlink()
        for name in ("evil.example:8502", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "0.0.0.0"):
            answer = self.get(base=f"http://{name}")
            self.assertEqual((answer.status_code, list(answer.json)), (403, ["error"]), name)
            self.assertEqual(self.save({"marked": []}, f"http://{name}", f"http://{name}").status_code, 403, name)
        for header in ("", "localhost:8502@evil.example", "["):
            answer = self.client.get("/", headers={"Host": header})
            self.assertEqual(answer.status_code, 403, header)
        self.assertFalse(self.out.exists())

    def test_saves_for_its_own_page_only(self):
        for origin in (None, "null", "http://evil.example", "http://localhost:1", "https://localhost:8502", ""):
            self.assertEqual(self.save({"marked": []}, origin).status_code, 403, origin)
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            self.assertEqual(self.save({"marked": []}, kind=kind).status_code, 415, kind)
        self.assertFalse(self.out.exists())

    def test_bad_requests_change_nothing(self):
        self.save({"marked": [2]})
        before = self.out.read_bytes()
        for contents in (
            b"", b"{", b"\xff", b"[" * 10_000, [], {}, {"marked": 1}, {"marked": [5]}, {"marked": [-1]},
            {"marked": [0, 0]}, {"marked": [0.0]}, {"marked": [True]}, {"marked": ["0"]}, {"marked": [], "n": 9},
        ):  # fmt: skip
            answer = self.save(contents)
            self.assertEqual((answer.status_code, list(answer.json)), (400, ["error"]), contents)
        self.assertEqual(self.save(b" " * (labelling.LARGEST_REQUEST + 1)).status_code, 413)
        for path in ("/marked.json", "/save", "/../setup.py"):
            self.assertEqual(self.get(path).status_code, 404, path)
        self.assertEqual(self.out.read_bytes(), before)
        self.out.unlink()
        self.out.mkdir()
        answer = self.save({"marked": [2]})
        self.assertEqual(answer.status_code, 500)
        self.assertIn("marked.json", answer.json["error"])
