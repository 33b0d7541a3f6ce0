import numpy as np
from PIL import Image

import keras_gan
from keras_gan import callbacks
from tests.keras_gan.callbacks.callback_checks import CallbacksTestCase, make_gan, train


class SampleGridsTest(CallbacksTestCase):
    def pictures(self):
        """The pictures written so far, by name."""
        found = {}
        for file in sorted((self.folder / "samples").iterdir()):
            with Image.open(file) as image:
                found[file.name] = np.asarray(image)
        return found

    def test_the_same_latents_in_pictures_of_one_size(self):
        gan, grids = make_gan(), callbacks.SampleGrids(self.folder, every=2, n=5)
        untrained = keras_gan.files.pictures.grid(gan.sample(5))[..., 0]
        train(gan, 4, grids)
        pictures = self.pictures()
        self.assertEqual(list(pictures), ["step-0000000.png", "step-0000002.png", "step-0000004.png"])
        # Two rows of three, enlarged to 64 pixels, in borders of 2.
        self.assertEqual({picture.shape for picture in pictures.values()}, {(2 * 66 + 2, 3 * 66 + 2)})
        self.assertAllEqual(pictures["step-0000000.png"], untrained)
        self.assertAllEqual(pictures["step-0000004.png"], keras_gan.files.pictures.grid(gan.sample(5))[..., 0])
        self.assertNotAllEqual(pictures["step-0000004.png"], untrained)

    def test_a_resumed_run_draws_what_is_new_only(self):
        gan = make_gan()
        train(gan, 1)
        train(gan, 1, callbacks.SampleGrids(self.folder, every=2, n=1))
        self.assertEqual(list(self.pictures()), ["step-0000002.png"])

    def test_tensorboard_gets_interpolations_too(self):
        train(make_gan(), 1, callbacks.SampleGrids(self.folder, every=1, n=1))
        tags = ("pictures/samples", "pictures/interpolations")
        self.assertEqual(self.summaries(), {(step, tag) for step in (0, 1) for tag in tags})
