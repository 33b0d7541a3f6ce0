import keras
import numpy as np

from keras_gan import layers
from tests.keras_gan.layers.layer_checks import LayerTestCase


class SelfAttentionTest(LayerTestCase):
    def test_layer(self):
        self.run_layer_test(lambda **kwargs: layers.SelfAttention(2, **kwargs), (3, 4, 4))

    def setUp(self):
        super().setUp()
        self.x = np.random.default_rng(0).normal(size=(2, 3, 4, 8)).astype("float32")

    def test_definition(self):
        layer = layers.SelfAttention(reduction=4)
        self.assertAllEqual(layer(self.x), self.x)
        layer.gamma.assign(0.5)
        f, g, h, v = (np.asarray(part.kernel) for part in (layer.keys, layer.queries, layer.values, layer.out))
        self.assertEqual((f.shape, v.shape), ((8, 2), (2, 8)))
        x = self.x.reshape(2, 12, 8)
        expected = np.empty_like(x)
        for n in range(2):
            for j in range(12):
                scores = np.exp([(x[n, i] @ f) @ (x[n, j] @ g) for i in range(12)])
                expected[n, j] = x[n, j] + 0.5 * (scores / scores.sum()) @ (x[n] @ h) @ v
        self.assertAllClose(layer(self.x), expected.reshape(self.x.shape), atol=1e-5)

    def test_spectral_normalization(self):
        layer = layers.SelfAttention(spectral_normalization=True)
        layer(self.x)
        self.assertLen([part for part in layer._flatten_layers() if isinstance(part, layers.SpectralNormalization)], 4)

    def test_saving(self):
        model = keras.Sequential([keras.Input((3, 4, 8)), layers.SelfAttention(2, True, dtype="mixed_bfloat16")])
        model.layers[0].gamma.assign(2.0)
        path = self.path("again.keras")
        model.save(path)
        again = keras.saving.load_model(path)
        self.assert_same_weights(again, model)
        self.assertAllEqual(again(self.x), model(self.x))
        with self.assertRaisesRegex(ValueError, "Received: reduction=0"):
            layers.SelfAttention(0)
