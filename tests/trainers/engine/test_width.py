import dataclasses
import types
from unittest import mock

from absl.testing import parameterized

from tests.test_case import TestCase
from trainers import dcgan, mlp_gan
from trainers.engine import hardware, width


class WidthTest(TestCase, parameterized.TestCase):
    @parameterized.parameters((28, 32), (32, 32), (45, 32), (46, 16), (64, 16), (128, 8), (1024, 8))
    def test_on_processors_half_as_wide_for_twice_the_side(self, side, filters):
        self.assertEqual(width.filters((side, side, 3)), filters)
        self.assertEqual(width.filters((8, side, 1)), filters)

    def test_on_accelerators_as_published(self):
        with mock.patch.object(hardware, "accelerators", return_value=["GPU:0"]):
            self.assertEqual([width.filters((side, side, 3)) for side in (28, 256)], [64, 64])

    def test_what_is_given_stays(self):
        spec = types.SimpleNamespace(image_shape=(64, 64, 3))
        given = dcgan.Config(filters=7)
        self.assertIs(width.decide(given, spec), given)
        self.assertEqual(width.decide(dcgan.Config(), spec), dcgan.Config(filters=16))
        paper = dcgan.Config(**dcgan.Config.PRESETS["paper"])
        self.assertEqual(width.decide(paper, spec).filters, 128)

    def test_recipes_without_the_flag(self):
        config = mlp_gan.Config()
        self.assertIs(width.decide(config, types.SimpleNamespace(image_shape=(28, 28, 1))), config)
        self.assertNotIn("filters", {field.name for field in dataclasses.fields(config)})
