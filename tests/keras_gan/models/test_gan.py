import io
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from tests.test_case import TestCase

SHAPE = (8, 8, 1)


def make_gan(conditional=False, ema_momentum=0.9, seed=0, **kwargs):
    """A tiny GAN, not compiled."""
    classes = 3 if conditional else None
    return keras_gan.GAN(
        keras_gan.networks.MLPGenerator(SHAPE, latent_dim=4, hidden_units=(8,), num_classes=classes),
        keras_gan.networks.MLPDiscriminator(SHAPE, hidden_units=(8,), num_classes=classes),
        ema_momentum=ema_momentum,
        seed=seed,
        **kwargs,
    )


def compiled(gan=None, **kwargs):
    gan = gan or make_gan()
    gan.compile(
        kwargs.pop("generator_optimizer", "adam"),
        kwargs.pop("discriminator_optimizer", "adam"),
        discriminator_regularizers=kwargs.pop("discriminator_regularizers", ["r1"]),
        **kwargs,
    )
    return gan


def images(n=32):
    return np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")


def labels(n=32):
    return (np.arange(n) % 3).astype("int32")


def dataset(conditional=False, batch_size=8):
    x = (images(), labels()) if conditional else images()
    return tf.data.Dataset.from_tensor_slices(x).batch(batch_size, drop_remainder=True)


def state(gan):
    """Everything that training changes, as arrays."""
    variables = gan.variables + gan.generator_optimizer.variables + gan.discriminator_optimizer.variables
    return [np.asarray(variable) for variable in variables]


def assert_equal_states(a, b):
    for x, y in zip(state(a), state(b), strict=True):
        np.testing.assert_array_equal(x, y)


@keras.saving.register_keras_serializable("test_gan")
class OwnGenerator(keras_gan.networks.Generator):
    """A user's subclass that leaves building to the package."""

    def __init__(self, image_shape=SHAPE, latent_dim=4, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
        self.dense = keras.layers.Dense(64, activation="tanh")

    def call(self, inputs, training=None):
        return keras.ops.reshape(self.dense(inputs), (-1, *self.image_shape))


@keras.saving.register_keras_serializable("test_gan")
class OwnDiscriminator(keras_gan.networks.Discriminator):
    """A user's subclass that returns one number per image without a last axis."""

    def __init__(self, image_shape=SHAPE, **kwargs):
        super().__init__(image_shape=image_shape, **kwargs)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(1)

    def call(self, inputs, training=None):
        return keras.ops.squeeze(self.dense(self.flatten(inputs)), -1)


class TrainingTest(TestCase):
    def test_one_step_by_hand(self):
        """One SGD step of a scalar GAN equals the gradients worked out on paper."""

        def scalar(value, inputs=1):
            layer = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(value))
            return keras.Sequential([keras.Input((inputs,)), layer])

        # G(z) = a z, D(x) = w x, with a = 0.5, w = 2, x = 1 and the z that the model draws.
        gan = keras_gan.GAN(scalar(0.5), scalar(2.0))
        rate = 0.1
        gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), loss="non_saturating")
        z_d, z_g = (float(z) for z in self._first_draws())
        gan.train_on_batch(np.ones((1, 1), "float32"))

        def sigmoid(v):
            return 1 / (1 + np.exp(-v))

        # d_loss = softplus(-w x) + softplus(w a z), g_loss = softplus(-w a z) at the updated w.
        w = 2.0 - rate * (-sigmoid(-2.0) + 0.5 * z_d * sigmoid(2.0 * 0.5 * z_d))
        a = 0.5 - rate * (-w * z_g * sigmoid(-w * 0.5 * z_g))
        self.assertAllClose(gan.discriminator.weights[0], [[w]], rtol=1e-6)
        self.assertAllClose(gan.generator.weights[0], [[a]], rtol=1e-6)

    def test_simultaneous_step_by_hand(self):
        """Both networks move from the same generated value and the old weights."""

        def scalar(value):
            layer = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(value))
            return keras.Sequential([keras.Input((1,)), layer])

        gan = keras_gan.GAN(scalar(0.5), scalar(2.0))
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), loss="wasserstein", update="simultaneous")
        z = float(self._first_draws()[0])
        gan.train_on_batch(np.ones((1, 1), "float32"))
        # d_loss = w a z - w x and g_loss = -w a z.
        self.assertAllClose(gan.discriminator.weights[0], [[2.0 - 0.1 * (0.5 * z - 1.0)]], rtol=1e-6)
        self.assertAllClose(gan.generator.weights[0], [[0.5 + 0.1 * 2.0 * z]], rtol=1e-6)

    def test_shared_latents_by_hand(self):
        """The generator goes on from the value that the discriminator saw, and answers the updated discriminator."""

        def scalar(value):
            layer = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(value))
            return keras.Sequential([keras.Input((1,)), layer])

        gan = keras_gan.GAN(scalar(0.5), scalar(2.0))
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), loss="wasserstein", update="shared")
        z = float(self._first_draws()[0])
        gan.train_on_batch(np.ones((1, 1), "float32"))
        w = 2.0 - 0.1 * (0.5 * z - 1.0)
        self.assertAllClose(gan.discriminator.weights[0], [[w]], rtol=1e-6)
        self.assertAllClose(gan.generator.weights[0], [[0.5 + 0.1 * w * z]], rtol=1e-6)

    def test_files_that_say_fresh_latents(self):
        gan = compiled(update="shared")
        config = gan.get_compile_config()
        for update, fresh, expected in (
            ("alternating", False, "shared"),
            ("alternating", True, "alternating"),
            ("simultaneous", False, "simultaneous"),
        ):
            gan.compile_from_config({**config, "update": update, "fresh_latents": fresh})
            self.assertEqual(gan.update, expected)

    def test_callbacks_that_log_a_learning_rate_find_the_generators(self):
        gan = compiled()
        self.assertIs(gan.optimizer, gan.generator_optimizer)
        with self.assertRaisesRegex(AttributeError, "pass generator_optimizer= and discriminator_optimizer="):
            gan.optimizer = keras.optimizers.SGD()
        file = self.path("gan.keras")
        gan.save(file)
        with zipfile.ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            self.assertIn("generator_optimizer", weights)
            self.assertNotIn("optimizer", weights)

    def test_arguments_of_ordinary_models_are_refused_by_name(self):
        for arguments, message in (
            (
                {"optimizer": "adam"},
                "pass generator_optimizer= and discriminator_optimizer=. Received: optimizer='adam'",
            ),
            ({"metrics": ["mae"]}, "pass callbacks.Evaluate to fit"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                compiled(**arguments)
        with self.assertRaisesRegex(TypeError, "no argument 'optimiser'"):
            compiled(optimiser="adam")

    def _first_draws(self):
        noise = keras_gan.random.Noise(seed=0, step=tf.constant(0, tf.int64))
        return [keras_gan.latents.from_noise(noise, 1, 1)[0, 0] for _ in range(2)]

    def test_graph_xla_and_eager_agree(self):
        results = []
        for mode in ({"jit_compile": False}, {"jit_compile": True}, {"run_eagerly": True}):
            keras.utils.set_random_seed(0)
            gan = compiled(**mode)
            gan.fit(dataset(), epochs=2, verbose=0)
            results.append(gan.get_weights())
        for other in results[1:]:
            for a, b in zip(results[0], other, strict=True):
                self.assertAllClose(a, b, atol=1e-5)

    def test_steps_per_execution_changes_nothing(self):
        gans = []
        for steps in (1, 4):
            keras.utils.set_random_seed(0)
            gans.append(compiled(steps_per_execution=steps))
            gans[-1].fit(dataset(), epochs=2, verbose=0)
        assert_equal_states(*gans)

    def test_discriminator_steps_use_fresh_parts(self):
        """k steps of one batch are k updates of the discriminator, and the generator has its own count."""
        gan = compiled(discriminator_steps=4, generator_steps=2)
        gan.fit(dataset(), verbose=0)
        self.assertEqual(int(gan.discriminator_optimizer.iterations.numpy()), 16)
        self.assertEqual(int(gan.generator_optimizer.iterations.numpy()), 8)
        self.assertEqual(int(gan.step.numpy()), 4)

    def test_average_follows_its_formula(self):
        gan = compiled(make_gan(ema_momentum=0.5))
        averages = [w.copy() for w in gan.generator.get_weights()]
        for step in range(4):
            gan.train_on_batch(images(8))
            momentum = min(0.5, (1 + step) / (10 + step))
            averages = [
                momentum * a + (1 - momentum) * w for a, w in zip(averages, gan.generator.get_weights(), strict=True)
            ]
        for a, w in zip(averages, gan.ema_generator.get_weights(), strict=True):
            self.assertAllClose(a, w, atol=1e-6)

    def test_average_copies_batch_statistics(self):
        gan = compiled(
            keras_gan.GAN(
                keras_gan.networks.DCGANGenerator(SHAPE, latent_dim=4, filters=2),
                keras_gan.networks.DCGANDiscriminator(SHAPE, filters=2, normalization=None),
                ema_momentum=0.9,
            )
        )
        gan.train_on_batch(images(8))
        kept = [v for v in gan.ema_generator.variables if "moving" in v.path]
        raw = [v for v in gan.generator.variables if "moving" in v.path]
        self.assertNotEmpty(kept)
        for a, b in zip(kept, raw, strict=True):
            self.assertAllEqual(a, b)
            self.assertNotAllEqual(a, tf.ones_like(a))

    def test_layer_regularizers_enter_the_objective(self):
        dense = keras.layers.Dense(
            1, use_bias=False, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.25)
        )
        generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
        gan = keras_gan.GAN(generator, keras.Sequential([keras.Input((2,)), dense]))
        gan.compile("sgd", "sgd", loss="non_saturating")
        logs = gan.test_on_batch(np.zeros((4, 2), "float32"), return_dict=True)
        fakes = gan.generator(keras_gan.latents.from_noise(keras_gan.random.Noise(0, tf.constant(-1, tf.int64)), 4, 1))
        expected = np.log(2.0) + np.mean(np.logaddexp(0, np.sum(fakes, axis=1))) + 0.25 * 2
        self.assertAllClose(logs["d_loss"], expected, rtol=1e-5)

    def test_learns_a_gaussian(self):
        """The generator of a 1-D GAN ends up with the data's mean."""
        gan = keras_gan.GAN(
            keras_gan.networks.MLPGenerator((1,), latent_dim=1, hidden_units=(16,)),
            keras_gan.networks.MLPDiscriminator((1,), hidden_units=(32,), activation="relu"),
            ema_momentum=0.99,
        )
        adam = [keras.optimizers.Adam(3e-3, beta_1=0.0) for _ in range(2)]
        gan.compile(*adam, loss="non_saturating", discriminator_regularizers=[keras_gan.regularizers.R1(0.1)])
        data = tf.data.Dataset.from_tensor_slices(np.random.default_rng(0).normal(2.0, 0.5, (64, 1)).astype("float32"))
        gan.fit(data.repeat().batch(64), steps_per_epoch=600, verbose=0)
        self.assertAllClose(gan.sample(1000).mean(), 2.0, atol=0.3)

    def test_conditional_training(self):
        gan = compiled(make_gan(conditional=True))
        history = gan.fit(dataset(conditional=True), validation_data=dataset(conditional=True), verbose=0)
        self.assertIn("val_d_loss", history.history)
        latents = np.zeros((3, 4), "float32")
        self.assertEqual(gan.predict([latents, labels(3)], verbose=0).shape, (3, *SHAPE))
        self.assertEqual(gan.sample(5, labels=2).shape, (5, *SHAPE))

    def test_labels_of_an_unconditional_model_are_ignored(self):
        keras.utils.set_random_seed(0)
        a = compiled()
        a.fit(dataset(), verbose=0)
        keras.utils.set_random_seed(0)
        b = compiled()
        b.fit(dataset(conditional=True), verbose=0)
        assert_equal_states(a, b)

    def test_every_loss_trains(self):
        for loss in ("minimax", "least_squares", "wasserstein", "hinge", "relativistic", "relativistic_average", "kl"):
            for update in ("alternating", "simultaneous"):
                gan = compiled(loss=loss, update=update, run_eagerly=True)
                before = gan.get_weights()
                logs = gan.train_on_batch(images(8), return_dict=True)
                self.assertTrue(np.isfinite(logs["loss"]), loss)
                for network in (gan.generator, gan.discriminator):
                    self.assertTrue(
                        any((w != v).any() for w, v in zip(before, gan.get_weights(), strict=True)), network
                    )

    def test_arrays_and_single_batches(self):
        gan = compiled(make_gan(conditional=True))
        history = gan.fit(images(), labels(), batch_size=8, epochs=2, validation_split=0.25, verbose=0)
        self.assertLen(history.history["val_g_loss"], 2)
        self.assertIn("d_loss", gan.train_on_batch(images(8), labels(8), return_dict=True))


class EvaluationTest(TestCase):
    def test_is_repeatable_and_changes_no_weight(self):
        gan = compiled()
        gan.fit(dataset(), verbose=0)
        before = state(gan)
        first = gan.evaluate(dataset(), verbose=0, return_dict=True)
        self.assertEqual(first, gan.evaluate(dataset(), verbose=0, return_dict=True))
        for a, b in zip(before, state(gan), strict=True):
            np.testing.assert_array_equal(a, b)
        self.assertEqual(set(first), {"loss", "d_loss", "g_loss", "real_logits", "fake_logits", "r1"})
        self.assertAllClose(first["loss"], first["d_loss"] + first["g_loss"])

    def test_weighs_batches_by_their_size(self):
        gan = compiled()
        uneven = tf.data.Dataset.from_tensor_slices(images(12)).batch(8)
        logits = gan.evaluate(uneven, verbose=0, return_dict=True)["real_logits"]
        self.assertAllClose(logits, tf.reduce_mean(gan.discriminator(images(12))), rtol=1e-5)

    def test_training_is_the_same_with_and_without_validation(self):
        gans = []
        for validation in (None, dataset()):
            keras.utils.set_random_seed(0)
            gans.append(compiled())
            gans[-1].fit(dataset(), epochs=2, validation_data=validation, verbose=0)
        assert_equal_states(*gans)

    def test_predict_and_sample_use_the_average(self):
        gan = compiled()
        gan.fit(dataset(), verbose=0)
        z = keras_gan.latents.from_seeds([3], latent_dim=4)
        expected = gan.ema_generator(z)
        self.assertAllClose(gan.predict(z, verbose=0), expected, atol=1e-6)
        self.assertAllClose(gan.sample(1, seed=3), expected, atol=1e-6)
        self.assertNotAllClose(gan.generator(z), expected, atol=1e-6)


class SavingTest(TestCase):
    def test_keras_file_holds_everything(self):
        for mode in (
            {},
            {"update": "simultaneous", "loss": "relativistic"},
            {"discriminator_steps": 2, "generator_steps": 2, "update": "shared"},
        ):
            gan = compiled(**mode)
            gan.fit(dataset(), verbose=0)
            path = self.path("gan.keras")
            gan.save(path)
            again = keras.models.load_model(path)
            assert_equal_states(gan, again)
            gan.fit(dataset(), verbose=0)
            again.fit(dataset(), verbose=0)
            assert_equal_states(gan, again)

    def test_configuration_round_trip(self):
        schedule = keras.optimizers.schedules.ExponentialDecay(0.9, 10, 0.5)
        gan = make_gan(ema_momentum=schedule, seed=7)
        again = self.assert_config_round_trip(gan)
        self.assertEqual(again.seed, 7)
        self.assertIsInstance(again.ema_momentum, keras.optimizers.schedules.ExponentialDecay)

    def test_compile_arguments_survive(self):
        gan = compiled(
            loss=keras_gan.losses.NonSaturating(label_smoothing=0.1),
            discriminator_regularizers=[keras_gan.regularizers.R1(weight=3.0, name="gp")],
            generator_optimizer=keras.optimizers.RMSprop(0.01),
        )
        again = self._reload(gan)
        self.assertEqual(again.get_compile_config(), gan.get_compile_config())

    def _reload(self, gan):
        path = self.path("gan.keras")
        gan.save(path)
        return keras.models.load_model(path)

    def test_weights_file(self):
        gan, other = compiled(), compiled()
        gan.fit(dataset(), verbose=0)
        path = self.path("gan.weights.h5")
        gan.save_weights(path)
        other.load_weights(path)
        self.assert_same_weights(gan, other)

    def test_without_compile(self):
        gan = make_gan()
        again = self._reload(gan)
        self.assert_same_weights(gan, again)

    def test_generator_file(self):
        gan = compiled()
        gan.fit(dataset(), verbose=0)
        path = self.path("generator.keras")
        gan.save_generator(path)
        generator = keras.models.load_model(path)
        self.assertAllEqual(generator.sample(3), gan.sample(3))
        self.assertTrue(generator.trainable)
        self.assertEqual(
            (generator.latent_dim, generator.latent_prior, generator.image_shape, generator.num_classes),
            (4, "normal", SHAPE, None),
        )

    def test_mixed_precision_survives(self):
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
        gan = compiled()
        keras.mixed_precision.set_global_policy("float32")
        again = self._reload(gan)
        self.assertEqual(again.generator.hidden[0].compute_dtype, "bfloat16")
        self.assertAllEqual(again.sample(2), gan.sample(2))


class CallbacksTest(TestCase):
    def fit(self, *callbacks, gan=None, epochs=3, **kwargs):
        gan = gan or compiled()
        history = gan.fit(dataset(), epochs=epochs, callbacks=list(callbacks), verbose=0, **kwargs)
        return gan, history.history

    def test_model_checkpoint_keeps_the_best(self):
        path = self.path("best.keras")
        best = keras.callbacks.ModelCheckpoint(path, monitor="val_d_loss", mode="min", save_best_only=True)
        gan, history = self.fit(best, validation_data=dataset())
        again = keras.models.load_model(path)
        self.assertAllClose(
            again.evaluate(dataset(), verbose=0, return_dict=True)["d_loss"], min(history["val_d_loss"]), rtol=1e-6
        )
        self.assertLen(again.generator_optimizer.variables, len(gan.generator_optimizer.variables))

    def test_model_checkpoint_of_weights(self):
        path = self.path("last.weights.h5")
        gan, _ = self.fit(keras.callbacks.ModelCheckpoint(path, save_weights_only=True))
        other = compiled()
        other.load_weights(path)
        self.assert_same_weights(gan, other)

    def test_backup_and_restore(self):
        keras.utils.set_random_seed(0)
        straight, _ = self.fit(epochs=4)
        folder = self.path("backup")

        class Crash(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    raise RuntimeError("crash")

        keras.utils.set_random_seed(0)
        with self.assertRaisesRegex(RuntimeError, "crash"):
            self.fit(keras.callbacks.BackupAndRestore(folder), Crash(), epochs=4)
        keras.utils.set_random_seed(1)
        resumed, history = self.fit(keras.callbacks.BackupAndRestore(folder), epochs=4)
        self.assertLen(history["d_loss"], 2)
        assert_equal_states(straight, resumed)

    def test_terminate_on_nan_sees_either_network(self):
        for network in ("generator", "discriminator"):
            gan = compiled()
            weights = getattr(gan, network).get_weights()
            getattr(gan, network).set_weights([w * np.nan if w.dtype == np.float32 else w for w in weights])
            self.fit(keras.callbacks.TerminateOnNaN(), gan=gan)
            self.assertEqual(int(gan.step.numpy()), 1)

    def test_early_stopping_restores_the_best(self):
        stop = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=1, restore_best_weights=True)
        gan, history = self.fit(stop, validation_data=dataset(), epochs=20)
        value = gan.evaluate(dataset(), verbose=0, return_dict=True)["loss"]
        self.assertAllClose(value, max(history["val_loss"]), rtol=1e-6)

    def test_tensorboard(self):
        folder = self.path("logs")
        self.fit(keras.callbacks.TensorBoard(folder, update_freq=1, histogram_freq=1))
        tags = set()
        for file in tf.io.gfile.glob(f"{folder}/train/*tfevents*"):
            for event in tf.compat.v1.train.summary_iterator(file):
                tags |= {value.tag for value in event.summary.value}
        self.assertContainsSubset({"epoch_d_loss", "epoch_g_loss", "batch_d_loss"}, tags)

    def test_csv_and_lambda(self):
        path, seen = self.path("log.csv"), []
        self.fit(
            keras.callbacks.CSVLogger(path),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["g_loss"])),
        )
        self.assertLen(seen, 3)
        self.assertLen(Path(path).read_text().splitlines(), 4)

    def test_logs_are_epoch_means(self):
        """The history holds means over the epoch, not the last step's values."""
        values = []
        each = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: values.append(
                float(gan.discriminator(batches[batch]).numpy().mean())
            )
        )
        batches = list(dataset())
        gan = compiled(generator_optimizer=keras.optimizers.SGD(0.0), discriminator_optimizer=keras.optimizers.SGD(0.0))
        _, history = self.fit(each, gan=gan, epochs=1)
        self.assertAllClose(history["real_logits"][0], np.mean(values), atol=1e-6)


class PrecisionTest(TestCase):
    def test_mixed_policies(self):
        for policy in ("mixed_bfloat16", "mixed_float16"):
            keras.mixed_precision.set_global_policy(policy)
            gan = compiled()
            half = policy == "mixed_float16"
            for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
                self.assertEqual(isinstance(optimizer, keras.optimizers.LossScaleOptimizer), half)
            history = gan.fit(dataset(), epochs=2, verbose=0).history
            self.assertAllInRange(history["loss"], 0.0, 10.0)
            self.assertEqual(gan.sample(2).dtype, np.float32)
            self.assertEqual({v.dtype for v in gan.trainable_variables}, {"float32"})

    def test_loss_scaling_leaves_the_update_unchanged(self):
        """With SGD a forgotten `scale_loss` would divide the step by 32768."""
        steps = []
        for policy in ("float32", "mixed_float16"):
            keras.utils.set_random_seed(0)
            keras.mixed_precision.set_global_policy(policy)
            gan = compiled(
                generator_optimizer=keras.optimizers.SGD(1.0), discriminator_optimizer=keras.optimizers.SGD(1.0)
            )
            before = gan.generator.get_weights()[0]
            gan.train_on_batch(images(8))
            steps.append(gan.generator.get_weights()[0] - before)
        self.assertAllClose(steps[0], steps[1], atol=0.05 * np.abs(steps[0]).max())

    def test_an_overflow_skips_the_update(self):
        keras.mixed_precision.set_global_policy("mixed_float16")
        gan = compiled()
        gan.discriminator_optimizer.dynamic_scale.assign(2.0**40)
        before = gan.discriminator.get_weights()
        gan.train_on_batch(images(8))
        for a, b in zip(before, gan.discriminator.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        self.assertEqual(float(gan.discriminator_optimizer.dynamic_scale.numpy()), 2.0**39)
        self.assertEqual(int(gan.discriminator_optimizer.iterations.numpy()), 0)


class NetworksTest(TestCase):
    def test_users_subclasses(self):
        gan = compiled(keras_gan.GAN(OwnGenerator(), OwnDiscriminator(), ema_momentum=0.9))
        gan.fit(dataset(), verbose=0)
        path = self.path("gan.keras")
        gan.save(path)
        self.assert_same_weights(gan, keras.models.load_model(path))

    def test_plain_keras_models(self):
        generator = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64, "tanh"), keras.layers.Reshape(SHAPE)])
        image = keras.Input(SHAPE)
        discriminator = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(image)))
        gan = compiled(keras_gan.GAN(generator, discriminator, ema_momentum=0.9, latent_prior="uniform"))
        gan.fit(dataset(), verbose=0)
        path = self.path("gan.keras")
        gan.save(path)
        again = keras.models.load_model(path)
        self.assert_same_weights(gan, again)
        self.assertEqual(again.latent_prior, "uniform")
        self.assertEqual(gan.sample(2).shape, (2, *SHAPE))

    def test_plain_conditional_models(self):
        def embedded(size):
            x, y = keras.Input((size,)), keras.Input((), dtype="int32")
            return [x, y], keras.layers.Concatenate()([x, keras.layers.Embedding(3, 2)(y)])

        inputs, x = embedded(4)
        generator = keras.Model(inputs, keras.layers.Dense(2)(x))
        inputs, x = embedded(2)
        gan = compiled(keras_gan.GAN(generator, keras.Model(inputs, keras.layers.Dense(1)(x)), num_classes=3))
        points = tf.data.Dataset.from_tensor_slices((np.zeros((8, 2), "float32"), labels(8))).batch(4)
        gan.fit(points, verbose=0)
        self.assertEqual(gan.sample(4, labels=1).shape, (4, 2))

    def test_summary(self):
        lines = []
        make_gan().summary(print_fn=lines.append)
        text = "\n".join(lines)
        self.assertIn("mlp_generator", text)
        self.assertIn("Trainable params: 1,145", text)


class MistakesTest(TestCase):
    def test_compile(self):
        adam = keras.optimizers.Adam()
        for arguments, sentence in (
            ({"loss": "cross_entropy"}, "Received: identifier='cross_entropy'"),
            ({"discriminator_regularizers": ["r3"]}, "Received: identifier='r3'"),
            ({"discriminator_regularizers": ["r1", "r1"]}, "names that differ"),
            ({"discriminator_steps": 0}, "discriminator_steps=0"),
            ({"generator_steps": 1.5}, "generator_steps=1.5"),
            ({"update": "sometimes"}, "update='sometimes'"),
            ({"update": "simultaneous", "discriminator_steps": 2}, "one discriminator step"),
            ({"generator_optimizer": adam, "discriminator_optimizer": adam}, "an optimizer of its own"),
        ):
            with self.assertRaisesRegex(ValueError, sentence):
                compiled(**arguments)

    def test_constructor(self):
        for momentum in (1.0, -0.1, "often"):
            with self.assertRaisesRegex(ValueError, "ema_momentum"):
                make_gan(ema_momentum=momentum)

    def test_fit_needs_compile(self):
        with self.assertRaisesRegex(ValueError, "compile"):
            make_gan().fit(dataset())

    def test_weights_of_examples_are_refused(self):
        with self.assertRaisesRegex(ValueError, "sample_weight"):
            compiled().fit(images(), sample_weight=np.ones(32))

    def test_validation_data_is_checked_first(self):
        gan = compiled()
        wrong = tf.data.Dataset.from_tensor_slices(np.zeros((8, 4, 4, 1), "float32")).batch(4)
        with self.assertRaisesRegex(ValueError, "Expected images of shape"):
            gan.fit(dataset(), validation_data=wrong, verbose=0)
        self.assertEqual(int(gan.step.numpy()), 0)


@pytest.mark.slow
class SlowTest(TestCase):
    def test_float16_stays_within_a_percent_of_float32(self):
        losses = {}
        for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
            keras.utils.set_random_seed(0)
            keras.mixed_precision.set_global_policy(policy)
            gan = compiled()
            losses[policy] = gan.fit(dataset(), epochs=20, verbose=0).history["loss"][-1]
        self.assertAllClose(losses["mixed_float16"], losses["float32"], rtol=0.01)
        self.assertAllClose(losses["mixed_bfloat16"], losses["float32"], rtol=0.01)
