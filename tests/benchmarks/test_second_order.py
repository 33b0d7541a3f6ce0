"""Tests of the comparison with central differences, and of what `compile` refuses by it."""

import pytest
from absl.testing import parameterized

from benchmarks import second_order
from tests.test_case import TestCase


class SecondOrderTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("keras_gan: LayerNormalization", True),
        ("LayerNormalization, rms_scaling", True),
        ("LayerNormalization", False),
        ("image.resize in a Lambda, bilinear", False),
        ("SpectralNormalization", False),
    )
    def test_some_layers(self, name, right):
        found = second_order.judge(name, ("graph",))
        self.assertEqual((second_order.is_right(found), found["refused"] is None), (right, right), msg=found)

    @parameterized.parameters(*second_order.CASES)
    @pytest.mark.slow
    def test_every_layer(self, name):
        found = second_order.judge(name)
        # Right wherever it can be computed, or refused.
        if name in second_order.SOMETIMES_RIGHT:
            self.assertIsNotNone(found["refused"])
        else:
            self.assertEqual(second_order.is_right(found), found["refused"] is None, msg=found)

    def test_every_class_is_there_or_left_out_for_a_reason(self):
        left_out = {name for names in second_order.LEFT_OUT.values() for name in names}
        for classes, prefix in ((second_order.keras_layers(), ""), (second_order.own_layers(), "keras_gan: ")):
            there = {name.split(",")[0].removeprefix("keras_gan: ") for name in second_order.CASES if prefix in name}
            self.assertEqual(set(classes) - there - left_out, set())

    def test_a_table(self):
        config = second_order.Config(layers="Dense;softsign", modes="eager")
        text = second_order.render(second_order.measure(config))
        self.assertRegex(text, r"\| Dense \| \d.\de-\d\d \|  \|\n\| softsign \| LookupError \| refused \|")
        with self.assertRaisesRegex(ValueError, "--layers are of"):
            second_order.measure(second_order.Config(layers="none"))
