"""What holds for every layer of the package, as one check for their tests."""

import inspect

import keras
import numpy as np
import tensorflow as tf

from tests.test_case import TestCase


class LayerTestCase(TestCase):
    def run_layer_test(self, make, *shapes, num_classes=None, training=False, second_order=True, tolerance=0.05):
        """Checks one layer: shapes, dtypes, mixed precision, XLA, second order, serialization.

        Args:
            make: Function of keyword arguments of a Keras layer, such as `dtype`, that makes it.
            *shapes: Shapes of one example of its input; each is tried with float inputs.
            num_classes: For a layer of `[features, labels]`: the number of classes.
            training: Whether it is called as in a training step.
            second_order: Whether it has derivatives beyond the first to compare with finite differences.
            tolerance: By how much half precision may differ from single.
        """
        for shape in shapes:
            inputs = _inputs(shape, num_classes)
            layer = make()
            output = layer(inputs, **_mode(layer, training))
            self._check_shapes(layer, inputs, output, shape)
            self._check_serialization(make, layer, inputs)
            for policy in ("mixed_bfloat16", "mixed_float16"):
                self._check_precision(make, layer, inputs, policy, training, tolerance)
            if second_order:
                self._check_second_order(make, shape, num_classes, training)

    def _check_shapes(self, layer, inputs, output, shape):
        self.assertEqual(output.dtype, tf.float32)
        given = [tuple(x.shape) for x in inputs] if isinstance(inputs, list) else tuple(inputs.shape)
        self.assertEqual(tuple(layer.compute_output_shape(given)), tuple(output.shape))
        symbolic = keras.KerasTensor((None, *shape), dtype="float32")
        if isinstance(inputs, list):
            symbolic = [symbolic, keras.KerasTensor((None,), dtype="int32")]
        self.assertEqual(tuple(layer(symbolic).shape[1:]), tuple(output.shape[1:]))

    def _check_serialization(self, make, layer, inputs):
        names = {
            name
            for name, parameter in inspect.signature(type(layer)).parameters.items()
            if parameter.kind is not parameter.VAR_KEYWORD
        }
        self.assertEqual(names - set(layer.get_config()), set(), "arguments that the configuration lacks")
        again = self.assert_config_round_trip(make(dtype="mixed_bfloat16", name="again"))
        self.assertEqual((again.dtype_policy.name, again.name), ("mixed_bfloat16", "again"))
        symbolic = [keras.Input(x.shape[1:], dtype=x.dtype.name) for x in tf.nest.flatten(inputs)]
        model = keras.Model(symbolic, layer(symbolic if isinstance(inputs, list) else symbolic[0]))
        path = self.path("layer.keras")
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assert_same_weights(loaded, model)
        self.assertAllEqual(loaded(inputs), model(inputs))

    def _check_precision(self, make, layer, inputs, policy, training, tolerance):
        mixed = make(dtype=policy)
        mixed(inputs)
        mixed.set_weights(layer.get_weights())
        expected = make()
        expected(inputs)
        expected.set_weights(layer.get_weights())
        output = mixed(inputs, **_mode(mixed, training))
        self.assertEqual(output.dtype.name, policy.removeprefix("mixed_"))
        self.assertTrue(all(v.dtype == "float32" for v in mixed.trainable_variables))
        self.assertAllClose(
            tf.cast(output, tf.float32), expected(inputs, **_mode(expected, training)), atol=tolerance, rtol=tolerance
        )

    def _check_second_order(self, make, shape, num_classes, training):
        """The gradient of a squared gradient along one direction, in float64, as eager code, graph and XLA."""
        inputs = _inputs(shape, num_classes, tf.float64)
        x, rest = (inputs[0], inputs[1:]) if isinstance(inputs, list) else (inputs, [])
        layer = make(dtype="float64")
        layer(inputs)
        rng = np.random.default_rng(1)
        # Gains that start from 0 or 1 would hide what they multiply.
        layer.set_weights([
            w + 0.3 * rng.normal(size=w.shape) if np.issubdtype(w.dtype, np.floating) else w
            for w in layer.get_weights()
        ])  # fmt: skip
        weights = layer.get_weights()
        factor = tf.constant(rng.normal(size=x.shape))
        direction = tf.constant(rng.normal(size=x.shape))

        def penalty(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                # A curved map before the layer and after it, so that every term of the second derivative counts.
                seen = tf.sin(x) + factor * x
                y = layer([seen, *rest] if rest else seen, **_mode(layer, training))
                total = tf.reduce_sum(tf.cast(y, tf.float64) ** 3)
            return tf.reduce_sum(tape.gradient(total, x) ** 2)

        def slope(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = penalty(x)
            return tf.reduce_sum(tape.gradient(value, x) * direction)

        def at(function, x):
            layer.set_weights(weights)  # Counters and moving averages start anew.
            return float(function(x))

        h = 1e-5
        numeric = (at(penalty, x + h * direction) - at(penalty, x - h * direction)) / (2 * h)
        self.assertNotAllClose(numeric, 0.0)
        for wrap in (lambda f: f, tf.function, lambda f: tf.function(f, jit_compile=True)):
            self.assertAllClose(at(wrap(slope), x), numeric, rtol=1e-4)


def _inputs(shape, num_classes, dtype=tf.float32):
    x = tf.constant(np.random.default_rng(0).normal(size=(4, *shape)), dtype)
    return x if num_classes is None else [x, tf.range(4) % num_classes]


def _mode(layer, training):
    """The argument `training` for layers that have one."""
    return {"training": training} if "training" in inspect.signature(layer.call).parameters else {}
