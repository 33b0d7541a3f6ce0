import json
from pathlib import Path
from unittest import mock

import numpy as np

from keras_gan import networks
from keras_gan.export import loading
from keras_gan.networks import presets
from tests.test_case import TestCase


class PresetsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path("own"))

    def save(self, **options):
        generator = networks.DCGANGenerator((8, 8, 1), latent_dim=3, filters=2, **options)
        rng = np.random.default_rng(0)
        generator.set_weights([np.abs(rng.normal(0.5, 0.3, weight.shape)) for weight in generator.get_weights()])
        generator.save_to_preset(self.folder, {"description": "two stripes"})
        return generator

    def test_ones_own(self):
        generator = self.save(num_classes=2, class_names=["a", "b"])
        again = networks.Generator.from_preset(self.folder)
        self.assertIsInstance(again, networks.DCGANGenerator)
        self.assertEqual((again.class_names, again.latent_dim), (["a", "b"], 3))
        for ours, theirs in zip(again.get_weights(), generator.get_weights(), strict=True):
            # Eleven bits of kernels are left, and everything of the rest.
            np.testing.assert_allclose(ours, theirs, rtol=2**-10 if ours.ndim > 1 else 0, atol=1e-7)
        self.assertAllClose(again.sample(4, seed=1), generator.sample(4, seed=1), atol=0.02)
        self.assertEqual(presets.card(self.folder)["description"], "two stripes")
        self.assertTrue(again.trainable)

    def test_what_else_was_made_does_not_matter(self):
        generator = self.save()
        networks.DCGANGenerator((8, 8, 1), latent_dim=3, filters=2)
        again = networks.Generator.from_preset(self.folder)
        self.assertAllClose(again.sample(2), generator.sample(2), atol=0.02)

    def test_by_the_flag_of_commands(self):
        self.save()
        first, second = (loading.load_generator(f"preset:{self.folder}") for _ in range(2))
        self.assert_same_weights(first, second)
        self.assertEqual(loading.place_of(f"preset:{self.folder}"), self.folder / "weights.npz")
        self.assertEqual(loading.place_of("runs/x/generator.keras"), Path("runs/x/generator.keras"))

    def test_those_that_come_with_the_package(self):
        self.save()
        with mock.patch.object(presets, "FOLDER", self.folder.parent):
            self.assertEqual(presets.names(), ["own"])
            self.assertEqual(list(networks.Generator.presets), ["own"])
            self.assertEqual(networks.DCGANGenerator.presets["own"]["description"], "two stripes")
            self.assertEqual(networks.MLPGenerator.presets, {})
            self.assertEqual(loading.load_generator("preset:own").image_shape, (8, 8, 1))

    def test_every_shipped_preset_is_whole(self):
        total = 0
        for name, facts in networks.Generator.presets.items():
            generator = networks.Generator.from_preset(name)
            self.assertAllInRange(generator.sample(2), -1.0, 1.0)
            self.assertContainsSubset({"command", "seed", "steps", "dataset", "data_license", "metrics"}, set(facts))
            self.assertIn(f"--seed={facts['seed']}", facts["command"])
            self.assertEqual(facts["metrics"][0]["n_fake"], 5000)
            total += sum(file.stat().st_size for file in presets.folder_of(name).iterdir())
        self.assertLess(total, 6_000_000)

    def test_refused(self):
        self.save()
        with self.assertRaisesRegex(ValueError, r"A preset is one of \[.*Received: preset='dcgan_lsun'"):
            networks.Generator.from_preset("dcgan_lsun")
        with self.assertRaisesRegex(ValueError, "MLPGenerator.from_preset expects .* a DCGANGenerator"):
            networks.MLPGenerator.from_preset(self.folder)
        with self.assertRaisesRegex(ValueError, "exists already"):
            networks.Generator.from_preset(self.folder).save_to_preset(self.folder)
        huge = networks.DCGANGenerator((8, 8, 1), latent_dim=3, filters=2)
        huge.set_weights([1e6 + 0 * weight for weight in huge.get_weights()])
        with self.assertRaisesRegex(ValueError, "weights that float16 does not hold"):
            huge.save_to_preset(self.folder.with_name("huge"))

    def test_damage_is_noticed(self):
        self.save()
        card = json.loads((self.folder / "preset.json").read_text())
        content = (self.folder / "weights.npz").read_bytes()
        (self.folder / "weights.npz").write_bytes(content[:-1])
        with self.assertRaisesRegex(ValueError, f"are damaged: .* sha256 [0-9a-f]+ and not {card['sha256']}"):
            networks.Generator.from_preset(self.folder)
        (self.folder / "preset.json").write_text("{}")
        with self.assertRaisesRegex(ValueError, "preset.json is damaged"):
            networks.Generator.from_preset(self.folder)
