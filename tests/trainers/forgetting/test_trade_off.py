"""The trade-off, on generators whose images are known."""

import dataclasses
from pathlib import Path

import keras
import numpy as np

from keras_gan import unlearning
from tests.test_case import TestCase
from tests.trainers.forgetting.test_forgetting import TARGET, Constant
from trainers.forgetting import forgetting, trade_off

# Of three classes: dark, grey from -0.1 on, and bright from 0.1 on.
CLASSIFIED = dataclasses.replace(
    TARGET, differentiable=False, classify=lambda images: np.digitize(images.mean(axis=(1, 2, 3)), [-0.1, 0.1])
)
BLIND = dataclasses.replace(TARGET, differentiable=False)


class TradeOffTest(TestCase):
    def setUp(self):
        super().setUp()
        self.probes = forgetting.Probes.draw(Constant(), 500, 0)
        self.z = self.probes.codes[:, 0]

    def test_shares_of_what_is_left_and_what_changes(self):
        feature = unlearning.LatentDirection([1.0, 0.0], 0.0)
        first, tenth, half = trade_off.over_thresholds(Constant(), feature, CLASSIFIED, 0.3, self.probes, (0.1, 0.5))
        # Bright enough are those with z / 4 >= 0.3.
        self.assertEqual((first["left"], first["class_changed"], first["change"]), ((self.z >= 1.2).mean(), 0.0, 0.0))
        self.assertEqual(tenth["left"], (tenth["threshold"] >= 1.2) * (self.z >= 1.2).mean())
        # Images that lacked it have z < 1.2; those with z >= 0.4 were bright, and at the median are grey.
        lack = self.z < 1.2
        self.assertEqual(half["left"], 0.0)
        self.assertAllClose(half["class_changed"], (self.z[lack] >= 0.4).mean())
        self.assertAllClose(half["change"], np.maximum(self.z[lack] - half["threshold"], 0.0).mean() / 4, rtol=1e-4)

    def test_what_the_annotator_does_not_see_stays(self):
        feature = unlearning.LatentDirection([1.0, 0.0], 0.0)
        target = dataclasses.replace(CLASSIFIED, differentiable=True)
        half = trade_off.over_thresholds(Constant(), feature, target, 0.3, self.probes, (0.5,))[1]
        self.assertEqual((half["left"], half["change"], half["class_changed"]), (0.0, 0.0, 0.0))

    def test_without_a_classifier_differences_are_left(self):
        feature = unlearning.LatentDirection([1.0, 0.0], 0.0)
        rows = trade_off.over_thresholds(Constant(), feature, BLIND, 0.3, self.probes, (0.5,))
        self.assertIsNone(rows[1]["class_changed"])
        self.assertGreater(rows[1]["change"], 0.0)
        path = Path(self.path("curve.png"))
        trade_off.draw(path, {"a": rows}, chosen=(0.1, 0.2))
        self.assertEqual(path.read_bytes()[:4], b"\x89PNG")

    def test_change_at_an_equal_share(self):
        rows = [{"left": left, "class_changed": changed} for left, changed in ((0.4, 0.0), (0.2, 0.1), (0.1, 0.5))]
        for left, changed in ((0.4, 0.0), (0.3, 0.05), (0.2, 0.1), (0.15, 0.3)):
            self.assertAllClose(trade_off.change_at(rows, left), changed)
        self.assertIsNone(trade_off.change_at(rows, 0.05))

    def test_a_network_that_makes_what_is_not_finite_is_refused(self):
        feature = unlearning.LatentDirection([1.0, 0.0], 0.0)
        broken = self.probes._replace(codes=np.full_like(self.probes.codes, np.nan))
        with self.assertRaisesRegex(ValueError, "generator"):
            trade_off.over_thresholds(Constant(), feature, CLASSIFIED, 0.3, broken, (0.5,))
        keras.backend.clear_session()
