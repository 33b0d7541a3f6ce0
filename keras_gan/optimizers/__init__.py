"""Optimizers whose `beta_2` and momentum may be schedules, and schedules by images seen."""

from keras_gan.optimizers import schedules
from keras_gan.optimizers.optimizers import SGD, Adam, apply, for_network

__all__ = ["SGD", "Adam", "apply", "for_network", "schedules"]
