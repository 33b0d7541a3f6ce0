"""The metrics that are measured by name: an entry each, of which all that knows them by name is made."""

import typing

from keras_gan.metrics import distances, intervals, manifold, scores
from keras_gan.metrics.features import inception, lite0

ANY = "any"
CLASSIFIER = "classifier"


class Metric(typing.NamedTuple):
    """An entry of `METRICS`.

    Attributes:
        title: The full name.
        better: `"lower"` or `"higher"`.
        about: What it is, in a clause.
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
    about: str
    function: typing.Callable
    sees: str = "features"
    options: dict = {}
    networks: str = ANY
    interval: typing.Callable = intervals.interval


def _frechet(title, seen, networks):
    about = f"how far what {seen} sees in generated images is from what it sees in real ones"
    return Metric(title, "lower", about, distances.frechet_distance, networks=networks)


def _kernel(title, networks):
    about = "a distance of the same kind by a polynomial kernel, without bias however few images"
    return Metric(title, "lower", about, distances.kernel_distance, options={"subsets": None}, networks=networks)


def _score(title, seen, networks):
    about = f"how sure {seen} is of each image, and how many classes it sees in all"
    return Metric(title, "higher", about, scores.classifier_score, "probabilities", networks=networks)


def _manifold(title, about):
    # Precision and recall look at 3 neighbours, density and coverage at 5.
    return Metric(title, "higher", about, manifold.manifold_metrics, "equal features", {"neighbours": (3, 5)})


METRICS = {
    "fcd": _frechet("Frechet classifier distance", "a classifier", CLASSIFIER),
    "kcd": _kernel("kernel classifier distance", CLASSIFIER),
    "classifier_score": _score("classifier score", "a classifier", CLASSIFIER),
    "lkd": _kernel("Lite0 kernel distance", lite0.NAME)._replace(
        about="a distance of what EfficientNet-Lite0 sees in generated images from what it sees in real ones, by a "
        "polynomial kernel, without bias however few images"
    ),
    "lfd": _frechet("Lite0 Frechet distance", "EfficientNet-Lite0", lite0.NAME),
    "fid": _frechet("Frechet Inception distance", "the Inception network", inception.NAME),
    "kid": _kernel("kernel Inception distance", inception.NAME),
    "inception_score": _score("Inception score", "the Inception network", inception.NAME),
    "precision": _manifold("precision", "the share of generated images that lie among real ones"),
    "recall": _manifold("recall", "the share of real images that lie among generated ones"),
    "density": _manifold("density", "how many real images a generated one has around it, 1 as real ones do"),
    "coverage": _manifold("coverage", "the share of real images that have a generated one nearby"),
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
