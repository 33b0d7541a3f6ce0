"""Stacked MNIST: three digits as the colours of one image, 1,000 modes that can be counted."""

import dataclasses

import numpy as np

from keras_gan import random
from keras_gan.data import decoding, sources

# The digits that each is made of.
NAMES = {"stacked_mnist": "mnist", "stacked_mnist5k": "mnist5k"}
EXAMPLES = {"train": 128_000, "test": 26_000}


def stack(images, labels, n, seed=0):
    """Draws images whose three channels are digits chosen independently, with repetition.

    Args:
        images: uint8 digits `(m, height, width, 1)`.
        labels: Their integer classes `(m,)` in [0, 10).
        n: Number of images to make.
        seed: Integer that determines the choice.

    Returns:
        uint8 array `(n, height, width, 3)`, and int32 labels `(n,)`: `100 a + 10 b + c` for the digits a, b, c of the
        red, green and blue channel.

    Example:

    >>> digits = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    >>> images, labels = keras_gan.data.stacked.stack(digits, np.arange(10), n=2)
    >>> bool((images.reshape(2, 3) @ [100, 10, 1] == labels).all())
    True

    Reference: Metz et al. 2017, "Unrolled generative adversarial networks", section 3.3.1. The number of images is
    that of Lin et al. 2018, "PacGAN": 128,000.
    """
    u = random.uniform((n, 3), seed=(seed, 0)).numpy()
    chosen = np.minimum((u * len(images)).astype(np.int64), len(images) - 1)
    stacks = np.concatenate([images[chosen[:, channel]] for channel in range(3)], axis=-1)
    return stacks, (np.asarray(labels)[chosen] @ [100, 10, 1]).astype(np.int32)


def source(digits, name, request):
    """The source for a name of `NAMES`: stacks of the digits of a split, which stay apart."""
    split = request.split
    if split not in EXAMPLES:
        raise sources.MissingSplitError(f"Stacked digits have the splits {list(EXAMPLES)}. Received: split={split!r}")
    if request.channels not in (None, 3):
        raise ValueError(f"Stacked digits have 3 channels. Received: channels={request.channels}")
    if digits.images is None:
        raise ValueError("Stacked digits are made in memory: pass a larger `memory_limit`.")
    plain = digits.images
    if request.image_size is not None:
        plain = np.stack([decoding.fit(image, request.image_size, None) for image in plain])
    images, labels = stack(plain, digits.labels, EXAMPLES[split])
    made = sources.from_arrays((images, labels), sources.Request(num_classes=1000))
    return dataclasses.replace(
        made,
        identity=f"{name} {split} {EXAMPLES[split]} of {digits.identity}",
        class_names=[f"{number:03d}" for number in range(1000)],
    )
