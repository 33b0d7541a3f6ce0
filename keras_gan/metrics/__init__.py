"""Metrics: pure functions over feature matrices and class probabilities, in float64."""

from keras_gan.metrics.distances import (
    KernelDistance,
    frechet_distance,
    frechet_distance_from_moments,
    kernel_distance,
    moments,
)
from keras_gan.metrics.manifold import (
    DensityCoverage,
    ManifoldMetrics,
    PrecisionRecall,
    density_coverage,
    manifold_metrics,
    precision_recall,
)
from keras_gan.metrics.memorisation import DataCopying, Neighbours, data_copying, nearest
from keras_gan.metrics.modes import Modes, modes, modes_from_counts
from keras_gan.metrics.scores import ClassifierScore, classifier_score
from keras_gan.metrics.truncation import TruncationCurve, truncation_curve

__all__ = [
    "ClassifierScore",
    "DataCopying",
    "DensityCoverage",
    "KernelDistance",
    "ManifoldMetrics",
    "Modes",
    "Neighbours",
    "PrecisionRecall",
    "TruncationCurve",
    "classifier_score",
    "data_copying",
    "density_coverage",
    "frechet_distance",
    "frechet_distance_from_moments",
    "kernel_distance",
    "manifold_metrics",
    "modes",
    "modes_from_counts",
    "moments",
    "nearest",
    "precision_recall",
    "truncation_curve",
]
