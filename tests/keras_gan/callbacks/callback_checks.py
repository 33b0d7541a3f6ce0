"""What tests of callbacks share: a small GAN, data by step, comparisons of whole states."""

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan import callbacks, networks
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
