from types import SimpleNamespace

import numpy as np

from export.stand_in import served
from tests.test_case import TestCase


class ServedTest(TestCase):
    def setUp(self):
        super().setUp()
        self.version = SimpleNamespace(number=7)
        states = {3: ("END", ""), 7: ("AVAILABLE", ""), 9: ("END", "broken")}
        self.model = SimpleNamespace(name="digits", current=self.version, states=states)
        self.served = served.Served([self.model], largest_memory=100)

    def test_find(self):
        self.assertIs(self.served.find("digits"), self.version)
        self.assertIs(self.served.find("digits", 7), self.version)
        for name, number, wanted in (("digits", 3, r"Specific\(digits, 3\)"), ("none", None, r"Latest\(none\)")):
            with self.assertRaisesRegex(served.NotFoundError, f"Servable not found for request: {wanted}"):
                self.served.find(name, number)

    def test_states_the_newest_first(self):
        self.assertEqual(self.served.states("digits"), [(9, "END", "broken"), (7, "AVAILABLE", ""), (3, "END", "")])
        self.assertEqual(self.served.states("digits", 3), [(3, "END", "")])
        with self.assertRaisesRegex(served.NotFoundError, "Could not find version 4 of model digits"):
            self.served.states("digits", 4)
        with self.assertRaisesRegex(served.NotFoundError, "Could not find any versions of model none"):
            self.served.states("none", 4)

    def test_rows(self):
        inputs = {"seed": np.zeros(4), "scale": np.float32(1.0)}
        self.served.check_rows("sample", inputs, 25)
        with self.assertRaisesRegex(ValueError, "4 rows of sample, which need about 26 each; ask for at most 3"):
            self.served.check_rows("sample", inputs, 26)
        # A single row is always computed.
        self.served.check_rows("sample", {"seed": np.zeros(1)}, 1000)
