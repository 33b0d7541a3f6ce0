"""Layers that Keras lacks, or has in a form that an adversarial game cannot use."""

from keras_gan.layers.attention import SelfAttention
from keras_gan.layers.convolution import Conv2D, Conv2DTranspose
from keras_gan.layers.dropout import Dropout
from keras_gan.layers.grouped import GroupedConv2D
from keras_gan.layers.maxout import Maxout
from keras_gan.layers.minibatch import MinibatchStandardDeviation
from keras_gan.layers.normalization import (
    BatchNormalization,
    ConditionalBatchNormalization,
    GroupNormalization,
    LayerNormalization,
)
from keras_gan.layers.resampling import DownSampling2D, UpSampling2D
from keras_gan.layers.spectral import SpectralNormalization, iterate_spectral_norms

__all__ = [
    "BatchNormalization",
    "ConditionalBatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "DownSampling2D",
    "Dropout",
    "GroupNormalization",
    "GroupedConv2D",
    "LayerNormalization",
    "Maxout",
    "MinibatchStandardDeviation",
    "SelfAttention",
    "SpectralNormalization",
    "UpSampling2D",
    "iterate_spectral_norms",
]
