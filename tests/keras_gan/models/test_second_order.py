import warnings

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from keras import layers, ops

import keras_gan
from keras_gan import networks, regularizers
from keras_gan.models import second_order
from tests.test_case import TestCase

own = keras_gan.layers


def discriminator(*inner, shape=(8, 8, 2)):
    """`inner` after one convolution, or one dense layer, and before a dense one."""
    first = layers.Conv2D(4, 3, activation="softplus") if len(shape) == 3 else layers.Dense(4, activation="softplus")
    return keras.Sequential([keras.Input(shape), first, *inner, layers.Flatten(), layers.Dense(1)])


def check(*inner, shape=(8, 8, 2), **arguments):
    second_order.check([regularizers.R1()], discriminator(*inner, shape=shape), shape, **arguments)


def named(name, function):
    return layers.Lambda(function, name=name)


class Block(layers.Layer):
    """A layer within a list of a layer."""

    def __init__(self, inner):
        super().__init__()
        self.blocks = [layers.Dense(4), inner]

    def call(self, inputs):
        for block in self.blocks:
            inputs = block(inputs)
        return inputs


class Subclassed(keras.Model):
    """A model without functional structure, that makes means of its own."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs - ops.moments(inputs, -1, keepdims=True)[1])


@tf.custom_gradient
def stopped_in_the_gradient(inputs):
    return 2.0 * inputs, lambda upstream: 2.0 * tf.stop_gradient(upstream)


@tf.custom_gradient
def stopped_in_the_value(inputs):
    return 2.0 * tf.stop_gradient(inputs), lambda upstream: 2.0 * upstream


@tf.function
def resize(images):
    return tf.image.resize(images, (4, 4))


def loop(function):
    def repeated(inputs):
        body = lambda i, values: (i + 1, function(values))  # noqa: E731
        return tf.while_loop(lambda i, values: i < 3, body, (0, inputs), maximum_iterations=3)[1]

    return repeated


class CheckTest(TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (lambda: layers.LayerNormalization(), "StopGradient.*use keras_gan.layers.LayerNormalization"),
        (lambda: layers.GroupNormalization(2), "use keras_gan.layers.GroupNormalization"),
        (lambda: layers.BatchNormalization(), "use keras_gan.layers.BatchNormalization"),
        (lambda: layers.UpSampling2D(interpolation="bilinear"), "ResizeBilinear.*use keras_gan.layers.UpSampling2D"),
        (lambda: layers.Resizing(4, 4), "ResizeBilinear.*use keras_gan.layers.UpSampling2D or"),
        (lambda: layers.SpectralNormalization(layers.Conv2D(3, 3)), "Assign.*use keras_gan.layers.SpectralNormalizat"),
        (lambda: layers.RandomRotation(0.1), "ImageProjectiveTransformV3.*use a keras_gan.augmentation.Augmenter"),
        (lambda: named("mine", lambda x: ops.layer_normalization(x)), "'mine' .Lambda.*StopGradient"),
        (lambda: named("mine", lambda x: x - ops.moments(x, -1, keepdims=True)[1]), "'mine' .Lambda.*StopGradient"),
        (lambda: named("mine", lambda x: ops.image.resize(x, (4, 4))), "'mine' .Lambda.*ResizeBilinear"),
        (lambda: named("mine", resize), "'mine' .Lambda.*ResizeBilinear"),
        (lambda: named("mine", tf.stop_gradient), "'mine' .Lambda.*StopGradient"),
        (lambda: named("mine", lambda x: x * tf.stop_gradient(x)), "'mine' .Lambda.*StopGradient"),
        (lambda: named("mine", loop(ops.layer_normalization)), "'mine' .Lambda.*StopGradient"),
        (lambda: named("mine", stopped_in_the_gradient), "'mine' .Lambda.*StopGradient"),
        (lambda: Block(layers.LayerNormalization(name="inner")), "'inner' .LayerNormalization"),
    )
    def test_what_is_wrong_is_refused(self, make, sentence):
        layer = make()
        name = "" if "'" in sentence else f"{layer.name!r}.*"
        with self.assertRaisesRegex(ValueError, f"'r1' would be silently wrong.*{name}{sentence}.*Received: .*'r1'"):
            check(layer)

    @parameterized.parameters(
        (lambda: layers.Activation("softsign"), "SoftsignGrad"),
        (lambda: named("mine", lambda x: ops.image.resize(x, (4, 4), "nearest")), "'mine'.*ResizeNearestNeighborGrad"),
        (lambda: named("mine", lambda x: ops.image.resize(x, (4, 4), "bicubic")), "'mine'.*ResizeBicubicGrad"),
        (lambda: layers.Resizing(4, 4, interpolation="lanczos3"), "ScaleAndTranslateGrad.*layers.DownSampling2D"),
    )
    def test_what_has_no_second_derivative_is_refused(self, make, sentence):
        with self.assertRaisesRegex(ValueError, f"'r1' cannot be computed with.*{sentence}.*Received: .*'r1'"):
            check(make())

    def test_what_is_right_passes(self):
        with warnings.catch_warnings():
            # Keras finds it deprecated.
            warnings.simplefilter("ignore")
            check(layers.LayerNormalization(rms_scaling=True))
        check(
            layers.BatchNormalization(trainable=False),
            layers.UpSampling2D(),
            own.UpSampling2D("bilinear"),
            layers.Dropout(0.1),
            layers.MaxPooling2D(3, 2),
            own.GroupNormalization(2),
            layers.Dense(4, activation="silu"),
            named("a", lambda x: ops.logsumexp(x, -1, keepdims=True)),
            named(
                "b", lambda x: x - ops.mean(ops.square(x - ops.mean(x, (1, 2), keepdims=True)), (1, 2), keepdims=True)
            ),
            named("c", loop(tf.sin)),
            named("d", stopped_in_the_value),
            # What the images do not change, or only in steps.
            named("e", lambda x: x * tf.stop_gradient(tf.cast(tf.shape(x)[1], x.dtype))),
            named("f", lambda x: x * tf.stop_gradient(tf.sign(x))),
            layers.Permute((2, 1, 3)),
        )

    def test_overlapping_pools_of_volumes_are_refused(self):
        volume = (4, 4, 4, 2)
        check(layers.MaxPooling3D(2), shape=volume)
        check(layers.AveragePooling3D(3, 1), shape=volume)
        with self.assertRaisesRegex(ValueError, "'max_pooling3d.*MaxPool3D .*strides that are not smaller"):
            check(layers.MaxPooling3D(3, 1), shape=volume)

    def test_every_network_of_the_package_passes(self):
        for network in (
            networks.MLPDiscriminator((6,), hidden_units=(5, 4), activation="maxout", pieces=3),
            networks.DCGANDiscriminator((16, 16, 1), filters=2),
            networks.DCGANDiscriminator((8, 8, 1), filters=3, num_classes=3, conditioning="projection"),
            networks.MLPDiscriminator((6,), hidden_units=(5,), num_classes=3, conditioning="auxiliary"),
        ):
            second_order.check([regularizers.R1()], network, network.image_shape, network.num_classes)

    def test_the_layer_is_named_wherever_it_is(self):
        halved, normalized = (named(name, lambda x: x / 2.0) for name in ("a", "a_1"))
        wrong = layers.LayerNormalization(name="wrong")
        with self.assertRaisesRegex(ValueError, "'wrong'"):
            check(keras.Sequential([halved, keras.Sequential([normalized, wrong])]))
        # TensorFlow gives the second scope of a name a number, as these names have one.
        for names in (("a", "a_1"), ("a_1", "a")):
            for wrong in names:
                functions = {name: ops.layer_normalization if name == wrong else ops.abs for name in names}
                with self.assertRaisesRegex(ValueError, f"{wrong!r}"):
                    check(*(named(name, lambda x, f=function: f(x)) for name, function in functions.items()))
        inputs = keras.Input((4,))
        shared = layers.Dense(4)
        twice = keras.Model(inputs, layers.Dense(1)(layers.LayerNormalization(name="after")(shared(shared(inputs)))))
        with self.assertRaisesRegex(ValueError, "'after'"):
            second_order.check([regularizers.R1()], twice, (4,))

    def test_operations_of_the_model_itself(self):
        with self.assertRaisesRegex(ValueError, "'subclassed' .Subclassed"):
            second_order.check([regularizers.R1()], Subclassed(), (4,))

    def test_a_stopped_gradient_of_weights_is_meant(self):
        class Scaled(layers.Layer):
            def build(self, input_shape):
                self.scale = self.add_weight(name="scale", initializer="ones")

            def call(self, inputs):
                return inputs * tf.stop_gradient(tf.abs(self.scale.value))

        check(Scaled())

    def test_only_penalties_on_gradients_mind(self):
        class LogitDrift(regularizers.Regularizer):
            def __call__(self, critic, real, fake):
                return tf.square(critic(real))

        network = discriminator(layers.LayerNormalization())
        second_order.check([], network, (8, 8, 2))
        second_order.check([LogitDrift()], network, (8, 8, 2))
        with self.assertRaisesRegex(ValueError, "'r2'.*LayerNormalization.*Received: regularizer='r2'"):
            second_order.check([LogitDrift(), regularizers.R2()], network, (8, 8, 2))

    def test_an_augmenter_is_on_the_path(self):
        class Smaller(keras_gan.augmentation.Augmenter):
            def call(self, images, seed):
                return tf.image.resize(tf.image.resize(images, (4, 4)), (8, 8))

        check(augmenter=keras_gan.augmentation.DiffAugment("color"))
        with self.assertRaisesRegex(ValueError, "'smaller' .Smaller.*ResizeBilinear"):
            check(augmenter=Smaller())

    def test_logits_that_do_not_depend_on_images(self):
        with self.assertRaisesRegex(ValueError, "needs logits that depend on the images"):
            check(named("a", lambda x: tf.zeros_like(x)))

    def test_nothing_changes(self):
        network = discriminator(own.BatchNormalization(), layers.Dropout(0.5), layers.ActivityRegularization(1.0))
        before = [variable.numpy() for variable in network.variables]
        second_order.check([regularizers.R1()], network, (8, 8, 2))
        for variable, old in zip(network.variables, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), old)
        self.assertEmpty(network.losses)

    def test_what_cannot_be_traced_is_not_checked(self):
        class Eager(layers.Layer):
            only = False

            def call(self, inputs):
                if self.only and tf.is_symbolic_tensor(inputs):
                    raise NotImplementedError("only eagerly")
                return inputs

        layer = Eager()
        network = discriminator(layer)
        layer.only = True
        with self.assertWarnsRegex(UserWarning, "'r1' was not checked .*only eagerly"):
            second_order.check([regularizers.R1()], network, (8, 8, 2))

    def test_compile_refuses_before_it_changes_anything(self):
        network = keras.Sequential([keras.Input((2,)), layers.LayerNormalization(), layers.Dense(1)])
        gan = keras_gan.GAN(networks.MLPGenerator((2,), latent_dim=2, hidden_units=(8,)), network)
        optimizers = keras.optimizers.Adam(), keras.optimizers.Adam()
        for name in ("discriminator_regularizers", "generator_regularizers"):
            with self.assertRaisesRegex(ValueError, "LayerNormalization"):
                gan.compile(*optimizers, **{name: ["r1"]})
        self.assertFalse(gan.compiled)
        self.assertFalse(any(optimizer.built for optimizer in optimizers))


class DifferencesTest(TestCase):
    def check(self, *parts, penalty=None):
        network = keras.Sequential([keras.Input((4, 4, 1)), *parts, layers.Flatten(), layers.Dense(1)])
        second_order.check([penalty or regularizers.R1(method="finite_difference")], network, (4, 4, 1))

    def test_what_has_no_right_second_derivative_passes(self):
        self.check(layers.LayerNormalization(), layers.Resizing(3, 3), layers.BatchNormalization())

    def test_what_differs_from_one_pass_to_the_next_is_refused(self):
        for layer in (layers.Dropout(0.5, name="own"), layers.GaussianNoise(0.1, name="own")):
            with self.assertRaisesRegex(ValueError, f"'r1' by finite differences .*'own' .{type(layer).__name__}"):
                self.check(layer)
        with self.assertRaisesRegex(ValueError, "SpectralNormalization.*use method='exact'"):
            self.check(layers.SpectralNormalization(layers.Conv2D(2, 3)))
        self.check(layers.Dropout(0.5), penalty=regularizers.LeCam())
