import dataclasses

import keras
import numpy as np
from absl.testing import parameterized

import keras_gan
from keras_gan import networks
from keras_gan.models.pair import Pair
from tests.test_case import TestCase


def functional(inputs, output):
    """A Keras model of given input shapes and output shape, without the batch."""
    inputs = [keras.Input(shape) for shape in inputs]
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x) for x in inputs]) if len(inputs) > 1 else inputs[0]
    x = keras.layers.Dense(int(np.prod(output)))(keras.layers.Flatten()(x))
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], keras.layers.Reshape(output)(x))


def generator(**kwargs):
    return networks.MLPGenerator(**{"image_shape": (8, 8, 1), "latent_dim": 3, "hidden_units": (4,), **kwargs})


def discriminator(**kwargs):
    return networks.MLPDiscriminator(**{"image_shape": (8, 8, 1), "hidden_units": (4,), **kwargs})


class ContractTest(TestCase, parameterized.TestCase):
    def test_networks_of_the_package_declare_theirs(self):
        contract = Pair.of(generator(latent_prior="uniform"), discriminator())
        self.assertEqual(contract, Pair((8, 8, 1), 3, "uniform", None, None))
        names = ["a", "b", "c", "d", "e"]
        contract = Pair.of(generator(num_classes=5, class_names=names), discriminator(num_classes=5))
        self.assertEqual(contract, Pair((8, 8, 1), 3, "normal", 5, names))

    def test_keras_models(self):
        pair = functional([(3,)], (2,)), functional([(2,)], (1,))
        self.assertEqual(Pair.of(*pair), Pair((2,), 3, "normal", None, None))
        self.assertEqual(Pair.of(*pair, latent_prior="uniform").latent_prior, "uniform")
        pair = functional([(3,), (1,)], (2,)), functional([(2,), (1,)], (1,))
        self.assertEqual(Pair.of(*pair, num_classes=5), Pair((2,), 3, "normal", 5, None))

    def test_sequential_models_with_logits_without_an_axis(self):
        pair = (
            keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2, 1))]),
            keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x[:, 0])]),
        )
        self.assertEqual(Pair.of(*pair).image_shape, (2, 2, 1))

    def test_a_network_of_the_package_facing_one_of_keras(self):
        pair = generator(num_classes=5), functional([(8, 8, 1), (1,)], (1,))
        self.assertEqual(Pair.of(*pair).num_classes, 5)
        self.assertEqual(Pair.of(*pair, num_classes=5).num_classes, 5)

    def test_the_model_takes_it_over(self):
        gan = keras_gan.GAN(generator(num_classes=2, class_names=["a", "b"]), discriminator(num_classes=2))
        contract = Pair.of(gan.generator, gan.discriminator)
        self.assertEqual({name: getattr(gan, name) for name in dataclasses.asdict(contract)}, vars(contract))

    @parameterized.named_parameters(
        (
            "image_shape",
            lambda: (generator(), discriminator(image_shape=(8, 9, 1))),
            {},
            r"must take the images that the generator makes, of shape \(8, 8, 1\). Received: .*\(8, 9, 1\)",
        ),
        (
            "logits",
            lambda: (generator(), functional([(8, 8, 1)], (2,))),
            {},
            r"one logit per image, of shape \(batch, 1\), or a map of logits.*Received: .*\(None, 2\)",
        ),
        (
            "labels_for_the_generator_alone",
            lambda: (generator(num_classes=5), discriminator()),
            {},
            "must both take labels, or neither. Received: a generator with 2 and a discriminator with 1 inputs",
        ),
        (
            "labels_for_the_discriminator_alone",
            lambda: (generator(), discriminator(num_classes=5)),
            {},
            "Received: a generator with 1 and a discriminator with 2 inputs",
        ),
        (
            "numbers_of_classes",
            lambda: (generator(num_classes=5), discriminator(num_classes=4)),
            {},
            "must agree on the number of classes. Received: generator 5, discriminator 4, num_classes=None",
        ),
        (
            "another_number_of_classes",
            lambda: (generator(num_classes=5), discriminator(num_classes=5)),
            {"num_classes": 6},
            "must agree on the number of classes. Received: generator 5, discriminator 5, num_classes=6",
        ),
        (
            "classes_without_labels",
            lambda: (generator(), discriminator()),
            {"num_classes": 5},
            "others have none. Received: networks with 1 inputs, num_classes=5",
        ),
        (
            "labels_without_classes",
            lambda: (functional([(3,), (1,)], (2,)), functional([(2,), (1,)], (1,))),
            {},
            "pass `num_classes=` for plain Keras models.*Received: networks with 2 inputs, num_classes=None",
        ),
        (
            "prior",
            lambda: (functional([(3,)], (2,)), functional([(2,)], (1,))),
            {"latent_prior": "cauchy"},
            r"prior must be one of \['normal', 'uniform'\]. Received: latent_prior='cauchy'",
        ),
        (
            "another_prior",
            lambda: (generator(latent_prior="uniform"), discriminator()),
            {"latent_prior": "normal"},
            "declares the prior 'uniform'. Received: latent_prior='normal'",
        ),
        (
            "latents",
            lambda: (functional([(1, 1, 3)], (2,)), functional([(2,)], (1,))),
            {},
            r"latents of shape \(batch, latent_dim\). Received: a generator that takes \(None, 1, 1, 3\)",
        ),
        (
            "unbuilt",
            lambda: (keras.Sequential([keras.layers.Dense(2)]), functional([(2,)], (1,))),
            {},
            "generator must be a keras_gan.networks.Generator, or a functional.*Received: generator=<Sequential",
        ),
        (
            "no_model",
            lambda: (generator(), lambda images: images),
            {},
            "discriminator must be a keras_gan.networks.Discriminator, or a functional.*Received: discriminator=",
        ),
        (
            "three_inputs",
            lambda: (functional([(3,), (1,), (1,)], (2,)), functional([(2,)], (1,))),
            {},
            "generator must have one or two inputs and one output. Received: 3 inputs and 1 outputs",
        ),
    )
    def test_networks_that_do_not_fit(self, pair, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            Pair.of(*pair(), **arguments)

    def test_a_generator_must_make_what_it_declares(self):
        @keras.saving.register_keras_serializable("keras_gan_tests")
        class Wrong(networks.MLPGenerator):
            def call(self, inputs, training=None):
                return super().call(inputs)[:, 1:]

        with self.assertRaisesRegex(ValueError, r"declared shape \(8, 8, 1\). Received: .*\(7, 8, 1\)"):
            Pair.of(Wrong((8, 8, 1), 3, hidden_units=()), discriminator())
