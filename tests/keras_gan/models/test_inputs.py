import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

import keras_gan
from keras_gan import networks
from keras_gan.models import inputs
from tests.test_case import TestCase


def make_gan(num_classes=None, image_shape=(8, 8, 1), **compile_arguments):
    gan = keras_gan.GAN(
        networks.MLPGenerator(image_shape, latent_dim=2, hidden_units=(8,), num_classes=num_classes),
        networks.MLPDiscriminator(image_shape, hidden_units=(8,), num_classes=num_classes),
    )
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), **compile_arguments)
    return gan


def images(n=8, value=0.5, shape=(8, 8, 1)):
    return np.full((n, *shape), value, "float32")


def labels(*values):
    return np.array(values, "int32")


def dataset(*tensors, batch_size=4, drop_remainder=True):
    # What autotunes can take a minute to end.
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices(tensors if len(tensors) > 1 else tensors[0])
    return data.batch(batch_size, drop_remainder=drop_remainder).with_options(options)


def with_one(array, value, *index):
    """A copy with one other value."""
    array = array.copy()
    array[index] = value
    return array


def unknown_shape(x):
    """A dataset whose shapes are known at run time only."""
    data = dataset(x)
    return data.map(lambda x: tf.py_function(lambda x: x, [x], tf.float32))


class BatchesTestCase(TestCase):
    def assert_refused(self, gan, message, *args, **kwargs):
        """`fit` raises one sentence, and no weight has moved."""
        before = gan.get_weights()
        with self.assertRaisesRegex(ValueError, message) as raised:
            gan.fit(*args, verbose=0, shuffle=False, **kwargs)
        self.assertNotIn("\n", str(raised.exception))
        self.assertEqual(int(gan.step), 0)
        for a, b in zip(gan.get_weights(), before, strict=True):
            self.assertAllEqual(a, b)


class UnpackTest(TestCase):
    def test_dtypes_and_shapes(self):
        gan = make_gan(num_classes=3)
        for given in (labels(0, 2), np.array([[0], [2]], "int64"), np.array([0, 2], "uint8")):
            x, y = inputs.unpack((images(2).astype("float64"), given), gan)
            self.assertEqual((x.dtype, y.dtype, y.shape), (tf.float32, tf.int32, (2,)))
            self.assertAllEqual(y, [0, 2])

    def test_labels_of_an_unconditional_model_are_ignored(self):
        gan = make_gan()
        for data in (images(2), (images(2),), (images(2), labels(0, 99)), (images(2), np.array(["a", "b"]))):
            x, y = inputs.unpack(data, gan)
            self.assertIsNone(y)
            self.assertAllEqual(x, images(2))

    def test_sample_weights_are_refused(self):
        with self.assertRaisesRegex(ValueError, "no use for sample weights. Received: a batch with sample weights"):
            inputs.unpack((images(2), labels(0, 1), np.ones(2)), make_gan())


class SplitTest(TestCase):
    def test_parts_are_every_kth_row(self):
        x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
        parts = inputs.split(x, y, 3)
        for j, (part, part_labels) in enumerate(parts):
            self.assertAllEqual(part, x[j::3])
            self.assertAllEqual(part_labels, [j, j + 3])
        self.assertEqual([labels for _, labels in inputs.split(x, None, 2)], [None, None])
        [(part, part_labels)] = inputs.split(x, y, 1)
        self.assertIs(part, x)
        self.assertIs(part_labels, y)

    def test_parts_are_the_same_examples_for_any_number_of_replicas(self):
        """Replicas hold contiguous halves; part j of both together is part j of the whole."""
        x = np.arange(24)
        halves = [inputs.split(half, None, 3) for half in (x[:12], x[12:])]
        for j, (part, _) in enumerate(inputs.split(x, None, 3)):
            self.assertAllEqual(np.concatenate([half[j][0] for half in halves]), part)

    def test_a_size_that_is_not_divisible(self):
        message = "discriminator_steps=4 equal parts, so its size must be divisible by 4. Received: a batch of 6"
        with self.assertRaisesRegex(ValueError, message):
            inputs.split(np.zeros((6, 2)), None, 4)


class SpecificationTest(BatchesTestCase, parameterized.TestCase):
    """What is known before the first batch."""

    @parameterized.named_parameters(
        ("height", lambda: images(shape=(9, 8, 1)), r"shape \(batch, 8, 8, 1\).*Received: .* \(8, 9, 8, 1\)"),
        ("rank", lambda: images(shape=(8, 8)), r"Received: images of shape \(8, 8, 8\)"),
        ("uint8", lambda: images().astype("uint8"), "scale uint8 ones by x / 127.5 - 1. Received: dtype uint8"),
        ("int", lambda: images().astype("int64"), "Expected float images .* Received: dtype int64"),
        ("spec", lambda: dataset(images(shape=(4, 4, 1))), r"Received: images of shape \(4, 4, 4, 1\)"),
        ("unknown", lambda: unknown_shape(images()), "Received: images of shape <unknown>"),
        ("dict", lambda: dataset({"image": images()}), r"batches `images` or `\(images, labels\)`. Received: dict"),
        ("array_dict", lambda: {"image": images()}, "Received: dict"),
        ("generator", lambda: (x for x in [(images().astype("uint8"),)]), "Received: dtype uint8"),
        ("weights", lambda: dataset(images(), labels(*[0] * 8), np.ones(8)), "no use for sample weights"),
    )
    def test_images(self, data, message):
        self.assert_refused(make_gan(), message, data())

    @parameterized.named_parameters(
        ("missing", lambda: (images(), None), "conditional on 3 classes and need batches .* Received: images alone"),
        ("missing_in_dataset", lambda: (dataset(images()),), "Received: images alone"),
        ("floats", lambda: (images(), np.zeros(8)), "Expected integer labels .* Received: dtype float64"),
        ("floats_in_dataset", lambda: (dataset(images(), np.zeros(8)),), "Received: dtype float64, shape .4,"),
        ("one_hot", lambda: (images(), np.eye(8, dtype="int32")), r"Received: dtype int32, shape \(8, 8\)"),
        ("list", lambda: (images(), [0] * 8), "Expected integer labels .* Received: list"),
        ("strings", lambda: (images(), np.array(["a"] * 8)), "Received: dtype string"),
        ("generator", lambda: ((x for x in [(images(), np.zeros(8))]),), "Received: dtype float64"),
    )
    def test_labels(self, data, message):
        self.assert_refused(make_gan(num_classes=3), message, *data())

    @parameterized.named_parameters(
        ("dataset", lambda: dataset(images(12), batch_size=6), {}, "divisible by 4. Received: a batch of 6"),
        ("batch_size", lambda: images(12), {"batch_size": 6}, "divisible by 4. Received: a batch of 6"),
        ("default_batch_size", lambda: images(33), {}, "divisible by 4. Received: a batch of 1"),
        ("small_array", lambda: images(6), {}, "divisible by 4. Received: a batch of 6"),
        ("partial_last_batch", lambda: images(10), {"batch_size": 4}, "divisible by 4. Received: a batch of 2"),
        (
            "unknown_size",
            lambda: dataset(images(8), drop_remainder=False),
            {},
            r"use dataset.batch\(size, drop_remainder=True\). Received: a dataset of batches of unknown size",
        ),
    )
    def test_sizes_for_several_discriminator_steps(self, data, arguments, message):
        self.assert_refused(make_gan(discriminator_steps=4), message, data(), **arguments)

    @parameterized.named_parameters(
        ("dataset", lambda: dataset(images(16)), {}, 4),
        ("steps", lambda: dataset(images(12)).repeat(), {"steps_per_epoch": 5}, 5),
        ("array", lambda: images(13), {"batch_size": 4}, 4),
        ("default_batch_size", lambda: images(65), {"steps_per_epoch": 2}, 2),
    )
    def test_batches_for_several_steps_per_execution(self, data, arguments, n):
        message = f"must be divisible by steps_per_execution=3: .* Received: {n} batches per epoch"
        self.assert_refused(make_gan(steps_per_execution=3), message, data(), **arguments)

    def test_what_fits_passes(self):
        gan = make_gan(discriminator_steps=2, steps_per_execution=3)
        for x, batch_size, steps in (
            (images(12), 4, None),
            (images(10), 4, None),  # a last batch of 2
            (dataset(images(12)), None, None),
            (dataset(images(4)).repeat(), None, 6),
            (dataset(images(4)).repeat(), None, None),  # endless
            ((x for x in [(images(3),)]), None, None),  # unknown
        ):
            inputs.check_fit(x, None, batch_size, steps, gan)
        inputs.check_fit(dataset(images(10), drop_remainder=False), None, None, None, make_gan())

    def test_validation_data_are_checked_first(self):
        self.assert_refused(
            make_gan(), r"images of shape \(4, 4, 4, 1\)", images(), validation_data=dataset(images(shape=(4, 4, 1)))
        )


class ValuesTest(BatchesTestCase, parameterized.TestCase):
    """What only the values tell."""

    def test_images_out_of_range_in_the_first_batch(self):
        """Compiled once, and refused again by each `fit`."""
        gan = make_gan()
        for bad, shown in (
            (images(value=255.0), "255"),
            (with_one(images(), -1.5, 3, 7, 7, 0), "1.5"),
            (with_one(images(), np.inf, 0, 0, 0, 0), "inf"),
            (with_one(images(), np.nan, 0, 0, 0, 0), "nan"),
            (with_one(images(), np.nan, 3, 7, 7, 0), "nan"),
            (np.full_like(images(), np.nan), "nan"),
        ):
            message = rf"\AExpected images in \[-1, 1\]. Received: values as large as {shown}\Z"
            self.assert_refused(gan, message, dataset(bad))
        self.assert_refused(gan, message, bad, batch_size=4)
        gan.fit(dataset(images(4, value=-1.0005)), verbose=0)  # rounding is forgiven
        self.assertEqual(int(gan.step), 1)
        for method in (gan.fit, gan.evaluate):
            with self.assertRaisesRegex(ValueError, "as large as 255"):
                method(dataset(images(value=255.0)), verbose=0)

    @parameterized.parameters({}, {"run_eagerly": True}, {"steps_per_execution": 2})
    def test_images_from_0_to_1_are_warned_of_once(self, **mode):
        gan = make_gan(**mode)
        data = with_one(images(), 0.0, 0, 0, 0, 0)
        message = r"expected in \[-1, 1\], and the first batch lies in \[0, 0.5\]: .* by 2 \* x - 1\."
        with self.assertWarnsRegex(UserWarning, message):
            gan.fit(dataset(data), verbose=0)
        self.assertEqual(int(gan.step), 2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gan.fit(dataset(data), verbose=0)

    @parameterized.named_parameters(
        ("below_0", lambda: with_one(images(), -0.01, 0, 0, 0, 0)),
        ("of_one_value", images),
        ("later", lambda: np.concatenate([-images(4), with_one(images(4), 0.0, 0, 0, 0, 0)])),
    )
    def test_other_images_are_not(self, data):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make_gan(run_eagerly=True).fit(dataset(data()), verbose=0)

    def test_a_file_of_the_data_that_fails_is_one_sentence(self):
        folder = Path(self.path())
        rng = np.random.default_rng(0)
        for i in range(4):
            Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(folder / f"{i}.png")
        found, _ = keras_gan.data.load(f"folder:{folder}", batch_size=4, memory_limit=0)
        (folder / "2.png").unlink()
        for gan in (make_gan(), make_gan(run_eagerly=True)):
            self.assert_refused(gan, rf"\A{folder}/2.png: No such file or directory\Z", found)
        with self.assertRaisesRegex(ValueError, r"\A.*/2.png: No such file or directory\Z"):
            gan.evaluate(found, verbose=0)

    @parameterized.parameters({"run_eagerly": True}, {"jit_compile": True})
    def test_in_other_modes_of_execution(self, **mode):
        gan = make_gan(num_classes=3, **mode)
        self.assert_refused(gan, r"images in \[-1, 1\]", dataset(images(4, value=255.0), labels(0, 1, 2, 0)))
        self.assert_refused(gan, r"labels in \[0, 3\)", dataset(images(4), labels(0, 1, 2, 3)))

    def test_vectors_have_no_range(self):
        gan = make_gan(image_shape=(2,), run_eagerly=True)
        gan.fit(dataset(images(4, value=255.0, shape=(2,))), verbose=0)
        self.assertEqual(int(gan.step), 1)

    def test_labels_out_of_range_in_the_first_batch(self):
        gan = make_gan(num_classes=3)
        for bad, shown in ((labels(0, 1, 2, 3), "0 and 3"), (labels(2, -1, 2, 2), "-1 and 2")):
            message = rf"\AExpected labels in \[0, 3\). Received: labels between {shown}\Z"
            self.assert_refused(gan, message, dataset(images(4), bad))
            self.assert_refused(gan, message, dataset(images(4), bad[:, None]))
        self.assert_refused(gan, message, images(4), bad)

    def test_labels_out_of_range_in_a_later_batch(self):
        """The batches before have their effect, and this one has none."""
        for bad in (labels(0, 1, 2, 0, 1, 3), labels(0, 1, 2, 0, -1, 2)):
            gan, same = make_gan(num_classes=3), make_gan(num_classes=3)
            same.set_weights(gan.get_weights())
            with self.assertRaisesRegex(ValueError, r"Expected labels in \[0, 3\)"):
                gan.fit(dataset(images(6), bad, batch_size=2), verbose=0)
            same.fit(dataset(images(4), bad[:4], batch_size=2), verbose=0)
            self.assertEqual(int(gan.step), 2)
            self.assert_same_weights(gan, same)

    def test_other_errors_pass_unchanged(self):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "another"), inputs.plain_errors():
            raise tf.errors.InvalidArgumentError(None, None, "another")


class Uneven(keras.utils.PyDataset):
    """Batches whose sizes nobody knows before they come."""

    def __init__(self, *sizes):
        super().__init__()
        self.sizes = sizes

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, i):
        return images(self.sizes[i])


class RowsTest(BatchesTestCase):
    """Sizes of batches that are known at run time only."""

    def test_a_minibatch_that_cannot_be_split(self):
        message = "discriminator_steps=2 equal parts, so its size must be divisible by 2. Received: a batch of 3"
        self.assert_refused(make_gan(discriminator_steps=2), message, Uneven(3, 4))
        gan = make_gan(discriminator_steps=2)
        with self.assertRaisesRegex(ValueError, message):
            gan.train_on_batch(images(3))
        self.assertEqual(int(gan.step), 0)

    def test_an_incomplete_pack(self):
        gan = keras_gan.GAN(
            networks.MLPGenerator((8, 8, 1), latent_dim=2, hidden_units=(8,)),
            networks.MLPDiscriminator((8, 8, 1), hidden_units=(8,), packing=2),
        )
        gan.compile()
        self.assert_refused(gan, "packs of packing=2 images, .* divisible by 2. Received: a batch of 1", Uneven(1, 4))
        with self.assertRaisesRegex(ValueError, "a batch of at least packing=2 images. Received: a batch of 1"):
            gan.evaluate(Uneven(2, 1), verbose=0)

    def test_no_rows(self):
        self.assert_refused(make_gan(), "must be divisible by 1. Received: a batch of 0", Uneven(0, 4))

    def test_sizes_that_fit(self):
        gan = make_gan(discriminator_steps=2)
        gan.fit(Uneven(4, 2, 6), verbose=0)
        self.assertEqual(int(gan.step), 3)
        self.assertTrue(np.isfinite([np.sum(weight) for weight in gan.get_weights()]).all())

    def test_the_rows_that_are_split_off_for_validation_are_not_counted(self):
        gan = make_gan(discriminator_steps=4)
        gan.fit(images(10), batch_size=4, validation_split=0.2, verbose=0)
        self.assertEqual(int(gan.step), 2)
        message = "must be divisible by 4. Received: a batch of 2"
        self.assert_refused(make_gan(discriminator_steps=4), message, images(8), batch_size=4, validation_split=0.25)


class EndTest(TestCase):
    def test_data_without_end_are_refused(self):
        gan, endless = make_gan(), dataset(images()).repeat()
        for call, message in (
            (lambda: gan.fit(endless), "training data repeat for ever: pass steps_per_epoch="),
            (
                lambda: gan.fit(images(), validation_data=endless),
                "validation data repeat for ever: .*validation_steps=",
            ),
            (lambda: gan.evaluate(endless), "data repeat for ever: pass steps=.*Received: steps=None"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                call()
        gan.fit(endless, steps_per_epoch=1, validation_data=endless, validation_steps=1, verbose=0)
        gan.evaluate(endless, steps=1, verbose=0)
        self.assertEqual(int(gan.step), 1)


class CallbacksTest(TestCase, parameterized.TestCase):
    @parameterized.named_parameters(
        (
            "LearningRateScheduler",
            lambda: keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
            "schedule of keras",
        ),
        ("ReduceLROnPlateau", keras.callbacks.ReduceLROnPlateau, "schedule of keras.optimizers.schedules"),
        ("SwapEMAWeights", keras.callbacks.SwapEMAWeights, r"GAN\(..., ema_momentum=\)"),
        # Its constructor needs a package that is not there.
        ("OrbaxCheckpoint", lambda: object.__new__(keras.callbacks.OrbaxCheckpoint), "use .*ModelCheckpoint"),
        (
            "TensorBoard",
            lambda: keras.callbacks.TensorBoard(write_steps_per_second=True),
            "leave it False. Received: write_steps_per_second=True",
        ),
        (
            "BackupAndRestore",
            lambda: keras.callbacks.BackupAndRestore("backup", save_freq=5),
            "use save_freq='epoch'. Received: save_freq=5",
        ),
        ("ModelCheckpoint", lambda: keras.callbacks.ModelCheckpoint("gan.h5"), r"ends in .keras; .*Received: gan.h5"),
    )
    def test_refused(self, make, message):
        callback, fine = make(), keras.callbacks.History()
        for given in (callback, [fine, callback], (callback,)):
            with self.assertRaisesRegex(ValueError, message):
                inputs.check_callbacks(given)
        gan = make_gan()
        with self.assertRaisesRegex(ValueError, message):
            gan.fit(images(), callbacks=[callback])
        self.assertEqual(int(gan.step), 0)

    def test_subclasses_and_callback_lists_too(self):
        class Mine(keras.callbacks.ReduceLROnPlateau):
            pass

        with self.assertRaisesRegex(ValueError, "Mine does not work with a GAN.*Received: callback=Mine"):
            inputs.check_callbacks(keras.callbacks.CallbackList([Mine()], model=make_gan()))

    def test_accepted(self):
        fine = [
            keras.callbacks.BackupAndRestore("backup"),
            keras.callbacks.CSVLogger("log.csv"),
            keras.callbacks.EarlyStopping("g_loss", mode="min"),
            keras.callbacks.LambdaCallback(),
            keras.callbacks.ModelCheckpoint("gan.keras"),
            keras.callbacks.ModelCheckpoint("gan-{epoch}.weights.h5", save_weights_only=True),
            keras.callbacks.TensorBoard(self.path()),
            keras.callbacks.TerminateOnNaN(),
        ]
        for given in (None, [], fine, tuple(fine), fine[0], keras.callbacks.CallbackList(fine, model=make_gan())):
            inputs.check_callbacks(given)
