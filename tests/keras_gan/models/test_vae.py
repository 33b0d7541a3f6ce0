import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import VAE, networks
from keras_gan.models.vae import kl_divergence
from tests.keras_gan.models.test_xla import unknown_shapes
from tests.test_case import TestCase

SHAPE = (8, 8, 1)


class LinearGenerator(networks.Generator):
    """x = W z."""

    def __init__(self, image_shape=(3,), latent_dim=2, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
        self.dense = keras.layers.Dense(self.image_shape[0], use_bias=False)
        self.build()

    def call(self, inputs, training=None):
        return self.dense(self.unpack(inputs)[0])


class LinearEncoder(networks.Encoder):
    """m = A x, with a variance that does not depend on x."""

    def __init__(self, image_shape=(3,), latent_dim=2, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
        self.dense = keras.layers.Dense(latent_dim, use_bias=False)
        self.spread = self.add_weight(shape=(latent_dim,), initializer="zeros", name="spread")
        self.build()

    def call(self, inputs, training=None):
        mean = self.dense(self.unpack(inputs)[0])
        return self.halves(keras.ops.concatenate([mean, keras.ops.zeros_like(mean) + self.spread], axis=-1))


def linear_gaussian(variance=0.25):
    """A model whose density and posterior are known: W has orthogonal columns of squared lengths 4 and 1.

    p(x) = N(0, W W' + v); p(z | x) has mean W' x / (w^2 + v) and variance v / (w^2 + v), entry by entry.
    """
    columns = np.array([[2.0, 0.0, 0.0], [0.0, 0.6, 0.8]])
    squares = np.array([4.0, 1.0])
    encoder, generator = LinearEncoder(), LinearGenerator()
    generator.dense.kernel.assign(columns)
    encoder.dense.kernel.assign((columns / (squares + variance)[:, None]).T)
    encoder.spread.assign(np.log(variance / (squares + variance)))
    model = VAE(encoder, generator, variance=variance)
    covariance = columns.T @ columns + variance * np.eye(3)
    return compiled(model), covariance


def log_density(x, covariance):
    return -0.5 * (
        np.einsum("ni,ij,nj->n", x, np.linalg.inv(covariance), x)
        + np.linalg.slogdet(covariance)[1]
        + len(covariance) * math.log(2 * math.pi)
    )


def compiled(model, **arguments):
    model.compile(**{"optimizer": keras.optimizers.SGD(0.01), **arguments})
    return model


def small(num_classes=None, dtype=None, seed=0, **arguments):
    shared = {"latent_dim": 3, "filters": 2, "num_classes": num_classes, "dtype": dtype}
    model = VAE(networks.DCGANEncoder(SHAPE, **shared), networks.DCGANGenerator(SHAPE, **shared), seed=seed)
    return compiled(model, **arguments)


def images(n=8, shape=SHAPE):
    return np.random.default_rng(0).uniform(-1, 1, (n, *shape)).astype("float32")


class KLTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (0.0, 1.0, 0.0),
        (3.0, 1.0, 4.5),
        (0.0, 2.0, (4 - 1 - math.log(4)) / 2),
        (1.0, 0.5, (1 + 0.25 - 1 + math.log(4)) / 2),
    )
    def test_by_hand(self, mean, deviation, expected):
        found = kl_divergence(tf.constant([[mean, 0.0]]), tf.constant([[2 * math.log(deviation), 0.0]]))
        self.assertAllClose(found, [expected])

    def test_equals_an_integral(self):
        x = np.linspace(-12, 12, 200_001)
        m, s = 0.7, 1.6

        def log_normal(m, s):
            return -0.5 * ((x - m) / s) ** 2 - math.log(s) - 0.5 * math.log(2 * math.pi)

        integrand = np.exp(log_normal(m, s)) * (log_normal(m, s) - log_normal(0, 1))
        found = kl_divergence(tf.constant([[m]]), tf.constant([[2 * math.log(s)]]))
        self.assertAllClose(found, [integrand.sum() * (x[1] - x[0])], rtol=1e-5)

    def test_is_exact_near_the_prior(self):
        """exp(v) - 1 - v = v^2 / 2 + ..., where float32 would round exp(v) - 1 to three digits."""
        found = kl_divergence(tf.zeros((1, 1)), tf.constant([[1e-2]]))
        self.assertAllClose(found, [0.5 * (1e-4 / 2 + 1e-6 / 6)], rtol=1e-3)


class LikelihoodTest(TestCase):
    def test_gaussian_by_hand(self):
        model = VAE(LinearEncoder(), LinearGenerator(), variance=0.5)
        x, made = tf.constant([[1.0, 0.0, 2.0]]), tf.constant([[0.0, 0.0, 1.0]])
        # Two squares, over 2 v = 1, and three times log(2 pi v) / 2.
        self.assertAllClose(model.negative_log_likelihood(x, made), [2.0 + 1.5 * math.log(math.pi)])

    def test_bernoulli_by_hand(self):
        model = VAE(LinearEncoder(), LinearGenerator(), likelihood="bernoulli")
        # Pixels 1, 0, 1 / 2 against probabilities 3 / 4, 1 / 4, 1 / 2.
        x, made = tf.constant([[1.0, -1.0, 0.0]]), tf.constant([[0.5, -0.5, 0.0]])
        expected = -2 * math.log(0.75) - math.log(0.5)
        self.assertAllClose(model.negative_log_likelihood(x, made), [expected])
        # A certain generator that is wrong costs much, but not infinitely, and has a finite gradient.
        made = tf.Variable([[-1.0, 1.0, 0.0]])
        with tf.GradientTape() as tape:
            cost = model.negative_log_likelihood(x, made)
        self.assertAllInRange(cost, 20.0, 40.0)
        self.assertTrue(np.isfinite(tape.gradient(cost, made)).all())

    def test_the_best_trained_variance_is_the_mean_square(self):
        model = VAE(LinearEncoder(), LinearGenerator())
        x, made = tf.constant([[1.0, 0.0, 2.0]]), tf.constant([[0.0, 0.0, 1.0]])
        model.log_variance.assign(math.log(2 / 3))
        with tf.GradientTape() as tape:
            cost = model.negative_log_likelihood(x, made)
        self.assertAllClose(tape.gradient(cost, model.log_variance.value), 0.0, atol=1e-6)
        self.assertIn(model.log_variance.path, [variable.path for variable in model.trainable_variables])
        fixed = VAE(LinearEncoder(), LinearGenerator(), variance=0.5)
        self.assertNotIn(fixed.log_variance.path, [variable.path for variable in fixed.trainable_variables])


class BoundTest(TestCase):
    def test_is_the_log_density_with_the_exact_posterior(self):
        """E_q[log p(x, z) - log q(z | x)] = log p(x), whatever x is, if q is the posterior."""
        model, covariance = linear_gaussian()
        for x in ([0.3, -0.5, 1.0], [0.0, 0.0, 0.0]):
            rows = np.tile(np.array([x], "float32"), (40_000, 1))
            found = model.test_on_batch(rows, return_dict=True)
            self.assertAllClose(-found["loss"], log_density(np.array([x]), covariance)[0], atol=0.02)
            self.assertAllClose(found["loss"], found["reconstruction"] + found["kl"], atol=1e-5)

    def test_is_below_the_log_density_with_any_other(self):
        """By the divergence from the posterior, which for an encoder that says nothing is that of the prior."""
        model, covariance = linear_gaussian(variance=0.25)
        x = np.array([[0.3, -0.5, 1.0]])
        squares = np.array([4.0, 1.0])
        mean = (x @ np.array([[2.0, 0.0, 0.0], [0.0, 0.6, 0.8]]).T / (squares + 0.25))[0]
        spread = 0.25 / (squares + 0.25)
        model.encoder.dense.kernel.assign(np.zeros((3, 2)))
        model.encoder.spread.assign(np.zeros(2))
        gap = 0.5 * np.sum((1 + mean**2) / spread - 1 + np.log(spread))
        rows = np.tile(x.astype("float32"), (100_000, 1))
        found = model.test_on_batch(rows, return_dict=True)
        self.assertEqual(found["kl"], 0.0)
        self.assertAllClose(-found["loss"], log_density(x, covariance)[0] - gap, rtol=0.01)

    def test_fit_approaches_the_log_density_of_the_data(self):
        """Probabilistic PCA: trained on samples of a linear model, the bound rises to their entropy."""
        keras.utils.set_random_seed(1)
        _, covariance = linear_gaussian()
        rng = np.random.default_rng(0)
        x = rng.multivariate_normal(np.zeros(3), covariance, 4000).astype("float32")
        model = compiled(
            VAE(LinearEncoder(), LinearGenerator()),
            optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 250)),
        )
        data = tf.data.Dataset.from_tensor_slices(x).shuffle(4000, seed=0).repeat().batch(200)
        model.fit(data, steps_per_epoch=250, verbose=0)
        # No model does better than the true one, but for what 4,000 samples allow.
        bound = model.evaluate(x, batch_size=4000, verbose=0, return_dict=True)["loss"]
        best = -log_density(x, covariance).mean()
        self.assertAllInRange([bound - best], -0.02, 0.08)
        self.assertAllClose(np.exp(np.asarray(model.log_variance)), 0.25, atol=0.03)


class VAETest(TestCase, parameterized.TestCase):
    def test_beta_weighs_the_divergence(self):
        x = images()
        logs = [small(beta=beta).test_on_batch(x, return_dict=True) for beta in (0.0, 2.5)]
        for beta, found in zip((0.0, 2.5), logs, strict=True):
            self.assertAllClose(found["loss"], found["reconstruction"] + beta * found["kl"], rtol=1e-5)

    def test_a_step_is_the_gradient_of_the_bound(self):
        """Against central differences of the loss with the same draws."""
        model, _ = linear_gaussian()
        x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
        weights = model.get_weights()

        def loss():
            noise = keras_gan.random.Noise(model.seed, tf.constant(0, tf.int64))
            return float(model._objective(tf.constant(x), None, noise, training=True))

        rate = 1e-3
        compiled(model, optimizer=keras.optimizers.SGD(rate)).train_on_batch(x)
        moved = [np.asarray(v) for v in model.trainable_variables]
        model.set_weights(weights)
        for variable, after in zip(model.trainable_variables, moved, strict=True):
            gradient = (np.asarray(variable) - after) / rate
            for index in np.ndindex(*variable.shape):
                values = []
                for sign in (1, -1):
                    shifted = np.array(variable)
                    shifted[index] += sign * 1e-2
                    original = np.array(variable)
                    variable.assign(shifted)
                    values.append(loss())
                    variable.assign(original)
                self.assertAllClose(gradient[index], (values[0] - values[1]) / 2e-2, rtol=0.02, atol=0.02)

    def test_draws_depend_on_seed_and_step_alone(self):
        x = images()
        same = [small(run_eagerly=True) for _ in range(2)]
        same[1].set_weights(same[0].get_weights())
        for model in same:
            model.fit(x, batch_size=4, epochs=2, shuffle=False, verbose=0)
        self.assert_same_weights(*same)
        self.assertEqual(int(same[0].step), 4)
        # Evaluation repeats itself, and disturbs nothing.
        first, second = (same[0].evaluate(x, verbose=0, return_dict=True) for _ in range(2))
        self.assertEqual(first, second)
        self.assertEqual(int(same[0].step), 4)
        other = small(seed=1, run_eagerly=True)
        other.set_weights(same[0].get_weights())
        self.assertNotEqual(other.evaluate(x, verbose=0, return_dict=True)["loss"], first["loss"])

    @pytest.mark.slow
    def test_learns_to_reconstruct(self):
        keras.utils.set_random_seed(0)
        rng = np.random.default_rng(0)
        # Bars whose brightness is all that there is to know.
        x = (rng.uniform(-1, 1, (256, 1, 1, 1)) * np.ones((1, 8, 8, 1))).astype("float32")
        x[:, :, 4:] *= -1.0
        model = compiled(
            VAE(
                networks.MLPEncoder(SHAPE, latent_dim=2, hidden_units=(32,)),
                networks.MLPGenerator(SHAPE, 2, hidden_units=(32,), kernel_initializer="glorot_uniform"),
            ),
            optimizer=keras.optimizers.Adam(0.01),
        )
        before = np.mean((model.reconstruct(x) - x) ** 2)
        model.fit(x, epochs=30, verbose=0)
        self.assertLess(np.mean((model.reconstruct(x) - x) ** 2), 0.05 * before)
        mean, log_variance = model.encode(x)
        self.assertEqual((mean.shape, log_variance.shape), ((256, 2), (256, 2)))
        # Samples have as much spread as the data.
        self.assertAllClose(np.std(model.sample(300)[:, 0, 0]), np.std(x[:, 0, 0]), rtol=0.35)

    def test_saving(self):
        model, x = small(beta=0.5, seed=3), images()
        model.train_on_batch(x)
        path = self.path("vae.keras")
        model.save(path)
        again = keras.saving.load_model(path)
        self.assert_same_weights(again, model)
        self.assertEqual((again.beta, again.seed, again.likelihood, int(again.step)), (0.5, 3, "gaussian", 1))
        self.assertAllEqual(again.reconstruct(x), model.reconstruct(x))
        for each in (model, again):
            each.train_on_batch(x)
        self.assert_same_weights(again, model)

    def test_the_generator_is_an_ordinary_one(self):
        model = small()
        path = self.path("generator.keras")
        model.save_generator(path)
        again = keras.saving.load_model(path)
        self.assertIs(type(again), networks.DCGANGenerator)
        self.assertAllEqual(again.sample(3, seed=5), model.sample(3, seed=5))
        self.assertAllEqual(model.predict(np.ones((2, 3)), verbose=0), again.predict(np.ones((2, 3)), verbose=0))
        # It can forget, too.
        feature = keras_gan.unlearning.LatentDirection([1.0, 0.0, 0.0], 0.5)
        unlearner = keras_gan.unlearning.FeatureUnlearner(model, feature)
        self.assert_same_weights(unlearner.original, model.generator)

    def test_xla(self):
        """XLA compiles the step, every shape in it is known, and it makes the step that a graph makes."""
        data = tf.constant(images()), tf.range(8) % 3
        weights, start = [], small(3).get_weights()
        for jit_compile in (False, True):
            model = small(3, optimizer=keras.optimizers.SGD(1e-3))
            model.set_weights(start)
            step = tf.function(model.train_step, jit_compile=jit_compile)
            step(data)
            weights.append(model.get_weights())
        self.assertEqual(unknown_shapes(step.get_concrete_function(data).graph), [])
        for old, graph, xla in zip(start, *weights, strict=True):
            self.assertAllClose(graph, xla, atol=1e-4, rtol=1e-3)
            self.assertFalse(old.ndim > 1 and np.array_equal(old, graph))

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_half_precision(self, policy):
        full, half = small(run_eagerly=True), small(dtype=policy, run_eagerly=True)
        half.set_weights(full.get_weights())
        logs = [model.train_step(tf.constant(images())) for model in (full, half)]
        self.assertAllClose(*logs, rtol=0.02, atol=0.02)
        scaled = isinstance(half.optimizer, keras.optimizers.LossScaleOptimizer)
        self.assertEqual(scaled, policy == "mixed_float16")

    def test_wrong_batches_never_reach_the_weights(self):
        model = small()
        before = model.get_weights()
        for x, message in (
            (images() * 100, r"Expected images in \[-1, 1\]. Received: values as large as"),
            (images().astype("uint8"), "Expected float images"),
            (images(shape=(8, 8, 3)), r"Expected images of shape \(batch, 8, 8, 1\)"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                model.fit(x, verbose=0)
        for old, new in zip(before, model.get_weights(), strict=True):
            self.assertAllEqual(old, new)

    def test_bad_input(self):
        encoder, generator = networks.MLPEncoder((2,), 2, (4,)), networks.MLPGenerator((2,), 2, hidden_units=(4,))
        for arguments, message in (
            ((generator, generator), "`encoder` must be a keras_gan.networks.Encoder"),
            ((encoder, encoder), "`generator` must be a keras_gan.networks.Generator"),
            ((networks.MLPEncoder((2,), 3), generator), "the same `latent_dim`. Received: 3 and 2"),
            ((networks.MLPEncoder((3,), 2), generator), "the same `image_shape`"),
            ((networks.MLPEncoder((2,), 2, num_classes=2), generator), "the same `num_classes`"),
            ((encoder, networks.MLPGenerator((2,), 2, latent_prior="uniform")), "use a generator with latent_prior="),
            ((encoder, generator, "poisson"), "`likelihood` must be one of"),
            ((encoder, generator, "gaussian", 0.0), "`variance` must be a positive number"),
            ((encoder, generator, "bernoulli", 1.0), "is one of likelihood='gaussian'"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                VAE(*arguments)
        with self.assertRaisesRegex(ValueError, "`beta` must be a number of at least 0. Received: beta=-1"):
            VAE(encoder, generator).compile(beta=-1)
