import io
import tarfile
import urllib.error
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from keras_gan.metrics import features
from keras_gan.metrics.features import extractors, inception
from tests.test_case import TestCase


def resize_by_hand(image, height, width):
    """TensorFlow 1's bilinear resize, pixel by pixel: source at i * ratio, upper neighbour clamped."""
    result = np.zeros((height, width, image.shape[2]))
    for i in range(height):
        for j in range(width):
            y, x = i * image.shape[0] / height, j * image.shape[1] / width
            top, left = int(y), int(x)
            bottom, right = min(top + 1, image.shape[0] - 1), min(left + 1, image.shape[1] - 1)
            upper = image[top, left] + (image[top, right] - image[top, left]) * (x - left)
            lower = image[bottom, left] + (image[bottom, right] - image[bottom, left]) * (x - left)
            result[i, j] = upper + (lower - upper) * (y - top)
    return result


def small_graph(classes=5):
    """A graph with the names of the published one, whose weights are a function of nothing."""
    random = np.random.RandomState(0)
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, (1, 299, 299, 3), name="images")
        scaled = tf.multiply(images, 1.0, name="Mul")
        pooled = tf.nn.avg_pool2d(scaled, 299, 1, "VALID", name="pool_3")
        weights = tf.constant(random.normal(size=(3, classes)), tf.float32, name="softmax/weights")
        # Of a fixed batch of one, as in the published graph.
        flat = tf.reshape(pooled, (1, 3), name="pool_3/_reshape")
        logits = tf.matmul(flat, weights, name="softmax/logits/MatMul")
        tf.nn.bias_add(logits, tf.ones(classes), name="softmax/logits")
    return graph.as_graph_def(), tf.get_static_value(weights)


def write_archive(path, content):
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(inception.MEMBER)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


class ResizeTest(TestCase):
    def test_agrees_with_the_definition(self):
        images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3)).astype("float32")
        for size in ((13, 9), (29, 31), (3, 4), (5, 7)):
            expected = np.stack([resize_by_hand(image, *size) for image in images.astype("float64")])
            self.assertAllClose(inception.resize(images, size), expected, atol=1e-3)

    def test_is_neither_of_tensorflow_2(self):
        images = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3)).astype("float32")
        for size, antialias in (((16, 16), False), ((4, 4), True)):
            other = tf.image.resize(images, size, antialias=antialias)
            self.assertGreater(np.abs(inception.resize(images, size) - other).max(), 1.0)


class LoadTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path())
        self.archive = self.folder / "inception-2015-12-05.tgz"

    def test_features_and_probabilities(self):
        graph, weights = small_graph()
        write_archive(self.archive, graph.SerializeToString())
        network, digest = inception.load(self.folder)
        images = np.random.default_rng(0).integers(0, 256, (3, 299, 299, 3)).astype("float32")
        found, probabilities = network(tf.constant(images))
        expected = ((images - 128) / 128).mean(axis=(1, 2))
        self.assertAllClose(found, expected, atol=1e-4)
        logits = expected @ weights
        self.assertAllClose(probabilities, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), atol=1e-4)
        self.assertLen(digest, 64)
        again, _ = inception.load(self.folder)
        self.assertAllEqual(again(tf.constant(images))[0], found)

    def test_through_features(self):
        graph, _ = small_graph()
        write_archive(self.archive, graph.SerializeToString())
        images = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), dtype="uint8")
        with mock.patch.dict("os.environ", KERAS_GAN_CACHE=str(self.folder)), mock.patch.dict(extractors._named):
            seen = features.get("inception_v3_2015")
        expected = (inception.resize(images, (299, 299)).numpy().mean(axis=(1, 2)) - 128) / 128
        self.assertAllClose(seen(images), expected, atol=1e-4)
        self.assertEqual((seen.name, seen.resize), ("inception_v3_2015", "TensorFlow 1 bilinear, not antialiased"))

    def test_another_file_than_before_is_refused(self):
        graph, _ = small_graph()
        write_archive(self.archive, graph.SerializeToString())
        inception.load(self.folder)
        graph, _ = small_graph(classes=6)
        write_archive(self.archive, graph.SerializeToString())
        with self.assertRaisesRegex(ValueError, "is not the file that was first used here"):
            inception.load(self.folder)

    def test_a_damaged_file_is_refused(self):
        self.archive.write_bytes(b"<html>")
        with self.assertRaisesRegex(ValueError, "does not hold the graph"):
            inception.load(self.folder)

    def test_downloads_once(self):
        graph, _ = small_graph()
        write_archive(self.folder / "published.tgz", graph.SerializeToString())
        content = (self.folder / "published.tgz").read_bytes()

        def answer(url, timeout):
            self.assertEqual(url, inception.URL)
            stream = io.BytesIO(content)
            stream.headers = {"Content-Length": str(len(content))}
            return stream

        with mock.patch("urllib.request.urlopen", side_effect=answer) as opened:
            inception.load(self.folder / "cache")
            inception.load(self.folder / "cache")
        opened.assert_called_once()

    def test_without_a_network(self):
        for error in (urllib.error.URLError("no route"), TimeoutError("timed out")):
            with (
                mock.patch("urllib.request.urlopen", side_effect=error),
                self.assertRaisesRegex(OSError, "could not be downloaded from http.*Put the file into"),
            ):
                inception.load(self.folder / "cache")
            self.assertEmpty(list((self.folder / "cache").iterdir()))

    def test_half_a_download_is_no_file(self):
        stream = io.BytesIO(b"half")
        stream.headers = {"Content-Length": "8"}
        with (
            mock.patch("urllib.request.urlopen", return_value=stream),
            self.assertRaisesRegex(OSError, "ended after 4 of 8 bytes"),
        ):
            inception.load(self.folder / "cache")
        self.assertEmpty(list((self.folder / "cache").iterdir()))
