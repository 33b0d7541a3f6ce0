import json
import os
import shutil
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_gan import data
from keras_gan.data import decoding, sources, tfrecords
from tests.test_case import TestCase


def batches(source, **arguments):
    return list(data.load(source, batch_size=4, **arguments)[0])


class TfdsTest(TestCase):
    def prepare(self, name="tiny", image=None, label=None, count=10, features=None, **columns):
        """Prepares a data set of `count` images in this test's folder; returns the folder and the images."""
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (count, 5, 6, 3), np.uint8)
        features = {"image": image or tfds.features.Image(shape=(5, 6, 3), encoding_format="png"), **(features or {})}
        values = {"image": images, **columns}
        if label is not None:
            features["label"] = label
            values["label"] = np.arange(count) % 3
        folder = self.path("tfds")
        tfds.disable_progress_bar()
        tfds.dataset_builders.store_as_tfds_dataset(
            name,
            version="1.0.0",
            features=tfds.features.FeaturesDict(features),
            split_datasets={
                "train": tf.data.Dataset.from_tensor_slices(values).take(count),
                "test": tf.data.Dataset.from_tensor_slices(values).take(4),
            },
            data_dir=folder,
            disable_shuffling=True,
        )
        return folder, images

    def test_images_and_labels(self):
        folder, images = self.prepare(label=tfds.features.ClassLabel(names=["a", "b", "c"]))
        for memory_limit in (0, data.MEMORY_LIMIT):
            dataset, spec = data.load(
                "tiny", batch_size=10, labels=True, shuffle=False, data_dir=folder, memory_limit=memory_limit
            )
            found, labels = next(iter(dataset))
            self.assertAllClose(found, images / 127.5 - 1, atol=1e-6)
            self.assertAllEqual(labels, np.arange(10) % 3)
            self.assertEqual(
                (spec.image_shape, spec.num_classes, spec.class_names, spec.num_examples),
                ((5, 6, 3), 3, ["a", "b", "c"], 10),
            )

    def test_two_features_are_pairs(self):
        other = np.random.default_rng(1).integers(0, 256, (10, 5, 6, 1), np.uint8)
        gray = tfds.features.Image(shape=(5, 6, 1), encoding_format="png")
        folder, images = self.prepare(other=other, features={"other": gray})
        for direction in ("AtoB", "BtoA"):
            dataset, spec = data.load(
                "pairs:tiny@other,tiny@image", batch_size=10, shuffle=False, data_dir=folder, direction=direction
            )
            sources, targets = next(iter(dataset))
            found = (sources, targets) if direction == "AtoB" else (targets, sources)
            # In the order of the names, of which there are as many as examples.
            self.assertAllClose(found[0], other / 127.5 - 1, atol=1e-6)
            self.assertAllClose(found[1], images / 127.5 - 1, atol=1e-6)
            self.assertEqual(spec.num_examples, 10)
        with self.assertRaisesRegex(ValueError, "has no feature 'third' that holds one 8-bit image"):
            data.load("pairs:tiny@other,tiny@third", data_dir=folder)
        self.assertEqual(data.load("tiny@other", batch_size=4, data_dir=folder)[1].image_shape, (5, 6, 1))

    def test_splits_and_slices(self):
        folder, images = self.prepare()
        for split, expected in (
            ("test", images[:4]),
            ("train[3:7]", images[3:7]),
            ("train[80%:]+test[:2]", [*images[8:], *images[:2]]),
        ):
            (found,) = batches("tiny", split=split, shuffle=False, data_dir=folder)
            self.assertAllClose(found, np.asarray(expected) / 127.5 - 1, atol=1e-6)
        for split in ("nope", "train[5%:", "train[:0]"):
            with self.assertRaisesRegex(ValueError, r"Received: .*split='"):
                data.load("tiny", split, data_dir=folder)

    def test_no_labels(self):
        folder, _ = self.prepare()
        with self.assertRaisesRegex(ValueError, "labels=True needs a source with labels"):
            data.load("tiny", labels=True, data_dir=folder)

    def test_sizes_that_vary_need_a_size(self):
        folder, _ = self.prepare(image=tfds.features.Image(shape=(None, None, 3)))
        with self.assertRaisesRegex(ValueError, r"Pass image_size=\(height, width\)\."):
            data.load("tiny", data_dir=folder)
        (found, _) = batches("tiny", image_size=(3, 4), channels=1, data_dir=folder)
        self.assertEqual(found.shape, (4, 3, 4, 1))

    def test_unsuitable_features(self):
        folder = self.path("tfds")
        tfds.disable_progress_bar()
        tfds.dataset_builders.store_as_tfds_dataset(
            "vectors",
            version="1.0.0",
            features=tfds.features.FeaturesDict({"x": tfds.features.Tensor(shape=(2,), dtype=np.float32)}),
            split_datasets={"train": tf.data.Dataset.from_tensor_slices({"x": np.zeros((3, 2), np.float32)})},
            data_dir=folder,
        )
        with self.assertRaisesRegex(ValueError, r"no feature that holds one 8-bit image. .*\['x'\]"):
            data.load("vectors", data_dir=folder)

    def test_what_cannot_be_found(self):
        folder = self.path("tfds")
        for source in ("mnisty", "no such thing", "/tmp/x", ""):
            with self.assertRaisesRegex(ValueError, "A source is 'mnist5k', ") as caught:
                data.load(source, data_dir=folder)
            self.assertLess(len(str(caught.exception)), 250)
            self.assertNotIn("\n", str(caught.exception))
        self.assertRegex(str(self.refusal("mnisty", folder)), "such as .*'mnist'")
        self.assertRegex(self.refusal("mnist", folder), "is not prepared .* Pass download=True")
        self.assertRegex(self.refusal("mnist:9.9.9", folder), "TFDS cannot load 'mnist:9.9.9'")

    def refusal(self, source, folder):
        with self.assertRaises(ValueError) as caught:
            data.load(source, data_dir=folder)
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)

    def test_broken_descriptions(self):
        folder, _ = self.prepare()
        Path(folder, "tiny", "1.0.0", "dataset_info.json").write_text("{")
        self.assertRegex(self.refusal("tiny", folder), "TFDS cannot load 'tiny'")

    def test_broken_records(self):
        folder, _ = self.prepare()
        (file,) = Path(folder, "tiny", "1.0.0").glob("*train*")
        contents = bytearray(file.read_bytes())
        contents[len(contents) // 2] ^= 1
        file.write_bytes(contents)
        self.assertRegex(self.refusal("tiny", folder), "train.tfrecord.* is missing, truncated or corrupted")
        file.unlink()
        self.assertRegex(self.refusal("tiny", folder), "train.tfrecord.* is missing, truncated or corrupted")

    def test_prepared_data_sets(self):
        folder = os.environ.get("TFDS_DATA_DIR")
        for name, shape in (("mnist", (28, 28, 1)), ("cifar10", (32, 32, 3))):
            with self.subTest(name):
                if folder is None or not Path(folder, name).is_dir():
                    self.skipTest(f"TFDS_DATA_DIR has no {name}")
                dataset, spec = data.load(name, "test[:1%]", batch_size=100, labels=True)
                self.assertEqual((spec.image_shape, spec.num_classes, spec.num_examples), (shape, 10, 100))
                images, labels = next(iter(dataset))
                self.assertAllInRange(images, -1.0, 1.0)
                self.assertGreater(np.std(images), 0.3)
                self.assertAllInRange(labels, 0, 9)


class TfrecordTest(TestCase):
    """Errors of reading; what was written comes back in the tests of `write_tfrecords`."""

    def write(self, *examples, num_classes=None):
        folder = Path(self.path("records"))
        folder.mkdir()
        with tf.io.TFRecordWriter(str(folder / "a.tfrecord")) as writer:
            for example in examples:
                writer.write(example)
        description = {"image_shape": [1, 1, 3], "num_classes": num_classes, "class_names": None}
        description["shards"] = {"a.tfrecord": len(examples)}
        (folder / "dataset.json").write_text(json.dumps(description))
        return folder

    def refusal(self, source):
        with self.assertRaises(ValueError) as caught:
            data.load(source, batch_size=1)
        return str(caught.exception)

    def example(self, contents, key=tfrecords.IMAGE_KEY):
        feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[contents]))
        return tf.train.Example(features=tf.train.Features(feature={key: feature})).SerializeToString()

    def test_random_access(self):
        payloads = [bytes([i % 251]) * (7 * i + 1) for i in range(600)]
        folder = self.write(*payloads)
        contents = (folder / "a.tfrecord").read_bytes()
        spans = tfrecords._spans(folder / "a.tfrecord", 5, 600)
        self.assertEqual([contents[a : a + n] for a, n in spans], payloads[5:])

    def test_labels_out_of_range(self):
        png = tf.io.encode_png(np.full((1, 1, 3), 255, np.uint8)).numpy()
        example = tf.train.Example.FromString(self.example(png))
        example.features.feature[tfrecords.LABEL_KEY].int64_list.value.append(-1)
        folder = self.write(example.SerializeToString(), num_classes=2)
        with self.assertRaisesRegex(ValueError, r"Labels must lie in \[0, 2\)"):
            data.load(f"tfrecord:{folder}", batch_size=1, labels=True)
        self.assertLen(list(data.load(f"tfrecord:{folder}", batch_size=1)[0]), 1)

    def test_missing_files(self):
        folder = Path(self.path("nothing"))
        self.assertRegex(self.refusal(f"tfrecord:{folder}/*.tfrecord"), "There is no folder")
        folder.mkdir()
        self.assertRegex(self.refusal(f"tfrecord:{folder}"), "No file matches")

    def test_without_its_description(self):
        folder = self.write(b"x")
        for text in ("{", "[]", "{}", '{"shards": {}}'):
            (folder / "dataset.json").write_text(text)
            self.assertRegex(self.refusal(f"tfrecord:{folder}"), "dataset.json' must describe .*write_tfrecords")
        (folder / "dataset.json").unlink()
        self.assertRegex(self.refusal(f"tfrecord:{folder}"), "dataset.json' must describe .*write_tfrecords")

    def test_paths_with_brackets(self):
        png = tf.io.encode_png(np.full((1, 1, 3), 255, np.uint8)).numpy()
        folder = self.write(self.example(png), self.example(png)).rename(self.path("lr[1e-3]*"))
        for place in (folder, f"{folder}/*", f"{folder}/[ab].tfrecord"):
            self.assertEqual(data.load(f"tfrecord:{place}", batch_size=1)[1].num_examples, 2)

    def test_files_that_change_later_are_named(self):
        png = tf.io.encode_png(np.full((1, 1, 3), 255, np.uint8)).numpy()
        for change, reason in (
            (lambda whole: None, "No such file or directory"),
            (lambda whole: whole[:-30], "it has been written to since the data were opened"),
            (lambda whole: whole[30:] + whole[:30], "it has been written to since the data were opened"),
        ):
            file = self.write(self.example(png), self.example(png)) / "a.tfrecord"
            source = data.open_source(f"tfrecord:{file.parent}", memory_limit=0)
            changed = change(file.read_bytes())
            file.unlink()
            if changed:
                file.write_bytes(changed)
            message = rf"\A{file}: no image can be read from the record at byte \d+: {reason}\Z"
            with self.assertRaisesRegex(sources.ReadError, message):
                source.read(1)
            shutil.rmtree(file.parent)

    def test_of_many_records_the_lengths_alone_are_read_at_first(self):
        png = tf.io.encode_png(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)).numpy()
        file = self.write(*[self.example(png)] * 30) / "a.tfrecord"
        whole = data.open_source(f"tfrecord:{file.parent}", memory_limit=0, image_size=(8, 8))
        with (
            mock.patch.object(sources, "LARGE", 29),
            mock.patch.object(sources, "CHECKED", 4),
            mock.patch.object(decoding, "decode", wraps=decoding.decode) as decode,
            mock.patch.object(tfrecords, "_spans", side_effect=AssertionError("all was read")),
        ):
            source = data.open_source(f"tfrecord:{file.parent}", memory_limit=0, image_size=(8, 8))
            self.assertEqual(len(decode.mock_calls), 4)
            self.assertEqual(source.identity, whole.identity)
            self.assertAllEqual(source.read(17)[0], whole.read(17)[0])
            contents = file.read_bytes()
            for size, reason in ((-3, "truncated or corrupted"), (len(contents) // 2, "truncated|holds 15 records")):
                file.write_bytes(contents[:size])
                with self.assertRaisesRegex(ValueError, reason):
                    data.open_source(f"tfrecord:{file.parent}", memory_limit=0, image_size=(8, 8))

    def test_damaged_files(self):
        folder = self.write(b"first" * 9, b"second" * 9)
        file = folder / "a.tfrecord"
        whole = file.read_bytes()
        flipped = bytearray(whole)
        flipped[20] ^= 1
        for damaged in (whole[:-3], bytes(flipped)):
            file.write_bytes(damaged)
            self.assertRegex(self.refusal(f"tfrecord:{folder}"), "a.tfrecord is missing, truncated or corrupted")
        for length in (45 + 16, 45 + 16 + 9):  # TensorFlow takes a piece of a header for the end of the file
            file.write_bytes(whole[:length])
            self.assertRegex(self.refusal(f"tfrecord:{folder}"), "holds 1 records where at least 2 are expected")

    def test_records_that_hold_no_such_image(self):
        png = tf.io.encode_png(np.zeros((2, 2, 3), np.uint8)).numpy()
        for record in (b"\\xff\\xff", self.example(b"no image"), self.example(png, key="other")):
            folder = self.write(record)
            self.assertRegex(self.refusal(f"tfrecord:{folder}"), "a.tfrecord: no image can be read from .* at byte 12")
        folder = self.write(self.example(png))
        self.assertRegex(self.refusal(f"tfrecord:{folder}"), r"a.tfrecord: .* shape \(2, 2, 3\), not \(1, 1, 3\)")
