"""Pictures to look at in a run of a translator, and what they are measured by."""

import json
from typing import NamedTuple

import numpy as np

from keras_gan import callbacks, data, metrics
from keras_gan.data.pairs import Domains
from keras_gan.files import atomic
from trainers.engine import flags

_SHOWN = 32  # pictures in a grid
_MEASURED = 512  # pictures that are translated for an evaluation


class Examples(NamedTuple):
    """Pictures that are translated, and what they are to become or what is in the other domain.

    Attributes:
        sources: float32 `(n,) + source_shape` in [-1, 1].
        targets: float32 `(m,) + image_shape` in [-1, 1]; of pairs as many.
        paired: Whether they belong together.
        split: The split that they are of.
    """

    sources: np.ndarray
    targets: np.ndarray
    paired: bool
    split: str


def examples(config, most=_MEASURED, split=None):
    """Pictures to look at: of the split `test`, or where there is none of what is trained on.

    Args:
        config: A `flags.TranslationConfig`.
        most: The largest number of them.
        split: Another split, or `None`.

    Returns:
        `Examples`.
    """
    found = flags.find_held_out(config) if split is None else flags.find(config, split, held_out=True)
    name = split or ("test" if found is not None else config.split)
    if found is None:
        found = flags.find(config, held_out=True)
    return of_source(found, most, name, flags.loading(config, held_out=True)["condition"])


def of_source(source, most, split, condition=None):
    """Pictures of a source, in its order.

    Args:
        source: What `data.open_source` returned.
        most: The largest number of them.
        split: Name of its split.
        condition: As of `data.load`.

    Returns:
        `Examples`.

    Raises:
        ValueError: If the source has single images, and nothing is made of them.
    """
    if isinstance(source, Domains):
        parts = [_load(part, most)[0] for part in (source.a, source.b)]
        return Examples(*parts, False, split)
    loaded = _load(source, most, condition=condition)
    if len(loaded) != 2:
        raise ValueError(f"Of single images a source is made, which --source names. Received: {source.name}")
    return Examples(*loaded, True, split)


def _load(source, most, **options):
    """At most so many elements, from the first on, as a list of arrays."""
    dataset, _ = data.load(source, batch_size=64, shuffle=False, drop_remainder=False, **options)
    batches = [element if isinstance(element, tuple) else (element,) for element in dataset.take(-(-most // 64))]
    return [np.concatenate([np.asarray(part) for part in parts])[:most] for parts in zip(*batches, strict=True)]


def few(shown):
    """The pictures of a grid: a pair of arrays, evenly spaced in their order, which may be that of classes."""
    count = min(_SHOWN, len(shown.sources), len(shown.targets))
    return [part[np.arange(count) * len(part) // count] for part in (shown.sources, shown.targets)]


def features_of(config, image_shape):
    """Name of the network that translated images are seen through, or `None`."""
    if config.features == "none":
        return None
    if config.features != "auto":
        return config.features
    return metrics.features.for_dataset(target_data(config.dataset), image_shape)


def target_data(dataset):
    """The data that translated images are to be like: of two domains the second; of a class the set that has it.

    Example:

    >>> from trainers.engine import translations
    >>> translations.target_data("domains:mnist5k#3,mnist5k#5")
    'mnist5k'
    """
    return dataset.removeprefix("domains:").rpartition(",")[2].partition("#")[0]


def evaluation(run, log, shown):
    """The callback that measures translated images, or `None`; then it says why, unless that was asked for.

    Args:
        run: `trainers.engine.run.Run`.
        log: `keras_gan.callbacks.TrainingLog`.
        shown: `Examples`.

    Returns:
        `keras_gan.callbacks.EvaluateTranslation` or `None`.
    """
    config = run.config
    if not config.evaluate_every:
        return None
    name = features_of(config, run.spec.image_shape)
    if name is None and not shown.paired:
        if config.features != "none":
            print(
                f"No classifier for {config.dataset} comes with the package, and without pairs nothing else says how "
                "good translations are: the generators will be the last, not the best. --features= names a network.",
                flush=True,
            )
        return None
    if not shown.paired:
        # A distribution needs many images, and that of the second domain is what is to be learned.
        shown = examples(config, split=config.split)
    return callbacks.EvaluateTranslation(
        shown.sources,
        shown.targets,
        name,
        paired=shown.paired,
        steps=config.evaluate_every,
        folder=run.own.path,
        say=log.say,
    )


def write_metrics(folder, evaluation, step):
    """Writes what `RunFolder.metrics` reads, as `trainers.engine.report.write_metrics` does, without records.

    Args:
        folder: `RunFolder`.
        evaluation: `keras_gan.callbacks.EvaluateTranslation`.
        step: Training steps of the run.

    Returns:
        A sentence on whether the last steps made translations better, by the first of what is measured.
    """
    first = evaluation.metrics[0]
    content = {
        "name": first,
        "step": evaluation.best_step,
        "last_step": step,
        "records": [],
        "history": folder.evaluations(),
    }
    atomic.write_text(folder.metrics_file, json.dumps(content, indent=2) + "\n")
    best = f"{first} {evaluation.best_value:.4g}"
    if evaluation.best_step == step:
        return f"{best}: the last generator is the best."
    return f"{best}: best at step {evaluation.best_step}, and {evaluation.values[first]:.4g} at the end."
