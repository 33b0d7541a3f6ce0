"""Small generators to export."""

import numpy as np

import keras_gan
from keras_gan.networks import DCGANGenerator, MLPDiscriminator, MLPGenerator, R3GANGenerator

# Those of latents that are a network of their own.
_OTHERS = {"Generator", "PlainGenerator", "UNetGenerator"}
GENERATORS = sorted({n for n in keras_gan.networks.__all__ if n.endswith("Generator")} - _OTHERS)


def spread(generator):
    """Gives random weights under which images fill their range; those of a new network are almost grey."""
    random = np.random.default_rng(0)
    weights = []
    for weight in generator.weights:
        if len(weight.shape) == 0:  # A count.
            weights.append(np.asarray(weight))
            continue
        # A transposed convolution with a 4x4 kernel and stride 2 adds up 4 taps of every channel.
        fan_in = {1: 16, 2: weight.shape[0], 4: 4 * weight.shape[-1]}[len(weight.shape)]
        values = random.normal(0.0, 2.0 / np.sqrt(fan_in), weight.shape)
        weights.append(np.abs(values) + 0.5 if weight.path.endswith("variance") else values)
    generator.set_weights(weights)
    return generator


def dcgan(image_shape=(9, 7, 3), filters=4, **kwargs):
    return spread(DCGANGenerator(image_shape, latent_dim=6, filters=filters, **kwargs))


def mlp(image_shape=(8, 8, 1), **kwargs):
    return spread(MLPGenerator(image_shape, latent_dim=6, hidden_units=(16,), **kwargs))


def r3gan(image_shape=(8, 8, 1), **kwargs):
    """Four groups in every block, past the start, where each block is the identity."""
    generator = R3GANGenerator(image_shape, latent_dim=6, widths=8, blocks=1, group_size=4, **kwargs)
    random = np.random.default_rng(0)
    for [block] in generator.stages:
        block.reduce.kernel.assign(random.normal(0.0, 0.5, block.reduce.kernel.shape))
    return generator


def smallest(name, image_shape, **kwargs):
    """The generator of a class of the package, as narrow as it can usefully be."""
    width = {
        "R3GANGenerator": {"widths": 16, "blocks": 1},
        "ResNetGenerator": {"filters": 8},
        "DCGANGenerator": {"filters": 8},
        "MLPGenerator": {"hidden_units": (16,)},
    }.get(name, {})
    return getattr(keras_gan.networks, name)(image_shape, latent_dim=6, **width, **kwargs)


def discriminator(image_shape, **kwargs):
    return spread(MLPDiscriminator(image_shape, hidden_units=(8,), activation="relu", **kwargs))
