"""Tests of confidence intervals: against the spread over many draws, and by hand."""

import numpy as np

from keras_gan import metrics
from tests.test_case import TestCase


def _ratios(metric, draw, repeats, **options):
    """Mean standard error over the standard deviation of the metric, by name."""
    found = [metrics.interval(metric, *draw(), **options) for _ in range(repeats)]
    return {
        name: np.mean([each[name].standard_error for each in found]) / np.std([each[name].value for each in found])
        for name in found[0]
    }


class IntervalTest(TestCase):
    def setUp(self):
        super().setUp()
        self.random = np.random.RandomState(3)

    def _features(self, number=300, shift=0.5):
        real, fake = self.random.normal(size=(2, number, 6))
        return real, 1.3 * fake + shift

    def test_errors_are_the_spread_over_draws(self):
        for metric, low, high in [(metrics.frechet_distance, 0.8, 1.6), (metrics.kernel_distance, 0.8, 1.6)]:
            ratios = _ratios(metric, self._features, 60)
            self.assertBetween(ratios[metric.__name__], low, high)

    def test_errors_for_equal_distributions_are_not_too_small(self):
        for metric in (metrics.frechet_distance, metrics.kernel_distance):
            ratio = _ratios(metric, lambda: self.random.normal(size=(2, 200, 6)), 60)[metric.__name__]
            self.assertBetween(ratio, 0.95, 2.0)

    def test_errors_by_halves(self):
        ratios = _ratios(metrics.manifold_metrics, lambda: self._features(150), 20, splits=5)
        for ratio in ratios.values():
            self.assertBetween(ratio, 0.55, 1.8)

    def test_errors_of_the_density_of_a_concentrated_generator(self):
        """Few real samples decide it, and small parts of all samples hardly show how much."""

        def draw():
            real, fake = self.random.normal(size=(2, 200, 8))
            return real, 0.3 * fake

        ratio = _ratios(metrics.density_coverage, draw, 30)["density"]
        self.assertBetween(ratio, 0.65, 1.8)

    def test_what_either_kind_holds(self):
        """The mean gap of two samples: 0 on average, with a deviation of sqrt(2 / n)."""

        def gap(real, fake):
            return np.mean(real) - np.mean(fake)

        draws = self.random.normal(size=(300, 2, 64))
        held = []
        for kind in ("confidence", "prediction"):
            found = [metrics.interval(gap, *draw, kind=kind, splits=6)["gap"] for draw in draws]
            low, high, value = (np.array([getattr(one, name) for one in found]) for name in ("low", "high", "value"))
            held += [np.mean((low < 0) & (high > 0)), np.mean((low < np.roll(value, 1)) & (np.roll(value, 1) < high))]
        self.assertBetween(held[0], 0.92, 0.995)
        self.assertBetween(held[1], 0.78, 0.92)
        self.assertBetween(held[3], 0.92, 0.995)
        confident, predicted = (
            metrics.interval(metrics.frechet_distance, *self._features(), kind=kind)["frechet_distance"]
            for kind in ("confidence", "prediction")
        )
        np.testing.assert_allclose(
            (predicted.high - predicted.value) / predicted.standard_error,
            np.sqrt(2) * (confident.high - confident.value) / confident.standard_error,
        )

    def test_errors_of_the_score(self):
        def draw():
            logits = 2 * self.random.normal(size=(500, 4))
            return (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),)

        self.assertBetween(_ratios(metrics.classifier_score, draw, 100, splits=1)["classifier_score"], 0.8, 1.25)

    def test_errors_of_modes(self):
        for shares in (np.full(40, 1 / 40), np.arange(1, 41) / 820):
            ratios = _ratios(
                metrics.modes, lambda shares=shares: (self.random.choice(40, 100, p=shares),), 150, num_modes=40
            )
            self.assertBetween(ratios["divergence"], 0.8, 1.8)
            self.assertBetween(ratios["modes"], 0.9, 2.5)

    def test_quantiles(self):
        real, fake = self._features(100)
        narrow = metrics.interval(metrics.kernel_distance, real, fake, confidence=0.6826894921)["kernel_distance"]
        np.testing.assert_allclose(narrow.high - narrow.value, narrow.standard_error, rtol=1e-6)
        # Tables of Student's t, two-sided 95 %: 2.262 for 9 degrees of freedom, 2.093 for 19.
        for splits, quantile in ((9, 2.262), (19, 2.093)):
            found = metrics.interval(metrics.density_coverage, real, fake, splits=splits)["density"]
            np.testing.assert_allclose((found.value - found.low) / found.standard_error, quantile, atol=1e-3)

    def test_any_metric(self):
        def gap(real, fake):
            return np.mean(real) - np.mean(fake)

        found = metrics.interval(gap, self.random.normal(size=400) + 2, self.random.normal(size=400))["gap"]
        self.assertLess(found.low, 2)
        self.assertLess(2, found.high)
        self.assertBetween(found.standard_error, 0.04, 0.11)

    def test_a_share_of_0_is_not_certain(self):
        real, fake = self._features(100, shift=100)
        found = metrics.interval(metrics.precision_recall, real, fake)
        self.assertEqual(found["precision"].value, 0)
        self.assertGreater(found["precision"].standard_error, 0.01)

    def test_ends_where_the_metric_does(self):
        """Standard errors reach beyond 0 and 1 here, and intervals do not."""
        real, fake = self._features(100, shift=100)
        apart = metrics.interval(metrics.manifold_metrics, real, fake)
        self.assertEqual([apart[name].low for name in ("precision", "recall", "density", "coverage")], [0.0] * 4)
        self.assertGreater(apart["precision"].high, 0.0)
        equal = metrics.interval(metrics.density_coverage, real, real)
        self.assertEqual((equal["coverage"].value, equal["coverage"].high), (1.0, 1.0))

        def density(real, fake):
            return np.mean(real) - np.mean(fake)

        ours = metrics.interval(density, real, real)["density"]
        self.assertLess(ours.low, 0.0)

    def test_refuses(self):
        real, fake = self._features(100)
        with self.assertRaisesRegex(ValueError, "between 0 and 1"):
            metrics.interval(metrics.frechet_distance, real, fake, confidence=95)
        with self.assertRaisesRegex(ValueError, "more samples than features"):
            metrics.interval(metrics.frechet_distance, real[:6], fake)
        with self.assertRaisesRegex(ValueError, "`kind` must be one of.*Received: kind='credible'"):
            metrics.interval(metrics.frechet_distance, real, fake, kind="credible")
        with self.assertRaisesRegex(ValueError, "at least 8 samples.*Received: 7"):
            metrics.interval(metrics.precision_recall, real, fake[:7])
        with self.assertRaisesRegex(ValueError, "less than the number of samples.*with 5"):
            metrics.interval(metrics.density_coverage, real[:20], fake[:20])
        with self.assertRaisesRegex(ValueError, "`splits` must be a positive integer"):
            metrics.interval(metrics.precision_recall, real, fake, splits=0)
