"""Drawing from a saved generator."""

from pathlib import Path

import keras
from PIL import Image

import keras_gan
from tests.test_case import TestCase
from trainers import sample


class SampleTest(TestCase):
    def setUp(self):
        super().setUp()
        self.generator = keras_gan.networks.MLPGenerator(
            (6, 6, 1), latent_dim=4, hidden_units=(8,), num_classes=3, class_names=["cat", "dog", "fox"]
        )
        self.model = self.path("generator.keras")
        self.generator.save(self.model)
        self.out = Path(self.path("out", "grid.png"))

    def draw(self, *flags, status=None):
        return self.run_main(sample.main, f"--model={self.model}", f"--out={self.out}", *flags, status=status)

    def pixels(self, path):
        with Image.open(path) as image:
            return keras.utils.img_to_array(image, dtype="uint8")

    def test_grid(self):
        self.draw("--n=6", "--seed=5", "--label=dog", "--truncation=0.5")
        images = self.generator.sample(6, labels=1, seed=5, truncation=0.5)
        self.assertAllEqual(self.pixels(self.out), keras_gan.files.pictures.grid(images))

    def test_folder(self):
        self.out = Path(self.path("pictures"))
        self.draw("--n=3", "--seed=9", "--label=2")
        self.assertEqual(sorted(f.name for f in self.out.iterdir()), ["seed-09.png", "seed-10.png", "seed-11.png"])
        image = self.generator.sample(1, labels=2, seed=10)[0]
        self.assertAllEqual(self.pixels(self.out / "seed-10.png"), keras_gan.files.pictures.to_uint8(image))

    def test_plain_keras_generators_of_a_gan(self):
        """The GAN in the file says what such a model does not."""
        codes = keras.Input((4,))
        plain = keras.Model(codes, keras.layers.Reshape((6, 6, 1))(keras.layers.Dense(36, "tanh")(codes)))
        judge = keras_gan.networks.MLPDiscriminator((6, 6, 1), hidden_units=(4,), activation="relu")
        gan = keras_gan.GAN(plain, judge, latent_prior="uniform")
        self.model = self.path("gan.keras")
        gan.save(self.model)
        self.draw("--n=4", "--seed=2")
        self.assertAllEqual(self.pixels(self.out), keras_gan.files.pictures.grid(gan.sample(4, seed=2)))

    def test_mistakes(self):
        self.draw("--n=1")
        for flags, sentence in (
            (["--n=1"], "exists"),
            (["--n=0"], "--n must be at least 1"),
            (["--overwrite", "--label=cow"], "--label must be a class"),
            (["--overwrite", "--label=3"], "--label must be a class"),
            (["--overwrite", "--truncation=2"], "`truncation` must lie in [0, 1]"),
            (["--model=missing.keras", "--overwrite"], "missing.keras"),
            (["--model=", "--overwrite"], "--model is needed"),
        ):
            text = self.draw(*flags, status=1)
            self.assertStartsWith(text, "error: ")
            self.assertLen(text.splitlines(), 1)
            self.assertIn(sentence, text)
