"""The fully connected GAN of 2014 on images: with today's optimizer, or as it was published.

    python -m trainers.mlp_gan
    python -m trainers.mlp_gan --preset=released_code --dataset=mnist --split=train[:50000] --minutes=30

Generator of rectified units with a sigmoid output, discriminator of maxout units with dropout: Goodfellow et al. 2014,
section 5. By default Adam takes the place of momentum, and samples come from an average of the generator's weights.
Presets:

  today          Adam, alternating updates, non-saturating loss
  released_code  momentum, both networks updated at once, non-saturating loss: the authors' mnist.yaml
  paper          the same, but alternating updates and the saturating loss: the paper's algorithm 1

At the end the Parzen-window estimate of the paper's table 1 is printed, and that of training images beside it. The two
factors of 1/2 in the released discriminator's loss are in its learning rate here, and the floor of 1e-6 below which its
learning rate does not decay, which takes 2.9 million updates to reach, is left out.
"""

import dataclasses
import json
import math

import keras
import numpy as np

import keras_gan
from keras_gan import data, optimizers
from keras_gan.files import atomic
from keras_gan.metrics import parzen
from trainers import engine
from trainers.engine import option

_RELEASED = {
    "batch_size": 100,
    "optimizer": "sgd",
    "update": "simultaneous",
    "generator_learning_rate": 0.1,
    "discriminator_learning_rate": 0.05,
    "generator_range": 0.05,
    "discriminator_range": 0.005,
    "latent_scale": math.sqrt(3.0),
    "marginals": True,
    "unit_range": True,
    "ema_momentum": 0.0,
}
_UPDATES = 250 * 500  # 250 epochs of 50,000 images, 100 at a time


@dataclasses.dataclass(frozen=True)
class Config(engine.Config):
    PRESETS = {
        "today": {},
        "released_code": _RELEASED,
        "paper": {**_RELEASED, "update": "alternating", "loss": "minimax"},
    }

    preset: str = option("today", "today, released_code or paper: what the flags that are not given are.")
    steps: int = option(6000, "Length in training steps.")
    checkpoint_every: int = option(1000, "Steps between checkpoints.")
    log_every: int = option(200, "Steps between log entries, each the mean since the last.")
    sample_every: int = option(200, "Steps between sample grids.")
    latent_dim: int = option(100, "Length of a latent vector.")
    latent_prior: str = option("uniform", "normal or uniform.")
    latent_scale: float = option(1.0, "Factor on the latents that the generator takes in.")
    generator_units: int = option(1200, "Width of the generator's two hidden layers.")
    discriminator_units: int = option(240, "Width of the discriminator's two hidden layers.")
    maxout_pieces: int = option(5, "Affine maps per maxout unit of the discriminator.")
    input_dropout: float = option(0.2, "Rate at which the discriminator's inputs are dropped.", low=0, below=1)
    dropout: float = option(0.5, "Rate at which the discriminator's hidden units are dropped.", low=0, below=1)
    unit_range: bool = option(False, "Whether the discriminator sees images in [0, 1], where a dropped pixel is black.")
    generator_range: float = option(0.0, "Kernels begin in U(-range, range); with 0 in N(0, 0.02).", low=0)
    discriminator_range: float = option(0.0, "The same of the discriminator.", low=0)
    marginals: bool = option(False, "Whether the generator's output begins at the mean image of the data.")
    loss: str = option("non_saturating", "Adversarial loss: a name of keras_gan.losses.get; the paper's is minimax.")
    update: str = option("alternating", "alternating, as the paper's algorithm, or simultaneous, as its code.")
    optimizer: str = option("adam", "adam; or sgd, whose momentum and learning rate follow the schedules of 2014.")
    generator_learning_rate: float = option(2e-4, "The generator's learning rate, the first with sgd.", low=0)
    discriminator_learning_rate: float = option(2e-4, "The discriminator's learning rate, the first with sgd.", low=0)
    beta_1: float = option(0.5, "Adam's beta_1.", low=0, below=1)
    ema_momentum: float = option(
        0.998, "Momentum of the average of the generator's weights; 0 leaves it out.", low=0, below=1
    )
    validation_split: str = option("", "Images that choose the Parzen bandwidth; by default a thousand of --split.")
    parzen_samples: int = option(10_000, "Samples of the Parzen-window estimate at the end; 0 leaves it out.", low=0)


def build(config, spec):
    """The compiled GAN of a configuration, for images of `spec.image_shape`."""
    if config.optimizer not in ("adam", "sgd"):
        raise ValueError(f"--optimizer must be adam or sgd. Received: --optimizer={config.optimizer}")
    units = (config.generator_units,) * 2, (config.discriminator_units,) * 2
    generator = keras_gan.networks.MLPGenerator(
        spec.image_shape,
        config.latent_dim,
        latent_prior=config.latent_prior,
        hidden_units=units[0],
        kernel_initializer=_uniform(config.generator_range),
        latent_scale=config.latent_scale,
    )
    if config.marginals:
        generator.output_layer.bias.assign(_logits_of_mean(config).reshape(-1))
    discriminator = keras_gan.networks.MLPDiscriminator(
        spec.image_shape,
        hidden_units=units[1],
        activation="maxout",
        pieces=config.maxout_pieces,
        input_dropout=config.input_dropout,
        dropout=config.dropout,
        kernel_initializer=_uniform(config.discriminator_range),
        input_range=(0.0, 1.0) if config.unit_range else (-1.0, 1.0),
    )
    gan = keras_gan.GAN(generator, discriminator, ema_momentum=config.ema_momentum or None, seed=config.seed)
    gan.compile(
        _optimizer(config, config.generator_learning_rate),
        _optimizer(config, config.discriminator_learning_rate),
        loss=config.loss,
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
        update=config.update,
    )
    return gan


def _uniform(limit):
    return keras.initializers.RandomUniform(-limit, limit) if limit else None


def _optimizer(config, learning_rate):
    if config.optimizer == "adam":
        return optimizers.Adam(learning_rate, config.beta_1)
    schedules = keras.optimizers.schedules
    # Divided by 1.000004 with every update, written so that float32 keeps the digits of the rate.
    decay = schedules.ExponentialDecay(learning_rate, decay_steps=1000, decay_rate=1.000004**-1000)
    rise = schedules.PolynomialDecay(0.5, _UPDATES, end_learning_rate=0.7)
    return optimizers.SGD(decay, momentum=rise)


def _logits_of_mean(config):
    """Logits that the output sigmoid takes to the mean image, in [0, 1]; pixels that are always black get 1e-7."""
    batches, spec = data.load(engine.find(config), batch_size=1000, shuffle=False, drop_remainder=False)
    mean = sum(np.sum((batch.numpy() + 1.0) / 2.0, axis=0, dtype=np.float64) for batch in batches) / spec.num_examples
    mean = np.clip(mean, 1e-7, 1.0 - 1e-7)
    return np.log(mean / (1.0 - mean))


def estimate(folder):
    """Writes `parzen.json`, the Parzen-window estimates of a run of the split `test`, and prints them; its path."""
    config = engine.of_run(Config, folder.path)
    if not config.parzen_samples or engine.find_held_out(config) is None:
        print(f"No Parzen-window estimate: {config.dataset} has no split 'test'." if config.parzen_samples else "")
        return None
    generator = keras.models.load_model(folder.generator_file, compile=False)
    rows = parzen.compare(
        generator,
        config.dataset,
        config.parzen_samples,
        split=config.split,
        validation_split=config.validation_split,
        data_dir=config.data_dir,
        seed=config.seed,
    )
    file = folder.path / "parzen.json"
    atomic.write_text(file, json.dumps(rows, indent=2) + "\n")
    print(f"\n{parzen.table(rows)}")
    return file


if __name__ == "__main__":
    engine.main("mlp_gan", __doc__, Config, build, epilogue=estimate)
