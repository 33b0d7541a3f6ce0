import itertools
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from keras_gan import data
from keras_gan.data import decoding, sources, write_tfrecords
from tests.test_case import TestCase


def numbered(n, size=2):
    """n constant images, image i of the value i."""
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, size, size, 1))


def numbers(batch):
    """The numbers of the images of `numbered` in a batch."""
    return np.rint((np.asarray(batch)[:, 0, 0, 0] + 1.0) * 127.5).astype(int).tolist()


def first(dataset, count):
    return [numbers(batch) for batch in itertools.islice(dataset, count)]


def flat(batches):
    return list(itertools.chain.from_iterable(batches))


class OrderTest(TestCase):
    def test_an_epoch_has_every_example_once_and_the_next_another_order(self):
        dataset, _ = data.load(numbered(20), batch_size=5)
        epochs = [flat(first(dataset, 10)) for _ in range(3)]
        for epoch in epochs:
            self.assertCountEqual(epoch, range(20))
        self.assertLen({tuple(epoch) for epoch in epochs}, 3)

    def test_the_order_depends_on_the_seed_alone(self):
        for seed in (0, 7, -1, 2**63, -(2**63), 10**30):
            a, b = (data.load(numbered(20), batch_size=5, seed=seed)[0] for _ in range(2))
            tf.random.set_seed(seed % 1000)
            self.assertEqual([first(a, 4), first(a, 4)], [first(b, 4), first(b, 4)])
        orders = [first(data.load(numbered(20), batch_size=5, seed=seed)[0], 4) for seed in range(5)]
        self.assertLen({str(order) for order in orders}, 5)

    def test_without_shuffling_the_order_is_the_natural_one(self):
        dataset, _ = data.load(numbered(6), batch_size=3, shuffle=False)
        self.assertEqual([first(dataset, 2), first(dataset, 2)], [[[0, 1, 2], [3, 4, 5]]] * 2)
        dataset, _ = data.load(numbered(6), batch_size=4, shuffle=False, repeat=True)
        self.assertEqual(first(dataset, 3), [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5]])

    def test_infinite_and_finite_datasets_see_the_same_epochs(self):
        finite, _ = data.load(numbered(10), batch_size=5, seed=3)
        infinite, _ = data.load(numbered(10), batch_size=5, seed=3, repeat=True)
        self.assertEqual(first(infinite, 6), first(finite, 9) + first(finite, 9) + first(finite, 9))

    def test_epochs_join_without_a_seam(self):
        stream = flat(first(data.load(numbered(10), batch_size=4, repeat=True)[0], 10))
        for epoch in range(4):
            self.assertCountEqual(stream[10 * epoch : 10 * epoch + 10], range(10))

    def test_a_run_starts_where_another_was(self):
        arguments = dict(batch_size=4, repeat=True, seed=5)
        whole = first(data.load(numbered(10), **arguments)[0], 40)
        for start in (0, 1, 2, 3, 5, 24, 25):
            resumed, _ = data.load(numbered(10), start_batch=start, **arguments)
            self.assertEqual(first(resumed, 15), whole[start : start + 15])
        # Far away, and at once: batch 4e12 begins an epoch.
        far, _ = data.load(numbered(10), start_batch=4 * 10**12, **arguments)
        self.assertCountEqual(flat(first(far, 5)), [*range(10)] * 2)

    def test_a_batch_may_be_larger_than_an_epoch(self):
        batch = first(data.load(numbered(3), batch_size=9, repeat=True)[0], 1)[0]
        self.assertCountEqual(batch, [0, 1, 2] * 3)

    def test_the_remainder(self):
        for drop, sizes in ((True, [4, 4]), (False, [4, 4, 2])):
            dataset, _ = data.load(numbered(10), batch_size=4, drop_remainder=drop)
            self.assertEqual([len(batch) for batch in dataset], sizes)
            self.assertEqual(int(dataset.cardinality()), len(sizes))
        dataset, _ = data.load(numbered(10), batch_size=4, repeat=True)
        self.assertEqual(int(dataset.cardinality()), tf.data.INFINITE_CARDINALITY)

    def test_it_fits(self):
        dataset, _ = data.load((numbered(20), np.arange(20) % 2), batch_size=5, labels=True)
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        history = model.fit(dataset, epochs=2, verbose=0, shuffle=False)
        self.assertLen(history.history["loss"], 2)
        self.assertEqual(int(model.optimizer.iterations), 8)


class PartTest(TestCase):
    """What each of W workers has: its rows of every batch, and nothing else is read."""

    def test_parts_are_the_batch(self):
        for options in ({}, {"repeat": True, "start_batch": 7}, {"shuffle": False}):
            whole = first(data.load(numbered(40), batch_size=8, **options)[0], 12)
            for workers in (1, 2, 4):
                parts = [
                    first(data.load(numbered(40), batch_size=8, part=(worker, workers), **options)[0], 12)
                    for worker in range(workers)
                ]
                self.assertEqual([flat(each) for each in zip(*parts, strict=True)], whole)

    def test_a_run_goes_on_with_another_number_of_workers(self):
        """At any step: the order knows nothing of workers, so that nothing is lost or repeated."""
        load = lambda start, worker, workers: first(  # noqa: E731
            data.load(
                numbered(20), batch_size=8, repeat=True, start_batch=start, part=(worker, workers)
            )[0], 3
        )  # fmt: skip
        before, after = ([load(start, w, parts) for w in range(parts)] for start, parts in ((0, 2), (3, 4)))
        seen = [flat(each) for parts in (before, after) for each in zip(*parts, strict=True)]
        self.assertEqual(seen, first(data.load(numbered(20), batch_size=8, repeat=True)[0], 6))
        # Two epochs of 20 in the first five batches.
        self.assertEqual(np.bincount(flat(seen[:5])).tolist(), [2] * 20)

    def test_random_windows_follow_the_place_in_the_order(self):
        images = np.random.default_rng(0).integers(0, 256, (16, 6, 6, 3), np.uint8)
        options = {"batch_size": 8, "crop": (3, 3), "flip": True, "condition": "noise"}
        whole = next(iter(data.load(images, **options)[0]))
        parts = [next(iter(data.load(images, part=(worker, 2), **options)[0])) for worker in range(2)]
        for expected, *halves in zip(whole, *parts, strict=True):
            self.assertAllEqual(np.concatenate(halves), expected)

    def test_two_domains(self):
        domains = data.images.pairs.Domains(*(data.open_source(numbered(n)) for n in (8, 12)))
        whole = next(iter(data.load(domains, batch_size=4)[0]))
        parts = [next(iter(data.load(domains, batch_size=4, part=(worker, 2))[0])) for worker in range(2)]
        for expected, *halves in zip(whole, *parts, strict=True):
            self.assertEqual(flat(map(numbers, halves)), numbers(expected))

    def test_work_falls_with_the_number_of_workers(self):
        """Of 32 files, and of as many records in one file, each of W workers reads and decodes 32 / W an epoch."""
        folder = Path(self.path("pictures"))
        folder.mkdir()
        for i, image in enumerate(numbered(32, size=4)):
            tf.io.write_file(str(folder / f"{i:02}.png"), tf.io.encode_png(image))
        write_tfrecords.write(folder, folder.parent / "records")
        total = sum(file.stat().st_size for file in folder.iterdir())
        for place in (f"folder:{folder}", f"tfrecord:{folder.parent / 'records'}"):
            source = data.open_source(place, memory_limit=0)
            for workers in (1, 2, 4):
                seen, sizes = [], []
                for worker in range(workers):
                    dataset, _ = data.load(source, batch_size=8, part=(worker, workers))
                    with mock.patch.object(decoding, "to_pixels", wraps=decoding.to_pixels) as decoded:
                        seen += flat(first(dataset, 99))
                    self.assertLen(decoded.mock_calls, 32 // workers)
                    sizes.append(sum(len(call.args[0]) for call in decoded.mock_calls))
                self.assertCountEqual(seen, range(32))
                self.assertEqual(sum(sizes), total)
                self.assertAllClose(sizes, [total / workers] * workers, rtol=0.1)

    def test_refusals(self):
        for part, options in (((2, 2), {}), ((-1, 2), {}), ((0, 3), {}), ((0, 2), {"drop_remainder": False})):
            with self.assertRaisesRegex(ValueError, "`part` must be .* Received: part="):
                data.load(numbered(20), batch_size=8, part=part, **options)


class ElementsTest(TestCase):
    def test_bytes_become_minus_one_to_one(self):
        pixels = np.array([0, 51, 204, 255], np.uint8).reshape(1, 2, 2, 1)
        dataset, spec = data.load(pixels, batch_size=1)
        self.assertAllClose(next(iter(dataset))[0, :, :, 0], [[-1.0, -0.6], [0.6, 1.0]], atol=1e-7)
        self.assertEqual(dataset.element_spec, tf.TensorSpec((1, 2, 2, 1), tf.float32))
        self.assertEqual((spec.image_shape, spec.num_examples), ((2, 2, 1), 1))

    def test_floats_pass_unchanged(self):
        images = np.random.default_rng(0).uniform(-1, 1, (4, 3, 5, 2))
        dataset, spec = data.load(images, batch_size=4, shuffle=False)
        self.assertAllEqual(next(iter(dataset)), images.astype(np.float32))
        vectors = images.reshape(4, 30) * 100
        dataset, spec = data.load(vectors, batch_size=4, shuffle=False)
        self.assertAllEqual(next(iter(dataset)), vectors.astype(np.float32))
        self.assertEqual(spec.image_shape, (30,))

    def test_pairs_stay_together(self):
        labels = np.arange(20) % 7
        for given in (labels, labels[:, None], labels.astype(np.uint8)):
            dataset, spec = data.load((numbered(20), given), batch_size=6, labels=True)
            self.assertEqual((spec.num_classes, spec.class_names), (7, None))
            for images, classes in dataset:
                self.assertDTypeEqual(classes, np.int32)
                self.assertEqual([number % 7 for number in numbers(images)], classes.numpy().tolist())

    def test_labels_are_left_out_unless_asked_for(self):
        dataset, spec = data.load((numbered(20), np.arange(20) % 3), batch_size=6)
        self.assertIsInstance(dataset.element_spec, tf.TensorSpec)
        self.assertEqual(spec.num_classes, 3)
        self.assertIsNone(data.load(numbered(20), batch_size=6)[1].num_classes)

    def test_three_axes_are_gray(self):
        _, spec = data.load(np.zeros((4, 5, 6), np.uint8), batch_size=2)
        self.assertEqual(spec.image_shape, (5, 6, 1))

    def test_conversion(self):
        dataset, spec = data.load(numbered(8, size=6), batch_size=8, image_size="3x2", channels=3)
        self.assertEqual(spec.image_shape, (3, 2, 3))
        self.assertCountEqual(numbers(next(iter(dataset))), range(8))

    def test_arrays_are_copied(self):
        images = numbered(4).copy()
        dataset, _ = data.load(images, batch_size=4, shuffle=False)
        images[:] = 0
        self.assertEqual(first(dataset, 1), [[0, 1, 2, 3]])

    def test_fingerprints_tell_data_sets_apart(self):
        images, labels = numbered(20), np.arange(20) % 2
        changed = images.copy()
        changed[7, 1, 1, 0] += 1
        fingerprints = [
            data.load(source, batch_size=2, **arguments)[1].fingerprint
            for source, arguments in (
                (images, {}),
                (images, {"channels": 3}),
                (images[::-1], {}),
                (changed, {}),
                ((images, labels), {}),
                ((images, 1 - labels), {}),
            )
        ]
        self.assertLen(set(fingerprints), 6)
        again = data.load(images.copy(), batch_size=5, seed=9, repeat=True)[1].fingerprint
        self.assertEqual(again, fingerprints[0])


class Mnist5kTest(TestCase):
    def test_the_splits(self):
        splits = {}
        for split, size in (("train", 4500), ("test", 500)):
            dataset, spec = data.load("mnist5k", split, size, labels=True, shuffle=False)
            self.assertEqual((spec.image_shape, spec.num_classes, spec.num_examples), ((28, 28, 1), 10, size))
            self.assertEqual(spec.class_names, list("0123456789"))
            images, labels = next(iter(dataset))
            self.assertAllEqual(np.bincount(labels), [size // 10] * 10)
            splits[split] = {image.tobytes() for image in images.numpy()}
        self.assertLen(splits["train"] | splits["test"], 5000)

    def test_they_look_like_their_labels(self):
        train, test = (
            next(iter(data.load("mnist5k", split, n, labels=True, shuffle=False)[0]))
            for split, n in (("train", 4500), ("test", 500))
        )
        means = np.stack([train[0].numpy()[train[1] == digit].mean(0) for digit in range(10)])
        distances = ((test[0].numpy()[:, None] - means) ** 2).sum((2, 3, 4))
        # A nearest-mean classifier is right on about four digits of MNIST in five.
        self.assertGreater((distances.argmin(1) == test[1].numpy()).mean(), 0.75)

    def test_conversion_and_errors(self):
        _, spec = data.load("mnist5k", "test", image_size=(32, 32), channels=3)
        self.assertEqual(spec.image_shape, (32, 32, 3))
        with self.assertRaisesRegex(ValueError, "Received: split='validation'"):
            data.load("mnist5k", "validation")
        with self.assertRaisesRegex(ValueError, "Received: num_classes=3"):
            data.load("mnist5k", num_classes=3)


class SourcesTest(TestCase):
    def test_a_source_is_one_entry(self):
        requests = []

        def squares(place, request):
            requests.append((place, request))
            return sources.from_arrays(np.full((int(place), 2, 2, 1), 7, np.uint8), sources.Request())

        with mock.patch.dict(data.SOURCES, {"squares:NUMBER": squares, "nine": lambda name, _: squares("9", name)}):
            _, spec = data.load("squares:3", "dev", batch_size=1, image_size="2x2", channels=1, memory_limit=5)
            self.assertEqual((spec.num_examples, spec.image_shape), (3, (2, 2, 1)))
            self.assertEqual(requests, [("3", sources.Request("dev", (2, 2), 1, memory_limit=5))])
            self.assertEqual(data.load("nine", batch_size=1)[1].num_examples, 9)
            self.assertEqual(requests[1], ("9", "nine"))
            with self.assertRaisesRegex(
                ValueError, "written squares:NUMBER, with its number. Received: source='squares:'"
            ):
                data.load("squares:")
            with self.assertRaisesRegex(ValueError, "A source is 'mnist5k', .*, 'squares:NUMBER', 'nine', arrays, or"):
                data.load("no such thing")

    def test_a_path_alone_is_answered_with_what_was_meant(self):
        folder = Path(self.path("digits"))
        folder.mkdir()
        (folder / "a.tfrecord").write_bytes(b"")
        for source, meant in (
            (str(folder), f"for this folder write 'folder:{folder}'"),
            (folder, f"for this folder write 'folder:{folder}'"),
            (f"{folder}/a.tfrecord", f"for this tfrecord write 'tfrecord:{folder}/a.tfrecord'"),
        ):
            with self.assertRaisesRegex(
                ValueError, rf"A source is 'mnist5k', .*; {meant}\. Received: source='{source}'"
            ):
                data.load(source)


class ErrorsTest(TestCase):
    def assert_refused(self, message, *arguments, **keywords):
        with self.assertRaisesRegex(ValueError, message):
            data.load(*arguments, **keywords)

    def test_arguments(self):
        self.assert_refused("Received: batch_size=0", numbered(4), batch_size=0)
        self.assert_refused("4 examples make no batch of 5", numbered(4), batch_size=5)
        self.assert_refused("needs repeat=True", numbered(4), batch_size=2, start_batch=1)
        self.assert_refused("Received: start_batch=-1", numbered(4), batch_size=2, start_batch=-1, repeat=True)
        self.assert_refused("Received: split='test'", numbered(4), "test", batch_size=2)
        self.assert_refused("Received: channels=7", numbered(4), batch_size=2, channels=7)
        self.assert_refused("labels=True needs", numbered(4), batch_size=2, labels=True)

    def test_images(self):
        floats = np.zeros((4, 2, 2, 1))
        for value in (np.nan, np.inf, -np.inf):
            broken = floats.copy()
            broken[1, 0, 1, 0] = value
            self.assert_refused("NaN or infinity", broken, batch_size=2)
            self.assert_refused("NaN or infinity", broken.reshape(4, 4), batch_size=2)
        self.assert_refused(r"must lie in \[-1, 1\]", floats + 1.5, batch_size=2)
        self.assert_refused("uint8 images only", floats, batch_size=2, channels=3)
        for shape, dtype in (
            ((4,), np.uint8),
            ((4, 4), np.uint8),
            ((4, 2, 2, 1), np.int32),
            ((0, 2, 2, 1), np.uint8),
            ((4, 2, 2, 5), np.uint8),
        ):
            self.assert_refused("Received: an array of shape", np.zeros(shape, dtype), batch_size=2)

    def test_labels(self):
        images = numbered(4)
        self.assert_refused("one for each of the 4 images", (images, np.zeros(3, int)), batch_size=2)
        self.assert_refused("must be integers", (images, np.zeros(4)), batch_size=2)
        self.assert_refused(r"Labels must lie in \[0, 2\)", (images, [0, 1, -1, 1]), batch_size=2)
        self.assert_refused(r"Labels must lie in \[0, 3\)", (images, [0, 1, 2, 3]), batch_size=2, num_classes=3)
        self.assert_refused("`num_classes` needs labels", images, batch_size=2, num_classes=3)
        with self.assertWarnsRegex(UserWarning, "1 of 3 classes have no examples"):
            _, spec = data.load((images, [0, 1, 1, 0]), batch_size=2, num_classes=3, labels=True)
        self.assertEqual(spec.num_classes, 3)
