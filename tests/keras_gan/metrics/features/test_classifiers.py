import os
import shutil
from pathlib import Path
from unittest import mock

import numpy as np

import keras_gan
from keras_gan.data import faces
from keras_gan.metrics import attributes, features
from keras_gan.metrics.features import classifiers
from tests.test_case import TestCase


class ClassifiersTest(TestCase):
    def test_mnist_classifiers_know_the_digits(self):
        dataset, _ = keras_gan.data.load("mnist5k", "test", batch_size=500, labels=True, shuffle=False)
        images, labels = next(iter(dataset))
        for name in ("mnist_classifier", "mnist_classifier_b"):
            model, digest = classifiers.load(name)
            features, probabilities = model(images)
            self.assertGreater(np.mean(np.argmax(probabilities, axis=1) == labels), 0.98)
            self.assertAllClose(np.sum(probabilities, axis=1), np.ones(500), atol=1e-5)
            self.assertEqual(features.shape, (500, 64))
            self.assertEqual(digest, classifiers.manifest()[name]["sha256"])

    def test_cifar10_classifiers_reach_what_the_manifest_says(self):
        folder = os.environ.get("TFDS_DATA_DIR")
        if not folder or not Path(folder, "cifar10").is_dir():
            self.skipTest("needs CIFAR-10 in the folder that TFDS_DATA_DIR names")
        dataset, _ = keras_gan.data.load("cifar10", "test[:1000]", batch_size=1000, labels=True, shuffle=False)
        images, labels = next(iter(dataset))
        for name in ("cifar10_classifier", "cifar10_classifier_b"):
            model, _ = classifiers.load(name)
            accuracy = np.mean(np.argmax(model(images)[1], axis=1) == labels)
            # Four standard errors of 1,000 images.
            self.assertNear(accuracy, classifiers.manifest()[name]["test_accuracy"], 0.05)

    def test_the_two_of_a_data_set_differ(self):
        for dataset in ("mnist", "fashion_mnist", "cifar10"):
            first, second = (classifiers.load(f"{dataset}_classifier{suffix}")[0] for suffix in ("", "_b"))
            self.assertTrue(any((a != b).any() for a, b in zip(first.get_weights(), second.get_weights(), strict=True)))

    def test_files_are_small_and_manifest_is_complete(self):
        for name, entry in classifiers.manifest().items():
            self.assertLess((Path(str(classifiers.FOLDER)) / f"{name}.npz").stat().st_size, 500_000)
            self.assertEqual(entry["split"], "train")
            self.assertGreater(entry["test_accuracy"], 0.99 if entry["dataset"] == "mnist" else 0.75)

    def test_attributes_of_faces(self):
        images, drawn = faces.draw_many(200, seed=7)
        recognized = attributes.recognize(images)
        stated = classifiers.manifest()["faces_classifier"]["attribute_accuracy"]
        for name, values in faces.ATTRIBUTES.items():
            truth = [list(values).index(each[name]) for each in drawn]
            # Four standard errors of 200 images, at the least accuracy.
            self.assertNear(np.mean(recognized[name] == truth), stated[name], 0.14)
        seen = features.get("faces_classifier")
        hair = seen.probabilities(images)
        self.assertAllClose(hair.sum(axis=1), np.ones(200), atol=1e-5)
        self.assertAllEqual(hair.argmax(axis=1), recognized["hair"])

    def test_damage_is_noticed(self):
        folder = Path(self.path("weights"))
        shutil.copytree(str(classifiers.FOLDER), folder)
        content = bytearray((folder / "mnist_classifier.npz").read_bytes())
        content[1000] ^= 1
        (folder / "mnist_classifier.npz").write_bytes(content)
        with mock.patch.object(classifiers, "FOLDER", folder), self.assertRaisesRegex(ValueError, "damaged: reinstall"):
            classifiers.load("mnist_classifier")

    def test_unknown_name(self):
        with self.assertRaisesRegex(ValueError, "Received: name='svhn_classifier'"):
            classifiers.load("svhn_classifier")
