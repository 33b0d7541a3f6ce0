"""What the models that own a generator share; on two replicas those that are no GAN, which has its own tests."""

import types

import keras
import numpy as np
import pytest

from keras_gan import VAE, execution, networks
from keras_gan.generative import GenerativeModel
from keras_gan.unlearning import Feature, FeatureUnlearner
from tests.keras_gan.test_execution import assert_same_update, batched, distributed
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
    return with_weights(FeatureUnlearner(generator, Feature([1.0, 0.0, 0.0], threshold=0.2)))


def a_step_on_two_replicas_equals_one_on_one(strategy):
    rng = np.random.default_rng(1)
    for make, shape in ((make_vae, SHAPE), (make_unlearner, (3,))):
        one = make()
        with strategy.scope():
            two = make()
        two.set_weights(one.get_weights())
        start = [np.asarray(variable) for variable in one.trainable_variables]
        data = batched(rng.uniform(-1, 1, (8, *shape)).astype("float32"), 8).repeat()
        logs = [execution.train_function(one)(iter(data))]
        logs.append(execution.train_function(two)(iter(distributed(strategy, data))))
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
        model = Scheduled(generator, Feature([1.0, 0.0, 0.0], threshold=0.2), schedule, name="Scheduled")
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
