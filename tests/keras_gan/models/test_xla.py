"""What a TPU asks of a training step and can be shown without one: XLA compiles it, and every shape is known."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

import keras_gan
from keras_gan import augmentation, layers, losses, networks, regularizers
from tests.test_case import TestCase

SHAPE = (8, 8, 1)
BATCH = 4
CLASSES = 3


def started(network):
    """A network of residual blocks past its start, where each is the identity and its kernels have no gradient."""
    for variable in network.trainable_variables:
        variable.assign_add(np.random.default_rng(0).normal(scale=0.1, size=variable.shape))
    return network


# One line for each part of the package: a later network, mode or precision joins by its own.
NETWORKS = {
    "mlp": lambda: (
        networks.MLPGenerator(SHAPE, latent_dim=2, hidden_units=(4,)),
        networks.MLPDiscriminator(SHAPE, hidden_units=(4,)),
    ),
    "maxout_dropout": lambda: (
        networks.MLPGenerator(SHAPE, latent_dim=2, latent_prior="uniform", hidden_units=(4,)),
        networks.MLPDiscriminator(SHAPE, (4,), activation="maxout", pieces=2, input_dropout=0.2, dropout=0.5),
    ),
    "conditional_mlp": lambda: (
        networks.MLPGenerator(SHAPE, latent_dim=2, hidden_units=(4,), num_classes=CLASSES),
        networks.MLPDiscriminator(SHAPE, hidden_units=(4,), num_classes=CLASSES),
    ),
    "auxiliary_mlp": lambda: (
        networks.MLPGenerator(SHAPE, latent_dim=2, hidden_units=(4,), num_classes=CLASSES),
        networks.MLPDiscriminator(SHAPE, hidden_units=(4,), num_classes=CLASSES, conditioning="auxiliary"),
    ),
    "projection_dcgan": lambda: (
        networks.DCGANGenerator(SHAPE, latent_dim=2, filters=2, num_classes=CLASSES, conditioning="projection"),
        networks.DCGANDiscriminator(
            SHAPE, filters=2, normalization=None, num_classes=CLASSES, conditioning="projection"
        ),
    ),
    "layers": lambda: (
        networks.MLPGenerator(SHAPE, latent_dim=2, hidden_units=(4,)),
        keras.Sequential(
            [
                keras.Input(SHAPE),
                layers.SpectralNormalization(keras.layers.Conv2D(2, 3, strides=2)),
                layers.GroupNormalization(2),
                layers.SelfAttention(),
                layers.UpSampling2D("bilinear"),
                layers.DownSampling2D("bilinear"),
                layers.MinibatchStandardDeviation(2),
                keras.layers.Flatten(),
                keras.layers.Dense(1, dtype="float32"),
            ]
        ),
    ),
    "dcgan": lambda: (
        networks.DCGANGenerator(SHAPE, latent_dim=2, filters=2, normalization=None),
        networks.DCGANDiscriminator(SHAPE, filters=2, normalization=None),
    ),
    "dcgan_batch_normalization": lambda: (
        networks.DCGANGenerator(SHAPE, latent_dim=2, filters=2),
        networks.DCGANDiscriminator(SHAPE, filters=2),
    ),
    "packed": lambda: (
        networks.DCGANGenerator(SHAPE, latent_dim=2, filters=2, num_classes=CLASSES),
        networks.DCGANDiscriminator(SHAPE, filters=2, normalization=None, num_classes=CLASSES, packing=2),
    ),
    "r3gan": lambda: (
        started(networks.R3GANGenerator(SHAPE, latent_dim=2, widths=4, blocks=1, group_size=4)),
        started(networks.R3GANDiscriminator(SHAPE, widths=4, blocks=1, group_size=4)),
    ),
    "resnet": lambda: (
        networks.ResNetGenerator(SHAPE, latent_dim=2, filters=4, num_classes=CLASSES),
        networks.ResNetDiscriminator(SHAPE, filters=4, num_classes=CLASSES),
    ),
    "conditional_dcgan": lambda: (
        networks.DCGANGenerator(SHAPE, latent_dim=2, filters=2, num_classes=CLASSES),
        networks.DCGANDiscriminator(SHAPE, filters=2, normalization=None, num_classes=CLASSES),
    ),
}
# These have so many operations that XLA compiles each for a minute.
DEEP = ("r3gan", "resnet")
UPDATES = {
    "alternating": {},
    "shared_latents": {"discriminator_steps": 2, "generator_steps": 2, "update": "shared"},
    "simultaneous": {"update": "simultaneous"},
    "several_steps": {"discriminator_steps": 2, "generator_steps": 2},
}
POLICIES = ("float32", "mixed_bfloat16")
AUGMENTERS = (None, *augmentation._CLASSES)


@keras.saving.register_keras_serializable("keras_gan_tests")
class Darken(augmentation.Augmenter):
    def call(self, images, seed):
        return 0.5 * images


PENALTIES = {
    "zero_centred": lambda: ["r1", "r2"],
    "lengths": lambda: ["gradient_penalty", "lecam"],
    "close_to_data": lambda: ["dragan", regularizers.ConsistencyRegularization(Darken(), balanced=True)],
    "lazy": lambda: [regularizers.R1(interval=2)],
}


class Sum(losses.AdversarialLoss):
    """The sum of several losses, which XLA compiles in the time of one."""

    def __init__(self, names):
        self.losses = [losses.get(name) for name in names]
        self.uses_real_logits = any(loss.uses_real_logits for loss in self.losses)

    def _discriminator_loss(self, real, fake):
        return tf.add_n([loss.discriminator_loss(real, fake) for loss in self.losses])

    def _generator_loss(self, real, fake):
        return tf.add_n([loss.generator_loss(real, fake) for loss in self.losses])


def cycle(n, table):
    """`n` entries of a table: all of them, and again from the start, if there are that many."""
    return list(itertools.islice(itertools.cycle(table), n))


def covering():
    """One case for each network that is not deep, in which every other part appears at least once."""
    shallow = [name for name in NETWORKS if name not in DEEP]
    n = len(shallow)
    assert n >= max(map(len, (UPDATES, POLICIES, AUGMENTERS, PENALTIES)))
    # With a loss on logits themselves, because relativistic ones have no gradient with respect to the last bias.
    shares = [["non_saturating", *sorted(losses._LOSSES)[i::n]] for i in range(n)]
    # Once each: they take long to compile, and meet each network in the product.
    augmenters = [*AUGMENTERS, *[None] * (n - len(AUGMENTERS))]
    others = (cycle(n, UPDATES), cycle(n, POLICIES), augmenters, cycle(n, PENALTIES))
    return list(zip(shallow, *others, shares, strict=True))


def product():
    """Every network in every mode, precision and augmentation and with every penalty, with all losses at once."""
    tables = (NETWORKS, UPDATES, POLICIES, AUGMENTERS, PENALTIES)
    return [(*case, sorted(losses._LOSSES)) for case in itertools.product(*tables)]


def graphs(graph):
    """A graph and the functions that it calls, those in their bodies too."""
    yield graph
    for function in graph._functions.values():
        yield from graphs(function.graph)


def unknown_shapes(graph):
    """What in a graph has a shape that is not fully defined."""
    return [
        f"{operation.name} of type {operation.type}: {tensor.shape}"
        for each in graphs(graph)
        for operation in each.get_operations()
        for tensor in operation.outputs
        if not tensor.shape.is_fully_defined() and not _is_scratch(tensor)
    ]


def _is_scratch(tensor):
    """Whether this is what a fused normalization keeps for its gradient, or zeros like it; XLA leaves it empty."""
    source = tensor.op.inputs[0] if tensor.op.type == "ZerosLike" else tensor
    return source.op.type == "FusedBatchNormV3" and source.value_index == 5


class XLATest(TestCase, parameterized.TestCase):
    def check(self, network, update, policy, augmenter, penalties, names):
        keras.config.set_dtype_policy(policy)
        gan = keras_gan.GAN(*NETWORKS[network](), augmenter=augmenter, ema_momentum=0.9)
        d_penalties, g_penalties = PENALTIES[penalties](), []
        if getattr(gan.discriminator, "conditioning", None) == "auxiliary":
            d_penalties.append("auxiliary_classification")
            g_penalties.append(regularizers.AuxiliaryClassification(0.1, images="fake"))
        gan.compile(
            keras.optimizers.Adam(1e-3),
            keras.optimizers.Adam(1e-3),
            loss=Sum(names),
            discriminator_regularizers=d_penalties,
            generator_regularizers=g_penalties,
            **UPDATES[update],
        )
        images = np.random.default_rng(0).uniform(-1, 1, (BATCH, *SHAPE)).astype("float32")
        data = tf.constant(images)
        if gan.num_classes is not None:
            data = data, tf.range(BATCH) % CLASSES

        signature = [tf.nest.map_structure(tf.TensorSpec.from_tensor, data)]
        for step in (gan.train_step, gan.test_step):
            compiled = tf.function(step, jit_compile=True, autograph=False, input_signature=signature)
            self.assertEqual(unknown_shapes(compiled.get_concrete_function().graph), [])
            if step == gan.train_step:
                before = [np.asarray(variable) for variable in gan.trainable_variables]
                for name, value in compiled(data).items():
                    self.assertTrue(np.isfinite(value), f"{name} is {value}")
                for variable, old in zip(gan.trainable_variables, before, strict=True):
                    self.assertTrue(np.all(np.isfinite(variable)), variable.path)
                    self.assertNotAllEqual(variable, old, variable.path)

    @parameterized.parameters(*covering())
    def test_every_part(self, *case):
        self.check(*case)

    @parameterized.parameters(*DEEP)
    @pytest.mark.slow
    def test_deep_networks(self, name):
        self.check(name, "alternating", "float32", None, "zero_centred", ["relativistic", "non_saturating"])

    @parameterized.parameters(*product())
    @pytest.mark.slow
    def test_every_combination(self, *case):
        self.check(*case)

    def test_the_tables_have_every_regularizer(self):
        found = {type(regularizers.get(penalty)) for make in PENALTIES.values() for penalty in make()}
        known = {value for value in vars(regularizers).values() if isinstance(value, type)}
        self.assertEqual(known - found, {regularizers.Regularizer, regularizers.AuxiliaryClassification})

    def test_what_has_no_fixed_shape_is_found(self):
        """In a branch too, and in a function that is called there."""

        @tf.function(input_signature=[tf.TensorSpec((4,), tf.float32)])
        def ragged(x):
            return tf.cond(x[0] > 0, lambda: tf.size(tf.function(lambda y: tf.unique(y)[0])(x)), lambda: 0)

        found = [
            operation.type
            for graph in graphs(ragged.get_concrete_function().graph)
            for operation in graph.get_operations()
            if not all(tensor.shape.is_fully_defined() for tensor in operation.outputs)
        ]
        self.assertIn("Unique", found)
