import contextlib
import io
import json
import time
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan import networks
from keras_gan.files.run_folder import RunFolder
from tests.keras_gan.callbacks.callback_checks import (
    SHAPE,
    CallbacksTestCase,
    at,
    data,
    make_gan,
    train,
)


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
        tags |= {
            "learning_rate/generator",
            "learning_rate/discriminator",
            "speed/images_per_second",
            "speed/input_wait",
        }
        expected = {(step, tag) for step in (2, 4) for tag in tags} | {(0, "about")}
        self.assertEqual(self.summaries(), expected)

    def test_waiting_for_input_is_said_where_it_is_much(self):
        def slow(images):
            time.sleep(0.2)
            return images

        batches = data(4)
        shape = batches.element_spec.shape
        waiting = batches.map(lambda images: tf.ensure_shape(tf.numpy_function(slow, [images], tf.float32), shape))
        said = []
        for dataset in (batches, waiting):
            gan, log = make_gan(), self.log(every=2)
            with mock.patch.object(log, "say", said.append):
                gan.fit(dataset, steps_per_epoch=4, verbose=0, callbacks=[log])
        self.assertNotIn("waiting", said[1])
        self.assertRegex(said[3], r"[1-9]\d% of the time waiting for input")
        self.assertBetween(gan.input_seconds, 4 * 0.2, 60)

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
        RunFolder(self.folder).forget_after(6)
        self.assertEqual(file.read_text("utf-8"), "".join(lines[:2]))
        RunFolder(self.folder).forget_after(2)
        self.assertEqual(file.read_text("utf-8"), "")
        file.unlink()
        RunFolder(self.folder).forget_after(6)
        self.assertEmpty(list(self.folder.iterdir()))
