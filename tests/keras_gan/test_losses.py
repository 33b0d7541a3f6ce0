import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_gan import losses
from tests.test_case import TestCase

LOG_2 = np.log(2.0)
NAMES = (
    "minimax",
    "non_saturating",
    "least_squares",
    "wasserstein",
    "hinge",
    "relativistic",
    "relativistic_average",
    "kl",
    "reverse_kl",
    "pearson_chi_squared",
    "squared_hellinger",
    "jensen_shannon",
    "gan",
)
DIVERGENCES = NAMES[7:]

# Logits log 3 and -log 3 are the probabilities D = 3/4 and D = 1/4.
LOG_3 = np.log(3.0)


def value_and_gradients(method, real, fake):
    """The loss of one pair of logits, and its derivatives with respect to the real and the fake one."""
    logits = [tf.constant([real], tf.float32), tf.constant([fake], tf.float32)]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = method(*logits)
    gradients = tape.gradient(value, logits, unconnected_gradients="zero")
    return [float(x[0]) for x in (value, *gradients)]


def relativistic_average_on_two_replicas_equals_one_device(strategy):
    # The halves differ in their means, so that means within a replica would give other numbers.
    real = np.float32([0.5, 1.5, -3.0, -2.0])
    fake = np.float32([-1.0, 0.25, 2.0, 4.0])
    loss = losses.RelativisticAverage()

    def values_and_gradients(method, real, fake):
        with tf.GradientTape() as tape:
            tape.watch([real, fake])
            value = method(real, fake)
            total = tf.reduce_sum(value)
        return value, *tape.gradient(total, [real, fake])

    @tf.function
    def on_two(method):
        def rows(values):
            return strategy.experimental_distribute_values_from_function(
                lambda context: tf.constant(np.split(values, 2)[context.replica_id_in_sync_group])
            )

        outputs = strategy.run(values_and_gradients, args=(method, rows(real), rows(fake)))
        return [tf.concat(strategy.experimental_local_results(output), 0) for output in outputs]

    for method in (loss.discriminator_loss, loss.generator_loss):
        expected = values_and_gradients(method, tf.constant(real), tf.constant(fake))
        for got, want in zip(on_two(method), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
        assert np.abs(expected[0][:2] - method(real[:2], fake[:2])).max() > 0.1


class LossesTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        # -log 3/4 - log(1 - 3/4), then log(1 - 3/4)
        ("minimax", LOG_3, LOG_3, np.log(4 / 3) + np.log(4), -np.log(4)),
        ("non_saturating", LOG_3, LOG_3, np.log(4 / 3) + np.log(4), np.log(4 / 3)),
        ("non_saturating", -LOG_3, -LOG_3, np.log(4) + np.log(4 / 3), np.log(4)),
        # (3 - 1)^2 / 2 + (-2)^2 / 2, then (-2 - 1)^2 / 2
        ("least_squares", 3.0, -2.0, 4.0, 4.5),
        ("wasserstein", 3.0, -2.0, -5.0, 2.0),
        # inside the margin both terms count, beyond it neither does
        ("hinge", 0.25, -0.5, 0.75 + 0.5, 0.5),
        ("hinge", 3.0, -2.0, 0.0, 2.0),
        ("hinge", -3.0, 2.0, 4.0 + 3.0, -2.0),
        # sigmoid(real - fake) = 3/4
        ("relativistic", 5.0 + LOG_3, 5.0, np.log(4 / 3), np.log(4)),
        # in a batch of one, the mean is the logit itself, and both terms are alike
        ("relativistic_average", 5.0 + LOG_3, 5.0, 2 * np.log(4 / 3), 2 * np.log(4)),
        # -2 + exp(3 - 1), then -exp(3 - 1)
        ("kl", 2.0, 3.0, -2.0 + np.e**2, -(np.e**2)),
        # T = -exp(-real) = -1/3; f*(-exp(-fake)) = -1 + fake
        ("reverse_kl", LOG_3, 4.0, 1 / 3 + 3.0, -3.0),
        # -2 + (4^2 / 4 + 4), then -(4^2 / 4 + 4)
        ("pearson_chi_squared", 2.0, 4.0, 6.0, -8.0),
        # T = 1 - 1/3 for both; f*(2/3) = 2
        ("squared_hellinger", LOG_3, LOG_3, -2 / 3 + 2.0, -2.0),
        # T = log(2 * 3/4) for both; f*(log 3/2) = -log(2 - 3/2)
        ("jensen_shannon", LOG_3, LOG_3, -np.log(3 / 2) + LOG_2, -LOG_2),
        # T = log 3/4 for both; f*(log 3/4) = -log(1 - 3/4)
        ("gan", LOG_3, LOG_3, np.log(4 / 3) + np.log(4), -np.log(4)),
    )
    def test_hand_derived_values(self, name, real, fake, discriminator, generator):
        loss = losses.get(name)
        self.assertAllClose(loss.discriminator_loss([real], [fake]), [discriminator])
        self.assertAllClose(loss.generator_loss([real], [fake]), [generator])

    def test_names_are_those_that_get_knows(self):
        self.assertContainsSubset(NAMES, losses.names())
        for name in losses.names():
            self.assertIsInstance(losses.get(name), losses.AdversarialLoss)

    def test_losses_are_per_example(self):
        """Row i depends on rows i alone, except where the mean over the batch enters."""
        real, fake = np.float32([-1.0, 0.5, 2.0]), np.float32([0.25, -3.0, 1.0])
        for name in set(NAMES) - {"relativistic_average"}:
            loss = losses.get(name)
            for method in (loss.discriminator_loss, loss.generator_loss):
                rows = [method(real[i : i + 1], fake[i : i + 1]) for i in range(3)]
                self.assertAllClose(method(real, fake), tf.concat(rows, 0), msg=name)

    def test_relativistic_average_takes_the_mean_over_the_batch(self):
        # The means are 1 (real) and -1 (fake). With s = softplus, discriminator:
        # s(-(0 + 1)) + s(-3 - 1), and s(-(2 + 1)) + s(1 - 1); generator: s(0 + 1) + s(-(-3 - 1)), ...
        loss, s = losses.RelativisticAverage(), lambda x: np.log1p(np.exp(x))
        real, fake = [0.0, 2.0], [-3.0, 1.0]
        self.assertAllClose(loss.discriminator_loss(real, fake), [s(-1) + s(-4), s(-3) + s(0)])
        self.assertAllClose(loss.generator_loss(real, fake), [s(1) + s(4), s(3) + s(0)])

    def test_relativistic_average_on_two_replicas_equals_one_device(self):
        self.run_on_two_replicas(relativistic_average_on_two_replicas_equals_one_device)

    def test_undecided_discriminator(self):
        # V(D*) = -log 4 where p = q (Goodfellow et al. 2014, theorem 1)
        for name in ("minimax", "non_saturating", "gan", "relativistic_average"):
            self.assertAllClose(losses.get(name).discriminator_loss([0.0], [0.0]), [np.log(4.0)], msg=name)
        self.assertAllClose(losses.Relativistic().discriminator_loss([7.0], [7.0]), [LOG_2])
        self.assertAllClose(losses.get("jensen_shannon").discriminator_loss([0.0], [0.0]), [0.0])

    def test_relations_between_losses(self):
        real, fake = tf.random.normal((2, 50), stddev=3.0)
        minimax = losses.Minimax()
        expected = minimax.discriminator_loss(real, fake)
        self.assertAllClose(losses.NonSaturating().discriminator_loss(real, fake), expected)
        self.assertAllClose(losses.get("gan").discriminator_loss(real, fake), expected)
        self.assertAllClose(
            losses.get("jensen_shannon").discriminator_loss(real, fake), expected - 2 * LOG_2, atol=1e-5
        )
        self.assertAllClose(losses.get("gan").generator_loss(None, fake), minimax.generator_loss(None, fake))
        self.assertAllClose(
            losses.FDivergence("gan", non_saturating=True).generator_loss(None, fake),
            losses.NonSaturating().generator_loss(None, fake),
        )

    def test_relativistic_losses_ignore_a_common_shift(self):
        real, fake = tf.random.normal((2, 50))
        for loss in (losses.Relativistic(), losses.RelativisticAverage()):
            for method in (loss.discriminator_loss, loss.generator_loss):
                self.assertAllClose(method(real + 3.0, fake + 3.0), method(real, fake), atol=1e-5)
            self.assertAllClose(loss.generator_loss(real, fake), loss.discriminator_loss(fake, real))

    @parameterized.parameters(*DIVERGENCES)
    def test_optimal_discriminator_measures_the_divergence(self, name):
        p, q = np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.1, 0.5])
        jensen_shannon = np.sum(p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q)))
        log_ratio = np.log(p / q)
        # The divergence in closed form, and the logits at which g_f(v) = f'(p/q).
        divergence, logits = {
            "kl": (np.sum(p * log_ratio), 1 + log_ratio),
            "reverse_kl": (-np.sum(q * log_ratio), log_ratio),
            "pearson_chi_squared": (np.sum((p - q) ** 2 / q), 2 * (p / q - 1)),
            "squared_hellinger": (np.sum((np.sqrt(p) - np.sqrt(q)) ** 2), log_ratio / 2),
            "jensen_shannon": (jensen_shannon, log_ratio),
            "gan": (jensen_shannon - np.log(4.0), log_ratio),
        }[name]

        def bound(logits):
            """E_P[g_f(v)] - E_Q[f*(g_f(v))], as an expectation over all pairs of a real and a fake point."""
            values = losses.get(name).discriminator_loss(np.repeat(logits, 3), np.tile(logits, 3))
            return -float(tf.reduce_sum(values * np.outer(p, q).flatten()))

        self.assertAllClose(bound(logits), divergence, rtol=1e-5, atol=1e-5)
        for shift in 0.3 * np.concatenate([np.eye(3), -np.eye(3)]):
            self.assertLess(bound(logits + shift), divergence - 1e-4)

    @parameterized.parameters(*DIVERGENCES)
    def test_non_saturating_f_divergence_swaps_the_generator_term(self, name):
        """-g_f is the real term of the discriminator's loss, and the saturating loss is minus its fake term."""
        real, fake = tf.random.normal((2, 50))
        saturating, alternative = losses.FDivergence(name), losses.FDivergence(name, non_saturating=True)
        expected = saturating.discriminator_loss(real, fake)
        self.assertAllEqual(alternative.discriminator_loss(real, fake), expected)
        self.assertAllClose(alternative.generator_loss(None, real) - saturating.generator_loss(None, fake), expected)

    # Loss, then derivatives with respect to the real and the fake logit: (100, -100) is a discriminator that
    # is right, (-100, 100) one that is wrong.
    @parameterized.parameters(
        ("minimax", (100, -100), (0, 0, 0), (0, 0, 0)),
        ("minimax", (-100, 100), (200, -1, 1), (-100, 0, -1)),
        ("non_saturating", (100, -100), (0, 0, 0), (100, 0, -1)),
        ("non_saturating", (-100, 100), (200, -1, 1), (0, 0, 0)),
        ("least_squares", (100, -100), (99**2 / 2 + 5000, 99, -100), (101**2 / 2, 0, -101)),
        ("least_squares", (-100, 100), (101**2 / 2 + 5000, -101, 100), (99**2 / 2, 0, 99)),
        ("wasserstein", (100, -100), (-200, -1, 1), (100, 0, -1)),
        ("wasserstein", (-100, 100), (200, -1, 1), (-100, 0, -1)),
        ("hinge", (100, -100), (0, 0, 0), (100, 0, -1)),
        ("hinge", (-100, 100), (202, -1, 1), (-100, 0, -1)),
        ("relativistic", (100, -100), (0, 0, 0), (200, 1, -1)),
        ("relativistic", (-100, 100), (200, -1, 1), (0, 0, 0)),
        ("relativistic_average", (100, -100), (0, 0, 0), (400, 2, -2)),
        ("relativistic_average", (-100, 100), (400, -2, 2), (0, 0, 0)),
        ("kl", (100, -100), (-100, -1, 0), (0, 0, 0)),
        ("reverse_kl", (100, -100), (-101, 0, 1), (101, 0, -1)),
        ("reverse_kl", (100, 100), (99, 0, 1), (-99, 0, -1)),
        ("pearson_chi_squared", (100, -100), (-100 + 2400, -1, -49), (-2400, 0, 49)),
        ("pearson_chi_squared", (-100, 100), (100 + 2600, -1, 51), (-2600, 0, -51)),
        ("squared_hellinger", (100, -100), (-2, 0, 0), (1, 0, 0)),
        ("jensen_shannon", (100, -100), (-2 * LOG_2, 0, 0), (LOG_2, 0, 0)),
        ("jensen_shannon", (-100, 100), (200 - 2 * LOG_2, -1, 1), (LOG_2 - 100, 0, -1)),
        ("gan", (100, -100), (0, 0, 0), (0, 0, 0)),
        ("gan", (-100, 100), (200, -1, 1), (-100, 0, -1)),
    )
    def test_large_logits_keep_their_value_and_gradient(self, name, logits, discriminator, generator):
        loss = losses.get(name)
        self.assertAllClose(value_and_gradients(loss.discriminator_loss, *logits), discriminator)
        self.assertAllClose(value_and_gradients(loss.generator_loss, *logits), generator)

    @parameterized.parameters(("kl", 0.0, 1.0), ("reverse_kl", -1.0, 0.0), ("squared_hellinger", -1.0, 1.0))
    def test_remaining_exponentials_overflow_only_beyond_88(self, name, real_sign, fake_sign):
        method = losses.get(name).discriminator_loss
        self.assertTrue(np.all(np.isfinite(value_and_gradients(method, 88 * real_sign, 88 * fake_sign))))
        self.assertEqual(value_and_gradients(method, 100 * real_sign, 100 * fake_sign)[0], np.inf)

    @parameterized.parameters(losses.Minimax, losses.NonSaturating)
    def test_label_smoothing_is_cross_entropy_with_a_smoothed_real_target(self, cls):
        loss, plain = cls(label_smoothing=0.1), cls()
        # D(real) = D(fake) = 3/4; only the real term has the target 0.9
        expected = 0.9 * np.log(4 / 3) + 0.1 * np.log(4) + np.log(4)
        self.assertAllClose(loss.discriminator_loss([LOG_3], [LOG_3]), [expected])
        self.assertAllEqual(loss.generator_loss(None, [LOG_3]), plain.generator_loss(None, [LOG_3]))
        # The optimum for real examples alone is D = 0.9, no longer at infinity.
        _, slope, _ = value_and_gradients(loss.discriminator_loss, np.log(9.0), 0.0)
        self.assertAllClose(slope, 0.0, atol=1e-6)
        # softplus(-100) + 0.1 * 100 + softplus(-100), and the slope 1 - 0.9
        self.assertAllClose(value_and_gradients(loss.discriminator_loss, 100, -100), [10.0, 0.1, 0.0])

    @parameterized.parameters(-0.1, 1.0, float("nan"))
    def test_label_smoothing_out_of_range(self, label_smoothing):
        with self.assertRaisesRegex(ValueError, r"\[0, 1\).*Received: label_smoothing="):
            losses.Minimax(label_smoothing=label_smoothing)

    @parameterized.product(name=NAMES, dtype=("float16", "bfloat16", "float64"))
    def test_float32_for_any_logits_and_policy(self, name, dtype):
        # 8 and 8.25 have no exact sum with log terms in 16 bits: arithmetic there would show.
        real, fake = tf.constant([8.0, -0.25]), tf.constant([-1.5, 8.25])
        loss = losses.get(name)
        keras.mixed_precision.set_global_policy("mixed_float16")
        for method in (loss.discriminator_loss, loss.generator_loss):
            value = method(tf.cast(real, dtype), tf.cast(fake, dtype))
            self.assertEqual(value.dtype, tf.float32)
            self.assertEqual(value.shape, (2,))
            self.assertAllEqual(value, method(real, fake))

    @parameterized.parameters(*NAMES)
    def test_xla_gives_the_same(self, name):
        real, fake = tf.random.normal((2, 20), stddev=3.0)
        loss = losses.get(name)

        def both(real, fake):
            with tf.GradientTape() as tape:
                tape.watch([real, fake])
                values = [loss.discriminator_loss(real, fake), loss.generator_loss(real, fake)]
            return values, tape.gradient(values, [real, fake])

        self.assertAllClose(tf.function(both, jit_compile=True)(real, fake), both(real, fake), atol=1e-5)

    @parameterized.parameters(*NAMES)
    def test_generator_loss_needs_real_logits_only_if_relativistic(self, name):
        loss = losses.get(name)
        self.assertEqual(loss.uses_real_logits, name.startswith("relativistic"))
        if loss.uses_real_logits:
            with self.assertRaisesRegex(ValueError, "Relativistic.* depends on the real logits"):
                loss.generator_loss(None, [1.0])
        else:
            self.assertAllEqual(loss.generator_loss(None, [1.0]), loss.generator_loss([5.0], [1.0]))

    def test_shapes_that_would_broadcast_are_refused(self):
        loss = losses.Relativistic()
        for real, fake in (((4, 1), (4,)), ((4, 1), (4, 1)), ((1,), (4,)), ((), (4,))):
            for method in (loss.discriminator_loss, loss.generator_loss):
                with self.assertRaisesRegex(ValueError, r"shape \(batch,\).*Received: shapes="):
                    method(tf.zeros(real), tf.zeros(fake))
        with self.assertRaisesRegex(ValueError, r"Received: shapes=\['\(4, 1\)'\]"):
            losses.Hinge().generator_loss(None, tf.zeros((4, 1)))

    def test_unknown_batch_size(self):
        logits = tf.TensorSpec([None])
        function = tf.function(losses.Relativistic().discriminator_loss, input_signature=[logits, logits])
        self.assertAllClose(function(tf.zeros(3), tf.zeros(3)), [LOG_2] * 3)

    @parameterized.parameters(
        losses.Minimax(label_smoothing=0.2),
        losses.NonSaturating(label_smoothing=0.1),
        losses.LeastSquares(),
        losses.Wasserstein(),
        losses.Hinge(),
        losses.Relativistic(),
        losses.RelativisticAverage(),
        losses.FDivergence("reverse_kl", non_saturating=True),
    )
    def test_serialization(self, loss):
        again = self.assert_config_round_trip(loss)
        self.assertEqual(again.get_config(), loss.get_config())
        again = losses.deserialize(losses.serialize(loss))
        self.assertIs(type(again), type(loss))
        self.assertEqual(again.get_config(), loss.get_config())
        real, fake = [0.5], [1.5]
        self.assertAllEqual(again.discriminator_loss(real, fake), loss.discriminator_loss(real, fake))
        self.assertAllEqual(again.generator_loss(real, fake), loss.generator_loss(real, fake))

    def test_get(self):
        for name, cls in (
            ("minimax", losses.Minimax),
            ("non_saturating", losses.NonSaturating),
            ("least_squares", losses.LeastSquares),
            ("wasserstein", losses.Wasserstein),
            ("hinge", losses.Hinge),
            ("relativistic", losses.Relativistic),
            ("relativistic_average", losses.RelativisticAverage),
        ):
            self.assertIs(type(losses.get(name)), cls)
        for name in DIVERGENCES:
            self.assertEqual(losses.get(name).get_config(), {"divergence": name, "non_saturating": False})
        loss = losses.Hinge()
        self.assertIs(losses.get(loss), loss)
        self.assertEqual(losses.get(losses.serialize(losses.Minimax(0.3))).label_smoothing, 0.3)

    @parameterized.parameters("hing", "f_divergence", None, 3, losses.Hinge)
    def test_get_refuses_what_names_no_loss(self, identifier):
        with self.assertRaisesRegex(ValueError, "AdversarialLoss.*'hinge'.*Received: identifier="):
            losses.get(identifier)

    def test_deserialize_refuses_another_kind_of_object(self):
        config = keras.saving.serialize_keras_object(keras.losses.Hinge())
        with self.assertRaisesRegex(ValueError, "AdversarialLoss"):
            losses.deserialize(config)

    def test_unknown_divergence(self):
        with self.assertRaisesRegex(ValueError, "'reverse_kl'.*Received: divergence='js'"):
            losses.FDivergence("js")

    def test_label_smoothing_exists_only_for_cross_entropy(self):
        for cls in (losses.LeastSquares, losses.Wasserstein, losses.Hinge, losses.Relativistic):
            with self.assertRaises(TypeError):
                cls(label_smoothing=0.1)

    def test_base_class_names_what_a_subclass_must_implement(self):
        with self.assertRaisesRegex(NotImplementedError, "_generator_loss"):
            losses.AdversarialLoss().generator_loss(None, [0.0])
        with self.assertRaisesRegex(NotImplementedError, "_discriminator_loss"):
            losses.AdversarialLoss().discriminator_loss([0.0], [0.0])
