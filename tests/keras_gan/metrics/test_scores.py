"""Tests of the classifier score."""

import numpy as np

from keras_gan import metrics
from tests.keras_gan.metrics import oracles
from tests.test_case import TestCase


class ClassifierScoreTest(TestCase):
    def test_limits(self):
        np.testing.assert_allclose(metrics.classifier_score(np.full((40, 5), 0.2)), (1, 0), atol=1e-12)
        np.testing.assert_allclose(metrics.classifier_score(np.tile(np.eye(5), (20, 1))), (5, 0), atol=1e-12)
        np.testing.assert_allclose(metrics.classifier_score(np.tile(np.eye(5)[:1], (20, 1))), (1, 0), atol=1e-12)

    def test_by_hand(self):
        # Rows (1, 0) and (1/2, 1/2) around (3/4, 1/4): KL is log(4/3), and log(1/2) - (log(3/4) + log(1/4)) / 2.
        first, second = np.log(4 / 3), np.log(0.5) - (np.log(0.75) + np.log(0.25)) / 2
        score = metrics.classifier_score([[1.0, 0.0], [0.5, 0.5]], splits=1)
        np.testing.assert_allclose(score.mean, np.exp((first + second) / 2), rtol=1e-14)

    def test_splits_are_consecutive(self):
        probabilities = np.repeat(np.eye(2), 6, axis=0)
        self.assertEqual(metrics.classifier_score(probabilities, splits=2), (1, 0))
        np.testing.assert_allclose(metrics.classifier_score(probabilities[::-1], splits=1).mean, 2.0)
        np.testing.assert_allclose(metrics.classifier_score(probabilities, splits=3), (4 / 3, np.std([1, 2, 1])))

    def test_refuses(self):
        for probabilities, message in [
            ([[2.0, -1.0]], "apply softmax"),
            ([[0.5, 0.1]], "apply softmax"),
            ([[np.nan, 1.0]], "finite"),
        ]:
            with self.assertRaisesRegex(ValueError, message):
                metrics.classifier_score(probabilities, splits=1)
        with self.assertRaisesRegex(ValueError, "at least 10 samples"):
            metrics.classifier_score(np.eye(3))

    def test_oracle(self):
        golden = oracles.golden()
        probabilities = np.exp(golden["logits"])
        score = metrics.classifier_score(probabilities / probabilities.sum(axis=1, keepdims=True))
        np.testing.assert_allclose(score.mean, golden["torch_fidelity_score"], rtol=1e-12)
        np.testing.assert_allclose(score.std, golden["torch_fidelity_score_std"], rtol=1e-11)
