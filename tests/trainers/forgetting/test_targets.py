"""What can be forgotten, and who judges it."""

import types

import numpy as np

from keras_gan import data, networks
from tests.test_case import TestCase
from trainers.forgetting import marks, targets

SHAPE = types.SimpleNamespace(image_shape=(28, 28, 1))


class TargetsTest(TestCase):
    def test_a_class_is_judged_by_another_classifier(self):
        source = data.open_source("mnist5k", "test")
        target = targets.parse("class:7", "mnist5k", source.class_names, SHAPE)
        images = (source.images.astype(np.float32) - 127.5) / 127.5
        truth = source.labels == 7
        annotated, judged = (np.asarray(function(images)) for function in (target.score, target.judge))
        self.assertTrue(np.any(annotated != judged))
        self.assertAllEqual(target.has(images, 0.0), judged >= 0.0)
        for scores in (annotated, judged):
            self.assertGreater(np.mean((scores >= 0.0) == truth), 0.98)
        named = targets.parse(
            "class:ship", "cifar10", ["x"] * 8 + ["ship", "y"], types.SimpleNamespace(image_shape=(32, 32, 3))
        )
        self.assertEqual((named.name, named.label), ("class ship", 8))

    def test_marked(self):
        generator = networks.MLPGenerator((6, 6, 1), latent_dim=3, hidden_units=(4,))
        file = self.path("marked.json")
        marks.Marks.of(generator, 7, 10, [4, 2]).write(file)
        target = targets.parse(f"marked:{file}", "anything", None, generator)
        found = target.annotate(generator, None)
        self.assertAllEqual(np.flatnonzero(found.present), [2, 4])
        self.assertIn("2 of 10 samples have it (20.0%).", targets.describe(target, found))
