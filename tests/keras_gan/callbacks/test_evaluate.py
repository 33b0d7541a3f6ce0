import json
import types
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from keras_gan import callbacks
from keras_gan.metrics.features import FeatureExtractor
from tests.keras_gan.callbacks.callback_checks import (
    SHAPE,
    CallbacksTestCase,
    Killed,
    assert_same_state,
    at,
    data,
    kill,
    make_gan,
    train,
)
from tests.test_case import TestCase


def quarters(images):
    """Features that need no weights: the brightness of the four quarters."""
    return tf.reduce_mean(tf.reshape(images, (-1, 2, 4, 2, 4)), axis=(2, 4))[:, :, 0] / 255.0, None


def make_evaluate(real=None, **kwargs):
    real = np.random.default_rng(0).integers(0, 256, (40, *SHAPE), dtype="uint8") if real is None else real
    seen = FeatureExtractor("quarters", quarters, "digest", SHAPE)
    return callbacks.Evaluate(real, seen, **{"num_samples": 20, "progress": False, **kwargs})


def scripted(values):
    """Replaces evaluation by given values, one after another."""
    values = iter(values)

    def evaluate(*args, **kwargs):
        return [types.SimpleNamespace(name="fcd", value=next(values))]

    return mock.patch("keras_gan.callbacks.evaluate.evaluate", evaluate)


def evaluates_on_replicas(strategy):
    """Two replicas: the same weights with and without, and the value that the saved generator has."""

    def run(*own):
        with strategy.scope():
            gan = make_gan(run_eagerly=False)
        gan.fit(data(), steps_per_epoch=4, verbose=0, callbacks=list(own))
        return gan

    evaluate = make_evaluate(steps=2)
    with_it, without = run(evaluate), run()
    for a, b in zip(with_it.variables, without.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a.numpy()), np.asarray(b.numpy()), err_msg=a.path)
    assert evaluate.records[0].step == 4
    copy = type(without.generator).from_config(without.generator.get_config())
    copy.set_weights(without.sampler.get_weights())
    (record,) = keras_gan.metrics.evaluate(
        copy, evaluate.real, evaluate.features, ["fcd"], 20, floor=False, progress=False
    )
    np.testing.assert_allclose(evaluate.values["fcd"], record.value, rtol=1e-6)


class AutomaticTest(TestCase):
    def test_features_and_metric_are_those_of_the_data(self):
        own = callbacks.Evaluate("mnist5k")
        self.assertEqual((own.features.name, own.metrics, own.num_samples), ("mnist_classifier", ["fcd"], 2500))
        self.assertEqual(own.options["dataset"], "mnist5k")
        images = np.zeros((9, 12, 12, 3), "uint8")
        any_ = callbacks.Evaluate(images)
        self.assertEqual((any_.features.name, any_.metrics, any_.num_samples), ("efficientnet_lite0", ["lkd"], 250))
        self.assertEqual(callbacks.Evaluate(images, num_samples=30).num_samples, 30)


class EvaluateCallbackTest(CallbacksTestCase):
    def test_training_is_not_disturbed(self):
        """Dropout, augmenter, average, optimizers and metrics are bit for bit what they are without it."""
        gans = [make_gan(run_eagerly=False) for _ in range(2)]
        train(gans[0], 6, self.log(every=3))
        expected = (self.folder / "history.jsonl").read_bytes()
        (self.folder / "history.jsonl").unlink()
        train(gans[1], 6, self.log(every=3), make_evaluate(steps=2, folder=self.folder))
        assert_same_state(*gans)
        for a, b in zip(gans[0].metrics, gans[1].metrics, strict=True):
            self.assertEqual(float(a.result()), float(b.result()))
        self.assertEqual((self.folder / "history.jsonl").read_bytes(), expected)

    def test_steps(self):
        said = []
        evaluate = make_evaluate(steps=2, folder=self.folder, say=said.append)
        train(make_gan(), 5, evaluate)
        entries = [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual([entry["step"] for entry in entries], [2, 4])
        self.assertEqual(entries[1]["fcd"], evaluate.records[0].value)
        self.assertEqual(entries[1]["fcd"], evaluate.values["fcd"])
        self.assertContainsSubset({(2, "metrics/fcd"), (4, "metrics/fcd")}, self.summaries())
        self.assertStartsWith(said[0], f"step 2  fcd {entries[0]['fcd']:.4g}  (the best so far)")
        # What that is, is said once.
        self.assertStartsWith(said[1], "fcd: Frechet classifier distance, how far what a classifier sees")
        self.assertStartsWith(said[2], "step 4  fcd ")
        self.assertLen(said, 3)

    def test_epochs(self):
        gan, evaluate = make_gan(), make_evaluate(epochs=2)
        logs = gan.fit(data(), steps_per_epoch=2, epochs=5, verbose=0, callbacks=[evaluate]).history
        # From the first evaluation on every epoch shows the last values.
        self.assertLen(logs["fcd"], 4)
        self.assertEqual(logs["fcd"][0], logs["fcd"][1])
        self.assertNotEqual(logs["fcd"][1], logs["fcd"][2])
        self.assertEqual(evaluate.records[0].step, 8)
        self.assertTrue(evaluate.records[0].ema)

    def test_best_is_remembered(self):
        gan, weights = make_gan(), {}
        note = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: weights.update({batch + 1: gan.sampler.get_weights()})
        )
        evaluate = make_evaluate(steps=1)
        with scripted([5.0, 3.0, 4.0, 3.0]):
            train(gan, 4, evaluate, note)
        self.assertEqual((evaluate.best_value, evaluate.best_step), (3.0, 2))
        for kept, expected in zip(evaluate.best_weights, weights[2], strict=True):
            np.testing.assert_array_equal(kept, expected)
        path = self.path("generator.keras")
        gan.save_generator(path, weights=evaluate.best_weights)
        for kept, expected in zip(keras.models.load_model(path).get_weights(), weights[2], strict=True):
            np.testing.assert_array_equal(kept, expected)

    def test_highest_is_best_of_a_score(self):
        evaluate = make_evaluate(steps=1, metrics=["coverage"])
        self.assertIsNone(evaluate.best_value)
        with mock.patch(
            "keras_gan.callbacks.evaluate.evaluate",
            side_effect=[[types.SimpleNamespace(name="coverage", value=v)] for v in (0.2, 0.6, 0.4)],
        ):
            train(make_gan(), 3, evaluate)
        self.assertEqual((evaluate.best_value, evaluate.best_step), (0.6, 2))

    def test_model_checkpoint_saves_the_best(self):
        gan, path = make_gan(), self.path("best.keras")
        checkpoint = keras.callbacks.ModelCheckpoint(path, monitor="fcd", mode="min", save_best_only=True)
        with scripted([5.0, 3.0, 4.0]):
            gan.fit(data(), steps_per_epoch=2, epochs=3, verbose=0, callbacks=[make_evaluate(), checkpoint])
        self.assertEqual(int(keras.models.load_model(path).step.numpy()), 4)
        self.assertEqual(int(gan.step.numpy()), 6)

    def test_early_stopping(self):
        gan = make_gan()
        stop = keras.callbacks.EarlyStopping(monitor="fcd", mode="min", patience=2)
        with scripted([5.0, 3.0, 4.0, 3.5, 1.0]):
            gan.fit(data(), steps_per_epoch=2, epochs=5, verbose=0, callbacks=[make_evaluate(), stop])
        self.assertEqual(int(gan.step.numpy()), 8)

    def test_a_resumed_run_has_the_same_best(self):
        """Killed at step 3, resumed from 2: what was evaluated at 3 is measured again."""
        folder = self.folder / "checkpoints"

        def run(gan, *more, steps=4):
            evaluate = make_evaluate(steps=1, folder=self.folder)
            checkpoint = callbacks.Checkpoint(folder, 2, more={"evaluation": evaluate})
            checkpoint.restore(gan)
            train(gan, steps - int(gan.step), evaluate, checkpoint, *more)
            return evaluate

        gan = make_gan()
        straight = run(gan)
        expected = (self.folder / "metrics.jsonl").read_bytes()
        (self.folder / "metrics.jsonl").unlink()
        for file in [*folder.glob("ckpt*"), folder / "checkpoint"]:
            file.unlink()
        with self.assertRaises(Killed):
            run(make_gan(), at(3, kill))
        resumed_gan = make_gan()
        resumed = run(resumed_gan)
        assert_same_state(resumed_gan, gan)
        self.assertEqual((resumed.best_value, resumed.best_step), (straight.best_value, straight.best_step))
        for a, b in zip(resumed.best_weights, straight.best_weights, strict=True):
            np.testing.assert_array_equal(a, b)
        self.assertEqual((self.folder / "metrics.jsonl").read_bytes(), expected)
        # Nothing left to train: the best comes from the checkpoint alone.
        again = make_evaluate(steps=1)
        third = make_gan()
        self.assertEqual(callbacks.Checkpoint(folder, 2, more={"evaluation": again}).restore(third), 4)
        self.assertEqual((again.best_value, again.best_step), (straight.best_value, straight.best_step))

    def test_a_run_that_had_no_evaluation_gets_one(self):
        folder = self.folder / "checkpoints"
        gan = make_gan()
        train(gan, 2, callbacks.Checkpoint(folder, 2))
        evaluate, resumed = make_evaluate(steps=1), make_gan()
        checkpoint = callbacks.Checkpoint(folder, 2, more={"evaluation": evaluate})
        self.assertEqual(checkpoint.restore(resumed), 2)
        assert_same_state(resumed, gan)
        self.assertIsNone(evaluate.best_value)
        train(resumed, 1, evaluate, checkpoint)
        self.assertEqual(evaluate.best_step, 3)

    @pytest.mark.slow
    def test_two_replicas(self):
        self.run_on_two_replicas(evaluates_on_replicas)

    def test_refused(self):
        for kwargs, reason in (
            ({"steps": 0}, "`steps` must be a positive integer. Received: steps=0"),
            ({"epochs": 1.5}, "Received: epochs=1.5"),
            ({"metrics": ["fid"]}, r"Received: metrics=\['fid'\]"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                make_evaluate(**kwargs)
        gan = make_gan()
        with self.assertRaisesRegex(ValueError, r"mnist_classifier sees images of shape \(28, 28, 1\)"):
            train(gan, 1, callbacks.Evaluate("mnist5k", "mnist_classifier"))
        self.assertEqual(int(gan.step), 0)
