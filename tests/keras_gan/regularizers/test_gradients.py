import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from keras import layers

import keras_gan
from keras_gan import networks, random, regularizers
from keras_gan.models.critic import Critic
from tests.test_case import TestCase


class Quadratic(networks.Discriminator):
    """D(x) = x^T A x / 2 with a symmetric A, so that grad D = A x."""

    def __init__(self, matrix, **kwargs):
        super().__init__(image_shape=(len(matrix),), **kwargs)
        self.matrix = np.array(matrix, "float32")
        self.build()

    def call(self, inputs, training=None):
        return 0.5 * tf.reduce_sum(inputs * (inputs @ self.matrix), axis=-1, keepdims=True)


def linear(kernel):
    """D(x) = <w, x> + 7 for images of the shape of w."""
    kernel = np.array(kernel, "float32")
    discriminator = keras.Sequential([keras.Input(kernel.shape), layers.Flatten(), layers.Dense(1)])
    discriminator.set_weights([kernel.reshape(-1, 1), np.array([7.0])])
    return discriminator


def dense(activation):
    """A small discriminator of Keras layers, in float64."""
    return keras.Sequential(
        [
            keras.Input((6,), dtype="float64"),
            layers.Dense(5, activation=activation, dtype="float64"),
            layers.Dense(5, activation="softplus", dtype="float64"),
            layers.Dense(1, dtype="float64"),
        ]
    )


def convolutional(layer):
    """A small discriminator with `layer` between two smooth ones, in float64."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), dtype="float64"),
            layers.Conv2D(4, 3, activation="softplus", dtype="float64"),
            layer,
            layers.Conv2D(2, 3, activation="softplus", dtype="float64"),
            layers.Flatten(dtype="float64"),
            layers.Dense(1, dtype="float64"),
        ]
    )


DISCRIMINATORS = {
    "softplus": lambda: dense("softplus"),
    "leaky_relu": lambda: dense("leaky_relu"),
    "mlp": lambda: networks.MLPDiscriminator((6,), hidden_units=(5, 4), dtype="float64"),
    "maxout": lambda: networks.MLPDiscriminator(
        (6,), hidden_units=(5, 4), activation="maxout", pieces=3, dtype="float64"
    ),
    "dcgan": lambda: networks.DCGANDiscriminator((8, 8, 1), filters=3, normalization=None, dtype="float64"),
    "projection": lambda: networks.DCGANDiscriminator(
        (8, 8, 1), filters=3, normalization=None, num_classes=3, conditioning="projection", dtype="float64"
    ),
    "auxiliary": lambda: networks.MLPDiscriminator(
        (6,), hidden_units=(5,), num_classes=3, conditioning="auxiliary", dtype="float64"
    ),
    "batch_normalization": lambda: networks.DCGANDiscriminator((16, 16, 1), filters=2, dtype="float64"),
    # Through instance normalization, of the mean of a map of logits.
    "patch": lambda: networks.PatchDiscriminator((12, 12, 1), filters=2, downsamplings=1, dtype="float64"),
    "nearest": lambda: convolutional(layers.UpSampling2D(dtype="float64")),
}


def randomized(discriminator):
    """The same network with weights of ordinary size; those of a new one are nearly zero."""
    rng = np.random.default_rng(0)
    for variable in discriminator.trainable_variables:
        variable.assign(rng.normal(scale=0.5, size=variable.shape))
    return discriminator


def batches(discriminator):
    """Five real and five fake images, in float64."""
    rng = np.random.default_rng(1)
    image_shape = getattr(discriminator, "image_shape", None) or discriminator.input_shape[1:]
    real, fake = rng.uniform(-1, 1, (2, 5, *image_shape))
    return tf.constant(real), tf.constant(fake)


def critic_of(discriminator):
    """A critic, with labels where there are classes, that draws the same noise each time."""
    classes = getattr(discriminator, "num_classes", None)
    return Critic(discriminator, None if classes is None else tf.range(5) % classes)


def weighted_penalty(regularizer, discriminator, real, fake):
    """The term of the objective, and its gradients with respect to the discriminator's trainable variables."""
    variables = [variable.value for variable in discriminator.trainable_variables]
    with tf.GradientTape() as tape:
        penalty = regularizer(critic_of(discriminator), real, fake)
        term = regularizer.weight * tf.reduce_mean(penalty)
    return term, tape.gradient(term, variables, unconnected_gradients="zero")


def worst_error(regularizer, discriminator, step=1e-5):
    """The largest relative error of the gradients, in random directions, against central differences.

    Critics cast logits to float32, but input gradients start from exact ones: with a float64 network and float64
    images all that matters here is float64.
    """
    real, fake = batches(discriminator)
    rng = np.random.default_rng(2)
    _, gradients = weighted_penalty(regularizer, discriminator, real, fake)
    errors = []
    for variable, gradient in zip(discriminator.trainable_variables, gradients, strict=True):
        value = variable.numpy()
        direction = rng.normal(size=value.shape)
        terms, points = [], []
        for signed in (step, -step):
            variable.assign(value + signed * direction)
            points.append(variable.numpy())
            terms.append(weighted_penalty(regularizer, discriminator, real, fake)[0])
        variable.assign(value)
        # The points as they were rounded: the last layer is in float32.
        expected = float(np.sum(gradient.numpy() * (points[0] - points[1]))) / (2 * step)
        numeric = float(terms[0] - terms[1]) / (2 * step)
        errors.append(abs(expected - numeric) / max(abs(numeric), 1e-2))
    return max(errors)


class RegularizersTest(TestCase, parameterized.TestCase):
    def test_linear_discriminator(self):
        """grad D = w everywhere: the penalty is ||w||^2 / 2 = (9 + 16 + 144) / 2, whatever the images."""
        real, fake = tf.random.normal((4, 3)), tf.random.normal((4, 3))
        for penalty in (regularizers.R1(), regularizers.R2(weight=10.0)):
            self.assertAllClose(penalty(Critic(linear([3, 4, -12])), real, fake), [84.5] * 4)

    def test_quadratic_discriminator(self):
        """||A x||^2 / 2 for A = [[2, 1], [1, 0]]: R1 sees the real points, R2 the fake ones."""
        critic = Critic(Quadratic([[2, 1], [1, 0]]))
        real, fake = tf.constant([[1.0, 0.0], [0.0, 2.0]]), tf.constant([[1.0, -2.0], [0.0, 0.0]])
        self.assertAllClose(regularizers.R1()(critic, real, fake), [(4 + 1) / 2, 4 / 2])  # A x = (2, 1), (2, 0)
        self.assertAllClose(regularizers.R2()(critic, real, fake), [1 / 2, 0])  # (0, 1), (0, 0)

    def test_the_norm_is_summed_over_all_pixels(self):
        critic, images = Critic(linear(np.full((2, 3, 4), 0.5))), tf.zeros((2, 2, 3, 4))
        self.assertAllClose(regularizers.R1()(critic, images, images), [24 * 0.25 / 2] * 2)

    def test_real_and_fake_change_places(self):
        discriminator = randomized(DISCRIMINATORS["mlp"]())
        real, fake = batches(discriminator)
        critic = Critic(discriminator)
        self.assertAllEqual(regularizers.R1()(critic, real, fake), regularizers.R2()(critic, fake, real))
        self.assertNotAllClose(regularizers.R1()(critic, real, fake), regularizers.R2()(critic, real, fake))

    @parameterized.product(name=sorted(DISCRIMINATORS), cls=(regularizers.R1, regularizers.R2))
    def test_gradients_against_finite_differences(self, name, cls):
        # A projection multiplies by its embedding in float32, whose rounding is divided by the step.
        step, tolerance = (1e-4, 5e-3) if name == "projection" else (1e-5, 1e-5)
        self.assertLess(worst_error(cls(weight=3.0), randomized(DISCRIMINATORS[name]()), step), tolerance)

    @parameterized.parameters(
        regularizers.GradientPenalty(), regularizers.GradientPenalty(one_sided=True, target=0.1), regularizers.DRAGAN()
    )
    def test_lengths_against_finite_differences(self, penalty):
        self.assertLess(worst_error(penalty, randomized(DISCRIMINATORS["mlp"]())), 1e-5)

    @parameterized.parameters(
        ("maxout", regularizers.R1, regularizers.R2),
        ("projection", regularizers.R1, regularizers.GradientPenalty),
        ("mlp", regularizers.DRAGAN),
        ("batch_normalization", regularizers.R2),
    )
    def test_eager_graph_and_xla_agree(self, name, *classes):
        discriminator = randomized(DISCRIMINATORS[name]())
        real, fake = batches(discriminator)

        def both(real, fake):
            terms = [weighted_penalty(cls(3.0), discriminator, real, fake) for cls in classes]
            return tf.nest.flatten(terms)

        eager = both(real, fake)
        for jit_compile in (False, True):
            for a, b in zip(tf.function(both, jit_compile=jit_compile)(real, fake), eager, strict=True):
                self.assertAllClose(a, b, rtol=1e-4, atol=1e-5)

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_penalties_are_float32_in_mixed_precision(self, policy):
        exact = networks.DCGANDiscriminator((8, 8, 1), filters=3, normalization=None)
        mixed = networks.DCGANDiscriminator((8, 8, 1), filters=3, normalization=None, dtype=policy)
        mixed.set_weights(randomized(exact).get_weights())
        real, fake = (tf.cast(images, tf.float32) for images in batches(exact))
        for penalty in (regularizers.R1(), regularizers.R2()):
            value = penalty(Critic(mixed), real, fake)
            self.assertEqual((value.dtype, value.shape), (tf.float32, (5,)))
            self.assertAllClose(value, penalty(Critic(exact), real, fake), rtol=0.05)

    def test_sums_of_squares_do_not_overflow_in_float16(self):
        # The sum is 4096 * 10^2, and float16 ends at 65504.
        keras.mixed_precision.set_global_policy("mixed_float16")
        critic, images = Critic(linear(np.full((64, 64, 1), 10.0))), tf.zeros((1, 64, 64, 1))
        self.assertAllClose(regularizers.R1()(critic, images, images), [4096 * 100 / 2])


def differences(**arguments):
    return regularizers.R1(method="finite_difference", **arguments)


class Squares(keras.layers.Layer):
    """Sums of squares, and those of the whole batch beside them."""

    def call(self, x):
        own = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True)
        return own + tf.reduce_sum(own)


class FiniteDifferenceTest(TestCase, parameterized.TestCase):
    def test_an_affine_discriminator_has_the_exact_expectation(self):
        """`(w^T n)^2 / 2` for any scale, with the mean ||w||^2 / 2 = 84.5, and sqrt(2) of it as deviation."""
        rows = 20_000
        images = tf.random.normal((rows, 3))
        for scale in (0.01, 1.0):
            values = differences(scale=scale)(Critic(linear([3, 4, -12])), images, images)
            self.assertAllClose(tf.reduce_mean(values), 84.5, atol=4 * 84.5 * (2 / rows) ** 0.5)
            self.assertAllClose(tf.math.reduce_std(values), 84.5 * 2**0.5, rtol=0.1)

    def test_the_noise_is_the_step_s(self):
        """D(x) = a x^2 / 2 on a line: `(a (x s n + s^2 n^2 / 2))^2 / (2 s^2)`."""
        a, x, s = 3.0, tf.constant([[1.0], [-2.0]]), 0.5
        n = keras_gan.latents.from_noise(random.Noise(3, tf.constant(5, tf.int64)), 2, 1)
        value = differences(scale=s)(Critic(Quadratic([[a]]), noise=random.Noise(3, tf.constant(5, tf.int64))), x, x)
        self.assertAllClose(value, (0.5 * tf.square(a * (x * n + s * n**2 / 2)))[:, 0])

    def test_an_image_in_four(self):
        """D(x, y) = y x, and each fourth label is 2: `(2 n)^2 / 2`."""

        def discriminator(inputs, training):
            return inputs[0] * tf.cast(inputs[1], tf.float32)[:, None]

        images, labels = tf.zeros((4000, 1)), tf.tile([2, 70, 70, 70], [1000])
        value = differences(fraction=0.25)(Critic(discriminator, labels), images, images)
        self.assertEqual(value.shape, (1000,))
        self.assertAllClose(tf.reduce_mean(value), 2.0, rtol=0.2)

    def test_packs_stay_together(self):
        discriminator = randomized(networks.MLPDiscriminator((6,), hidden_units=(5, 4), packing=2))
        images = tf.random.normal((8, 6))
        critic = Critic(discriminator)
        self.assertEqual(differences()(critic, images, images).shape, (4,))
        self.assertEqual(differences(fraction=0.5)(critic, images, images).shape, (2,))

    @parameterized.parameters(1.0, 0.5)
    def test_both_images_are_augmented_alike(self, fraction):
        """Each by a factor that is drawn anew for each call: D(cx) = c <w, x>."""

        def augment(batches):
            factor = tf.random.uniform((), 100.0, 200.0)
            return [factor * images for images in batches]

        images = tf.ones((4000, 2))
        value = differences(fraction=fraction)(Critic(linear([3.0, 4.0]), augment=augment), images, images)
        self.assertBetween(float(tf.reduce_mean(value)), 12.5 * 100**2 * 0.9, 12.5 * 200**2 * 1.1)

    def test_both_are_judged_among_the_same_others(self):
        """Rows that are left out would have changed the sum over the batch by ten thousand."""
        network = keras.Sequential([keras.Input((1,)), Squares()])
        images = tf.tile(tf.constant([[1.0], [100.0]]), [50, 1])
        value = differences(fraction=0.5, scale=1e-3)(Critic(network), images, images)
        self.assertLess(float(tf.reduce_max(value)), 500.0)

    def test_of_patches_and_sources(self):
        discriminator = randomized(networks.PatchDiscriminator((12, 12, 1), (12, 12, 3), filters=2, downsamplings=1))
        sources = tf.random.normal((4, 12, 12, 3))
        images = tf.random.normal((4, 12, 12, 1))
        self.assertEqual(differences(fraction=0.5)(Critic(discriminator, sources=sources), images, images).shape, (2,))

    @parameterized.parameters({"run_eagerly": True}, {"jit_compile": True}, {})
    def test_in_a_step(self, **arguments):
        """The gradient by the weights is that of differences: w of an affine discriminator only shrinks."""
        gan = keras_gan.GAN(networks.MLPGenerator((2,), latent_dim=2, hidden_units=(3,)), linear([3.0, 4.0]))
        gan.compile(
            keras.optimizers.SGD(0.0), keras.optimizers.SGD(1e-3), "least_squares",
            discriminator_regularizers=[differences(weight=100.0)], **arguments,
        )  # fmt: skip
        log = gan.train_on_batch(np.zeros((64, 2), "float32"), return_dict=True)
        self.assertGreater(log["r1"], 4.0)
        self.assertLess(np.linalg.norm(gan.discriminator.get_weights()[0]), 4.9)

    def test_serialization(self):
        penalty = differences(weight=3.0, fraction=0.25, scale=0.1)
        again = regularizers.deserialize(regularizers.serialize(penalty))
        self.assertEqual(again.get_config(), penalty.get_config())
        self.assertEqual((again.method, again.fraction, again.scale), ("finite_difference", 0.25, 0.1))

    @parameterized.parameters(
        ({"method": "other"}, "`method` must be one of .*Received: method='other'"),
        ({"method": "finite_difference", "fraction": 0.3}, "1 / k for an integer k.*Received: fraction=0.3"),
        ({"method": "finite_difference", "fraction": 0.0}, "1 / k for an integer k.*Received: fraction=0.0"),
        ({"method": "finite_difference", "scale": 0.0}, "`scale` must be a positive number. Received: scale=0.0"),
        ({"fraction": 0.5}, "belong to method='finite_difference'. Received: method='exact', fraction=0.5"),
    )
    def test_errors(self, arguments, message):
        for cls in (regularizers.R1, regularizers.R2):
            with self.assertRaisesRegex(ValueError, message):
                cls(**arguments)


class GradientPenaltyTest(TestCase):
    def test_linear_discriminator(self):
        """||w|| = 13 everywhere: (13 - 1)^2, or (13 - 20)^2 and nothing from one side."""
        real, fake = tf.random.normal((4, 3)), tf.random.normal((4, 3))
        for penalty, expected in (
            (regularizers.GradientPenalty(), 144.0),
            (regularizers.GradientPenalty(one_sided=True), 144.0),
            (regularizers.GradientPenalty(target=20.0), 49.0),
            (regularizers.GradientPenalty(target=20.0, one_sided=True), 0.0),
            (regularizers.DRAGAN(), 144.0),
        ):
            self.assertAllClose(penalty(Critic(linear([3, 4, -12])), real, fake), [expected] * 4, rtol=1e-5)

    def test_mixtures(self):
        """D = x^2 / 2 on a line: the gradient is the point itself, so the penalty tells where it is."""
        critic = Critic(Quadratic([[1.0]]), noise=random.Noise(3, tf.constant(5, tf.int64)))
        share = random.Noise(3, tf.constant(5, tf.int64)).uniform(6, 1)[:, 0]
        real, fake = tf.fill((6, 1), 10.0), tf.fill((6, 1), 2.0)
        points = tf.sqrt(regularizers.GradientPenalty(target=0.0)(critic, real, fake))
        self.assertAllClose(points, 10.0 * share + 2.0 * (1.0 - share))
        self.assertGreater(float(tf.reduce_max(points) - tf.reduce_min(points)), 1.0)  # each has a share of its own

    def test_perturbations(self):
        """The same with DRAGAN: real images 0 and 6, of standard deviation 3, move up by less than 0.5 * 3."""
        critic = Critic(Quadratic([[1.0]]))
        real = tf.constant([[6.0]] * 50 + [[0.0]] * 50)
        moved = tf.sqrt(regularizers.DRAGAN(target=0.0)(critic, real, real)) - real[:, 0]
        self.assertAllInRange(moved, 0.0, 1.5)
        self.assertAllClose(tf.reduce_mean(moved), 1.5 / 4, atol=0.1)

    def test_no_gradient_is_no_nan(self):
        critic = Critic(linear([0.0, 0.0]))
        images = tf.zeros((3, 2))
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = regularizers.GradientPenalty()(critic, images, images)
        self.assertAllEqual(value, [1.0] * 3)

    def test_through_an_augmentation(self):
        """D(3x) = 3 <w, x>: three times as long."""
        critic = Critic(linear([3.0, 4.0]), augment=lambda batches: [3.0 * images for images in batches])
        images = tf.ones((2, 2))
        self.assertAllClose(regularizers.GradientPenalty()(critic, images, images), [14.0**2] * 2)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "`target` must be at least 0. Received: target=-1"):
            regularizers.GradientPenalty(target=-1)


class IntervalTest(TestCase, parameterized.TestCase):
    @parameterized.parameters({"run_eagerly": True}, {}, {"jit_compile": True})
    def test_it_counts_more_and_comes_more_rarely(self, **arguments):
        x = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
        logs = {}
        for interval in (1, 3):
            penalty = regularizers.R1(weight=2.0, interval=interval)
            gan = keras_gan.GAN(
                networks.MLPGenerator((2,), latent_dim=2, hidden_units=(8,)),
                randomized(networks.MLPDiscriminator((2,), hidden_units=(8,), activation="softplus")),
            )
            sgd = keras.optimizers.SGD
            gan.compile(sgd(0.0), sgd(0.0), "wasserstein", discriminator_regularizers=[penalty], **arguments)
            logs[interval] = [gan.train_on_batch(x, return_dict=True) for _ in range(4)]
            logs[interval].append(gan.test_on_batch(x, return_dict=True))
        for log, always, times in zip(logs[3], logs[1], (3, 0, 0, 3, 1), strict=True):
            self.assertAllClose(log["r1"], always["r1"] if times else 0.0)
            expected = log["fake_logits"] - log["real_logits"] + times * 2.0 * log["r1"]
            self.assertAllClose(log["d_loss"], expected, rtol=1e-5)

    def test_gradients_are_those_of_the_penalty(self):
        discriminator = randomized(DISCRIMINATORS["mlp"]())
        real, fake = (tf.cast(images, tf.float32) for images in batches(discriminator))
        lazy = regularizers.R1(interval=2)
        variables = [variable.value for variable in discriminator.trainable_variables]

        @tf.function
        def gradients(step):
            with tf.GradientTape() as tape:
                penalty, times = lazy.at_step(Critic(discriminator), real, fake, step)
                term = times * tf.reduce_mean(penalty)
            return tape.gradient(term, variables, unconnected_gradients="zero")

        expected = weighted_penalty(regularizers.R1(2.0), discriminator, real, fake)[1]
        for a, b in zip(gradients(tf.constant(4, tf.int64)), expected, strict=True):
            self.assertAllClose(a, b, rtol=1e-5)
        for gradient in gradients(tf.constant(5, tf.int64)):
            self.assertAllEqual(gradient, tf.zeros_like(gradient))

    def test_errors(self):
        for interval in (0, 1.5):
            with self.assertRaisesRegex(ValueError, f"integer of at least 1. Received: interval={interval}"):
                regularizers.R1(interval=interval)


class WeightTest(TestCase):
    def test_the_weight_follows_its_schedule(self):
        """Wasserstein's objective is the difference of the logged logits, so d_loss shows each term."""
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 2], [0.0, 2.0, 5.0])
        gan = keras_gan.GAN(
            networks.MLPGenerator((2,), latent_dim=2, hidden_units=(8,)),
            randomized(networks.MLPDiscriminator((2,), hidden_units=(8,), activation="softplus")),
        )
        gan.compile(
            keras.optimizers.SGD(0.0),
            keras.optimizers.SGD(0.0),
            loss="wasserstein",
            discriminator_regularizers=[regularizers.R1(weight=schedule), regularizers.R2(weight=0.5)],
        )
        x = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
        logs = [gan.train_on_batch(x, return_dict=True) for _ in range(4)]
        for log, weight in zip(logs, (0.0, 0.0, 2.0, 5.0), strict=True):
            expected = log["fake_logits"] - log["real_logits"] + weight * log["r1"] + 0.5 * log["r2"]
            self.assertAllClose(log["d_loss"], expected, rtol=1e-5)
            self.assertAllClose(log["r1"], logs[0]["r1"])  # logged without its weight
        self.assertGreater(logs[0]["r1"], 0.01)

    def test_a_weight_is_a_number_or_a_schedule(self):
        with self.assertRaisesRegex(ValueError, "`weight` must be a finite number or .*Received: weight='1'"):
            regularizers.R1(weight="1")


class IdentityTest(TestCase, parameterized.TestCase):
    def test_names_are_those_that_get_knows(self):
        self.assertContainsSubset(("r1", "r2"), regularizers.names())
        for name in regularizers.names():
            self.assertIsInstance(regularizers.get(name), regularizers.Regularizer)

    @parameterized.parameters(
        ("r1", regularizers.R1),
        ("r2", regularizers.R2),
        ("gradient_penalty", regularizers.GradientPenalty),
        ("dragan", regularizers.DRAGAN),
        ("lecam", regularizers.LeCam),
    )
    def test_names(self, name, cls):
        self.assertIs(type(regularizers.get(name)), cls)
        self.assertEqual((cls().name, cls(name="mine").name, cls(0.5).weight), (name, "mine", 0.5))
        penalty = cls(2.0)
        self.assertIs(regularizers.get(penalty), penalty)

    def test_a_class_without_a_name_is_called_by_its_own(self):
        class Drift(regularizers.Regularizer):
            pass

        self.assertEqual((Drift().name, Drift(name="d").name), ("Drift", "d"))
        with self.assertRaisesRegex(NotImplementedError, "Drift must implement `__call__"):
            Drift()(None, None, None)

    @parameterized.parameters(regularizers.R1, regularizers.R2, regularizers.GradientPenalty, regularizers.DRAGAN)
    def test_serialization(self, cls):
        schedule = keras.optimizers.schedules.CosineDecay(10.0, decay_steps=100)
        for penalty in (cls(weight=20, name="penalty"), cls(weight=schedule)):
            again = self.assert_config_round_trip(penalty)
            self.assertEqual(again.get_config(), penalty.get_config())
            again = regularizers.deserialize(regularizers.serialize(penalty))
            self.assertIs(type(again), cls)
            self.assertEqual(again.get_config(), penalty.get_config())
        self.assertEqual(again.weight(50), schedule(50))

    @parameterized.parameters("r3", None, 1.0, regularizers.R1, keras.regularizers.L2())
    def test_get_refuses_what_names_no_regularizer(self, identifier):
        with self.assertRaisesRegex(ValueError, r"keras_gan.Regularizer.*'r1', 'r2'\].*Received: identifier="):
            regularizers.get(identifier)
