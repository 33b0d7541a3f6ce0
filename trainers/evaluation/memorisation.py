"""Signs that a generator copies what it was trained on: a test, and the pairs of images that come closest."""

import numpy as np
import scipy

from keras_gan import metrics
from keras_gan.files import pictures
from keras_gan.metrics.evaluate import evenly, see_source

_MOST_SLOW = 10_000  # training images that a network is shown which takes milliseconds an image


def pixels(source, indices=None):
    """Images of a source, uint8.

    Args:
        source: `keras_gan.data` source.
        indices: Which of them; by default all.
    """
    indices = range(source.num_examples) if indices is None else indices
    if source.images is None:
        return np.stack([source.read(int(index))[0] for index in indices])
    images = source.images[list(indices)]
    return images if images.dtype == np.uint8 else pictures.to_uint8(images)


def look(seen, train, test, fakes, columns=16):
    """Looks for copies of training images among generated ones.

    Args:
        seen: `keras_gan.metrics.FeatureExtractor`.
        train: `keras_gan.data` source of the images that were trained on; `None` where `test` is of them.
        test: The same of images to compare with.
        fakes: uint8 generated images.
        columns: Pairs in a row of the picture.

    Returns:
        The pair of a dictionary of numbers and a `reading` in words, and of a picture with its caption.
    """
    if train is None:
        train = test
    most = _MOST_SLOW if seen.is_slow else None
    rows = evenly(train.num_examples, most)
    known = see_source(seen, train, rows, progress=True)[0]
    generated = seen.both(fakes, f"{seen.name}, generated images")[0]
    if train is test:
        of_fake = metrics.nearest(generated, known, progress=True)
        reading = "There is no split that was not trained on, so nothing says how near new real images would be."
        result = {"reading": reading}
    else:
        others = see_source(seen, test, evenly(test.num_examples, most), progress=True)[0]
        found = metrics.data_copying(known, others, generated, progress=True)
        of_fake = found.fake
        names = ("score", "z_score", "near_copies", "expected_near_copies")
        result = {name: getattr(found, name) for name in names}
        result["reading"] = _read(found)
    if len(rows) < train.num_examples:
        result["reading"] += f" Copies were looked for in {len(rows)} of {train.num_examples} training images."
    closest = np.argsort(of_fake.distances, kind="stable")[:columns]
    first = np.arange(min(columns, len(fakes)))
    pairs = []
    for chosen in (first, closest):
        pairs += [fakes[chosen], pixels(train, rows[of_fake.indices[chosen]])]
    caption = (
        f"Generated images and, below each, the training image that is nearest in the features: above, the first "
        f"{len(first)} generated ones; below, of all {len(fakes)} those that come closest to a training image."
    )
    return result, (pictures.grid(pictures.from_uint8(np.concatenate(pairs)), columns=columns), caption)


def _read(found):
    if found.z_score < -3 or (found.near_copies > 0.05 and _chance_of_near_copies(found) < 1e-3):
        verdict = "That is a sign of copying: look at the pairs."
    elif found.z_score > 3:
        verdict = "No sign of copying; generated images are less like the training data than real ones are."
    else:
        verdict = "No sign of copying."
    return (
        f"A generated image is farther from the training data than a held-out real one with probability "
        f"{found.score:.2f} (1/2 if they cannot be told apart; z = {found.z_score:.1f}), and {found.near_copies:.1%} "
        f"of the generated images come closer to a training image than {1 - found.expected_near_copies:.1%} of "
        f"held-out real ones do (expected: {found.expected_near_copies:.1%}). {verdict}"
    )


def _chance_of_near_copies(found):
    """The probability that a perfect model has as many: the share below an order statistic has a beta distribution."""
    places, count = len(found.test.distances) + 1, len(found.fake.distances)
    rank = round(found.expected_near_copies * places)
    return scipy.stats.betabinom.sf(round(found.near_copies * count) - 1, count, rank, places - rank)
