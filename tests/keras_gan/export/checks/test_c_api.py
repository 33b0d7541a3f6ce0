"""Tests of TensorFlow's C API; that it answers as Python does is seen in the tests of exports."""

import shutil
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from keras_gan.export.checks import c_api
from tests.test_case import TestCase


class Adding(tf.Module):
    def __init__(self):
        super().__init__()
        self.term = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
    def add(self, x):
        return {"y": x + self.term, "text": tf.strings.join([tf.strings.as_string(x[:, 0]), "\0" * 40])}


@pytest.mark.skipif(c_api.library() is None, reason="TensorFlow comes without its C library here")
class RunTest(TestCase):
    def test_arrays_and_strings(self):
        folder, module = tempfile.mkdtemp(), Adding()
        self.addCleanup(shutil.rmtree, folder)
        tf.saved_model.save(module, folder, signatures={"add": module.add})
        x = np.arange(6, dtype="float32").reshape(3, 2)
        answer, empty = c_api.run([(folder, "add", {"x": x}), (folder, "add", {"x": x[:0]})])
        np.testing.assert_array_equal(answer["y"], x + 2)
        self.assertEqual(answer["text"].tolist(), [b"%d.000000" % n + b"\0" * 40 for n in (0, 2, 4)])
        self.assertEqual((empty["y"].shape, empty["text"].shape), ((0, 2), (0,)))
        shutil.rmtree(Path(folder, "variables"))
        with self.assertRaisesRegex(ValueError, "through TensorFlow's C API: .*variable.*add/ReadVariableOp"):
            c_api.run([(folder, "add", {"x": x})])


class LibraryTest(TestCase):
    def test_a_missing_library(self):
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertIsNone(c_api.library())
