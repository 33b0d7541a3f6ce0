"""The metrics that are measured by name: an entry each, of which all that knows them by name is made."""

import typing

from keras_gan.metrics import distances, intervals, manifold, scores
from keras_gan.metrics.features import inception

ANY = "any"
CLASSIFIER = "classifier"


class Metric(typing.NamedTuple):
    """An entry of `METRICS`.

    Attributes:
        title: The full name.
        better: `"lower"` or `"higher"`.
        function: From the samples that `sees` names to a float or a named tuple, of which the field of the metric's
            name is taken, or else the first. It runs once for all metrics that have it with equal `options`.
        sees: What it needs: `"features"`, those of real and of generated images; `"equal features"`, of as many real as
            generated ones; or `"probabilities"`, which a classifier gives generated images.
        options: Further arguments, which are kept in the record.
        networks: Whose features make it this metric: `ANY`, the name of one network, or `CLASSIFIER`, all networks of
            which no metric has the name.
        interval: From the function, samples and options to `keras_gan.metrics.Interval`s by name; a `ValueError` means
            that there are too few samples for one.
    """

    title: str
    better: str
    function: typing.Callable
    sees: str = "features"
    options: dict = {}
    networks: str = ANY
    interval: typing.Callable = intervals.interval


def _frechet(title, networks):
    return Metric(title, "lower", distances.frechet_distance, networks=networks)


def _kernel(title, networks):
    return Metric(title, "lower", distances.kernel_distance, options={"subsets": None}, networks=networks)


def _score(title, networks):
    return Metric(title, "higher", scores.classifier_score, "probabilities", networks=networks)


def _manifold(title):
    # Precision and recall look at 3 neighbours, density and coverage at 5.
    return Metric(title, "higher", manifold.manifold_metrics, "equal features", {"neighbours": (3, 5)})


METRICS = {
    "fcd": _frechet("Frechet classifier distance", CLASSIFIER),
    "kcd": _kernel("kernel classifier distance", CLASSIFIER),
    "classifier_score": _score("classifier score", CLASSIFIER),
    "fid": _frechet("Frechet Inception distance", inception.NAME),
    "kid": _kernel("kernel Inception distance", inception.NAME),
    "inception_score": _score("Inception score", inception.NAME),
    "precision": _manifold("precision"),
    "recall": _manifold("recall"),
    "density": _manifold("density"),
    "coverage": _manifold("coverage"),
}


def names_for(network, metrics=None):
    """The names of metrics with the features of a network: checked, or all that there are.

    Args:
        network: Name of the network.
        metrics: Names, or `None`.

    Returns:
        List of names.

    Raises:
        ValueError: If a name is unknown, or is that of the metric with other features.

    Example:

    >>> keras_gan.metrics.registry.names_for("mnist_classifier")[:2]
    ['fcd', 'kcd']
    >>> keras_gan.metrics.registry.names_for("inception_v3_2015", "fid")
    ['fid']
    """
    named = {metric.networks for metric in METRICS.values()}
    kind = network if network in named else CLASSIFIER
    known = [name for name, metric in METRICS.items() if metric.networks in (ANY, kind)]
    if metrics is None:
        return known
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in metrics:
        if name not in known:
            raise ValueError(f"With the features of {network} metrics are {known}. Received: metrics={metrics}")
    return metrics
