import math
import re
from xml.etree import ElementTree

from tests.test_case import TestCase
from trainers.evaluation import charts


class ChartsTest(TestCase):
    def test_is_well_formed_and_escapes_its_texts(self):
        svg = charts.chart({"a<b": ([0, 1], [2, 3])}, "x & y", 'say "no"')
        tree = ElementTree.fromstring(svg)
        self.assertEqual(tree.get("aria-label"), 'say "no"')
        self.assertIn("a<b", [element.text for element in tree.iter("text")])

    def test_points_are_where_they_belong(self):
        svg = charts.chart({"line": ([0, 5, 10], [0, 50, 100])}, "x", "A line.")
        ((points),) = re.findall(r'points="([^"]+)"', svg)
        (x0, y0), (x1, y1), (x2, y2) = ([float(v) for v in point.split(",")] for point in points.split())
        self.assertAllClose([x1, y1], [(x0 + x2) / 2, (y0 + y2) / 2], atol=0.06)
        self.assertLess(x0, x2)
        self.assertGreater(y0, y2)  # SVG counts downwards

    def test_leaves_out_what_is_not_a_number(self):
        svg = charts.chart({"a": ([0, 1, 2, 3], [1.0, None, math.nan, 2.0]), "b": ([0], [math.inf])}, "x", "")
        self.assertEqual(svg.count("<polyline"), 1)
        self.assertEqual(re.findall(r'points="([^"]+)"', svg)[0].count(","), 2)
        self.assertEqual(charts.chart({"a": ([0], [None])}, "x", ""), "")
        self.assertEqual(charts.chart({}, "x", ""), "")

    def test_a_constant_has_an_axis(self):
        for value in (0.0, 1e-7, -3.0, 1e12):
            ticks = charts._ticks(value, value)
            self.assertLess(ticks[0], value)
            self.assertGreater(ticks[-1], value)

    def test_ticks_are_round_and_enclose(self):
        self.assertEqual(charts._ticks(0.0, 1.0), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
        for low, high in ((0.013, 0.97), (-5.0, 17.0), (1e-6, 3e-6), (0, 123456)):
            ticks = charts._ticks(low, high)
            self.assertLessEqual(ticks[0], low + 1e-9)
            self.assertGreaterEqual(ticks[-1], high - 1e-9)
            self.assertBetween(len(ticks), 4, 8)

    def test_a_dotted_curve_has_the_colour_of_the_curve_before(self):
        one, two = ([0, 1], [0, 1]), ([0, 1], [1, 0])
        svg = charts.chart({"a": one, "val_a": two, "b": one}, "x", "", dotted=("val_a",))
        lines = re.findall(r'<polyline class="([^"]+)" stroke="([^"]+)"', svg)
        self.assertEqual(lines, [("curve", "var(--c0)"), ("curve dotted", "var(--c0)"), ("curve", "var(--c1)")])

    def boxes(self, svg):
        """Left, right and baseline of every text, its letters taken to be 6 wide."""
        for element in ElementTree.fromstring(svg).iter("text"):
            x, width = float(element.get("x")), 6 * len(element.text)
            start = x - width * {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor")]
            yield start, start + width, float(element.get("y"))

    def test_no_text_is_cut_off_or_lies_on_another(self):
        steps = [0, 3_000_000]
        long = {f"a name of some length {i}": (steps, [i * 1e-5, -2e-5 * i]) for i in range(6)}
        same = {"a": ([0.1, 0.1, 0.1, 0.1, 0.5], [0.9, 0.9, 0.9, 0.9, 0.2])}
        for curves, labels in (
            ({"d_loss": ([0, 3000], [1.1, 1.3])}, ()),
            (long, ()),
            (same, ("0.4", "0.55", "0.7", "0.85", "1")),
        ):
            found = list(self.boxes(charts.chart(curves, "training step", "", labels=labels)))
            for i, (left, right, base) in enumerate(found):
                self.assertGreaterEqual(left, 0)
                self.assertLessEqual(right, charts._WIDTH)
                for other_left, other_right, other in found[:i]:
                    apart = right <= other_left or other_right <= left or abs(base - other) >= 11
                    self.assertTrue(apart, found[i])
        self.assertIn(">3,000,000<", charts.chart(long, "training step", ""))
