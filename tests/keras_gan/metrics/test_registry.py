from unittest import mock

import numpy as np

from keras_gan import metrics
from keras_gan.metrics import registry
from keras_gan.metrics.features import FeatureExtractor, inception
from tests.test_case import TestCase


class NamesTest(TestCase):
    def test_names_depend_on_the_network(self):
        rest = ["precision", "recall", "density", "coverage"]
        self.assertEqual(registry.names_for("own"), ["fcd", "kcd", "classifier_score", *rest])
        self.assertEqual(registry.names_for(inception.NAME), ["fid", "kid", "inception_score", *rest])
        self.assertEqual(registry.names_for("own", "recall"), ["recall"])

    def test_another_networks_name(self):
        for network, name in (("own", "fid"), (inception.NAME, "fcd"), ("own", "colour")):
            with self.assertRaisesRegex(ValueError, f"With the features of {network}.*Received: metrics=.'{name}'"):
                registry.names_for(network, [name])


class EntryTest(TestCase):
    def test_one_entry_adds_a_metric(self):
        """It is measured, has a floor and an interval, and its record knows its title: nothing else lists metrics."""
        images = np.random.default_rng(0).integers(0, 256, (96, 4, 4, 1), dtype="uint8")
        network = FeatureExtractor("own", lambda x: (x[:, 0, :2, 0] / 255.0, None), "digest", (4, 4, 1))
        entry = registry.Metric(
            "largest difference of means", "lower", lambda x, y: float(np.abs(x.mean(0) - y.mean(0)).max())
        )
        with mock.patch.dict(registry.METRICS, shift=entry):
            (record,) = metrics.evaluate(images[:48] // 2, images, network, "shift", progress=False)
            self.assertEqual((record.title, record.better), ("largest difference of means", "lower"))
        expected = np.abs((images[:48] // 2)[:, 0, :2, 0].mean(0) - images[:, 0, :2, 0].mean(0)).max() / 255
        self.assertAllClose(record.value, expected, atol=2e-3)
        self.assertBetween(record.value, record.low, record.high)
        self.assertLess(record.floor, record.value)
        self.assertEqual((record.n_real, record.n_fake), (96, 48))

    def test_equal_functions_run_once(self):
        calls = []
        entry = registry.METRICS["precision"]

        def count(*samples, **options):
            calls.append(samples)
            return entry.function(*samples, **options)

        four = {name: registry.METRICS[name]._replace(function=count) for name in ("precision", "coverage")}
        images = np.random.default_rng(0).integers(0, 256, (32, 4, 4, 1), dtype="uint8")
        network = FeatureExtractor("own", lambda x: (x[:, 0, :2, 0] / 255.0, None), "digest", (4, 4, 1))
        with mock.patch.dict(registry.METRICS, four):
            metrics.evaluate(images[:20], images, network, list(four), intervals=False, floor=False, progress=False)
        self.assertLen(calls, 1)
        self.assertEqual([len(each) for each in calls[0]], [20, 20])
