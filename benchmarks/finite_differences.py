"""R1 by finite differences beside the exact penalty: bias, spread, rounding, and time of a step.

    python -m benchmarks.finite_differences

Trains the default recipe on the embedded digits with the exact penalty, and looks at its discriminator: the mean over
real images and draws of `(D(x + s n) - D(x))^2 / (2 s^2)`, divided by the exact mean of `||grad D||^2 / 2`, in float32
and with the same weights in bfloat16. "Step" is the length of s n. The spread is the standard deviation of one image's
draws, in its own exact penalty (the median over images), where sqrt(2) is that of an affine discriminator. Then
steps of the recipe without R1, with the exact one, with differences on all images and on a quarter, in turn, medians.
"""

import dataclasses
import statistics
import sys

import keras
import numpy as np
import tensorflow as tf
import tqdm

from benchmarks import levers, tables
from keras_gan import data, networks, random, regularizers
from keras_gan.cli import option
from keras_gan.models.critic import Critic
from trainers import dcgan

SCALES = (0.001, 0.01, 0.03, 0.1, 0.3)
STEPS = {
    "without R1": {"r1_gamma": 0.0},
    "exact": {},
    "differences on all images": {"penalty_method": "finite_difference", "penalty_fraction": 1.0},
    "differences on a quarter": {"penalty_method": "finite_difference"},
}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    steps: int = option(1500, "Steps of training before the discriminator is looked at.", low=1)
    filters: int = option(32, "Width of the networks.", low=1)
    images: int = option(256, "Real images.", low=2)
    draws: int = option(40, "Draws of noise for each.", low=2)
    rounds: int = option(15, "How often a step of each kind is timed, in turn.", low=1)


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains, compares the penalties, and times steps.

    Returns:
        Dictionary of `pixels`, `exact`, the mean exact penalty, `scales`, a list of dictionaries, and `seconds` of a
        step, a dictionary by the names of `STEPS`.
    """
    recipe = dcgan.Config(filters=config.filters, precision="float32")
    dataset, spec = data.load("mnist5k", batch_size=recipe.batch_size, repeat=True, seed=recipe.seed)
    keras.utils.set_random_seed(recipe.seed)
    gan = dcgan.build(recipe, spec)
    gan.fit(dataset, steps_per_epoch=config.steps, verbose=0)
    held_out, _ = data.load("mnist5k", split="test", batch_size=config.images)
    images = next(iter(held_out))
    images = images[0] if isinstance(images, tuple) else images

    rounded = networks.DCGANDiscriminator(
        spec.image_shape, filters=config.filters, normalization=None, dtype="mixed_bfloat16"
    )
    rounded.build()
    rounded.set_weights(gan.discriminator.get_weights())
    exact = regularizers.R1()(Critic(gan.discriminator), images, images).numpy()
    scales = []
    for scale in tqdm.tqdm(SCALES, leave=False, disable=None):
        row = {"scale": scale}
        for name, network in (("float32", gan.discriminator), ("bfloat16", rounded)):
            values = draw(network, images, scale, config.draws)
            row[name] = float(values.mean() / exact.mean())
            row[f"{name}_error"] = float(values.mean(1).std(ddof=1) / np.sqrt(config.draws) / exact.mean())
            row[f"{name}_spread"] = float(np.median(values.std(0, ddof=1) / exact))
        scales.append(row)
    batch = images[: recipe.batch_size]
    return {
        "pixels": int(np.prod(spec.image_shape)),
        "exact": float(exact.mean()),
        "scales": scales,
        "seconds": time_steps(recipe, spec, batch, config.rounds),
    }


def draw(network, images, scale, draws):
    """Penalties of every image in every draw, `(draws, images)`."""
    penalty = regularizers.R1(method="finite_difference", scale=scale)

    @tf.function(autograph=False)
    def one(step):
        return penalty(Critic(network, noise=random.Noise(0, step)), images, images)

    return np.stack([one(tf.constant(step, tf.int64)).numpy() for step in range(draws)]).astype("float64")


def time_steps(recipe, spec, batch, rounds):
    """Median seconds of a training step of each kind, float32."""
    functions = []
    for flags in STEPS.values():
        gan = dcgan.build(dataclasses.replace(recipe, **flags), spec)
        one = tf.function(gan.train_step, autograph=False)
        functions.append(lambda one=one: float(one(batch)["loss"]))
    times = levers.time_in_turn(functions, rounds)
    return dict(zip(STEPS, map(statistics.median, times), strict=True))


def render(run):
    """Both tables, Markdown."""
    rows = []
    for each in run["scales"]:
        cells = [f"{each['scale']:g}", f"{each['scale'] * run['pixels'] ** 0.5:.2g}"]
        for name in ("float32", "bfloat16"):
            cells += [f"{each[name]:.4g}", f"{each[f'{name}_error']:.2g}", f"{each[f'{name}_spread']:.3g}"]
        rows.append(cells)
    columns = [f"{name}{what}" for name in ("float32", "bfloat16") for what in (", of exact", ", error", ", spread")]
    seconds = run["seconds"]
    times = [[name, f"{1000 * value:.1f}", f"{value / seconds['exact']:.2f}"] for name, value in seconds.items()]
    return "\n\n".join(
        [
            f"Exact penalty: {run['exact']:.4g}.",
            tables.table(["s", "step", *columns], rows),
            tables.table(["R1", "ms a step", "of the exact one's"], times),
        ]
    )


if __name__ == "__main__":
    main()
