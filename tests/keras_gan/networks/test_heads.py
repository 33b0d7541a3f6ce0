"""Tests of the last layers of discriminators."""

import keras
import numpy as np

from keras_gan.networks.heads import Heads
from tests.test_case import TestCase

FEATURES = np.float32([[1.0, 2.0], [3.0, -1.0]])


def heads(conditioning, num_classes=3):
    layer = Heads(conditioning, num_classes, use_bias=True, kernel_initializer=lambda: keras.initializers.Ones())
    layer.build((None, 2))
    return layer


class HeadsTest(TestCase):
    def test_a_linear_unit(self):
        layer = heads("concat", None)
        layer.logit.bias.assign([0.5])
        self.assertAllClose(layer(FEATURES), [[3.5], [2.5]])

    def test_projection_adds_the_product_with_the_class(self):
        layer = heads("projection")
        # Column k is the embedding of class k.
        layer.embedding.kernel.assign([[1.0, 10.0, 0.0], [2.0, 0.0, 5.0]])
        self.assertIsNone(layer.embedding.bias)
        labels = np.int32([1, 2])
        # 1 + 2 + 10 * 1, and 3 - 1 + 5 * -1.
        self.assertAllClose(layer(FEATURES, labels), [[13.0], [-3.0]])

    def test_an_auxiliary_classifier(self):
        layer = heads("auxiliary")
        layer.classifier.bias.assign([0.0, 1.0, 2.0])
        logits, classes = layer(FEATURES, return_class_logits=True)
        self.assertAllClose(logits, layer(FEATURES))
        self.assertAllClose(classes, [[3.0, 4.0, 5.0], [2.0, 3.0, 4.0]])

    def test_others_have_no_class_logits(self):
        with self.assertRaisesRegex(ValueError, "has class logits. Received: conditioning='projection'"):
            heads("projection")(FEATURES, np.int32([0, 1]), return_class_logits=True)

    def test_shapes_and_precision(self):
        features = keras.KerasTensor((None, 2), dtype="bfloat16")
        logits, classes = heads("auxiliary").compute_output_spec(features, return_class_logits=True)
        self.assertEqual((logits.shape, logits.dtype), ((None, 1), "float32"))
        self.assertEqual((classes.shape, classes.dtype), ((None, 3), "float32"))
