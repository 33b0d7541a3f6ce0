"""Feature extractors: the networks that metrics see images through."""

from keras_gan.metrics.features import classifiers, inception, lite0
from keras_gan.metrics.features.extractors import FeatureExtractor, automatic, for_dataset, get, of_inception, of_model

__all__ = [
    "FeatureExtractor",
    "automatic",
    "classifiers",
    "for_dataset",
    "get",
    "inception",
    "lite0",
    "of_inception",
    "of_model",
]
