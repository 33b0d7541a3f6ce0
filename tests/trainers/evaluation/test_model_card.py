import json
import re
from html import parser
from pathlib import Path

import numpy as np

from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase
from trainers.evaluation import model_card


class _Links(parser.HTMLParser):
    """Collects what a page would load or lead to, and the elements that are left open."""

    def __init__(self):
        super().__init__()
        self.links, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        if tag not in ("meta", "img", "br", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def evaluation(**more):
    return {
        "title": "run/<b>generator</b>.keras",
        "subtitle": "28x28x1 images",
        "images": "28x28x1",
        "table": [{"name": "distance", "value": "8.2", "interval": "8 to 8.4", "floor": "0.4", "better": "lower"}],
        "conditions": {"seen through": "mnist_classifier", "resize": "none"},
        "memorisation": {"reading": "No sign of copying."},
        "identity": {"file": "generator.keras", "classes": None},
        "versions": {"keras": "3"},
    } | more


PICTURE = np.zeros((10, 20, 1), np.uint8), "Some & images."


class ModelCardTest(TestCase):
    def render(self, pictures=None, run=None, **more):
        shown = {"samples": PICTURE, "neighbours": PICTURE} | (pictures or {})
        html = model_card.render(evaluation(**more), shown, run)
        page = _Links()
        page.feed(html)
        self.assertEqual(page.open, [])
        return html, page.links

    def test_is_one_page_without_a_network(self):
        html, links = self.render()
        self.assertLen(links, 2)
        for link in links:
            self.assertStartsWith(link, "data:image/png;base64,")
        self.assertNotRegex(html, r"https?://|url\(|@import")

    def test_escapes_what_it_shows(self):
        html, _ = self.render()
        self.assertNotIn("<b>generator", html)
        self.assertIn("&lt;b&gt;generator", html)
        self.assertIn("Some &amp; images.", html)

    def test_shows_what_there_is_and_nothing_else(self):
        html, _ = self.render()
        for title in ("Classes", "Latent space", "Training", "Diagnosis"):
            self.assertNotIn(f"<h2>{title}", html)
        self.assertIn("8 to 8.4", html)
        html, links = self.render(
            {"classes": PICTURE, "interpolations": PICTURE, "truncation": PICTURE, "inversion": PICTURE},
            truncation={"truncation": [0.5, 1.0], "precision": [0.9, 0.8], "recall": [0.2, 0.7], "distance": [3, 2]},
            inversion={"reading": "Mean squared error: 0.1."},
        )
        self.assertLen(links, 6)
        for part in ("<h2>Classes", "<h2>Latent space", "Mean squared error: 0.1.", "<svg"):
            self.assertIn(part, html)

    def test_tells_of_the_run(self):
        run = Path(self.path("run"))
        run.mkdir()
        (run / "config.json").write_text(json.dumps({"dataset": "mnist5k", "seed": 3}))
        (run / "result.json").write_text(json.dumps({"steps": 1234, "seconds": 90.0}))
        entries = [{"step": s, "d_loss": 1.0 + s, "val_d_loss": 1.1 + s, "r1": 0.1} for s in (100, 200)]
        (run / "history.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        (run / "diagnosis.txt").write_text("healthy: nothing to report\n")
        html, _ = self.render(run=RunFolder(run))
        for part in (
            "1,234",
            "1.5 min",
            "mnist5k",
            "<h2>Training",
            "healthy: nothing to report",
            "dotted: on held-out",
        ):
            self.assertIn(part, html)
        self.assertLen(re.findall("<svg", html), 2)
        (run / "metrics.json").write_text(json.dumps({"step": 1000, "records": []}))
        self.assertIn("1,000 of 1,234", self.render(run=RunFolder(run))[0])
