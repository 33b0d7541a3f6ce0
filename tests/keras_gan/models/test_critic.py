import warnings

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import networks
from keras_gan.models.critic import Critic
from tests.test_case import TestCase


class Counting:
    """A discriminator D(x) = c sum x^2, where c is the label or else 1, that remembers its calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, inputs, training):
        self.calls.append((inputs, training))
        images, labels = inputs if isinstance(inputs, list) else (inputs, tf.ones(inputs.shape[0]))
        return tf.cast(labels, tf.float32)[:, None] * tf.reduce_sum(tf.square(images), axis=-1, keepdims=True)


class CriticTest(TestCase, parameterized.TestCase):
    def test_logits_and_gradients(self):
        images = tf.constant([[1.0, 2.0], [0.0, -3.0]])
        critic = Critic(Counting())
        self.assertAllClose(critic(images), [5.0, 9.0])  # of shape (2,), where the discriminator returns (2, 1)
        self.assertAllClose(critic.input_gradients(images), 2 * images)

    @parameterized.parameters(False, True)
    def test_every_batch_is_judged_once(self, gradients_first):
        discriminator = Counting()
        critic, real, fake = Critic(discriminator), tf.ones((2, 3)), tf.zeros((2, 3))
        if gradients_first:
            critic.input_gradients(real)
        logits = critic(real)
        self.assertIs(critic(real), logits)
        self.assertIs(critic.input_gradients(real), critic.input_gradients(real))
        self.assertLen(discriminator.calls, 1)
        critic(fake)
        critic.input_gradients(fake)
        self.assertLen(discriminator.calls, 2)

    def test_a_training_step_judges_every_batch_once(self):
        """A relativistic loss with both penalties: real and fake for the discriminator, then for the generator."""
        discriminator = networks.MLPDiscriminator((2,), hidden_units=(8,))
        gan = keras_gan.GAN(networks.MLPGenerator((2,), latent_dim=2, hidden_units=(8,)), discriminator)
        gan.compile(
            keras.optimizers.SGD(),
            keras.optimizers.SGD(),
            loss="relativistic",
            discriminator_regularizers=["r1", "r2"],
            run_eagerly=True,
        )
        calls, call = [], discriminator.call
        discriminator.call = lambda *args, **kwargs: calls.append(args) or call(*args, **kwargs)
        gan.train_on_batch(np.ones((4, 2), "float32"))
        self.assertLen(calls, 4)

    def test_batches_are_told_apart_by_identity(self):
        discriminator = Counting()
        critic, images = Critic(discriminator), tf.ones((2, 3))
        critic(images)
        self.assertAllEqual(critic(tf.identity(images)), critic(images))
        self.assertLen(discriminator.calls, 2)

    def test_gradients_are_with_respect_to_the_images_before_augmentation(self):
        """D(3x) = 9 x^2: its gradient is 3 times that of D at 3x, which is 6x."""
        images = tf.constant([[1.0, 2.0], [0.0, -3.0]])
        discriminator = Counting()
        critic = Critic(discriminator, augment=lambda batches: [3.0 * images for images in batches])
        self.assertAllClose(critic(images), [45.0, 81.0])
        self.assertAllClose(critic.input_gradients(images), 3 * (6 * images))
        self.assertAllEqual(discriminator.calls[0][0], 3 * images)

    def test_a_random_augmentation_is_drawn_once_for_logits_and_gradients(self):
        noise = iter(range(1, 10))
        critic = Critic(Counting(), augment=lambda batches: [images + next(noise) for images in batches])
        images = tf.zeros((1, 1))
        self.assertAllClose(critic(images), [1.0])
        self.assertAllClose(critic.input_gradients(images), [[2.0]])

    def test_labels_and_mode_reach_the_discriminator(self):
        discriminator, labels = Counting(), tf.constant([2, 0])
        images = tf.ones((2, 3))
        critic = Critic(discriminator, labels, training=False)
        self.assertAllClose(critic(images), [6.0, 0.0])
        self.assertAllClose(critic.input_gradients(images), [[4.0] * 3, [0.0] * 3])
        (_, seen), training = discriminator.calls[0]
        self.assertIs(seen, labels)
        self.assertFalse(training)
        Critic(discriminator)(images)
        self.assertTrue(discriminator.calls[1][1])

    @parameterized.parameters((), (1,))
    def test_logits_are_flattened_and_float32(self, *shape):
        critic = Critic(lambda images, training: tf.ones((5, *shape), tf.float16))
        logits = critic(tf.zeros((5, 3)))
        self.assertEqual((logits.shape, logits.dtype), ((5,), tf.float32))

    def test_gradients_can_be_differentiated(self):
        """The gradient of c x^2 is 2 c x, and the derivative of that with respect to c is 2 x."""
        c, images = tf.Variable(5.0), tf.constant([[1.0], [-2.0]])

        def derivative(images):
            with tf.GradientTape() as tape:
                critic = Critic(lambda images, training: c * tf.square(images))
                total = tf.reduce_sum(critic.input_gradients(images))
            return tape.gradient(total, c)

        for function in (derivative, tf.function(derivative), tf.function(derivative, jit_compile=True)):
            self.assertAllClose(function(images), 2 * (1.0 - 2.0))


def discriminator_of(*last):
    return keras.Sequential([keras.Input((2,)), *last])


class ActivationTest(TestCase, parameterized.TestCase):
    """Logits that have bounds, which the warning names."""

    def step(self, discriminator, **mode):
        gan = keras_gan.GAN(networks.MLPGenerator((2,), latent_dim=2, hidden_units=(4,)), discriminator)
        gan.compile(keras.optimizers.SGD(), keras.optimizers.SGD(), **mode)
        gan.train_on_batch(np.ones((4, 2), "float32"))

    @parameterized.named_parameters(
        ("dense", "a sigmoid", lambda: [keras.layers.Dense(1, activation="sigmoid")]),
        ("layer", "a sigmoid", lambda: [keras.layers.Dense(1), keras.layers.Activation("sigmoid")]),
        ("function", "a sigmoid", lambda: [keras.layers.Dense(1), keras.layers.Lambda(tf.sigmoid)]),
        ("reshaped", "a sigmoid", lambda: [keras.layers.Dense(1, activation="sigmoid"), keras.layers.Reshape((1,))]),
        ("half", "a sigmoid", lambda: [keras.layers.Dense(1, activation="sigmoid", dtype="mixed_bfloat16")]),
        ("nested", "a sigmoid", lambda: [discriminator_of(keras.layers.Dense(1, activation="sigmoid"))]),
        ("tanh", "a hyperbolic tangent", lambda: [keras.layers.Dense(1, activation="tanh")]),
    )
    def test_warned_of_once(self, name, layers):
        discriminator = discriminator_of(*layers())
        message = f"ends in {name}, and losses take logits.* Received: discriminator='{discriminator.name}'"
        with self.assertWarnsRegex(UserWarning, message):
            self.step(discriminator)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.step(discriminator)

    def test_eagerly(self):
        with self.assertWarnsRegex(UserWarning, "ends in a sigmoid or softmax"):
            self.step(discriminator_of(keras.layers.Dense(1, activation="sigmoid")), run_eagerly=True)

    @parameterized.named_parameters(
        ("linear", lambda: [keras.layers.Dense(1)]),
        ("inside", lambda: [keras.layers.Dense(4, activation="sigmoid"), keras.layers.Dense(1)]),
        ("scaled", lambda: [keras.layers.Dense(1, activation="tanh"), keras.layers.Rescaling(9.0)]),
    )
    def test_logits_are_not(self, layers):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.step(discriminator_of(*layers()))
