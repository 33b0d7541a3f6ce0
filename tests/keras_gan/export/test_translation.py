import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_gan
from export import saved_model as command
from keras_gan.export import loading, onnx, portable, saved_model, tflite, translation
from keras_gan.export.checks import processes
from tests.test_case import TestCase


def translator(source_shape=(8, 8, 1), image_shape=(8, 8, 3)):
    network = keras_gan.networks.UNetGenerator(source_shape, image_shape, filters=2)
    # Kernels of N(0, 0.02) would make everything gray.
    network.set_weights([10 * weight for weight in network.get_weights()])
    return network


def picture(shape, format="PNG", seed=0):
    image = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if shape[-1] == 1 else image).save(buffer, format=format)
    return image, buffer.getvalue()


class FunctionsTest(TestCase):
    def test_pictures_become_pictures(self):
        network = translator((8, 8, 3), (8, 8, 1))
        function, [spec] = translation.functions(network)["translate_png"]
        self.assertEqual((spec.name, spec.dtype, spec.shape.as_list()), ("image_bytes", tf.string, [None]))
        image, contents = picture((8, 8, 3))
        made = function(tf.constant([contents]))["image_bytes"]
        expected = network(keras_gan.files.pictures.from_uint8(image[None]))
        decoded = tf.io.decode_png(made[0])
        self.assertAllEqual(decoded, keras_gan.files.pictures.to_uint8(expected)[0])

    def test_other_sizes_are_cut_and_resized(self):
        """A picture of two halves, left and right, whose middle is cut out."""
        decoded = translation._decode(_halves((20, 60)), (10, 10, 3))
        self.assertAllClose(decoded[:, :4, 0], -tf.ones((10, 4)), atol=0.05)
        self.assertAllClose(decoded[:, 6:, 0], tf.ones((10, 4)), atol=0.05)
        self.assertEqual(translation._decode(_halves((3, 40)), (10, 10, 3)).shape, (10, 10, 3))
        self.assertEqual(translation._decode(_halves((40, 3), "JPEG"), (10, 10, 1)).shape, (10, 10, 1))

    def test_what_is_no_picture_is_refused(self):
        _, gif = picture((8, 8, 3), "GIF")
        _, whole = picture((8, 8, 3))
        for contents in (b"", b"text", gif, whole[:40]):
            with self.assertRaises(tf.errors.InvalidArgumentError):
                translation._decode(tf.constant(contents), (8, 8, 3))

    def test_networks_of_other_channels_have_no_pictures(self):
        self.assertNotIn("translate_png", translation.functions(translator((8, 8, 2))))
        self.assertNotIn("translate_png", translation.functions(translator((8, 8, 1), (8, 8, 5))))


def _halves(size, format="PNG"):
    image = np.zeros((*size, 3), np.uint8)
    image[:, size[1] // 2 :] = 255
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format=format)
    return tf.constant(buffer.getvalue())


class LoadingTest(TestCase):
    def test_models_and_files(self):
        network = translator()
        model = keras_gan.Pix2Pix(
            network, keras_gan.networks.PatchDiscriminator((8, 8, 3), (8, 8, 1), filters=2, downsamplings=1)
        )
        path = self.path("generator.keras")
        model.save_generator(path)
        for source in (network, model, path):
            found = loading.load_translator(source)
            self.assertIs(type(loading.load_network(source)), type(network))
            self.assert_same_weights(found, network)
        with self.assertRaisesRegex(ValueError, "which makes images of latents: .*Received: a UNetGenerator"):
            loading.load_generator(path)
        with self.assertRaisesRegex(ValueError, "Expected a keras_gan.networks.Translator.*Received: a MLPGenerator"):
            loading.load_translator(keras_gan.networks.MLPGenerator((4, 4, 1), 2, hidden_units=(2,)))
        network.set_weights([weight * np.nan for weight in network.get_weights()])
        with self.assertRaisesRegex(ValueError, "weights that are not finite"):
            loading.load_translator(network)


class PortableTest(TestCase):
    def test_onnx(self):
        network, out = translator(), Path(self.path("out.onnx"))
        card = onnx.export(network, out)
        self.assertEqual(card["source_shape"], [8, 8, 1])
        self.assertEqual(list(card["signatures"]["serving_default"]["outputs"]), ["translated"])
        images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")
        [answer] = processes.run([(out, "", {"images": images})])
        self.assertAllClose(answer["translated"], network(images), atol=1e-5)

    @pytest.mark.slow
    def test_tflite(self):
        network, out = translator(), Path(self.path("out.tflite"))
        for format in ("float32", "dynamic"):
            card = tflite.export(network, out, format, batch_sizes=(1, 2), overwrite=True, min_psnr=20.0)
            self.assertEqual(list(card["signatures"]), ["translate", "batch_2"])
            self.assertEqual(tflite.inspect(out.read_bytes())[1], {"translate": 1, "batch_2": 2})
            self.assertEqual(portable.read_card(out)["source_shape"], [8, 8, 1])
        with self.assertRaisesRegex(ValueError, "of pictures a .keras file has none: use dynamic"):
            tflite.export(network, out, "int8", overwrite=True)


class SavedModelTest(TestCase):
    def test_a_version_is_checked_and_described(self):
        network, out = translator(), Path(self.path("out"))
        path = self.path("generator.keras")
        network.save(path)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            command.main([f"--model={path}", f"--out={out}"])
        self.assertIn('.signatures["translate"](images=tf.zeros((1, 8, 8, 1)))["images"]', printed.getvalue())
        loaded = tf.saved_model.load(str(out))
        self.assertEqual(set(loaded.signatures), {"serving_default", "translate", "translate_png"})
        images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")
        self.assertAllClose(loaded.signatures["translate"](images=images)["images"], network(images), atol=1e-5)

    @pytest.mark.slow
    def test_what_differs_is_not_written(self):
        network, out = translator(), Path(self.path("out"))
        call = network.call
        network.call = lambda inputs, training=None: call(inputs) + (0.0 if tf.executing_eagerly() else 1e-3)
        with self.assertRaisesRegex(ValueError, "`serving_default` must agree with Keras to 1e-05"):
            saved_model.export(network, out)
        self.assertFalse(out.exists())
