"""Generators, translators, discriminators and encoders."""

from keras_gan.networks.base import Discriminator, Encoder, Generator
from keras_gan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from keras_gan.networks.encoders import DCGANEncoder, MLPEncoder
from keras_gan.networks.mlp import MLPDiscriminator, MLPGenerator
from keras_gan.networks.patch import PatchDiscriminator
from keras_gan.networks.plain import PlainGenerator
from keras_gan.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from keras_gan.networks.resnet import ResNetDiscriminator, ResNetGenerator
from keras_gan.networks.resnet_translator import ResNetTranslator
from keras_gan.networks.translator import Translator
from keras_gan.networks.unet import UNetGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANEncoder",
    "DCGANGenerator",
    "Discriminator",
    "Encoder",
    "Generator",
    "MLPDiscriminator",
    "MLPEncoder",
    "MLPGenerator",
    "PatchDiscriminator",
    "PlainGenerator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "ResNetTranslator",
    "Translator",
    "UNetGenerator",
]
