import dataclasses

from keras_gan.metrics import Record, records
from tests.test_case import TestCase

RECORD = Record(
    "fcd",
    8.25,
    4500,
    2000,
    "mnist_classifier",
    "36908df42dc3",
    dataset="mnist5k",
    split="train",
    ema=True,
    seed=0,
    step=500,
    low=8.0,
    high=8.5,
    interval="95 %, delta method",
    floor=0.1,
    floor_method="2250 against 2250",
    versions=records.versions(),
)


class RecordTest(TestCase):
    def test_json_round_trip(self):
        self.assertEqual(Record.from_json(RECORD.to_json()), RECORD)
        bare = Record("recall", 0.5, 10, 10, "own", "")
        self.assertEqual(Record.from_json(bare.to_json()), bare)

    def test_what_is_no_record(self):
        with self.assertRaisesRegex(ValueError, "not the record of a metric.*'colour'"):
            Record.from_dict({**RECORD.to_dict(), "colour": 1})

    def test_title_and_direction(self):
        self.assertEqual((RECORD.title, RECORD.better), ("Frechet classifier distance", "lower"))
        self.assertEqual(dataclasses.replace(RECORD, name="coverage").better, "higher")

    def test_one_line(self):
        self.assertEqual(
            str(RECORD),
            "fcd 8.25 [8, 8.5], floor 0.1 (4500 real of mnist5k train, 2000 fake, mnist_classifier 36908df4)",
        )
        self.assertEqual(str(Record("kid", float("nan"), 3, 4, "own", "ab")), "kid nan (3 real, 4 fake, own ab)")

    def test_table_says_common_things_once(self):
        score = dataclasses.replace(RECORD, name="classifier_score", value=9.5, n_real=0, low=None, floor=None)
        lines = records.table([RECORD, score]).splitlines()
        self.assertLen(lines, 6)
        self.assertEqual(lines[2].split(), ["classifier_score", "9.5", "-", "-", "higher", "-", "2000"])
        self.assertEqual(
            lines[3],
            "real images of mnist5k train, seen through mnist_classifier (36908df42dc3), resize: none, "
            "averaged weights, step 500, seed 0",
        )
        self.assertEqual(lines[4:], ["interval: 95 %, delta method", "floor: 2250 against 2250"])

    def test_versions(self):
        self.assertContainsSubset({"keras_gan", "keras", "tensorflow", "numpy"}, records.versions())
