import dataclasses

import numpy as np

from benchmarks import watchdog
from tests.test_case import TestCase


def result(kind, seed, *said):
    steps = [[10 * (i + 1), name] for i, name in enumerate(said)]
    return {"kind": kind, "seed": seed, "said": steps, "last": said[-1], "truth": "", "share": 0.01}


class TableTest(TestCase):
    def test_counts(self):
        frozen, fine = "frozen discriminator", "digits, R1"
        text = watchdog.table(
            [
                result(fine, 300, "too early to tell", "healthy"),
                result(fine, 301, "mode collapse", "healthy"),
                result(fine, 7, "mode collapse"),
                result(frozen, 300, "generator winning", "mode collapse"),
                result(frozen, 301, "diverged"),
                result(frozen, 302, "too early to tell", "healthy"),
            ]
        )
        self.assertIn("| digits, R1 | 300 | no alarm | healthy (20) | healthy |  |", text)
        self.assertIn("- held out, healthy: 1 false alarms in 2 trainings", text)
        self.assertIn("- seen, healthy: 1 false alarms in 1 trainings", text)
        self.assertIn("- held out, made to fail: 1 of 3 missed, 1 called by another name", text)
        self.assertIn("diverged (10) **(another alarm)**", text)
        self.assertIn("median 1.0 %", text)


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
