"""Tests of the one way from a saved model to a generator."""

import zipfile
from pathlib import Path

import keras
import numpy as np

import keras_gan
from keras_gan.export import loading
from tests.keras_gan.export import networks
from tests.keras_gan.networks import test_plain
from tests.test_case import TestCase


@keras.saving.register_keras_serializable("tests")
class Liar(keras_gan.networks.Generator):
    """Declares 2 numbers, and returns 3."""

    def __init__(self, **kwargs):
        super().__init__(**{"image_shape": (2,), "latent_dim": 3, **kwargs})
        self.build()

    def call(self, inputs, training=None):
        return inputs


class LoadingTestCase(TestCase):
    def saved(self, model, name="generator.keras"):
        path = Path(self.get_temp_dir(), name)
        model.save(path)
        return path

    def assert_refused(self, path, message, load=loading.load_generator):
        with self.assertRaisesRegex(ValueError, message) as caught:
            load(path)
        self.assertNotIn("\n", str(caught.exception))


class LoadGeneratorTest(LoadingTestCase):
    def test_a_generator_comes_back(self):
        generator = networks.dcgan(num_classes=2, class_names=["a", "b"], latent_prior="uniform")
        loaded = loading.load_generator(self.saved(generator))
        self.assertEqual(loaded.get_config(), generator.get_config())
        self.assert_same_weights(loaded, generator)

    def test_a_gan_gives_its_averaged_generator(self):
        gan = keras_gan.GAN(
            networks.mlp((2,)), keras_gan.networks.MLPDiscriminator((2,), hidden_units=(4,)), ema_momentum=0.9
        )
        gan.compile()
        gan.generator.set_weights([weight + 1 for weight in gan.generator.get_weights()])
        loaded = loading.load_generator(self.saved(gan, "gan.keras"))
        self.assert_same_weights(loaded, gan.ema_generator)

    def test_mixed_precision_becomes_float32(self):
        generator = networks.dcgan(dtype="mixed_bfloat16")
        loaded = loading.load_generator(self.saved(generator))
        self.assert_same_weights(loaded, generator)
        self.assertEqual({layer.compute_dtype for layer in loaded._flatten_layers()}, {"float32"})
        # bfloat16 keeps 8 bits, and these images come from layers that float32 computes to 24.
        latents = np.random.default_rng(0).normal(size=(2, 6)).astype("float32")
        self.assertGreater(np.abs(loaded(latents) - generator(latents)).max(), 1e-4)

    def test_models_in_memory(self):
        generator = networks.mlp((2,))
        self.assertIs(loading.load_generator(generator), generator)
        gan = keras_gan.GAN(generator, networks.discriminator((2,)), ema_momentum=0.5)
        self.assertIs(loading.load_generator(gan), gan.ema_generator)
        self.assertIs(loading.load_pair(gan)[1], gan.discriminator)
        mixed = networks.mlp((2,), dtype="mixed_bfloat16")
        loaded = loading.load_generator(mixed)
        self.assertEqual((loaded.compute_dtype, mixed.compute_dtype), ("float32", "bfloat16"))
        self.assert_same_weights(loaded, mixed)
        self.assert_refused(7, "Expected a generator, a GAN or the path.*model=7")
        generator.weights[0].assign(generator.weights[0] * np.nan)
        self.assert_refused(generator, "the model 'mlp_generator.*' has weights that are not finite")

    def test_plain_models_of_a_gan(self):
        """The GAN knows what they do not declare."""
        for num_classes in (None, 3):
            for dtype in ("float32", "mixed_bfloat16"):
                plain = test_plain.model(num_classes, (2,), dtype)
                judge = networks.discriminator((2,), num_classes=num_classes)
                gan = keras_gan.GAN(plain, judge, ema_momentum=0.5, latent_prior="uniform", num_classes=num_classes)
                gan.ema_generator.set_weights([weight + 1 for weight in plain.get_weights()])
                for model in (gan, self.saved(gan, "gan.keras")):
                    generator = loading.load_generator(model)
                    self.assert_same_weights(generator, gan.ema_generator)
                    self.assertEqual(generator.latent_prior, "uniform")
                    self.assertEqual((generator.latent_dim, generator.num_classes), (3, num_classes))
                    tolerance = 1e-6 if dtype == "float32" else 0.1
                    self.assertAllClose(generator.sample(4, seed=3), gan.sample(4, seed=3), atol=tolerance)
                    floats = {layer.compute_dtype for layer in generator._flatten_layers()} - {"int32"}
                    self.assertEqual(floats, {"float32"})

    def test_refuses_what_is_no_keras_file(self):
        self.assert_refused(Path(self.get_temp_dir(), "none.keras"), "none.keras, which is missing")
        folder = Path(self.get_temp_dir(), "folder.keras")
        folder.mkdir()
        self.assert_refused(folder, "folder.keras, which is a folder")
        text = Path(self.get_temp_dir(), "generator.h5")
        text.write_text("weights")
        self.assert_refused(text, "ends in .keras")

    def test_refuses_damaged_files(self):
        whole = self.saved(networks.mlp())
        contents = whole.read_bytes()
        middle = len(contents) // 2
        flipped = contents[:middle] + bytes([contents[middle] ^ 1]) + contents[middle + 1 :]
        for damaged in (b"", contents[:middle], flipped):
            whole.write_bytes(damaged)
            self.assert_refused(whole, "truncated or damaged")
        with zipfile.ZipFile(whole, "w") as archive:
            archive.writestr("notes.txt", "no model")
        self.assert_refused(whole, "does not load as a Keras model")
        for config, reason in (("[1]", "list indices"), ("[" * 100_000, "recursion depth"), ("[]", "")):
            with zipfile.ZipFile(whole, "w") as archive:
                for name, text in (("config.json", config), ("metadata.json", "{}"), ("model.weights.h5", "")):
                    archive.writestr(name, text)
            self.assert_refused(
                whole, rf"does not load as a Keras model: its configuration cannot be read \(.*{reason}"
            )

    def test_refuses_other_models(self):
        discriminator = keras_gan.networks.MLPDiscriminator((2,), hidden_units=(4,))
        self.assert_refused(self.saved(discriminator), "keras_gan generator.*Received: a MLPDiscriminator")
        plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        self.assert_refused(self.saved(plain), "declares latent_dim.*Received: a Sequential")

    def test_refuses_a_class_that_is_not_there(self):
        source, target = self.saved(networks.mlp()), Path(self.get_temp_dir(), "other.keras")
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name).replace(b"MLPGenerator", b"MLPGonerator"))
        self.assert_refused(target, "Could not locate class 'MLPGonerator'")

    def test_refuses_a_broken_contract(self):
        self.assert_refused(self.saved(Liar()), r"declared shape \(2,\).*which returns \(3,\)")
        generator = networks.mlp()
        generator.weights[0].assign(generator.weights[0] * np.nan)
        self.assert_refused(self.saved(generator), r"not finite \(.*kernel\)")


class LoadPairTest(LoadingTestCase):
    def gan(self, discriminator, **kwargs):
        gan = keras_gan.GAN(networks.mlp((2,), **kwargs), discriminator)
        gan.compile()
        return self.saved(gan, "gan.keras")

    def test_a_pair_comes_back_in_float32(self):
        discriminator = networks.discriminator((2,), dtype="mixed_bfloat16", num_classes=3)
        generator, loaded = loading.load_pair(self.gan(discriminator, num_classes=3))
        self.assertIsInstance(generator, keras_gan.networks.MLPGenerator)
        self.assert_same_weights(loaded, discriminator)
        self.assertEqual({layer.compute_dtype for layer in loaded._flatten_layers()}, {"float32"})

    def test_refuses_what_has_no_discriminator_for_one_image(self):
        def refused(path, message):
            self.assert_refused(path, message, loading.load_pair)

        refused(self.saved(networks.mlp()), "only in a GAN.*generator.keras, a generator alone")
        discriminator = networks.discriminator((2,))
        discriminator.trainable_weights[0].assign(discriminator.trainable_weights[0] * np.nan)
        refused(self.gan(discriminator), r"not finite \(.*kernel\)")
        packed = networks.discriminator((2,), packing=2)
        refused(self.gan(packed), "one logit per image.*judges 2 images at a time")
