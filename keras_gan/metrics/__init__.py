"""Metrics: pure functions over feature matrices and class probabilities in float64, and `evaluate` on top of them."""

from keras_gan.metrics import (
    attributes,
    collapse,
    conditional,
    divergence,
    features,
    parzen,
    records,
    registry,
    similarity,
    strokes,
    translation,
)
from keras_gan.metrics.distances import (
    KernelDistance,
    frechet_distance,
    frechet_distance_from_moments,
    kernel_distance,
    moments,
)
from keras_gan.metrics.evaluate import evaluate
from keras_gan.metrics.intervals import Interval, interval
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
from keras_gan.metrics.records import Record
from keras_gan.metrics.scores import ClassifierScore, classifier_score
from keras_gan.metrics.strokes import stroke_thickness
from keras_gan.metrics.truncation import TruncationCurve, truncation_curve

__all__ = [
    "ClassifierScore",
    "DataCopying",
    "DensityCoverage",
    "Interval",
    "KernelDistance",
    "ManifoldMetrics",
    "Modes",
    "Neighbours",
    "PrecisionRecall",
    "Record",
    "TruncationCurve",
    "attributes",
    "classifier_score",
    "collapse",
    "conditional",
    "data_copying",
    "density_coverage",
    "divergence",
    "evaluate",
    "features",
    "frechet_distance",
    "frechet_distance_from_moments",
    "interval",
    "kernel_distance",
    "manifold_metrics",
    "modes",
    "modes_from_counts",
    "moments",
    "nearest",
    "parzen",
    "precision_recall",
    "records",
    "registry",
    "similarity",
    "stroke_thickness",
    "strokes",
    "translation",
    "truncation_curve",
]
