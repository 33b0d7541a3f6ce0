import numpy as np

from tests.test_case import TestCase
from trainers.evaluation import comparison


def side(**values):
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


class ComparisonTest(TestCase):
    def test_welch_by_hand(self):
        # Means 2 and 5, variances 1 and 4, three each: t = 3 / (5 / 3)^1/2 = 2.324 with
        # (5 / 3)^2 / ((1 / 9 + 16 / 9) / 2) = 2.94 degrees of freedom, between the tails 0.1458 of 2
        # and 0.1027 of 3.
        (row,) = comparison.differences(side(fcd=[1.0, 2.0, 3.0]), side(fcd=[3.0, 5.0, 7.0]))
        self.assertAllClose(row["a"] + row["b"], [2.0, 1.0, 5.0, 2.0])
        self.assertAllClose(row["difference"], 3.0)
        self.assertAllClose((row["low"] + row["high"]) / 2, 3.0)
        self.assertBetween(row["p"], 0.1027, 0.1458)
        self.assertEqual(row["verdict"], "no significant difference")

    def test_pairs(self):
        """Differences 1, 2, 3: a mean of 2 with a standard error of 1 / sqrt(3), whatever varies between pairs."""
        a, b = side(fcd=[10.0, 0.0, 5.0]), side(fcd=[11.0, 2.0, 8.0])
        (row,) = comparison.differences(a, b, paired=True)
        half = 4.302652729911275 / 3**0.5
        self.assertAllClose([row["difference"], row["low"], row["high"]], [2.0, 2.0 - half, 2.0 + half])
        self.assertGreater(comparison.differences(a, b)[0]["p"], row["p"])

    def test_says_which_is_better_in_the_direction_of_the_metric(self):
        low, high = [1.0, 1.1, 0.9], [5.0, 5.1, 4.9]
        verdicts = {
            row["name"]: row["verdict"]
            for row in comparison.differences(side(fcd=low, recall=low), side(fcd=high, recall=high))
        }
        self.assertEqual(verdicts, {"fcd": "A is better", "recall": "B is better"})

    def test_corrects_for_the_number_of_metrics(self):
        a, b = [1.0, 2.0, 3.0, 4.0], [3.1, 4.1, 5.1, 6.3]
        same = [0.0, 1.0, 2.0, 3.0]
        (alone,) = comparison.differences(side(fcd=a), side(fcd=b))
        both = comparison.differences(side(fcd=a, kcd=same), side(fcd=b, kcd=same))
        self.assertAllClose(both[0]["p_holm"], 2 * alone["p"])
        self.assertAllClose(both[1]["p_holm"], max(2 * alone["p"], 1.0))

    def test_false_alarms_are_rare(self):
        rng = np.random.default_rng(0)
        alarms = sum(
            row["verdict"] != "no significant difference"
            for _ in range(200)
            for row in comparison.differences(side(fcd=rng.normal(size=4)), side(fcd=rng.normal(size=4)))
        )
        self.assertLess(alarms, 25)  # 10 expected, 3 deviations of (200 0.05 0.95)^1/2 = 3.1 more make 19

    def test_equal_values(self):
        (row,) = comparison.differences(side(fcd=[1.0, 1.0]), side(fcd=[1.0, 1.0]))
        self.assertEqual(row["verdict"], "no significant difference")

    def test_text(self):
        table = comparison.differences(side(fcd=[1.0, 2.0]), side(fcd=[1.5, 2.5]))
        text = comparison.text(["a.keras", "b.keras"], table, "About two files.")
        for part in ("A: a.keras", "B: b.keras", "About two files.", "no significant difference"):
            self.assertIn(part, text)

    def test_columns_of_any_width_stay_apart(self):
        wide = side(classifier_score=[1.0e-3, 1.0e3, 7.0], fcd=[12345.0, 1.0e-7, 3.0])
        lines = comparison.text(["a", "b"], comparison.differences(wide, wide[::-1]), "").splitlines()[-3:]
        starts = [lines[0].index(name) for name in ("A", "B", "B - A", "p (Holm)", "verdict")]
        for line in lines:
            for start in starts:
                self.assertEqual(line[start - 2 : start], "  ")
                self.assertNotEqual(line[start], " ")

    def test_the_page(self):
        values = side(fcd=[1.0, 2.0])
        found = {
            "sides": [["<a>.keras"], ["b.keras"]], "about": "About two files.", "conditions": {"resize": "none"},
            "metrics": comparison.differences(values, values), "versions": {"keras": "3"}, "command": "python",
            "runs": [{"model": "<a>.keras", "records": [{"name": "fcd", "value": 1.25}]}],
        }  # fmt: skip
        page = comparison.render(["<a>.keras", "b.keras"], found, [np.zeros((2, 3, 1), np.uint8)] * 2)
        for part in ("&lt;a&gt;.keras", "Frechet classifier distance (lower is better)", "1.25", "no significant"):
            self.assertIn(part, page)
        self.assertEqual(page.count("data:image/png"), 2)
        self.assertNotIn("<a>", page)
