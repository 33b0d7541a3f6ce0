from pathlib import Path

from absl.testing import parameterized

from keras_gan.files import schema
from tests.test_case import TestCase


class FormTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (schema.text, '"a"', "1", "must be text. Received: 1"),
        (schema.text, '"\\u00e9"', '"\\ud800"', "must be text"),
        (schema.boolean, "true", "1", "must be true or false"),
        (schema.integer(), "-3", "1.0", "must be an integer. Received: 1.0"),
        (schema.integer(low=0), "0", "-1", "must be an integer of at least 0. Received: -1"),
        (schema.integer(high=2), "2", "3", "must be an integer of at most 2"),
        (schema.integer(1, 3), "3", "4", "must be an integer from 1 to 3"),
        (schema.integer(), "1", "true", "must be an integer. Received: True"),
        (schema.integer(), "9223372036854775807", "9223372036854775808", "must be an integer"),
        (schema.number(), "1.5", "NaN", "must be a finite number. Received: nan"),
        (schema.number(), "1", "1e999", "must be a finite number. Received: inf"),
        (schema.number(), "0", "1" + "0" * 400, "must be a finite number"),
        (schema.number(low=0), "0", "-0.1", "must be a finite number of at least 0"),
        (schema.number(), "1", '"1"', "must be a finite number. Received: '1'"),
        (schema.array(schema.text), '["a"]', '["a", 1]', r"\[1\] must be text"),
        (schema.array(schema.text), "[]", "{}", "must be a list. Received: {}"),
        (schema.array(schema.text, 1), '["a"]', "[]", "must be a list of at least 1"),
        (schema.array(schema.text, 2, 2), '["a", "b"]', '["a"]', "must be a list of 2"),
        (schema.optional(schema.text), "null", "1", "must be text"),
        (schema.mapping(schema.integer()), '{"a": 1}', '{"a": "1"}', r"\['a'\] must be an integer"),
        (schema.mapping(schema.integer()), "{}", '{"\\ud800": 1}', "a key of the whole must be text"),
        (schema.table(a=schema.text), '{"a": "", "b": 1}', '{"b": 1}', "a is missing"),
        (schema.table(a=schema.optional(schema.text)), "{}", '{"a": 1}', "a must be text"),
        (schema.table(a=schema.table(b=schema.text)), '{"a": {"b": ""}}', '{"a": {"b": 1}}', r"a\.b must be text"),
        (schema.table(a=schema.table(b=schema.text)), '{"a": {"b": ""}}', '{"a": {}}', r"a\.b is missing"),
        (
            schema.classes,
            '{"num_classes": 1, "class_names": ["a"]}',
            '{"class_names": ["a"]}',
            "as many as num_classes",
        ),
        (schema.classes, "{}", '{"num_classes": 0}', "num_classes must be an integer from 1"),
        (schema.anything, "[NaN]", "[NaN", "line 1"),
        (schema.anything, "[]", "[" * 100_000, "nested too deeply"),
        (schema.anything, "[]", '{"a":' * 100_000, "nested too deeply"),
    )
    def test_what_has_it_and_what_has_not(self, form, right, wrong, sentence):
        schema.parse(right, form)
        with self.assertRaisesRegex(ValueError, sentence) as caught:
            schema.parse(wrong, form)
        self.assertLen(str(caught.exception).splitlines(), 1)
        self.assertLess(len(str(caught.exception)), 200)

    def test_files(self):
        file = Path(self.path("some.json"))
        with self.assertRaises(FileNotFoundError):
            schema.read(file, schema.anything)
        file.write_bytes(b"\xff{}")
        with self.assertRaises(ValueError):
            schema.read(file, schema.anything)
        file.write_text('{"\u00e9": 1}', "utf-8")
        self.assertEqual(schema.read(file, schema.anything), {"\u00e9": 1})
