"""The theory of 2014 and 2018, run through `GAN.fit` and `GAN.train_step` and compared with closed forms."""

import math

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import regularizers
from keras_gan.data import toy
from keras_gan.metrics import divergence
from tests.test_case import TestCase

LOG_2 = math.log(2)


class Discrete(keras_gan.networks.Generator):
    """One-hot vectors with given probabilities: the latent, uniform in (-1, 1), falls into one of several intervals."""

    def __init__(self, probabilities, **kwargs):
        size = len(probabilities)
        super().__init__(image_shape=(size,), latent_dim=1, latent_prior="uniform", **kwargs)
        self.ends = 2.0 * np.cumsum(probabilities)[:-1].astype("float32") - 1.0
        self.unused = self.add_weight(shape=())
        self.build()

    def call(self, inputs, training=None):
        chosen = tf.reduce_sum(tf.cast(inputs >= self.ends, tf.int32), axis=1)
        return tf.one_hot(chosen, len(self.ends) + 1) + 0.0 * self.unused


class Point(keras_gan.networks.Generator):
    """The generator of the Dirac-GAN: one number theta, whatever the latents."""

    def __init__(self, theta, **kwargs):
        super().__init__(image_shape=(1,), latent_dim=1, **kwargs)
        self.theta = self.add_weight(shape=(), initializer=keras.initializers.Constant(theta))
        self.build()

    def call(self, inputs, training=None):
        return 0.0 * inputs + self.theta


class Linear(keras_gan.networks.Discriminator):
    """A table of logits for one-hot vectors, and the Dirac-GAN's `D(x) = psi x` for numbers: `D(x) = w . x`."""

    def __init__(self, kernel, **kwargs):
        super().__init__(image_shape=(len(kernel),), **kwargs)
        self.kernel = self.add_weight(shape=(len(kernel), 1))
        self.kernel.assign(np.reshape(kernel, (-1, 1)))
        self.build()

    def call(self, inputs, training=None):
        return inputs @ self.kernel


def still():
    """An optimizer that leaves a network as it is."""
    return keras.optimizers.SGD(0.0)


def falling(rate, steps):
    """Adam with a learning rate that falls to zero, so that the noise of minibatches averages out."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))


class OptimalDiscriminatorTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ([0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]),
        ([0.4, 0.6], [0.4, 0.6]),  # the equilibrium
    )
    def test_discrete(self, p, q):
        """D = p / (p + q) (proposition 1), V = -log 4 + 2 JSD (theorem 1), and at p = q D = 1/2, V = -log 4."""
        p, q, rows, steps = np.array(p), np.array(q), 1000, 250
        gan = keras_gan.GAN(Discrete(q), Linear(np.zeros(len(p))))
        gan.compile(still(), falling(0.1, steps), loss="minimax")
        # Real data in exact proportions; what the generator makes is drawn anew in each step.
        real = np.eye(len(p), dtype="float32")[np.repeat(np.arange(len(p)), np.rint(p * rows).astype(int))]
        gan.fit(tf.data.Dataset.from_tensors(real).repeat(), steps_per_epoch=steps, verbose=0)
        logits = gan.discriminator.kernel.numpy().ravel()
        found = 1 / (1 + np.exp(-logits))
        self.assertAllClose(found, divergence.optimal_discriminator(p, q), rtol=0, atol=0.012)
        bound = -2 * LOG_2 + 2 * divergence.exact_jensen_shannon(p, q)
        value = divergence.value_function(logits, logits, p, q)
        self.assertLessEqual(value, bound + 1e-9)
        self.assertAllClose(value, bound, rtol=0, atol=5e-4)
        if (p == q).all():
            self.assertAllClose(found, [0.5] * len(p), rtol=0, atol=0.012)
            self.assertAllClose(value, -2 * LOG_2, rtol=0, atol=5e-4)

    def test_on_a_line(self):
        """The same in 1-D with a multilayer perceptron: data of two Gaussians, a generator of one."""
        data, made, steps = toy.two_gaussians(), toy.Mixture([0.5], 0.8), 400
        generator = keras_gan.networks.MLPGenerator((1,), latent_dim=1, hidden_units=())
        generator.set_weights([np.full((1, 1), 0.8), np.full(1, 0.5)])
        discriminator = keras_gan.networks.MLPDiscriminator(
            (1,), hidden_units=(32, 32), activation="tanh", kernel_initializer="glorot_uniform"
        )
        gan = keras_gan.GAN(generator, discriminator)
        gan.compile(still(), falling(0.01, steps), loss="minimax")
        dataset = tf.data.Dataset.from_tensors(data.sample(4000)).repeat()
        gan.fit(dataset, steps_per_epoch=steps, verbose=0)
        x = np.linspace(-4, 5, 1801)
        p, q = (density.density(x[:, None]) * (x[1] - x[0]) for density in (data, made))
        logits = discriminator(x[:, None].astype("float32")).numpy().ravel()
        error = np.abs(1 / (1 + np.exp(-logits)) - divergence.optimal_discriminator(p, q))
        self.assertLess((error * (p + q)).sum() / 2, 0.025)
        bound = -2 * LOG_2 + 2 * divergence.exact_jensen_shannon(p / p.sum(), q / q.sum())
        value = divergence.value_function(logits, logits, p, q)
        self.assertLess(value, bound + 1e-6)
        self.assertAllClose(value, bound, rtol=0, atol=0.012)

    def test_the_generator_has_no_gradient_at_the_equilibrium(self):
        """Against D = 1/2, and against the best answer to p = q, the minimax loss is flat."""
        gan = keras_gan.GAN(Point(0.0), Linear([0.0]))
        gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), loss="minimax")
        gan.train_on_batch(np.zeros((4, 1), "float32"))
        self.assertEqual([float(gan.generator.theta), float(gan.discriminator.kernel[0, 0])], [0.0, 0.0])


class DiracGANTest(TestCase, parameterized.TestCase):
    """Data at 0, a generator at theta, `D(x) = psi x`: the smallest GAN, whose descent is a known matrix.

    With the Wasserstein loss `d_loss = psi theta` and `g_loss = -psi theta`, so one step of length h takes
    (psi, theta) to (psi - h theta - h gamma psi, theta + h psi), with R1 = gamma / 2 psi^2.

    Reference: Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?", section 2.
    """

    RATE, START = 0.2, (0.6, 0.8)

    def trajectory(self, steps, loss="wasserstein", update="simultaneous", gamma=0.0):
        """(psi, theta) after 0, 1, ..., `steps` training steps of plain gradient descent."""
        gan = keras_gan.GAN(Point(self.START[1]), Linear([self.START[0]]))
        gan.compile(
            keras.optimizers.SGD(self.RATE),
            keras.optimizers.SGD(self.RATE),
            loss=loss,
            update=update,
            discriminator_regularizers=[regularizers.R1(gamma)] if gamma else [],
        )
        points = [self.START]

        def note(batch, logs):
            points.append((float(gan.discriminator.kernel[0, 0]), float(gan.generator.theta)))

        gan.fit(
            tf.data.Dataset.from_tensors(np.zeros((1, 1), "float32")).repeat(),
            steps_per_epoch=steps,
            callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=note)],
            verbose=0,
        )
        return np.array(points)

    def powers(self, matrix, steps):
        points = [np.array(self.START)]
        for _ in range(steps):
            points.append(matrix @ points[-1])
        return np.array(points)

    def test_simultaneous_descent_spirals_out(self):
        """The eigenvalues 1 +- ih have the modulus sqrt(1 + h^2) > 1: each step is that much further out."""
        h, steps = self.RATE, 60
        points = self.trajectory(steps)
        matrix = np.array([[1, -h], [h, 1]])
        self.assertAllClose(np.abs(np.linalg.eigvals(matrix)), [math.sqrt(1 + h**2)] * 2)
        self.assertAllClose(points, self.powers(matrix, steps), atol=1e-5)
        radii = np.linalg.norm(points, axis=1)
        self.assertAllClose(radii, (1 + h**2) ** (np.arange(steps + 1) / 2), rtol=1e-5)

    def test_r1_spirals_in(self):
        """The determinant 1 - h gamma + h^2 is the squared modulus: below 1 where gamma > h."""
        h, gamma, steps = self.RATE, 1.0, 60
        points = self.trajectory(steps, gamma=gamma)
        matrix = np.array([[1 - h * gamma, -h], [h, 1]])
        self.assertAllClose(np.abs(np.linalg.eigvals(matrix)), [math.sqrt(1 - h * gamma + h**2)] * 2)
        self.assertAllClose(points, self.powers(matrix, steps), atol=1e-5)
        self.assertLess(np.linalg.norm(points[-1]), 0.01)
        # A penalty weaker than the step is long does not suffice.
        weak = self.trajectory(steps, gamma=h / 2)
        self.assertGreater(np.linalg.norm(weak[-1]), 1.0)

    def test_alternating_descent_stays_on_an_ellipse(self):
        """The generator answers the new psi: determinant 1, trace 2 - h^2, and psi^2 + theta^2 - h psi theta stays."""
        h, steps = self.RATE, 120
        points = self.trajectory(steps, update="alternating")
        matrix = np.array([[1, -h], [h, 1 - h**2]])
        self.assertAllClose(np.abs(np.linalg.eigvals(matrix)), [1.0, 1.0])
        self.assertAllClose(points, self.powers(matrix, steps), atol=1e-4)
        psi, theta = points.T
        kept = psi**2 + theta**2 - h * psi * theta
        self.assertAllClose(kept, np.full(steps + 1, kept[0]), rtol=1e-4)
        # It goes around and does not converge: cos(angle) = 1 - h^2 / 2 a step.
        angle = math.acos(1 - h**2 / 2)
        self.assertGreater(steps * angle, 6 * math.pi)
        self.assertGreater(np.linalg.norm(points, axis=1).min(), 0.8)

    def test_the_minimax_loss_spirals_out_too(self):
        """With s = sigmoid(psi theta) the cross terms cancel: r'^2 = r^2 (1 + h^2 s^2), so every step leads out."""
        h = self.RATE
        points = self.trajectory(60, loss="minimax")
        psi, theta = points[:-1].T
        s = 1 / (1 + np.exp(-psi * theta))
        self.assertAllClose(points[1:], np.stack([psi - h * s * theta, theta + h * s * psi], axis=1), atol=1e-5)
        radii = np.linalg.norm(points, axis=1)
        self.assertAllClose(radii[1:], radii[:-1] * np.sqrt(1 + h**2 * s**2), rtol=1e-5)

    def test_the_non_saturating_loss_ends_on_a_circle(self):
        """r'^2 = r^2 + 2 h psi theta (1 - 2 s) + h^2 (s^2 theta^2 + (1 - s)^2 psi^2), to lowest order in r and averaged
        over the angle r^2 - h r^4 / 8 + h^2 r^2 / 4: from outside it comes in, but not further than r^2 = 2 h.
        """
        h = self.RATE
        points = self.trajectory(420, loss="non_saturating")
        psi, theta = points[:-1].T
        s = 1 / (1 + np.exp(-psi * theta))
        expected = np.stack([psi - h * s * theta, theta + h * (1 - s) * psi], axis=1)
        self.assertAllClose(points[1:], expected, atol=1e-5)
        # h / 2 radians a step: 63 steps are one turn.
        squared = (points[-126:] ** 2).sum(axis=1)
        self.assertAllClose(squared.mean(), 2 * h, rtol=0.1)

    def test_r1_lets_logistic_losses_converge(self):
        for loss in ("minimax", "non_saturating"):
            points = self.trajectory(200, loss=loss, gamma=1.0)
            self.assertLess(np.linalg.norm(points[-1]), 0.01, loss)
