import itertools
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from keras_gan import data
from keras_gan.data import sources
from tests.test_case import TestCase


def pictures(n, height=6, width=6, channels=3):
    return np.random.default_rng(n).integers(0, 256, (n, height, width, channels), np.uint8)


def save(pixels, *path):
    """Saves pixels as the image file of that path, in folders made for it."""
    file = Path(*path)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file)


def pixels_of(batch):
    return np.rint((np.asarray(batch) + 1.0) * 127.5).astype(np.uint8)


def everything(source, **arguments):
    """All examples of a source in their natural order, and the spec."""
    dataset, spec = data.load(source, batch_size=3, shuffle=False, drop_remainder=False, **arguments)
    batches = list(dataset)
    if arguments.get("labels"):
        images, labels = zip(*batches, strict=True)
        return pixels_of(np.concatenate(images)), np.concatenate(labels).tolist(), spec
    return pixels_of(np.concatenate(batches)), spec


class FolderTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path("pictures"))

    @property
    def source(self):
        return f"folder:{self.folder}"

    def assert_refused(self, message, *arguments, **keywords):
        with self.assertRaisesRegex(ValueError, message):
            data.load(*arguments, batch_size=1, **keywords)

    def test_colour_images_from_file_to_batch(self):
        images = pictures(9, 64, 64)
        for i, image in enumerate(images):
            save(image, self.folder, f"{i}.png")
        found, spec = everything(self.source)
        self.assertAllEqual(found, images)
        self.assertEqual((spec.image_shape, spec.num_examples, spec.num_classes), ((64, 64, 3), 9, None))
        dataset, _ = data.load(self.source, batch_size=3, repeat=True, seed=4)
        shuffled = pixels_of(np.concatenate(list(itertools.islice(dataset, 3))))
        self.assertLen({image.tobytes() for image in shuffled} & {image.tobytes() for image in images}, 9)

    def test_subfolders_are_classes(self):
        images = pictures(5)
        for image, name in zip(
            images, ("cat/1.png", "cat/deep/er/2.png", "dog/1.png", "zebra/x.PNG", "zebra/y.png"), strict=True
        ):
            save(image, self.folder, name)
        (self.folder / "empty").mkdir()
        found, labels, spec = everything(self.source, labels=True)
        self.assertAllEqual(found, images)
        self.assertEqual(labels, [0, 0, 1, 3, 3])
        self.assertEqual((spec.num_classes, spec.class_names), (4, ["cat", "dog", "empty", "zebra"]))

    def test_images_outside_of_the_classes_leave_no_labels(self):
        save(pictures(1)[0], self.folder, "cat", "1.png")
        save(pictures(1)[0], self.folder, "loose.png")
        self.assertEqual(everything(self.source)[1].num_examples, 2)
        self.assert_refused("labels=True needs a source with labels", self.source, labels=True)

    def test_hidden_and_foreign_files_are_ignored(self):
        images = pictures(4)
        for image, name in zip(images, ("1.png", ".2.png", ".git/3.png", "4.tiff"), strict=True):
            save(image, self.folder, name)
        (self.folder / "notes.txt").write_text("x")
        self.assertAllEqual(everything(self.source)[0], images[:1])

    def test_links_are_followed(self):
        image = pictures(1)[0]
        elsewhere = self.path("elsewhere")
        save(image, elsewhere, "1.png")
        self.folder.mkdir()
        (self.folder / "cat").symlink_to(elsewhere)
        self.assertAllEqual(everything(self.source, labels=True)[0], image[None])

    def test_names_in_any_script(self):
        images = pictures(3)
        for image, name in zip(images, ("日本/猫 1.png", "été/ñ.png", "été/ø.png"), strict=True):
            save(image, self.folder, name)
        for memory_limit in (0, data.MEMORY_LIMIT):
            found, labels, spec = everything(self.source, labels=True, memory_limit=memory_limit)
            self.assertCountEqual([i.tobytes() for i in found], [i.tobytes() for i in images])
            self.assertEqual((labels, spec.class_names), ([0, 0, 1], ["été", "日本"]))

    def test_unreadable_files_are_skipped_and_named(self):
        images = pictures(4, 30, 30)
        for i, image in enumerate(images):
            save(image, self.folder, f"{i}.png")
        whole = (self.folder / "3.png").read_bytes()
        broken = {"1a.png": b"", "2a.jpg": b"no image", "3.png": whole[: len(whole) // 2], "4.gif": b"GIF89a"}
        for name, contents in broken.items():
            (self.folder / name).write_bytes(contents)
        (self.folder / "5.png").symlink_to(self.path("nowhere"))
        for memory_limit in (0, data.MEMORY_LIMIT):
            with self.assertWarnsRegex(UserWarning, r"5 of the 8 .*: 1a.png, 2a.jpg, 3.png, ...$") as caught:
                found, spec = everything(self.source, memory_limit=memory_limit)
            self.assertEqual(caught.filename, __file__)
            self.assertAllEqual(found, images[:3])
            self.assertEqual([Path(file).name for file in spec.skipped], [*sorted(broken), "5.png"])
            self.assertEqual(spec.num_examples, 3)

    def test_nothing_readable(self):
        self.folder.mkdir()
        (self.folder / "1.png").write_bytes(b"")
        self.assert_refused("None of the 1 image files", self.source)

    def test_missing_and_empty_folders(self):
        self.assert_refused("There is no folder", self.source)
        self.folder.mkdir()
        self.assert_refused("holds no image file", self.source)

    def test_mixed_shapes_are_named_with_their_cure(self):
        for i, image in enumerate((*pictures(2, 8, 8), *pictures(1, 6, 9))):
            save(image, self.folder, f"{i}.png")
        seen = r"8x8x3 \(2 files\), 6x9x3 \(1 files\)"
        self.assert_refused(rf"{seen}. Pass image_size=\(height, width\)\.$", self.source)
        self.assertEqual(everything(self.source, image_size=(4, 4))[1].image_shape, (4, 4, 3))
        save(pictures(1, 8, 8, 1)[0], self.folder, "gray.png")
        self.assert_refused("Pass image_size=.* and channels", self.source)
        self.assert_refused("Pass channels, such as channels=3", self.source, image_size=(4, 4))
        found, spec = everything(self.source, image_size=(4, 4), channels=1)
        self.assertEqual((found.shape, spec.image_shape), ((4, 4, 4, 1), (4, 4, 1)))

    def test_splits(self):
        train, test = pictures(2), pictures(1)
        for i, image in enumerate(train):
            save(image, self.folder, "train", "cat", f"{i}.png")
        save(test[0], self.folder, "test", "cat", "0.png")
        self.assertAllEqual(everything(self.source, split="train", labels=True)[0], train)
        found, _, spec = everything(self.source, split="test", labels=True)
        self.assertAllEqual(found, test)
        self.assertEqual(spec.class_names, ["cat"])
        self.assert_refused("Received: split='validation'", self.source, "validation")

    def test_a_class_may_be_called_train(self):
        for name in ("train", "car"):
            save(pictures(1)[0], self.folder, name, "1.png")
        self.assertEqual(everything(self.source, labels=True)[2].class_names, ["car", "train"])

    def test_beyond_the_memory_limit_the_batches_are_the_same(self):
        for i, image in enumerate(pictures(10)):
            save(image, self.folder, "ab"[i % 2], f"{i}.png")
        source = sources.from_folder(self.folder, "train", None, None, memory_limit=10 * 6 * 6 * 3 - 1)
        self.assertIsNone(source.images)
        for arguments in ({}, {"repeat": True}, {"repeat": True, "start_batch": 7}, {"shuffle": False}):
            batches = [
                list(
                    itertools.islice(
                        data.load(self.source, batch_size=4, labels=True, memory_limit=m, **arguments)[0], 9
                    )
                )
                for m in (0, data.MEMORY_LIMIT)
            ]
            for (images, labels), (expected_images, expected_labels) in zip(*batches, strict=True):
                self.assertAllEqual(images, expected_images)
                self.assertAllEqual(labels, expected_labels)

    def test_a_file_that_vanishes_later_is_named(self):
        for i, image in enumerate(pictures(3)):
            save(image, self.folder, f"{i}.png")
        dataset, _ = data.load(self.source, batch_size=3, memory_limit=0)
        (self.folder / "1.png").unlink()
        with self.assertRaisesRegex(Exception, r"1\.png"):
            list(dataset)

    def test_fingerprints_follow_the_files(self):
        images = pictures(3)
        for i, image in enumerate(images):
            save(image, self.folder, f"{i}.png")
        one, in_memory = (everything(self.source, memory_limit=m)[1].fingerprint for m in (0, data.MEMORY_LIMIT))
        self.assertEqual(one, in_memory)
        save(images[0] // 2, self.folder, "1.png")
        self.assertNotEqual(everything(self.source)[1].fingerprint, one)


class InOrderTest(TestCase):
    def test_results_come_in_order_and_errors_in_their_place(self):
        def function(index):
            time.sleep(0.001 * (index % 3))
            if index == 5:
                raise ValueError("five")
            return index

        results = list(sources.in_order(function, 20, block=2))
        self.assertEqual(str(results.pop(5)), "five")
        self.assertEqual(results, [*range(5), *range(6, 20)])

    def test_little_is_computed_ahead(self):
        called = []
        results = sources.in_order(lambda index: called.append(index), 10_000, block=2)
        next(results)
        self.assertLessEqual(len(called), 2 * (2 * sources.THREADS + 1))
        results.close()

    def test_other_errors_are_raised(self):
        with self.assertRaises(ZeroDivisionError):
            list(sources.in_order(lambda index: 1 // index, 3))


class QuietTest(TestCase):
    def test_a_clean_folder_warns_of_nothing(self):
        folder = self.path("pictures")
        save(pictures(1)[0], folder, "1.png")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data.load(f"folder:{folder}", batch_size=1)
