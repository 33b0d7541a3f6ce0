"""The one check of what is finite, and that every metric makes it."""

import inspect
import math
import sys

import keras
import numpy as np
from absl.testing import parameterized

from keras_gan import metrics, networks
from keras_gan.data import toy
from keras_gan.metrics import (
    arrays,
    collapse,
    conditional,
    distances,
    divergence,
    intervals,
    manifold,
    memorisation,
    parzen,
    scores,
    strokes,
)
from tests.test_case import TestCase

# In `keras_gan.metrics` these are functions.
evaluate_module, modes_module, truncation_module = (
    sys.modules[f"keras_gan.metrics.{name}"] for name in ("evaluate", "modes", "truncation")
)
ROWS = np.random.default_rng(0).normal(size=(40, 2))
IMAGES = np.zeros((8, 28, 28, 1), np.float32)
LABELS = np.arange(8) % 2


def mixture(x):
    return collapse.mixture_statistics(x, toy.ring())


def classifier(bad):
    """A model to logits of two classes, of which one may not be finite."""
    return lambda images, training: np.where([[True, False]] * len(images), bad, 0.0)


def generator(bad=0.0):
    """One whose images are all bad."""
    model = networks.MLPGenerator((28, 28, 1), latent_dim=2, hidden_units=(2,), output_activation=None)
    model.set_weights([np.full(weight.shape, bad) for weight in model.get_weights()])
    return model


# From the name of a metric to functions of numbers, one of which is not finite; with zeros in its place all pass.
METRICS = {
    "birthday": (lambda x: collapse.birthday(x, 0.1), ROWS),
    "mixture_statistics": (mixture, ROWS),
    "class_statistics": (lambda x: collapse.class_statistics([0, 1], 3, reference=x), [0.5, 0.5, 0.0]),
    "stacked_statistics": (
        lambda x: collapse.stacked_statistics(x, lambda channel: np.zeros(len(channel), int)), np.zeros((2, 4, 4, 3)),
    ),
    "nearest_neighbour_error": (lambda x: conditional.nearest_neighbour_error(x, LABELS, IMAGES, LABELS), IMAGES),
    "train_classifier": (lambda x: conditional.train_classifier(x, LABELS, 2, 1, 2), IMAGES),
    "accuracy": (lambda x: conditional.accuracy(classifier(0.0), x, LABELS), IMAGES),
    "moments": (distances.moments, ROWS),
    "frechet_distance": (lambda x: distances.frechet_distance(ROWS, x), ROWS),
    "frechet_distance_from_moments": (
        lambda x: distances.frechet_distance_from_moments(x, np.eye(2), [0, 0], np.eye(2)), [1.0, 0.0],
    ),
    "kernel_distance": (lambda x: distances.kernel_distance(x, ROWS), ROWS),
    "exact": (lambda x: divergence.exact("kl", x, [0.5, 0.5]), [1.0, 0.0]),
    "exact_jensen_shannon": (lambda x: divergence.exact_jensen_shannon([0.5, 0.5], x), [1.0, 0.0]),
    "optimal_discriminator": (lambda x: divergence.optimal_discriminator(x, [0.1]), [0.0]),
    "value_function": (lambda x: divergence.value_function([1.0], x), [0.0, 1.0]),
    "lower_bound": (lambda x: divergence.lower_bound(x, ROWS, steps=1), ROWS),
    "jensen_shannon": (lambda x: divergence.jensen_shannon(ROWS, x, steps=1), ROWS),
    "duality_gap": (
        lambda x: divergence.duality_gap(
            networks.MLPGenerator((2,), 1, hidden_units=()), networks.MLPDiscriminator((2,), hidden_units=()), x, 1
        ),
        ROWS,
    ),
    "interval": (lambda x: intervals.interval(lambda y: y.mean(), x), ROWS),
    "precision_recall": (lambda x: manifold.precision_recall(ROWS, x), ROWS),
    "density_coverage": (lambda x: manifold.density_coverage(x, ROWS), ROWS),
    "manifold_metrics": (lambda x: manifold.manifold_metrics(ROWS, x), ROWS),
    "nearest": (lambda x: memorisation.nearest(x, ROWS), ROWS),
    "data_copying": (lambda x: memorisation.data_copying(ROWS, ROWS, x), ROWS),
    "modes": (lambda x: modes_module.modes([0, 1], 3, x), [0.5, 0.5, 0.0]),
    "modes_from_counts": (lambda x: modes_module.modes_from_counts([1, 2, 3], x), [0.5, 0.5, 0.0]),
    "log_likelihood": (lambda x: parzen.log_likelihood(x, ROWS, 1.0), ROWS),
    "estimate": (lambda x: parzen.estimate(ROWS, ROWS, x), ROWS),
    "classifier_score": (lambda x: scores.classifier_score(x, 1), [[1.0, 0.0], [0.5, 0.5]]),
    "stroke_thickness": (strokes.stroke_thickness, IMAGES),
}  # fmt: skip
# What measures nothing of numbers given to it: text, files, or a generator's images, which have a test of their own.
OTHERS = {
    "check_probabilities", "compare", "divergences", "divergence", "evaluate", "evenly", "main", "memberships",
    "frechet_distance_with_influences", "network_for", "open_real", "pairs_within", "see_source", "table",
    "truncation_curve",
}  # fmt: skip
MODULES = (
    collapse, conditional, distances, divergence, evaluate_module, intervals, manifold, memorisation, modes_module,
    parzen, scores, strokes, truncation_module,
)  # fmt: skip


class FiniteTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(*METRICS)
    def test_every_metric_refuses_what_is_not_finite(self, name):
        metric, numbers = METRICS[name]
        numbers = np.array(numbers)
        metric(numbers)
        place = tuple(0 if size == 1 else 1 for size in numbers.shape)
        for bad in (math.nan, math.inf, -math.inf):
            numbers[place] = bad
            with self.assertRaisesRegex(ValueError, "must be finite. Received: NaN or infinity in row"):
                metric(numbers)

    def test_there_is_no_other_metric(self):
        found = {
            name
            for module in MODULES
            for name, function in vars(module).items()
            if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
        }
        self.assertEqual(found - OTHERS, set(METRICS))

    def test_what_networks_make(self):
        for bad in (math.nan, math.inf):
            with self.assertRaisesRegex(ValueError, "`logits` must be finite"):
                conditional.accuracy(classifier(bad), IMAGES, LABELS)
            with self.assertRaisesRegex(ValueError, "`images of the generator` must be finite"):
                metrics.evaluate(generator(bad), "mnist5k", "mnist_classifier", ["fcd"], 10, num_real=10)
            with self.assertRaisesRegex(ValueError, "`images of the generator` must be finite"):
                seen = metrics.features.get("mnist_classifier")
                metrics.truncation_curve(generator(bad), np.zeros((90, 64)), seen, num_samples=80)

    def test_in_training_it_is_a_divergence(self):
        """So that trainers go back to the last checkpoint."""
        with self.assertRaisesRegex(FloatingPointError, "`x` must be finite. Received: NaN or infinity in row 2 of 3"):
            arrays.finite("x", np.float32([0.0, 1.0, np.nan]))

    def test_what_is_finite_is_returned(self):
        for values in ([1, 2], np.zeros((0, 3)), 1.5, np.float16([[1.0]]), [True], keras.ops.ones((2, 2))):
            self.assertAllEqual(arrays.finite("x", values), np.asarray(values))
        with self.assertRaisesRegex(ValueError, "Received: NaN or infinity$"):
            arrays.finite("x", math.nan)
        tall = np.zeros((5, 2**20), np.float32)
        tall[4, -1] = math.inf
        with self.assertRaisesRegex(ValueError, "row 4 of 5"):
            arrays.finite("x", tall)
