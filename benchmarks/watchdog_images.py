"""Verdicts of the watchdog on image trainings that were made to fail, and on healthy ones.

    python -m benchmarks.watchdog_images --out=runs/watchdog_images
    python -m benchmarks.watchdog_images --replay=open

Every kind of training is one of the recipes of `trainers/` with small networks, a few hundred steps long. Kinds are of
two halves, which were fixed before any rule was: rules and thresholds were set on the open half, and the half that was
held back was looked at once, at the end. The first command trains, and keeps what the watchdog saw at every look; the
second tells these signals to the rules as they are now, without training.

Whether a training failed in truth is measured without the watchdog, on 1,000 images of the generator at the end, by a
second classifier, which neither trained nor watched them: their Frechet distance to 1,000 training images, the classes
that make up at least 1 % of them, the share that shows the class that was asked for, and the spread within a class. Of
drawn faces, which have no classifier, features are 8x8 pixels. A training made to fail failed if its images are not
finite, their distance is more than 1.5 times that of the healthy training that it is like, at least two classes fewer
are there, less than half show the class that was asked for, or their spread within a class is below 0.3 of the data's.
A healthy one is healthy if its distance fell by a quarter or more, and at least 6 of 10 classes are there; that more
than half show the class asked for is demanded of none, as short trainings end before. Trainings that are not what they
should be are listed and not counted.
"""

import dataclasses

from benchmarks import tables
from keras_gan.callbacks.watchdog import rules
from keras_gan.cli import option

_FINE = ()
# What the rules that are to come will say of a generator whose weights or images stay, and of labels that it ignores.
STILL, LABELS = "generator not moving", "labels not followed"


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    out: str = option("runs/watchdog_images", "Folder of the results.")
    kinds: str = option("", "Kinds, separated by '; '; all by default.")
    seed: int = option(0, "Seed of the trainings.", low=0)
    faces: str = option("", "Drawn faces, a pattern of TFRecords; kinds that need them are left out without it.")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A training, and what the watchdog should say of it.

    Attributes:
        recipe: Name of the recipe in `trainers/`.
        should: The verdicts that are right; none of a healthy training, of which no alarm is.
        held: Whether it belongs to the half that was held back.
        flags: Those of the recipe that are not its own defaults.
        like: The healthy kind that a failing one is compared with.
        data: `"mnist5k"`, `"cifar10"` or `"faces"`.
        examples: How many of the images are trained on; all with 0.
        spoiled: What is done to it that no flag does: `"shuffled labels"`; `"no labels"` for the generator; `"blind
            discriminator"`, which sees no labels; `"same latent"` for all images.
        length: Training steps.
    """

    recipe: str
    should: tuple = _FINE
    held: bool = False
    flags: dict = dataclasses.field(default_factory=dict)
    like: str = ""
    data: str = "mnist5k"
    examples: int = 0
    spoiled: str = ""
    length: int = 400


# Networks are small, so that whole trainings are short. Rates are those of the recipes where nothing else is said.
SMALL = {
    "dcgan": {"filters": 8, "latent_dim": 32},
    "conditional_gan": {"filters": 8, "latent_dim": 32},
    "mlp_gan": {"generator_units": 256, "discriminator_units": 64, "parzen_samples": 0},
    "wgan_gp": {"filters": 8, "latent_dim": 32},
    "sngan": {"generator_filters": 8, "discriminator_filters": 8, "latent_dim": 32},
    "r3gan": {"latent_dim": 32},
}
_RATES = ("generator_learning_rate", "discriminator_learning_rate")


def _rates(generator, discriminator):
    return dict(zip(_RATES, (generator, discriminator), strict=True))


HEALTHY = {
    "dcgan": Kind("dcgan"),
    "dcgan, batch 16": Kind("dcgan", flags={"batch_size": 16}, length=600),
    "dcgan, least squares": Kind("dcgan", flags={"loss": "least_squares", "batch_size": 32}),
    "dcgan, slow rates": Kind("dcgan", flags={**_rates(3e-4, 3e-4), "batch_size": 32}, length=500),
    "dcgan, CIFAR-10": Kind("dcgan", flags={"batch_size": 32}, data="cifar10"),
    "conditional, projection": Kind("conditional_gan", flags={"batch_size": 32}, length=500),
    "conditional, auxiliary": Kind("conditional_gan", flags={"conditioning": "auxiliary", "batch_size": 32}),
    "mlp": Kind("mlp_gan", length=600),
    "sngan": Kind("sngan", flags={"batch_size": 32}, length=300),
    "wgan_gp": Kind("wgan_gp", flags={"batch_size": 32}, length=250),
    "r3gan": Kind("r3gan", flags={"batch_size": 32}, length=300),
    "dcgan, batch 8": Kind("dcgan", held=True, flags={"batch_size": 8}, length=600),
    "dcgan, batch 128": Kind("dcgan", held=True, flags={"batch_size": 128}, length=300),
    "dcgan, hinge": Kind("dcgan", held=True, flags={"loss": "hinge", "batch_size": 32}),
    "dcgan, batch normalization in both, slow": Kind(
        "dcgan", held=True, length=500,
        flags={"discriminator_normalization": "batch", "r1_gamma": 0.0, "batch_size": 32, **_rates(2e-4, 2e-4)},
    ),
    "dcgan, faces": Kind("dcgan", held=True, flags={"batch_size": 32}, data="faces"),
    "conditional, concatenation, batch 16": Kind(
        "conditional_gan", held=True, flags={"conditioning": "concat", "batch_size": 16}, length=600
    ),
    "conditional, CIFAR-10": Kind("conditional_gan", held=True, flags={"batch_size": 32}, data="cifar10"),
    "mlp, batch 16": Kind("mlp_gan", held=True, flags={"batch_size": 16}, length=600),
    "sngan, CIFAR-10, batch 16": Kind("sngan", held=True, flags={"batch_size": 16}, data="cifar10", length=300),
    "wgan_gp, batch 16": Kind("wgan_gp", held=True, flags={"batch_size": 16}, length=300),
    "r3gan, batch 16": Kind("r3gan", held=True, flags={"batch_size": 16}, length=400),
}  # fmt: skip

_BURST = (rules.DIVERGED, rules.COLLAPSE)
FAILING = {
    "generator's rate 0": Kind("dcgan", (STILL,), flags=_rates(0.0, 2e-3), like="dcgan", length=300),
    "shuffled labels": Kind(
        "conditional_gan", (LABELS,), flags={"batch_size": 32}, like="conditional, projection",
        spoiled="shuffled labels", length=500,
    ),
    "generator without labels": Kind(
        "conditional_gan", (LABELS,), flags={"conditioning": "auxiliary", "batch_size": 32},
        like="conditional, auxiliary", spoiled="no labels",
    ),
    "rates x 100": Kind("dcgan", _BURST, flags=_rates(0.2, 0.2), like="dcgan", length=300),
    "minimax, discriminator's rate x 20, no penalty": Kind(
        "dcgan", (rules.DISCRIMINATOR,), like="dcgan",
        flags={"loss": "minimax", "r1_gamma": 0.0, "batch_size": 32, **_rates(1e-4, 2e-3)},
    ),
    "discriminator's rate 0": Kind("dcgan", (rules.GENERATOR,), flags=_rates(2e-3, 0.0), like="dcgan", length=300),
    "one latent for all": Kind("dcgan", (rules.COLLAPSE,), like="dcgan", spoiled="same latent"),
    "Wasserstein without a bound, rate x 10": Kind(
        "wgan_gp", (rules.DIVERGED,), flags={"penalty": 0.0, "learning_rate": 5e-3, "batch_size": 32}, like="wgan_gp",
        length=250,
    ),
    "10 generator steps, fast": Kind(
        "dcgan", (rules.COLLAPSE, rules.GENERATOR), like="dcgan", length=200,
        flags={"generator_steps": 10, "r1_gamma": 0.0, "batch_size": 32, **_rates(5e-3, 5e-4)},
    ),
    "30 images": Kind(
        "dcgan", (rules.OVERFITTING, rules.DISCRIMINATOR), flags={"r1_gamma": 0.0, "batch_size": 16}, like="dcgan",
        examples=30, length=600,
    ),
    "CIFAR-10, no penalty, rates x 10": Kind(
        "dcgan", (*_BURST, rules.DISCRIMINATOR), data="cifar10", like="dcgan, CIFAR-10",
        flags={"r1_gamma": 0.0, "batch_size": 32, **_rates(2e-2, 2e-2)},
    ),
    "mlp, generator's rate 0": Kind(
        "mlp_gan", (STILL,), held=True, flags=_rates(0.0, 2e-4), like="mlp", length=400
    ),
    "sngan, generator's rate 1e-9": Kind(
        "sngan", (STILL,), held=True, flags={"batch_size": 32, **_rates(1e-9, 2e-3)}, like="sngan", length=200
    ),
    "shuffled labels, concatenation": Kind(
        "conditional_gan", (LABELS,), held=True, flags={"conditioning": "concat", "batch_size": 16},
        like="conditional, concatenation, batch 16", spoiled="shuffled labels", length=600,
    ),
    "discriminator without labels": Kind(
        "conditional_gan", (LABELS,), held=True, flags={"batch_size": 32}, like="conditional, projection",
        spoiled="blind discriminator", length=500,
    ),
    "sngan, rates x 100": Kind(
        "sngan", _BURST, held=True, flags={"batch_size": 32, **_rates(5e-2, 0.2)}, like="sngan", length=200
    ),
    "mlp, minimax, discriminator's rate x 20": Kind(
        "mlp_gan", (rules.DISCRIMINATOR,), held=True, like="mlp", length=600,
        flags={"loss": "minimax", "input_dropout": 0.0, "dropout": 0.0, **_rates(1e-4, 2e-3)},
    ),
    "faces, minimax, 8 discriminator steps, no penalty": Kind(
        "dcgan", (rules.DISCRIMINATOR,), held=True, data="faces", like="dcgan, faces", length=200,
        flags={"loss": "minimax", "r1_gamma": 0.0, "batch_size": 16, "discriminator_steps": 8, **_rates(1e-4, 2e-3)},
    ),
    "CIFAR-10, discriminator's rate / 1000": Kind(
        "dcgan", (rules.GENERATOR,), held=True, data="cifar10", like="dcgan, CIFAR-10", length=300,
        flags={"batch_size": 32, **_rates(2e-3, 2e-6)},
    ),
    "conditional, one latent for all": Kind(
        "conditional_gan", (rules.COLLAPSE,), held=True, flags={"batch_size": 32}, like="conditional, projection",
        spoiled="same latent", length=500,
    ),
    "r3gan, no penalty, rates x 30": Kind(
        "r3gan", (*_BURST, rules.DISCRIMINATOR), held=True, like="r3gan", length=200,
        flags={"gamma": 0.0, "final_gamma": 0.0, "learning_rate": 3e-2, "final_learning_rate": 3e-2, "batch_size": 32},
    ),
    "conditional, 10 generator steps, fast": Kind(
        "conditional_gan", (rules.COLLAPSE, rules.GENERATOR), held=True, like="conditional, projection", length=200,
        flags={"generator_steps": 10, "r1_gamma": 0.0, "batch_size": 32, "learning_rate": 5e-3},
    ),
    "mlp, 20 images": Kind(
        "mlp_gan", (rules.OVERFITTING, rules.DISCRIMINATOR), held=True, like="mlp", examples=20, length=800,
        flags={"batch_size": 16, "dropout": 0.0, "input_dropout": 0.0, **_rates(1e-3, 1e-3)},
    ),
}  # fmt: skip
KINDS = {**HEALTHY, **FAILING}
