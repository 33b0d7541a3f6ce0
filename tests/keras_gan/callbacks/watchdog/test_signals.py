import types

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import networks
from keras_gan.callbacks.watchdog import signals
from tests.test_case import TestCase


def linear_gan(loss="wasserstein", **kwargs):
    """G(z) = Az with A the unit matrix; D(x) = 3 x_0 + 4 x_1."""
    unit = keras.layers.Dense(2, use_bias=False, kernel_initializer="identity")
    generator = keras.Sequential([keras.Input((2,)), unit])
    discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    discriminator.layers[0].kernel.assign([[3.0], [4.0]])
    gan = keras_gan.GAN(generator, discriminator, **kwargs)
    gan.compile("sgd", "sgd", loss=loss)
    return gan


def codes(n=40):
    """The latents that a probe draws."""
    return keras_gan.latents.stateless((n, 2), signals._SEED).numpy()


class NetworksTest(TestCase, parameterized.TestCase):
    def test_values_by_hand(self):
        real = codes() + np.float32([10.0, 0.0])
        found, missing, memory = signals.Signals(linear_gan(), real, batch=40).measure(None)
        weights = np.array([3.0, 4.0])
        logits = np.concatenate([real @ weights, codes() @ weights])
        self.assertAllClose(found["logit_gap"], 30.0, rtol=1e-5)
        self.assertAllClose(found["logit_deviation"], logits.std(), rtol=1e-5)
        self.assertAllClose([found["real_input_gradient"], found["fake_input_gradient"]], [5.0, 5.0])
        # d/dw mean(w G(z)) - mean(w x) = mean(G(z) - x); d/dA -mean(w A z) = -w mean(z)'.
        self.assertAllClose(found["discriminator_gradient"], 10.0, rtol=1e-5)
        generator_gradient = 5.0 * np.linalg.norm(codes().mean(axis=0))
        self.assertAllClose(found["generator_gradient"], generator_gradient, rtol=1e-4)
        self.assertAllClose(found["gradient_ratio"], generator_gradient / 10.0, rtol=1e-4)
        pairs = (real @ weights)[:, None] > codes() @ weights
        self.assertAllClose(found["accuracy"], pairs.mean())
        self.assertNotIn("saturation", found)
        self.assertEqual((missing, memory.rows.shape), ([], (40, 2)))
        self.assertNotIn("weight_change", found)

    def test_the_change_of_weights(self):
        gan = linear_gan()
        look = signals.Signals(gan, codes())
        _, _, memory = look.measure(None)
        gan.generator.layers[0].kernel.assign([[1.0, 0.5], [0.0, 1.0]])
        found, _, memory = look.measure(memory)
        # One weight by 1/2, of a matrix whose squares sum up to 2.25.
        self.assertAllClose(found["weight_change"], 0.5 / 1.5, rtol=1e-5)
        found, _, _ = look.measure(memory)
        self.assertEqual((found["weight_change"], found["movement"]), (0.0, 0.0))
        self.assertNotIn("weight_change", look.measure(signals.Memory(memory.rows, None))[0])

    def test_a_sketch_is_as_long_as_the_weights(self):
        weights = [
            np.random.default_rng(i).normal(size=shape).astype(np.float32) for i, shape in enumerate(((70, 90), (7,)))
        ]
        sketch, norm = signals._sketch([tf.Variable(each) for each in weights])
        length = np.sqrt(sum((each.astype(np.float64) ** 2).sum() for each in weights))
        self.assertAllClose(norm, length, rtol=1e-5)
        # 64 sums: a standard deviation of 1/sqrt(128) of the length.
        self.assertAllClose(np.linalg.norm(sketch), length, rtol=0.27)
        self.assertEqual(sketch.shape, (signals.SKETCH,))

    @parameterized.parameters("non_saturating", "hinge", "relativistic", "relativistic_average", "jensen_shannon")
    def test_saturation_runs_from_one_to_zero(self, loss):
        gan = linear_gan(loss)
        for weight, value in ((0.0, 1.0), (9.0, 0.0)):
            gan.discriminator.layers[0].kernel.assign([[weight], [0.0]])
            gan.discriminator.layers[0].bias.assign([-10.0 * weight])
            found, _, _ = signals.Signals(gan, codes() + np.float32([20.0, 0.0])).measure(None)
            self.assertAllClose(found["saturation"], value, atol=1e-4)

    @parameterized.parameters("wasserstein", "least_squares", "kl")
    def test_losses_that_do_not_saturate(self, loss):
        found, _, _ = signals.Signals(linear_gan(loss), codes()).measure(None)
        self.assertNotIn("saturation", found)

    def test_equal_logits_are_half_right(self):
        gan = linear_gan()
        gan.discriminator.layers[0].kernel.assign([[0.0], [0.0]])
        found, _, _ = signals.Signals(gan, codes() + np.float32(1.0)).measure(None)
        self.assertEqual((found["accuracy"], found["gradient_ratio"]), (0.5, 0.0))

    def test_held_out_logits(self):
        held_out = codes() + np.float32([7.0, 0.0])
        found, _, _ = signals.Signals(linear_gan(), codes() + np.float32([10.0, 0.0]), held_out=held_out).measure(None)
        self.assertAllClose(found["overfitting"], 0.3, rtol=1e-4)
        deviation = (codes() @ np.array([3.0, 4.0])).std()
        self.assertAllClose(found["overfitting_deviations"], 9.0 / (deviation * np.sqrt(2 / 40)), rtol=1e-3)

    def test_nothing_in_the_model_changes(self):
        gan = keras_gan.GAN(
            networks.DCGANGenerator((8, 8, 1), latent_dim=2, filters=2),
            networks.MLPDiscriminator((8, 8, 1), hidden_units=(4,), dropout=0.5),
            ema_momentum=0.9,
        )
        gan.compile(discriminator_regularizers=["r1"])
        before = [variable.numpy() for variable in gan.variables]
        images = np.random.default_rng(0).uniform(-1, 1, (20, 8, 8, 1)).astype(np.float32)
        look = signals.Signals(gan, images)
        first, _, rows = look.measure(None)
        again, _, _ = look.measure(rows)
        for variable, value in zip(gan.variables, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)
        self.assertEqual((again.pop("movement"), again.pop("weight_change")), (0.0, 0.0))
        self.assertEqual(first, again)

    def test_conditional(self):
        gan = keras_gan.GAN(
            networks.MLPGenerator((2,), latent_dim=2, hidden_units=(4,), num_classes=3),
            networks.MLPDiscriminator((2,), hidden_units=(4,), num_classes=3),
        )
        gan.compile()
        labels = np.arange(40) % 3
        modes = types.SimpleNamespace(
            modes=np.array([[0.0, 0.1], [0.1, -0.1], [-0.1, -0.1]]), weights=np.full(3, 1 / 3)
        )
        look = signals.Signals(gan, codes(), labels, codes()[:20], labels[:20], classes=modes)
        found, _, _ = look.measure(None)
        fake = np.asarray(gan.generator([codes(), labels], training=True))
        nearest = [np.argmin(np.linalg.norm(each[:, None] - modes.modes, axis=2), axis=1) for each in (fake, codes())]
        self.assertAllClose(found["label_agreement"], np.mean(nearest[0] == labels))
        self.assertAllClose(found["real_label_agreement"], np.mean(nearest[1] == labels))
        chance = sum(np.mean(nearest[0] == k) * np.mean(labels == k) for k in range(3))
        self.assertAllClose(found["label_chance"], chance)
        pairs = [(i, j) for i in range(40) for j in range(40) if i != j and labels[i] == labels[j]]
        means = [np.mean([np.linalg.norm(each[i] - each[j]) for i, j in pairs]) for each in (fake, codes())]
        self.assertAllClose(found["class_distance_ratio"], means[0] / means[1], rtol=1e-4)
        self.assertEqual(found["not_finite"], 0.0)

    def test_what_is_not_finite_is_counted(self):
        gan = linear_gan()
        gan.generator.layers[0].kernel.assign(np.full((2, 2), np.nan))
        found, _, memory = signals.Signals(gan, codes()).measure(signals.Memory(codes(), np.zeros(signals.SKETCH)))
        self.assertGreater(found["not_finite"], 3.0)
        self.assertIsNone(found["logit_gap"])
        self.assertFalse(np.isnan(memory.rows).any())

    def test_bad_examples(self):
        with self.assertRaisesRegex(ValueError, r"at least 4 real examples of shape \(2,\). Received: 3"):
            signals.Signals(linear_gan(), codes(3))
        with self.assertRaisesRegex(ValueError, r"of shape \(1,\)"):
            signals.Signals(linear_gan(), codes()[:, :1])


class SamplesTest(TestCase):
    def test_variety_and_neighbours(self):
        gan = linear_gan()
        for scale, shift, ratio, neighbours, precision in ((1.0, 0.0, 1.0, 0.0, 1.0), (0.5, 50.0, 0.5, 1.0, 0.0)):
            gan.generator.layers[0].kernel.assign(scale * np.eye(2))
            found, _, _ = signals.Signals(gan, codes() + np.float32(shift)).measure(None)
            self.assertAllClose(found["distance_ratio"], ratio, rtol=1e-5)
            self.assertEqual((found["neighbour_accuracy"], found["precision"]), (neighbours, precision))
            self.assertEqual(found["coverage"], precision)

    def test_samples_of_one_distribution(self):
        real = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
        found, _, _ = signals.Signals(linear_gan(), real).measure(None)
        # Three standard errors of the mean of 1,000 nearly independent coins.
        self.assertAllClose(found["neighbour_accuracy"], 0.5, atol=0.05)
        self.assertAllClose(found["distance_ratio"], 1.0, atol=0.1)
        self.assertGreater(found["precision"], 0.9)

    def test_movement_is_in_units_of_the_data(self):
        gan = linear_gan()
        look = signals.Signals(gan, codes())
        _, _, rows = look.measure(None)
        gan.generator.layers[0].kernel.assign(2.0 * np.eye(2))
        found, _, _ = look.measure(rows)
        distances = np.linalg.norm(codes()[:, None] - codes(), axis=2)
        expected = np.linalg.norm(codes(), axis=1).mean() / (distances.sum() / (40 * 39))
        self.assertAllClose(found["movement"], expected, rtol=1e-4)

    def test_modes(self):
        gan = linear_gan()
        gan.generator.layers[0].kernel.assign(np.zeros((2, 2)))
        four = types.SimpleNamespace(
            modes=np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]]), weights=[0.4, 0.3, 0.2, 0.1]
        )
        found, missing, _ = signals.Signals(gan, codes(), classes=four).measure(None)
        # Of the last one 4 of 40 examples would be expected, too few to judge.
        self.assertEqual(missing, ["1", "2"])
        self.assertAllClose((found["missing_share"], found["entropy"]), (0.5, 0.0))

    def test_classes_through_a_classifier(self):
        gan = keras_gan.GAN(
            networks.MLPGenerator((28, 28, 1), latent_dim=2, hidden_units=(4,)),
            networks.MLPDiscriminator((28, 28, 1), hidden_units=(4,)),
        )
        gan.compile()
        images, _ = keras_gan.data.load("mnist5k", batch_size=250)
        real = next(iter(images)).numpy()
        look = signals.Signals(gan, real, classes="mnist_classifier", class_names=list("abcdefghij"))
        found, missing, memory = look.measure(None)
        self.assertEqual(memory.rows.shape, (250, 64))
        # An untrained generator shows gray: one or two classes.
        self.assertGreater(found["missing_share"], 0.7)
        self.assertContainsSubset(missing, set("abcdefghij"))
        self.assertGreater(found["neighbour_accuracy"], 0.95)

    def test_classes_of_each_channel(self):
        """Stacked digits with a 7 in the red channel alone, where zeros are among the data."""
        digits = keras_gan.data.open_source("mnist5k", "test")
        of = {number: digits.images[digits.labels == number][:20] for number in (0, 7)}
        half = np.concatenate([of[0], of[7]])
        real = np.concatenate([half, half[::-1], half], axis=-1) / np.float32(127.5) - 1
        classes = signals._Classes("mnist_classifier", real, [f"{i:03d}" for i in range(1000)])
        self.assertAllClose(classes._truth[[0, 7, 10, 17, 20, 27]], np.full(6, 1 / 6), atol=0.02)
        fake = np.concatenate([of[7], of[0], of[7]], axis=-1) / np.float32(127.5) - 1
        seen = classes.look(np.concatenate([fake, np.roll(fake[..., [0, 2, 1]], 1, axis=0)]))
        self.assertEqual(seen.rows.shape, (40, 3 * 64))
        missing, share = classes.missing(seen.shares)
        self.assertEqual(missing, ["0 in channel 0"])
        self.assertAllClose(share, 1 / 6, atol=0.02)

    def test_projections_keep_distances(self):
        images = np.random.default_rng(0).normal(size=(50, 12, 12, 1)).astype(np.float32)
        seen = signals._Classes(None, images, None).look(images)
        self.assertEqual(seen.rows.shape, (50, 128))
        flat = images.reshape(50, -1)
        ratio = np.linalg.norm(seen.rows[1:] - seen.rows[0], axis=1) / np.linalg.norm(flat[1:] - flat[0], axis=1)
        self.assertAllClose(ratio.mean(), 1.0, atol=0.15)
