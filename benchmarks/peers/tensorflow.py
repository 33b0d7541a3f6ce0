"""TensorFlow's sides of the speed comparison: keras_gan, and the loops of two tutorials.

    python -m benchmarks.peers.tensorflow WORK SIDE PRECISION

is a worker (see `benchmarks.gate`); PRECISION is float32, as it comes, which on a GPU may be TensorFloat-32, strict for
float32 without that, bfloat16 or float16. `keras_gan` is a user's program: networks, `compile`, `fit` on a dataset of
`keras_gan.data.load`; `keras_gan_xla` the same with `jit_compile=True`. `tutorial` is the loop of TensorFlow's DCGAN
tutorial (https://www.tensorflow.org/tutorials/generative/dcgan), `keras_io` that of keras.io's DCGAN
(https://keras.io/examples/generative/dcgan_overriding_train_step), each with the networks, optimizers and pipeline that
it describes, but for decoding files; with `_xla` compiled by XLA and with a prefetching pipeline.
"""

import sys

import keras
import tensorflow as tf
from keras import layers

from benchmarks import works
from benchmarks.gate import Gate

WARMUP = 3


def dcgan(normalization):
    """The networks of PyTorch's example."""
    import keras_gan

    return (
        keras_gan.networks.DCGANGenerator(),
        keras_gan.networks.DCGANDiscriminator(normalization=normalization),
    )


def tutorial_networks(normalize, dropout):
    """The networks of TensorFlow's tutorial.

    Args:
        normalize: Function that returns a batch normalization.
        dropout: Function from a rate to a layer.
    """
    generator = [keras.Input((100,)), layers.Dense(7 * 7 * 256, use_bias=False), normalize(), layers.LeakyReLU()]
    generator.append(layers.Reshape((7, 7, 256)))
    for width, stride in ((128, 1), (64, 2)):
        generator.append(layers.Conv2DTranspose(width, 5, stride, padding="same", use_bias=False))
        generator += [normalize(), layers.LeakyReLU()]
    generator.append(layers.Conv2DTranspose(1, 5, 2, padding="same", use_bias=False, activation="tanh"))
    discriminator = [keras.Input((28, 28, 1))]
    for width in (64, 128):
        discriminator += [layers.Conv2D(width, 5, 2, padding="same"), layers.LeakyReLU(), dropout(0.3)]
    discriminator += [layers.Flatten(), layers.Dense(1)]
    return keras.Sequential(generator), keras.Sequential(discriminator)


def keras_io_networks(dropout, generator_activation, discriminator_activation):
    """The networks of keras.io's example.

    Args:
        dropout: Function from a rate to a layer.
        generator_activation: The last one: the example has images in [0, 1] and a sigmoid.
        discriminator_activation: The last one: a sigmoid there.
    """
    generator = [keras.Input((128,)), layers.Dense(8 * 8 * 128), layers.Reshape((8, 8, 128))]
    for width in (128, 256, 512):
        generator += [layers.Conv2DTranspose(width, 4, 2, padding="same"), layers.LeakyReLU(negative_slope=0.2)]
    generator.append(layers.Conv2D(3, 5, padding="same", activation=generator_activation))
    discriminator = [keras.Input((64, 64, 3))]
    for width in (64, 128, 128):
        discriminator += [layers.Conv2D(width, 4, 2, padding="same"), layers.LeakyReLU(negative_slope=0.2)]
    discriminator += [layers.Flatten(), dropout(0.2), layers.Dense(1, activation=discriminator_activation)]
    return keras.Sequential(generator), keras.Sequential(discriminator)


def our_gan(name, jit_compile=False):
    """The compiled model of a work, as its user writes it.

    Args:
        name: Key of `works.WORKS`.
        jit_compile: As for `compile`.
    """
    import keras_gan

    def adam(*arguments):
        return {
            "generator_optimizer": keras_gan.optimizers.Adam(*arguments),
            "discriminator_optimizer": keras_gan.optimizers.Adam(*arguments),
        }

    def dropout(rate):
        dropout.seed += 1
        return keras_gan.layers.Dropout(rate, seed=dropout.seed)

    if name == "e":
        shape = works.WORKS[name].shape
        discriminator = keras_gan.networks.PatchDiscriminator(shape, shape, normalization="batch")
        model = keras_gan.Pix2Pix(keras_gan.networks.UNetGenerator(shape), discriminator)
        model.compile(**adam(2e-4, 0.5), jit_compile=jit_compile)
        return model
    if name == "f":
        shape = works.WORKS[name].shape
        translators = [keras_gan.networks.ResNetTranslator(shape, blocks=6) for _ in range(2)]
        model = keras_gan.CycleGAN(*translators, *(keras_gan.networks.PatchDiscriminator(shape) for _ in range(2)))
        model.compile(**adam(2e-4, 0.5), jit_compile=jit_compile)
        return model
    dropout.seed = 0
    if name == "a":
        networks, options = dcgan("batch"), adam(2e-4, 0.5) | {"update": "shared"}
    elif name == "b":
        networks = tutorial_networks(lambda: keras_gan.layers.BatchNormalization(0.99, 1e-3), dropout)
        options = adam(1e-4) | {"update": "simultaneous"}
    elif name == "c":
        networks, options = keras_io_networks(dropout, "tanh", None), adam(1e-4)
    elif name == "d1":
        regularizers = {"loss": "wasserstein", "discriminator_regularizers": ["gradient_penalty"]}
        networks, options = dcgan(None), adam(1e-4, 0.0, 0.9) | regularizers
    else:
        networks = dcgan(None)
        options = adam(1e-4, 0.0, 0.9) | {"discriminator_regularizers": ["r1", "r2"]}
    gan = keras_gan.GAN(*networks)
    gan.compile(**options, jit_compile=jit_compile)
    return gan


def our_data(name):
    """The batches of a work, as its user makes them."""
    import keras_gan

    work = works.WORKS[name]
    if name not in works.TRANSLATIONS:
        return keras_gan.data.load(works.images(work), batch_size=work.batch)[0]
    pairs = tf.data.Dataset.from_tensor_slices(tuple(works.images(work, seed=seed) for seed in range(2)))
    pairs = pairs.shuffle(work.examples).batch(work.batch, drop_remainder=True)
    return pairs.map(lambda *images: tuple(tf.cast(x, tf.float32) / 127.5 - 1.0 for x in images)).prefetch(2)


def train_keras_gan(gate, gan, dataset):
    """`fit`, as a user calls it."""
    gan.fit(dataset, epochs=sys.maxsize, verbose=0, callbacks=[_each_step(gate)])


def _each_step(gate):
    return keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: gate())


def train_tutorial(gate, networks, images, batch, jit_compile=False):
    """TensorFlow's tutorial: one function for the step, and a loop over epochs and batches."""
    generator, discriminator = networks
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    g_optimizer, d_optimizer = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
    images = (images.astype("float32") - 127.5) / 127.5
    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).batch(batch, drop_remainder=True)
    if jit_compile:
        dataset = dataset.prefetch(2)
        g_optimizer.build(generator.trainable_variables)
        d_optimizer.build(discriminator.trainable_variables)

    @tf.function(jit_compile=jit_compile)
    def train_step(real):
        noise = tf.random.normal([batch, 100])
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = generator(noise, training=True)
            real_output, fake_output = discriminator(real, training=True), discriminator(fake, training=True)
            g_loss = cross_entropy(tf.ones_like(fake_output), fake_output)
            d_loss = cross_entropy(tf.ones_like(real_output), real_output)
            d_loss += cross_entropy(tf.zeros_like(fake_output), fake_output)
        g_gradients = g_tape.gradient(g_loss, generator.trainable_variables)
        d_gradients = d_tape.gradient(d_loss, discriminator.trainable_variables)
        g_optimizer.apply_gradients(zip(g_gradients, generator.trainable_variables, strict=True))
        d_optimizer.apply_gradients(zip(d_gradients, discriminator.trainable_variables, strict=True))

    while True:
        for real in dataset:
            train_step(real)
            gate()


class KerasIO(keras.Model):
    """keras.io's GAN: both networks in a model whose `train_step` updates one after the other."""

    def __init__(self, generator, discriminator, latent_dim):
        super().__init__()
        self.generator, self.discriminator, self.latent_dim = generator, discriminator, latent_dim

    def compile(self, d_optimizer, g_optimizer, loss_fn, **kwargs):
        super().compile(**kwargs)
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn
        self.d_loss, self.g_loss = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def train_step(self, real):
        rows = tf.shape(real)[0]
        fake = self.generator(tf.random.normal((rows, self.latent_dim)))
        both = tf.concat([fake, real], axis=0)
        labels = tf.concat([tf.ones((rows, 1)), tf.zeros((rows, 1))], axis=0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(both, training=True))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        latents = tf.random.normal((rows, self.latent_dim))
        with tf.GradientTape() as tape:
            g_loss = self.loss_fn(tf.zeros((rows, 1)), self.discriminator(self.generator(latents), training=True))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


def train_keras_io(gate, networks, images, batch, jit_compile=False):
    """keras.io's example: `compile` and `fit`."""
    gan = KerasIO(*networks, latent_dim=128)
    d_optimizer, g_optimizer = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
    if jit_compile:
        d_optimizer.build(gan.discriminator.trainable_variables)
        g_optimizer.build(gan.generator.trainable_variables)
    gan.compile(d_optimizer, g_optimizer, keras.losses.BinaryCrossentropy(), jit_compile=jit_compile)
    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(8 * batch).batch(batch, drop_remainder=True)
    dataset = dataset.map(lambda x: tf.cast(x, tf.float32) / 255.0)
    dataset = dataset.prefetch(2)
    gan.fit(dataset, epochs=sys.maxsize, verbose=0, callbacks=[_each_step(gate)])


def parameters(network):
    """Number of trainable parameters."""
    return sum(variable.value.shape.num_elements() for variable in network.trainable_variables)


def sizes(model):
    """Numbers of trainable parameters of a model's generators and of its discriminators."""
    found = {False: 0, True: 0}
    for role, network in model.networks.items():
        found["discriminator" in role] += parameters(network)
    return list(found.values())


def choose_precision(wanted, name, jit_compile):
    """The precision in which keras_gan trains: `auto` is what its trainers choose."""
    if wanted != "auto":
        return wanted
    from trainers.engine import precision

    def make_step():
        gan = our_gan(name, jit_compile)
        batch = next(iter(our_data(name)))
        return lambda: gan.train_on_batch(batch)

    return precision.choose(tf.distribute.get_strategy(), make_step)[0]


def main(name, side, precision):
    """Trains until the gate's input ends."""
    work, jit_compile = works.WORKS[name], side.endswith("_xla")
    ours = side.startswith("keras_gan")
    precision = choose_precision(precision, name, jit_compile) if ours else "float32"
    keras.utils.set_random_seed(0)
    if precision == "strict":
        tf.config.experimental.enable_tensor_float_32_execution(False)
    keras.config.set_dtype_policy("float32" if precision in ("float32", "strict") else f"mixed_{precision}")
    if ours:
        gan = our_gan(name, jit_compile)
    elif name == "b":
        networks = tutorial_networks(layers.BatchNormalization, layers.Dropout)
    else:
        networks = keras_io_networks(layers.Dropout, "sigmoid", "sigmoid")
    facts = {
        "version": f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
        "precision": precision,
        "parameters": sizes(gan) if ours else [parameters(network) for network in networks],
    }
    gate = Gate(WARMUP, facts)
    if ours:
        train_keras_gan(gate, gan, our_data(name))
    elif name == "b":
        train_tutorial(gate, networks, works.images(work), work.batch, jit_compile)
    else:
        train_keras_io(gate, networks, works.images(work), work.batch, jit_compile)


if __name__ == "__main__":
    main(*sys.argv[1:])
