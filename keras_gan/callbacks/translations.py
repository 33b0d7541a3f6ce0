"""Translated images while a translator is trained: pictures of them, and measures."""

import numpy as np

from keras_gan.callbacks.evaluate import Evaluate
from keras_gan.callbacks.samples import SampleGrids
from keras_gan.files import pictures
from keras_gan.metrics import features as networks
from keras_gan.metrics import registry, translation
from keras_gan.metrics.evaluate import evaluate


class TranslationGrids(SampleGrids):
    """Draws what becomes of the same images, again and again, as `translation_grid` arranges them.

    Args:
        folder: As of `SampleGrids`.
        every: Steps between grids.
        sources: Images that are translated, `(n,) + source_shape` in [-1, 1].
        targets: What they are to become, or, of a `CycleGAN`, images of the other domain.
    """

    def __init__(self, folder, every, sources, targets):
        super().__init__(folder, every)
        self.sources, self.targets = sources, targets

    def draw(self):
        """Draws the grid: a uint8 array."""
        return translation_grid(self.model, self.sources, self.targets)

    def more(self):
        """Draws nothing beside it."""
        return {}


def translation_grid(model, sources, targets, groups=4):
    """A grid of triples side by side: of a pair source, output and target; of two domains image, output and way back.

    Of two domains the upper half begins with images of the first, the lower half with images of the second.

    Args:
        model: A `Pix2Pix` or a `CycleGAN`.
        sources: Images that are translated, `(n,) + source_shape` in [-1, 1].
        targets: What they are to become, or images of the other domain.
        groups: Triples in a row.

    Returns:
        uint8 array, a `keras_gan.files.pictures.grid`.

    Example:

    >>> class Negative(keras_gan.networks.Translator):
    ...     def call(self, inputs, training=None):
    ...         return -self.unpack(inputs)
    >>> images = np.zeros((8, 64, 64, 1), "float32")
    >>> keras_gan.callbacks.translations.translation_grid(Negative((64, 64, 1)), images, images).shape
    (134, 794, 1)
    """
    made = model.translate(sources)
    if "generator_backward" not in getattr(model, "samplers", {}):
        return triples([sources, made, targets], groups)
    back = model.translate(targets, backward=True)
    rows = [sources, made, model.translate(made, backward=True)], [targets, back, model.translate(back)]
    channels = max(part.shape[-1] for row in rows for part in row)
    halves = [[translation.as_shown(part, channels) for part in row] for row in rows]
    # Whole rows of each, so that the second half begins a row.
    count = max(groups, min(len(sources), len(targets)) // groups * groups)
    parts = [np.concatenate([first[:count], second[:count]]) for first, second in zip(*halves, strict=True)]
    return triples(parts, groups)


def triples(parts, groups):
    """Draws images of several batches side by side, those of one row together.

    Args:
        parts: List of floats `(n, height, width, channels)` in [-1, 1]; gray ones are repeated beside others.
        groups: Rows of the batches in a row of the picture.

    Returns:
        uint8 array, a `keras_gan.files.pictures.grid`.
    """
    channels = max(part.shape[-1] for part in parts)
    shown = [translation.as_shown(part, channels) for part in parts]
    return pictures.grid(np.stack(shown, axis=1).reshape(-1, *shown[0].shape[1:]), columns=groups * len(parts))


class EvaluateTranslation(Evaluate):
    """Measures translated images every few epochs or steps, and remembers the best generators.

    Of pairs it measures `"ssim"`, `"psnr"` and `"l1"` as `keras_gan.metrics.translation.paired`; with `features` the
    Frechet distance of outputs from targets comes first, and decides what is best. Of two domains without pairs it
    measures that distance, of the forward generator's outputs from the second domain, and the `"cycle"` error; there
    `features` are needed.

    Args:
        sources: Images that are translated, `(n,) + source_shape` in [-1, 1].
        targets: What they are to become, or images of the other domain.
        features: What `keras_gan.metrics.features.get` takes, or `None`.
        paired: Whether targets belong to the sources.
        epochs: As of `Evaluate`.
        steps: As of `Evaluate`.
        folder: As of `Evaluate`.
        say: As of `Evaluate`.

    Raises:
        ValueError: If there is nothing to measure.
    """

    def __init__(self, sources, targets, features=None, paired=True, epochs=1, steps=None, folder=None, say=None):
        if features is None and not paired:
            raise ValueError(
                "Of images that belong to none only their distribution can be judged, through features. "
                "Received: features=None, paired=False"
            )
        self.sources, self.targets, self.paired = sources, targets, paired
        self.features = None if features is None else networks.get(features)
        self._frechet = [] if features is None else registry.names_for(self.features.name)[:1]
        metrics = self._frechet + (["ssim", "psnr", "l1"] if paired else [translation.CYCLE])
        better = registry.METRICS[metrics[0]].better if self._frechet else translation.BETTER[metrics[0]]
        self._schedule(metrics, better, epochs, steps, folder, say)

    def measure(self):
        """Measures the model now: a dictionary from the metrics' names to values."""
        made = self.model.translate(self.sources)
        found = {}
        if self._frechet:
            self.records = evaluate(
                made, self.targets, self.features, self._frechet, intervals=False, floor=False, progress=False
            )
            found = {record.name: record.value for record in self.records}
        if self.paired:
            measured = translation.paired(made, self.targets, ["ssim", "psnr", "l1"])
            return found | {name: float(values.mean()) for name, values in measured.items()}
        returned = self.model.translate(made, backward=True)
        return found | {translation.CYCLE: translation.cycle(returned, self.sources).value}

    def explain(self, name):
        if name in registry.METRICS:
            return super().explain(name)
        return f"{name}: {translation.TITLES[name]}; {translation.BETTER[name]} is better"
