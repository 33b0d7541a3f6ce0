"""Modes of two mixtures of Gaussians, a ring of 8 and a grid of 25, that ways of training reach.

    python -m benchmarks.mixtures --out=runs/mixtures --seeds=5

The same for all methods are the densities of PacGAN's experiments (ring: 8 Gaussians on a circle of radius 1, deviation
0.01; grid: {-4, -2, 0, 2, 4}^2, deviation 0.05), scaled to unit variance; 100,000 points; a generator of 2 normal
latents with two hidden layers of 128 ReLU; a discriminator with two of 128 LeakyReLU(0.2); He's initialization; batches
of 64 points; Adam with a learning rate of 1e-3 for both; equally many updates of the generator. What belongs to a
method:

| method | loss | penalties | D updates per G update | beta_1 | beta_2 |
| --- | --- | --- | --- | --- | --- |
| non-saturating | non-saturating | | 1 | 0.5 | 0.999 |
| non-saturating + R1 | non-saturating | R1, gamma 0.1 | 1 | 0.5 | 0.999 |
| WGAN-GP | Wasserstein | gradient penalty, lambda 0.1 as in its 2-D experiments | 5 | 0.5 | 0.9 |
| spectral norm + hinge | hinge, each layer of D normalized | | 5 | 0 | 0.9 |
| PacGAN2, PacGAN4 | non-saturating, 32 packs of 2, 16 of 4 | | 1 | 0.5 | 0.999 |
| RpGAN + R1 + R2 | relativistic | both with gamma 1 to 0.1 in the first fifth | 1 | 0 | 0.9 to 0.99, likewise |

"High quality" is within 3 deviations of a centre; "modes" are those with at least one such sample of 2,500 (as many as
in PacGAN's table), the reverse KL is that of their occupancy, and the "std ratio" is the deviation of a mode's
high-quality samples over that of the data's, cut off alike. Of a perfect sampler 1 - exp(-4.5) = 98.89 % are of high
quality: more means modes that shrank, as a ratio below 1 does. Ours are means and standard errors over seeds, at the
last step, without averaged weights; seconds are of processor time, without compiling.

Published rows are in italics and under other conditions. PacGAN: generator 4 x 400 with batch normalization,
discriminator 3 x 200 maxout of 5, Adam with 1e-4 and beta_1 0.8, batches of 100, 400 epochs of 100,000 points. VEEGAN's
table is that paper's own set-up. The two GAN rows show how much the baseline depends on it. Weights of penalties and
the learning rate were not tuned.

Every training adds a line to `results.jsonl` in `--out`; a process that was interrupted goes on where it was when it is
started again.

Reference: Lin et al. 2018, "PacGAN: the power of two samples in generative adversarial networks", section 4.1, for the
densities, latents, numbers of samples and statistics.
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
from keras_gan import latents, layers, networks, optimizers, random, regularizers
from keras_gan.cli import option
from keras_gan.data import toy
from keras_gan.files import atomic
from keras_gan.metrics import collapse
from keras_gan.optimizers import schedules

UNITS, BATCH, LATENTS, RATE = (128, 128), 64, 2, 1e-3
EXAMPLES, SAMPLES, LOOKS = 100_000, 2500, 4
STATISTICS = ("modes", "high_quality", "reverse_kl", "std_ratio")
DENSITIES = {"ring": toy.ring(std=0.01), "grid": toy.grid()}


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    out: str = option("runs/mixtures", "Folder of the results.")
    seed: int = option(0, "The first seed.", low=0)
    seeds: int = option(5, "Seeds of each kind.", low=1)
    steps: int = option(10_000, "Updates of the generator in each training.", low=LOOKS)
    densities: str = option("ring,grid", "Densities, separated by commas.")
    methods: str = option("", "Methods, separated by ', '; all by default.")


@dataclasses.dataclass(frozen=True)
class Method:
    """Particulars of one way of training; weights as functions of the number of steps."""

    loss: str = "non_saturating"
    penalties: tuple = ()
    packing: int = 1
    spectral: bool = False
    betas: tuple = (0.5, 0.999)
    critic_steps: int = 1
    burn_in: bool = False
    differences: bool = False


METHODS = {
    "non-saturating": Method(),
    "non-saturating + R1": Method(penalties=(("r1", 0.1),)),
    "non-saturating + R1 by differences": Method(penalties=(("r1", 0.1),), differences=True),
    "WGAN-GP": Method("wasserstein", (("gradient_penalty", 0.1),), betas=(0.5, 0.9), critic_steps=5),
    "spectral norm + hinge": Method("hinge", spectral=True, betas=(0.0, 0.9), critic_steps=5),
    "PacGAN2": Method(packing=2),
    "PacGAN4": Method(packing=4),
    "RpGAN + R1 + R2": Method("relativistic", (("r1", 0.1), ("r2", 0.1)), betas=(0.0, 0.99), burn_in=True),
}

# As printed: means and errors of modes, of the high-quality share in percent, and of the reverse KL.
_PACGAN, _VEEGAN = "PacGAN, table 1", "VEEGAN, table 1"
PUBLISHED = {
    "ring": (
        (_PACGAN, "GAN", 6.3, 0.5, 98.2, 0.2, 0.45, 0.09),
        (_PACGAN, "PacGAN2", 7.9, 0.1, 95.6, 2.0, 0.07, 0.03),
        (_PACGAN, "PacGAN4", 7.8, 0.1, 95.9, 1.4, 0.07, 0.02),
        (_VEEGAN, "GAN", 1, None, 99.3, None, None, None),
        (_VEEGAN, "unrolled GAN", 7.6, None, 35.6, None, None, None),
        (_VEEGAN, "VEEGAN", 8, None, 52.9, None, None, None),
    ),
    "grid": (
        (_PACGAN, "GAN", 17.3, 0.8, 94.8, 0.7, 0.70, 0.07),
        (_PACGAN, "PacGAN2", 23.8, 0.7, 91.3, 0.8, 0.13, 0.04),
        (_PACGAN, "PacGAN4", 24.8, 0.2, 93.6, 0.6, 0.04, 0.01),
        (_VEEGAN, "GAN", 3.3, None, 0.5, None, None, None),
        (_VEEGAN, "unrolled GAN", 23.6, None, 16, None, None, None),
        (_VEEGAN, "VEEGAN", 24.6, None, 40, None, None, None),
    ),
}


def main(argv=None):
    """Runs what has not run yet, and writes the table."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains what is not in `--out` yet; results are lines there."""
    methods = _chosen("methods", config.methods.split(", ") if config.methods else list(METHODS), METHODS)
    densities = _chosen("densities", config.densities.split(","), DENSITIES)
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.jsonl"
    results = tables.begin_lines(file, config)
    done = {(each["density"], each["method"], each["seed"], each["steps"]) for each in results}
    todo = [
        (density, method, seed)
        for seed in range(config.seed, config.seed + config.seeds)
        for density in densities
        for method in methods
        if (density, method, seed, config.steps) not in done
    ]
    trainings = {}
    with tqdm.tqdm(todo, disable=None) as bar:
        for density, method, seed in bar:
            bar.set_description(f"{density}, {method}, seed {seed}")
            result = {"density": density, "method": method, "seed": seed, "steps": config.steps}
            if method not in trainings:
                trainings[method] = Training(METHODS[method], config.steps)
            result |= trainings[method].run(DENSITIES[density].standardized(), seed)
            results.append(result)
            tables.add_line(file, result)
    text = render({"results": [each for each in results if each["steps"] == config.steps]})
    atomic.write_text(folder / "table.md", text + "\n")
    print(text)


def _chosen(flag, names, known):
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"--{flag} are of {list(known)}. Received: {unknown}")
    return names


def build(method, steps):
    """The compiled GAN of a method, for points in the plane.

    Args:
        method: `Method`.
        steps: Updates of the generator in the training, of which burn-ins are a fifth.

    Returns:
        `GAN`.
    """
    # R3GAN's table 9, for Stacked MNIST: from ten times the weight, and beta_2 from 0.9, over a fifth of all images.
    burn_in = steps / 5
    penalties = [regularizers.get(name) for name, _ in method.penalties]
    if method.differences:
        penalties = [type(each)(method="finite_difference") for each in penalties]
    for penalty, (_, weight) in zip(penalties, method.penalties, strict=True):
        penalty.weight = schedules.CosineBurnIn(10 * weight, weight, burn_in) if method.burn_in else weight
    beta_1, beta_2 = method.betas
    optimizer, other = (
        optimizers.Adam(RATE, beta_1, schedules.CosineBurnIn(0.9, beta_2, burn_in) if method.burn_in else beta_2)
        for _ in range(2)
    )
    gan = keras_gan.GAN(*_networks(method))
    gan.compile(
        optimizer,
        other,
        loss=method.loss,
        discriminator_regularizers=penalties,
        discriminator_steps=method.critic_steps,
    )
    return gan


def _networks(method):
    generator = networks.MLPGenerator((2,), LATENTS, hidden_units=UNITS, kernel_initializer="he_normal")
    if not method.spectral:
        return generator, networks.MLPDiscriminator(
            (2,), hidden_units=UNITS, kernel_initializer="he_normal", packing=method.packing
        )

    def dense(units):
        return layers.SpectralNormalization(keras.layers.Dense(units, kernel_initializer="he_normal"))

    hidden = [layer for units in UNITS for layer in (dense(units), keras.layers.LeakyReLU(0.2))]
    return generator, keras.Sequential([keras.Input((2,)), *hidden, dense(1)])


class Training:
    """One method's trainings, any number of them, with one compiled loop of steps.

    `fit` would spend most of its time between steps of so small networks: here XLA compiles the loop around
    `GAN.train_step`. The step, its seeds and its losses are the same.

    Args:
        method: `Method`.
        steps: Updates of the generator in each training.

    Example:

    >>> training = Training(METHODS["PacGAN2"], steps=4)
    >>> sorted(training.run(DENSITIES["ring"].standardized(), seed=0))
    ['course', 'high_quality', 'modes', 'reverse_kl', 'seconds', 'std_ratio']
    """

    def __init__(self, method, steps):
        self.method, self.steps = method, steps
        self.gan = build(method, steps)
        pair = (self.gan.generator_optimizer, self.gan.discriminator_optimizer)
        self._fresh = [(variable, variable.numpy()) for optimizer in pair for variable in optimizer.variables]
        self.advance = tf.function(self._advance, jit_compile=True, autograph=False)

    def run(self, density, seed):
        """Trains from new weights, and looks at the generator four times.

        Args:
            density: `keras_gan.data.toy.Mixture`.
            seed: Of weights, latents and the choice of points.

        Returns:
            Dictionary of `STATISTICS` at the end (`None` where they are not numbers), `course`, the same at each look,
            and `seconds`, of processor time.
        """
        self.reset(seed)
        points = tf.constant(density.sample(EXAMPLES, seed=0))
        if not self.advance.experimental_get_tracing_count():
            self.advance(points, tf.constant(0, tf.int64))
        started, course = time.process_time(), []
        for look in range(LOOKS):
            until = self.steps * (look + 1) // LOOKS
            self.advance(points, tf.constant(until, tf.int64))
            course.append({"step": until, **statistics(self.draw(seed), density)})
        end = {name: course[-1][name] for name in STATISTICS}
        return {**end, "course": course, "seconds": round(time.process_time() - started, 1)}

    def reset(self, seed):
        """Begins again: new weights, new optimizers, step 0."""
        gan = self.gan
        keras.utils.set_random_seed(seed)
        for network, fresh in zip((gan.generator, gan.discriminator), _networks(self.method), strict=True):
            network.set_weights(fresh.get_weights())
        for variable, value in self._fresh:
            variable.assign(value)
        gan.step.assign(0)
        # The part of a model's seeds that is a variable: one compiled loop serves all of them.
        gan.rollbacks.assign(seed)
        gan.reset_metrics()

    def _advance(self, points, until):
        gan = self.gan

        def step():
            seed = tf.stack([-1 - gan.rollbacks.value, gan.step.value])
            chosen = random.uniform((BATCH * self.method.critic_steps,), seed)
            gan.train_step(tf.gather(points, tf.cast(chosen * EXAMPLES, tf.int32)))
            return ()

        tf.while_loop(lambda: gan.step.value < until, step, ())

    def draw(self, seed):
        """Samples that no training step draws, float32 `(SAMPLES, 2)`."""
        return np.asarray(self.gan.generator(latents.stateless((SAMPLES, LATENTS), (seed, -3))))


def statistics(samples, density):
    """`STATISTICS` of samples; all `None` if any is not finite."""
    if not np.isfinite(samples).all():
        return dict.fromkeys(STATISTICS)
    found = collapse.mixture_statistics(samples, density)
    # JSON has no NaN.
    return {name: found[name] if np.isfinite(found[name]) else None for name in STATISTICS}


def render(run):
    """The results as Markdown: for each density ours, a perfect sampler's, and what was published."""
    parts = []
    for name, density in DENSITIES.items():
        own = [each for each in run["results"] if each["density"] == name]
        if not own:
            continue
        quality, floor = 1 - np.exp(-(collapse.HIGH_QUALITY**2) / 2), (len(density.modes) - 1) / (2 * SAMPLES)
        perfect = ["perfect sampler, expected", None, len(density.modes), None, f"{100 * quality:.2f}", None]
        rows = [[*perfect, f"{floor:.4f}", None, 1, None, None]]
        rows += [
            _row(method, trained)
            for method in METHODS
            if (trained := [each for each in own if each["method"] == method])
        ]
        rows += [[f"*{source}: {method}*", None, *numbers, *[None] * 3] for source, method, *numbers in PUBLISHED[name]]
        columns = ["modes", "+-", "high quality, %", "+-", "reverse KL", "+-", "std ratio", "+-", "s per run"]
        parts.append(f"### {name.capitalize()}: {len(density.modes)} modes")
        parts.append(tables.table(["method", "seeds", *columns], rows))
    return "\n\n".join(parts)


def _row(name, results):
    quality = [each["high_quality"] and 100 * each["high_quality"] for each in results]
    columns = (
        ([each["modes"] for each in results], "{:.1f}"),
        (quality, "{:.1f}"),
        ([each["reverse_kl"] for each in results], "{:.3f}"),
        ([each["std_ratio"] for each in results], "{:.2f}"),
    )
    cells = [cell for values, form in columns for cell in _spread(values, form)]
    seconds = [each["seconds"] for each in results if "seconds" in each]
    return [name, len(results), *cells, f"{np.mean(seconds):.0f}" if seconds else None]


def _spread(values, form):
    """Mean and standard error of what are numbers, and how many are not."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return "none", None
    mean, error = form.format(np.mean(numbers)), None
    if len(numbers) > 1:
        error = form.format(np.std(numbers, ddof=1) / np.sqrt(len(numbers)))
    return mean + (f" ({len(values) - len(numbers)} without)" if len(numbers) < len(values) else ""), error


if __name__ == "__main__":
    # For so small networks more threads are no faster.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    main()
