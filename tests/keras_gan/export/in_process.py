"""Exports that are checked by the process that runs the tests: starting others takes seconds."""

import functools
from pathlib import Path
from unittest import mock

import tensorflow as tf

from keras_gan.export import saved_model
from keras_gan.export.checks import processes
from tests.test_case import TestCase


@functools.cache
def _compiled(generator, discriminator):
    functions = saved_model.functions(generator, discriminator=discriminator)
    return {name: tf.function(function, reduce_retracing=True) for name, (function, _) in functions.items()}


class InProcess(TestCase):
    """A folder to write to, and checks that start no process."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def run_here(self, generator, discriminator=None, change=lambda signature, answer: answer):
        """Lets checks call the functions that were exported, and `change` what they answer."""
        functions = _compiled(generator, discriminator)

        def answer(signature, inputs):
            try:
                outputs = functions[signature](**{name: tf.constant(value) for name, value in inputs.items()})
                return change(signature, {name: value.numpy() for name, value in outputs.items()})
            except tf.errors.InvalidArgumentError as error:
                return change(signature, str(error))

        def run_timed(calls, timed):
            return [answer(signature, inputs) for _, signature, inputs in calls], [0.002 for _ in timed], "here"

        self.enterContext(mock.patch.object(processes, "run_timed", run_timed))
