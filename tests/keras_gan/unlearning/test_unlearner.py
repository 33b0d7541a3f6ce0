import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_gan import GAN, layers, networks
from keras_gan.metrics.similarity import ms_ssim
from keras_gan.unlearning import FeatureUnlearner, LatentDirection, latent_batches
from tests.keras_gan.models.test_xla import unknown_shapes
from tests.test_case import TestCase

SHAPE = (8, 8, 1)
FEATURE = LatentDirection([1.0, 0.0, 0.0], threshold=0.5)


class Identity(networks.Generator):
    """Latents as they are, plus a trained offset."""

    def __init__(self, image_shape=(2,), latent_dim=2, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
        self.offset = self.add_weight(shape=(2,), initializer="zeros", name="offset")
        self.build()

    def call(self, inputs, training=None):
        return self.unpack(inputs)[0] + self.offset


def generator(**kwargs):
    """A tiny convolutional generator whose moving averages are not those that it began with."""
    network = networks.DCGANGenerator(SHAPE, latent_dim=3, filters=2, **kwargs)
    rng = np.random.default_rng(0)
    network.set_weights([rng.uniform(0.2, 0.8, weight.shape) for weight in network.get_weights()])
    for variable in network.trainable_variables:
        variable.assign(rng.normal(scale=0.5, size=variable.shape))
    return network


def unlearner(network=None, feature=FEATURE, **compile_arguments):
    model = FeatureUnlearner(generator() if network is None else network, feature)
    model.compile(**{"optimizer": keras.optimizers.Adam(0.01), **compile_arguments})
    return model


def batch(n=8, seed=1):
    return np.random.default_rng(seed).normal(size=(n, 3)).astype("float32")


class LatentBatchesTest(TestCase):
    def test_batches_are_fresh_normal_and_depend_on_their_number_alone(self):
        network = generator()
        first = np.stack(list(latent_batches(network, batch_size=500, seed=3).take(4)))
        self.assertAllClose([first.mean(), first.std()], [0.0, 1.0], atol=0.05)
        self.assertLess(np.abs(np.corrcoef(first.reshape(4, -1)) - np.eye(4)).max(), 0.1)
        later = next(iter(latent_batches(network, batch_size=500, seed=3, start_batch=2)))
        np.testing.assert_array_equal(later, first[2])
        self.assertNotAllClose(next(iter(latent_batches(network, batch_size=500, seed=4))), first[0])

    def test_labels_are_drawn_alike_often(self):
        codes, labels = next(iter(latent_batches(generator(num_classes=4), batch_size=4000)))
        self.assertEqual((codes.shape, labels.shape, labels.dtype), ((4000, 3), (4000,), tf.int32))
        self.assertAllClose(np.bincount(labels) / 4000, [0.25] * 4, atol=0.03)

    def test_prior_and_bad_input(self):
        codes = next(iter(latent_batches(generator(latent_prior="uniform"), batch_size=100)))
        self.assertAllInRange(codes, -1.0, 1.0)
        with self.assertRaisesRegex(
            ValueError, "`batch_size` must be an integer of at least 1. Received: batch_size=0"
        ):
            latent_batches(generator(), batch_size=0)


class FeatureUnlearnerTest(TestCase, parameterized.TestCase):
    def test_terms_by_hand(self):
        """(2, 0) is to become (1, 0), half a unit away per number; (0, 5) lacks the feature."""
        model = unlearner(Identity(), LatentDirection([1.0, 0.0], threshold=1.0), alpha=3.0)
        codes = np.array([[2.0, 0.0], [0.0, 5.0]], "float32")
        self.assertAllClose(
            model.test_on_batch(codes, return_dict=True), {"loss": 0.75, "reconstruction": 0.0, "unlearning": 0.25}
        )
        # Moved by (-0.5, 0.1): the first is 0.5 and 0.1 away from where it is to be, the second from where it was.
        model.generator.offset.assign([-0.5, 0.1])
        self.assertAllClose(
            model.test_on_batch(codes, return_dict=True),
            {"loss": 3 * 0.15 + 0.15, "reconstruction": 0.15, "unlearning": 0.15},
        )

    def test_what_is_not_seen_to_have_the_feature_stays(self):
        """(2, 0) and (4, 0) both lie beyond; only of the second the image is said to have it."""
        feature = LatentDirection([1.0, 0.0], threshold=1.0)
        model = FeatureUnlearner(Identity(), feature, sees=lambda images: tf.reduce_max(images, axis=1) > 3.0)
        model.compile("adam", alpha=3.0)
        codes = np.array([[2.0, 0.0], [4.0, 0.0]], "float32")
        # It is to become (1, 0): 1.5 away per number, half of the rows.
        self.assertAllClose(
            model.test_on_batch(codes, return_dict=True), {"loss": 2.25, "reconstruction": 0.0, "unlearning": 0.75}
        )

    def test_one_step_descends_the_gradient_by_hand(self):
        model = unlearner(
            Identity(), LatentDirection([1.0, 0.0], threshold=1.0), alpha=3.0, optimizer=keras.optimizers.SGD(0.1)
        )
        model.generator.offset.assign([0.5, 0.25])
        model.train_on_batch(np.array([[2.0, 0.0], [0.0, 5.0]], "float32"))
        # d |x| = 1 of each number, of which a batch has four: (3 + 1) / 4 each.
        self.assertAllClose(model.generator.offset, [0.5 - 0.1, 0.25 - 0.1])

    def test_perceptual_term_is_that_of_latents_with_the_feature(self):
        model, codes = unlearner(alpha=2.0), batch()
        found = model.test_on_batch(codes, return_dict=True)
        present = codes[:, 0] >= 0.5
        self.assertTrue(0 < present.sum() < 8)
        images, targets = (model.original(rows[present]) for rows in (codes, FEATURE.remove(codes)))
        self.assertAllClose(found["perceptual"], np.sum(1.0 - ms_ssim(images, targets)) / 8, atol=1e-6)
        self.assertAllClose(found["unlearning"], np.abs(images - targets).mean(axis=(1, 2, 3)).sum() / 8, atol=1e-6)
        self.assertEqual(found["reconstruction"], 0.0)
        self.assertAllClose(found["loss"], 2.0 * (found["perceptual"] + found["unlearning"]), atol=1e-6)

    def test_the_original_and_batch_statistics_stay_bit_for_bit(self):
        network = generator()
        model = unlearner(network)
        before = [np.array(weight) for weight in network.weights]
        model.fit(latent_batches(network, batch_size=8), steps_per_epoch=3, verbose=0)
        self.assertEqual(int(model.step), 3)
        for kept in (network, model.original):
            for old, new in zip(before, kept.weights, strict=True):
                np.testing.assert_array_equal(old, np.asarray(new))
        statistics = 0
        for old, new in zip(before, model.generator.weights, strict=True):
            if new.trainable:
                self.assertNotAllClose(old, new)
            else:
                statistics += 1
                np.testing.assert_array_equal(old, np.asarray(new))
        self.assertEqual(statistics, 2 * sum(isinstance(each, layers.BatchNormalization) for each in network.layers))
        self.assertGreater(statistics, 0)

    def test_unlearns_a_feature_and_keeps_the_rest(self):
        """Vectors whose first number is the feature: afterwards it no longer exceeds the threshold."""
        network = networks.MLPGenerator((2,), latent_dim=2, hidden_units=(32,), kernel_initializer="glorot_uniform")
        rest = FeatureUnlearner(network, LatentDirection([1.0, 0.0], threshold=0.3))
        rest.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, 400)))
        rest.fit(latent_batches(network, batch_size=128), steps_per_epoch=400, verbose=0)
        codes = np.random.default_rng(5).normal(size=(500, 2)).astype("float32")
        before = rest.original(codes).numpy()
        wanted, after = rest.original(rest.feature.remove(codes)).numpy(), rest.generator(codes).numpy()
        present = rest.feature.present(codes)
        size = np.abs(wanted - before)[present].mean()
        self.assertLess(np.abs(after - wanted)[present].mean(), 0.15 * size)
        self.assertLess(np.abs(after - wanted)[~present].mean(), 0.15 * size)

    def test_saving(self):
        model, codes = unlearner(alpha=2.5), batch()
        model.train_on_batch(codes)
        path = self.path("unlearner.keras")
        model.save(path)
        again = keras.saving.load_model(path)
        self.assert_same_weights(again, model)
        np.testing.assert_array_equal(again.feature.direction, FEATURE.direction)
        self.assertEqual((again.alpha, again.feature.threshold, int(again.step)), (2.5, 0.5, 1))
        self.assertFalse(again.original.trainable)
        for each in (model, again):
            each.train_on_batch(codes)
        self.assert_same_weights(again, model)
        config = FeatureUnlearner(generator(), FEATURE, seed=3).get_config()
        self.assertEqual(FeatureUnlearner.from_config(config).seed, 3)
        self.assertIsNone(model.from_config(config).get_compile_config())

    def test_the_generator_is_an_ordinary_one(self):
        model = unlearner()
        model.train_on_batch(batch())
        path = self.path("generator.keras")
        for save in (model.generator.save, model.save_generator):
            save(path)
            again = keras.saving.load_model(path)
            self.assertIs(type(again), networks.DCGANGenerator)
            self.assertTrue(again.trainable)
            np.testing.assert_array_equal(again.sample(3, seed=4), model.sample(3, seed=4))
        np.testing.assert_array_equal(model.predict(batch(), verbose=0), again.predict(batch(), verbose=0))

    def test_takes_the_generator_that_a_gan_samples_from(self):
        network = networks.MLPGenerator(SHAPE, latent_dim=3, hidden_units=(4,))
        gan = GAN(network, networks.MLPDiscriminator(SHAPE, hidden_units=(4,), activation="relu"), ema_momentum=0.9)
        gan.ema_generator.set_weights([weight + 0.5 for weight in network.get_weights()])
        model = unlearner(gan)
        self.assert_same_weights(model.original, gan.ema_generator)
        self.assertLen(model.trainable_variables, len(network.trainable_variables))

    def test_xla(self):
        """XLA compiles the step, every shape in it is known, and it makes the step that a graph makes."""
        network = generator(num_classes=3)
        data = tf.constant(batch()), tf.range(8) % 3
        weights = []
        for jit_compile in (False, True):
            model = unlearner(network, optimizer=keras.optimizers.SGD(0.1), jit_compile=jit_compile)
            step = tf.function(model.train_step, jit_compile=jit_compile)
            step(data)
            weights.append(model.generator.get_weights())
        self.assertEqual(unknown_shapes(step.get_concrete_function(data).graph), [])
        for old, graph, xla in zip(network.get_weights(), *weights, strict=True):
            self.assertAllClose(graph, xla, atol=1e-5)
            self.assertFalse(old.ndim > 1 and np.array_equal(old, graph))

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_half_precision(self, policy):
        network = networks.DCGANGenerator(SHAPE, latent_dim=3, filters=2, dtype=policy)
        model = unlearner(network, run_eagerly=True)
        expected = unlearner(networks.DCGANGenerator(SHAPE, latent_dim=3, filters=2), run_eagerly=True)
        for each in (expected.generator, expected.original):
            each.set_weights(network.get_weights())
        logs = [each.train_step(tf.constant(batch())) for each in (model, expected)]
        self.assertAllClose(*logs, atol=0.02)
        self.assertEqual({variable.dtype for variable in model.generator.trainable_variables}, {"float32"})
        scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        self.assertEqual(scaled, policy == "mixed_float16")

    def test_callbacks_that_need_an_optimizer_work(self):
        model = unlearner()
        halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        held_out = latent_batches(model, batch_size=8, seed=9).take(2)
        data = latent_batches(model, batch_size=8)
        history = model.fit(data, steps_per_epoch=1, epochs=2, validation_data=held_out, callbacks=[halve], verbose=0)
        self.assertAllClose(history.history["learning_rate"], [0.005, 0.0025])
        self.assertIn("val_perceptual", history.history)

    def test_wrong_batches_never_reach_the_weights(self):
        model = unlearner(generator(num_classes=3))
        before = model.get_weights()
        codes, labels = batch(), np.arange(8) % 3
        for x, y, message in (
            (np.where(codes > 1, np.nan, codes), labels, "Expected finite latents"),
            (codes, labels + 1, r"Expected labels in \[0, 3\). Received: labels between 1 and 3"),
            (codes, None, r"Expected batches \(latents, labels\)"),
            (codes[:, :2], labels, r"with latents of shape \(batch, 3\)"),
            (codes, labels * 1.0, "Expected integer labels"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                model.fit(x, y, verbose=0)
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_bad_input(self):
        with self.assertRaisesRegex(ValueError, "must be a keras_gan.networks.Generator"):
            FeatureUnlearner(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), FEATURE)
        with self.assertRaisesRegex(ValueError, "LatentFeature of length 3"):
            FeatureUnlearner(generator(), LatentDirection([1.0, 0.0], 0.0))
        for arguments, message in (
            ({"alpha": 0.0}, "`alpha` must be a positive number. Received: alpha=0.0"),
            ({"steps_per_execution": 0}, "`steps_per_execution` must be an integer of at least 1"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                unlearner(**arguments)
