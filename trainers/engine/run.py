"""From flags to a finished run folder: what all trainers share."""

import contextlib
import dataclasses
import errno
import json
import os
import resource
import shutil
import sys
import time
import warnings
from pathlib import Path

import keras
import tensorflow as tf

from keras_gan import callbacks, cli, data, metrics, random
from keras_gan.callbacks import samples
from keras_gan.callbacks.watchdog import signals
from keras_gan.files import atomic, pictures
from keras_gan.models import inputs
from trainers import STARTED
from trainers.engine import flags, hardware, report

_MOST_REAL = 10_000  # images that generated ones are compared with


def main(program, about, config_class, build, argv=None, labels=False):
    """Trains a recipe from the command line.

    Args:
        program: Name of the recipe, `"dcgan"` for `python -m trainers.dcgan`.
        about: What `--help` prints above the flags; a recipe passes its module's docstring.
        config_class: A subclass of `Config`, or of `RunConfig` for what is no GAN.
        build: Function of the configuration and the data's spec that returns a compiled `GAN`, or another
            `keras_gan.models.base.GenerativeModel`.
        argv: Command-line arguments; by default the process's own.
        labels: Whether the recipe is conditional and needs data with labels.

    Returns:
        `pathlib.Path` of the folder of the finished run; `None` after a dry run, and on all workers but the first.
    """
    config, given = cli.parse(config_class, f"python -m trainers.{program}", about, argv)
    return cli.run(lambda: _train(program, config, given, build, labels))


def _train(program, config, given, build, labels):
    flags.check(config, given)
    folder = flags.run_folder(program, config)
    strategy = hardware.make_strategy(config)
    with hardware.worker(strategy, folder) as own, _room(own):
        atomic.nearest_folder(own / "config.json")
        config = flags.resolve_precision(config, folder, strategy)
        flags.configure_tensorflow(config)

        examples = flags.find(config)
        _, spec = data.load(examples, repeat=True, labels=labels)
        flags.check_data(folder, spec)
        hardware.check_same(strategy, "flags or data", flags.config_text(program, config, data=spec.fingerprint))
        with strategy.scope():
            model = build(config, spec)
        run = _Run(program, config, folder, own, strategy, examples, spec, model)
        print(_describe(run), flush=True)
        if config.dry_run:
            _dry_run(run)
            return None
        return _train_and_finish(run, given)


@dataclasses.dataclass(frozen=True)
class _Run:
    """A run that is about to begin: what was asked for, where it goes, and what it trains."""

    program: str
    config: flags.Config
    folder: Path
    own: Path
    strategy: tf.distribute.Strategy
    examples: object
    spec: data.DataSpec
    model: keras.Model

    @property
    def conditional(self):
        """Tells whether the model needs labels."""
        return self.model.num_classes is not None

    @property
    def rows(self):
        """Images in a batch of the data."""
        return flags.rows_of(self.config)

    @property
    def epoch_steps(self):
        """Training steps in a pass over the data."""
        return flags.epoch_steps(self.config, self.spec)

    @property
    def total_steps(self):
        """The length of the run, or `None` if the clock decides."""
        return flags.total_steps(self.config, self.spec)


def _train_and_finish(run, given):
    config, folder, model = run.config, run.folder, run.model
    log = callbacks.TrainingLog(run.own, config.log_every, run.rows, run.epoch_steps, run.total_steps)
    log.verbose = hardware.is_chief(run.strategy)
    log.validation = _load_held_out(run)
    evaluation = _evaluation(run, log)
    watchdog = _watchdog(run, log)
    checkpoint = callbacks.Checkpoint(
        folder / "checkpoints",
        config.checkpoint_every,
        started=STARTED,
        write_to=run.own / "checkpoints",
        best=_best_metric(config, model, log),
        mode=config.best_mode,
        log=log,
        more={name: task for name, task in (("evaluation", evaluation), ("watchdog", watchdog)) if task},
    )
    step = checkpoint.restore(model)
    hardware.check_same(run.strategy, "checkpoints", step)
    if _is_finished(run, step, float(checkpoint.seconds)):
        print(f"{folder} is finished: it has {step} steps. A larger --steps extends it.")
        return folder
    # A default name that another process took meanwhile is an error.
    run.own.mkdir(parents=True, exist_ok=bool(config.out))
    atomic.write_text(run.own / "config.json", flags.config_text(run.program, config, data=run.spec.fingerprint))
    if step:
        print(f"Resuming {folder} at step {step}.", flush=True)

    stop = callbacks.StopOnSignal()
    tasks = [
        _first_step(log),
        callbacks.StopOnNonFinite(config.log_every),
        stop,
        *([callbacks.Deadline(checkpoint.started + 60 * config.minutes)] if config.minutes else []),
        log,
        callbacks.SampleGrids(run.own, config.sample_every),
        *([evaluation] if evaluation else []),
        *([watchdog] if watchdog else []),
        # The last, so that it saves what the others did at its step.
        checkpoint,
    ]
    _train_to_the_end(run, tasks, checkpoint, watchdog)
    step = int(model.step.numpy())
    if stop.received:
        rest = " ".join(f"--{name}={getattr(config, name)}" for name in sorted(given - {"out"}))
        print(
            f"Stopped at step {step}, saved. To go on: python -m trainers.{run.program} --out={folder} {rest}".rstrip()
        )
        raise SystemExit(128 + stop.received)
    _finish(run, step, float(checkpoint.seconds), evaluation)
    return folder if hardware.is_chief(run.strategy) else None


def _train_to_the_end(run, tasks, checkpoint, watchdog):
    """Trains, and goes back and tries again where that diverges."""
    while run.total_steps is None or run.model.step.numpy() < run.total_steps:
        try:
            _fit(run, tasks)
            return
        except FloatingPointError as error:
            _roll_back(run.config, run.model, checkpoint, error)
            if watchdog:
                watchdog.note_rollback(int(run.model.step.numpy()), error)


def _evaluation(run, log):
    """The callback that evaluates, or `None`; then it says why, unless that was asked for."""
    config, shape = run.config, run.spec.image_shape
    name = config.features
    if name == "none" or not config.evaluate_every:
        return None
    if name == "auto":
        name = metrics.features.for_dataset(config.dataset, shape)
    if name is None:
        print(
            f"No classifier for {config.dataset} as {'x'.join(map(str, shape))} comes with the package: "
            "generator.keras will be the last generator, not the best. --features= names another network.",
            flush=True,
        )
        return None
    evaluation = callbacks.Evaluate(
        run.examples,
        name,
        steps=config.evaluate_every,
        num_samples=config.evaluate_samples,
        folder=run.own,
        say=log.say,
        num_real=_MOST_REAL,
        dataset=config.dataset,
        split=config.split,
        progress=False,
    )
    evaluation.features.check(shape)
    return evaluation


def _watchdog(run, log):
    """The callback that says what goes wrong, or `None`."""
    config = run.config
    if not getattr(config, "watchdog", False) or run.spec.num_examples < signals.LEAST:
        return None
    return callbacks.Watchdog(
        run.examples,
        config.log_every,
        held_out=flags.find_held_out(config, run.spec.image_shape),
        classes=_classes(config, run.spec.image_shape),
        on_collapse=config.on_collapse,
        folder=run.own,
        say=log.say,
    )


def _classes(config, shape):
    """The classifier or density that tells the classes or modes of the data apart, or `None`."""
    kind, _, name = config.dataset.partition(":")
    if kind == "toy":
        return data.toy.get(name)
    if config.dataset in data.stacked.NAMES:
        # By what tells single digits apart: of 1,000 classes the examples looked at would show each once at most.
        return metrics.features.for_dataset(data.stacked.NAMES[config.dataset], (*shape[:2], 1))
    return metrics.features.for_dataset(config.dataset, shape)


@contextlib.contextmanager
def _room(folder):
    """Says which disk is full, and what to do, where an error does not."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reasons = [os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]
        reason = next((reason for reason in reasons if reason in str(error)), None)
        if reason is None:
            raise
        free = shutil.disk_usage(atomic.nearest_folder(folder / "config.json")).free / 2**20
        raise OSError(
            f"{folder} could not be written: {reason}, {free:.2f} MiB are free. What was there before is intact: make "
            f"room, and run the same command again with --out={folder} to go on."
        ) from None


def _best_metric(config, model, log):
    """The quantity that --best_metric names, or `None`."""
    if config.best_mode not in ("min", "max"):
        raise ValueError(f"--best_mode must be min or max. Received: --best_mode={config.best_mode}")
    logged = [*model.get_metrics_result(), *(f"val_{name}" for name in model.get_metrics_result() if log.validation)]
    if config.best_metric and config.best_metric not in logged:
        raise ValueError(f"--best_metric must be one of {logged}. Received: --best_metric={config.best_metric}")
    return config.best_metric or None


def _next_batches(run):
    """The batches that come after the model's present step."""
    seed = random.attempt_seed(run.config.seed, int(run.model.rollbacks.numpy()))
    replicas, packing = run.strategy.num_replicas_in_sync, run.model.packing
    inputs.check_divisible(run.rows, run.rows // run.config.batch_size, replicas, packing)
    dataset, _ = data.load(
        run.examples,
        batch_size=run.rows,
        seed=seed,
        repeat=True,
        start_batch=int(run.model.step.numpy()),
        labels=run.conditional,
    )
    return hardware.distribute(run.strategy, dataset, run.rows)


def _fit(run, tasks):
    """Trains from the present step to the end."""
    steps = sys.maxsize if run.total_steps is None else run.total_steps - int(run.model.step.numpy())
    try:
        run.model.fit(_next_batches(run), steps_per_epoch=steps, verbose=0, callbacks=tasks)
    finally:
        # Keras does not tell callbacks that an exception ended training.
        for task in tasks:
            if hasattr(task, "close"):
                task.close()


def _roll_back(config, model, checkpoint, error):
    """Goes back to the last good checkpoint after a divergence or a collapse, with other noise and data order."""
    attempt = int(model.rollbacks.numpy()) + 1
    if attempt > config.max_rollbacks:
        raise FloatingPointError(
            f"{error}. It happened {attempt} times, with other noise and another data order each time, so it is not "
            "chance: lower the learning rates, raise the gradient penalty, or, with --precision=float16, use bfloat16 "
            "or float32."
        ) from None
    step = checkpoint.restore(model, before=getattr(error, "since", None))
    model.rollbacks.assign(attempt)
    print(
        f"{error}. Rolling back to step {step}, with other noise and another data order from there "
        f"({attempt} of at most {config.max_rollbacks} times).",
        flush=True,
    )


def _load_held_out(run):
    """At most 512 images of the split `test`, or `None` where there is none."""
    if isinstance(run.strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return None
    examples = flags.find_held_out(run.config, run.spec.image_shape)
    if examples is None or examples.num_examples < run.rows:
        return None
    if run.conditional and examples.num_classes != run.spec.num_classes:
        warnings.warn(f"No labelled held-out data: {examples.unlabelled or 'the classes differ'}.", stacklevel=2)
        return None
    dataset, _ = data.load(examples, batch_size=run.rows, shuffle=False, labels=run.conditional)
    return dataset.take(max(1, 512 // run.rows))


def _is_finished(run, step, seconds):
    try:
        finished = json.loads((run.folder / "result.json").read_text("utf-8"))["steps"] == step
    except (OSError, ValueError, KeyError, TypeError):  # without a result that can be read, it is made again
        finished = False
    if not finished:
        return False
    return seconds >= 60 * run.config.minutes if run.total_steps is None else step >= run.total_steps


def _describe(run):
    config = run.config
    height_width = "x".join(map(str, run.spec.image_shape))
    length = f"{run.total_steps} steps" if run.total_steps else f"{config.minutes:g} minutes"
    sizes = [f"{role} {network.count_params():,}" for role, network in run.model.networks.items()]
    return (
        f"{run.program}: {run.spec.num_examples} images {height_width} of {config.dataset}, "
        f"{' and '.join(sizes)} parameters, "
        f"{length} of {run.rows} images, {config.precision}"
    )


def _dry_run(run):
    config, model, total_steps = run.config, run.model, run.total_steps
    print(json.dumps(dataclasses.asdict(config), indent=2))
    states = [variable for optimizer, _ in model.optimizers.values() for variable in optimizer.variables]
    held = sum(variable.value.shape.num_elements() * variable.value.dtype.size for variable in model.variables + states)
    warm, timed = 3, 10
    moments = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: moments.append(time.monotonic()))
    model.fit(_next_batches(run), steps_per_epoch=warm + timed, verbose=0, callbacks=[clock])
    rate = timed / (moments[-1] - moments[warm - 1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"memory: {held / 2**20:.0f} MiB of weights and optimizer states; {peak / 2**20:.0f} MiB at peak")
    print(f"speed: {rate:.3g} steps/s, {rate * run.rows:.0f} images/s; first step after {moments[0] - STARTED:.1f} s")
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


def _finish(run, step, seconds, evaluation):
    folder, model = run.own, run.model
    pictures.write_png(folder / "samples" / f"step-{step:07d}.png", samples.sample_grid(model))
    # Keras writes in place: a disk that fills up would take the old file with it.
    file = folder / f"{type(model).__name__.lower()}.keras"
    with atomic.write_file(file) as partial:
        model.save(partial)
    verdict = ""
    if evaluation is None:
        _save_generator(model, folder / "generator.keras")
    else:
        if not evaluation.is_due(step):
            evaluation.at_step(step)
            evaluation.close()
        _save_generator(model, folder / "generator_last.keras")
        _save_generator(model, folder / "generator.keras", evaluation.best_weights)
        verdict = report.write_metrics(folder, _measure_kept(run, evaluation), step)
    report.draw_curves(folder)
    report.draw_progress(folder)
    atomic.write_text(folder / "result.json", json.dumps({"steps": step, "seconds": round(seconds, 1)}) + "\n")
    print(report.summary(folder, step, seconds, verdict, file.name))


def _save_generator(model, file, weights=None):
    with atomic.write_file(file) as partial:
        model.save_generator(partial, weights=weights)


def _measure_kept(run, evaluation):
    """Records of the generator that was kept, by all metrics, with intervals and floors."""
    return metrics.evaluate(
        keras.models.load_model(run.own / "generator.keras"),
        run.examples,
        evaluation.features,
        num_samples=run.config.evaluate_samples,
        held_out=flags.find_held_out(run.config, run.spec.image_shape),
        ema=run.model.sampler is not run.model.generator,
        step=evaluation.best_step,
        **{name: evaluation.options[name] for name in ("num_real", "dataset", "split", "progress")},
    )
