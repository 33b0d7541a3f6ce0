import warnings
from pathlib import Path

from PIL import Image

from keras_gan import data
from tests.test_case import TestCase


class SplitsTest(TestCase):
    @property
    def source(self):
        return f"folder:{self.folder}"

    def save(self, *names):
        """Images of one colour each, by which `open` knows them again."""
        for name in names:
            self.number = self.number % 240 + 20
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (2, 2), self.number).save(file)

    def setUp(self):
        super().setUp()
        self.folder, self.number = Path(self.path("pictures")), 0

    def assert_refused(self, message, split="train", **arguments):
        with self.assertRaisesRegex(ValueError, message):
            data.load(self.source, split, batch_size=1, **arguments)

    def open(self, split="train"):
        """The colours of a split, and what class each is of."""
        found = data.open_source(self.source, split)
        names = None if found.class_names is None else [found.class_names[label] for label in found.labels]
        return found.images[:, 0, 0, 0].tolist(), names

    def test_names_of_splits(self):
        for i, (train, validation, test) in enumerate(
            (("train", "validation", "test"), ("Training", "VALID", "Testing"), ("TRAIN", "dev", "test"))
        ):
            with self.subTest(train):
                self.folder = Path(self.path(str(i)))
                self.number = 0
                self.save(
                    f"{train}/a/1.png", f"{train}/b/1.png", f"{validation}/b/1.png", f"{test}/a/1.png", ".git/1.png"
                )
                (self.folder / "annotations").mkdir()
                (self.folder / "annotations" / "1.xml").write_text("")
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    for split in ("train", "training", train):
                        self.assertEqual(self.open(split), ([20, 40], ["a", "b"]))
                    for split in ("validation", "valid", "val", "dev", "Val"):
                        self.assertEqual(self.open(split), ([60], ["b"]))
                    for split in ("test", "testing"):
                        self.assertEqual(self.open(split), ([80], ["a"]))

    def test_a_folder_of_any_name_is_a_split(self):
        self.save("train/a/1.png", "test/a/1.png", "extra/a/1.png")
        self.assertEqual(self.open("extra"), ([60], ["a"]))

    def test_classes_have_the_numbers_of_the_training_split(self):
        self.save("train/0/1.png", "train/1/1.png", "train/7/1.png", "test/0/1.png", "test/7/1.png")
        for memory_limit in (0, data.MEMORY_LIMIT):
            with self.assertWarnsRegex(UserWarning, "1 of 3 classes have no examples in .*, split 'test': '1'"):
                dataset, spec = data.load(
                    self.source, "test", batch_size=2, labels=True, shuffle=False, memory_limit=memory_limit
                )
            self.assertAllEqual(next(iter(dataset))[1], [0, 2])
            self.assertEqual(spec.class_names, ["0", "1", "7"])

    def test_held_out_images_without_labels(self):
        self.save("train/0/1.png", "train/1/1.png", "test/1/1.png", "test/9/1.png", "val/1.png")
        for split, n, why in (
            ("test", 2, "'9' are no classes of the training split, which has '0', '1'"),
            ("val", 1, "images lie in no subfolders"),
        ):
            self.assertLen(self.open(split)[0], n)
            self.assert_refused(f"labels=True needs a source with labels: .*{why}", split, labels=True)

    def test_missing_splits(self):
        self.save("train/1.png", "val/1.png")
        for split in ("test", "other"):
            with self.assertRaisesRegex(data.MissingSplitError, rf"it has 'train', 'val'. Received: split='{split}'"):
                data.open_source(self.source, split)
        self.folder = Path(self.path("undivided"))
        self.save("cat/1.png")
        with self.assertRaisesRegex(data.MissingSplitError, "no subfolder of the split's name. Received: split='test'"):
            data.open_source(self.source, "test")

    def test_what_lies_beside_the_splits_is_said(self):
        self.save("train/1.png", "test/1.png", "extra/1.png", "loose.png")
        with self.assertWarnsRegex(
            UserWarning, "the splits 'test', 'train': 'extra' and loose files beside them are not used"
        ):
            self.assertEqual(self.open()[0], [20])

    def test_test_images_are_not_trained_on(self):
        for i, names in enumerate((["cat/1.png", "test/1.png"], ["1.png", "test/1.png"], ["Test/1.png", "val/1.png"])):
            self.folder = Path(self.path(str(i)))
            self.save(*names)
            self.assert_refused("'train'")
            self.assertLen(data.open_source(self.source, "test").images, 1)

    def test_two_folders_of_one_split(self):
        self.save("train/1.png", "Test/1.png", "testing/1.png")
        self.assert_refused("'Test', 'testing' in .* are names of one split", "test")
        self.assertEqual(self.open("Test")[0], [40])

    def test_a_class_may_be_called_train(self):
        self.save("train/1.png", "car/1.png")
        with self.assertWarnsRegex(UserWarning, "'train' in .* is taken for a class, like 'car'"):
            self.assertEqual(self.open(), ([40, 20], ["car", "train"]))

    def test_classes_that_are_splits_in_disguise(self):
        for i, names in enumerate(
            (
                ("seg_train/a/1.png", "seg_test/a/1.png", "seg_pred/1.png"),
                ("trainA/1.png", "trainB/1.png", "testA/1.png"),
                ("train2017/1.png", "val2017/1.png"),
                ("Training_Set/1.png", "Test_Set/1.png"),
                ("data/train/1.png", "data/test/1.png"),
                ("cat/train/1.png", "cat/test/1.png", "dog/train/1.png", "dog/test/1.png"),
            )
        ):
            self.folder = Path(self.path(str(i)))
            self.save(*names)
            self.assert_refused("look like splits, not like classes: give one of them as the data")

    def test_classes_that_have_the_words_in_their_names(self):
        self.save("bullet_train/1.png", "test_tube/1.png", "trainer/1.png", "tester/1.png")
        self.assertEqual(self.open()[1], ["bullet_train", "test_tube", "tester", "trainer"])

    def test_classes_that_all_have_the_same_subfolders(self):
        for i, names in enumerate(
            (
                ("fold1/a/1.png", "fold1/b/1.png", "fold2/a/1.png", "fold2/b/1.png"),
                ("PetImages/a/1.png", "PetImages/b/1.png"),
            )
        ):
            self.folder = Path(self.path(str(i)))
            self.save(*names)
            self.assertIsNone(self.open()[1])
            self.assert_refused(
                "'a', 'b' lie in each of .*, and look more like classes .* such as '.*/(fold1|PetImages)'",
                labels=True,
            )

    def test_classes_with_one_subfolder_each(self):
        self.save("n01/images/1.png", "n02/images/1.png")
        self.assertEqual(self.open()[1], ["n01", "n02"])
