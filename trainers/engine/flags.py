"""The flags of all trainers, what is checked of them, and what follows from them."""

import dataclasses
import warnings

import keras
import tensorflow as tf

from keras_gan import data, optimizers
from keras_gan.callbacks import watchdog
from keras_gan.callbacks.evaluate import SAMPLES, SLOW_SAMPLES
from keras_gan.cli import option
from trainers.engine import hardware
from trainers.engine.precision import POLICIES

LENGTHS = {"steps", "epochs", "minutes"}

_RUN, _DATA, _RECIPE, _EVALUATION, _HARDWARE = "the run", "the data", "the recipe", "evaluation", "hardware"


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """The flags of every run; a recipe adds its own, and its defaults."""

    GROUP = _RECIPE

    out: str = option(
        "", "Run folder; a numbered one below runs/ by default. One that holds a run goes on with it.",
        group=_RUN, resumable=True, private=True,
    )  # fmt: skip
    steps: int = option(2000, "Length in training steps.", low=1, group=_RUN, resumable=True)
    epochs: float = option(0.0, "Length in passes over the data, instead of --steps.", group=_RUN, resumable=True)
    minutes: float = option(
        0.0, "Length in minutes since the process started, instead of --steps.", group=_RUN, resumable=True
    )
    checkpoint_every: int = option(500, "Steps between checkpoints.", low=1, group=_RUN, resumable=True)
    log_every: int = option(
        100, "Steps between log entries, each the mean since the last.", low=1, group=_RUN, resumable=True
    )
    sample_every: int = option(100, "Steps between sample grids.", low=1, group=_RUN, resumable=True)
    init: str = option(
        "", "Begin with the weights of preset:NAME or of a .keras file, as far as they fit: fine-tuning.", group=_RUN
    )
    max_rollbacks: int = option(
        3, "How often a run that diverges goes back to its last checkpoint before it ends.",
        low=0, group=_RUN, resumable=True,
    )  # fmt: skip
    resume: bool = option(True, "Whether to go on with the run in --out if there is one.", group=_RUN, resumable=True)
    dry_run: bool = option(
        False, "Print configuration, sizes, measured speed and expected time; write nothing.",
        group=_RUN, resumable=True,
    )  # fmt: skip
    dataset: str = option(
        "mnist5k", "mnist5k, a name of TensorFlow Datasets, folder:PATH or tfrecord:PATTERN.", group=_DATA
    )
    split: str = option(
        "train", "What of it to train on; of TensorFlow Datasets also a part, as train[:50000].", group=_DATA
    )
    data_dir: str = option(
        "", "Where TensorFlow Datasets keeps prepared data; its own default if empty.",
        group=_DATA, resumable=True, private=True,
    )  # fmt: skip
    download: bool = option(
        False, "Whether TensorFlow Datasets may download what is not prepared.", group=_DATA, resumable=True
    )
    check_data: bool = option(
        False, "Read more than 20,000 files all before training, and not 1,000 of them.", group=_DATA, before=True
    )
    image_size: str = option("", "HxW: resize (antialiased) and centre-crop images to this size.", group=_DATA)
    channels: int = option(0, "1 to 4: convert images to as many channels; 0 leaves them.", group=_DATA)
    batch_size: int = option(64, "Images in one update's minibatch.", low=1)
    seed: int = option(0, "Determines initial weights, data order and every random draw.", low=0, below=2**32)
    evaluate_every: int = option(
        500, "Steps between evaluations of the averaged generator; 0 for none.", low=0, group=_EVALUATION
    )
    evaluate_samples: int = option(
        SAMPLES,
        f"Images that are generated for an evaluation; {SLOW_SAMPLES} by default where auto is "
        "efficientnet_lite0.",
        low=2, group=_EVALUATION,
    )  # fmt: skip
    features: str = option(
        "auto",
        "What evaluation sees images through: a name of keras_gan.metrics.features, a .keras file, none, or auto: the "
        "data set's own classifier, or else efficientnet_lite0.",
        group=_EVALUATION, auto="auto",
    )  # fmt: skip
    best_metric: str = option(
        "", "A logged quantity: the checkpoint where it was best is kept too.", group=_EVALUATION, resumable=True
    )
    best_mode: str = option("min", "Whether min or max of --best_metric is best.", group=_EVALUATION, resumable=True)
    precision: str = option(
        "auto", "float32, bfloat16, float16, or auto: bfloat16 where steps are faster in it.",
        group=_HARDWARE, auto="auto",
    )  # fmt: skip
    deterministic: bool = option(
        False, "Use only operations that give equal bits every time; a GPU needs it for that.", group=_HARDWARE
    )
    strategy: str = option(
        "none", "none, mirrored (all devices of this machine), multiworker (TF_CONFIG) or tpu.",
        group=_HARDWARE, resumable=True,
    )  # fmt: skip
    join_timeout: float = option(
        10.0, "Minutes that workers wait for those that are missing, whose names are said then.",
        low=0, group=_HARDWARE, resumable=True,
    )  # fmt: skip
    tpu: bool = option(False, "Train on a TPU; the same as --strategy=tpu.", group=_HARDWARE, resumable=True)
    tpu_name: str = option(
        "", "Name or grpc:// address of the TPU; the local one if empty.",
        group=_HARDWARE, resumable=True, private=True,
    )  # fmt: skip
    tpu_zone: str = option("", "Zone of a named TPU.", group=_HARDWARE, resumable=True, private=True)
    tpu_project: str = option("", "Project of a named TPU.", group=_HARDWARE, resumable=True, private=True)
    cpu_devices: int = option(
        1, "Split the processor into as many devices, to try --strategy=mirrored without others.",
        low=1, group=_HARDWARE, resumable=True,
    )  # fmt: skip

    def settled(self):
        """The configuration, once flags that stand for others have had their say."""
        return self


@dataclasses.dataclass(frozen=True)
class Config(RunConfig):
    """The flags of every trainer of a GAN."""

    discriminator_steps: int = option(1, "Discriminator updates per step, each on a minibatch of its own.", low=1)
    generator_steps: int = option(1, "Generator updates per step.", low=1)
    watchdog: bool = option(
        True, "Whether to say what goes wrong in training, at every log entry; see diagnosis.txt.", group=_EVALUATION
    )
    on_collapse: str = option(
        "warn", "What to do about a collapse: warn, rollback (try another way) or stop.",
        group=_EVALUATION, resumable=True,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class TranslationConfig(RunConfig):
    """The flags of every trainer of translators."""

    crop: str = option("", "HxW: train on windows of this size, at random places of the pictures.", group=_DATA)
    flip: bool = option(False, "Whether to mirror every other picture, with its partner.", group=_DATA)


def loading(config, held_out=False):
    """The further arguments of `data.load` that a configuration asks for.

    Args:
        config: The configuration.
        held_out: Whether it is for looking at, not for training: then no picture is mirrored or cut at random.

    Returns:
        Dictionary.
    """
    if not isinstance(config, TranslationConfig):
        return {}
    jitter = {} if held_out else {"crop": config.crop or None, "flip": config.flip}
    return {"condition": getattr(config, "source", "") or None, **jitter}


def find(config, split=None, held_out=False):
    """The data that a configuration names, as `data.open_source` returns them.

    Args:
        config: The configuration.
        split: Another split than its own, or `None`.
        held_out: Whether it is for looking at, not for training: then pictures have the size of windows.
    """
    return data.open_source(
        config.dataset,
        split or config.split,
        image_size=(held_out and getattr(config, "crop", "")) or config.image_size or None,
        direction=getattr(config, "direction", "") or "AtoB",
        channels=config.channels or None,
        data_dir=config.data_dir or None,
        download=config.download,
        check_all=getattr(config, "check_data", False),
    )


def find_like(config, split, shape, flag="split"):
    """The real images of a split, as the generator that makes images of `shape` would make them.

    Args:
        config: The configuration.
        split: Name of the split.
        shape: The shape.
        flag: Name of the flag that the split is given by.
    """
    try:
        source = find(config, split)
    except data.MissingSplitError as error:
        cure = "" if split == "train" else f" Pass --{flag}=train to take the images that were trained on."
        raise data.MissingSplitError(f"{error}.{cure}") from None
    if tuple(source.image_shape) != tuple(shape):
        raise ValueError(
            f"Generated and real images must have one shape: pass --image_size and --channels. Received: generated "
            f"{tuple(shape)}, {config.dataset} {tuple(source.image_shape)}"
        )
    return source


def find_held_out(config, shape=None):
    """The split `test` of the data that a configuration names, or `None` where there is none.

    One that is there and cannot be used is warned of: nothing that is made of it is worth a run.

    Args:
        config: The configuration.
        shape: Shape that its images must have, or `None` for any.
    """
    try:
        found = find(config, "test", held_out=True)
        found_shape = found.image_shape
        if isinstance(config, TranslationConfig):
            found_shape = data.load(found, batch_size=1, **loading(config, held_out=True))[1].image_shape
        if shape is not None and tuple(found_shape) != tuple(shape):
            raise ValueError(f"images for training have the shape {tuple(shape)}, and these have {found_shape}")
    except data.MissingSplitError:
        return None
    except (ValueError, OSError) as error:
        warnings.warn(f"No held-out data, the split 'test' cannot be used: {error}", stacklevel=2)
        return None
    return found


def rows_of(config):
    """Images in a batch of the data."""
    return config.batch_size * getattr(config, "discriminator_steps", 1)


def total_steps(config, spec):
    """The length of a run in training steps, or `None` if the clock decides."""
    if config.minutes:
        return None
    return max(1, round(config.epochs * epoch_steps(config, spec))) if config.epochs else config.steps


def epoch_steps(config, spec):
    """Training steps in a pass over the data."""
    return max(1, spec.num_examples // rows_of(config))


def linear_decay(learning_rate, updates, config, spec, constant=0.0):
    """A schedule of learning rates that fall to 0 in a straight line over a run.

    Args:
        learning_rate: The first.
        updates: Updates of the network in a training step.
        config: The `Config`.
        spec: Spec of the data.
        constant: Share of the run, its beginning, in which they stay as they are.

    Returns:
        `keras.optimizers.schedules.LearningRateSchedule`.

    Raises:
        ValueError: If `--minutes` leaves the number of steps open.
    """
    steps = total_steps(config, spec)
    if steps is None:
        raise ValueError(
            "Learning rates can fall to 0 only over a known number of steps: give --steps or --epochs, or keep the "
            f"rates as they are with --nodecay. Received: --minutes={config.minutes:g}"
        )
    if constant:
        return optimizers.schedules.LinearDecay(learning_rate, steps * updates, constant * steps * updates)
    return keras.optimizers.schedules.PolynomialDecay(learning_rate, steps * updates, 0.0)


def check(config, given):
    """Refuses flags that do not go together; `given` are the names of those on the command line."""
    lengths = given & LENGTHS
    if len(lengths) > 1:
        raise ValueError(f"Give one length, --steps, --epochs or --minutes. Received: {', '.join(sorted(lengths))}")
    for name in lengths - {"steps"}:
        if not getattr(config, name) > 0:
            raise ValueError(f"--{name} must be positive. Received: --{name}={getattr(config, name)}")
    if isinstance(config, Config):
        watchdog.check_answer("--on_collapse", config.on_collapse)
    if config.precision not in ("auto", *POLICIES):
        raise ValueError(
            f"--precision must be auto or one of {sorted(POLICIES)}. Received: --precision={config.precision}"
        )
    if hardware.strategy_name(config) == "multiworker" and config.minutes:
        raise ValueError(
            "--minutes does not go with --strategy=multiworker, whose workers have a clock each: give --steps or "
            "--epochs."
        )


def configure_tensorflow(config):
    """Seeds and sets up this process; to be called before the data and the networks are built."""
    # The remapper fails on convolutions with bias and LeakyReLU, at a node that differs from process to process,
    # so that equal runs would get different graphs.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    # Of what it warns of, such as checkpoints of another architecture, our errors say more.
    tf.get_logger().setLevel("ERROR")
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    # What `auto` means is found out later, with the model.
    keras.config.set_dtype_policy(POLICIES.get(config.precision, "float32"))
