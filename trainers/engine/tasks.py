"""The callbacks of a run: what is done beside training."""

import dataclasses
import signal
import time
import typing
import warnings

import keras

from keras_gan import callbacks, data, metrics
from keras_gan.callbacks.evaluate import SLOW_SAMPLES
from keras_gan.callbacks.watchdog import signals
from keras_gan.data.pairs import Domains
from keras_gan.metrics.features import lite0
from trainers import STARTED
from trainers.engine import flags, hardware, translations

_HELD_OUT = 512  # images of the split `test` that are logged, at most
_MOST_REAL = 10_000  # images that generated ones are compared with
_MOST_REAL_SLOW = 1000  # the same for networks that take milliseconds an image
_LEAST_REAL = 50  # of fewer no distance says anything
_SECONDS = 3  # of training, from which its speed is told


class Tasks(typing.NamedTuple):
    """The callbacks of a run: those that are asked for something later, and all in their order."""

    grids: callbacks.SampleGrids
    log: callbacks.TrainingLog
    evaluation: callbacks.Evaluate | None
    watchdog: callbacks.Watchdog | None
    stop: callbacks.StopOnSignal
    checkpoint: callbacks.Checkpoint
    all: list


def of(run):
    """The callbacks of a run.

    Args:
        run: `trainers.engine.run.Run`.

    Returns:
        `Tasks`.

    Raises:
        ValueError: If the flags ask for something that there is not; before anything is written.
    """
    config, stop = run.config, callbacks.StopOnSignal()
    validation, validation_steps = _held_out(run)
    log = callbacks.TrainingLog(
        run.own.path,
        config.log_every,
        run.rows,
        run.epoch_steps,
        run.total_steps,
        validation=validation,
        validation_steps=validation_steps,
        verbose=hardware.is_chief(run.strategy),
        # As if the system's signal had come, which Python turns off.
        on_closed=lambda: stop.note(signal.SIGPIPE),
    )
    watchdog = _watchdog(run, log)
    if run.translates:
        shown = translations.examples(run.config)
        grids = callbacks.TranslationGrids(run.own.path, config.sample_every, *translations.few(shown))
        evaluation = translations.evaluation(run, log, shown)
    else:
        grids, evaluation = callbacks.SampleGrids(run.own.path, config.sample_every), _evaluation(run, log)
    checkpoint = callbacks.Checkpoint(
        run.folder.checkpoints,
        config.checkpoint_every,
        started=STARTED,
        write_to=run.own.checkpoints,
        best=_best_metric(config, run.model, log),
        mode=config.best_mode,
        log=log,
        more={name: task for name, task in (("evaluation", evaluation), ("watchdog", watchdog)) if task},
    )
    # Of a run that is gone on with it is in the checkpoint how long it took so far.
    deadline = (lambda: checkpoint.started + 60 * config.minutes) if config.minutes else None
    every = [
        FirstSteps(log.say, run.total_steps, deadline),
        callbacks.StopOnNonFinite(config.log_every),
        grids,
        *([callbacks.Deadline(deadline)] if deadline else []),
        *(task for task in (stop, log, evaluation, watchdog, checkpoint) if task),
    ]
    return Tasks(grids, log, evaluation, watchdog, stop, checkpoint, callbacks.in_order(every))


def settle_features(config, given, examples, spec):
    """The configuration of a new run with what `--features=auto` means for its data.

    It stays `auto` where the data set has a classifier of its own or nothing fits, and of pairs, which are compared
    directly. An older run that is gone on with is left as it is: its checkpoints have no room for another evaluation.

    Args:
        config: The configuration.
        given: Names of the flags on the command line.
        examples: The data, as `data.open_source` returned them.
        spec: Their spec.
    """
    if config.features != "auto" or not config.evaluate_every or spec.num_examples < _LEAST_REAL:
        return config
    dataset = config.dataset
    if isinstance(config, flags.TranslationConfig):
        if not isinstance(examples, Domains):
            return config
        dataset = translations.target_data(dataset)
    if metrics.features.automatic(dataset, spec.image_shape) != lite0.NAME:
        return config
    samples = {} if "evaluate_samples" in given else {"evaluate_samples": SLOW_SAMPLES}
    return dataclasses.replace(config, features=lite0.NAME, **samples)


class FirstSteps(keras.callbacks.Callback):
    """Says how long the user waited before training began, and soon how long it will take.

    Args:
        say: Function of a line of text.
        total_steps: The length of the run, or `None` if the clock decides.
        deadline: Function that returns when it does, as `time.monotonic()` counts.
    """

    phase = "log"

    def __init__(self, say, total_steps, deadline):
        super().__init__()
        self.say, self.total_steps, self.deadline = say, total_steps, deadline
        self._first, self._told = None, False

    def on_train_batch_end(self, batch, logs=None):
        if self._told:
            return
        now, step = time.monotonic(), int(self.model.step.numpy())
        if self._first is None:
            self._first = now, step
            self.say(f"first step {now - STARTED:.1f} s after the command")
        elif now - self._first[0] >= _SECONDS:
            self._told = True
            rate = (step - self._first[1]) / (now - self._first[0])
            self.say(f"{self._expected(rate, step, now)}, at {rate:.3g} steps/s")

    def _expected(self, rate, step, now):
        if self.total_steps is None:
            return f"about {step + rate * (self.deadline() - now):.0f} steps until the time is over"
        left = (self.total_steps - step) / rate
        return f"about {left / 60:.0f} minutes to go" if left > 100 else f"about {left:.0f} seconds to go"


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
            f"No features for {run.spec.num_examples} images of {config.dataset} as {'x'.join(map(str, shape))} come "
            "with the package: generator.keras will be the last generator, not the best. --features= names a network.",
            flush=True,
        )
        return None
    seen = metrics.features.get(name)
    most = _MOST_REAL_SLOW if seen.is_slow else _MOST_REAL
    if seen.is_slow:
        print(
            f"Every {config.evaluate_every} steps {config.evaluate_samples} generated images are compared with "
            f"{min(most, run.spec.num_examples)} real ones, as {seen.name} sees them; --evaluate_every and "
            "--evaluate_samples set how much time that takes.",
            flush=True,
        )
    evaluation = callbacks.Evaluate(
        run.examples,
        seen,
        steps=config.evaluate_every,
        num_samples=config.evaluate_samples,
        folder=run.own.path,
        say=log.say,
        num_real=most,
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
        classes=callbacks.watchdog.classes_of(config.dataset, run.spec.image_shape),
        on_collapse=config.on_collapse,
        folder=run.own.path,
        say=log.say,
    )


def _best_metric(config, model, log):
    """The quantity that --best_metric names, or `None`."""
    if config.best_mode not in ("min", "max"):
        raise ValueError(f"--best_mode must be min or max. Received: --best_mode={config.best_mode}")
    logged = [
        *model.get_metrics_result(),
        *(f"val_{name}" for name in model.get_metrics_result() if log.validation is not None),
    ]
    if config.best_metric and config.best_metric not in logged:
        raise ValueError(f"--best_metric must be one of {logged}. Received: --best_metric={config.best_metric}")
    return config.best_metric or None


def _held_out(run):
    """Batches without end of the split `test`, and how many of them to look at; `None` for both where there is none."""
    examples = flags.find_held_out(run.config, run.spec.image_shape)
    # Of two domains an epoch has the examples of the smaller one.
    parts = [examples.a, examples.b] if isinstance(examples, Domains) else [examples]
    if examples is None or (smallest := min(part.num_examples for part in parts)) < run.rows:
        return None, None
    if run.conditional and examples.num_classes != run.spec.num_classes:
        warnings.warn(f"No labelled held-out data: {examples.unlabelled or 'the classes differ'}.", stacklevel=2)
        return None, None

    def load(part):
        # Without end, because several workers would ask each other before every batch whether there is one more.
        return data.load(
            examples,
            batch_size=run.rows,
            shuffle=False,
            repeat=True,
            labels=run.conditional,
            part=part,
            **flags.loading(run.config, held_out=True),
        )[0]

    return hardware.distribute(run.strategy, load, run.rows), max(1, min(_HELD_OUT, smallest) // run.rows)
