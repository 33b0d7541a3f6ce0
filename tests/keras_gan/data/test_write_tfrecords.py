import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from keras_gan import data
from keras_gan.data import decoding, write_tfrecords
from tests.test_case import TestCase


class WriteTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder, self.out = Path(self.path("pictures")), Path(self.path("records", "out"))
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (11, 8, 10, 3), np.uint8)
        for i, image in enumerate(self.images):
            file = self.folder / f"класс {i % 2}" / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file)

    def write(self, *arguments):
        """Runs the command; returns what it printed."""
        return self.run_main(write_tfrecords.main, *arguments)

    def load(self, place=None, **arguments):
        dataset, spec = data.load(
            f"tfrecord:{place or self.out}", batch_size=4, labels=True, drop_remainder=False, **arguments
        )
        images, labels = (np.concatenate(part) for part in zip(*dataset, strict=True))
        return np.rint((images + 1) * 127.5).astype(np.uint8), labels, spec

    def number(self, image):
        return int(np.flatnonzero((self.images == image).all((1, 2, 3)))[0])

    def test_what_is_written_comes_back(self):
        self.assertEqual(self.write(self.folder, self.out, "--shards=3"), f"Wrote 11 images of 8x10x3 to {self.out}\n")
        shards = [self.out / f"images-0000{i}-of-00003.tfrecord" for i in range(3)]
        self.assertCountEqual(self.out.iterdir(), [self.out / "dataset.json", *shards])
        self.assertEqual([*self.out.parent.iterdir()], [self.out])
        for memory_limit in (0, data.MEMORY_LIMIT):
            images, labels, spec = self.load(memory_limit=memory_limit)
            found = [self.number(image) for image in images]
            self.assertCountEqual(found, range(11))
            self.assertEqual([number % 2 for number in found], labels.tolist())
            self.assertEqual((spec.image_shape, spec.class_names), ((8, 10, 3), ["класс 0", "класс 1"]))

    def test_shards_are_samples_that_can_be_held_out(self):
        write_tfrecords.write(self.folder, self.out, shards=3)
        parts = [self.load(f"{self.out}/images-{part}-of-00003.tfrecord")[0] for part in ("0000[01]", "00002")]
        self.assertEqual([len(part) for part in parts], [7, 4])
        found = [self.number(image) for part in parts for image in part]
        self.assertCountEqual(found, range(11))
        self.assertNotEqual([number % 2 for number in found], sorted(number % 2 for number in found))
        self.assertLen(self.load(f"{self.out}/*")[0], 11)

    def test_conversion_agrees_with_the_folder(self):
        write_tfrecords.write(self.folder, self.out, image_size="4x4", channels=1)
        images, _, spec = self.load()
        expected = [decoding.fit(image, (4, 4), 1).tobytes() for image in self.images]
        self.assertCountEqual([image.tobytes() for image in images], expected)
        self.assertEqual(spec.image_shape, (4, 4, 1))
        self.assertEqual(self.load(image_size="2x3", channels=4)[2].image_shape, (2, 3, 4))

    def test_files_are_stored_as_they_are_unless_converted(self):
        size = sum(file.stat().st_size for file in self.folder.rglob("*.png"))
        write_tfrecords.write(self.folder, self.out)
        contents = (self.out / "images-00000-of-00001.tfrecord").read_bytes()
        self.assertGreater(len(contents), size)
        for file in self.folder.rglob("*.png"):
            self.assertIn(file.read_bytes(), contents)

    def test_writing_is_reproducible(self):
        for out in (self.out, Path(self.path("again"))):
            write_tfrecords.write(self.folder, out, shards=2)
            files = {file.name: file.read_bytes() for file in out.iterdir()}
        self.assertEqual(files, {file.name: file.read_bytes() for file in self.out.iterdir()})

    def test_fingerprints_follow_the_records(self):
        fingerprints = set()
        for i, size in enumerate(("4x4", "4x4", "4x5")):
            write_tfrecords.write(self.folder, self.out / str(i), image_size=size)
            for memory_limit in (0, data.MEMORY_LIMIT):
                fingerprints.add(self.load(self.out / str(i), memory_limit=memory_limit)[2].fingerprint)
        self.assertLen(fingerprints, 2)

    def test_unreadable_files_are_left_out_and_named(self):
        (self.folder / "класс 1" / "0.png").write_bytes(b"no image")
        printed = self.write(self.folder, self.out)
        self.assertIn("skipped класс 1/0.png: the image cannot be decoded: it is in no format that is known", printed)
        self.assertIn("Wrote 11 images", printed)
        self.assertLen(self.load()[0], 11)
        written = json.loads((self.out / "dataset.json").read_text("utf-8"))
        self.assertEqual((written["num_examples"], list(written["skipped"])), (11, ["класс 1/0.png"]))

    def test_names_that_are_no_text(self):
        name = os.fsdecode(b"caf\xe9")
        (self.folder / "класс 1").rename(self.folder / name)
        (self.folder / name / f"{name}.png").write_bytes(b"no image")
        printed = self.write(self.folder, self.out)
        self.assertIn("skipped caf\\udce9/caf\\udce9.png: ", printed)
        self.assertEqual(self.load()[2].class_names, ["caf\\udce9", "класс 0"])

    def test_sixteen_bits_become_eight(self):
        folder = Path(self.path("deep"))
        folder.mkdir()
        Image.fromarray(np.array([[0, 0x800, 0xFFF]], np.uint16)).save(folder / "1.png")
        with self.assertWarnsRegex(UserWarning, "12-bit"):
            write_tfrecords.write(folder, self.out)
        images = next(iter(data.load(f"tfrecord:{self.out}", batch_size=1)[0]))
        self.assertAllClose(images[0, 0, :, 0], np.array([0, 128, 255]) / 127.5 - 1.0)

    def test_a_folder_without_classes(self):
        write_tfrecords.write(self.folder / "класс 0", self.out)
        dataset, spec = data.load(f"tfrecord:{self.out}", batch_size=6)
        self.assertLen(list(dataset), 1)
        self.assertIsNone(spec.num_classes)
        with self.assertRaisesRegex(ValueError, "labels=True needs a source with labels"):
            data.load(f"tfrecord:{self.out}", labels=True)

    def test_splits(self):
        for split in ("train", "test"):
            write_tfrecords.write(self.folder, self.out / split)
        self.assertLen(self.load(split="test")[0], 11)
        self.assertLen(self.load(split="train")[0], 11)
        self.assertLen(self.load(split="Testing")[0], 11)
        with self.assertRaisesRegex(ValueError, "Received: split='val'"):
            self.load(split="val")

    def test_a_whole_beside_its_splits(self):
        write_tfrecords.write(self.folder, self.out)
        write_tfrecords.write(self.folder / "класс 0", self.out / "test")
        self.assertLen(self.load()[0], 11)
        self.assertEqual(data.open_source(f"tfrecord:{self.out}", "test").num_examples, 6)

    def test_classes_have_the_numbers_of_the_training_split(self):
        for name, *classes in (("train", 0, 1), ("test", 1), ("extra", 1, 9)):
            for number in classes:
                file = self.folder.parent / name / f"класс {number}" / "1.png"
                file.parent.mkdir(parents=True)
                Image.fromarray(self.images[number]).save(file)
            write_tfrecords.write(self.folder.parent / name, self.out / name)
        for memory_limit in (0, data.MEMORY_LIMIT):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "1 of 2 classes have no examples")
                images, labels, spec = self.load(split="test", memory_limit=memory_limit)
            self.assertEqual([self.number(image) for image in images], [1])
            self.assertEqual((labels.tolist(), spec.class_names), ([1], ["класс 0", "класс 1"]))
        with self.assertRaisesRegex(ValueError, "'класс 9' are no classes of the training split"):
            self.load(split="extra")
        self.assertEqual(data.open_source(f"tfrecord:{self.out}", "extra").num_examples, 2)

    def test_refusals_are_one_line_and_leave_nothing_behind(self):
        empty, mixed, broken, existing = (Path(self.path(name)) for name in ("a", "b", "c", "d"))
        divided = Path(self.path("divided"))
        for split in ("train", "test"):
            shutil.copytree(self.folder, divided / split)
        for folder in (empty, mixed, broken, existing):
            folder.mkdir()
        for i in (1, 2):
            Image.new("RGB", (4, 4 * i)).save(mixed / f"{i}.png")
        (broken / "1.png").write_bytes(b"")
        for message, *arguments in (
            ("There is no folder", self.path("nowhere"), self.out),
            ("holds no image file", empty, self.out),
            ("differ in shape: .*--image_size=HxW", mixed, self.out),
            ("None of the 1 image files", broken, self.out),
            ("exists already", self.folder, existing),
            ("look like splits, .*, such as '.*/divided/train'", divided, self.out),
            ("Received: shards=0", self.folder, self.out, "--shards=0"),
            ("Received: shards=12", self.folder, self.out, "--shards=12"),
            ("Received: image_size='8'", self.folder, self.out, "--image_size=8"),
            ("Received: channels=9", self.folder, self.out, "--channels=9"),
            ("1.png is a file, not a folder", self.folder, mixed / "1.png" / "out"),
            ("required: out", self.folder),
            ("unrecognized arguments: --size=8", self.folder, self.out, "--size=8"),
            ("invalid int value: 'two'", self.folder, self.out, "--shards=two"),
        ):
            self.assertRegex(self.refusal(write_tfrecords.main, *arguments), message)
        self.assertEqual([*self.out.parent.glob("*")], [])
