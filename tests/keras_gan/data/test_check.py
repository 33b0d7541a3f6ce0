from pathlib import Path

import tensorflow as tf

from keras_gan.data import check, write_tfrecords
from tests.keras_gan.data.test_folders import pictures, save
from tests.test_case import TestCase


class CheckTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.path("pictures"))
        for i, image in enumerate(pictures(5)):
            save(image, self.folder, f"{i}.png")

    def test_folders(self):
        text = self.run_main(check.main, f"folder:{self.folder}")
        self.assertEqual(text, f"All 5 images of folder:{self.folder} can be read.\n")
        for i in (1, 3):
            (self.folder / f"{i}.png").write_bytes(b"broken")
        lines = self.run_main(check.main, f"folder:{self.folder}", status=1).splitlines()
        self.assertEqual([line.partition(":")[0] for line in lines[:2]], [f"{self.folder}/{i}.png" for i in (1, 3)])
        self.assertRegex(lines[2], "^error: 2 files of folder:.* cannot be read, 3 images can.$")

    def test_records(self):
        out = self.folder.parent / "out"
        write_tfrecords.write(self.folder, out)
        self.assertIn("All 5 images", self.run_main(check.main, f"tfrecord:{out}", "--image_size=4x4"))
        [file] = out.glob("*.tfrecord")
        with tf.io.TFRecordWriter(str(file)) as writer:
            for _ in range(5):
                writer.write(write_tfrecords._example(b"no image", 0))
        self.assertRegex(
            self.run_main(check.main, f"tfrecord:{out}", status=1), "(?s)no image can be read from the record.*error: "
        )
        self.assertIn("There is no folder", self.refusal(check.main, "folder:/no/such/folder"))
