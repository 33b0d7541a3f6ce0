import keras
import numpy as np
import tensorflow as tf

from keras_gan import layers, random
from tests.keras_gan.layers.layer_checks import LayerTestCase


class DropoutTest(LayerTestCase):
    def test_layer(self):
        self.run_layer_test(lambda **kwargs: layers.Dropout(0.5, seed=3, **kwargs), (8,), training=True)

    def test_masks_are_the_documented_draws(self):
        layer, x = layers.Dropout(0.25, seed=5), np.full((3, 5), 0.75, "float32")
        for count in (1, 2):
            keep = random.bernoulli((3, 5), (5, -count), 2**14)
            self.assertAllClose(layer(x, training=True), tf.where(keep, 1.0, 0.0))
        self.assertEqual(int(layer.calls), 2)

    def test_mean_and_rate(self):
        for rate, rounded in ((0.2, 13107 / 2**16), (0.999999, 65535 / 2**16), (1e-6, 0.0)):
            y = layers.Dropout(rate)(np.ones((100, 1000), "float32"), training=True).numpy()
            self.assertAllClose(np.unique(y[y > 0]), [1 / (1 - rounded)])
            self.assertAllClose(np.mean(y == 0), rounded, atol=4 * (rounded * (1 - rounded) / 100_000) ** 0.5)

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
