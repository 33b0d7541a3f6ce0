"""What every test builds on: seeds, quiet TensorFlow, and checks that many tests share."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Much is compiled here to run once: LLVM need not make it fast.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import keras
import numpy as np
import tensorflow as tf

from keras_gan.layers import convolution

# Iterators that autotune, as those of replicas do, can take a minute to end: here they end with the process.
_TWO_REPLICAS = """
import gc
import importlib
import os

import keras
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
keras.utils.set_random_seed(1234)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
gc.disable()
importlib.import_module("{module}").{name}(strategy)
os._exit(0)
"""


# What networks saw of real images is kept there between tests, and not in the user's home.
_CACHE = tempfile.TemporaryDirectory()


class TestCase(tf.test.TestCase):
    """`tf.test.TestCase` with fixed seeds, the float32 policy restored after every test, and a processor like any."""

    # TensorFlow's own method, which pytest takes for a test and reports as skipped in every class.
    test_session = None

    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1234)
        keras.mixed_precision.set_global_policy("float32")
        self.addCleanup(keras.mixed_precision.set_global_policy, "float32")
        self.enterContext(mock.patch.dict(os.environ, KERAS_GAN_CACHE=_CACHE.name))
        # Or trainers would take time to find out in which precision they are fast, and train in it.
        self.enterContext(mock.patch.object(convolution, "bfloat16_unit", return_value=None))

    def path(self, *names):
        """A path below this test's own temporary folder."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return str(Path(folder.name, *names))

    def run_main(self, main, *arguments, status=None, output=None):
        """Runs a command in this process.

        Args:
            main: Function of a list of arguments.
            *arguments: Anything whose text is an argument.
            status: The exit status that it must end with; `None` where it must return.
            output: File object to write to, or `None`.

        Returns:
            What it printed, to both streams.
        """
        output = output or io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            if status is None:
                main([str(argument) for argument in arguments])
            else:
                with self.assertRaises(SystemExit) as caught:
                    main([str(argument) for argument in arguments])
                self.assertEqual(caught.exception.code, status)
        return output.getvalue()

    def refusal(self, main, *arguments):
        """The one line, an error, that a command ends with before it has printed anything else."""
        output, errors = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            self.assertRaises(SystemExit) as caught,
        ):
            main([str(argument) for argument in arguments])
        self.assertEqual((caught.exception.code, output.getvalue()), (1, ""))
        self.assertRegex(errors.getvalue(), r"\Aerror: [^\n]+\n\Z")
        return errors.getvalue()

    def run_on_two_replicas(self, function):
        """Calls `function(strategy)` with two replicas on two logical CPUs, and fails if it raises.

        In a process of its own, because TensorFlow fixes its devices when it first computes.

        Args:
            function: A function of a test module.
        """
        code = _TWO_REPLICAS.format(module=function.__module__, name=function.__name__)
        root = str(Path(__file__).parent.parent)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path]), "CUDA_VISIBLE_DEVICES": "-1"}
        command = [sys.executable, "-c", code]
        child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        self.assertEqual(child.returncode, 0, child.stderr)

    def assert_same_weights(self, a, b):
        """Two models hold the same weights, bit for bit."""
        self.assertLen(a.weights, len(b.weights))
        for x, y in zip(a.weights, b.weights, strict=True):
            np.testing.assert_array_equal(np.asarray(x), np.asarray(y), err_msg=x.path)

    def assert_config_round_trip(self, thing):
        """`deserialize(serialize(thing))` is of the same class with the same configuration."""
        config = keras.saving.serialize_keras_object(thing)
        again = keras.saving.deserialize_keras_object(config)
        self.assertIsInstance(again, type(thing))
        self.assertEqual(keras.saving.serialize_keras_object(again), config)
        return again
