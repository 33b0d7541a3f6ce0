"""Tests of what holds for all export commands: a quiet terminal, and errors of one line."""

import subprocess
import sys
from pathlib import Path

from tests.test_case import TestCase


class ErrorTest(TestCase):
    def test_an_error_is_one_line(self):
        model = Path(self.get_temp_dir(), "generator.keras")
        model.write_bytes(b"PK")
        command = [sys.executable, "-m", "export.saved_model", f"--model={model}", f"--out={model.parent / 'out'}"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Aerror: .*generator.keras is truncated or damaged.*\n\Z")
        self.assertEqual(list(model.parent.iterdir()), [model])
