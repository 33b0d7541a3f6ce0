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


class GenerativeModelTest(TestCase):
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
