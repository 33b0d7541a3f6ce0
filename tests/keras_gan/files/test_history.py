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
        self.assertEqual(history.read(file), entries)
        history.forget(file, lambda step: step <= 6)
        self.assertEqual(history.read(file), entries[:2])
        history.forget(file, lambda step: step % 2 == 0)
        self.assertEqual(history.read(file), entries[1:2])

    def test_nothing_to_forget(self):
        file = Path(self.path("history.jsonl"))
        history.forget(file, lambda step: False)
        self.assertFalse(file.exists())

    def test_damage_is_named(self):
        file = Path(self.path("history.jsonl"))
        good = '{"step": 3}\n'
        for bad in ("a text\n", "{}\n", "[]\n", '{"step": "3"}\n', "[" * 100_000 + "\n", "\x00\n"):
            file.write_text(good + bad + good)
            with self.assertRaisesRegex(ValueError, "history.jsonl is damaged in line 2: start its run again"):
                history.read(file)
            history.forget(file, lambda step: True)
            self.assertEqual(file.read_text(), 2 * good)

    def test_a_whole_history_is_left_alone(self):
        file = Path(self.path("history.jsonl"))
        history.append(file, {"step": 3})
        before = file.stat().st_ino
        history.forget(file, lambda step: True)
        self.assertEqual(file.stat().st_ino, before)
