from pathlib import Path

from keras_gan.files import history
from tests.test_case import TestCase


class HistoryTest(TestCase):
    def test_append_read_forget(self):
        file = Path(self.path("history.jsonl"))
        self.assertEqual(history.read(file), [])
        entries = [{"step": step, "value": step / 2} for step in (3, 6, 9)]
        for entry in entries:
            history.append(file, entry)
        self.assertEqual(history.read(file), entries)
        # What a killed process may leave.
        with file.open("a") as lines:
            lines.write('{"step": 12, "val')
        history.forget(file, lambda step: step <= 6)
        self.assertEqual(history.read(file), entries[:2])
        history.forget(file, lambda step: step % 2 == 0)
        self.assertEqual(history.read(file), entries[1:2])

    def test_nothing_to_forget(self):
        file = Path(self.path("history.jsonl"))
        history.forget(file, lambda step: False)
        self.assertFalse(file.exists())
