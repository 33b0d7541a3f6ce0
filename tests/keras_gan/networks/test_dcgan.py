import numpy as np

from keras_gan.networks import DCGANDiscriminator, DCGANGenerator
from tests.keras_gan.networks.network_checks import NetworkTestCase

SHAPES = [
    (1, 1, 1),
    (3, 50, 2),
    (5, 7, 2),
    (7, 5, 1),
    (8, 8, 1),
    (9, 16, 4),
    (28, 28, 1),
    (32, 32, 3),
    (33, 17, 3),
    (45, 80, 2),
    (64, 64, 3),
    (100, 37, 3),
    (128, 16, 4),
]


def trainable_parameters(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


class DCGANTest(NetworkTestCase):
    def test_networks(self):
        self.check_network(DCGANGenerator, image_shape=(9, 8, 2), latent_dim=3, filters=4, latent_prior="uniform")
        self.check_network(DCGANGenerator, image_shape=(8, 9, 1), latent_dim=3, filters=4, num_classes=3)
        self.check_network(DCGANDiscriminator, image_shape=(17, 16, 2), filters=4)
        self.check_network(
            DCGANDiscriminator,
            image_shape=(8, 9, 1),
            filters=4,
            normalization=None,
            num_classes=3,
            class_names=["a", "b", "c"],
        )

    def test_conditional_networks(self):
        shape = {"image_shape": (8, 8, 1), "filters": 2, "num_classes": 3}
        self.check_network(DCGANGenerator, latent_dim=3, conditioning="projection", **shape)
        for conditioning in ("projection", "auxiliary"):
            self.check_network(DCGANDiscriminator, normalization=None, conditioning=conditioning, **shape)
        self.check_network(DCGANDiscriminator, hidden_units=(5, 4), conditioning="auxiliary", **shape)

    def test_hidden_units(self):
        """b + w · lrelu(V h + c), by hand from the feature map."""
        discriminator = DCGANDiscriminator((8, 8, 1), filters=2, normalization=None, hidden_units=(5,))
        x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
        [convolution] = discriminator.convolutions
        [hidden] = discriminator.hidden
        hidden.bias.assign([0.1, -0.2, 0.3, -0.4, 0.5])
        h = np.asarray(convolution(x)).reshape(4, -1)
        h = np.where(h > 0, h, 0.2 * h) @ hidden.kernel.numpy() + hidden.bias.numpy()
        w, bias = discriminator.heads.logit.get_weights()
        expected = np.where(h > 0, h, 0.2 * h) @ w[:, 0] + bias
        self.assertAllClose(discriminator(x)[:, 0], expected, rtol=1e-4, atol=1e-7)
        self.assertAllClose(np.std(hidden.kernel), 0.02, rtol=0.2)

    def test_projection(self):
        """w · h + embed(y) · h + b, by hand from the feature map."""
        discriminator = DCGANDiscriminator(
            (8, 8, 1), filters=2, normalization=None, num_classes=3, conditioning="projection"
        )
        x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
        labels = np.array([2, 0, 1, 2])
        [convolution] = discriminator.convolutions
        features = convolution(x).numpy()
        h = np.where(features > 0, features, 0.2 * features).reshape(4, -1)
        w, bias = discriminator.heads.logit.get_weights()
        [embedding] = discriminator.heads.embedding.get_weights()
        expected = h @ w[:, 0] + bias + np.sum(h * embedding[:, labels].T, axis=1)
        self.assertAllClose(discriminator([x, labels])[:, 0], expected, atol=1e-6)

    def test_any_image_shape(self):
        for i, shape in enumerate(SHAPES):
            classes = {"num_classes": 3} if i % 2 else {}
            with self.subTest(shape=shape, **classes):
                self.check_output(DCGANGenerator(shape, latent_dim=4, filters=2, **classes))
                self.check_output(DCGANDiscriminator(shape, filters=2, **classes))

    def test_parameter_counts_of_the_pytorch_example(self):
        # https://github.com/pytorch/examples/tree/main/dcgan with nz=100, ngf=ndf=64, nc=3.
        self.assertEqual(trainable_parameters(DCGANGenerator()), 3_576_704)
        self.assertEqual(trainable_parameters(DCGANDiscriminator()), 2_765_568)

    def test_biases_where_there_is_no_normalization(self):
        # 5 layers with 512 + 256 + 128 + 64 + 3 biases in place of twice the hidden widths.
        hidden = 512 + 256 + 128 + 64
        generator = DCGANGenerator(normalization=None)
        self.assertEqual(trainable_parameters(generator), 3_576_704 - 2 * hidden + 16 * 512 + hidden - 512 + 3)
        discriminator = DCGANDiscriminator(normalization=None)
        self.assertEqual(trainable_parameters(discriminator), 2_765_568 - 2 * (hidden - 64) + hidden + 1)

    def test_initial_weights(self):
        for network in (DCGANGenerator((16, 16, 3), 20, filters=16), DCGANDiscriminator((16, 16, 3), filters=16)):
            kernels = [v.numpy().ravel() for v in network.trainable_variables if v.name == "kernel"]
            self.assertAllClose(np.std(np.concatenate(kernels)), 0.02, atol=0.001)
            gains = np.concatenate([v.numpy() for v in network.trainable_variables if v.name == "gamma"])
            self.assertAllClose([np.mean(gains), np.std(gains)], [1.0, 0.02], atol=0.01)
            self.assertGreater(np.std(gains), 0.01)

    def test_kernels_of_equal_shapes_start_from_different_values(self):
        first, second = DCGANDiscriminator((256, 256, 1), filters=1).convolutions[-2:]
        self.assertEqual(first.kernel.shape, second.kernel.shape)
        self.assertNotAllClose(first.kernel, second.kernel)

    def test_the_first_convolution_of_the_discriminator_is_not_normalized(self):
        discriminator = DCGANDiscriminator((16, 16, 1), filters=2)
        self.assertLen(discriminator.non_trainable_variables, 2 * (len(discriminator.convolutions) - 1))

    def test_errors(self):
        for network_class in (DCGANGenerator, DCGANDiscriminator):
            with self.assertRaisesRegex(ValueError, r"needs `image_shape` \(height, width, channels\)"):
                network_class((10,))
            with self.assertRaisesRegex(ValueError, r"`normalization` must be one of \['batch', None\]. .*'layer'"):
                network_class((8, 8, 1), normalization="layer")
            with self.assertRaisesRegex(ValueError, r"`conditioning` must be one of \['concat', 'projection'"):
                network_class((8, 8, 1), conditioning="film")
            with self.assertRaisesRegex(ValueError, "'projection' needs `num_classes`"):
                network_class((8, 8, 1), conditioning="projection")
            with self.assertRaisesRegex(ValueError, "`filters` must be at least 1"):
                network_class((8, 8, 1), filters=0)
        with self.assertRaisesRegex(ValueError, "conditional batch normalization and needs normalization='batch'"):
            DCGANGenerator((8, 8, 1), num_classes=3, conditioning="projection", normalization=None)
