"""What holds for every generator and every discriminator, as checks for their tests."""

import inspect

import keras
import numpy as np
import tensorflow as tf

from keras_gan import networks
from tests.test_case import TestCase


def example_inputs(network, n=4, seed=0):
    """`n` rows of whatever the network takes: normal floats, and labels 0, 1, 2, ... modulo their number."""
    rng = np.random.default_rng(seed)
    if getattr(network, "source_shape", None) is not None and isinstance(network, networks.Discriminator):
        shapes = [tensor.shape[1:] for tensor in network.symbolic_inputs()]
        return [tf.constant(rng.normal(size=(n, *shape)), tf.float32) for shape in shapes]
    first = network.symbolic_inputs() if network.num_classes is None else network.symbolic_inputs()[0]
    first = tf.constant(rng.normal(size=(n, *first.shape[1:])), tf.float32)
    return first if network.num_classes is None else [first, tf.range(n) % network.num_classes]


def numpy_call(network, inputs, **kwargs):
    return keras.ops.convert_to_numpy(network(inputs, **kwargs))


class NetworkTestCase(TestCase):
    def check_network(self, network_class, **config):
        """Checks one tiny network made from `config`: all that a network of this package promises."""
        network = network_class(**config)
        self.check_output(network)
        self.check_config(network, config)
        self.check_saving(network)
        self.check_inputs(network)
        self.check_gradients(network)
        for policy in ("mixed_bfloat16", "mixed_float16"):
            mixed = network_class(**config, dtype=policy)
            self.check_output(mixed)
            self.assertIn(mixed.compute_dtype, {layer.compute_dtype for layer in mixed.layers})
            self.assertEqual({v.dtype for v in mixed.trainable_variables}, {"float32"})
            # Half precision changes the numbers a little, and only a little.
            mixed.set_weights(network.get_weights())
            inputs = example_inputs(network)
            self.assertAllClose(mixed(inputs), network(inputs), atol=0.05, rtol=0.05)

    def check_output(self, network, n=4):
        """Shape, dtype, range, and that everything was built without data."""
        self.assertTrue(all(layer.built for layer in [network, *network.layers]))
        output = network(example_inputs(network, n))
        self.assertEqual(output.dtype, tf.float32)
        if isinstance(network, (networks.Generator, networks.Translator)):
            self.assertEqual(tuple(output.shape), (n, *network.image_shape))
            if len(network.image_shape) == 3:
                self.assertAllInRange(output, -1.0, 1.0)
        elif isinstance(network, networks.PatchDiscriminator):
            self.assertEqual((output.shape.rank, output.shape[0], output.shape[-1]), (4, n, 1))
        else:
            self.assertEqual(tuple(output.shape), (n // network.packing, 1))
        self.assertGreater(np.std(output), 0.0)

    def check_config(self, network, config):
        """The configuration holds every constructor argument, and rebuilds the same network."""
        parameters = inspect.signature(type(network)).parameters.values()
        names = {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}
        self.assertEqual(names - set(network.get_config()), set())
        for name, value in config.items():
            self.assertAllEqual(network.get_config()[name], value)
        again = self.assert_config_round_trip(network)
        self.assertEqual([(v.name, v.shape) for v in again.weights], [(v.name, v.shape) for v in network.weights])

    def check_saving(self, network):
        """A `.keras` file holds the network bit for bit, and the precision it computes in."""
        inputs = example_inputs(network)
        network(inputs, training=True)  # moves the moving averages and counters, which are to be saved too
        path = self.path("network.keras")
        network.save(path)
        again = keras.saving.load_model(path)
        self.assertIs(type(again), type(network))
        self.assertEqual(again.dtype_policy.name, network.dtype_policy.name)
        self.assert_same_weights(again, network)
        np.testing.assert_array_equal(numpy_call(again, inputs), numpy_call(network, inputs))

    def check_inputs(self, network):
        """Labels matter where there are classes, and are refused where there are none."""
        inputs = example_inputs(network)
        if isinstance(inputs, list) and network.num_classes is None:
            other = network([inputs[0], inputs[1][::-1]])
            self.assertNotAllClose(other, network(inputs))
            with self.assertRaisesRegex(ValueError, "takes a pair"):
                network(inputs[0])
        elif network.num_classes is None:
            with self.assertRaisesRegex(ValueError, "takes one tensor"):
                network([inputs, tf.range(4)])
        else:
            first, labels = inputs
            if getattr(network, "conditioning", "") == "auxiliary":
                logits, classes = network(inputs, return_class_logits=True)
                self.assertAllClose(logits, network(inputs), atol=1e-6)
                self.assertEqual((classes.shape, classes.dtype), ((4, network.num_classes), tf.float32))
                return
            if isinstance(network, (networks.MLPDiscriminator, networks.DCGANDiscriminator)):
                with self.assertRaisesRegex(ValueError, "conditioning='auxiliary' has class logits. Received: "):
                    network(inputs, return_class_logits=True)
            other = numpy_call(network, [first, (labels + 1) % network.num_classes])
            changed = np.abs(other - numpy_call(network, inputs)).reshape(len(other), -1).max(axis=1)
            self.assertAllGreater(changed, 0.0)
            with self.assertRaisesRegex(ValueError, "takes a pair"):
                network(first)

    def check_gradients(self, network):
        """Every trainable weight has a finite gradient, and XLA gives the same one."""
        weights, inputs = network.get_weights(), example_inputs(network)

        def gradients(inputs):
            variables = [v.value for v in network.trainable_variables]
            with tf.GradientTape() as tape:
                both = {"return_class_logits": True} if getattr(network, "conditioning", "") == "auxiliary" else {}
                outputs = tf.nest.flatten(network(inputs, training=True, **both))
                loss = tf.add_n([tf.reduce_mean(tf.square(output - 0.3)) for output in outputs])
            return tape.gradient(loss, variables)

        results = []
        for jit_compile in (False, True):
            network.set_weights(weights)
            results.append(tf.function(gradients, jit_compile=jit_compile)(inputs))
        for variable, graph, xla in zip(network.trainable_variables, *results, strict=True):
            self.assertIsNotNone(graph, variable.path)
            graph, xla = np.asarray(tf.convert_to_tensor(graph)), np.asarray(tf.convert_to_tensor(xla))
            self.assertTrue(np.all(np.isfinite(graph)), variable.path)
            self.assertAllClose(graph, xla, atol=1e-5, rtol=1e-3, msg=variable.path)
        network.set_weights(weights)
