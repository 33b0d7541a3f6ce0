"""The real images that others are compared with, and the network that both are seen through."""

from keras_gan import data
from keras_gan.metrics import features
from trainers.engine import flags


def find_real(config, shape):
    """Finds the real images: those of a split, or of a folder without splits, for somebody's samples, all of them.

    Args:
        config: `trainers.evaluate.Config`.
        shape: Shape that they must have.

    Returns:
        The pair of the split's name and a `keras_gan.data` source.

    Raises:
        ValueError: If there are none, or none of that shape.
    """
    try:
        return config.split or "test", flags.find_like(config, config.split or "test", shape)
    except data.MissingSplitError:
        if config.split or not config.samples:
            raise
    real = flags.find_like(config, "train", shape)
    print(f"{config.dataset} has no split 'test': the samples are compared with all of its images.", flush=True)
    return "train", real


def features_of(config, shape):
    """Finds the network that images are seen through.

    Args:
        config: `trainers.evaluate.Config`.
        shape: Shape of the images.

    Returns:
        `keras_gan.metrics.features.FeatureExtractor`.

    Raises:
        ValueError: If none is known for such images, or one that is asked for does not see them; with the flags that
            would help.
    """
    if config.inception:
        if config.features:
            raise ValueError(f"Give --inception or --features. Received: --features={config.features}")
        seen = features.of_inception(config.inception)
        seen.check(shape)
        return seen
    name = config.features or features.for_dataset(config.dataset, shape)
    known = name or features.for_dataset(config.dataset)
    seen = features.get(known) if known else None
    # A folder's images can be made to fit; what a generator makes cannot.
    if config.samples and seen is not None and (advice := _conversion(config, seen, shape)):
        raise ValueError(
            f"{seen.name} sees images {_size(seen.image_shape)}, and those in {config.samples} are {_size(shape)}: "
            f"pass {advice}, or as --features a network that sees them as they are."
        )
    if name is None and (name := features.automatic(config.dataset, shape)):
        seen = features.get(name)
    if name is None:
        raise ValueError(
            f"No features for images {_size(shape)} of {config.dataset} come with the package: train a classifier and "
            "pass its .keras file as --features, or pass the name of another network (see --help)."
        )
    seen.check(shape)
    return seen


def _conversion(config, seen, shape):
    """The flags that make a folder's images fit a network; empty where they do."""
    height, width, channels = seen.image_shape
    advice = []
    if shape[:2] != (height, width) and seen.resize == "none":
        advice.append(f"--image_size={height}x{width}")
    # A network that is asked for sees gray images too, if the real ones are gray as well; one that resizes drops alpha.
    sees = config.features and (shape[2], channels) == (1, 3)
    if shape[2] != channels and not sees and (seen.resize == "none" or shape[2] == 1):
        advice.append(f"--channels={channels}")
    return " ".join(advice)


def _size(shape):
    return "x".join(map(str, shape))
