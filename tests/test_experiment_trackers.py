"""Tests that a GAN is fitted under Weights & Biases, MLflow and KerasTuner as any Keras model is, where they are."""

import os
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest

import keras_gan
from tests.test_case import TestCase

QUANTITIES = {"loss", "d_loss", "g_loss", "real_logits", "fake_logits"}


def make_gan(learning_rate=1e-3):
    gan = keras_gan.GAN(
        keras_gan.networks.MLPGenerator((2,), latent_dim=2, hidden_units=(4,)),
        keras_gan.networks.MLPDiscriminator((2,), hidden_units=(4,)),
        ema_momentum=0.9,
    )
    gan.compile(keras.optimizers.Adam(learning_rate), keras.optimizers.Adam(learning_rate))
    return gan


def points(n=32):
    return np.random.default_rng(0).normal(size=(n, 2)).astype("float32")


class TrackersTest(TestCase):
    def test_weights_and_biases(self):
        wandb = pytest.importorskip("wandb")
        from wandb.integration.keras import WandbMetricsLogger

        folder, logged = self.path(), []
        with mock.patch.dict(os.environ, WANDB_MODE="offline", WANDB_SILENT="true"):
            wandb.init(project="keras_gan", dir=folder, settings=wandb.Settings(console="off"))
            self.addCleanup(wandb.finish)
            with mock.patch.object(wandb, "log", lambda data, *_, **__: logged.append(dict(data))):
                make_gan().fit(points(), epochs=2, verbose=0, callbacks=[WandbMetricsLogger()])
        epochs = [entry for entry in logged if "epoch/epoch" in entry]
        self.assertEqual([entry["epoch/epoch"] for entry in epochs], [0, 1])
        self.assertContainsSubset({f"epoch/{name}" for name in QUANTITIES}, set(epochs[0]))
        self.assertAllClose(epochs[0]["epoch/learning_rate"], 1e-3)

    def test_mlflow(self):
        mlflow = pytest.importorskip("mlflow")
        from mlflow.keras import MlflowCallback

        self.enterContext(mock.patch.dict(os.environ, MLFLOW_ALLOW_FILE_STORE="true"))
        mlflow.set_tracking_uri(Path(self.path("mlruns")).as_uri())
        self.addCleanup(mlflow.set_tracking_uri, None)
        with mlflow.start_run() as run:
            make_gan().fit(points(), epochs=2, verbose=0, callbacks=[MlflowCallback(run)])
        found = mlflow.get_run(run.info.run_id).data.metrics
        self.assertContainsSubset(QUANTITIES, set(found))

    def test_keras_tuner(self):
        keras_tuner = pytest.importorskip("keras_tuner")

        def build(choices):
            return make_gan(choices.Choice("learning_rate", [1e-3, 1e-2]))

        tuner = keras_tuner.RandomSearch(
            build,
            objective=keras_tuner.Objective("val_g_loss", "min"),
            max_trials=2,
            seed=0,
            directory=self.path("tuner"),
        )
        tuner.search(points(), epochs=2, validation_data=points(8), verbose=0)
        self.assertLen(tuner.oracle.trials, 2)
        best = tuner.get_best_models(1)[0]
        self.assertEqual(best.sample(3).shape, (3, 2))
        self.assertIn(tuner.get_best_hyperparameters(1)[0]["learning_rate"], [1e-3, 1e-2])
