"""What the models that own a generator share; on two replicas those that are no GAN, which has its own tests."""

import json
import types
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import VAE, networks, serialization
from keras_gan.export import tflite
from keras_gan.models import compiled
from keras_gan.models.base import GenerativeModel
from keras_gan.unlearning import FeatureUnlearner, LatentDirection
from tests.keras_gan.export import networks as small
from tests.keras_gan.export.in_process import InProcess
from tests.keras_gan.models.test_compiled import assert_same_update, batched, distributed
from tests.keras_gan.networks import test_plain
from tests.test_case import TestCase

SHAPE = (8, 8, 1)


def with_weights(model):
    """A compiled model with weights of ordinary size that depend on nothing."""
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(scale=0.3, size=variable.shape))
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    return model


def make_vae():
    return with_weights(
        VAE(
            networks.DCGANEncoder(SHAPE, latent_dim=3, filters=2),
            networks.DCGANGenerator(SHAPE, latent_dim=3, filters=2),
        )
    )


def make_unlearner():
    generator = networks.MLPGenerator(SHAPE, latent_dim=3, hidden_units=(4,))
    return with_weights(FeatureUnlearner(generator, LatentDirection([1.0, 0.0, 0.0], threshold=0.2)))


def a_step_on_two_replicas_equals_one_on_one(strategy):
    rng = np.random.default_rng(1)
    for make, shape in ((make_vae, SHAPE), (make_unlearner, (3,))):
        one = make()
        with strategy.scope():
            two = make()
        two.set_weights(one.get_weights())
        start = [np.asarray(variable) for variable in one.trainable_variables]
        data = batched(rng.uniform(-1, 1, (8, *shape)).astype("float32"), 8).repeat()
        logs = [compiled.train_function(one)(iter(data))]
        logs.append(compiled.train_function(two)(iter(distributed(strategy, data))))
        assert_same_update(start, *(types.SimpleNamespace(weights=each.trainable_variables) for each in (one, two)))
        for name, value in logs[0].items():
            np.testing.assert_allclose(logs[1][name], value, rtol=1e-4, atol=1e-6, err_msg=name)


class Scheduled(FeatureUnlearner):
    """A user's subclass that sees to an argument of its own."""

    def __init__(self, generator, feature, schedule, **kwargs):
        super().__init__(generator, feature, **kwargs)
        self.schedule = schedule

    def get_config(self):
        return {**super().get_config(), "schedule": keras.saving.serialize_keras_object(self.schedule)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = {**config, "schedule": keras.saving.deserialize_keras_object(config["schedule"])}
        return super().from_config(config, custom_objects)


class GenerativeModelTest(TestCase):
    def test_files_hold_what_a_class_names(self):
        config = make_vae().get_config()
        self.assertContainsSubset({"encoder", "generator", "likelihood", "variance", "seed"}, config)
        again = VAE.from_config(config)
        self.assertIsInstance(again.encoder, networks.DCGANEncoder)
        self.assertIsNone(again.get_compile_config())
        compiled = make_vae().get_compile_config()
        self.assertEqual(set(compiled), {"optimizer", "beta", "jit_compile", "steps_per_execution", "run_eagerly"})
        again.compile_from_config(compiled)
        self.assertIsInstance(again.optimizer, keras.optimizers.SGD)

    def test_a_subclass_with_an_argument_of_its_own(self):
        generator = networks.MLPGenerator(SHAPE, latent_dim=3, hidden_units=(4,))
        schedule = keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5)
        # Its name is that of a custom object too.
        model = Scheduled(generator, LatentDirection([1.0, 0.0, 0.0], threshold=0.2), schedule, name="Scheduled")
        path = self.path("model.keras")
        model.save(path)
        again = keras.saving.load_model(path, custom_objects={"Scheduled": Scheduled})
        self.assertEqual((again.name, again.schedule.decay_steps), ("Scheduled", 10))

    @pytest.mark.slow
    def test_two_replicas_make_the_step_of_one(self):
        self.run_on_two_replicas(a_step_on_two_replicas_equals_one_on_one)

    def test_roles(self):
        model = make_vae()
        self.assertIs(model.sampler, model.generator)
        self.assertEqual(model.networks, {"encoder": model.encoder, "generator": model.generator})
        self.assertEqual(model.optimizers, {"vae": (model.optimizer, 1)})

    def test_a_subclass_has_to_say_what_it_trains(self):
        for name in ("networks", "optimizers"):
            with self.assertRaisesRegex(NotImplementedError, f"must implement `{name}`"):
                getattr(GenerativeModel(), name)

    def test_counts_of_compile(self):
        with self.assertRaisesRegex(
            ValueError, "`steps_per_execution` must be an integer of at least 1. Received: .*=0"
        ):
            make_vae().compile(steps_per_execution=0)


class EqualGraphsTest(TestCase):
    def test_the_remapper_is_off_while_a_model_is_fitted_and_evaluated(self):
        self.addCleanup(tf.config.optimizer.set_experimental_options, {"remapping": True})
        vae, seen = make_vae(), []

        def look(*_, **__):
            seen.append(tf.config.optimizer.get_experimental_options()["remapping"])

        images = np.zeros((4, *SHAPE), "float32")
        callback = keras.callbacks.LambdaCallback(on_train_batch_end=look, on_epoch_end=look)
        for chosen in (True, False):
            tf.config.optimizer.set_experimental_options({"remapping": chosen})
            vae.fit(images, batch_size=4, verbose=0, callbacks=[callback])
            vae.evaluate(images, batch_size=4, verbose=0)
            self.assertEqual(tf.config.optimizer.get_experimental_options()["remapping"], chosen)
        self.assertEqual(seen, [False] * 4)

    def test_options_come_back_after_an_error(self):
        tf.config.optimizer.set_experimental_options({"remapping": True})
        vae = make_vae()
        with self.assertRaisesRegex(ValueError, r"images of shape \(batch, 8, 8, 1\)"):
            vae.fit(np.zeros((4, 3), "float32"), verbose=0)
        self.assertTrue(tf.config.optimizer.get_experimental_options()["remapping"])


class Recording(VAE):
    """Remembers the first pixel of what it trains on."""

    def train_step(self, data):
        self.seen.append(float(np.ravel(data)[0]))
        return super().train_step(data)


class EpochsTest(TestCase):
    def setUp(self):
        super().setUp()
        encoder = networks.DCGANEncoder(SHAPE, latent_dim=3, filters=2)
        self.model = with_weights(Recording(encoder, networks.DCGANGenerator(SHAPE, latent_dim=3, filters=2)))
        self.model.seen = []
        self.images = np.full((6, *SHAPE), np.linspace(-1, 1, 6, dtype="float32").reshape(6, 1, 1, 1))

    def shuffled(self):
        return keras_gan.data.load(self.images, batch_size=2, seed=3)[0]

    def test_each_is_a_pass_in_its_own_order(self):
        expected = [float(batch[0, 0, 0, 0]) for data in [self.shuffled()] for _ in range(4) for batch in data]
        data = self.shuffled()
        logged = self.model.fit(data, epochs=3, verbose=0)
        self.assertEqual(self.model.seen, expected[:9])
        self.assertLen(logged.history["loss"], 3)
        # Nothing was read ahead: the next pass is the fourth.
        self.model.fit(data, verbose=0)
        self.assertEqual(self.model.seen, expected)

    def test_all_share_one_iterator(self):
        made, original = [], tf.data.Dataset.__iter__

        def counted(dataset):
            made.append(dataset)
            return original(dataset)

        self.enterContext(mock.patch.object(tf.data.Dataset, "__iter__", counted))
        self.model.fit(self.shuffled(), epochs=1, verbose=0)
        for_one = len(made)
        self.model.fit(self.shuffled(), epochs=9, verbose=0)
        self.assertLen(made, 2 * for_one)
        self.assertLen(self.model.seen, 3 + 27)

    def test_what_was_asked_for_stays(self):
        data = self.shuffled()
        self.model.fit(data, epochs=2, initial_epoch=1, verbose=0)
        self.assertLen(self.model.seen, 3)
        self.model.fit(data.repeat(), epochs=2, steps_per_epoch=2, verbose=0)
        self.assertLen(self.model.seen, 3 + 4)
        # Two at once cannot share three: Keras' own way.
        self.assertEqual(self.model._for_all_epochs(data, 5)[1], 3)
        self.model.compile(keras.optimizers.SGD(0.01), steps_per_execution=2)
        self.assertEqual(self.model._for_all_epochs(data, 5), (data, None))
        unknown = data.filter(lambda images: True)
        self.assertEqual(self.model._for_all_epochs(unknown, 5), (unknown, None))


def exported_gan(num_classes, dtype):
    """A GAN of which the averaged generator is another than the one that is trained."""
    gan = keras_gan.GAN(
        small.mlp((2,), num_classes=num_classes, dtype=dtype),
        small.discriminator((2,), num_classes=num_classes, dtype=dtype),
        ema_momentum=0.9,
    )
    gan.ema_generator.set_weights([-weight for weight in gan.generator.get_weights()])
    return gan


class ExportTest(InProcess, parameterized.TestCase):
    """That what is written does the same as Keras is checked whenever something is written."""

    def check(self, model, format, name, generator, **kwargs):
        """The card is that of a generator, and lies where it should."""
        path = self.folder / name
        if format == "tf_saved_model":
            self.run_here(serialization.in_float32(generator), **kwargs)
        card = model.export(path, format=format)
        file = path / "assets.extra" / "generator.json" if path.is_dir() else Path(f"{path}.json")
        self.assertEqual(json.loads(file.read_text()), card)
        self.assertEqual(card["weights_sha256"], serialization.weights_digest(generator))
        signature = card["signatures"]["serving_default"]["inputs"]
        expected = {"latent": "float32"} | ({} if generator.num_classes is None else {"label": "int32"})
        self.assertEqual({key: value["dtype"] for key, value in signature.items()}, expected)

    @parameterized.parameters(
        ("tf_saved_model", "digits", None, "mixed_bfloat16"),
        ("tf_saved_model", "digits", 2, "float32"),
        ("litert", "digits.tflite", 2, "mixed_bfloat16"),
        ("onnx", "digits.onnx", None, "mixed_bfloat16"),
    )
    def test_the_averaged_generator(self, format, name, num_classes, dtype):
        gan = exported_gan(num_classes, dtype)
        self.check(gan, format, name, gan.ema_generator)

    @parameterized.product(
        way=(("tf_saved_model", "digits"), ("litert", "digits.tflite"), ("onnx", "digits.onnx")),
        num_classes=(None, 2),
        dtype=("float32", "mixed_bfloat16"),
        loaded=(False, True),
    )
    @pytest.mark.slow
    def test_every_door(self, way, num_classes, dtype, loaded):
        gan = exported_gan(num_classes, dtype)
        if loaded:
            gan.save(path := self.path("gan.keras"))
            gan = keras.saving.load_model(path)
        self.check(gan, *way, gan.ema_generator)

    def test_models_that_are_no_gan(self):
        encoder = networks.MLPEncoder((2,), latent_dim=6, hidden_units=(4,))
        vae = VAE(encoder, small.mlp((2,)))
        self.check(vae, "tf_saved_model", "vae", vae.sampler)

    def test_plain_keras_generators(self):
        plain = test_plain.model(num_classes=2)
        judge = small.discriminator((2, 2, 1), num_classes=2)
        gan = keras_gan.GAN(plain, judge, latent_prior="uniform", num_classes=2)
        card = gan.export(self.folder / "plain.tflite", format="litert")
        self.assertEqual((card["latent_prior"], card["num_classes"]), ("uniform", 2))
        self.assertEqual(card["weights_sha256"], serialization.weights_digest(plain))

    def test_arguments_reach_the_exporter(self):
        gan = exported_gan(None, "float32")
        with mock.patch.object(tflite, "export", return_value={"a": 1}) as export:
            self.assertEqual(gan.export("a.tflite", format="litert", overwrite=True, batch_sizes=(2,)), {"a": 1})
        export.assert_called_once_with(gan, "a.tflite", overwrite=True, batch_sizes=(2,))
        with self.assertRaisesRegex(
            ValueError, r"`format` must be one of \['litert', 'onnx', 'tf_saved_model'\].*'tf'"
        ):
            gan.export("a", format="tf")
        (self.folder / "digits").mkdir()
        with self.assertRaisesRegex(ValueError, "digits exists already"):
            gan.export(self.folder / "digits")
