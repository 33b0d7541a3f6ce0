"""Ways to make a training step faster, and what each is worth: the step with it and without, in turn in one process.

    python -m benchmarks.levers

Every line times two functions that compute the same, medians over the rounds, after a call of each that compiles. On
the networks of PyTorch's and TensorFlow's tutorials, (a) and (b) in `works.py`, unless a line says otherwise.
`--levers` names some of the lines, by the start of their names.
"""

import dataclasses
import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf
import tqdm

import keras_gan
from benchmarks import tables
from benchmarks.peers import tensorflow as peers
from keras_gan import data, layers, losses, networks, optimizers
from keras_gan.cli import option


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    rounds: int = option(7, "How often each is timed, in turn.", low=1)
    batch: int = option(64, "Images in a step.", low=2)
    levers: str = option("", "Starts of names, with commas; all by default.")


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Times the chosen lines.

    Returns:
        Dictionary of `levers`, a list of dictionaries: the name of a `lever`, medians of the seconds `with` it and
        `without`, and `factor`, that of the rounds' quotients; or `error`, where TensorFlow cannot compute it here.
    """
    starts = tuple(config.levers.split(","))
    chosen = [name for name in LEVERS if name.startswith(starts)]
    if not chosen:
        raise ValueError(f"--levers must be starts of {list(LEVERS)}. Received: --levers={config.levers}")
    found = []
    for name in tqdm.tqdm(chosen, leave=False, disable=None):
        try:
            times = time_in_turn(LEVERS[name](config.batch), config.rounds)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            found.append({"lever": name, "error": error.message.splitlines()[0]})
            continue
        factor = statistics.median(b / a for a, b in zip(*times, strict=True))
        seconds = dict(zip(("with", "without"), map(statistics.median, times), strict=True))
        found.append({"lever": name, **seconds, "factor": factor})
        keras.backend.clear_session()
    return {"levers": found}


def render(run):
    """The lines as Markdown."""
    rows = [
        [
            each["lever"],
            *(tables.digits(1000 * each[key] if key in each else None, "{:.4g}") for key in ("with", "without")),
            tables.digits(each.get("factor"), "{:.2f}"),
            each.get("error"),
        ]
        for each in run["levers"]
    ]
    return tables.table(["lever", "with, ms", "without, ms", "times as fast", "did not run"], rows)


def time_in_turn(functions, rounds):
    """Seconds of each function in every round, after one call that is not counted; another one first in each."""
    times = [[] for _ in functions]
    for turn in range(rounds + 1):
        for i in range(len(functions)):
            i = (i + turn) % len(functions)
            began = time.perf_counter()
            functions[i]()
            if turn:
                times[i].append(time.perf_counter() - began)
    return times


def images(batch, shape):
    return tf.random.stateless_uniform((batch, *shape), (0, 0), -1, 1)


def step(gan, batch):
    """A function that makes one training step on the same images."""
    one = tf.function(gan.train_step, autograph=False, jit_compile=gan.jit_compile)
    real = images(batch, gan.image_shape)
    return lambda: float(one(real)["loss"])


def dcgan(adam=optimizers.Adam, **options):
    """The GAN of work (a)."""
    gan = keras_gan.GAN(*peers.dcgan("batch"))
    gan.compile(adam(2e-4, 0.5), adam(2e-4, 0.5), **{"update": "shared", "jit_compile": False, **options})
    return gan


def tutorial(normalization, dropout):
    """The GAN of work (b)."""
    gan = keras_gan.GAN(*peers.tutorial_networks(normalization, dropout))
    gan.compile(optimizers.Adam(1e-4), optimizers.Adam(1e-4), update="simultaneous", jit_compile=False)
    return gan


def small(**options):
    """A GAN of points in the plane."""
    gan = keras_gan.GAN(networks.MLPGenerator((2,), latent_dim=2), networks.MLPDiscriminator((2,)))
    gan.compile(optimizers.Adam(1e-3), optimizers.Adam(1e-3), **{"jit_compile": False, **options})
    return gan


def fused_normalization(batch):
    ours = tutorial(layers.BatchNormalization, keras.layers.Dropout)
    return step(ours, batch), step(tutorial(keras.layers.BatchNormalization, keras.layers.Dropout), batch)


def fused_adam(batch):
    return step(dcgan(), batch), step(dcgan(keras.optimizers.Adam), batch)


def dropout_of_16_bits(batch):
    ours = tutorial(layers.BatchNormalization, layers.Dropout)
    return step(ours, batch), step(tutorial(layers.BatchNormalization, keras.layers.Dropout), batch)


def shared_images(batch):
    return step(dcgan(), batch), step(dcgan(update="alternating"), batch)


def _gradients(objective, variables):
    @tf.function(autograph=False)
    def compute():
        with tf.GradientTape() as tape:
            value = objective()
        return [tf.reduce_sum(gradient) for gradient in tape.gradient(value, variables)]

    return lambda: [float(each) for each in compute()]


def fewer_gradients(batch):
    generator, discriminator = peers.dcgan("batch")
    codes = tf.random.stateless_normal((batch, generator.latent_dim), (0, 0))

    def objective():
        fake = discriminator(generator(codes, training=True), training=True)[:, 0]
        return tf.reduce_mean(losses.get("non_saturating").generator_loss(None, fake))

    both = generator.trainable_variables + discriminator.trainable_variables
    return _gradients(objective, generator.trainable_variables), _gradients(objective, both)


def one_pass(batch):
    _, discriminator = peers.dcgan(None)
    real, fake = images(batch, (64, 64, 3)), -images(batch, (64, 64, 3))
    loss, variables = losses.get("non_saturating"), discriminator.trainable_variables

    def together():
        logits = discriminator(tf.concat([real, fake], 0), training=True)[:, 0]
        return tf.reduce_mean(loss.discriminator_loss(logits[:batch], logits[batch:]))

    def apart():
        logits = (discriminator(x, training=True)[:, 0] for x in (real, fake))
        return tf.reduce_mean(loss.discriminator_loss(*logits))

    return _gradients(together, variables), _gradients(apart, variables)


def channels_first(batch):
    kernel = tf.Variable(tf.random.stateless_normal((4, 4, 64, 128), (0, 0), 0.02))

    def objective(layout):
        x = images(batch, (32, 32, 64))
        x = tf.Variable(x if layout == "NHWC" else tf.transpose(x, (0, 3, 1, 2)))
        return lambda: tf.reduce_sum(tf.square(tf.nn.conv2d(x, kernel, 2, "SAME", layout))), [x, kernel]

    return tuple(_gradients(*objective(layout)) for layout in ("NCHW", "NHWC"))


def cast_once(batch):
    variables = [v for network in peers.dcgan("batch") for v in network.trainable_variables if len(v.shape) > 1]

    def cast(times):
        @tf.function(autograph=False)
        def compute():
            # Read, so that no cast is dropped, and scaled, so that none is shared.
            parts = [tf.cast(v * (1.0 + i), tf.bfloat16) for i in range(times) for v in variables]
            return [tf.reduce_max(part) for part in parts]

        return lambda: [float(each) for each in compute()]

    return cast(1), cast(3)


def several_steps_per_call(batch):
    return tuple(_fit(small(steps_per_execution=n), batch, 200) for n in (10, 1))


def compiled_by_xla(batch):
    return step(small(jit_compile=True), batch), step(small(), batch)


def _fit(gan, batch, steps):
    points, _ = data.load("toy:ring", batch_size=batch, repeat=True)
    return lambda: gan.fit(points, steps_per_epoch=steps, verbose=0)


def one_iterator(batch):
    points = np.random.RandomState(0).uniform(-1, 1, (20 * batch, 2)).astype("float32")
    dataset, _ = data.load(points, batch_size=batch)
    ours, keras_way = small(), small()
    keras_way._for_all_epochs = lambda dataset, epochs: (dataset, None)
    return tuple(lambda gan=gan: gan.fit(dataset, epochs=10, verbose=0) for gan in (ours, keras_way))


LEVERS = {
    "batch normalization as one operation, (b)": fused_normalization,
    "Adam as one operation a variable, (a)": fused_adam,
    "dropout masks of 16 bits, (b)": dropout_of_16_bits,
    "one pass of the generator for both updates, (a)": shared_images,
    "no gradients for what is not updated, the generator's update of (a)": fewer_gradients,
    "real and fake images in one pass, the discriminator of (a) without normalization": one_pass,
    "channels first, a 32x32x64 layer": channels_first,
    "weights cast to bfloat16 once, not thrice, (a), the casts alone": cast_once,
    "ten steps in a call, 200 steps of an MLP": several_steps_per_call,
    "XLA, an MLP": compiled_by_xla,
    "one iterator for all epochs, ten of twenty steps of an MLP": one_iterator,
}


if __name__ == "__main__":
    main()
