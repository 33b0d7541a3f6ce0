import hashlib

import keras
import numpy as np

import keras_gan
from keras_gan import networks, serialization
from tests.test_case import TestCase


@keras.saving.register_keras_serializable("keras_gan_tests")
class Shape:
    def __init__(self, sides=3):
        self.sides = sides

    def get_config(self):
        return {"sides": self.sides}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Square(Shape):
    pass


SHAPES = {"shape": Shape, "square": Square}


class GetTest(TestCase):
    def test_instances_names_and_configurations(self):
        shape = Shape(5)
        self.assertIs(serialization.get(shape, Shape, SHAPES), shape)
        self.assertIs(type(serialization.get("square", Shape, SHAPES)), Square)
        again = serialization.get(keras.saving.serialize_keras_object(shape), Shape, SHAPES)
        self.assertEqual((type(again), again.sides), (Shape, 5))

    def test_anything_else_is_refused(self):
        dense = keras.saving.serialize_keras_object(keras.layers.Dense(1))
        for identifier in ("circle", None, 3, Shape, keras.layers.Dense(1), dense):
            with self.assertRaisesRegex(ValueError, r"Expected a keras_gan.Shape.*\['shape', 'square'\]. Received"):
                serialization.get(identifier, Shape, SHAPES)


class NumberTest(TestCase):
    def test_numbers(self):
        self.assertEqual(serialization.number_or_schedule("weight", 2), 2.0)
        self.assertIsInstance(serialization.number_or_schedule("weight", 2), float)
        self.assertEqual(serialization.serialize_number(2.0), 2.0)
        self.assertIsNone(serialization.serialize_number(None))
        self.assertEqual(serialization.value_at(2.0, step=7), 2.0)

    def test_schedules(self):
        schedule = keras.optimizers.schedules.PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)
        self.assertIs(serialization.number_or_schedule("weight", schedule), schedule)
        again = serialization.number_or_schedule("weight", serialization.serialize_number(schedule))
        self.assertEqual(again.get_config(), schedule.get_config())
        self.assertAllClose(serialization.value_at(again, step=4), 0.6)

    def test_anything_else_is_refused(self):
        for value in (True, "1", None, [1.0]):
            with self.assertRaisesRegex(ValueError, "`weight` must be a finite number or .* Received: weight="):
                serialization.number_or_schedule("weight", value)


class WeightsDigestTest(TestCase):
    def test_it_is_of_dtypes_shapes_and_values(self):
        generator = networks.MLPGenerator((1,), latent_dim=6, hidden_units=(16,))
        digest = hashlib.sha256()
        for weight in generator.get_weights():
            digest.update(b"float32 " + str(weight.shape).encode() + b" " + weight.tobytes())
        self.assertEqual(serialization.weights_digest(generator), digest.hexdigest())
        generator.weights[-1].assign_add([1e-6])
        self.assertNotEqual(serialization.weights_digest(generator), digest.hexdigest())


class InFloat32Test(TestCase):
    def mixed(self, network):
        return {layer.compute_dtype for layer in network._flatten_layers()}

    def test_networks_of_the_package(self):
        for policy in ("mixed_bfloat16", "mixed_float16"):
            network = networks.MLPGenerator((2,), latent_dim=3, hidden_units=(4,), num_classes=5, dtype=policy)
            copy = serialization.in_float32(network)
            self.assertIsInstance(copy, networks.MLPGenerator)
            self.assertEqual(self.mixed(copy), {"float32"})
            self.assert_same_weights(copy, network)
            self.assertIs(serialization.in_float32(copy), copy)

    def test_plain_models(self):
        """Nested, with an input of integers, which stay integers; one layer in full precision does not hide others."""
        codes, labels = keras.Input((3,)), keras.Input((), dtype="int32")
        inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, dtype="mixed_bfloat16")])
        table = keras.layers.Embedding(5, 4, dtype="mixed_bfloat16")
        x = inner(codes) + table(labels)
        model = keras.Model([codes, labels], keras.layers.Dense(2, dtype="float32")(x))
        copy = serialization.in_float32(model)
        self.assertEqual(self.mixed(copy) - {"int32"}, {"float32"})
        self.assertEqual([tensor.dtype for tensor in copy.inputs], ["float32", "int32"])
        self.assert_same_weights(copy, model)
        inputs = [np.ones((1, 3), "float32"), np.int32([4])]
        self.assertAllClose(copy(inputs), model(inputs), atol=0.05)
        self.assertNotAllClose(copy(inputs), model(inputs), atol=1e-6)
        self.assertIs(serialization.in_float32(copy), copy)


class Unregistered(keras.layers.Layer):
    """A layer of somebody's own, of which Keras was not told."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = keras.layers.Dense(units)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class OwnGenerator(networks.Generator):
    def __init__(self, image_shape=(2,), latent_dim=2, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
        self.own = Unregistered(2)
        self.build()

    def call(self, inputs, training=None):
        return self.own(inputs)


def own_networks():
    """Generators of classes and functions that Keras could not find by itself."""
    inputs = keras.Input((2,))
    doubled = keras.layers.Lambda(lambda x: 2.0 * x)(Unregistered(2)(inputs))
    return {
        "functional": keras.Model(inputs, doubled),
        "sequential": keras.Sequential([keras.Input((2,)), Unregistered(2), keras.layers.Lambda(lambda x: x + 1.0)]),
        "subclass": OwnGenerator(),
    }


class CopyTest(TestCase):
    def test_of_classes_that_keras_does_not_know(self):
        codes = np.float32([[1.0, 2.0]])
        for name, network in own_networks().items():
            with self.subTest(name):
                copy = serialization.copy_network(network, name="copy")
                self.assertIs(type(copy), type(network))
                self.assertEqual(copy.name, "copy")
                self.assertAllEqual(copy(codes), network(codes))
                self.assertIsNot(copy.weights[0], network.weights[0])

    def test_an_average_of_such_a_generator(self):
        for network in own_networks().values():
            judge = networks.MLPDiscriminator((2,), hidden_units=(4,))
            gan = keras_gan.GAN(network, judge, ema_momentum=0.9)
            self.assertEqual(gan.sample(3).shape, (3, 2))


class FrozenTest(TestCase):
    def test_files_say_what_is_frozen(self):
        gan = keras_gan.GAN(
            networks.DCGANGenerator((8, 8, 1), latent_dim=2, filters=2),
            networks.DCGANDiscriminator((8, 8, 1), filters=2, normalization=None),
            ema_momentum=0.9,
        )
        self.assertNotIn("frozen", gan.get_config())
        gan.discriminator.layers[0].trainable = False
        gan.compile()
        gan.fit(np.zeros((4, 8, 8, 1), "float32"), batch_size=4, verbose=0)
        file = self.path("gan.keras")
        gan.save(file)
        again = keras.saving.load_model(file)
        self.assertEqual(gan.get_config()["frozen"], {"discriminator": ["convolutions/0"]})
        self.assertEqual(again.get_config()["frozen"], gan.get_config()["frozen"])
        self.assertLen(again.discriminator.trainable_variables, len(gan.discriminator.trainable_variables))
        for a, b in zip(gan.discriminator_optimizer.variables, again.discriminator_optimizer.variables, strict=True):
            self.assertAllEqual(a, b)

    def test_what_is_gone_is_named(self):
        with self.assertRaisesRegex(ValueError, "copy has no layer 'head/0'"):
            serialization.freeze(keras.Sequential([keras.layers.Dense(1)], name="copy"), ["head/0"])
