"""Variational autoencoder: an encoder and a DCGAN generator, trained on the evidence lower bound.

    python -m trainers.vae

trains on 4,500 MNIST digits that come with the installation. The run's generator.keras is the decoder, a generator
like any other: it is sampled, evaluated, exported and made to unlearn as one that a GAN trained. Held-out digits and
what becomes of them are in reconstructions.png.
"""

import dataclasses

import keras
import numpy as np

import keras_gan
from keras_gan.files import pictures
from trainers import engine
from trainers.engine import option


@dataclasses.dataclass(frozen=True)
class Config(engine.RunConfig):
    steps: int = option(1500, "Length in training steps.", low=1)
    latent_dim: int = option(32, "Length of a latent vector.", low=1)
    filters: int = option(
        0, "Feature maps at the image's side of both networks; auto: from its size and the device.",
        low=1, before=64, auto=0,
    )  # fmt: skip
    likelihood: str = option("gaussian", "gaussian or bernoulli.")
    variance: float = option(0.0, "Variance of a Gaussian likelihood, of pixels in [-1, 1]; 0 to train it.", low=0)
    beta: float = option(1.0, "Weight of the divergence from the prior; 1 for the evidence lower bound.", low=0)
    learning_rate: float = option(1e-3, "Adam's learning rate.", low=0)


def build(config, spec):
    """The compiled VAE of a configuration, for images of `spec.image_shape`."""
    config = engine.decide_width(config, spec)
    networks = keras_gan.networks
    vae = keras_gan.VAE(
        networks.DCGANEncoder(spec.image_shape, config.latent_dim, filters=config.filters),
        networks.DCGANGenerator(spec.image_shape, config.latent_dim, filters=config.filters),
        likelihood=config.likelihood,
        variance=config.variance or None,
        seed=config.seed,
    )
    vae.compile(keras.optimizers.Adam(config.learning_rate), beta=config.beta)
    return vae


def draw_reconstructions(folder, n=32, columns=16):
    """Writes `reconstructions.png`: images of the split `test`, or of what was trained on, each above what it became.

    Args:
        folder: `RunFolder` of a trained run.
        n: Number of images.
        columns: Images in a row.

    Returns:
        Path of the file.
    """
    config = engine.of_run(Config, folder.path)
    source = engine.find_held_out(config) or engine.find(config)
    dataset, _ = keras_gan.data.load(source, batch_size=n, shuffle=False, drop_remainder=False, labels=False)
    originals = next(iter(dataset)).numpy()
    vae = keras.models.load_model(folder.path / "vae.keras", compile=False)
    parts = [originals[start : start + columns] for start in range(0, len(originals), columns)]
    rows = [row for part in parts for row in (part, vae.reconstruct(part))]
    file = folder.path / "reconstructions.png"
    pictures.write_png(file, pictures.grid(np.concatenate(rows), columns=columns))
    print(f"{file}: held-out images, each above what the model makes of it")
    return file


if __name__ == "__main__":
    engine.main("vae", __doc__, Config, build, epilogue=draw_reconstructions)
