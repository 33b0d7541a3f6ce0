import math
from unittest import mock

import numpy as np
from absl.testing import parameterized

from keras_gan.callbacks.watchdog import rules
from tests.test_case import TestCase

GOOD = {
    "accuracy": 0.7,
    "logit_gap": 0.5,
    "logit_deviation": 0.5,
    "saturation": 0.8,
    "discriminator_gradient": 1.0,
    "generator_gradient": 1.0,
    "overfitting": 0.05,
    "overfitting_deviations": 0.5,
    "distance_ratio": 0.9,
    "neighbour_accuracy": 0.75,
    "precision": 0.6,
    "movement": 0.05,
    "entropy": 2.2,
    "missing_share": 0.0,
    "not_finite": 0.0,
}
WINNING = {"accuracy": 0.999, "precision": 0.0, "neighbour_accuracy": 1.0}


def said(rows, missing=()):
    """What a new judge says after each of some rows, at steps 1, 2, ..."""
    judge = rules.Judge()
    return [judge.update(step + 1, row, missing) for step, row in enumerate(rows)]


class RulesTest(TestCase, parameterized.TestCase):
    @parameterized.named_parameters(
        ("good", {}, rules.HEALTHY),
        ("spread logits", {"logit_gap": 2000.0}, rules.DIVERGED),
        ("far logits of a fine critic", {"logit_gap": 30.0}, rules.HEALTHY),
        ("examples far apart", {"distance_ratio": 7.0}, rules.DIVERGED),
        (
            "knows its examples",
            {"accuracy": 0.99, "overfitting": 0.9, "overfitting_deviations": 12.0},
            rules.OVERFITTING,
        ),
        ("a difference within its error", {"overfitting": 0.9, "overfitting_deviations": 1.0}, rules.HEALTHY),
        ("certain of everything", {**WINNING, "saturation": 0.001}, rules.DISCRIMINATOR),
        ("ahead but teaching", WINNING, rules.HEALTHY),
        (
            "certain, of good samples",
            {**WINNING, "saturation": 0.001, "precision": 0.8},
            rules.HEALTHY,
        ),
        ("modes lost", {"missing_share": 0.25, "entropy": 1.5, "precision": 0.8}, rules.COLLAPSE),
        ("half of the modes lost", {"missing_share": 0.5, "entropy": 1.0}, rules.COLLAPSE),
        ("alike within a class", {"class_distance_ratio": 0.1}, rules.COLLAPSE),
        ("among few real ones", {"coverage": 0.01}, rules.COLLAPSE),
        ("among many real ones", {"coverage": 0.1}, rules.HEALTHY),
        ("a hinge whose loss is 0", {**WINNING, "saturation": 0.0, "movement": 0.3}, rules.HEALTHY),
        ("logits that explode", {"saturation": 50.0}, rules.DIVERGED),
        ("weights that stay", {"weight_change": 0.0}, rules.STILL),
        ("weights that stay where all is well", {"weight_change": 0.0, "neighbour_accuracy": 0.5}, rules.HEALTHY),
        ("slow weights", {"weight_change": 1e-3}, rules.HEALTHY),
        ("images that stay", {"movement": 1e-4}, rules.STILL),
        ("labels of other images", {"real_label_agreement": 0.1, "label_agreement": 0.1}, rules.LABELS),
        (
            "labels that are ignored",
            {"real_label_agreement": 0.98, "label_agreement": 0.12, "label_chance": 0.1},
            rules.LABELS,
        ),
        (
            "labels that are followed",
            {"real_label_agreement": 0.98, "label_agreement": 0.6, "label_chance": 0.1},
            rules.HEALTHY,
        ),
        (
            "labels of images without classes yet",
            {"real_label_agreement": 0.98, "label_agreement": 0.1, "label_chance": 0.1, "entropy": 0.3},
            rules.HEALTHY,
        ),
        ("one class of ten lost", {"missing_share": 0.1, "entropy": 2.1}, rules.HEALTHY),
        ("spread, and not like the data yet", {"missing_share": 0.5, "precision": 0.1}, rules.EARLY),
        ("all alike, no classes", {"distance_ratio": 0.1, "entropy": None, "missing_share": None}, rules.COLLAPSE),
        ("fooled", {"accuracy": 0.3, "neighbour_accuracy": 0.99}, rules.GENERATOR),
        ("runs ahead, far away", {"accuracy": 0.02, "distance_ratio": 9.0, "saturation": 8.0}, rules.GENERATOR),
        ("ahead, but not clearly", {"accuracy": 0.2, "distance_ratio": 9.0}, rules.DIVERGED),
        ("runs ahead of logits out of bounds", {"accuracy": 0.0, "logit_gap": -5000.0}, rules.DIVERGED),
        ("far away, where it is told", {"accuracy": 0.98, "distance_ratio": 9.0}, rules.DIVERGED),
        (
            "indistinguishable",
            {"accuracy": 0.52, "neighbour_accuracy": 0.55, "distance_ratio": 1.02},
            rules.CONVERGED,
        ),
        (
            "fine but for a missing class",
            {"accuracy": 0.52, "neighbour_accuracy": 0.55, "distance_ratio": 1.02, "missing_share": 0.1},
            rules.HEALTHY,
        ),
    )
    def test_steady_signals(self, signals, name):
        last = said([{**GOOD, **signals}] * 15)[-1]
        self.assertEqual(last.name, name)
        self.assertEqual(bool(last.advice), name not in (rules.HEALTHY, rules.EARLY))
        self.assertTrue(last.evidence)

    def test_a_gradient_that_vanished_is_measured_against_its_largest(self):
        rows = [{**GOOD, "generator_gradient": 5.0}] * 5 + [{**GOOD, **WINNING, "generator_gradient": 0.05}] * 8
        self.assertEqual(said(rows)[-1].name, rules.DISCRIMINATOR)
        self.assertIn("1 % of its largest", said(rows)[-1].evidence)
        self.assertEqual(said(rows[5:])[-1].name, rules.HEALTHY)

    def test_without_saturation_a_certain_discriminator_is_not_blamed(self):
        rows = [{**GOOD, **WINNING, "saturation": None}] * 12
        self.assertEqual(said(rows)[-1].name, rules.HEALTHY)

    def test_oscillation_needs_turns_and_movement(self):
        for movement, name in ((0.5, rules.OSCILLATING), (0.01, rules.HEALTHY)):
            rows = [{**GOOD, "accuracy": (0.9, 0.2)[i // 2 % 2], "movement": movement} for i in range(14)]
            self.assertEqual(said(rows)[-1].name, name)
        rows = [{**GOOD, "accuracy": (0.55, 0.45)[i // 2 % 2], "movement": 0.5} for i in range(14)]
        self.assertEqual(said(rows)[-1].name, rules.HEALTHY)

    def test_running_ahead_takes_no_ten_looks_and_is_not_a_turn(self):
        ahead = {**GOOD, "accuracy": 0.05, "movement": 1.0}
        self.assertEqual(
            [(i + 1, each.name) for i, each in enumerate(said([ahead] * 9)) if each.changed][:1],
            [(7, rules.GENERATOR)],
        )
        rows = [{**ahead, "accuracy": (0.05, 0.95)[i // 3 % 2]} for i in range(20)]
        self.assertEqual({each.name for each in said(rows)[14:]}, {rules.OSCILLATING})

    def test_of_a_generator_that_ran_ahead_ten_looks_say_what_it_lost(self):
        ahead = {**GOOD, "accuracy": 0.02, "distance_ratio": 9.0, "missing_share": 0.88, "entropy": 0.5}
        changes = [(i + 1, each.name) for i, each in enumerate(said([ahead] * 15)) if each.changed]
        self.assertEqual(changes, [(7, rules.GENERATOR), (12, rules.COLLAPSE)])

    def test_what_is_still_spreading_has_not_collapsed(self):
        rows = [{**GOOD, "missing_share": 0.5, "entropy": 0.2 * i} for i in range(14)]
        self.assertEqual({verdict.name for verdict in said(rows)}, {rules.EARLY})
        self.assertEqual(said(rows + rows[-1:] * 10)[-1].name, rules.COLLAPSE)

    def test_hopping_from_mode_to_mode_is_not_spreading(self):
        rows = [{**GOOD, "missing_share": 0.6, "entropy": (0.2, 0.9)[i // 3 % 2]} for i in range(40)]
        self.assertEqual({verdict.name for verdict in said(rows)[13:]}, {rules.COLLAPSE})

    def test_the_missing_modes_are_named(self):
        last = said([{**GOOD, "missing_share": 0.25, "entropy": 1.0, "precision": 0.8}] * 15, missing=["2", "7"])[-1]
        self.assertIn("25 % of the data", last.evidence)
        self.assertIn("2, 7", last.evidence)
        self.assertIn("try: ", str(last))


class HysteresisTest(TestCase):
    def test_the_verdict_changes_once_and_late_enough(self):
        collapsed = {**GOOD, "accuracy": 0.3, "neighbour_accuracy": 1.0}
        verdict = said([GOOD] * 10 + [collapsed] * 10)
        changes = [(i + 1, each.name) for i, each in enumerate(verdict) if each.changed]
        # Three of the last five intervals make the median, and three medians the verdict.
        self.assertEqual(changes, [(7, rules.HEALTHY), (15, rules.GENERATOR)])
        self.assertEqual(verdict[14].since, 13)
        self.assertIn("signs of generator winning", verdict[13].evidence)

    def test_single_outliers_change_nothing(self):
        odd = {**GOOD, "accuracy": 0.1, "neighbour_accuracy": 1.0, "distance_ratio": 9.0}
        verdict = said([GOOD] * 7 + ([odd] + [GOOD] * 3) * 4)
        self.assertEqual([each.name for each in verdict if each.changed], [rules.HEALTHY])

    def test_what_is_not_finite_is_said_at_once(self):
        verdict = said([{"not_finite": 2.0}])[0]
        self.assertEqual((verdict.name, verdict.changed, verdict.since), (rules.DIVERGED, True, 1))

    def test_too_early_says_how_many_more(self):
        early = said([GOOD] * 6)
        self.assertEqual({verdict.name for verdict in early}, {rules.EARLY})
        numbers = [int(verdict.evidence.split()[0]) for verdict in early]
        self.assertEqual(numbers, [6, 5, 4, 3, 2, 1])
        self.assertEqual(said([GOOD] * 7)[-1].name, rules.HEALTHY)
        poor = said([{**GOOD, "distance_ratio": 0.1}] * 3)[-1]
        self.assertEqual(poor.evidence, "9 more entries needed, at least")

    def test_exploding_logits_are_said_at_once(self):
        for signals in ({"logit_gap": -3000.0}, {"logit_deviation": 3000.0}, {"saturation": 200.0}):
            verdict = said([{**GOOD, **signals}])[0]
            self.assertEqual((verdict.name, verdict.changed), (rules.DIVERGED, True))
        # And not taken back because it is early.
        rows = [{**GOOD, "saturation": 200.0}] + [{**GOOD, "distance_ratio": 0.1}] * 5
        self.assertEqual({verdict.name for verdict in said(rows)}, {rules.DIVERGED})

    def test_looks_close_together_are_no_reason_to_see_a_collapse(self):
        judge = rules.Judge()
        steps = [*range(20, 220, 20), *range(300, 1500, 100)]
        names = [judge.update(step, {**GOOD, "distance_ratio": 0.1}).name for step in steps]
        # Ten looks at a distance of 100 begin at step 200, and three of them have to agree.
        self.assertEqual(steps[names.index(rules.COLLAPSE)], 1300)


class AdviceTest(TestCase):
    def test_what_was_advised_is_not_taken_back(self):
        given = {}
        first = rules.advice(rules.DISCRIMINATOR, given)
        self.assertIn("fewer discriminator steps", first)
        second = rules.advice(rules.COLLAPSE, given)
        self.assertNotIn("more discriminator steps", second)
        self.assertNotIn("learning rate of the generator", second)
        self.assertIn("larger batches", second)
        self.assertIn("more discriminator steps", rules.advice(rules.COLLAPSE))

    def test_something_is_always_left(self):
        for first in rules.ALARMS:
            for second in rules.ALARMS:
                given = {}
                rules.advice(first, given)
                self.assertTrue(rules.advice(second, given), (first, second))

    def test_a_judge_remembers(self):
        judge = rules.Judge()
        winning = {**GOOD, **WINNING, "saturation": 0.001}
        for step in range(8):
            judge.update(step, winning)
        self.assertEqual(judge.name, rules.DISCRIMINATOR)
        again = rules.Judge.from_json(judge.to_json())
        for each in (judge, again):
            for step in range(8, 30):
                verdict = each.update(step, {**GOOD, "distance_ratio": 0.1})
            self.assertEqual(verdict.name, rules.COLLAPSE)
            self.assertNotIn("more discriminator steps", verdict.advice)

    def test_text_holds_all_that_it_remembers(self):
        random = np.random.default_rng(0)
        rows = [{**GOOD, "accuracy": random.uniform(), "entropy": None} for _ in range(30)]
        for stop in (0, 1, 9, 20):
            through, judge = rules.Judge(), rules.Judge()
            for step, row in enumerate(rows[:stop]):
                through.update(step, row)
                judge.update(step, row)
            judge = rules.Judge.from_json(judge.to_json())
            for step, row in enumerate(rows[stop:]):
                self.assertEqual(judge.update(stop + step, row), through.update(stop + step, row))
        self.assertFalse(math.isnan(judge.peak))

    def test_names_survive_longer_and_shorter_lists(self):
        judge = rules.Judge()
        for step in range(12):
            judge.update(step, {"accuracy": 0.5, "neighbour_accuracy": 0.99})
        text = judge.to_json()
        signals, advice = dict(rules.SIGNALS), dict(rules.ADVICE)
        with (
            mock.patch.object(rules, "SIGNALS", {"new": "first", **signals}),
            mock.patch.object(rules, "ADVICE", {"new": "first", **advice}),
        ):
            again = rules.Judge.from_json(text)
        self.assertEqual((again.name, again.since), (rules.GENERATOR, judge.since))
        self.assertEqual(again.rows[-1]["neighbour_accuracy"], 0.99)
        self.assertTrue(math.isnan(again.rows[-1]["new"]))
        del advice[rules.GENERATOR]
        with mock.patch.object(rules, "ADVICE", advice):
            self.assertEqual(rules.Judge.from_json(text).name, rules.EARLY)

    def test_arrays_of_the_first_version(self):
        """Ten intervals of its eighteen signals in their order, then count, peak, and the two verdicts by number."""
        array = np.full(187, np.nan)
        array[:18] = np.arange(18)
        array[180:] = [1, 2.5, 6, 300, 5, 2, 400]
        judge = rules.Judge.from_array(array)
        self.assertEqual((judge.name, judge.since, judge.peak), ("oscillating", 300, 2.5))
        self.assertEqual((judge._proposed, judge._streak, judge._proposed_at), ("mode collapse", 2, 400))
        self.assertLen(judge.rows, 1)
        row = judge.rows[0]
        self.assertEqual((row["accuracy"], row["movement"], row["not_finite"]), (0.0, 14.0, 17.0))
