"""From flags to a finished run folder: what all trainers share."""

import contextlib
import dataclasses
import errno
import json
import os
import re
import resource
import shutil
import signal
import sys
import time

import keras
import tensorflow as tf

from keras_gan import cli, data, distribution, random
from keras_gan.export import loading
from keras_gan.files import atomic
from keras_gan.files.run_folder import RunFolder, checkpoint_steps
from keras_gan.models import inputs
from trainers import STARTED
from trainers.engine import continuation, dashboard, flags, hardware, initial, precision, report, tasks, width


def main(program, about, config_class, build, argv=None, labels=False, epilogue=None):
    """Trains a recipe from the command line.

    Args:
        program: Name of the recipe, `"dcgan"` for `python -m trainers.dcgan`.
        about: What `--help` prints above the flags; a recipe passes its module's docstring.
        config_class: A subclass of `Config`, or of `RunConfig` for what is no GAN.
        build: Function of the configuration and the data's spec that returns a compiled `GAN`, or another
            `keras_gan.models.base.GenerativeModel`.
        argv: Command-line arguments; by default the process's own.
        labels: Whether the recipe is conditional and needs data with labels.
        epilogue: Function of the `RunFolder` of the trained run, for what only this recipe leaves; it returns the path
            of the file that it wrote, or `None`. That it fails is said, and costs nothing else.

    Returns:
        `pathlib.Path` of the folder of the finished run; `None` after a dry run, and on all workers but the first.
    """
    config, given = cli.parse(config_class, f"python -m trainers.{program}", about, argv)
    return cli.run(lambda: _train(program, config.settled(), given, build, labels, epilogue))


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that is about to begin: what was asked for, where it goes, and what it trains.

    Attributes:
        program: Name of the recipe.
        config: The flags.
        folder: `RunFolder` that is read.
        own: The one that this process writes to: the same, but for workers that are not the first.
        strategy: `tf.distribute.Strategy`.
        examples: The data, as `data.load` takes them.
        spec: `keras_gan.data.DataSpec`.
        model: The compiled model.
        trial: Seconds of a step by precision, where they decided on it in this process.
    """

    program: str
    config: flags.RunConfig
    folder: RunFolder
    own: RunFolder
    strategy: tf.distribute.Strategy
    examples: object
    spec: data.DataSpec
    model: keras.Model
    trial: dict | None

    @property
    def conditional(self):
        """Tells whether the model needs labels."""
        return self.model.num_classes is not None

    @property
    def translates(self):
        """Tells whether the model makes images of images."""
        return hasattr(self.model, "translate")

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

    @property
    def step(self):
        """Training steps so far."""
        return int(self.model.step.numpy())

    @property
    def command(self):
        """The command that goes on with it."""
        return continuation.command(self.program, self.folder)


def _train(program, config, given, build, labels, epilogue):
    folder, config = continuation.open_folder(program, config, given)
    flags.check(config, given)
    strategy = hardware.make_strategy(config)
    with hardware.worker(strategy, folder.path) as own, _room(own):
        atomic.nearest_folder(RunFolder(own).config_file)
        flags.configure_tensorflow(config)
        examples = flags.find(config)
        _, spec = data.load(examples, repeat=True, labels=labels, **flags.loading(config))
        continuation.check_data(folder, spec)
        config = _choose_width(config, spec)
        if folder.config() is None:
            config = tasks.settle_features(config, given, examples, spec)
        config, trial = _choose_precision(config, strategy, build, examples, spec)
        hardware.check_same(strategy, "flags or data", continuation.facts(program, config, spec))
        with strategy.scope():
            model = build(config, spec)
            if config.init and not checkpoint_steps(folder.checkpoints):
                print("\n".join(initial.take_weights(model, config.init)), flush=True)
        run = Run(program, config, folder, RunFolder(own), strategy, examples, spec, model, trial)
        inputs.check_divisible(run.rows, run.rows // config.batch_size, strategy.num_replicas_in_sync, model.packing)
        print(_describe(run), flush=True)
        if config.dry_run:
            return _dry_run(run)
        if not config.out and (command := continuation.unfinished(program, config, given, spec)):
            print(f"A run like this one was interrupted. To go on with it instead: {command}", flush=True)
        return _train_and_finish(run, epilogue)


def _choose_width(config, spec):
    if "filters" not in cli.undecided(config):
        return config
    if config.init and (filters := getattr(loading.load_generator(config.init), "filters", None)):
        print(f"filters: {filters} (as {config.init} has)", flush=True)
        return dataclasses.replace(config, filters=filters)
    config = width.decide(config, spec)
    device = "an accelerator" if hardware.accelerators() else "a processor"
    size = "x".join(map(str, spec.image_shape[:2]))
    print(f"filters: {config.filters} (for pictures of {size} on {device})", flush=True)
    return config


def _choose_precision(config, strategy, build, examples, spec):
    """The configuration with what `auto` means for this model here, and the times that decided on it."""
    if config.precision != "auto":
        return config, None

    def make_step():
        model = build(config, spec)
        rows = flags.rows_of(config) // strategy.num_replicas_in_sync
        labels = model.num_classes is not None
        dataset, _ = data.load(examples, batch_size=rows, labels=labels, **flags.loading(config))
        batch = next(iter(dataset.take(1)))
        batch = batch if isinstance(batch, tuple) else (batch,)
        return lambda: model.train_on_batch(*batch)

    chosen, reason, trial = precision.choose(strategy, make_step)
    print(f"precision: {chosen} ({reason})", flush=True)
    config = dataclasses.replace(config, precision=chosen)
    flags.configure_tensorflow(config)
    return config, trial


def _train_and_finish(run, epilogue):
    of_run = tasks.of(run)
    with _claim(run):
        if _begin(run, of_run.checkpoint):
            _train_to_the_end(run, of_run)
            _end_if_told_to(run, of_run.stop)
            report.finish(run, of_run, epilogue)
    return run.folder.path if hardware.is_chief(run.strategy) else None


@contextlib.contextmanager
def _claim(run):
    """Within it the run folder is there, and this process's alone; of several workers the first has it for all."""
    # A default name that another process took meanwhile is an error.
    run.own.path.mkdir(parents=True, exist_ok=bool(run.config.out))
    with contextlib.ExitStack() as stack:
        if hardware.is_chief(run.strategy) and not stack.enter_context(run.own.lock()):
            print(f"No lock can be had on {run.folder}: see to it that no other process trains there.", flush=True)
        try:
            yield
        except KeyboardInterrupt:
            # From a signal while nothing is trained, or from a second one.
            print(f"Interrupted. To go on: {run.command}", file=sys.stderr)
            raise SystemExit(128 + signal.SIGINT) from None


def _begin(run, checkpoint):
    """Brings back what there is of the run, and says whether something is left to do."""
    step = checkpoint.restore(run.model)
    hardware.check_same(run.strategy, "checkpoints", step)
    if hardware.is_chief(run.strategy):
        run.own.forget_after(step)
    finished = _is_trained(run, checkpoint) and _has_result(run)
    # A worker that looks a moment later may find results that another is about to make again.
    if distribution.mean_over_workers(run.strategy, finished) == 1.0:
        length = next((name for name in ("minutes", "epochs") if getattr(run.config, name)), "steps")
        print(f"{run.folder} is finished: it has {step} steps. A larger --{length} extends it.")
        return False
    facts = continuation.facts(run.program, run.config, run.spec)
    if trial := run.trial or (run.folder.config() or {}).get("precision_trial"):
        facts["precision_trial"] = trial
    run.own.write_config(facts, private=sorted(cli.names(type(run.config), "private")))
    dashboard.begin(run.own)
    if step:
        print(f"Resuming {run.folder} at step {step}.", flush=True)
    return True


def _is_trained(run, checkpoint):
    if run.total_steps is None:
        return float(checkpoint.seconds) >= 60 * run.config.minutes
    return run.step >= run.total_steps


def _has_result(run):
    """True where everything that a finished run leaves is there, of the present step, and whole."""
    try:
        result = run.folder.result()
        if result is None or result.get("steps") != run.step:
            return False
        spoilt = run.folder.spoilt_results()
    except ValueError:
        spoilt = [run.folder.result_file]
    if spoilt:
        print(f"Missing or damaged, and made again: {', '.join(map(str, spoilt))}", flush=True)
    return not spoilt


def _train_to_the_end(run, of_run):
    """Trains, and goes back and tries again where that diverges."""
    while not _is_trained(run, of_run.checkpoint) and not of_run.stop.received:
        began = run.step
        try:
            _fit(run, of_run.all)
            return
        except FloatingPointError as error:
            _roll_back(run, of_run.checkpoint, error)
            if of_run.watchdog:
                of_run.watchdog.note_rollback(run.step, error)
        except (ValueError, tf.errors.OpError) as error:
            _save_and_say(run, of_run.checkpoint, began, error)


def _fit(run, callbacks):
    """Trains from the present step to the end."""
    steps = sys.maxsize if run.total_steps is None else run.total_steps - run.step
    try:
        run.model.fit(_next_batches(run), steps_per_epoch=steps, verbose=0, callbacks=callbacks)
    finally:
        # Keras does not tell callbacks that an exception ended training.
        for callback in callbacks:
            if hasattr(callback, "close"):
                callback.close()


def _next_batches(run):
    """The batches that come after the model's present step."""
    seed = random.attempt_seed(run.config.seed, int(run.model.rollbacks.numpy()))

    def load(part):
        return data.load(
            run.examples,
            batch_size=run.rows,
            seed=seed,
            repeat=True,
            start_batch=run.step,
            labels=run.conditional,
            part=part,
            **flags.loading(run.config),
        )[0]

    return hardware.distribute(run.strategy, load, run.rows)


def _roll_back(run, checkpoint, error):
    """Goes back to the last good checkpoint after a divergence or a collapse, with other noise and data order."""
    attempt = int(run.model.rollbacks.numpy()) + 1
    if attempt > run.config.max_rollbacks:
        raise FloatingPointError(
            f"{error}. It happened {attempt} times, with other noise and another data order each time, so it is not "
            "chance: lower the learning rates, raise the gradient penalty, or, with --precision=float16, use bfloat16 "
            "or float32."
        ) from None
    step = checkpoint.restore(run.model, before=getattr(error, "since", None))
    run.model.rollbacks.assign(attempt)
    print(
        f"{error}. Rolling back to step {step}, with other noise and another data order from there "
        f"({attempt} of at most {run.config.max_rollbacks} times).",
        flush=True,
    )


def _save_and_say(run, checkpoint, began, error):
    """Ends a run whose data failed in its middle: saves it, and says in one sentence what it was."""
    text, several = str(error), isinstance(run.strategy, tf.distribute.MultiWorkerMirroredStrategy)
    if isinstance(error, tf.errors.OpError):
        # What does not come from reading data is a defect, or a want of memory, in the midst of a step.
        raised = re.search(r"^\s*\w*(?:Error|Exception): (.*)$", text, re.MULTILINE)
        if "ReadError: " not in text if several else "IteratorGetNext" not in text:
            raise error
        text = raised[1] if raised else text.strip().splitlines()[0]
    if several:  # A worker alone saves nothing: the others wait for its part of a step.
        raise ValueError(
            f"{text.rstrip('.')}. Once the data are mended, start all workers again: they go on from the last "
            "checkpoint."
        ) from None
    if run.step == began or not checkpoint.save_last_whole_step():
        raise ValueError(text) from None
    raise ValueError(
        f"{text.rstrip('.')}. Training ended at step {run.step}, saved. Once the data are mended: {run.command}"
    ) from None


def _end_if_told_to(run, stop):
    if stop.received:
        with contextlib.suppress(OSError):  # nobody may be there to read it
            print(f"Stopped at step {run.step}, saved. To go on: {run.command}", flush=True)
        raise SystemExit(128 + stop.received)


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
        free = shutil.disk_usage(atomic.nearest_folder(RunFolder(folder).config_file)).free / 2**20
        raise OSError(
            f"{folder} could not be written: {reason}, {free:.2f} MiB are free. What was there before is intact: make "
            f"room, and run the same command again with --out={folder} to go on."
        ) from None


def _describe(run):
    config = run.config
    height_width = "x".join(map(str, run.spec.image_shape))
    if run.translates:
        height_width = f"{'x'.join(map(str, run.spec.source_shape))} to {height_width}"
    length = f"{run.total_steps} steps" if run.total_steps else f"{config.minutes:g} minutes"
    sizes = [f"{role} {network.count_params():,}" for role, network in run.model.networks.items()]
    fields = {f.receptive_field for f in run.model.networks.values() if hasattr(f, "receptive_field")}
    patches = "".join(f", patches of {side}x{side} pixels" for side in sorted(fields))
    return (
        f"{run.program}: {run.spec.num_examples} images {height_width} of {config.dataset}, "
        f"{' and '.join(sizes)} parameters{patches}, "
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
