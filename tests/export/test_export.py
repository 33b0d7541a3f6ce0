"""Tests of what importing the package does."""

import os

from export import silenced
from tests.test_case import TestCase


class SilencedTest(TestCase):
    def test_silence_ends(self):
        reading, writing = os.pipe()
        saved = os.dup(2)
        os.dup2(writing, 2)
        try:
            with silenced():
                os.write(2, b"noise")
            os.write(2, b"signal")
        finally:
            os.dup2(saved, 2)
        self.assertEqual(os.read(reading, 100), b"signal")
        for descriptor in (reading, writing, saved):
            os.close(descriptor)
