import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import callbacks, networks
from keras_gan.callbacks import watchdog
from keras_gan.callbacks.watchdog import Collapse, diagnose, rules
from keras_gan.callbacks.watchdog import callback as watchdog_callback
from tests.test_case import TestCase

POINTS = np.random.default_rng(0).normal(size=(512, 2)).astype(np.float32)


def make_gan(strategy=None, dropout=0.0, run_eagerly=True, **options):
    keras.utils.set_random_seed(3)
    with (strategy or tf.distribute.get_strategy()).scope():
        gan = keras_gan.GAN(
            networks.MLPGenerator((2,), latent_dim=2, hidden_units=(8,)),
            networks.MLPDiscriminator((2,), hidden_units=(8,), dropout=dropout),
            ema_momentum=0.9,
        )
        gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01), run_eagerly=run_eagerly, **options)
    return gan


def train(gan, steps, *tasks):
    """Trains on the batches of 16 that follow the model's step."""
    dataset, _ = keras_gan.data.load(POINTS, batch_size=16, repeat=True, start_batch=int(gan.step.numpy()))
    gan.fit(dataset, steps_per_epoch=steps, verbose=0, callbacks=list(tasks))


def variables(gan):
    return [
        np.asarray(variable)
        for variable in gan.variables + gan.generator_optimizer.variables + gan.discriminator_optimizer.variables
    ]


def compare_on_replicas(strategy):
    """With two replicas too, training goes on as without, and the signals are those of one device."""
    found = []
    for watched, each in ((True, strategy), (False, strategy), (True, None)):
        gan = make_gan(each, loss="relativistic_average", run_eagerly=False)
        watchdog = callbacks.Watchdog(POINTS, every=2, say=lambda line: None)
        train(gan, 4, *([watchdog] if watched else []))
        found.append((variables(gan), watchdog._judge and [dict(row) for row in watchdog._judge.rows]))
    for a, b in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(found[0][1]) == 2
    for a, b in zip(found[0][1], found[2][1], strict=True):
        np.testing.assert_allclose(list(a.values()), list(b.values()), rtol=1e-3, atol=1e-4)


class Spoil(keras.callbacks.Callback):
    """Makes the last weight of the generator NaN after a step; behind earlier ones a rectifier may hide it."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step.numpy()) == self.step:
            weight = self.model.generator.trainable_variables[-1]
            weight.assign(np.full(weight.shape, np.nan))


class WatchdogTestCase(TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path("run"))
        self.folder.mkdir()
        self.lines = []

    def watchdog(self, every=2, **options):
        # Close together, so that the generator's first examples are varied enough for a verdict.
        return callbacks.Watchdog(0.1 * POINTS, every=every, folder=self.folder, say=self.lines.append, **options)

    def entries(self):
        return [json.loads(line) for line in (self.folder / "diagnosis.jsonl").read_text("utf-8").splitlines()]


class WatchdogTest(WatchdogTestCase):
    def test_training_goes_on_as_without(self):
        options = {"dropout": 0.3, "discriminator_regularizers": ["r1"], "steps_per_execution": 2, "run_eagerly": False}
        watched, alone = make_gan(**options), make_gan(**options)
        train(watched, 8, self.watchdog(held_out=POINTS[:100]))
        train(alone, 8)
        for a, b in zip(variables(watched), variables(alone), strict=True):
            np.testing.assert_array_equal(a, b)

    @pytest.mark.slow
    def test_two_replicas(self):
        self.run_on_two_replicas(compare_on_replicas)

    @pytest.mark.slow
    @parameterized.parameters("wasserstein", "hinge", "relativistic", "least_squares", "kl")
    def test_every_loss_gets_the_same_signals(self, loss):
        train(make_gan(loss=loss), 2, self.watchdog(held_out=POINTS[:64]))
        (entry,) = self.entries()
        labels = {"class_distance_ratio", "label_agreement", "label_chance", "real_label_agreement"}
        expected = set(rules.SIGNALS) - {"movement", "weight_change", "entropy", "missing_share", "saturation"} - labels
        self.assertEqual(set(entry["signals"]) - {"saturation"}, expected)
        self.assertTrue(all(np.isfinite(list(entry["signals"].values()))))

    def test_what_is_said_and_written(self):
        train(make_gan(discriminator_regularizers=["r1"]), 18, self.watchdog(every=1))
        entries = self.entries()
        self.assertEqual([entry["step"] for entry in entries], list(range(1, 19)))
        self.assertEqual(entries[0]["verdict"], rules.EARLY)
        changed = [entry for entry in entries if entry["changed"]]
        self.assertLen(self.lines, len(changed))
        for line, entry in zip(self.lines, changed, strict=True):
            self.assertIn(f"step {entry['step']}  {entry['verdict']}", line)
        tags = {}
        for file in (self.folder / "logs").glob("events*"):
            for event in tf.compat.v1.train.summary_iterator(str(file)):
                tags |= {(event.step, value.tag): value for value in event.summary.value}
        self.assertIn((2, "watchdog/accuracy"), tags)
        self.assertIn((changed[0]["step"], "watchdog/verdict"), tags)
        self.assertEqual(
            (self.folder / "diagnosis.txt").read_text("utf-8").splitlines(), watchdog.diagnose(self.folder)
        )
        self.assertIn(f"at step {entries[-1]['step']}", watchdog.diagnose(self.folder)[0])

    @pytest.mark.slow
    def test_a_resumed_run_is_told_the_same(self):
        gan, watchdog = make_gan(), self.watchdog(every=1)
        train(gan, 18, watchdog)
        through = (self.folder / "diagnosis.jsonl").read_text("utf-8")
        self.assertIn('"changed": true', through)

        def checkpoint(gan, watchdog):
            return callbacks.Checkpoint(self.path("checkpoints"), every=6, more={"watchdog": watchdog})

        (self.folder / "diagnosis.jsonl").unlink()
        gan, watchdog = make_gan(), self.watchdog(every=1)
        save = checkpoint(gan, watchdog)
        train(gan, 10, watchdog, save)
        # As if it had been killed after step 9: the last checkpoint is that of step 6.
        gan, watchdog = make_gan(), self.watchdog(every=1)
        again = callbacks.Checkpoint(save.folder, every=6, more={"watchdog": watchdog})
        self.assertEqual(again.restore(gan, before=7), 6)
        train(gan, 12, watchdog, again)
        self.assertEqual((self.folder / "diagnosis.jsonl").read_text("utf-8"), through)

    def test_it_looks_more_often_at_the_start(self):
        train(make_gan(), 31, self.watchdog(every=10))
        self.assertEqual([entry["step"] for entry in self.entries()], [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 30])

    def test_not_finite_is_said_at_the_next_look(self):
        train(make_gan(), 6, Spoil(3), self.watchdog())
        self.assertEqual([entry["verdict"] for entry in self.entries()][1], rules.DIVERGED)
        self.assertLen(self.lines, 1)
        self.assertIn("not finite; try: lower learning rates of both", self.lines[0])

    def test_stop(self):
        gan = make_gan()
        train(gan, 20, Spoil(3), self.watchdog(on_collapse="stop"))
        self.assertEqual(int(gan.step.numpy()), 4)

    def test_rollback(self):
        with self.assertRaisesRegex(Collapse, "diverged, since step 4") as caught:
            train(make_gan(), 20, Spoil(3), self.watchdog(on_collapse="rollback"))
        self.assertIsInstance(caught.exception, FloatingPointError)
        self.assertEqual(caught.exception.since, 4)

    def test_rollbacks_are_part_of_the_diagnosis(self):
        gan, watchdog = make_gan(), self.watchdog()
        train(gan, 4, watchdog)
        for _ in range(2):
            watchdog.note_rollback(2, Collapse("mode collapse, since step 3", 3))
        lines = diagnose(self.folder)
        self.assertEqual(lines.count("mode collapse, since step 3; went back to step 2"), 1)

    def test_what_tells_classes_apart(self):
        classes = watchdog.classes_of
        self.assertEqual(classes("mnist", (28, 28, 1)), "mnist_classifier")
        self.assertEqual(classes("stacked_mnist", (28, 28, 3)), "mnist_classifier")
        self.assertIsNone(classes("stacked_mnist", (32, 32, 3)))
        self.assertEqual(classes("toy:ring", (2,)).name, "ring")
        gan = keras_gan.GAN(
            networks.MLPGenerator((28, 28, 1), latent_dim=2, hidden_units=(4,)),
            networks.MLPDiscriminator((28, 28, 1), hidden_units=(4,)),
        )
        gan.compile(run_eagerly=True)
        for options, known in (({}, True), ({"classes": None}, False)):
            each = callbacks.Watchdog("mnist5k", num_examples=20, **options)
            each.set_model(gan)
            self.assertEqual(each._probe._classes.number is not None, known)

    def test_labels(self):
        with self.subTest("conditional"):
            keras.utils.set_random_seed(3)
            gan = keras_gan.GAN(
                networks.MLPGenerator((2,), latent_dim=2, hidden_units=(4,), num_classes=2),
                networks.MLPDiscriminator((2,), hidden_units=(4,), num_classes=2),
            )
            gan.compile(run_eagerly=True)
            labels = np.arange(len(POINTS)) % 2
            watchdog = callbacks.Watchdog((POINTS, labels), every=2, say=self.lines.append)
            gan.fit(POINTS[:64], labels[:64], epochs=1, verbose=0, callbacks=[watchdog])
            self.assertEqual(watchdog.verdict.name, rules.EARLY)
            unlabelled = watchdog_callback._held_out(POINTS, 64, gan)
            self.assertEqual(unlabelled, (None, None))
            images, found = watchdog_callback._held_out((POINTS, labels), 64, gan)
            self.assertEqual((images.shape, found.shape), ((64, 2), (64,)))
            self.assertEqual(watchdog_callback._held_out((POINTS, labels + 1), 64, gan), (None, None))

    def test_mistakes(self):
        with self.assertRaisesRegex(ValueError, "on_collapse must be 'warn', 'rollback' or 'stop'"):
            self.watchdog(on_collapse="panic")
        with self.assertRaisesRegex(ValueError, "There is no diagnosis in"):
            watchdog.diagnose(self.folder)
        gan = make_gan()
        with self.assertRaisesRegex(ValueError, r"real examples of shape \(2,\)"):
            train(gan, 1, callbacks.Watchdog(POINTS[:, :1]))
        self.assertEqual(int(gan.step.numpy()), 0)
