import copy
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import networks, optimizers
from tests.test_case import TestCase

LossScale = keras.optimizers.LossScaleOptimizer


def generator(dtype=None):
    return networks.MLPGenerator((2,), latent_dim=2, hidden_units=(8,), dtype=dtype)


def an_overflow_on_one_replica_skips_the_update_on_both(strategy):
    with strategy.scope():
        weight = keras.Variable([1.0, 2.0])
        optimizer = LossScale(keras.optimizers.SGD(0.5), initial_scale=8.0)
        optimizer.build([weight])

    @tf.function
    def step(factors):
        def on_replica():
            factor = factors[tf.distribute.get_replica_context().replica_id_in_sync_group]
            with tf.GradientTape() as tape:
                scaled = optimizer.scale_loss(factor * tf.reduce_sum(weight))
            optimizers.apply(optimizer, tape.gradient(scaled, [weight.value]), [weight])

        strategy.run(on_replica)

    def copies(variable):
        return [np.asarray(copy) for copy in strategy.experimental_local_results(variable.value)]

    for factors in ([1.0, np.inf], [np.nan, 1.0], [np.inf, -np.inf]):
        step(tf.constant(factors))
        np.testing.assert_array_equal(copies(weight), [[1.0, 2.0]] * 2)
    # Each of the three halved the scale.
    np.testing.assert_array_equal(copies(optimizer.dynamic_scale), [1.0] * 2)
    step(tf.constant([1.0, 3.0]))
    np.testing.assert_allclose(copies(weight), [[-1.0, 0.0]] * 2)  # minus 0.5 * (1 + 3)


def _step(strategy, optimizer, weight):
    @tf.function
    def step():
        def on_replica():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            gradient = tf.gather([[1.0, 4.0], [2.0, 0.0]], replica)
            with tf.GradientTape() as tape:
                scaled = optimizer.scale_loss(tf.reduce_sum(gradient * weight))
            optimizers.apply(optimizer, tape.gradient(scaled, [weight.value]), [weight])

        strategy.run(on_replica)

    step()


def clipping_sees_the_global_gradient(strategy):
    """Gradients (3, 4) in all, as (1, 4) and (2, 0): their norm 5 is clipped to 1 once, scaled losses or not."""
    for wrap in (lambda inner: inner, lambda inner: LossScale(inner, initial_scale=8.0)):
        for clip, expected in (
            ({"clipnorm": 1.0}, [-0.6, -0.8]),
            ({"global_clipnorm": 1.0}, [-0.6, -0.8]),
            ({"clipvalue": 3.5}, [-3.0, -3.5]),
        ):
            with strategy.scope():
                weight = keras.Variable([0.0, 0.0])
                optimizer = wrap(keras.optimizers.SGD(1.0, **clip))
                optimizer.build([weight])

            _step(strategy, optimizer, weight)
            for value in strategy.experimental_local_results(weight.value):
                np.testing.assert_allclose(value, expected, rtol=1e-5)


class AdamTest(TestCase):
    def descend(self, optimizer, gradients, jit_compile=False):
        weight = keras.Variable([1.0, -2.0])
        optimizer.build([weight])
        step = tf.function(lambda g: optimizer.apply([g], [weight]), jit_compile=jit_compile)
        for gradient in gradients:
            step(tf.constant(gradient, tf.float32))
        return weight.numpy()

    def test_a_constant_is_keras_adam(self):
        gradients = np.random.default_rng(0).normal(size=(5, 2))
        constant = keras.optimizers.schedules.PiecewiseConstantDecay([100], [0.9, 0.5])
        for amsgrad in (False, True):
            expected = self.descend(keras.optimizers.Adam(0.1, 0.5, 0.9, amsgrad=amsgrad), gradients)
            for jit_compile, beta_2 in itertools.product((False, True), (0.9, constant)):
                ours = optimizers.Adam(0.1, 0.5, beta_2, amsgrad=amsgrad)
                self.assertAllClose(self.descend(ours, gradients, jit_compile), expected, rtol=1e-6)

    def test_accumulated_gradients_are_keras_adam(self):
        for make in (keras.optimizers.Adam, keras_gan.optimizers.Adam):
            variable = keras.Variable([1.0, -2.0])
            optimizer = make(0.1, gradient_accumulation_steps=2)
            optimizer.build([variable])
            for gradient in ([1.0, 2.0], [3.0, -1.0], [0.5, 0.5], [1.0, 1.0]):
                optimizer.apply([tf.constant(gradient)], [variable])
            if make is keras.optimizers.Adam:
                expected = variable.numpy()
        self.assertAllClose(variable, expected, rtol=1e-6)

    def test_a_schedule_by_hand(self):
        """v' = b v + (1 - b) g^2, divided by 1 - b^t with the present b, as PyTorch's Adam with changed betas."""
        betas, gradients = [0.5, 0.8, 0.9], np.array([[1.0, -3.0], [2.0, 0.5], [-1.0, 4.0]])
        weight, v = np.array([1.0, -2.0]), np.zeros(2)
        for t, (beta, gradient) in enumerate(zip(betas, gradients, strict=True), start=1):
            v = beta * v + (1 - beta) * gradient**2
            weight = weight - 0.1 * gradient / (np.sqrt(v / (1 - beta**t)) + 1e-7)
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1], betas)
        self.assertAllClose(self.descend(optimizers.Adam(0.1, 0.0, schedule), gradients), weight, rtol=1e-5)

    def test_serialization(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1], [0.5, 0.8, 0.9])
        for beta_2 in (0.9, schedule):
            again = self.assert_config_round_trip(optimizers.Adam(0.1, 0.0, beta_2, clipnorm=1.0))
            self.assertEqual(again.clipnorm, 1.0)
        self.assertAllClose(again.beta_2(5), 0.9)
        for beta_2 in (1.0, "rising"):
            with self.assertRaisesRegex(ValueError, "`beta_2` must .*Received: beta_2="):
                optimizers.Adam(beta_2=beta_2)


class SGDTest(TestCase, parameterized.TestCase):
    def steps(self, optimizer, n, jit_compile=False):
        """The weight 0 after 1, ..., n steps along gradients of 1."""
        weight = keras.Variable([0.0])
        optimizer.build([weight])
        step = tf.function(lambda: optimizer.apply([tf.ones(1)], [weight]), jit_compile=jit_compile)
        values = []
        for _ in range(n):
            step()
            values.append(float(weight[0]))
        return values

    @parameterized.parameters(False, True)
    def test_momentum_follows_its_schedule(self, jit_compile):
        rise = keras.optimizers.schedules.PolynomialDecay(0.5, decay_steps=2, end_learning_rate=0.9)
        optimizer = optimizers.SGD(0.1, momentum=rise)
        # Momentum 0.5, 0.7, 0.9, 0.9: velocities -0.1, -0.07 - 0.1, -0.153 - 0.1, ...
        velocities = [-0.1, -0.17, -0.253, -0.3277]
        self.assertAllClose(self.steps(optimizer, 4, jit_compile), np.cumsum(velocities), rtol=1e-5)

    @parameterized.parameters(False, True)
    def test_a_constant_schedule_is_a_number(self, nesterov):
        constant = keras.optimizers.schedules.PolynomialDecay(0.9, decay_steps=1, end_learning_rate=0.9)
        of_keras = self.steps(keras.optimizers.SGD(0.1, 0.9, nesterov), 4)
        for momentum in (0.9, constant):
            self.assertAllClose(self.steps(optimizers.SGD(0.1, momentum, nesterov), 4), of_keras, rtol=1e-6)
        self.assertAllClose(self.steps(optimizers.SGD(0.1), 2), [-0.1, -0.2])

    def test_round_trip(self):
        decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
        rise = keras.optimizers.schedules.PolynomialDecay(0.5, 10, end_learning_rate=0.7)
        for momentum in (0.3, rise):
            config = keras.saving.serialize_keras_object(optimizers.SGD(decay, momentum=momentum, nesterov=True))
            # Keras puts the schedule of the learning rate into the configuration that it reads.
            again = keras.saving.deserialize_keras_object(copy.deepcopy(config))
            self.assertIsInstance(again, optimizers.SGD)
            self.assertEqual(type(again.momentum), type(momentum))
            self.assertEqual(keras.saving.serialize_keras_object(again), config)

    def test_saved_with_a_gan(self):
        gan = keras_gan.GAN(generator(), networks.MLPDiscriminator((2,), hidden_units=(8,)))
        rise = keras.optimizers.schedules.PolynomialDecay(0.5, 10, end_learning_rate=0.7)
        gan.compile(optimizers.SGD(0.1, momentum=rise), optimizers.SGD(0.1, momentum=0.5), run_eagerly=True)
        gan.train_on_batch(np.ones((4, 2), "float32"))
        gan.save(path := self.path("gan.keras"))
        again = keras.models.load_model(path)
        self.assertAllClose(float(again.generator_optimizer.momentum(5)), 0.6)
        for old, new in zip(gan.generator_optimizer.variables, again.generator_optimizer.variables, strict=True):
            self.assertAllEqual(old, new)

    def test_errors(self):
        for momentum in (-0.1, 1.5):
            with self.assertRaisesRegex(ValueError, r"`momentum` must lie in \[0, 1\]. Received: momentum="):
                optimizers.SGD(momentum=momentum)
        with self.assertRaisesRegex(ValueError, "`momentum` must be a finite number or"):
            optimizers.SGD(momentum="much")


class ForNetworkTest(TestCase, parameterized.TestCase):
    @parameterized.parameters((None, False), ("mixed_bfloat16", False), ("mixed_float16", True), ("float16", True))
    def test_loss_scaling_where_a_layer_computes_in_float16(self, dtype, scaled):
        network = generator(dtype)
        optimizer = optimizers.for_network("sgd", network)
        self.assertEqual(isinstance(optimizer, LossScale), scaled)
        self.assertIsInstance(optimizer.inner_optimizer if scaled else optimizer, keras.optimizers.SGD)
        self.assertTrue(optimizer.built)

    def test_one_layer_deep_down_is_enough(self):
        inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, dtype="mixed_float16")])
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), inner])
        self.assertIsInstance(optimizers.for_network("sgd", network), LossScale)

    def test_wrapped_only_once(self):
        network = generator("mixed_float16")
        mine = LossScale(keras.optimizers.SGD(0.1), initial_scale=4.0)
        optimizer = optimizers.for_network(mine, network)
        self.assertIs(optimizer, mine)
        self.assertIs(optimizers.for_network(optimizer, network), mine)

    def test_a_built_optimizer_keeps_its_state(self):
        network = generator()
        optimizer = optimizers.for_network(keras.optimizers.SGD(momentum=0.9), network)
        optimizer.apply([tf.ones_like(variable) for variable in network.trainable_variables])
        state = [variable.numpy() for variable in optimizer.variables]
        again = optimizers.for_network(optimizer, network)
        self.assertIs(again, optimizer)
        for variable, value in zip(again.variables, state, strict=True):
            self.assertAllEqual(variable, value)
        self.assertEqual(int(again.iterations), 1)

    def test_what_keras_does_not_know_is_refused(self):
        with self.assertRaisesRegex(ValueError, "adamm"):
            optimizers.for_network("adamm", generator())

    def test_an_average_of_its_own_is_refused(self):
        for optimizer in (
            keras.optimizers.SGD(use_ema=True),
            keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(use_ema=True)),
        ):
            with self.assertRaisesRegex(ValueError, r"use GAN\(..., ema_momentum=\). Received: .*use_ema=True"):
                optimizers.for_network(optimizer, generator())


class ApplyTest(TestCase):
    def test_scaled_and_plain_updates_are_equal(self):
        after = []
        for optimizer in (keras.optimizers.SGD(0.5), LossScale(keras.optimizers.SGD(0.5))):
            weight = keras.Variable([1.0, -2.0])
            optimizer.build([weight])
            with tf.GradientTape() as tape:
                loss = optimizer.scale_loss(tf.reduce_sum(tf.square(weight)))
            optimizers.apply(optimizer, tape.gradient(loss, [weight.value]), [weight])
            after.append(weight.numpy())
        self.assertAllClose(after, [[0.0, 0.0]] * 2)  # w - 0.5 * 2w

    def test_an_overflow_skips_the_update(self):
        weight = keras.Variable([1.0, -2.0])
        optimizer = LossScale(keras.optimizers.SGD(0.5), initial_scale=8.0)
        optimizer.build([weight])
        optimizers.apply(optimizer, [tf.constant([np.inf, 0.0])], [weight])
        self.assertAllEqual(weight, [1.0, -2.0])
        self.assertEqual(float(optimizer.dynamic_scale), 4.0)

    def test_clipping(self):
        """Gradients 2w = (6, 8) of norm 10 are clipped to 1, with loss scaling after they are unscaled."""
        for wrap in (lambda inner: inner, lambda inner: LossScale(inner, initial_scale=8.0)):
            optimizer = wrap(keras.optimizers.SGD(1.0, clipnorm=1.0))
            weight = keras.Variable([3.0, 4.0])
            optimizer.build([weight])
            with tf.GradientTape() as tape:
                loss = optimizer.scale_loss(tf.reduce_sum(tf.square(weight)))
            optimizers.apply(optimizer, tape.gradient(loss, [weight.value]), [weight])
            self.assertAllClose(weight, [2.4, 3.2])
        optimizers.apply(optimizer, [tf.constant([np.inf, 0.0])], [weight])
        self.assertAllClose(weight, [2.4, 3.2])

    @pytest.mark.slow
    def test_clipping_on_two_replicas(self):
        self.run_on_two_replicas(clipping_sees_the_global_gradient)

    def test_an_overflow_on_one_of_two_replicas(self):
        self.run_on_two_replicas(an_overflow_on_one_replica_skips_the_update_on_both)


class GANTest(TestCase):
    def test_each_network_gets_what_it_needs(self):
        """A float16 discriminator facing a float32 generator; saved and loaded, it is wrapped no second time."""
        gan = keras_gan.GAN(generator(), networks.MLPDiscriminator((2,), hidden_units=(8,), dtype="mixed_float16"))
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
        gan.train_on_batch(np.ones((4, 2), "float32"))
        gan.save(path := self.path("gan.keras"))
        for model in (gan, keras.saving.load_model(path)):
            self.assertIsInstance(model.generator_optimizer, keras.optimizers.SGD)
            self.assertIsInstance(model.discriminator_optimizer, LossScale)
            self.assertIsInstance(model.discriminator_optimizer.inner_optimizer, keras.optimizers.SGD)
