import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from keras_gan.models.critic import Critic
from tests.test_case import TestCase

SHAPE, COLOR = (8, 8, 1), (8, 8, 3)


@keras.saving.register_keras_serializable("test_translation")
class OnePixel(keras_gan.networks.Translator):
    """A user's translator: a linear map of each pixel, kept within [-1, 1]."""

    def __init__(self, source_shape=SHAPE, image_shape=None, scale=0.5, rate=0.0, **kwargs):
        super().__init__(source_shape, image_shape, **kwargs)
        self.scale, self.rate = scale, rate
        start = keras.initializers.Constant(scale)
        self.pixel = keras.layers.Conv2D(
            self.image_shape[-1], 1, use_bias=False, kernel_initializer=start, dtype=self.dtype_policy
        )
        self.dropout = keras_gan.layers.Dropout(rate, dtype=self.dtype_policy)
        self.build()

    def call(self, inputs, training=None):
        x = self.pixel(self.dropout(self.unpack(inputs), training=training))
        return keras.ops.clip(keras.ops.cast(x, "float32"), -1.0, 1.0)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "rate": self.rate}


def judge(shape=SHAPE, sources=None):
    return keras_gan.networks.PatchDiscriminator(shape, sources, filters=2, downsamplings=1, normalization=None)


def make_pix2pix(ema_momentum=0.9, rate=0.0, **kwargs):
    return keras_gan.Pix2Pix(
        OnePixel(SHAPE, COLOR, rate=rate), judge(COLOR, SHAPE), ema_momentum=ema_momentum, **kwargs
    )


def make_cyclegan(pool_size=6, ema_momentum=0.9, **kwargs):
    return keras_gan.CycleGAN(
        OnePixel(scale=0.5), OnePixel(scale=0.9), judge(), judge(), pool_size, ema_momentum=ema_momentum, **kwargs
    )


MAKERS = {"pix2pix": make_pix2pix, "cyclegan": make_cyclegan}


def compiled(name, maker_options=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = MAKERS[name](**(maker_options or {}))
    model.compile("adam", "adam", **{"discriminator_regularizers": ["lecam"], **kwargs})
    return model


def images(name, n=16):
    a = np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")
    return (a, np.repeat(-a, 3, axis=-1)) if name == "pix2pix" else (a, -a[::-1])


def dataset(name, n=16, batch_size=4):
    return tf.data.Dataset.from_tensor_slices(images(name, n)).batch(batch_size, drop_remainder=True)


def state(model):
    optimizers = [variable for optimizer, _ in model.optimizers.values() for variable in optimizer.variables]
    return [np.asarray(variable) for variable in [*model.variables, *optimizers]]


def assert_equal_states(a, b):
    for x, y in zip(state(a), state(b), strict=True):
        np.testing.assert_array_equal(x, y)


def two_replicas_equal_one(strategy):
    for name in MAKERS:
        alone = compiled(name, {"augmenter": "diff_augment"}, discriminator_regularizers=["r1"])
        alone.fit(dataset(name), epochs=2, verbose=0)
        with strategy.scope():
            together = compiled(name, {"augmenter": "diff_augment"}, discriminator_regularizers=["r1"])
        together.fit(strategy.experimental_distribute_dataset(dataset(name)), epochs=2, steps_per_epoch=4, verbose=0)
        for x, y in zip(alone.get_weights(), together.get_weights(), strict=True):
            np.testing.assert_allclose(x, y, atol=1e-5, err_msg=name)


class BothTest(TestCase):
    """What holds for every model that is trained, here for both."""

    def test_fits_evaluates_and_goes_on_from_a_file(self):
        for name in MAKERS:
            model = compiled(name, {"augmenter": keras_gan.augmentation.AdaptiveAugment("color", interval=1)})
            history = model.fit(dataset(name), epochs=2, validation_data=dataset(name), verbose=0).history
            means = {"loss", "d_loss", "g_loss", "real_logits", "fake_logits", "lecam"}
            means |= {"reconstruction"} if name == "pix2pix" else {"cycle", "identity"}
            self.assertEqual(set(history), means | {f"val_{mean}" for mean in means})
            self.assertAllClose(history["loss"], np.add(history["d_loss"], history["g_loss"]), rtol=1e-5)
            path = self.path("model.keras")
            model.save(path)
            again = keras.models.load_model(path)
            assert_equal_states(model, again)
            for each in (model, again):
                each.fit(dataset(name), verbose=0)
            assert_equal_states(model, again)
            self.assertEqual(again.get_compile_config(), model.get_compile_config())

    @pytest.mark.slow
    def test_evaluation_changes_and_draws_nothing(self):
        for name in MAKERS:
            model = compiled(name, discriminator_regularizers=["dragan"])
            model.fit(dataset(name), verbose=0)
            before = state(model)
            first = model.evaluate(dataset(name), verbose=0, return_dict=True)
            self.assertEqual(first, model.evaluate(dataset(name), verbose=0, return_dict=True))
            for x, y in zip(before, state(model), strict=True):
                np.testing.assert_array_equal(x, y)

    @pytest.mark.slow
    def test_graph_xla_and_several_steps_at_once_agree(self):
        for name in MAKERS:
            results = []
            for mode in ({"jit_compile": False}, {"jit_compile": True}, {"steps_per_execution": 4}):
                model = compiled(name, **mode)
                model.fit(dataset(name), epochs=2, verbose=0)
                results.append(model.get_weights())
            for other in results[1:]:
                for a, b in zip(results[0], other, strict=True):
                    self.assertAllClose(a, b, atol=1e-5)

    @pytest.mark.slow
    def test_replicas(self):
        self.run_on_two_replicas(two_replicas_equal_one)

    def test_mixed_precision(self):
        for name in MAKERS:
            keras.mixed_precision.set_global_policy("mixed_bfloat16")
            model = compiled(name)
            keras.mixed_precision.set_global_policy("float32")
            history = model.fit(dataset(name), verbose=0).history
            self.assertTrue(np.isfinite(history["loss"][0]))
            self.assertEqual(model.translate(images(name)[0]).dtype, np.float32)
            self.assertEqual({v.dtype for v in model.trainable_variables}, {"float32"})

    def test_float16_scales_losses(self):
        keras.mixed_precision.set_global_policy("mixed_float16")
        for name in MAKERS:
            model = compiled(name, run_eagerly=True)
            before = model.get_weights()
            for optimizer, _ in model.optimizers.values():
                self.assertIsInstance(optimizer, keras.optimizers.LossScaleOptimizer)
            model.train_on_batch(*images(name, 4))
            self.assertTrue(any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True)))

    def test_a_resumed_run_goes_on_bit_for_bit(self):
        for name in MAKERS:
            straight = compiled(name)
            straight.fit(dataset(name).repeat(), steps_per_epoch=6, verbose=0)
            folder = self.path("checkpoints")
            stopped = compiled(name)
            save = keras_gan.callbacks.Checkpoint(folder, every=3)
            stopped.fit(dataset(name).repeat(), steps_per_epoch=3, verbose=0, callbacks=[save])
            keras.utils.set_random_seed(9)
            resumed = MAKERS[name]()
            resumed.compile("adam", "adam", discriminator_regularizers=["lecam"])
            self.assertEqual(keras_gan.callbacks.Checkpoint(folder, every=3).restore(resumed), 3)
            resumed.fit(dataset(name).repeat().skip(3), steps_per_epoch=3, verbose=0)
            assert_equal_states(straight, resumed)

    def test_the_average_translates_and_is_saved(self):
        for name in MAKERS:
            model = compiled(name, run_eagerly=True)
            sources = images(name)[0]
            model.train_on_batch(*images(name, 4))
            made = model.translate(sources, batch_size=5)
            self.assertAllClose(made, model.predict(sources, verbose=0), atol=1e-6)
            self.assertNotAllClose(made, model.generator(sources), atol=1e-6)
            path = self.path("generator.keras")
            model.save_generator(path)
            generator = keras.models.load_model(path)
            self.assertAllEqual(generator.translate(sources, batch_size=5), made)
            self.assertTrue(generator.trainable)

    def test_there_is_nothing_to_sample(self):
        for name in MAKERS:
            with self.assertRaisesRegex(ValueError, "no latents to sample from: translate"):
                MAKERS[name]().sample(3, seed=1)

    def test_wrong_elements_are_refused_before_training(self):
        for name in MAKERS:
            model, (first, second) = compiled(name), images(name)
            for x, y, sentence in (
                (first, None, r"two kinds of images: \(sources, targets\).* Received: \w+ and NoneType"),
                (first[:, :4], second, r"Expected first images, .* of shape \(batch, 8, 8, 1\)"),
                (first, second[..., :2], "Expected second images of shape"),
                (first, (127 * second).astype("int32"), "Expected float images"),
                (first, 3 * second, r"Expected images in \[-1, 1\]"),
            ):
                if sentence.startswith("Expected second") and name == "cyclegan":
                    y = np.repeat(second, 3, axis=-1)
                with self.assertRaisesRegex(ValueError, sentence):
                    model.fit(x, y, batch_size=4, verbose=0)
            self.assertEqual(int(model.step.numpy()), 0)


class Pix2PixTest(TestCase):
    def test_one_step_by_hand(self):
        """With SGD, at an adversarial weight of 0, the pixel's weight goes by the sign of its error."""
        model = keras_gan.Pix2Pix(OnePixel(scale=0.5), judge(SHAPE, SHAPE))
        model.compile(
            keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.0), adversarial_weight=0.0, reconstruction_weight=10.0
        )
        x = np.random.default_rng(1).uniform(-1, 1, (4, *SHAPE)).astype("float32")
        logs = model.train_on_batch(x, 0.8 * x, return_dict=True)
        # |0.5 x - 0.8 x| has the slope -|x| by the weight.
        self.assertAllClose(logs["reconstruction"], 0.3 * np.abs(x).mean(), rtol=1e-5)
        self.assertAllClose(logs["g_loss"], 10 * 0.3 * np.abs(x).mean(), rtol=1e-5)
        self.assertAllClose(
            float(model.generator.weights[0][0, 0, 0, 0]), 0.5 + 0.01 * 10 * np.abs(x).mean(), rtol=1e-5
        )

    def test_the_discriminator_sees_the_source(self):
        model = make_pix2pix()
        x, y = images("pix2pix", 4)
        critic = model._judge(tf.constant(x), keras_gan.random.Noise(0, tf.constant(0, tf.int64)))
        self.assertAllClose(critic(tf.constant(y)), model.discriminator([y, x])[..., 0], atol=1e-6)
        other = Critic(model.discriminator, sources=tf.constant(x[::-1].copy()))
        self.assertNotAllClose(critic(tf.constant(y)), other(tf.constant(y)), atol=1e-6)

    def test_source_and_target_are_augmented_alike(self):
        model = keras_gan.Pix2Pix(
            OnePixel(), judge(SHAPE, SHAPE), augmenter=keras_gan.augmentation.DiffAugment("translation,cutout")
        )
        seen = []
        model.discriminator.call = lambda inputs, training=None: seen.append(inputs) or tf.zeros((4, 1, 1, 1))
        x = tf.constant(images("pix2pix", 4)[0])
        model._judge(x, keras_gan.random.Noise(0, tf.constant(0, tf.int64)))(tf.identity(x))
        [[image, source]] = seen
        self.assertAllEqual(image, source)
        self.assertNotAllEqual(image, x)

    def test_dropout_is_on_in_training_alone(self):
        model = compiled("pix2pix", {"rate": 0.5, "ema_momentum": None}, run_eagerly=True)
        x, y = images("pix2pix", 4)
        model.train_on_batch(x, y)
        # One pass serves both networks.
        self.assertEqual(int(model.generator.dropout.calls), 1)
        self.assertAllEqual(model.translate(x), model.translate(x))
        self.assertEqual(int(model.generator.dropout.calls), 1)

    def test_a_discriminator_of_images_alone(self):
        model = keras_gan.Pix2Pix(OnePixel(SHAPE, COLOR), judge(COLOR))
        model.compile("sgd", "sgd", run_eagerly=True)
        self.assertIn("d_loss", model.train_on_batch(*images("pix2pix", 4), return_dict=True))

    def test_mistakes(self):
        for arguments, sentence in (
            ((keras_gan.networks.MLPGenerator(SHAPE, 2), judge()), "`generator` must be a keras_gan.networks.Translat"),
            ((OnePixel(), judge(COLOR)), r"must take the images that it makes, of shape \(8, 8, 1\), and then"),
            ((OnePixel(), judge(SHAPE, COLOR)), "Received: a discriminator for shapes"),
        ):
            with self.assertRaisesRegex(ValueError, sentence):
                keras_gan.Pix2Pix(*arguments)
        with self.assertRaisesRegex(ValueError, "`reconstruction_weight` must be at least 0"):
            compiled("pix2pix", reconstruction_weight=-1.0)


class CycleGANTest(TestCase):
    def test_one_step_by_hand(self):
        """With scalar translators 0.5 and 0.9, and weights that leave the cycle alone."""
        model = make_cyclegan(ema_momentum=None)
        sgd = keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.0)
        model.compile(*sgd, adversarial_weight=0.0, cycle_weight=10.0, identity_weight=0.0)
        a, b = images("cyclegan", 4)
        logs = model.train_on_batch(a, b, return_dict=True)
        means = [np.abs(x).mean() for x in (a, b)]
        # |0.9 * 0.5 a - a| and |0.5 * 0.9 b - b|: the slopes by either weight are minus the other times |x|.
        self.assertAllClose(logs["cycle"], 0.55 * np.mean(means), rtol=1e-5)
        self.assertAllClose(logs["g_loss"], 10 * 0.55 * np.mean(means), rtol=1e-5)
        weights = [float(network.weights[0][0, 0, 0, 0]) for network in (model.forward, model.backward)]
        self.assertAllClose(weights, [0.5 + 0.1 * 0.9 * sum(means), 0.9 + 0.1 * 0.5 * sum(means)], rtol=1e-5)
        self.assertNotIn("identity", logs)

    def test_identity_compares_images_of_the_target(self):
        model = compiled("cyclegan", run_eagerly=True)
        a, b = images("cyclegan", 4)
        logs = model.train_on_batch(a, b, return_dict=True)
        # Forward changes b by the factor 0.5, backward a by 0.9.
        self.assertAllClose(logs["identity"], (0.5 * np.abs(b).mean() + 0.1 * np.abs(a).mean()) / 2, rtol=1e-5)

    def test_least_squares_as_published(self):
        """A perfect cycle leaves mean((D - 1)^2), of both ways half their sum here, and mean(D(b)^2 ...) / 2 for D."""
        model = keras_gan.CycleGAN(OnePixel(scale=1.0), OnePixel(scale=1.0), judge(), judge(), pool_size=0)
        model.compile("sgd", "sgd")
        a, b = images("cyclegan", 4)
        logs = model.test_on_batch(a, b, return_dict=True)
        logits = [(d(real), d(fake)) for d, real, fake in (
            (model.forward_discriminator, b, a), (model.backward_discriminator, a, b)
        )]  # fmt: skip
        self.assertAllClose(logs["g_loss"], np.mean([np.mean((fake - 1) ** 2) for _, fake in logits]), rtol=1e-4)
        expected = [np.mean((real - 1) ** 2) / 2 + np.mean(fake**2) / 2 for real, fake in logits]
        self.assertAllClose(logs["d_loss"], np.mean(expected), rtol=1e-4)

    def test_the_pool_fills_and_is_in_the_file(self):
        model = compiled("cyclegan", run_eagerly=True)
        a, b = images("cyclegan", 4)
        model.train_on_batch(a, b)
        self.assertEqual(int(model.forward_pool.count), 4)
        self.assertAllClose(model.forward_pool.images[:4], 0.5 * a, atol=1e-6)
        self.assertAllClose(model.backward_pool.images[:4], 0.9 * b, atol=1e-6)
        path = self.path("model.keras")
        model.save(path)
        self.assertAllEqual(keras.models.load_model(path).forward_pool.images, model.forward_pool.images)

    def test_each_way_remembers_for_itself(self):
        model = compiled("cyclegan", run_eagerly=True)
        model.train_on_batch(*images("cyclegan", 4))
        [mine, others] = model.regularizer_states
        self.assertNotAllClose(mine.sums, others.sums)

    def test_both_generators_are_saved(self):
        model = compiled("cyclegan", run_eagerly=True)
        a, b = images("cyclegan", 4)
        model.train_on_batch(a, b)
        path = self.path("backward.keras")
        model.save_generator(path, backward=True)
        again = keras.models.load_model(path)
        self.assertAllEqual(again.translate(b), model.translate(b, backward=True))
        self.assertNotAllClose(model.translate(b, backward=True), model.translate(b))

    def test_domains_of_different_shapes(self):
        model = keras_gan.CycleGAN(OnePixel(SHAPE, COLOR), OnePixel(COLOR, SHAPE), judge(COLOR), judge())
        with self.assertRaisesRegex(ValueError, "pass identity_weight=0. Received: identity_weight=5.0"):
            model.compile()
        model.compile(identity_weight=0.0, run_eagerly=True)
        a, b = images("pix2pix", 4)
        model.train_on_batch(a, b)
        self.assertEqual(model.translate(b, backward=True).shape, (4, *SHAPE))

    def test_mistakes(self):
        same = OnePixel()
        for arguments, sentence in (
            ((OnePixel(SHAPE, COLOR), OnePixel(), judge(COLOR), judge()), "lead back to where the forward one comes"),
            ((same, same, judge(), judge()), "networks of its own"),
            ((OnePixel(), OnePixel(), judge(SHAPE, SHAPE), judge()), "The discriminator of `forward` must take"),
        ):
            with self.assertRaisesRegex(ValueError, sentence):
                keras_gan.CycleGAN(*arguments)
        for arguments, sentence in (
            ({"optimizer": "adam"}, "compiled without `optimizer`"),
            ({"cycle_weight": "much"}, "`cycle_weight` must be a finite number"),
        ):
            with self.assertRaisesRegex(ValueError, sentence):
                compiled("cyclegan", **arguments)


class CallbacksTest(TestCase):
    @pytest.mark.slow
    def test_the_best_is_kept_and_training_stops(self):
        path = self.path("best.keras")
        best = keras.callbacks.ModelCheckpoint(path, monitor="val_cycle", mode="min", save_best_only=True)
        stop = keras.callbacks.EarlyStopping("val_cycle", mode="min", patience=1, restore_best_weights=True)
        model = compiled("cyclegan")
        history = model.fit(
            dataset("cyclegan"), validation_data=dataset("cyclegan"), epochs=3, callbacks=[best, stop], verbose=0
        ).history
        again = keras.models.load_model(path)
        value = again.evaluate(dataset("cyclegan"), verbose=0, return_dict=True)["cycle"]
        self.assertAllClose(value, min(history["val_cycle"]), rtol=1e-6)
        with zipfile.ZipFile(path) as archive:
            self.assertIn("model.weights.h5", archive.namelist())
