import dataclasses

import numpy as np
import pytest

from benchmarks import watchdog
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


def result(kind, seed, *said):
    steps = [[10 * (i + 1), name] for i, name in enumerate(said)]
    return {"kind": kind, "seed": seed, "said": steps, "last": said[-1], "truth": "", "share": 0.01}


class TableTest(TestCase):
    def test_counts(self):
        frozen, fine = "frozen discriminator", "digits, R1"
        results = [
            result(fine, 300, "too early to tell", "healthy"),
            result(fine, 301, "mode collapse", "healthy"),
            result(fine, 7, "mode collapse"),
            result(frozen, 300, "generator winning", "mode collapse"),
            result(frozen, 301, "diverged"),
            result(frozen, 302, "too early to tell", "healthy"),
        ]
        lines = watchdog.render({"results": results}).splitlines()
        self.assertIn("| digits, R1 | 300 | no alarm | right | healthy |", lines)
        self.assertIn("| digits, R1 | 300 | 20 | healthy |", lines)
        # Right, false alarms, other alarms, missed.
        self.assertIn("| held out | healthy | 2 | 1 | 1 | 0 | 0 |", lines)
        self.assertIn("| seen | healthy | 1 | 0 | 1 | 0 | 0 |", lines)
        self.assertIn("| held out | made to fail | 3 | 1 | 0 | 1 | 1 |", lines)
        self.assertIn("| frozen discriminator | 301 | generator winning | another alarm | diverged |", lines)
        self.assertIn("The watchdog took 1.0 % of the time of these very small trainings, the median.", lines)


class KindsTest(TestCase):
    def test_can_be_built(self):
        shapes = {}
        for name, kind in watchdog.KINDS.items():
            gan, examples, held_out, density = watchdog.build(kind, 300)
            shapes[name] = gan.image_shape
            self.assertEqual(examples.shape[1:], gan.image_shape)
            self.assertEqual(held_out.shape[1:], gan.image_shape)
            self.assertEqual(len(examples) == kind.examples, bool(kind.examples))
            # Of shifted data the modes are elsewhere.
            self.assertIsNone(density) if kind.shift else None
        self.assertEqual(set(shapes.values()), {(1,), (2,), (20,), (28, 28, 1)})

    def test_a_short_training(self):
        kind = dataclasses.replace(watchdog.KINDS["ring, R1"], length=10, every=5)
        found = watchdog.train(kind, 300)
        self.assertEqual(found["said"], [(5, "too early to tell")])
        self.assertEqual([row["step"] for row in found["signals"]], [5, 10])
        self.assertRegex(found["truth"], r"^\d of 8 modes, \d+ % within 3 deviations$")
        self.assertTrue(np.isfinite(found["share"]))
