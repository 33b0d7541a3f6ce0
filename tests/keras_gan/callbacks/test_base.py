import contextlib
import io
import json
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

import keras_gan
from keras_gan import callbacks, networks
from keras_gan.callbacks import log
from keras_gan.models import inputs
from tests.test_case import TestCase

SHAPE = (8, 8, 1)
BATCH = 4


@keras.saving.register_keras_serializable("keras_gan_tests")
class Counter(keras_gan.augmentation.Augmenter):
    """An augmenter with a variable: images fade with every update."""

    def build(self, input_shape):
        self.updates = self.add_weight(name="updates", shape=(), initializer="zeros", trainable=False)

    def call(self, images, seed):
        return images / (1.0 + 0.1 * self.updates)

    def update(self, real_logits):
        self.updates.assign_add(1.0)


def make_gan(hidden_units=(8,), run_eagerly=True, learning_rate=0.01, augmenter=None):
    """A tiny GAN with all that has a state: batch statistics, dropout, an average, an augmenter, Adam."""
    keras.utils.set_random_seed(1)
    gan = keras_gan.GAN(
        networks.DCGANGenerator(SHAPE, latent_dim=2, filters=2),
        networks.MLPDiscriminator(SHAPE, hidden_units=hidden_units, dropout=0.5),
        augmenter=augmenter or Counter(),
        ema_momentum=0.9,
        name="gan",
    )
    gan.compile(
        keras.optimizers.Adam(learning_rate),
        keras.optimizers.Adam(learning_rate),
        discriminator_regularizers=["r1"],
        run_eagerly=run_eagerly,
    )
    return gan


def data(start=0, n=2**31):
    """Batches number `start` to `start + n`, each a function of its number."""
    batches = tf.data.Dataset.range(start, start + n).map(
        lambda i: keras_gan.latents.stateless((BATCH, *SHAPE), tf.stack([i, 0]), "uniform")
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def train(gan, steps, *own):
    """Trains on the batches that follow the model's step."""
    gan.fit(data(int(gan.step)), steps_per_epoch=steps, verbose=0, callbacks=list(own))


def variables(gan):
    return gan.variables + gan.generator_optimizer.variables + gan.discriminator_optimizer.variables


def assert_same_state(a, b):
    for x, y in zip(variables(a), variables(b), strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y), err_msg=x.path)


def at(step, function):
    """A callback that calls `function` once, at the end of a step."""

    def act(batch, logs):
        if batch + 1 == step:
            function()

    return keras.callbacks.LambdaCallback(on_train_batch_end=act)


class Killed(Exception):
    pass


def kill():
    raise Killed


class CallbacksTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path())

    def log(self, every, **kwargs):
        return callbacks.TrainingLog(
            self.folder, every, batch_size=BATCH, epoch_steps=5, **{"verbose": False, **kwargs}
        )

    def history(self):
        return [json.loads(line) for line in (self.folder / "history.jsonl").read_text("utf-8").splitlines()]

    def summaries(self):
        """The pairs (step, tag) in TensorBoard's files."""
        found = set()
        for file in (self.folder / "logs").glob("events*"):
            for event in tf.compat.v1.train.summary_iterator(str(file)):
                found |= {(event.step, value.tag) for value in event.summary.value}
        return found


class CheckTest(TestCase, parameterized.TestCase):
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
    )
    def test_refused(self, make, message):
        callback, fine = make(), keras.callbacks.History()
        name = type(callback).__name__
        for given in (callback, [fine, callback], (callback,)):
            with self.assertRaisesRegex(ValueError, f"{name}.*{message}"):
                inputs.check_callbacks(given)
        gan = make_gan()
        with self.assertRaisesRegex(ValueError, f"{name}.*{message}"):
            gan.fit(data(), steps_per_epoch=1, callbacks=[callback])
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
            keras.callbacks.TensorBoard(self.path()),
            keras.callbacks.TerminateOnNaN(),
        ]
        for given in (None, [], fine, tuple(fine), fine[0], keras.callbacks.CallbackList(fine, model=make_gan())):
            inputs.check_callbacks(given)


class EveryStepsTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (1, 0, 1, [1, 2, 3, 4]),
        (3, 0, 1, [3, 6, 9]),
        (3, 4, 1, [6, 9]),  # resumed at step 4
        # With 4 steps at a time the model is seen at 4, 8, 12, ... only: the first chance after a multiple.
        (1, 0, 4, [4, 8, 12]),
        (4, 0, 4, [4, 8, 12]),
        (6, 0, 4, [8, 12, 20]),
    )
    def test_multiples_of_the_models_own_step(self, every, start, steps_per_execution, expected):
        class Note(callbacks.EverySteps):
            def at_step(self, step, logs):
                seen.append(step)

        seen, note = [], Note(every)
        step = tf.Variable(start)
        note.set_model(SimpleNamespace(step=step, steps_per_execution=steps_per_execution))
        while len(seen) < len(expected):
            step.assign_add(steps_per_execution)
            note.on_train_batch_end(0, {})
        self.assertEqual(seen, expected)

    def test_counts_over_several_fits(self):
        class Note(callbacks.EverySteps):
            def at_step(self, step, logs):
                seen.append(step)

        seen, gan, note = [], make_gan(), Note(2)
        train(gan, 3, note)
        train(gan, 2, note)
        self.assertEqual(seen, [2, 4])

    def test_bad_arguments(self):
        for every in (0, -1):
            with self.assertRaisesRegex(ValueError, f"at least 1. Received: {every}"):
                callbacks.EverySteps(every)
        with self.assertRaisesRegex(NotImplementedError, "EverySteps must implement `at_step"):
            callbacks.EverySteps(1).at_step(1, {})


class TrainingLogTest(CallbacksTestCase):
    def test_entries_are_means_since_the_one_before(self):
        train(make_gan(), 6, self.log(every=1))
        single = self.history()
        self.assertEqual([entry["step"] for entry in single], [1, 2, 3, 4, 5, 6])
        (self.folder / "history.jsonl").unlink()
        train(make_gan(), 6, self.log(every=3))
        entries = self.history()
        self.assertEqual([entry["step"] for entry in entries], [3, 6])
        for entry, steps in zip(entries, (single[:3], single[3:]), strict=True):
            for name in ("loss", "d_loss", "g_loss", "real_logits", "fake_logits", "r1"):
                self.assertAllClose(entry[name], np.mean([step[name] for step in steps]), rtol=1e-5)

    def test_learning_rates_follow_their_schedules(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.25, 0.5])
        train(make_gan(learning_rate=schedule), 3, self.log(every=1))
        rates = [(entry["generator_learning_rate"], entry["discriminator_learning_rate"]) for entry in self.history()]
        self.assertEqual(rates, [(0.25, 0.25), (0.5, 0.5), (0.5, 0.5)])

    def test_the_probability_of_augmentation(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.25, 0.5])
        augmenter = keras_gan.augmentation.AdaptiveAugment("color", probability=schedule)
        train(make_gan(augmenter=augmenter), 2, self.log(every=1))
        self.assertEqual([entry["augmentation_probability"] for entry in self.history()], [0.25, 0.5])

    def test_nothing_depends_on_the_clock(self):
        train(make_gan(), 2, self.log(every=2))
        first = (self.folder / "history.jsonl").read_bytes()
        train(make_gan(), 2, self.log(every=2), at(1, lambda: time.sleep(0.05)))
        self.assertEqual((self.folder / "history.jsonl").read_bytes(), first)
        means = {"loss", "d_loss", "g_loss", "real_logits", "fake_logits", "r1"}
        rates = {"generator_learning_rate", "discriminator_learning_rate"}
        self.assertEqual(set(self.history()[0]), {"step"} | means | rates)

    def test_tensorboard_groups_the_same_and_adds_the_speed(self):
        train(make_gan(), 4, self.log(every=2, validation=data(1000, n=1)))
        names = ("loss", "d_loss", "g_loss", "real_logits", "fake_logits", "r1")
        tags = {f"{group}/{name}" for group in ("train", "held_out") for name in names}
        tags |= {"learning_rate/generator", "learning_rate/discriminator", "speed/images_per_second"}
        self.assertEqual(self.summaries(), {(step, tag) for step in (2, 4) for tag in tags})

    def test_overflows_are_counted_where_losses_are_scaled(self):
        gan = keras_gan.GAN(
            networks.MLPGenerator(SHAPE, latent_dim=2, hidden_units=(4,)),
            networks.MLPDiscriminator(SHAPE, hidden_units=(4,), dtype="mixed_float16"),
        )
        scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(), initial_scale=2.0**20)
        gan.compile("adam", scaled, discriminator_steps=2, run_eagerly=True)
        spoil = at(1, lambda: scaled.dynamic_scale.assign(np.inf))
        restore = at(2, lambda: scaled.dynamic_scale.assign(1.0))
        train(gan, 3, self.log(every=1), spoil, restore)
        self.assertEqual([entry["discriminator_overflows"] for entry in self.history()], [0, 2, 2])
        self.assertNotIn("generator_overflows", self.history()[0])

    def test_validation_changes_nothing_but_the_log(self):
        held_out = data(1000, n=2)
        with_validation, without = make_gan(), make_gan()
        train(without, 4, self.log(every=2))
        plain = self.history()
        train(with_validation, 4, self.log(every=2, validation=held_out))
        self.assert_same_weights(with_validation, without)
        for entry, expected in zip(self.history(), plain, strict=True):
            self.assertEqual({name: value for name, value in entry.items() if not name.startswith("val_")}, expected)
        last = {f"val_{k}": v for k, v in without.evaluate(held_out, verbose=0, return_dict=True).items()}
        self.assertEqual({name: entry[name] for name in last}, last)

    def test_lines_for_people(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            train(make_gan(), 4, self.log(every=2, total_steps=4, verbose=True))
            train(make_gan(), 2, self.log(every=2))
        first, second = output.getvalue().splitlines()
        self.assertRegex(
            first, r"\Astep 2/4  epoch 0.4  d_loss \S+  .*  g_loss .*  \S+ steps/s  \d+ images/s  \S+ left\Z"
        )
        self.assertStartsWith(second, "step 4/4  epoch 0.8  ")
        self.assertNotIn("learning_rate", first)

    def test_a_resumed_log_forgets_what_came_after(self):
        file = self.folder / "history.jsonl"
        lines = [json.dumps({"step": step}) + "\n" for step in (3, 6, 9)]
        # The last line is what a killed process may leave.
        file.write_text("".join(lines) + '{"step": 12, "d_lo', "utf-8")
        log.forget_after(self.folder, 6)
        self.assertEqual(file.read_text("utf-8"), "".join(lines[:2]))
        log.forget_after(self.folder, 2)
        self.assertEqual(file.read_text("utf-8"), "")
        file.unlink()
        log.forget_after(self.folder, 6)
        self.assertEmpty(list(self.folder.iterdir()))


class SampleGridsTest(CallbacksTestCase):
    def pictures(self):
        """The pictures written so far, by name."""
        found = {}
        for file in sorted((self.folder / "samples").iterdir()):
            with Image.open(file) as image:
                found[file.name] = np.asarray(image)
        return found

    def test_the_same_latents_in_pictures_of_one_size(self):
        gan, grids = make_gan(), callbacks.SampleGrids(self.folder, every=2, n=5)
        untrained = keras_gan.files.pictures.grid(gan.sample(5))[..., 0]
        train(gan, 4, grids)
        pictures = self.pictures()
        self.assertEqual(list(pictures), ["step-0000000.png", "step-0000002.png", "step-0000004.png"])
        # Two rows of three, enlarged to 64 pixels, in borders of 2.
        self.assertEqual({picture.shape for picture in pictures.values()}, {(2 * 66 + 2, 3 * 66 + 2)})
        self.assertAllEqual(pictures["step-0000000.png"], untrained)
        self.assertAllEqual(pictures["step-0000004.png"], keras_gan.files.pictures.grid(gan.sample(5))[..., 0])
        self.assertNotAllEqual(pictures["step-0000004.png"], untrained)

    def test_a_resumed_run_draws_what_is_new_only(self):
        gan = make_gan()
        train(gan, 1)
        train(gan, 1, callbacks.SampleGrids(self.folder, every=2, n=1))
        self.assertEqual(list(self.pictures()), ["step-0000002.png"])

    def test_tensorboard_gets_interpolations_too(self):
        train(make_gan(), 1, callbacks.SampleGrids(self.folder, every=1, n=1))
        tags = ("pictures/samples", "pictures/interpolations")
        self.assertEqual(self.summaries(), {(step, tag) for step in (0, 1) for tag in tags})


class DeadlineTest(TestCase):
    def test_training_ends_at_the_moment(self):
        for at, steps in ((time.monotonic() - 1.0, 1), (time.monotonic() + 1000.0, 3)):
            gan = make_gan()
            train(gan, 3, callbacks.Deadline(at))
            self.assertEqual(int(gan.step), steps)


class StopOnSignalTest(CallbacksTestCase, parameterized.TestCase):
    def handlers(self):
        return [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    @parameterized.parameters(signal.SIGTERM, signal.SIGINT)
    def test_the_step_is_finished_and_training_ends_in_the_ordinary_way(self, number):
        before = self.handlers()
        gan, stop = make_gan(), callbacks.StopOnSignal()
        checkpoint = callbacks.Checkpoint(self.folder, every=100)
        train(gan, 5, at(2, lambda: os.kill(os.getpid(), number)), stop, checkpoint)
        self.assertEqual(stop.received, number)
        self.assertEqual((int(gan.step), int(checkpoint.restore(gan))), (2, 2))
        self.assertEqual(self.handlers(), before)

    def test_a_second_signal_acts_as_without(self):
        gan, stop = make_gan(), callbacks.StopOnSignal()
        # As in a terminal, also where the process was started in the background.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))

        def twice():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

        with self.assertRaises(KeyboardInterrupt):
            train(gan, 5, at(2, twice), stop)
        self.assertEqual(stop.received, signal.SIGINT)

    def test_without_a_signal(self):
        before = self.handlers()
        gan, stop = make_gan(), callbacks.StopOnSignal()
        train(gan, 2, stop, at(1, lambda: self.assertNotEqual(self.handlers(), before)))
        self.assertIsNone(stop.received)
        self.assertEqual((int(gan.step), self.handlers()), (2, before))

    def test_every_training_begins_without_a_signal(self):
        gan, stop = make_gan(), callbacks.StopOnSignal()
        train(gan, 3, at(1, lambda: os.kill(os.getpid(), signal.SIGTERM)), stop)
        train(gan, 3, stop)
        self.assertEqual((int(gan.step), stop.received), (4, None))


class StopOnNonFiniteTest(TestCase):
    def test_names_the_quantity_and_the_step(self):
        gan = make_gan()
        spoil = at(1, lambda: gan.discriminator.logit.bias.assign([np.inf]))
        with self.assertRaisesRegex(FloatingPointError, "diverged at step 2: .*real_logits is inf"):
            train(gan, 3, spoil, callbacks.StopOnNonFinite(every=100))

    def test_looks_at_weights_too(self):
        """A moving average that no logged quantity depends on."""
        gan = make_gan()
        average = gan.generator.normalizers[0].moving_mean
        spoil = at(3, lambda: average.assign(np.full(average.shape, np.nan)))
        with self.assertRaisesRegex(FloatingPointError, "diverged by step 4: the weight .*moving_mean is not finite"):
            train(gan, 6, spoil, callbacks.StopOnNonFinite(every=2))

    def test_finite_training_goes_on(self):
        gan = make_gan()
        train(gan, 3, callbacks.StopOnNonFinite(every=1))
        self.assertEqual(int(gan.step), 3)
