from pathlib import Path

import keras
import numpy as np
from PIL import Image

import keras_gan
from keras_gan.files import pictures
from tests.keras_gan.models.test_translation import OnePixel
from tests.test_case import TestCase
from trainers import translate


class TranslateTest(TestCase):
    def setUp(self):
        super().setUp()
        self.root = Path(self.path("work"))
        (self.root / "in" / "below").mkdir(parents=True)
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (3, 8, 8, 3), np.uint8)
        for name, image in zip(("a.png", "b.bmp", "below/a.png"), self.images, strict=True):
            Image.fromarray(image).save(self.root / "in" / name)

    def save(self, network):
        path = self.root / "generator.keras"
        network.save(path)
        return path

    def run_(self, *flags, status=None):
        argv = [f"--model={self.root}/generator.keras", f"--input={self.root}/in", f"--out={self.root}/out", *flags]
        return self.run_main(translate.main, *argv, status=status)

    def test_every_picture_below_the_folder(self):
        network = OnePixel((8, 8, 3), (8, 8, 3), scale=0.25)
        self.save(network)
        self.assertIn("3 pictures", self.run_("--batch_size=2"))
        made = pictures.to_uint8(network.translate(pictures.from_uint8(self.images)))
        for name, image in zip(("a.png", "b.png", "below/a.png"), made, strict=True):
            with Image.open(self.root / "out" / name) as written:
                self.assertAllEqual(keras.utils.img_to_array(written, dtype="uint8"), image)
        self.assertIn("exists: choose another --out, or pass --overwrite", self.run_(status=1))
        self.run_("--overwrite")

    def test_sources_are_made_as_in_training(self):
        network = OnePixel((8, 8, 1), (8, 8, 3))
        self.save(network)
        self.run_("--source=gray")
        gray = pictures.from_uint8(self.images) @ np.float32([0.299, 0.587, 0.114])
        with Image.open(self.root / "out" / "a.png") as written:
            found = keras.utils.img_to_array(written, dtype="uint8")
        self.assertAllClose(found, pictures.to_uint8(network.translate(gray[..., None]))[0], atol=1)
        self.assertIn("leave --source out, or take another", self.run_("--source=noise", "--overwrite", status=1))

    def test_mistakes(self):
        self.save(OnePixel((8, 8, 3)))
        self.assertIn("--input is needed", self.run_("--input=", status=1))
        self.assertIn("There is no folder", self.run_(f"--input={self.root}/none", status=1))
        Image.fromarray(self.images[0]).save(self.root / "in" / "a.jpg")
        self.assertIn("Several pictures in", self.run_(status=1))
        keras_gan.networks.MLPGenerator((4, 4, 1), 2, hidden_units=(2,)).save(self.root / "generator.keras")
        self.assertIn("Expected a keras_gan.networks.Translator", self.run_(status=1))
