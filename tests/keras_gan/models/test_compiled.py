import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import augmentation, distribution, latents, layers, losses, networks, random, regularizers
from keras_gan.models import compiled
from tests.test_case import TestCase

SHAPE = (8, 8, 1)
LOSSES = (
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
GENERATORS = {
    "mlp": lambda: networks.MLPGenerator(SHAPE, latent_dim=2, hidden_units=(8,)),
    "conditional": lambda: networks.MLPGenerator(SHAPE, latent_dim=2, hidden_units=(8,), num_classes=3),
    "batch_normalization": lambda: networks.DCGANGenerator(SHAPE, latent_dim=2, filters=2),
}


DISCRIMINATORS = {
    "mlp": lambda num_classes: networks.MLPDiscriminator(SHAPE, hidden_units=(8,), num_classes=num_classes),
    "auxiliary": lambda num_classes: networks.MLPDiscriminator(
        SHAPE, hidden_units=(8,), num_classes=num_classes, conditioning="auxiliary"
    ),
    "spectral": lambda num_classes: keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            layers.SpectralNormalization(
                keras.layers.Dense(8, activation="tanh"), name="spectral"
            ),
            layers.MinibatchStandardDeviation(2),
            keras.layers.Dense(1),
        ]
    ),
}  # fmt: skip


@keras.saving.register_keras_serializable("keras_gan_tests")
class Noisy(augmentation.Augmenter):
    def call(self, images, seed):
        return images + distribution.per_replica(lambda n: random.uniform((n, *SHAPE), seed), images.shape[0])


# What is added to a step, by the networks that it goes with.
ADDITIONS = (
    ("mlp", "mlp", {"discriminator_steps": 2, "generator_steps": 2, "update": "shared"}),
    ("mlp", "mlp", {"discriminator_regularizers": ["gradient_penalty", "dragan", "lecam"], "weight_clip": 0.31}),
    ("mlp", "spectral", {"discriminator_regularizers": [regularizers.ConsistencyRegularization(Noisy()), "r1"]}),
    (
        "conditional",
        "auxiliary",
        {
            "discriminator_regularizers": ["auxiliary_classification"],
            "generator_regularizers": [regularizers.AuxiliaryClassification(images="fake")],
        },
    ),
)


def make_gan(generator="mlp", discriminator="mlp", **compile_arguments):
    """A tiny GAN with an average, with weights of ordinary size that depend on nothing."""
    generator = GENERATORS[generator]()
    discriminator = DISCRIMINATORS[discriminator](generator.num_classes)
    rng = np.random.default_rng(0)
    for variable in generator.trainable_variables + discriminator.trainable_variables:
        variable.assign(rng.normal(scale=0.3, size=variable.shape))
    for layer in discriminator.layers:
        if isinstance(layer, layers.SpectralNormalization):
            layer.u.assign(np.ones(8) / 8**0.5)
    gan = keras_gan.GAN(generator, discriminator, ema_momentum=0.5)
    return with_sgd(gan, **compile_arguments)


def with_sgd(gan, **compile_arguments):
    arguments = {"discriminator_regularizers": ["r1", "r2"], **compile_arguments}
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), **arguments)
    return gan


def dataset(n, conditional=False, batch_size=8, drop_remainder=True):
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (n, *SHAPE)).astype("float32")
    return batched((x, rng.integers(0, 3, n)) if conditional else x, batch_size, drop_remainder)


def batched(arrays, batch_size, drop_remainder=True):
    # What autotunes can take a minute to end.
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices(arrays)
    return data.batch(batch_size, drop_remainder=drop_remainder).with_options(options)


def distributed(strategy, data):
    # Fetching to devices autotunes too.
    options = tf.distribute.InputOptions(experimental_fetch_to_device=False)
    return strategy.experimental_distribute_dataset(data, options)


def weights(gan):
    return [np.asarray(variable) for variable in gan.weights]


class Watching(keras_gan.GAN):
    """Notes whether AutoGraph converts what its training step calls."""

    def train_step(self, data):
        self.status = tf.__internal__.autograph.control_status_ctx().status.name
        return super().train_step(data)


class AutoGraphTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(False, True)
    def test_a_step_is_not_converted(self, jit_compile):
        gan = Watching(GENERATORS["mlp"](), DISCRIMINATORS["mlp"](None))
        with_sgd(gan, jit_compile=jit_compile).fit(dataset(8), verbose=0)
        self.assertEqual(gan.status, "DISABLED")


def assert_same_update(start, a, b):
    """Two models went the same way from `start`, and went somewhere."""
    for variable, x, y, z in zip(a.weights, start, weights(a), weights(b), strict=True):
        moved = np.max(np.abs(y - x))
        assert moved > 1e-5 or variable.name != "kernel", (variable.path, moved)
        np.testing.assert_allclose(z, y, rtol=0, atol=1e-3 * moved + 1e-7, err_msg=variable.path)


def a_step_on_two_replicas_equals_one_on_one(strategy):
    for name in GENERATORS:
        conditional = name == "conditional"
        one = make_gan(name)
        with strategy.scope():
            two = make_gan(name)
        start = weights(one)
        data = dataset(8, conditional).repeat()
        iterators = iter(data), iter(distributed(strategy, data))
        # The networks matter to statistics, losses to means: not every pair is a case of its own.
        for loss in LOSSES if name == "mlp" else ("relativistic_average",):
            logs = []
            for gan, iterator in zip((one, two), iterators, strict=True):
                gan.set_weights(start)
                with_sgd(gan, loss=loss, discriminator_steps=2 if conditional else 1, run_eagerly=True)
                logs.append(compiled.train_function(gan)(iterator))
            assert_same_update(start, one, two)
            for key in logs[0]:
                np.testing.assert_allclose(logs[1][key], logs[0][key], rtol=1e-4, atol=1e-6, err_msg=f"{loss} {key}")

    for generator, discriminator, arguments in ADDITIONS:
        one = make_gan(generator, discriminator, run_eagerly=True, **arguments)
        with strategy.scope():
            two = make_gan(generator, discriminator, run_eagerly=True, **arguments)
        start = weights(one)
        data = dataset(8, generator == "conditional").repeat()
        logs = [compiled.train_function(one)(iter(data))]
        logs.append(compiled.train_function(two)(iter(distributed(strategy, data))))
        assert_same_update(start, one, two)
        for key in logs[0]:
            np.testing.assert_allclose(logs[1][key], logs[0][key], rtol=1e-4, atol=1e-6, err_msg=key)


def fit_and_evaluate_on_two_replicas(strategy):
    with strategy.scope():
        gans = [make_gan("batch_normalization", steps_per_execution=n) for n in (1, 4)]
    data, held_out = distributed(strategy, dataset(32)), distributed(strategy, dataset(16))
    histories = [gan.fit(data, epochs=2, validation_data=held_out, verbose=0).history for gan in gans]
    assert histories[0] == histories[1], histories
    for variable, a, b in zip(gans[0].weights, weights(gans[0]), weights(gans[1]), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=variable.path)
    for variable in gans[0].variables:
        first, second = map(np.asarray, strategy.experimental_local_results(variable.value))
        np.testing.assert_array_equal(first, second, err_msg=variable.path)

    one = make_gan("batch_normalization")
    one.set_weights(weights(gans[0]))
    # Five batches, which are not a multiple of four; the last one is partial, but not on a replica alone.
    data = dataset(36, drop_remainder=False)
    logs = [one.evaluate(data, verbose=0, return_dict=True)]
    logs += [gan.evaluate(distributed(strategy, data), verbose=0, return_dict=True) for gan in gans]
    assert logs[1] == logs[2]
    for name in logs[0]:
        np.testing.assert_allclose(logs[1][name], logs[0][name], rtol=1e-4, err_msg=name)


def replicas_draw_different_latents(strategy):
    step = tf.constant(5, tf.int64)

    @tf.function
    def draw():
        return strategy.run(lambda: latents.from_noise(random.Noise(3, step), 4, 2))

    first, second = strategy.experimental_local_results(draw())
    np.testing.assert_array_equal(np.concatenate([first, second]), latents.from_noise(random.Noise(3, step), 8, 2))
    assert not np.isclose(first, second).any()


def what_two_replicas_cannot_do_is_refused(strategy):
    def assert_refused(message, function, *args, **kwargs):
        with pytest.raises(ValueError, match=re.escape(message)):
            function(*args, **kwargs)

    with strategy.scope():
        gan = make_gan(discriminator_steps=2)
    assert_refused("use jit_compile=False. Received: jit_compile=True with 2 replicas", gan.compile, jit_compile=True)
    message = "discriminator_steps=2 equal parts on each of 2 replicas, so its size must be divisible by 4. Received: "
    assert_refused(message + "a batch of 6", gan.fit, dataset(12, batch_size=6))
    x = np.concatenate(list(dataset(16)))
    assert_refused(message + "a batch of 2", gan.fit, x[:10], batch_size=8)
    assert_refused("batches must be of one size", gan.fit, dataset(16, drop_remainder=False))
    x[-1] = 255.0  # on the second replica only
    before, data = weights(gan), distributed(strategy, batched(x, 16))
    assert_refused("Expected images in [-1, 1]. Received: values as large as 255", gan.fit, data, verbose=0)
    for a, b in zip(before, weights(gan), strict=True):
        np.testing.assert_array_equal(a, b)


def several_checks_on_two_replicas(strategy):
    # In one process, which takes long to start.
    replicas_draw_different_latents(strategy)
    what_two_replicas_cannot_do_is_refused(strategy)
    fit_and_evaluate_on_two_replicas(strategy)


class OneDeviceTest(TestCase, parameterized.TestCase):
    def test_several_steps_per_execution_are_the_same_steps(self):
        one, three = make_gan(), make_gan(steps_per_execution=3)
        histories = [gan.fit(dataset(48), epochs=2, verbose=0).history for gan in (one, three)]
        self.assert_same_weights(one, three)
        self.assertEqual(histories[0], histories[1])
        self.assertEqual(int(three.step), 12)

    def test_evaluation_uses_every_batch(self):
        """Four batches, the last one of two images, at most three in one execution."""
        data = dataset(26, drop_remainder=False)
        logs = [make_gan(steps_per_execution=n).evaluate(data, verbose=0, return_dict=True) for n in (1, 3)]
        self.assertEqual(logs[0], logs[1])
        first_three = make_gan().evaluate(data.take(3), verbose=0, return_dict=True)
        self.assertNotAllClose(logs[0]["real_logits"], first_three["real_logits"])

    def test_evaluation_for_a_number_of_steps_uses_no_more(self):
        data = dataset(48)
        expected = make_gan().evaluate(data.take(4), verbose=0, return_dict=True)
        several = make_gan(steps_per_execution=2)
        self.assertEqual(several.evaluate(data.repeat(), steps=4, verbose=0, return_dict=True), expected)

    @parameterized.parameters((2,), SHAPE)
    @pytest.mark.filterwarnings("ignore:Your input ran out of data")
    def test_no_step_is_counted_at_the_end_of_the_data(self, *shape):
        """Keras goes on until the iterator ends, where it cannot know how many batches there are."""
        gan = keras_gan.GAN(
            networks.MLPGenerator(shape, latent_dim=2, hidden_units=(8,)),
            networks.MLPDiscriminator(shape, hidden_units=(8,)),
        )
        gan.compile(steps_per_execution=2)
        data = tf.data.Dataset.from_tensor_slices(np.zeros((16, *shape), "float32")).batch(4).filter(lambda x: True)
        gan.fit(data, verbose=0)
        self.assertEqual(int(gan.step), 4)
        self.assertEqual(int(gan.generator_optimizer.iterations), 4)
        gan.evaluate(data.take(3), verbose=0)
        self.assertEqual([float(metric.count) for metric in gan.metrics], [12.0] * 4)

    @parameterized.parameters(False, True)
    def test_single_batches(self, run_eagerly):
        """There is one batch, however many steps an execution could have."""
        [x] = dataset(8)
        logs = []
        for n in (1, 3):
            gan = make_gan(steps_per_execution=n, run_eagerly=run_eagerly)
            held_out = gan.test_on_batch(x, return_dict=True)
            logs.append([held_out, gan.train_on_batch(x, return_dict=True)])
            self.assertEqual(int(gan.step), 1)
        self.assertEqual(logs[0], logs[1])


class TwoReplicasTest(TestCase):
    def test_the_table_has_every_loss(self):
        self.assertEqual(set(LOSSES), set(losses._LOSSES))

    def test_a_step_equals_one_on_one_replica(self):
        self.run_on_two_replicas(a_step_on_two_replicas_equals_one_on_one)

    @pytest.mark.slow
    def test_fit_and_evaluate(self):
        self.run_on_two_replicas(several_checks_on_two_replicas)
