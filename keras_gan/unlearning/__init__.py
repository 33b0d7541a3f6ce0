"""Feature unlearning: a trained generator forgets one feature of what it makes, without any training data."""

from keras_gan.unlearning.attack import Attack, bring_back
from keras_gan.unlearning.baselines import rejected, sample_projecting, sample_rejecting
from keras_gan.unlearning.features import Annotation, LatentDirection, LatentFeature, annotate, class_score, judge
from keras_gan.unlearning.unlearner import FeatureUnlearner, latent_batches

__all__ = [
    "Annotation",
    "Attack",
    "FeatureUnlearner",
    "LatentDirection",
    "LatentFeature",
    "annotate",
    "bring_back",
    "class_score",
    "judge",
    "latent_batches",
    "rejected",
    "sample_projecting",
    "sample_rejecting",
]
