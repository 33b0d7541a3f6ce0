import dataclasses
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np

import keras_gan
from keras_gan import data, distribution, metrics
from keras_gan.files import pictures
from keras_gan.metrics.features import FeatureExtractor
from tests.test_case import TestCase

# `keras_gan.metrics.evaluate` is the function.
evaluate_module = sys.modules["keras_gan.metrics.evaluate"]
SHAPE = (4, 4, 1)


def pixels(images):
    """A network that needs no weights: two pixels, and probabilities that are the brightness of two others."""
    flat = images[:, :, :, 0] / 255.0
    shares = flat[:, 1, :2] + 0.1
    return flat[:, 0, :2], shares / (shares[:, :1] + shares[:, 1:])


def draw(n, seed=0, mean=128.0):
    return np.clip(np.random.default_rng(seed).normal(mean, 30, (n, *SHAPE)), 0, 255).astype("uint8")


def draw_digits():
    return np.random.default_rng(0).integers(0, 256, (70, 28, 28, 1), dtype="uint8")


class Stub:
    """A generator whose image i is a function of its seed and its class."""

    image_shape, latent_dim, latent_prior = SHAPE, 3, "normal"

    def __init__(self, num_classes=None):
        self.num_classes, self.seen = num_classes, []

    def __call__(self, inputs, training):
        codes = inputs if self.num_classes is None else inputs[0]
        if self.num_classes is not None:
            self.seen += list(np.asarray(inputs[1]))
        return np.tanh(np.repeat(codes, 6, axis=1)[:, :16].reshape(-1, *SHAPE))


class EvaluateTest(TestCase):
    def setUp(self):
        super().setUp()
        self.calls = 0

        def network(images):
            self.calls += 1
            return pixels(images)

        # Not compiled, so that calls can be counted.
        self.features = FeatureExtractor("pixels", network, "digest", SHAPE)
        self.features._compiled = self.features._compute

    def test_a_classifier_is_judged_first(self):
        """It sees class 1 where the second of two pixels is brighter, as in three images of five."""
        images = np.full((40, *SHAPE), 100, "uint8")
        images[::5, 1, 1], images[1::5, 1, 1], images[2::5, 1, 1] = 200, 200, 200
        brighter = (images[:, 1, 1, 0] > 100).astype("int32")
        found = self.evaluate(images, (images, brighter), ["fcd"], floor=False, intervals=False)["fcd"]
        self.assertEqual(found.features_accuracy, 1.0)
        wrong = np.ones(40, "int32")
        with self.assertWarnsRegex(UserWarning, "pixels is right about 60% of the real images alone.* at least 70%"):
            found = self.evaluate(images, (images, wrong), ["fcd"], floor=False, intervals=False)["fcd"]
        self.assertAlmostEqual(found.features_accuracy, 0.6)
        self.assertIn("right about 60.0% of the real images", metrics.records.table([found]))
        self.assertEqual(metrics.Record.from_json(found.to_json()), found)
        self.assertIsNone(self.evaluate(images, images, ["fcd"], floor=False)["fcd"].features_accuracy)

    def test_features_that_nobody_chose(self):
        (record,) = metrics.evaluate(draw_digits(), "mnist5k", metrics="fcd", num_real=100, floor=False, progress=False)
        self.assertEqual((record.features, record.dataset), ("mnist_classifier", "mnist5k"))
        with self.assertRaisesRegex(ValueError, r"Received: features='auto' and real images of shape \(4, 4, 1\)"):
            metrics.evaluate(draw(8), draw(8))

    def evaluate(self, generator, real, *args, **kwargs):
        return {r.name: r for r in metrics.evaluate(generator, real, self.features, *args, progress=False, **kwargs)}

    def test_values_are_those_of_the_pure_functions(self):
        real, fake = draw(60), draw(40, seed=1, mean=100)
        x, y = self.features(real), self.features(fake)
        records = self.evaluate(fake, real)
        self.assertEqual(
            list(records), ["fcd", "kcd", "classifier_score", "precision", "recall", "density", "coverage"]
        )
        self.assertNear(records["fcd"].value, metrics.frechet_distance(x, y), 1e-9)
        self.assertNear(records["kcd"].value, metrics.kernel_distance(x, y, subsets=None).value, 1e-9)
        rows = np.arange(40) * 60 // 40
        expected = metrics.manifold_metrics(x[rows], y, (3, 5))
        for name in ("precision", "recall", "density", "coverage"):
            self.assertNear(records[name].value, getattr(expected, name), 1e-9)
        self.assertEqual((records["fcd"].n_real, records["fcd"].n_fake), (60, 40))
        self.assertEqual((records["recall"].n_real, records["recall"].n_fake), (40, 40))
        for name in ("fcd", "kcd"):
            self.assertLess(records[name].low, records[name].value)
            self.assertGreater(records[name].high, records[name].value)

    def test_real_images_against_themselves(self):
        records = self.evaluate(draw(100), draw(100))
        self.assertNear(records["fcd"].value, 0.0, 1e-9)
        self.assertEqual([records[name].value for name in ("precision", "recall", "coverage")], [1.0, 1.0, 1.0])

    def test_intervals_and_floors_are_left_out(self):
        (record,) = self.evaluate(draw(20), draw(30), ["fcd"], intervals=False, floor=False).values()
        self.assertEqual(
            (record.low, record.high, record.interval, record.floor, record.floor_method), (None,) * 2 + ("", None, "")
        )

    def test_floor_of_held_out_images(self):
        real, held_out = draw(60), draw(50, seed=2)
        record = self.evaluate(draw(40, seed=1), real, ["fcd"], held_out=held_out)["fcd"]
        rows = np.arange(40) * 50 // 40
        expected = metrics.frechet_distance(self.features(real), self.features(held_out[rows]))
        self.assertNear(record.floor, expected, 1e-9)
        self.assertEqual(record.floor_method, "60 images against 40 held-out ones")

    def test_floor_of_parts(self):
        for n, held_out, method in (
            (40, None, "30 of the images against the other 30"),
            (20, None, "40 of the images against the other 20"),
            (40, draw(39), "30 of the images against the other 30"),
        ):
            record = self.evaluate(draw(n, seed=1), draw(60), ["fcd"], held_out=held_out)["fcd"]
            self.assertEqual(record.floor_method, method)
            self.assertGreater(record.floor, 0.0)

    def test_a_generator_is_its_quantized_samples(self):
        generator = keras_gan.networks.DCGANGenerator((8, 8, 1), latent_dim=2, filters=2)
        self.features.image_shape = (8, 8, 1)
        real = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), dtype="uint8")
        one = self.evaluate(generator, real, ["fcd"], 300, seed=7)["fcd"]
        two = self.evaluate(pictures.to_uint8(generator.sample(300, seed=7)), real, ["fcd"])["fcd"]
        self.assertEqual((one.value, one.low, one.floor), (two.value, two.low, two.floor))
        self.assertEqual((one.seed, one.quantization, one.n_fake), (7, "uint8, floor(127.5 x + 128)", 300))
        self.assertEqual((two.seed, two.quantization), (None, "as given"))
        self.assertNotEqual(self.evaluate(generator, real, ["fcd"], 300, seed=8)["fcd"].value, one.value)

    def test_floats_are_quantized(self):
        images = draw(50)
        floats = images / np.float32(127.5) - 1
        for real, fake in ((floats, images), (images, floats)):
            self.assertNear(self.evaluate(fake, real, ["fcd"], floor=False)["fcd"].value, 0.0, 1e-9)

    def test_classes_are_drawn_as_in_the_data(self):
        generator = Stub(num_classes=3)
        labels = np.array([0] * 5 + [1] * 15 + [2] * 30)
        record = self.evaluate(generator, (draw(50), labels), ["fcd"], 100, floor=False)["fcd"]
        self.assertEqual(np.bincount(generator.seen).tolist(), [10, 30, 60])
        self.assertNotEqual(generator.seen, sorted(generator.seen))
        self.assertEqual(record.labels, "as often as in the real data")
        first, generator.seen = generator.seen, []
        self.evaluate(generator, (draw(50), labels), ["fcd"], 100, floor=False)
        self.assertEqual(generator.seen, first)
        with self.assertRaisesRegex(ValueError, "a generator of 3 classes and real images of None"):
            self.evaluate(generator, draw(50), ["fcd"])

    def test_real_images_are_seen_once(self):
        real = draw(600)
        self.evaluate(draw(20), real)
        self.calls = 0
        self.evaluate(Stub(), real, num_samples=250)
        self.assertEqual(self.calls, 1)

    def test_images_that_are_not_in_memory(self):
        images = draw(40)
        source = data.open_source((images, np.arange(40) % 2))
        reading = dataclasses.replace(
            source, images=None, labels=None, identity="read", read=lambda i: (images[i], int(i) % 2)
        )
        for generator in (draw(20, seed=1), Stub(num_classes=2)):
            one, two = (self.evaluate(generator, s, ["fcd"], 20, num_real=30)["fcd"] for s in (source, reading))
            self.assertEqual((one.value, one.floor), (two.value, two.floor))

    def test_what_a_gan_says_of_itself(self):
        gan = Stub()
        gan.ema_generator, gan.step = object(), SimpleNamespace(numpy=lambda: 30)
        record = self.evaluate(gan, draw(30), ["fcd"], 20, dataset="dots", floor=False)["fcd"]
        self.assertEqual((record.ema, record.step, record.dataset, record.split), (True, 30, "dots", "train"))

    def test_names_follow_the_features(self):
        with self.assertRaisesRegex(ValueError, r"metrics are \['fcd'.*Received: metrics=\['fid'\]"):
            self.evaluate(draw(9), draw(9), ["fid"])
        self.features.name = "inception_v3_2015"
        self.assertEqual(list(self.evaluate(draw(30), draw(30)))[:3], ["fid", "kid", "inception_score"])
        with self.assertRaisesRegex(ValueError, r"Received: metrics=\['fcd'\]"):
            self.evaluate(draw(9), draw(9), "fcd")

    def test_images_that_do_not_fit(self):
        large = np.zeros((9, 8, 8, 1), "uint8")
        for generator, real in ((draw(9), large), (large, draw(9))):
            with self.assertRaisesRegex(ValueError, r"pixels sees images of shape \(4, 4, 1\)"):
                self.evaluate(generator, real)

    def test_score_does_not_depend_on_the_order(self):
        images = np.zeros((100, *SHAPE), "uint8")
        images[:50, 1, 0], images[50:, 1, 1] = 255, 255
        score = self.evaluate(images, draw(20), ["classifier_score"], floor=False)["classifier_score"].value
        self.assertGreater(score, 1.2)

    def test_remembers_a_limited_number(self):
        with mock.patch.dict(evaluate_module._memory):
            for i in range(40):
                evaluate_module._remembered(("test", i), lambda: 0)
            self.assertLen(evaluate_module._memory, 16)


class SharedTest(TestCase):
    """What several workers share out: here one after another, and what each adds to the sums."""

    def test_the_shares_make_the_whole(self):
        chunks = [slice(start, min(start + 4, 14)) for start in range(0, 14, 4)]
        looked = []

        def look(rows):
            looked.append(rows.start)
            numbers = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
            return np.add(numbers, [[0.25, 0.5]]), None

        whole = evaluate_module._share_out(look, chunks, None, progress=False)
        self.assertEqual(looked, [0, 4, 8, 12])
        for workers, most in ((2, 2), (3, 2), (4, 1), (6, 1)):
            added = mock.Mock(return_value=None)
            for worker in range(workers):
                looked.clear()
                with (
                    mock.patch.object(distribution, "place_of", return_value=(worker, workers)),
                    mock.patch.object(distribution, "sum_over_workers", added),
                ):
                    seen = evaluate_module._share_out(look, chunks, None, progress=False)
                self.assertBetween(len(looked), 1, most)
                self.assertIsNone(seen.probabilities)
            np.testing.assert_array_equal(sum(call.args[1] for call in added.mock_calls), whole.features)
