from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

import keras_gan
from keras_gan.files import pictures
from tests.test_case import TestCase


def draw(path, value, size=(6, 8), mode="RGB"):
    """Writes a picture (height, width) of one colour with a white first column."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((*size, 3), value, np.uint8)
    image[:, 0] = 255
    Image.fromarray(image).convert(mode).save(path)


class PairsTest(TestCase):
    def make(self, names=("a", "b", "c"), **options):
        """Two folders with files of the same names, whose colours are 10, 20, ... and 110, 120, ..."""
        root = Path(self.path("data"))
        for i, name in enumerate(names, start=1):
            draw(root / "left" / f"{name}.png", 10 * i)
            draw(root / "right" / f"{name}.bmp", 100 + 10 * i, **options)
        return root

    def values(self, batch):
        """The colour of each image, as a byte."""
        return pictures.to_uint8(batch[:, 3, 4, 0].numpy()).tolist()

    def test_files_of_one_name_are_pairs(self):
        root = self.make()
        dataset, spec = keras_gan.data.load(f"pairs:{root}/left,{root}/right", batch_size=2, repeat=True)
        self.assertEqual((spec.source_shape, spec.image_shape, spec.num_examples), ((6, 8, 3), (6, 8, 3), 3))
        for sources, targets in dataset.take(5):
            self.assertEqual([value + 100 for value in self.values(sources)], self.values(targets))
        backward, other = keras_gan.data.load(
            f"pairs:{root}/left,{root}/right", batch_size=2, repeat=True, direction="BtoA"
        )
        sources, targets = next(iter(backward))
        self.assertEqual([value - 100 for value in self.values(sources)], self.values(targets))
        self.assertNotEqual(spec.fingerprint, other.fingerprint)

    def test_crop_and_flip_are_those_of_both_and_are_gone_on_with(self):
        root = self.make()
        options = {"batch_size": 2, "repeat": True, "crop": "6x5", "flip": True, "seed": 3}
        name = f"pairs:{root}/left,{root}/right"
        straight = list(keras_gan.data.load(name, **options)[0].take(8))
        later = list(keras_gan.data.load(name, start_batch=5, **options)[0].take(3))
        for (a, b), (c, d) in zip(straight[5:], later, strict=True):
            self.assertAllEqual(a, c)
            self.assertAllEqual(b, d)
        white = tf.concat([tf.equal(a, 1.0) for a, _ in straight], 0)
        self.assertAllEqual(white, tf.concat([tf.equal(b, 1.0) for _, b in straight], 0))
        # The white column is inside or not, at either end.
        columns = {tuple(np.flatnonzero(image[0, :, 0])) for image in white.numpy()}
        self.assertEqual(columns, {(), (0,), (4,)})

    def test_read_as_they_are_needed(self):
        root = self.make()
        options = {"batch_size": 3, "shuffle": False}
        whole = next(iter(keras_gan.data.load(f"pairs:{root}/left,{root}/right", **options)[0]))
        single = next(iter(keras_gan.data.load(f"pairs:{root}/left,{root}/right", memory_limit=1, **options)[0]))
        self.assertAllEqual(whole[0], single[0])
        self.assertAllEqual(whole[1], single[1])

    def test_a_split_may_be_in_the_middle_of_the_path(self):
        root = Path(self.path("data"))
        for split, value in (("train", 10), ("test", 20)):
            for side in ("left", "right"):
                draw(root / split / side / "a.png", value)
        name = f"pairs:{root}/{{split}}/left,{root}/{{split}}/right"
        images = next(iter(keras_gan.data.load(name, "test", batch_size=1)[0]))[1]
        self.assertEqual(self.values(images), [20])
        with self.assertRaises(keras_gan.data.MissingSplitError):
            keras_gan.data.load(name, "validation", batch_size=1)

    def test_halves_of_one_file(self):
        root = Path(self.path("data"))
        root.mkdir()
        for i in range(3):
            image = np.concatenate([np.full((4, 5, 3), 10 * i), np.full((4, 5, 3), 100 + 10 * i)], axis=1)
            Image.fromarray(image.astype(np.uint8)).save(root / f"{i}.png")
        for direction, difference in (("AtoB", 100), ("BtoA", -100)):
            dataset, spec = keras_gan.data.load(f"side_by_side:{root}", batch_size=3, direction=direction)
            self.assertEqual((spec.source_shape, spec.image_shape), ((4, 5, 3), (4, 5, 3)))
            sources, targets = next(iter(dataset))
            self.assertEqual([value + difference for value in self.values(sources)], self.values(targets))

    def test_what_is_no_pair_is_refused(self):
        root = self.make()
        draw(root / "left" / "alone.png", 1)
        with self.assertRaisesRegex(ValueError, "1 in .*left have none in .*right: 'alone'"):
            keras_gan.data.load(f"pairs:{root}/left,{root}/right", batch_size=1)
        (root / "left" / "alone.png").unlink()
        draw(root / "left" / "b.jpg", 1)
        with self.assertRaisesRegex(ValueError, "left has several of 'b'"):
            keras_gan.data.load(f"pairs:{root}/left,{root}/right", batch_size=1)
        (root / "left" / "b.jpg").unlink()
        with self.assertRaisesRegex(ValueError, "is written pairs:A,B, with two folders"):
            keras_gan.data.load(f"pairs:{root}/left", batch_size=1)
        with self.assertRaisesRegex(ValueError, "`direction` must be one of .*Received: direction='BA'"):
            keras_gan.data.load(f"pairs:{root}/left,{root}/right", batch_size=1, direction="BA")
        with self.assertRaisesRegex(ValueError, "Pairs have their sources already. Received: condition='gray'"):
            keras_gan.data.load(f"pairs:{root}/left,{root}/right", batch_size=1, condition="gray")

    def test_sizes_within_a_pair(self):
        root = self.make(size=(6, 6))
        # Resizing would hide that the pictures do not match.
        for options in ({}, {"image_size": (4, 4)}):
            with self.assertRaisesRegex(ValueError, "one size. Received: 'a' of 6x8 and 6x6 pixels"):
                keras_gan.data.load(f"pairs:{root}/left,{root}/right", batch_size=1, **options)

    def test_a_grey_picture_among_colour_ones(self):
        root = self.make()
        draw(root / "right" / "b.bmp", 120, mode="L")
        with self.assertRaisesRegex(ValueError, "right' differ in shape: .*Pass channels, such as channels=3"):
            keras_gan.data.load(f"pairs:{root}/left,{root}/right", batch_size=1)
        _, spec = keras_gan.data.load(f"pairs:{root}/left,{root}/right", batch_size=1, channels=3)
        self.assertEqual(spec.source_shape, (6, 8, 3))


class ConditionTest(TestCase):
    def test_sources_are_made_of_images(self):
        images = np.random.default_rng(0).integers(0, 256, (5, 6, 6, 3), np.uint8)
        dataset, spec = keras_gan.data.load(images, batch_size=5, condition="gray", shuffle=False)
        sources, targets = next(iter(dataset))
        self.assertEqual((spec.source_shape, spec.image_shape), ((6, 6, 1), (6, 6, 3)))
        self.assertAllEqual(pictures.to_uint8(targets), images)
        self.assertAllClose(sources[..., 0], targets.numpy() @ np.float32([0.299, 0.587, 0.114]), atol=1e-6)
        with self.assertRaisesRegex(ValueError, "sources and images, or images and labels"):
            keras_gan.data.load((images, np.arange(5)), batch_size=5, condition="gray", labels=True)

    def test_they_are_those_of_the_window(self):
        images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
        options = {"batch_size": 5, "condition": "mask", "crop": (6, 6), "flip": True, "repeat": True}
        dataset, spec = keras_gan.data.load(images, **options)
        batches = list(dataset.take(4))
        self.assertEqual(spec.image_shape, (6, 6, 3))
        [later] = keras_gan.data.load(images, start_batch=3, **options)[0].take(1)
        self.assertAllEqual(later[0], batches[3][0])
        kept = batches[3][0] != 0.0
        self.assertAllEqual(batches[3][0][kept], batches[3][1][kept])


class DomainsTest(TestCase):
    def test_classes_of_one_source(self):
        dataset, spec = keras_gan.data.load("domains:mnist5k#3,mnist5k#5", batch_size=9, repeat=True, seed=1)
        self.assertEqual((spec.source_shape, spec.image_shape, spec.num_examples), ((28, 28, 1), (28, 28, 1), 450))
        digits, labels = next(iter(keras_gan.data.load("mnist5k", batch_size=4500, labels=True)[0]))
        label_of = {image.tobytes(): int(label) for image, label in zip(digits.numpy(), labels, strict=True)}
        batches = list(dataset.take(4))
        self.assertEqual({label_of[image.numpy().tobytes()] for a, _ in batches for image in a}, {3})
        self.assertEqual({label_of[image.numpy().tobytes()] for _, b in batches for image in b}, {5})
        [later] = keras_gan.data.load("domains:mnist5k#3,mnist5k#5", batch_size=9, repeat=True, seed=1, start_batch=3)[
            0
        ].take(1)
        self.assertAllEqual(later[0], batches[3][0])
        self.assertAllEqual(later[1], batches[3][1])

    def test_the_orders_are_independent(self):
        dataset, _ = keras_gan.data.load("domains:mnist5k#3,mnist5k#3", batch_size=450)
        a, b = next(iter(dataset))
        self.assertNotAllEqual(a, b)

    def test_mistakes(self):
        for name, message in (
            ("domains:mnist5k#3,mnist5k#ten", "has no class 'ten': its classes are '0', '1'"),
            ("mnist5k#10", "has no class '10'"),
            ("domains:mnist5k#3", "is written domains:A,B, with two sources"),
            (f"domains:mnist5k#3,folder:{self.path('none')}", "There is no folder"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                keras_gan.data.load(name, batch_size=4)
        with self.assertRaisesRegex(ValueError, "Domains have images alone"):
            keras_gan.data.load("domains:mnist5k#3,mnist5k#5", batch_size=4, labels=True)
        with self.assertRaisesRegex(ValueError, "50 examples of .* make no batch of 51"):
            keras_gan.data.load("domains:mnist5k#3,mnist5k#5", "test", batch_size=51)

    def test_an_empty_domain(self):
        root = Path(self.path("data"))
        draw(root / "a" / "1.png", 10)
        (root / "b").mkdir()
        with self.assertRaisesRegex(ValueError, "b' holds no image file"):
            keras_gan.data.load(f"domains:folder:{root}/a,folder:{root}/b", batch_size=1)
