"""Modes of Stacked MNIST that small networks reach, by method.

    python -m benchmarks.stacked_mnist --out=runs/stacked_mnist --seeds=3

The networks are those of PacGAN's and the unrolled GAN's experiments with D = 1/4 G, in which plain ones fail: the
generator takes 256 normal latents to 4x4x64, 7x7x32, 14x14x16, 28x28x8 (transposed 3x3 convolutions, batch
normalization, ReLU) and to 3 channels by another 3x3 convolution and tanh; the discriminator has three 3x3 convolutions
of stride 2 with 2, 4 and 8 filters, LeakyReLU(0.3) and one linear unit. As published, DCGAN and PacGAN have batch
normalization after each of those, Adam's betas are 0.5 and 0.99, and there is one update of either network in turn.
Unlike there: 5,000 updates, not 500,000, so that it is the ordering of methods that this measures; learning rates of
5e-4 for the generator and 5e-3 for the discriminator, not 1e-4 and 2e-4; batches of 64 images, so 64 / m packs of m,
not 128 packs; 128,000 fixed stacks, not endlessly many; He's initialization; the classifier of this package. The
methods with gradient penalties have no normalization in the discriminator, because a penalty is defined for each image
by itself; non-saturating + R1 has gamma 1; RpGAN + R1 + R2 has gamma 1 to 0.1, beta_1 0 and beta_2 0.9 to 0.99, both
over the first fifth of the images, as R3GAN's table 9 for Stacked MNIST.

Modes and KL (to the uniform distribution) are of 25,600 samples, as in PacGAN's table, at the last step; means and
deviations over seeds. The row of real stacks is of MNIST's test digits, seen through the same classifier: even a
perfect sampler does not score 0. Published rows are in italics.

Every training adds a line to `results.jsonl` in `--out`; a process that was interrupted goes on where it was when it is
started again.

References: Metz et al. 2017, "Unrolled generative adversarial networks", section 3.3.1; Lin et al. 2018, "PacGAN: the
power of two samples in generative adversarial networks", table 3, with networks and betas as in its code.
"""

import dataclasses
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tqdm

import keras_gan
from benchmarks import tables
from keras_gan import data, latents, layers, networks, optimizers, regularizers
from keras_gan.cli import option
from keras_gan.files import atomic, pictures
from keras_gan.metrics import collapse, features
from keras_gan.optimizers import schedules

SHAPE, LATENTS, BATCH, SAMPLES = (28, 28, 3), 256, 64, 25_600

# With equal rates of 1e-3 the 585 parameters of the discriminator cannot follow the 288,000 of the generator: fake
# logits run away, and all images become one of noise. The published 1e-4 and 2e-4 are for a hundred times the steps.
GENERATOR_RATE, DISCRIMINATOR_RATE = 5e-4, 5e-3


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    out: str = option("runs/stacked_mnist", "Folder of the results.")
    seed: int = option(0, "The first seed.", low=0)
    seeds: int = option(3, "Seeds of each method.", low=1)
    steps: int = option(5000, "Updates of the generator in each training.", low=1)
    methods: str = option("", "Methods, separated by ', '; all by default.")
    dataset: str = option("stacked_mnist", "stacked_mnist, or stacked_mnist5k, which comes with the package.")


@dataclasses.dataclass(frozen=True)
class Method:
    """Particulars of one way of training."""

    loss: str = "non_saturating"
    penalties: tuple = ()
    packing: int = 1
    normalization: bool = True
    betas: tuple = (0.5, 0.99)
    burn_in: bool = False


METHODS = {
    "DCGAN": Method(),
    "PacDCGAN2": Method(packing=2),
    "PacDCGAN4": Method(packing=4),
    "non-saturating + R1": Method(penalties=("r1",), normalization=False),
    "RpGAN + R1 + R2": Method("relativistic", ("r1", "r2"), normalization=False, betas=(0.0, 0.99), burn_in=True),
}

# Modes, their error, and KL, as printed.
PUBLISHED = (
    ("PacGAN, table 3: DCGAN", 30.6, 20.7, 5.99),
    ("PacGAN, table 3: unrolled GAN, 10 steps", 327.2, 74.7, 4.66),
    ("PacGAN, table 3: PacDCGAN4", 667.4, 29, 1.81),
)


def main(argv=None):
    """Runs what has not run yet, and writes the table."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains what is not in `--out` yet; results are lines there."""
    methods = config.methods.split(", ") if config.methods else list(METHODS)
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise ValueError(f"--methods are of {list(METHODS)}, separated by ', '. Received: {unknown}")
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.jsonl"
    results = tables.begin_lines(file, config)
    done = {(each["method"], each["seed"], each["steps"]) for each in results}
    todo = [("real, test digits", 0, 0)]
    todo += [(name, seed, config.steps) for seed in range(config.seed, config.seed + config.seeds) for name in methods]
    with tqdm.tqdm([each for each in todo if each not in done], disable=None) as bar:
        for method, seed, steps in bar:
            bar.set_description(f"{method}, seed {seed}")
            started = time.process_time()
            if method in METHODS:
                images = train(METHODS[method], config.dataset, seed, steps)
                pictures.write_png(folder / f"{method.replace(' ', '')}-{seed}.png", pictures.grid(images[:64]))
            else:
                images = next(iter(data.load(config.dataset, "test", batch_size=SAMPLES)[0])).numpy()
            result = {"method": method, "seed": seed, "steps": steps, **statistics(images)}
            result["seconds"] = round(time.process_time() - started, 1)
            results.append(result)
            tables.add_line(file, result)
            keras.backend.clear_session()
    text = render({"results": [each for each in results if each["steps"] in (0, config.steps)]})
    atomic.write_text(folder / "table.md", text + "\n")
    print(text)


def train(method, dataset, seed, steps):
    """Trains one GAN.

    Args:
        method: `Method`.
        dataset: Name of the stacks for `keras_gan.data.load`.
        seed: Of weights, latents and the order of the data.
        steps: Updates of the generator.

    Returns:
        float32 samples `(SAMPLES, 28, 28, 3)`.
    """
    gan = build(method, seed, steps)
    stacks, _ = data.load(dataset, batch_size=BATCH, seed=seed, repeat=True)
    gan.fit(stacks, steps_per_epoch=steps, verbose=0)
    codes = latents.stateless((SAMPLES, LATENTS), (seed, -3)).numpy()
    return np.concatenate([gan.generator(codes[i : i + 1600], training=False) for i in range(0, SAMPLES, 1600)])


def build(method, seed, steps):
    """The compiled GAN of a method.

    Args:
        method: `Method`.
        seed: Of weights and latents.
        steps: Updates of the generator in the training, of which burn-ins are a fifth.

    Returns:
        `GAN`.
    """
    keras.utils.set_random_seed(seed)
    # R3GAN's table 9, for Stacked MNIST: gamma from 1 to 0.1, beta_2 from 0.9 to 0.99, over a fifth of all images.
    penalties = [regularizers.get(name) for name in method.penalties]
    for penalty in penalties:
        penalty.weight = schedules.CosineBurnIn(1.0, 0.1, steps / 5) if method.burn_in else 1.0
    beta_1, beta_2 = method.betas
    first, second = (
        optimizers.Adam(rate, beta_1, schedules.CosineBurnIn(0.9, beta_2, steps / 5) if method.burn_in else beta_2)
        for rate in (GENERATOR_RATE, DISCRIMINATOR_RATE)
    )
    gan = keras_gan.GAN(generator(), Quarter(packing=method.packing, normalization=method.normalization), seed=seed)
    gan.compile(first, second, loss=method.loss, discriminator_regularizers=penalties, jit_compile=False)
    return gan


def generator():
    """Latents to images, with 64, 32, 16 and 8 filters: 4x4, 7x7, 14x14, 28x28, each after batch normalization."""

    def rectified(x):
        return keras.layers.ReLU()(layers.BatchNormalization()(x))

    codes = keras.Input((LATENTS,))
    x = keras.layers.Reshape((4, 4, 64))(keras.layers.Dense(4 * 4 * 64, kernel_initializer="he_normal")(codes))
    for filters in (32, 16, 8):
        x = keras.layers.Conv2DTranspose(filters, 3, 2, padding="same", kernel_initializer="he_normal")(rectified(x))
        # From 4x4 to 7x7, not to 8x8.
        x = x[:, :7, :7] if filters == 32 else x
    x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", kernel_initializer="glorot_normal")(rectified(x))
    return keras.Model(codes, x)


@keras.saving.register_keras_serializable("benchmarks")
class Quarter(networks.Discriminator):
    """Images to logits, through strided convolutions with 2, 4 and 8 filters.

    Args:
        packing: As for `keras_gan.networks.Discriminator`.
        normalization: Whether each convolution is followed by batch normalization.
    """

    def __init__(self, image_shape=SHAPE, packing=1, normalization=True, **kwargs):
        super().__init__(image_shape=image_shape, packing=packing, **kwargs)
        self.normalization = normalization
        self.convolutions = [
            keras.layers.Conv2D(filters, 3, 2, padding="same", kernel_initializer="he_normal") for filters in (2, 4, 8)
        ]
        self.normalizers = [layers.BatchNormalization() for _ in range(3)] if normalization else []
        self.logit = keras.layers.Dense(1, dtype="float32")
        self.build()

    def call(self, inputs, training=None):
        x, _ = self.unpack(inputs)
        x = self.pack(x)
        for i, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if self.normalization:
                x = self.normalizers[i](x, training=training)
            x = keras.ops.leaky_relu(x, 0.3)
        return self.logit(keras.ops.reshape(x, (-1, 4 * 4 * 8)))

    def get_config(self):
        return {**super().get_config(), "normalization": self.normalization}


def statistics(images):
    """Modes and KL of images in [-1, 1], through the classifier that comes with the package."""
    network = features.get("mnist_classifier")
    found = collapse.stacked_statistics(
        images, lambda digits: network.probabilities(pictures.to_uint8(digits)).argmax(axis=1)
    )
    return {name: found[name] for name in ("modes", "kl", "samples")}


def render(run):
    """The results as Markdown: ours, real stacks, and what was published; and each training."""
    results, rows = run["results"], []
    for name in dict.fromkeys(each["method"] for each in results):
        own = [each for each in results if each["method"] == name]
        spread = [
            cell
            for column, form in (("modes", "{:.0f}"), ("kl", "{:.3f}"))
            for cell in _spread([each[column] for each in own], form)
        ]
        rows.append([name, len(own), *spread, f"{np.mean([each['seconds'] for each in own]):.0f}"])
    rows += [[f"*{name}*", None, modes, error, kl, None, None] for name, modes, error, kl in PUBLISHED]
    each = [[each["method"], each["seed"], each["modes"], f"{each['kl']:.3f}"] for each in results]
    return (
        tables.table(["method", "seeds", "modes of 1000", "+-", "KL", "+-", "s per run"], rows)
        + "\n\n"
        + tables.table(["method", "seed", "modes of 1000", "KL"], each)
    )


def _spread(values, form):
    """Mean and standard deviation."""
    return form.format(np.mean(values)), form.format(np.std(values, ddof=1)) if len(values) > 1 else None


if __name__ == "__main__":
    # Two of these processes on two cores would fight for them otherwise.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    main()
