"""The width of networks that `--filters=auto` means: a rule of the pictures' size and the kind of device."""

import dataclasses
import math

from trainers.engine import hardware

ON_ACCELERATORS = 64
ON_PROCESSORS = 32


def filters(image_shape):
    """Feature maps at the image's side.

    64 on a GPU or TPU, the width of published networks. On processors 32 up to a side of 32 pixels, and half as many
    for each doubling of the side, so that a run of minutes makes thousands of steps: the work of a layer is
    proportional to `(side * filters)^2`. Nothing is timed, so that equal commands make equal runs.

    Args:
        image_shape: `(height, width, channels)`.

    Returns:
        A power of two, at least 8.

    Example:

    >>> from trainers.engine import width
    >>> width.filters((28, 28, 1)), width.filters((64, 64, 3))
    (32, 16)
    """
    if hardware.accelerators():
        return ON_ACCELERATORS
    doublings = max(0, round(math.log2(max(image_shape[:2]) / 32)))
    return max(8, ON_PROCESSORS >> doublings)


def decide(config, spec):
    """A configuration whose `filters` are a number, where it has such a flag.

    Args:
        config: `trainers.engine.flags.RunConfig`.
        spec: `keras_gan.data.DataSpec`, of which `image_shape` is looked at.

    Returns:
        A configuration of the same class.
    """
    undecided = getattr(config, "filters", None) == 0
    return dataclasses.replace(config, filters=filters(spec.image_shape)) if undecided else config
