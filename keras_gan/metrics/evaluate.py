"""One call from a generator, or from images, and real data to records."""


def evaluate(
    generator,
    real,
    features,
    metrics=None,
    num_samples=None,
    *,
    num_real=None,
    held_out=None,
    dataset=None,
    split="train",
    ema=None,
    step=None,
    seed=0,
    intervals=True,
    floor=True,
    batch_size=100,
    progress=True,
):
    """To come: a list of `Record`s, one for each metric, in the order of `records.METRICS`.

    Args:
        generator: A generator, a `GAN`, or images: uint8, or floats in [-1, 1].
        real: What `keras_gan.data.find` takes or returns: a `Source`, a name, an array, or a pair with labels.
        features: What `features.get` takes.
        metrics: Names of `records.METRICS`; by default all that the features allow.
        num_samples: Number of images to generate; by default as many as there are real ones, at most 10,000.
        num_real: Number of real images, evenly spaced in their order; by default all.
        held_out: Other real images, for the floor: as `real`. Without, the floor compares two halves of `real`.
        dataset: Name of the data, for the records.
        split: Split of the real images.
        ema: Whether the weights are averages; by default found out for a `GAN`.
        step: Training steps; by default those of a `GAN`.
        seed: Image i is generated from the seed `seed + i`.
        intervals: Whether to find confidence intervals.
        floor: Whether to measure real images against real images.
        batch_size: Images generated at a time.
        progress: Whether to show progress bars.
    """
    raise NotImplementedError
