from pathlib import Path

import keras
import numpy as np
from PIL import Image

import keras_gan
from keras_gan.callbacks import EvaluateTranslation, TranslationGrids, translations
from keras_gan.files import history
from tests.keras_gan.models.test_translation import compiled, dataset, images
from tests.test_case import TestCase


class GridTest(TestCase):
    def test_source_output_and_target_are_beside_each_other(self):
        sources, targets = images("pix2pix", 8)
        model = compiled("pix2pix")
        grid = translations.translation_grid(model, sources, targets, groups=4)
        # Images of 8 pixels are enlarged to 64; gray sources are shown beside outputs in colour.
        self.assertEqual(grid.shape, (2 * 66 + 2, 12 * 66 + 2, 3))
        self.assertAllEqual(grid[2, 2], [keras_gan.files.pictures.to_uint8(sources[0, 0, 0, 0])] * 3)
        made = keras_gan.files.pictures.to_uint8(model.translate(sources))
        self.assertAllEqual(grid[2, 68], made[0, 0, 0])
        self.assertAllEqual(grid[68, 134], keras_gan.files.pictures.to_uint8(targets[4, 0, 0]))

    def test_of_two_domains_the_way_back(self):
        a, b = images("cyclegan", 8)
        model = compiled("cyclegan")
        grid = translations.translation_grid(model, a, b, groups=4)
        self.assertEqual(grid.shape, (4 * 66 + 2, 12 * 66 + 2, 1))
        back = keras_gan.files.pictures.to_uint8(model.translate(model.translate(a), backward=True))
        self.assertAllEqual(grid[2, 134], back[0, 0, 0])
        self.assertAllEqual(grid[2 + 2 * 66, 2], keras_gan.files.pictures.to_uint8(b)[0, 0, 0])

    def test_grids_are_drawn_while_it_trains(self):
        folder = Path(self.path("run"))
        model = compiled("pix2pix", run_eagerly=True)
        model.fit(dataset("pix2pix"), verbose=0, callbacks=[TranslationGrids(folder, 2, *images("pix2pix", 4))])
        names = [file.name for file in sorted((folder / "samples").iterdir())]
        self.assertEqual(names, ["step-0000000.png", "step-0000002.png", "step-0000004.png"])
        with Image.open(folder / "samples" / names[0]) as picture:
            self.assertEqual(picture.size, (12 * 66 + 2, 68))


class EvaluateTest(TestCase):
    def test_pairs_are_measured_and_the_best_is_remembered(self):
        folder = Path(self.path("run"))
        folder.mkdir()
        sources, targets = images("pix2pix", 8)
        evaluate = EvaluateTranslation(sources, targets, steps=2, folder=folder)
        model = compiled("pix2pix", run_eagerly=True)
        model.fit(dataset("pix2pix"), verbose=0, callbacks=[evaluate])
        entries = history.read(folder / "metrics.jsonl")
        self.assertEqual([set(entry) for entry in entries], [{"step", "ssim", "psnr", "l1"}] * 2)
        values = [entry["ssim"] for entry in entries]
        self.assertAllClose(evaluate.best_value, max(values))
        self.assertEqual(evaluate.best_step, (2, 4)[int(np.argmax(values))])
        made = keras_gan.metrics.translation.paired(model.translate(sources), targets, ["l1"])["l1"].mean()
        self.assertAllClose(entries[-1]["l1"], made, rtol=1e-6)

    def test_both_generators_of_two_domains_are_kept(self):
        a, b = images("cyclegan", 8)
        features = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
        path = self.path("features.keras")
        features.save(path)
        evaluate = EvaluateTranslation(a, b, path, paired=False, steps=4)
        model = compiled("cyclegan", run_eagerly=True)
        model.fit(dataset("cyclegan"), verbose=0, callbacks=[evaluate])
        self.assertEqual(set(evaluate.values), {"fcd", "cycle"})
        kept = evaluate.best_weights_of("generator_backward_weights")
        for array, weight in zip(kept, model.samplers["generator_backward"].get_weights(), strict=True):
            self.assertAllEqual(array, weight)
        self.assertIn("generator_backward_weights", evaluate.state(model))

    def test_without_pairs_features_are_needed(self):
        with self.assertRaisesRegex(ValueError, "through features. Received: features=None, paired=False"):
            EvaluateTranslation(*images("cyclegan"), paired=False)

    def test_what_looks_at_latents_is_refused(self):
        images = np.zeros((8, 8, 8, 3), "float32")
        with self.assertRaisesRegex(ValueError, "makes of latents: .*Received: a Pix2Pix"):
            compiled("pix2pix").fit(dataset("pix2pix"), verbose=0, callbacks=[keras_gan.callbacks.Watchdog(images)])
        with self.assertRaisesRegex(ValueError, "pass generator.translate.sources.. Received: a Pix2Pix"):
            keras_gan.metrics.evaluate(compiled("pix2pix"), images, "mnist_classifier")
