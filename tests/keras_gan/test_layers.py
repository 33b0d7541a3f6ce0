import keras
import numpy as np
import tensorflow as tf

from keras_gan import latents, layers
from tests.test_case import TestCase


def dropout_and_normalization_on_two_replicas_equal_one(strategy):
    """Three training steps; in float64, so that nothing but the arithmetic is compared."""
    inputs = np.random.default_rng(0).normal(size=(8, 6))

    def train(strategy):
        with strategy.scope():
            dropout = layers.Dropout(0.5, seed=3, dtype="float64")
            normalization = layers.BatchNormalization(dtype="float64")
            dropout.build((None, 6))
            normalization.build((None, 6))
        n = 8 // strategy.num_replicas_in_sync

        @tf.function
        def step(x):
            # The gradient of a squared gradient, as in a gradient penalty; replicas contribute to one sum.
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    y = normalization(dropout(x, training=True), training=True)
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
        weights = [strategy.experimental_local_results(w.value) for w in dropout.weights + normalization.weights]
        return outputs, [[np.asarray(w) for w in copies] for copies in weights]

    outputs, weights = train(tf.distribute.get_strategy())
    replicated_outputs, replicated_weights = train(strategy)
    for one, two in zip(outputs, replicated_outputs, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-9)
    for [one], (first, second) in zip(weights, replicated_weights, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, one, rtol=1e-9)
    assert (outputs[0][:4] != outputs[0][4:]).any()


class ReplicasTest(TestCase):
    def test_two_replicas_equal_one(self):
        self.run_on_two_replicas(dropout_and_normalization_on_two_replicas_equal_one)


class MaxoutTest(TestCase):
    def test_largest_piece_of_each_unit(self):
        layer = layers.Maxout(2, pieces=3)
        layer.build((None, 1))
        # Unit 0: max(x, -x, 1); unit 1: max(2x - 1, 0, -5).
        layer.set_weights([np.array([[1, -1, 0, 2, 0, 0]]), np.array([0, 0, 1, -1, 0, -5])])
        self.assertAllEqual(layer(np.array([[-3.0], [0.5], [2.0]])), [[3, 0], [1, 0], [2, 3]])

    def test_one_piece_is_a_dense_layer(self):
        maxout, dense = layers.Maxout(3, pieces=1), keras.layers.Dense(3)
        x = np.random.default_rng(0).normal(size=(2, 5, 4))
        maxout(x), dense(x)
        dense.set_weights(maxout.get_weights())
        self.assertAllClose(maxout(x), dense(x))

    def test_saving_and_errors(self):
        self.assert_config_round_trip(
            layers.Maxout(3, pieces=2, kernel_initializer="he_normal", dtype="mixed_bfloat16")
        )
        with self.assertRaisesRegex(ValueError, "at least 1. Received: units=0, pieces=2"):
            layers.Maxout(0, pieces=2)


class DropoutTest(TestCase):
    def test_masks_are_the_documented_draws(self):
        layer, x = layers.Dropout(0.3, seed=5), np.full((3, 4), 0.7, "float32")
        for count in (1, 2):
            keep = latents.uniform((3, 4), (5, -count)) >= 0.3
            self.assertAllClose(layer(x, training=True), tf.where(keep, 1.0, 0.0))
        self.assertEqual(int(layer.calls), 2)

    def test_mean_and_rate(self):
        y = layers.Dropout(0.2)(np.ones((100, 1000), "float32"), training=True).numpy()
        self.assertAllInSet(y, [0.0, np.float32(1 / 0.8)])
        self.assertAllClose(np.mean(y == 0), 0.2, atol=4 * (0.2 * 0.8 / 100_000) ** 0.5)

    def test_identity_unless_training(self):
        x = np.arange(6.0, dtype="float32").reshape(2, 3)
        layer = layers.Dropout(0.9)
        self.assertAllEqual(layer(x), x)
        self.assertAllEqual(layer(x, training=False), x)
        self.assertEqual(int(layer.calls), 0)
        self.assertAllEqual(layers.Dropout(0.0)(x, training=True), x)

    def test_masks_differ_by_call_and_by_seed(self):
        x = np.ones((1, 64), "float32")
        a, b = layers.Dropout(0.5, seed=0), layers.Dropout(0.5, seed=1)
        masks = [layer(x, training=True).numpy().tobytes() for layer in (a, a, b, b)]
        self.assertLen(set(masks), 4)

    def test_eager_graph_and_xla_drop_the_same(self):
        x = tf.ones((4, 5, 6))
        outputs = []
        for wrap in (lambda f: f, tf.function, lambda f: tf.function(f, jit_compile=True)):
            layer = layers.Dropout(0.5, seed=2)
            layer.build(x.shape)
            call = wrap(lambda x, layer=layer: layer(x, training=True))
            outputs.append(np.stack([call(x), call(x)]))
            self.assertEqual(int(layer.calls), 2)
        self.assertAllEqual(outputs[0], outputs[1])
        self.assertAllEqual(outputs[0], outputs[2])

    def test_a_saved_layer_goes_on_with_its_masks(self):
        x = np.ones((2, 50), "float32")
        model = keras.Sequential([keras.Input((50,)), layers.Dropout(0.5, seed=4)])
        model(x, training=True)
        archive, weights, checkpoint = self.path("model.keras"), self.path("model.weights.h5"), self.path("ckpt")
        model.save(archive)
        model.save_weights(weights)
        tf.train.Checkpoint(model=model).write(checkpoint)
        expected = model(x, training=True)

        again = keras.saving.load_model(archive)
        self.assertAllEqual(again(x, training=True), expected)
        again.load_weights(weights)
        self.assertAllEqual(again(x, training=True), expected)
        tf.train.Checkpoint(model=again).read(checkpoint).assert_consumed()
        self.assertAllEqual(again(x, training=True), expected)

    def test_half_precision_drops_the_same(self):
        x = np.ones((4, 50), "float32")
        expected = layers.Dropout(0.5, seed=2)(x, training=True)
        for policy in ("mixed_bfloat16", "mixed_float16"):
            y = layers.Dropout(0.5, seed=2, dtype=policy)(x, training=True)
            self.assertEqual(y.dtype.name, policy.removeprefix("mixed_"))
            self.assertAllEqual(tf.cast(y, "float32"), expected)

    def test_configuration_and_errors(self):
        self.assert_config_round_trip(layers.Dropout(0.25, seed=9))
        for rate in (-0.1, 1.0):
            with self.assertRaisesRegex(ValueError, rf"`rate` must lie in \[0, 1\). Received: rate={rate}"):
                layers.Dropout(rate)


class BatchNormalizationTest(TestCase):
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
