"""From flags to a finished run folder: what all trainers share."""

import dataclasses
import itertools
import json
import re
import resource
import sys
import time
from pathlib import Path

import keras
import tensorflow as tf

from keras_gan import callbacks, command, data, pictures
from keras_gan.command import option
from trainers import STARTED, report

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}

# What may differ between a run and its continuation.
_FREE = {
    "out", "steps", "epochs", "minutes", "checkpoint_every", "log_every", "sample_every", "resume", "dry_run",
    "data_dir", "download",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of every trainer; a recipe adds its own, and its defaults."""

    out: str = option("", "Run folder; a numbered one below runs/ by default.")
    dataset: str = option("mnist5k", "mnist5k, a name of TensorFlow Datasets, folder:PATH or tfrecord:PATTERN.")
    data_dir: str = option("", "Where TensorFlow Datasets keeps prepared data; its own default if empty.")
    download: bool = option(False, "Whether TensorFlow Datasets may download what is not prepared.")
    image_size: str = option("", "HxW: resize (antialiased) and centre-crop images to this size.")
    channels: int = option(0, "1 to 4: convert images to as many channels; 0 leaves them.")
    steps: int = option(2000, "Length in training steps.")
    epochs: float = option(0.0, "Length in passes over the data, instead of --steps.")
    minutes: float = option(0.0, "Length in minutes since the process started, instead of --steps.")
    batch_size: int = option(64, "Images in one update's minibatch.")
    discriminator_steps: int = option(1, "Discriminator updates per step, each on a minibatch of its own.")
    generator_steps: int = option(1, "Generator updates per step.")
    seed: int = option(0, "Determines initial weights, data order and every random draw.")
    precision: str = option("float32", "float32, bfloat16 or float16.")
    checkpoint_every: int = option(500, "Steps between checkpoints.")
    log_every: int = option(100, "Steps between log entries, each the mean since the last.")
    sample_every: int = option(100, "Steps between sample grids.")
    resume: bool = option(True, "Whether to go on with the run in --out if there is one.")
    dry_run: bool = option(False, "Print configuration, sizes, measured speed and expected time; write nothing.")


def main(program, about, config_class, build, argv=None):
    """Trains a recipe from the command line.

    Args:
        program: Name of the recipe, `"dcgan"` for `python -m trainers.dcgan`.
        about: What `--help` prints above the flags; a recipe passes its module's docstring.
        config_class: A subclass of `Config`.
        build: Function of the configuration and the data's spec that returns a compiled `GAN`.
        argv: Command-line arguments; by default the process's own.
    """
    config, given = command.parse(config_class, f"python -m trainers.{program}", about, argv)
    command.run(lambda: _train(program, config, given, build))


def _train(program, config, given, build):
    _check(config, given)
    folder = _run_folder(program, config)
    _configure_tensorflow(config)

    newest = max((int(file.stem.split("-")[1]) for file in folder.glob("checkpoints/ckpt-*.index")), default=0)
    dataset, spec = _load(config, start_batch=newest)
    gan = build(config, spec)
    epoch_steps = max(1, spec.num_examples // _rows(config))
    total_steps = _total_steps(config, epoch_steps)
    print(_describe(program, config, spec, gan, total_steps), flush=True)
    if config.dry_run:
        _dry_run(config, gan, dataset, total_steps)
        return

    checkpoint = callbacks.Checkpoint(folder / "checkpoints", config.checkpoint_every, started=STARTED)
    step = checkpoint.restore(gan)
    if step != newest:
        dataset, _ = _load(config, start_batch=step)
    if _is_finished(folder, config, total_steps, step, float(checkpoint.seconds)):
        print(f"{folder} is finished: it has {step} steps. A larger --steps extends it.")
        return
    # A default name that another process took meanwhile is an error.
    folder.mkdir(parents=True, exist_ok=bool(config.out))
    callbacks.replace_text(folder / "config.json", _config_text(program, config))
    if step:
        print(f"Resuming {folder} at step {step}.")

    interrupted = callbacks.StopOnSignal()
    if total_steps is None or step < total_steps:
        log = callbacks.TrainingLog(
            folder, config.log_every, _rows(config), epoch_steps, total_steps, _load_held_out(config)
        )
        gan.fit(
            dataset,
            steps_per_epoch=sys.maxsize if total_steps is None else total_steps - step,
            verbose=0,
            callbacks=[
                _first_step(log),
                callbacks.StopOnNonFinite(),
                interrupted,
                *([callbacks.Deadline(checkpoint.started + 60 * config.minutes)] if config.minutes else []),
                log,
                callbacks.SampleGrids(folder, config.sample_every),
                checkpoint,
            ],
        )
    step = int(gan.step.numpy())
    if interrupted.received:
        rest = " ".join(f"--{name}={getattr(config, name)}" for name in sorted(given - {"out"}))
        print(f"Stopped at step {step}, saved. To go on: python -m trainers.{program} --out={folder} {rest}".rstrip())
        raise SystemExit(128 + interrupted.received)
    _finish(folder, gan, step, float(checkpoint.seconds))


def _check(config, given):
    lengths = given & {"steps", "epochs", "minutes"}
    if len(lengths) > 1:
        raise ValueError(f"Give one length, --steps, --epochs or --minutes. Received: {', '.join(sorted(lengths))}")
    for name in (
        "steps", "batch_size", "discriminator_steps", "generator_steps", "checkpoint_every", "log_every", "sample_every"
    ):  # fmt: skip
        if getattr(config, name) < 1:
            raise ValueError(f"--{name} must be at least 1. Received: --{name}={getattr(config, name)}")
    for name in lengths - {"steps"}:
        if not getattr(config, name) > 0:
            raise ValueError(f"--{name} must be positive. Received: --{name}={getattr(config, name)}")
    if config.precision not in POLICIES:
        raise ValueError(f"--precision must be one of {sorted(POLICIES)}. Received: --precision={config.precision}")


def _run_folder(program, config):
    """The folder that --out names, checked against the run in it; or the next numbered one."""
    if not config.out:
        source = re.sub(r"[^A-Za-z0-9]+", "-", Path(config.dataset).name if ":" in config.dataset else config.dataset)
        names = (Path("runs", f"{program}-{source.strip('-')}-{number:03d}") for number in itertools.count(1))
        return next(name for name in names if not name.exists())
    folder = Path(config.out)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out must be a folder. Received: --out={folder}, which is a file")
    if not folder.is_dir() or not any(folder.iterdir()):
        return folder
    file = folder / "config.json"
    if not file.exists():
        raise ValueError(f"{folder} is not empty and holds no run: choose another --out.")
    if not config.resume:
        raise ValueError(f"{folder} holds a run already: choose another --out, or leave --noresume out.")
    old, new = json.loads(file.read_text("utf-8")), json.loads(_config_text(program, config))
    differing = [name for name in new if name not in _FREE and old.get(name) != new[name]]
    if differing:
        changes = ", ".join(f"{name} was {old.get(name)!r} and is now {new[name]!r}" for name in differing)
        raise ValueError(f"{folder} holds a run of another configuration: {changes}. Choose another --out.")
    return folder


def _config_text(program, config):
    return json.dumps({"trainer": program, **dataclasses.asdict(config)}, indent=2) + "\n"


def _configure_tensorflow(config):
    # The remapper fails on convolutions with bias and LeakyReLU, at a node that differs from process to process,
    # so that equal runs would get different graphs.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(POLICIES[config.precision])


def _load(config, **kwargs):
    return data.load(
        config.dataset,
        batch_size=_rows(config),
        image_size=config.image_size or None,
        channels=config.channels or None,
        seed=config.seed,
        data_dir=config.data_dir or None,
        download=config.download,
        **{"split": "train", "repeat": True, **kwargs},
    )


def _load_held_out(config):
    """At most 512 images of the split `test`, or `None` where there is none."""
    try:
        dataset, _ = _load(config, split="test", repeat=False, shuffle=False)
    except ValueError:
        return None
    return dataset.take(max(1, 512 // _rows(config)))


def _rows(config):
    return config.batch_size * config.discriminator_steps


def _total_steps(config, epoch_steps):
    if config.minutes:
        return None
    return max(1, round(config.epochs * epoch_steps)) if config.epochs else config.steps


def _is_finished(folder, config, total_steps, step, seconds):
    file = folder / "result.json"
    if not file.exists() or json.loads(file.read_text("utf-8"))["steps"] != step:
        return False
    return seconds >= 60 * config.minutes if total_steps is None else step >= total_steps


def _describe(program, config, spec, gan, total_steps):
    height_width = "x".join(map(str, spec.image_shape))
    length = f"{total_steps} steps" if total_steps else f"{config.minutes:g} minutes"
    g_size, d_size = (network.count_params() for network in (gan.generator, gan.discriminator))
    return (
        f"{program}: {spec.num_examples} images {height_width} of {config.dataset}, "
        f"generator {g_size:,} and discriminator {d_size:,} parameters, "
        f"{length} of {_rows(config)} images, {config.precision}"
    )


def _dry_run(config, gan, dataset, total_steps):
    print(json.dumps(dataclasses.asdict(config), indent=2))
    optimizers = gan.generator_optimizer.variables + gan.discriminator_optimizer.variables
    held = sum(
        variable.value.shape.num_elements() * variable.value.dtype.size for variable in gan.variables + optimizers
    )
    warm, timed = 3, 10
    moments = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: moments.append(time.monotonic()))
    gan.fit(dataset, steps_per_epoch=warm + timed, verbose=0, callbacks=[clock])
    rate = timed / (moments[-1] - moments[warm - 1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"memory: {held / 2**20:.0f} MiB of weights and optimizer states; {peak / 2**20:.0f} MiB at peak")
    print(
        f"speed: {rate:.3g} steps/s, {rate * _rows(config):.0f} images/s; first step after {moments[0] - STARTED:.1f} s"
    )
    if total_steps:
        print(f"expected time: {total_steps / rate / 60:.1f} minutes for {total_steps} steps")
    else:
        print(f"expected length: {rate * 60 * config.minutes:.0f} steps in {config.minutes:g} minutes")


def _first_step(log):
    """A callback that says how long the user waited before training began."""
    waited = []

    def note(batch, logs):
        if not waited:
            waited.append(time.monotonic() - STARTED)
            log.say(f"first step {waited[0]:.1f} s after the command")

    return keras.callbacks.LambdaCallback(on_train_batch_end=note)


def _finish(folder, gan, step, seconds):
    pictures.write_png(folder / "samples" / f"step-{step:07d}.png", pictures.grid(gan.sample(64)))
    for name, save in (("gan.keras", gan.save), ("generator.keras", gan.save_generator)):
        # Keras writes in place: a disk that fills up would take the old file with it.
        partial = folder / f".partial.{name}"
        save(partial)
        partial.replace(folder / name)
    report.draw_curves(folder)
    report.draw_progress(folder)
    callbacks.replace_text(folder / "result.json", json.dumps({"steps": step, "seconds": round(seconds, 1)}) + "\n")
    print(report.summary(folder, step, seconds))
