from pathlib import Path

import keras
import pytest

import keras_gan
from benchmarks import roofline
from tests.test_case import TestCase

pytestmark = pytest.mark.slow


class CountTest(TestCase):
    def test_matrix_products_by_hand(self):
        """One linear layer on each side, latents of 3, images of 5 numbers, 7 of them."""
        generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, use_bias=False)])
        discriminator = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, use_bias=False)])
        gan = keras_gan.GAN(generator, discriminator)
        gan.compile("sgd", "sgd")
        flops, moved = roofline.count(gan, 7)
        # A product in each forward pass. For the discriminator's update its weights' gradient twice, for the
        # generator's the gradient of images and that of its weights.
        g_passes = sum(kind == "MatMul" and shape == [7, 5] for kind, shape in _kinds(gan, 7)) - 1
        self.assertIn(g_passes, (1, 2))
        g, d = 2 * 7 * 3 * 5, 2 * 7 * 5
        self.assertEqual(flops, g_passes * g + 3 * d + 2 * d + d + g)
        self.assertEqual(moved % 4, 0)

    def test_convolutions_by_hand(self):
        gan = roofline.build(8, 2)
        # Generator: 100 latents to 4x4x2, then 4x4 kernels at these 16 positions to 3 channels. The discriminator
        # mirrors it.
        linear, convolution, logit = 100 * 32, 16 * 16 * 2 * 3, 32
        kinds = [kind for kind, _ in _kinds(gan, 4)]
        flops, _ = roofline.count(gan, 4)
        g_passes = kinds.count("Conv2DBackpropInput") - 1  # one is the discriminator's input gradient
        self.assertIn(g_passes, (1, 2))
        forward = g_passes * (linear + convolution) + 3 * (convolution + logit)
        # The discriminator's update: gradients of its weights, and of its feature map. The generator's: those of its
        # images, its weights and its feature map.
        backward = 2 * (convolution + 2 * logit) + (logit + convolution) + (linear + 2 * convolution)
        self.assertEqual(flops, 2 * 4 * (forward + backward))


def _kinds(gan, batch):
    import tensorflow as tf

    step = tf.function(gan.train_step, autograph=False)
    graph = step.get_concrete_function(tf.TensorSpec((batch, *gan.image_shape), tf.float32)).graph
    return [
        (operation.type, operation.outputs[0].shape.as_list())
        for operation in roofline._operations(graph)
        if roofline._multiplications(operation)
    ]


class DrawTest(TestCase):
    points = [
        {"size": 8, "batch": 4, "seconds": 0.5, "flops": 10, "bytes": 100},
        {"size": 8, "batch": 8, "seconds": 0.5, "flops": 80, "bytes": 100},
    ]
    ceilings = {"flops": 200.0, "bytes": 400.0}

    def test_the_nearer_bound(self):
        self.assertEqual(roofline.bounds(self.points[0], self.ceilings), (0.05, 0.25))
        found = [roofline.judge(point, *self.ceilings.values()) for point in self.points]
        self.assertEqual([(each["nearer"], each["share"]) for each in found], [("memory", 0.5), ("compute", 0.8)])
        run = {"precision": "float32", "ceilings": {"flops": [1e9, 2e9], "bytes": [3e9, 4e9]}}
        points = [point | each for point, each in zip(self.points, found, strict=True)]
        self.assertIn(
            "| 8 | 4 | 500 | 8 | 1e-08 | 1e-07 | 80 | 16 | memory | 50 |", roofline.render({**run, "points": points})
        )

    def test_picture(self):
        file = Path(self.path("roofline.png"))
        roofline.draw(self.points, self.ceilings, file)
        self.assertEqual(file.read_bytes()[1:4], b"PNG")

    def test_ceilings_are_rates(self):
        self.assertGreater(roofline.bandwidth(megabytes=8, repeats=2), 1e8)
        self.assertGreater(roofline.matrix_product_rate("float32", side=128, repeats=2), 1e8)
