import contextlib
import io
from pathlib import Path

import numpy as np

from keras_gan.files import pictures
from keras_gan.files.run_folder import RunFolder
from tests.test_case import TestCase
from trainers.engine import epilogues
from trainers.engine.flags import Config


class JudgeClassesTest(TestCase):
    def test_without_held_out_images_it_says_why(self):
        data = Path(self.path("data"))
        for name in ("a/0.png", "b/1.png"):
            pictures.write_png(data / name, np.zeros((8, 8, 1), "uint8"))
        run = RunFolder(self.path("run"))
        run.path.mkdir()
        config = Config(dataset=f"folder:{data}", precision="float32")
        run.write_config({"trainer": "conditional_gan", **vars(config), "data": "1"})
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.assertIsNone(epilogues.judge_classes(run))
        self.assertIn(f"show their classes: folder:{data} has no split 'test'.", output.getvalue())
