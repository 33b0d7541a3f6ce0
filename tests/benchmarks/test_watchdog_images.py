import importlib

from benchmarks import watchdog_images
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
