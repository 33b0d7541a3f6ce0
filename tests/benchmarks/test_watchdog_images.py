import importlib
import json
from pathlib import Path

from absl.testing import parameterized

from benchmarks import watchdog_images
from keras_gan.callbacks.watchdog import rules
from tests.test_case import TestCase


class KindsTest(TestCase):
    def test_halves(self):
        for kinds in (watchdog_images.HEALTHY, watchdog_images.FAILING):
            held = sum(kind.held for kind in kinds.values())
            self.assertGreaterEqual(len(kinds), 20)
            self.assertLessEqual(abs(held - (len(kinds) - held)), 1)

    def test_go_with_their_recipes(self):
        for name, kind in watchdog_images.KINDS.items():
            config = importlib.import_module(f"trainers.{kind.recipe}").Config
            config(**{**watchdog_images.SMALL[kind.recipe], **kind.flags})
            self.assertEqual(name in watchdog_images.HEALTHY, not kind.should)
            self.assertEqual(kind.like in watchdog_images.HEALTHY, bool(kind.should))


def result(kind, said=(), truth=None, **signals):
    steps = [10, 20, 30]
    values = {name: [None] * 3 for name in rules.SIGNALS} | {name: [value] * 3 for name, value in signals.items()}
    found = {"kind": kind, "seed": 0, "steps": steps, "signals": values, "start": {"distance": 100.0}}
    good = {"distance": 10.0, "classes": 10, "agreement": 0.8, "spread": 1.0}
    return found | {"truth": good if truth is None else truth, "said": [list(each) for each in said]}


class OutcomesTest(TestCase, parameterized.TestCase):
    def test_of_alarms(self):
        alarm = (10, rules.STILL, "")
        self.assertEqual(watchdog_images.outcome(result("dcgan", [(10, rules.HEALTHY, "")])), "right")
        self.assertEqual(watchdog_images.outcome(result("dcgan", [alarm])), "false alarm")
        self.assertEqual(watchdog_images.outcome(result("shuffled labels")), "missed")
        self.assertEqual(watchdog_images.outcome(result("shuffled labels", [alarm])), "another name")
        both = [alarm, (20, rules.LABELS, "")]
        self.assertEqual(watchdog_images.outcome(result("shuffled labels", both)), "right")

    @parameterized.parameters(
        ("dcgan", {"distance": 49.0, "spread": 0.5}, True),
        ("dcgan", {"distance": 51.0, "spread": 0.5}, False),
        ("dcgan", {"distance": 10.0, "spread": 0.2}, False),
        ("dcgan", {}, False),
        ("rates x 100", {}, True),
        ("rates x 100", {"distance": 14.0, "classes": 9, "spread": 1.0}, False),
        ("rates x 100", {"distance": 16.0, "classes": 9, "spread": 1.0}, True),
        ("rates x 100", {"distance": 14.0, "classes": 8, "spread": 1.0}, True),
        ("rates x 100", {"distance": 14.0, "classes": 9, "spread": 0.1}, True),
        ("shuffled labels", {"distance": 10.0, "classes": 10, "agreement": 0.39, "spread": 1.0}, True),
        ("shuffled labels", {"distance": 10.0, "classes": 10, "agreement": 0.41, "spread": 1.0}, False),
    )
    def test_in_truth(self, kind, truth, meant):
        others = [result("dcgan"), result("conditional, projection")]
        self.assertEqual(watchdog_images.is_as_meant(result(kind, truth=truth), others)[0], meant)

    def test_a_half_is_told_to_the_rules(self):
        folder = Path(self.path("results"))
        folder.mkdir()
        (folder / "conditions.json").write_text(json.dumps({"command": "c", "machine": "m", "date": "d"}))
        for i, each in enumerate((result("shuffled labels", truth={}, logit_gap=5000.0), result("dcgan, batch 8"))):
            (folder / f"{i}-0.json").write_text(json.dumps(each))
        watchdog_images._judge(folder, "open")
        _, line = (folder / "results.jsonl").read_text().splitlines()
        self.assertEqual([each[:2] for each in json.loads(line)["said"]], [[10, rules.DIVERGED]])
        watchdog_images._judge(folder, "held")
        lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
        self.assertEqual([line.get("kind") for line in lines], [None, "shuffled labels", "dcgan, batch 8"])
        page = watchdog_images.render({"results": lines[1:]})
        self.assertIn("### The half that was held back", page)
        self.assertIn("| failed | 1 | another name | 1 | 21 to 100 % |", page)
        with self.assertRaisesRegex(ValueError, "--judge must be open or held"):
            watchdog_images._judge(folder, "all")
