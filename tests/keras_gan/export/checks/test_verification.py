"""Tests of the checks of an exported SavedModel."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan.export.checks import verification
from keras_gan.export.publishing import warmup
from tests.keras_gan.export import networks
from tests.keras_gan.export.in_process import InProcess


@keras.saving.register_keras_serializable("tests")
class Crowding(keras_gan.networks.MLPGenerator):
    """Subtracts the mean of the batch."""

    def call(self, inputs, training=None):
        images = super().call(inputs, training=training)
        return images - tf.reduce_mean(images, axis=0)


class CheckTest(InProcess):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.generator = networks.mlp((4, 4, 1), num_classes=2)
        cls.discriminator = networks.discriminator((4, 4, 1), num_classes=2)

    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(warmup, "read", return_value=[]))

    def check(self):
        return verification.check(self.generator, self.folder, self.discriminator)

    def test_differences_are_refused(self):

        def change(signature, name, value):
            """A change of one output of one signature, by a number or a function."""
            function = value if callable(value) else lambda array: array + np.asarray(value, array.dtype)
            return lambda s, answer: (
                {name: function(answer[name])} if s == signature and isinstance(answer, dict) else answer
            )

        for changed, reason in (
            (change("serving_default", "images", 2e-5), "`serving_default` must agree with Keras to 1e-05.*of 2"),
            (change("serving_default", "images", np.nan), "Received: a difference of inf"),
            (change("latents", "latent", 2e-6), "`latents` must agree"),
            (
                change("sample", "images", lambda images: images ^ 2),
                "`sample` must agree with Keras to 1",
            ),
            (change("sample_png", "image_bytes", np.flip), "`sample_png` must agree"),
            (change("discriminate", "logits", 0.1), "`discriminate` must agree"),
            (lambda s, answer: {} if isinstance(answer, str) else answer, "must refuse bad inputs of"),
            (
                lambda s, answer: {} if isinstance(answer, str) and s == "discriminate" else answer,
                "must refuse bad inputs of `discriminate`",
            ),
            (lambda s, answer: "no\nway" if s == "latents" else answer, "`latents` failed .*: no way"),
        ):
            self.run_here(self.generator, self.discriminator, changed)
            with self.assertRaisesRegex(ValueError, reason):
                self.check()

    def test_images_that_depend_on_their_batch_are_refused(self):
        generator = networks.spread(Crowding((2,), latent_dim=6, hidden_units=(4,)))
        self.run_here(generator)
        with self.assertRaisesRegex(ValueError, "first row of `serving_default` must not depend on the others"):
            verification.check(generator, self.folder)

    def test_a_warm_up_request_that_fails_is_found(self):
        self.run_here(self.generator, self.discriminator)
        bad = [("latents", {"seed": np.int64([0]), "truncation": np.float32([2])})]
        with (
            mock.patch.object(warmup, "read", return_value=bad),
            self.assertRaisesRegex(ValueError, "`latents` failed .*must lie in"),
        ):
            self.check()

    def test_bounded_by_the_largest_logit(self):
        """Logits have no bound, and floats are exact in proportion to their size."""
        weights = self.discriminator.get_weights()
        self.addCleanup(self.discriminator.set_weights, weights)
        self.discriminator.set_weights([1000 * weight for weight in weights])

        def change(signature, answer):
            return {"logits": answer["logits"] * np.float32(1 + 5e-6)} if "logits" in answer else answer

        self.run_here(self.generator, self.discriminator, change)
        worst = [row["max_difference"] for row in self.check()["parity"] if row["signature"] == "discriminate"]
        self.assertAllClose(worst, [5e-6, 5e-6], atol=1e-6)

    def test_summary(self):
        row = {"run": "here", "signature": "sample", "batch": 1, "max_difference": 0.0, "unit": "levels"}
        parity = [row, {**row, "max_difference": 1.0}, {**row, "run": "there"}, {**row, "signature": "latents"}]
        median = [{"signature": "sample", "batch": batch, "milliseconds": 2.5 * batch} for batch in (1, 8)]
        card = {"parity": parity, "latency": {"processor": "abacus", "threads": 2, "median": median}}
        self.assertEqual(
            verification.summary(card),
            [
                "Checked in 2 processes (here; there).",
                "Largest difference from Keras: sample 1, latents 0",
                "One image takes: sample 2.5 ms, on 2 threads of abacus.",
            ],
        )
