import json
import tracemalloc

import numpy as np
import tensorflow as tf

from export.stand_in import memory
from tests.test_case import TestCase


class JSONTest(TestCase):
    def test_an_upper_bound_of_what_reading_takes(self):
        for value in (
            [0.5] * 1000,
            [[]] * 1000,
            {str(i): "\U0001f600" for i in range(500)},
            "x" * 5000,
            [[1, [2, [3]]]] * 300,
        ):
            body = json.dumps(value, ensure_ascii=False).encode()
            tracemalloc.start()
            kept = json.loads(body)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertLessEqual(peak, memory.of_json(body) + 4096, type(kept))


class RowTest(TestCase):
    def row(self, function, *shape):
        return memory.of_row(tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32)))

    def test_by_hand(self):
        """Two maps of 10 floats at a time, and the text of an answer of 10 floats."""
        text = 3 * 26 * 10
        self.assertEqual(self.row(lambda x: tf.nn.relu(x) * tf.nn.tanh(x), None, 10), 3 * 40 + text)
        self.assertEqual(self.row(lambda x: tf.nn.relu(tf.nn.tanh(tf.nn.relu(x))), None, 10), 2 * 40 + text)

    def test_what_does_not_grow_with_rows_is_left_out(self):
        kernel = tf.constant(np.ones((10, 3), "float32"))
        # The product, and its copy under the output's name.
        self.assertEqual(self.row(lambda x: x @ kernel, None, 10), 2 * 12 + 3 * 26 * 3)

    def test_functions_within(self):
        inner = tf.function(lambda x: tf.reduce_sum(tf.tile(x, (1, 100)), axis=1))
        self.assertGreater(self.row(lambda x: inner(x), None, 10), 4000)
