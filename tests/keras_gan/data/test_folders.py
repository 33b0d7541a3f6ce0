import itertools
import os
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gan import data
from keras_gan.data import decoding, folders, sources
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


class FolderTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path("pictures"))

    @property
    def source(self):
        return f"folder:{self.folder}"

    def assert_refused(self, message, *arguments, **keywords):
        with self.assertRaisesRegex(ValueError, message):
            data.load(*arguments, batch_size=1, **keywords)


class FolderTest(FolderTestCase):
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
        found, labels, spec = everything(self.source, labels=True)
        self.assertAllEqual(found, images)
        self.assertEqual(labels, [0, 0, 1, 2, 2])
        self.assertEqual((spec.num_classes, spec.class_names), (3, ["cat", "dog", "zebra"]))
        unlabelled = everything(self.source)[1]
        self.assertEqual((unlabelled.num_classes, unlabelled.class_names), (3, ["cat", "dog", "zebra"]))

    def test_images_outside_of_the_classes_leave_no_labels(self):
        save(pictures(1)[0], self.folder, "cat", "1.png")
        save(pictures(1)[0], self.folder, "loose.png")
        self.assertEqual(everything(self.source)[1].num_examples, 2)
        self.assert_refused("labels=True needs .* loose.png lies in none of the subfolders", self.source, labels=True)

    def test_hidden_and_foreign_files_are_ignored(self):
        images = pictures(5)
        for image, name in zip(
            images, ("1.png", ".2.png", ".git/3.png", "__MACOSX/4.png", "@eaDir/5.png"), strict=True
        ):
            save(image, self.folder, name)
        (self.folder / "notes.txt").write_text("x")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertAllEqual(everything(self.source)[0], images[:1])

    def test_images_are_read_whatever_they_are_called(self):
        images = pictures(7)
        names = ("1.bmp", "2.gif", "3.jfif", "4.tif", "5.tga", "6.ppm", "7.webp")
        for image, name in zip(images, names, strict=True):
            save(image, self.folder, name)
        for name in ("8", "9.png_large"):
            save(images[0], self.folder, "x.png")
            (self.folder / "x.png").rename(self.folder / name)
        found, spec = everything(self.source, channels=3)
        self.assertEqual((spec.num_examples, spec.skipped), (9, {}))
        lossless = [0, 3, 4, 5]
        self.assertAllEqual(found[lossless], images[lossless])
        self.assertAllEqual(found[7:], images[[0, 0]])

    def test_what_is_no_image_is_said_with_its_reason(self):
        save(pictures(1)[0], self.folder, "cat", "1.png")
        (self.folder / "cat" / "2.npy").write_bytes(b"\x93NUMPY")
        (self.folder / "empty" / "deep").mkdir(parents=True)
        os.mkfifo(self.folder / "cat" / "3.png")
        (self.folder / "cat" / "4.png").symlink_to("4.png")
        with self.assertWarnsRegex(
            UserWarning, r"4 of 5 files .* are skipped: cat/2.npy \(it is in no .*\), .* and 1 more"
        ):
            spec = everything(self.source)[1]
        self.assertEqual(
            {str(Path(name).relative_to(self.folder)): reason for name, reason in spec.skipped.items()},
            {
                "cat/2.npy": "it is in no image format that is known",
                "cat/3.png": "neither a file nor a folder",
                "cat/4.png": "Too many levels of symbolic links",
                "empty": "a folder without images",
            },
        )
        self.assertEqual(spec.class_names, ["cat"])

    def test_classes_without_readable_images(self):
        save(pictures(1)[0], self.folder, "cat", "1.png")
        (self.folder / "dog").mkdir()
        (self.folder / "dog" / "2.png").write_bytes(b"")
        with self.assertWarnsRegex(
            UserWarning, r"1 of 2 classes have no examples in 'folder:.*', split 'train': 'dog'\."
        ):
            self.assertEqual(everything(self.source, labels=True)[2].class_names, ["cat", "dog"])

    def test_links_are_followed(self):
        image = pictures(1)[0]
        elsewhere = self.path("elsewhere")
        save(image, elsewhere, "1.png")
        self.folder.mkdir()
        (self.folder / "cat").symlink_to(elsewhere)
        self.assertAllEqual(everything(self.source, labels=True)[0], image[None])

    def test_links_do_not_multiply_the_data(self):
        images = pictures(2)
        for image, name in zip(images, ("a", "b"), strict=True):
            save(image, self.folder, name, "1.png")
        for place, target in (("a/up", ".."), ("b/top", "/"), ("c", "a"), ("b/self", ".")):
            (self.folder / place).symlink_to(target)
        with self.assertWarnsRegex(UserWarning, r"4 of 6 files .* \(a link to a folder that is read anyway\)"):
            found, spec = everything(self.source)
        self.assertAllEqual(found, images)
        self.assertEqual(spec.class_names, ["a", "b"])

    def test_links_between_folders_elsewhere_end(self):
        elsewhere = Path(self.path("elsewhere"))
        for name, other in (("x", "y"), ("y", "x")):
            save(pictures(1)[0], elsewhere, name, "1.png")
            (elsewhere / name / "other").symlink_to(elsewhere / other)
        self.folder.mkdir()
        (self.folder / "cat").symlink_to(elsewhere / "x")
        with self.assertWarnsRegex(UserWarning, "cat/other/other"):
            self.assertEqual(everything(self.source)[1].num_examples, 2)

    def test_links_into_what_is_hidden_are_followed(self):
        save(pictures(1)[0], self.folder, ".store", "1.png")
        (self.folder / "cat").symlink_to(".store")
        self.assertEqual(everything(self.source)[1].class_names, ["cat"])

    def test_names_that_are_no_text(self):
        name = os.fsdecode(b"caf\xe9")
        save(pictures(1)[0], self.folder, name, f"{name}.png")
        (self.folder / name / f"{name}.jpg").write_bytes(b"")
        with self.assertWarnsRegex(UserWarning, r"caf\\udce9/caf\\udce9.jpg"):
            spec = everything(self.source)[1]
        self.assertEqual(spec.class_names, ["caf\\udce9"])
        str(spec).encode()

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
            message = r"5 of 8 .*: 1a.png \(the image .* known\), 2a.jpg \(.*\), 3.png \(.* truncated\) and 2 more\.$"
            with self.assertWarnsRegex(UserWarning, message) as caught:
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
        self.assert_refused(
            rf"{seen}. Pass image_size=\(height, width\); as flags: for example --image_size=64x64\.$", self.source
        )
        self.assertEqual(everything(self.source, image_size=(4, 4))[1].image_shape, (4, 4, 3))
        save(pictures(1, 8, 8, 1)[0], self.folder, "gray.png")
        self.assert_refused(
            "Pass image_size=.* and channels.*; as flags: for example --image_size=64x64 --channels=3", self.source
        )
        self.assert_refused("Pass channels, such as channels=3", self.source, image_size=(4, 4))
        found, spec = everything(self.source, image_size=(4, 4), channels=1)
        self.assertEqual((found.shape, spec.image_shape), ((4, 4, 4, 1), (4, 4, 1)))

    def test_beyond_the_memory_limit_the_batches_are_the_same(self):
        for i, image in enumerate(pictures(10)):
            save(image, self.folder, "ab"[i % 2], f"{i}.png")
        source = folders.from_folder(self.folder, sources.Request(memory_limit=10 * 6 * 6 * 3 - 1))
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

    def test_files_that_change_later_are_named(self):
        """In one line, which begins with the file."""
        images, other = pictures(4), "it has been written to since the data were opened"
        for change, reason in (
            (Path.unlink, "No such file or directory"),
            (lambda file: save(images[3], file), other),
            (lambda file: save(pictures(1, 2, 2)[0], file), other),
            (lambda file: file.write_bytes(file.read_bytes()[:-9]), other),
        ):
            for i in range(3):
                save(images[i], self.folder, f"{i}.png")
            source = data.open_source(self.source, memory_limit=0)
            dataset, _ = data.load(source, batch_size=3)
            change(self.folder / "1.png")
            with self.assertRaises(sources.ReadError) as caught:
                source.read(1)
            self.assertEqual(str(caught.exception), f"{self.folder}/1.png: {reason}")
            with self.assertRaisesRegex(tf.errors.InvalidArgumentError, f"ReadError: .*/1.png: {reason}\n"):
                list(dataset)

    def test_fingerprints_follow_the_files(self):
        images = pictures(3)
        for i, image in enumerate(images):
            save(image, self.folder, f"{i}.png")
        one, in_memory = (everything(self.source, memory_limit=m)[1].fingerprint for m in (0, data.MEMORY_LIMIT))
        self.assertEqual(one, in_memory)
        save(images[0] // 2, self.folder, "1.png")
        self.assertNotEqual(everything(self.source)[1].fingerprint, one)


class LargeTest(FolderTestCase):
    """Folders of many files, as 20 are here: some are read at first, the others when they are needed."""

    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(sources, "LARGE", 19))
        self.enterContext(mock.patch.object(sources, "CHECKED", 5))
        self.images = pictures(20)
        for i, image in enumerate(self.images):
            save(image, self.folder, "ab"[i % 2], f"{i:02}.png")
        # In the order of paths.
        self.images = self.images[[*range(0, 20, 2), *range(1, 20, 2)]]

    def test_some_are_read_at_first_and_each_once_where_all_fit(self):
        for memory_limit, reads in ((data.MEMORY_LIMIT, 20), (0, 40)):
            with mock.patch.object(decoding, "to_pixels", wraps=decoding.to_pixels) as decoded:
                source = data.open_source(self.source, memory_limit=memory_limit)
                self.assertLen(decoded.mock_calls, 5)
                decoded.reset_mock()
                for _ in range(2):
                    images, labels, spec = everything(source, labels=True)
                    self.assertAllEqual(images, self.images)
                    self.assertEqual(labels, [0] * 10 + [1] * 10)
                self.assertLen(decoded.mock_calls, reads)
            self.assertEqual((spec.num_examples, spec.class_names), (20, ["a", "b"]))

    def test_all_are_read_where_that_is_asked_for(self):
        source = data.open_source(self.source, check_all=True)
        self.assertAllEqual(source.images, self.images)
        few, all_read = (data.load(self.source, batch_size=1, check_all=each)[1].fingerprint for each in (False, True))
        with mock.patch.object(sources, "LARGE", 20):
            self.assertEqual(data.load(self.source, batch_size=1)[1].fingerprint, all_read)
        self.assertNotEqual(few, all_read)

    def test_the_fingerprint_is_of_names_and_of_what_was_read(self):
        fingerprint = lambda: data.load(self.source, batch_size=1)[1].fingerprint  # noqa: E731
        before = fingerprint()
        self.assertEqual(fingerprint(), before)
        names = data.open_source(self.source).names
        save(self.images[0] // 2, self.folder, names[sources.some_of(20)[0]])
        self.assertNotEqual(fingerprint(), before)
        before = fingerprint()
        (self.folder / names[-1]).rename(self.folder / "b" / "99.png")
        self.assertNotEqual(fingerprint(), before)

    def test_a_broken_one_among_the_first_is_skipped_and_a_later_one_is_an_error(self):
        names, looked_at = data.open_source(self.source).names, sources.some_of(20)
        (self.folder / names[looked_at[0]]).write_bytes(b"broken")
        with self.assertWarnsRegex(UserWarning, "1 of 20 files .* Not all were read: python -m keras_gan.data.check"):
            source = data.open_source(self.source)
        self.assertEqual((source.num_examples, len(source.skipped)), (19, 1))
        later = next(name for i, name in enumerate(names) if i not in looked_at)
        for change, reason in (
            (lambda file: save(pictures(1, 3, 4)[0], file), r"it has the shape \(3, 4, 3\), not \(6, 6, 3\)"),
            (lambda file: file.write_bytes(b"broken"), "the image cannot be decoded: .*"),
        ):
            change(self.folder / later)
            with self.assertWarns(UserWarning):
                dataset, _ = data.load(self.source, batch_size=19)
            with self.assertRaisesRegex(
                tf.errors.InvalidArgumentError,
                f"ReadError: .*/{later}: {reason}; this names all such files: python -m keras_gan.data.check folder:",
            ):
                list(dataset)

    def test_pairs_are_read_in_full(self):
        for place in "ab":
            for file in (self.folder / place).iterdir():
                file.rename(file.with_name(f"{int(file.stem) // 2}.png"))
        with mock.patch.object(sources, "LARGE", 9):
            source = data.open_source(f"pairs:{self.folder}/a,{self.folder}/b")
        self.assertEqual((source.num_examples, source.images.shape), (10, (10, 6, 6, 6)))


class DepthTest(FolderTestCase):
    def save16(self, name, *values):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.array([values], np.uint16)).save(file)

    def values(self, split="train", **arguments):
        return everything(self.source, split=split, **arguments)[0][:, 0, :, 0].tolist()

    def test_bits(self):
        for bits in (8, 10, 12, 14):
            white = 2**bits - 1
            self.save16("1.png", 0, white, white // 2 + 1)
            for memory_limit in (0, data.MEMORY_LIMIT):
                with self.assertWarnsRegex(UserWarning, f"up to {white}, .* taken for {bits}-bit .* {white} is white"):
                    self.assertEqual(self.values(memory_limit=memory_limit), [[0, 255, 128]])
        self.save16("1.png", 0, 0xFFFF, 0x4000)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual(self.values(), [[0, 255, 64]])

    def test_all_images_count(self):
        self.save16("1.png", 0, 100)
        self.save16("2.tif", 0x800, 0xFFF)
        with self.assertWarnsRegex(UserWarning, "12-bit"):
            self.assertEqual(self.values(), [[0, 6], [128, 255]])

    def test_other_splits_have_the_depth_of_the_training_split(self):
        self.save16("train/1.png", 0, 0xFFF)
        self.save16("test/1.png", 0x200, 0x1000)
        with self.assertWarnsRegex(UserWarning, "12-bit"):
            self.assertEqual(self.values("test"), [[32, 255]])  # more than white is white

    def test_it_is_part_of_the_identity(self):
        self.save16("1.png", 0, 0xFFF)
        with self.assertWarnsRegex(UserWarning, "12-bit"):
            self.assertIn("12 bits", data.open_source(self.source).identity)

    def test_images_that_come_out_black(self):
        save(np.array([[[0, 1, 0], [1, 0, 1]]], np.uint8), self.folder, "1.png")
        with self.assertWarnsRegex(UserWarning, "come out almost black: no value is above 1, and white is 255"):
            data.load(self.source, batch_size=1)
        save(np.array([[[0, 0, 15, 255], [1, 0, 1, 255]]], np.uint8), self.folder, "1.png")  # opaque
        with self.assertWarnsRegex(UserWarning, "no value is above 15"):
            data.load(self.source, batch_size=1)


class QuietTest(TestCase):
    def test_a_clean_folder_warns_of_nothing(self):
        folder = self.path("pictures")
        save(pictures(1)[0], folder, "1.png")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data.load(f"folder:{folder}", batch_size=1)
