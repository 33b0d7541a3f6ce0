"""Latent vectors: their priors, sampling by seed, arithmetic, inversion."""

from keras_gan.latents import inversion
from keras_gan.latents.arithmetic import analogy, interpolate, interpolations
from keras_gan.latents.inversion import Inversion, invert, search
from keras_gan.latents.priors import PRIORS, check_prior, from_noise, stateless
from keras_gan.latents.sampling import draw, from_seeds, generate, of_seeds, sample, sample_labels

__all__ = [
    "PRIORS",
    "Inversion",
    "analogy",
    "check_prior",
    "draw",
    "from_noise",
    "from_seeds",
    "generate",
    "interpolate",
    "interpolations",
    "inversion",
    "invert",
    "of_seeds",
    "sample",
    "sample_labels",
    "search",
    "stateless",
]
