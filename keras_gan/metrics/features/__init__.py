"""Feature extractors: the networks that metrics see images through."""

from keras_gan.metrics.features import classifiers, inception
from keras_gan.metrics.features.extractors import FeatureExtractor, for_dataset, get, of_model

__all__ = ["FeatureExtractor", "classifiers", "for_dataset", "get", "inception", "of_model"]
