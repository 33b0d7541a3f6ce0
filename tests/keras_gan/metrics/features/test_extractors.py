from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan.metrics import features
from keras_gan.metrics.features import classifiers, extractors
from tests.test_case import TestCase


def classifier(activation="softmax", shape=(6, 6, 1)):
    """A small classifier of somebody's own."""
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(3, 3, activation="relu", name="convolution"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="relu", name="hidden"),
            keras.layers.Dense(4, activation=activation, name="scores"),
            keras.layers.Dropout(0.5),
        ],
        name="own",
    )


def some_images(n=7, shape=(6, 6, 1)):
    return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype="uint8")


class FeaturesTest(TestCase):
    def test_shipped_classifier_sees_what_training_showed_it(self):
        seen = features.get("mnist_classifier")
        images = some_images(shape=(28, 28, 1))
        model, digest = classifiers.load("mnist_classifier")
        expected, probabilities = model(images.astype("float32") / 127.5 - 1.0)
        self.assertAllClose(seen(images), expected, rtol=1e-4, atol=1e-4)
        self.assertAllClose(seen.probabilities(images), probabilities, atol=1e-5)
        self.assertEqual((seen.name, seen.digest, seen.dimension), ("mnist_classifier", digest, 64))
        self.assertIs(features.get("mnist_classifier"), seen)

    def test_the_number_of_images_changes_nothing(self):
        seen = features.get("mnist_classifier")
        images = some_images(n=501, shape=(28, 28, 1))
        everything = seen(images)
        self.assertEqual((everything.shape, everything.dtype), ((501, 64), np.float32))
        self.assertAllClose(seen(images[498:]), everything[498:], rtol=1e-5, atol=1e-5)

    def test_making_features_leaves_the_global_seed_alone(self):
        def draw(make):
            keras.utils.set_random_seed(5)
            if make:
                classifiers.load("mnist_classifier")
            return keras.random.normal((3,)), keras.layers.Dense(2).kernel_initializer.seed

        (a, seed_a), (b, seed_b) = draw(False), draw(True)
        self.assertAllEqual(a, b)
        self.assertEqual(seed_a, seed_b)

    def test_float32_under_any_policy(self):
        images = some_images(shape=(28, 28, 1)) / np.float32(127.5) - 1
        expected = classifiers.load("mnist_classifier")[0](images)
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
        for a, b in zip(classifiers.load("mnist_classifier")[0](images), expected, strict=True):
            self.assertEqual(a.dtype, tf.float32)
            self.assertAllClose(a, b, rtol=1e-5, atol=1e-5)

    def test_for_dataset(self):
        self.assertEqual(features.for_dataset("cifar10", (32, 32, 3)), "cifar10_classifier")
        self.assertEqual(features.for_dataset("mnist5k", (28, 28, 1), second=True), "mnist_classifier_b")
        self.assertIsNone(features.for_dataset("mnist5k", (32, 32, 1), second=True))
        for dataset, shape in (("cifar10", (32, 32, 1)), ("folder:x", (28, 28, 1)), ("mnist", (28, 28))):
            self.assertIsNone(features.for_dataset(dataset, shape))

    def test_what_does_not_fit_is_refused(self):
        seen = features.get("mnist_classifier")
        for images, reason in (
            (
                some_images(shape=(32, 32, 1)),
                r"sees images of shape \(28, 28, 1\).*Received: images of shape \(32, 32, 1",
            ),
            (some_images(shape=(28, 28, 3)), r"Received: images of shape \(28, 28, 3\)"),
            (np.zeros((2, 28, 28, 1)), "Received: .* of float64"),
            (np.zeros((2, 28, 28), "uint8"), r"Received: shape \(n, 28, 28\)"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                seen(images)

    def test_resize_and_gray_to_color(self):
        def network(images):
            return tf.reshape(images, (tf.shape(images)[0], -1)), None

        images = some_images(shape=(6, 4, 1))
        for name, method in (("bilinear", "bilinear"), ("bicubic", "bicubic")):
            seen = features.FeatureExtractor("pixels", network, "", (3, 8, 3), f"{name}, antialiased")
            expected = tf.image.resize(np.repeat(images, 3, axis=3), (3, 8), method, antialias=True)
            self.assertAllClose(seen(images), tf.reshape(expected, (7, -1)), atol=1e-3)
            self.assertIsNone(seen.probabilities(images))
        with self.assertRaisesRegex(ValueError, "Received: resize='area'"):
            features.FeatureExtractor("pixels", network, "", (3, 8, 3), "area")


class OwnClassifierTest(TestCase):
    def test_penultimate_layer(self):
        model = classifier()
        seen = features.get(model)
        images = some_images()
        scaled = images / np.float32(127.5) - 1
        hidden = keras.Model(model.inputs, model.get_layer("hidden").output)(scaled)
        self.assertAllClose(seen(images), hidden, atol=1e-5)
        self.assertAllClose(seen.probabilities(images), model(scaled), atol=1e-5)
        self.assertEqual((seen.name, seen.dimension, seen.image_shape), ("own", 5, (6, 6, 1)))

    def test_named_layer_is_flattened(self):
        model = classifier()
        seen = features.get(model, layer="convolution")
        inner = keras.Model(model.inputs, model.get_layer("convolution").output)(some_images() / np.float32(127.5) - 1)
        self.assertAllClose(seen(some_images()), np.reshape(inner, (7, -1)), atol=1e-5)
        with self.assertRaisesRegex(ValueError, "`layer` must be one of .*Received: layer='last'"):
            features.get(model, layer="last")

    def test_logits_become_probabilities(self):
        model = classifier(activation=None)
        probabilities = features.get(model).probabilities(some_images())
        logits = model(some_images() / np.float32(127.5) - 1)
        self.assertAllClose(probabilities, tf.nn.softmax(logits), atol=1e-5)

    def test_file(self):
        model = classifier()
        path = self.path("digits.keras")
        model.save(path)
        seen = features.get(path)
        self.assertAllClose(seen(some_images()), features.get(model)(some_images()), atol=1e-6)
        self.assertEqual((seen.name, seen.digest), ("digits", features.get(model).digest))
        model.layers[0].bias.assign([1.0, 0.0, 0.0])
        self.assertNotEqual(features.get(model).digest, seen.digest)

    def test_refused(self):
        generator = keras_gan.networks.MLPGenerator(image_shape=(2, 2, 1), latent_dim=2, hidden_units=(2,))
        images = keras.Input((4, 4, 1))
        for identifier, reason in (
            (generator, "functional or sequential"),
            (keras.Model(images, keras.layers.Conv2D(2, 3)(images)), "one row of class scores per image"),
            (keras.Model(images, keras.layers.Flatten()(images)), "penultimate layer .* could not be found"),
            ("nowhere.keras", "There is no file nowhere.keras"),
            ("inception", "Features are one of .*'inception_v3_2015'.*Received: identifier='inception'"),
            ("keras.applications.no_such", "no such network"),
            (3, "Received: identifier=3"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                features.get(identifier)
        with self.assertRaisesRegex(ValueError, "`layer` is for a classifier of yours"):
            features.get("mnist_classifier", layer="dense")


class ApplicationsTest(TestCase):
    def get(self, builder):
        module = keras.applications.mobilenet_v2
        with mock.patch.object(module, "MobileNetV2", builder), mock.patch.dict(extractors._named):
            return features.get("keras.applications.mobilenet_v2")

    def test_by_its_own_name(self):
        model = classifier(shape=(10, 10, 3))

        def build(include_top=True, weights="imagenet", classifier_activation="softmax"):
            self.assertEqual((include_top, weights, classifier_activation), (True, "imagenet", "softmax"))
            return model

        seen = self.get(build)
        self.assertEqual(seen.name, "keras.applications.mobilenet_v2")
        images = some_images(shape=(6, 4, 3))
        resized = tf.image.resize(images, (10, 10), "bicubic", antialias=True)
        self.assertAllClose(seen.probabilities(images), model(resized / 127.5 - 1.0), atol=1e-5)
        self.assertEqual(seen.dimension, 5)

    def test_without_weights(self):
        def build(include_top=True, weights="imagenet", classifier_activation="softmax"):
            raise Exception("URL fetch failure on https://...: None -- no route\nmore")

        with self.assertRaisesRegex(OSError, "weights of keras.applications.mobilenet_v2 could not be had.*no route$"):
            self.get(build)
