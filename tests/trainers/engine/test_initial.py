import types
from pathlib import Path

import numpy as np

from keras_gan import networks
from tests.test_case import TestCase
from trainers import dcgan
from trainers.engine import initial, run


class InitialTest(TestCase):
    def gan(self, filters=2, shape=(8, 8, 1), seed=0, latent_dim=3):
        config = dcgan.Config(filters=filters, latent_dim=latent_dim, seed=seed)
        gan = dcgan.build(config, types.SimpleNamespace(image_shape=shape))
        rng = np.random.default_rng(seed)
        for network in (gan.generator, gan.ema_generator, gan.discriminator):
            network.set_weights([rng.uniform(0.1, 1.0, weight.shape) for weight in network.get_weights()])
        return gan

    def test_a_generator(self):
        trained, new = self.gan(seed=1), self.gan(seed=2)
        before = new.discriminator.get_weights()
        file = self.path("generator.keras")
        trained.save_generator(file)
        text = "\n".join(initial.take_weights(new, file))
        self.assertRegex(text, "generator: [0-9]+ layers taken .*\n  discriminator: new$")
        # The trained GAN samples with its average.
        self.assert_same_weights(new.generator, trained.ema_generator)
        self.assert_same_weights(new.ema_generator, trained.ema_generator)
        self.assertAllEqual(np.concatenate([w.ravel() for w in before]), self.flat(new.discriminator))

    @staticmethod
    def flat(network):
        return np.concatenate([weight.ravel() for weight in network.get_weights()])

    def test_a_whole_gan_has_a_discriminator(self):
        trained, new = self.gan(seed=1), self.gan(seed=2)
        file = self.path("gan.keras")
        trained.save(file)
        text = "\n".join(initial.take_weights(new, file))
        self.assertRegex(text, "discriminator: [0-9]+ layers taken")
        self.assert_same_weights(new.discriminator, trained.discriminator)

    def test_layers_that_do_not_fit_are_new(self):
        trained, new = self.gan(seed=1), self.gan(seed=2, latent_dim=5)
        folder = self.path("preset")
        trained.generator.save_to_preset(folder)
        text = "\n".join(initial.take_weights(new, f"preset:{folder}"))
        self.assertRegex(text, r"generator: \d+ layers taken \(.*\), new: \w+")
        # What sees the latents.
        self.assertEqual(text.count("new: "), 1)

    def test_refused(self):
        file = self.path("generator.keras")
        self.gan(shape=(16, 16, 3)).save_generator(file)
        with self.assertRaisesRegex(ValueError, "pass --image_size=16x16 --channels=3, or another model"):
            initial.take_weights(self.gan(), file)
        vectors = self.path("mlp.keras")
        networks.MLPGenerator((8, 8, 1), latent_dim=9, hidden_units=(7,)).save(vectors)
        with self.assertRaisesRegex(ValueError, "No layer of .* a MLPGenerator, fits the DCGANGenerator"):
            initial.take_weights(self.gan(), vectors)
        with self.assertRaisesRegex(ValueError, "A preset is one of"):
            initial.take_weights(self.gan(), "preset:nothing")

    def test_a_run_begins_with_them_and_goes_on_without(self):
        file = Path(self.path("generator.keras"))
        self.gan(shape=(28, 28, 1)).save_generator(file)
        flags = ["--latent_dim=3", "--batch_size=16", "--evaluate_every=0", "--nowatchdog"]
        out = self.path("run")

        def main(argv):
            run.main("dcgan", "About.", dcgan.Config, dcgan.build, argv)

        text = self.run_main(main, f"--out={out}", *flags, "--steps=1", f"--init={file}")
        self.assertIn(f"filters: 2 (as {file} has)", text)
        self.assertIn(f"Beginning with {file}:\n  generator: ", text)
        file.unlink()
        self.assertNotIn("Beginning with", self.run_main(main, f"--out={out}", "--steps=2"))
