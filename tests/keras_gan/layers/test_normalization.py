import keras
import numpy as np
import tensorflow as tf

from keras_gan import layers
from tests.keras_gan.layers.layer_checks import LayerTestCase
from tests.test_case import TestCase


def dropout_and_normalization_on_two_replicas_equal_one(strategy):
    """Three training steps; in float64, so that nothing but the arithmetic is compared."""
    inputs = np.random.default_rng(0).normal(size=(8, 6))

    def train(strategy):
        with strategy.scope():
            dropout = layers.Dropout(0.5, seed=3, dtype="float64")
            normalization = layers.BatchNormalization(dtype="float64")
            conditional = layers.ConditionalBatchNormalization(3, dtype="float64")
            dropout.build((None, 6))
            normalization.build((None, 6))
            conditional.build([(None, 6), (None,)])
            conditional.gamma.assign(np.arange(18.0).reshape(3, 6))
        n = 8 // strategy.num_replicas_in_sync

        @tf.function
        def step(x):
            # The gradient of a squared gradient, as in a gradient penalty; replicas contribute to one sum.
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    y = normalization(dropout(x, training=True), training=True)
                    y = conditional([y, tf.range(n) % 2], training=True)
                    loss = tf.reduce_sum(y**3)
                gradient = inner.gradient(loss, x)
                penalty = tf.reduce_sum(gradient**2)
            return y, gradient, outer.gradient(penalty, x)

        for _ in range(3):
            rows = strategy.experimental_distribute_values_from_function(
                lambda context: tf.constant(inputs[n * context.replica_id_in_sync_group :][:n])
            )
            outputs = strategy.run(step, args=(rows,))
        outputs = [np.concatenate(strategy.experimental_local_results(output)) for output in outputs]
        weights = [
            strategy.experimental_local_results(w.value)
            for w in dropout.weights + normalization.weights + conditional.weights
        ]
        return outputs, [[np.asarray(w) for w in copies] for copies in weights]

    outputs, weights = train(tf.distribute.get_strategy())
    replicated_outputs, replicated_weights = train(strategy)
    for one, two in zip(outputs, replicated_outputs, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-9)
    for [one], (first, second) in zip(weights, replicated_weights, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, one, rtol=1e-9, atol=1e-12)
    assert (outputs[0][:4] != outputs[0][4:]).any()


class ReplicasTest(TestCase):
    def test_two_replicas_equal_one(self):
        self.run_on_two_replicas(dropout_and_normalization_on_two_replicas_equal_one)


class BatchNormalizationTest(LayerTestCase):
    def test_layer(self):
        for training in (False, True):
            self.run_layer_test(layers.BatchNormalization, (3, 5, 2), (6,), training=training)

    def setUp(self):
        super().setUp()
        self.x = tf.constant(np.random.default_rng(0).normal(3.0, 2.0, size=(4, 3, 5, 2)), tf.float32)

    def build(self, **kwargs):
        layer = layers.BatchNormalization(**kwargs)
        layer.build((None, None, None, 2))
        layer.set_weights([np.array([2.0, -1.0]), np.array([0.5, 0.0]), np.array([1.0, 2.0]), np.array([4.0, 9.0])])
        return layer

    def test_equals_that_of_keras_to_first_order(self):
        ours, theirs = self.build(), keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        theirs.build(self.x.shape)
        theirs.set_weights(ours.get_weights())
        for training in (True, False):
            results = []
            for layer in (ours, theirs):
                with tf.GradientTape() as tape:
                    tape.watch(self.x)
                    y = layer(self.x, training=training)
                    loss = tf.reduce_sum(y**3)
                results.append([y, *tape.gradient(loss, [self.x, layer.gamma.value, layer.beta.value])])
            for a, b in zip(*results, strict=True):
                self.assertAllClose(a, b, rtol=1e-4, atol=1e-4)
        self.assertAllClose(ours.get_weights(), theirs.get_weights())

    def test_equals_itself_compiled(self):
        eager, compiled = self.build(), self.build()
        call = tf.function(lambda x: compiled(x, training=True), jit_compile=True)
        self.assertAllClose(eager(self.x, training=True), call(self.x), atol=1e-5)
        self.assertAllClose(eager.get_weights(), compiled.get_weights(), atol=1e-5)

    def test_gradient_of_a_squared_gradient_against_finite_differences(self):
        layer = self.build(dtype="float64")
        x = tf.cast(self.x, "float64")
        # A layer before the normalization: without it the second-order terms that `tf.nn.moments` loses are zero.
        kernel, direction = tf.unstack(tf.constant(np.random.default_rng(1).normal(size=(2, *x.shape))))

        def penalty(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(kernel * x, training=True) ** 3)
            return tf.reduce_sum(tape.gradient(loss, x) ** 2)

        with tf.GradientTape() as tape:
            tape.watch(x)
            value = penalty(x)
        step = 1e-5
        numeric = (penalty(x + step * direction) - penalty(x - step * direction)) / (2 * step)
        self.assertAllClose(tf.reduce_sum(tape.gradient(value, x) * direction), numeric, rtol=1e-6)

    def test_fused_and_plain_agree_to_second_order(self):
        for shape in ((4, 3, 5, 2), (6, 2), (3, 4, 2)):
            x = np.random.default_rng(0).normal(3.0, 2.0, size=shape)
            results, weights = [], []
            for dtype in ("float32", "float64"):  # fused, and from plain means
                layer = self.build(dtype=dtype)
                inputs = tf.constant(x, dtype)
                with tf.GradientTape() as outer:
                    outer.watch(inputs)
                    with tf.GradientTape() as inner:
                        y = layer(tf.sin(inputs), training=True)
                        inner.watch(y)
                        loss = tf.reduce_sum(layer(inputs * y, training=True) ** 3)
                    penalty = tf.reduce_sum(inner.gradient(loss, y) ** 2)
                results.append([y, penalty, outer.gradient(penalty, inputs)])
                weights.append(layer.get_weights())
            for fused, plain in zip(results[0] + weights[0], results[1] + weights[1], strict=True):
                self.assertAllClose(fused, plain, rtol=1e-4, atol=1e-4 * np.abs(plain).max())

    def test_one_row_has_no_variance(self):
        layer = layers.BatchNormalization(momentum=0.5)
        self.assertAllEqual(layer(tf.constant([[3.0, 4.0]]), training=True), [[0.0, 0.0]])
        self.assertAllClose(layer.moving_variance, [0.5, 0.5])

    def test_frozen_layers_use_their_averages(self):
        layer = self.build()
        layer.trainable = False
        before = layer.get_weights()
        self.assertAllClose(layer(self.x, training=True), self.build()(self.x))
        self.assertAllEqual(layer.get_weights(), before)

    def test_statistics_do_not_overflow_in_half_precision(self):
        x = tf.constant(np.tile([[30_000.0], [30_032.0]], (300, 2)), tf.float16)
        layer = layers.BatchNormalization(dtype="mixed_float16")
        y = layer(x, training=True)
        self.assertEqual(y.dtype, tf.float16)
        self.assertAllClose(y[:2], [[-1.0, -1.0], [1.0, 1.0]], atol=0.01)
        self.assertAllClose(layer.moving_mean, [3001.6, 3001.6], rtol=1e-5)

    def test_configuration(self):
        gains = keras.initializers.RandomNormal(1.0, 0.02, seed=1)
        again = self.assert_config_round_trip(layers.BatchNormalization(0.8, 1e-3, gains, dtype="mixed_bfloat16"))
        self.assertEqual((again.momentum, again.epsilon, again.dtype_policy.name), (0.8, 1e-3, "mixed_bfloat16"))


class ConditionalBatchNormalizationTest(LayerTestCase):
    def test_layer(self):
        self.run_layer_test(
            lambda **kwargs: layers.ConditionalBatchNormalization(3, **kwargs), (3, 2), num_classes=3, training=True
        )

    def test_each_class_has_its_own_gain_and_offset(self):
        x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32")
        labels = np.array([2, 0, 2, 1])
        layer, plain = layers.ConditionalBatchNormalization(3), layers.BatchNormalization()
        layer.build([x.shape, (4,)])
        gamma, beta = np.array([[1, 2], [3, 4], [5, 6]], "float32"), np.array([[0, 0], [1, -1], [7, 8]], "float32")
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
        for training in (True, False):
            expected = gamma[labels][:, None] * plain(x, training=training) + beta[labels][:, None]
            self.assertAllClose(layer([x, labels], training=training), expected, atol=1e-5)
        self.assertAllClose(layer.moving_mean, plain.moving_mean)
        self.assertAllClose(layer.moving_variance, plain.moving_variance)

    def test_a_new_layer_is_the_unconditional_one(self):
        x, labels = np.random.default_rng(0).normal(size=(5, 2)).astype("float32"), np.arange(5) % 2
        y = layers.ConditionalBatchNormalization(2)([x, labels], training=True)
        self.assertAllClose(y, layers.BatchNormalization()(x, training=True), atol=1e-6)

    def test_configuration_and_errors(self):
        again = self.assert_config_round_trip(
            layers.ConditionalBatchNormalization(7, 0.8, 1e-3, dtype="mixed_bfloat16")
        )
        self.assertEqual((again.num_classes, again.momentum), (7, 0.8))
        self.assertEqual(again.compute_output_shape([(2, 3), (2,)]), (2, 3))
        with self.assertRaisesRegex(ValueError, "`num_classes` must be at least 1. Received: num_classes=0"):
            layers.ConditionalBatchNormalization(0)


class StatelessNormalizationsTest(LayerTestCase):
    def test_layers(self):
        self.run_layer_test(lambda **kwargs: layers.LayerNormalization([1, 2], **kwargs), (3, 4))
        self.run_layer_test(lambda **kwargs: layers.GroupNormalization(2, **kwargs), (3, 3, 4))

    def setUp(self):
        super().setUp()
        self.x = np.random.default_rng(0).normal(3.0, 2.0, size=(4, 3, 5, 6)).astype("float32")

    def test_equal_those_of_keras(self):
        pairs = [(layers.LayerNormalization(axis), keras.layers.LayerNormalization(axis)) for axis in (-1, [1, 3])]
        for groups in (1, 2, -1):
            pairs.append((layers.GroupNormalization(groups), keras.layers.GroupNormalization(groups)))
        rng = np.random.default_rng(1)
        for ours, theirs in pairs:
            ours.build(self.x.shape)
            theirs.build(self.x.shape)
            ours.set_weights([rng.normal(size=weight.shape) for weight in ours.weights])
            theirs.set_weights(ours.get_weights())
            self.assertAllClose(ours(self.x), theirs(self.x), atol=1e-4)

    def test_vectors_and_half_precision(self):
        for layer in (
            layers.LayerNormalization(dtype="mixed_float16"),
            layers.GroupNormalization(2, dtype="mixed_float16"),
        ):
            y = layer(np.array([[30_000.0, 30_032.0, 30_000.0, 30_032.0]]))
            self.assertEqual(y.dtype, tf.float16)
            self.assertAllClose(y, [[-1.0, 1.0, -1.0, 1.0]], atol=0.01)

    def test_configuration_and_errors(self):
        self.assert_config_round_trip(layers.LayerNormalization([1, 2], 1e-6))
        self.assert_config_round_trip(layers.GroupNormalization(4, 1e-6))
        plain = self.assert_config_round_trip(layers.GroupNormalization(-1, center=False, scale=False))
        x = np.random.default_rng(0).normal(2.0, 3.0, (2, 4, 5, 3)).astype("float32")
        expected = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-3)
        self.assertAllClose(plain(x), expected, atol=1e-5)
        self.assertEqual(plain.count_params(), 0)
        with self.assertRaisesRegex(ValueError, "must not include the batch's. Received: axis=0 of 2 axes"):
            layers.LayerNormalization(0).build((None, 3))
        with self.assertRaisesRegex(ValueError, "must divide the 3 channels. Received: groups=2"):
            layers.GroupNormalization(2).build((None, 3))
        with self.assertRaisesRegex(ValueError, "Received: groups=0"):
            layers.GroupNormalization(0)
