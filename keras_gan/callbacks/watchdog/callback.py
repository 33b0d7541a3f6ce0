"""The watchdog: what is wrong with a GAN in training, said while it can still be mended."""

import json

import numpy as np
import tensorflow as tf

from keras_gan import data, distribution
from keras_gan.callbacks.base import EverySteps
from keras_gan.callbacks.watchdog import rules
from keras_gan.callbacks.watchdog.signals import Memory, Signals
from keras_gan.data.sources import Source
from keras_gan.files import atomic, history
from keras_gan.files.run_folder import RunFolder
from keras_gan.metrics import features

_SERIOUS = (rules.DIVERGED, rules.COLLAPSE)
_EARLY, _OFTEN = 2, 5  # intervals at the start of training in which it looks so many times as often


class Collapse(FloatingPointError):
    """Raised to go back to a state before a collapse: `since` is the step of its first signs."""

    def __init__(self, message, since):
        super().__init__(message)
        self.since = since


class Watchdog(EverySteps):
    """Watches training, and says in plain words what goes wrong, from which numbers, and what to try.

    Every few steps it looks at a few fixed examples and latents through both networks
    (`keras_gan.callbacks.watchdog.rules.SIGNALS`), and a `Judge` of that module turns the last intervals into one of:
    too early to tell, healthy, diverged, generator not moving, labels not followed, discriminator overfitting,
    discriminator winning, mode collapse, oscillating, generator winning, converged. For all losses alike: whether the
    discriminator can tell is judged by the order of its logits, not by probabilities.

    Training goes on as if it were not there, bit for bit. The signals are samples of a few hundred examples, and the
    verdicts are rules of thumb: `benchmarks/watchdog_images.py` says how often they were wrong of images, and
    `benchmarks/watchdog.py`, before these rules, of known densities.

    Args:
        real: Real training examples: a source as for `keras_gan.data.load`, of which `num_examples` are looked at.
        every: Training steps between looks, counted over the life of the model; in the first two intervals it looks
            five times as often.
        held_out: Real examples that are not trained on, likewise, or `None`. Without them, or without their labels
            where the model has classes, overfitting goes unnoticed.
        classes: What tells classes or modes apart: `"auto"`, which is `classes_of` where `real` is a name, and nothing
            otherwise; `None`; what `keras_gan.metrics.features.get` takes, where a network of one channel looks at
            several one by one; or an object with centres `modes` and shares `weights`, such as a density of
            `keras_gan.data.toy`.
        num_examples: Real examples to look at, at most; as many are generated.
        batch: How many of them the discriminator sees, and how many gradients are taken on.
        on_collapse: What to do about a new verdict "mode collapse" or "diverged": `"warn"` says it; `"stop"` ends
            training in the ordinary way; `"rollback"` raises `Collapse`, which the trainers answer by going back.
        folder: Run folder, or `None`: `diagnosis.jsonl` gets an entry at every look, `diagnosis.txt` a summary, and
            TensorBoard's files are in `logs/`.
        say: Function of a line of text, called when the verdict changes; prints by default.

    Attributes:
        verdict: The `keras_gan.callbacks.watchdog.rules.Verdict` that stands, or `None` before the first look.
        signals: Those of the last look, a dictionary from names of `keras_gan.callbacks.watchdog.rules.SIGNALS`.
        missing: Names of the classes or modes that were hardly generated at it.

    Raises:
        ValueError: If arguments are out of range, or the examples do not fit the model; before training.
        Collapse: If `on_collapse="rollback"`, and there is reason to.

    Example:

    >>> gan = keras_gan.GAN(
    ...     keras_gan.networks.MLPGenerator(image_shape=(2,), latent_dim=2, hidden_units=(8,)),
    ...     keras_gan.networks.MLPDiscriminator(image_shape=(2,), hidden_units=(8,)),
    ... )
    >>> gan.compile(loss="wasserstein")
    >>> points = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    >>> watchdog = keras_gan.callbacks.Watchdog(points, every=2, say=lambda line: None)
    >>> history = gan.fit(points, epochs=1, verbose=0, callbacks=[watchdog])
    >>> watchdog.verdict.name
    'too early to tell'
    """

    phase = "watch"

    def __init__(
        self,
        real,
        every=100,
        held_out=None,
        classes="auto",
        num_examples=250,
        batch=64,
        on_collapse="warn",
        folder=None,
        say=None,
    ):
        super().__init__(every)
        check_answer("on_collapse", on_collapse)
        self.real, self.held_out, self.classes = real, held_out, classes
        self.num_examples, self.batch = num_examples, batch
        self.on_collapse = on_collapse
        self.folder = None if folder is None else RunFolder(folder)
        self.say = say or print
        self.verdict = None
        self.signals, self.missing = {}, []
        self._probe = None
        self._variables = None
        self._sketch = None
        self._judge = rules.Judge()
        self._writer = tf.summary.create_noop_writer()

    def set_model(self, model):
        super().set_model(model)
        if not hasattr(model, "latent_dim"):
            raise ValueError(
                "The watchdog looks at what a generator makes of latents: leave it out for models that translate "
                f"images. Received: a {type(model).__name__}"
            )
        if self._probe is None:
            real, labels, names = _examples(self.real, self.num_examples, model)
            held_out = _held_out(self.held_out, self.batch, model)
            classes = self.classes
            if isinstance(classes, str) and classes == "auto":
                classes = classes_of(self.real, model.image_shape) if isinstance(self.real, str) else None
            self._probe = Signals(model, real, labels, *held_out, self.batch, classes, names)
            self._variables = {
                "judge": tf.Variable(self._judge.to_json(), trainable=False),
                "rows": tf.Variable(np.full(self._probe.movable, np.nan, np.float32), trainable=False),
            }

    def state(self, model):
        """State that a checkpoint has to hold for a resumed run to be told the same; see `Evaluate.state`.

        Args:
            model: The `GAN`.

        Returns:
            Dictionary of `tf.Variable`s.
        """
        self.set_model(model)
        return self._variables

    def old_state(self, model):
        """The variables of a checkpoint of version 0.1.0 in their order, and what to call once they are restored."""
        judge = tf.Variable(np.zeros(rules.OLD_SIZE), trainable=False)

        def adopt():
            self._variables["judge"].assign(rules.Judge.from_array(judge.numpy()).to_json())

        return [judge, self.state(model)["rows"]], adopt

    def on_train_begin(self, logs=None):
        text = self._variables["judge"].numpy()
        self._judge = rules.Judge.from_json(text)
        # Beside the judge's memory, so that checkpoints of versions without it can be read.
        sketch = json.loads(text).get("sketch")
        self._sketch = None if sketch is None else np.asarray(sketch, np.float64)
        if self.folder is not None:
            step = int(self.model.step.numpy())
            history.forget(self.folder.looks_file, lambda each: each <= step)
            self._writer = tf.summary.create_file_writer(str(self.folder.logs))

    def on_train_batch_end(self, batch, logs=None):
        step, at_once = int(self.model.step.numpy()), self.model.steps_per_execution
        often = self.every // _OFTEN
        early = often > 0 and step < _EARLY * self.every and step % often < at_once
        if early or step % self.every < at_once:
            self.at_step(step, logs)

    def at_step(self, step, logs):
        before = self._variables["rows"].numpy()
        memory = None if np.isnan(before).any() else Memory(before, self._sketch)
        signals, missing, memory = self._probe.measure(memory)
        signals["not_finite"] += sum(not np.isfinite(value) for value in (logs or {}).values())
        self.verdict = self._judge.update(step, signals, missing)
        self.signals, self.missing = signals, missing
        self._sketch = memory.sketch if np.isfinite(memory.sketch).all() else None
        self._variables["rows"].assign(memory.rows)
        sketch = None if self._sketch is None else self._sketch.tolist()
        self._variables["judge"].assign(json.dumps({**json.loads(self._judge.to_json()), "sketch": sketch}))
        self._write(step, signals, missing)
        if self.verdict.changed:
            self.say(f"step {step}  {self.verdict}")
        if self.on_collapse != "warn":
            self._act()

    def _act(self):
        reason = self.verdict.changed and self.verdict.name in _SERIOUS
        # Of several workers all act or none.
        if not distribution.mean_over_workers(self.model.distribute_strategy, reason):
            return
        if self.on_collapse == "stop":
            self.say("Training ends here, because of --on_collapse=stop.")
            self.model.stop_training = True
        else:
            raise Collapse(f"{self.verdict.name}, since step {self.verdict.since}", self.verdict.since)

    def _write(self, step, signals, missing):
        if self.folder is None:
            return
        entry = {
            "step": step,
            "verdict": self.verdict.name,
            "changed": self.verdict.changed,
            "since": self.verdict.since,
            "evidence": self.verdict.evidence,
            "advice": self.verdict.advice,
            "missing": missing,
            "signals": {name: value for name, value in signals.items() if value is not None},
        }
        history.append(self.folder.looks_file, entry)
        with self._writer.as_default(step):
            for name, value in entry["signals"].items():
                tf.summary.scalar(f"watchdog/{name}", value)
            if self.verdict.changed:
                tf.summary.text("watchdog/verdict", str(self.verdict))
        self._writer.flush()

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Writes the summary, and closes TensorBoard's file."""
        self._writer.close()
        if self.folder is not None and self.folder.looks_file.exists():
            write_summary(self.folder.path)

    def note_rollback(self, step, error):
        """Writes down that training diverged or collapsed and went back to an earlier step.

        Args:
            step: That step.
            error: The exception.
        """
        if self.folder is not None:
            line = {"step": step, "rolled_back": str(error)}
            if line not in self.folder.looks():
                history.append(self.folder.looks_file, line)


def check_answer(name, value):
    """Returns what to do about a collapse if it is one of the three, and raises `ValueError` otherwise."""
    if value not in ("warn", "rollback", "stop"):
        raise ValueError(f"{name} must be 'warn', 'rollback' or 'stop'. Received: {name}={value!r}")
    return value


def classes_of(dataset, image_shape):
    """The classifier or density that tells the classes or modes of data apart, or `None`.

    Args:
        dataset: Name of the data, as `keras_gan.data.load` takes it.
        image_shape: Shape of one image.

    Returns:
        What `Watchdog` takes as `classes`.

    Example:

    >>> keras_gan.callbacks.watchdog.classes_of("mnist5k", (28, 28, 1))
    'mnist_classifier'
    """
    kind, _, name = dataset.partition(":")
    if kind == "toy":
        return data.toy.get(name)
    if dataset in data.stacked.NAMES:
        # By what tells single digits apart: of 1,000 classes the examples looked at would show each once at most.
        return features.for_dataset(data.stacked.NAMES[dataset], (*image_shape[:2], 1))
    return features.for_dataset(dataset, image_shape)


def diagnose(folder):
    """Verdicts of the watchdog in a run, from its first look to its last.

    Args:
        folder: Run folder with a `diagnosis.jsonl`.

    Returns:
        List of lines of text: the verdict at the end, with evidence and advice, and then each change.

    Raises:
        ValueError: If no watchdog watched this run.
    """
    entries = RunFolder(folder).looks()
    looks = [entry for entry in entries if "verdict" in entry]
    if not looks:
        raise ValueError(f"There is no diagnosis in {folder}: train with --watchdog. Received: folder={str(folder)!r}")
    last = looks[-1]
    advice = last.get("advice", rules.advice(last["verdict"]) if last["verdict"] in rules.ADVICE else "")
    lines = [f"{last['verdict']} at step {last['step']}" + (f": {last['evidence']}" if last["evidence"] else "")]
    if advice:
        lines.append(f"what to try: {advice}" if last["verdict"] in rules.ALARMS else advice)
    for entry in entries:
        if "rolled_back" in entry:
            lines.append(f"{entry['rolled_back']}; went back to step {entry['step']}")
        elif entry["changed"]:
            evidence = f": {entry['evidence']}" if entry["evidence"] else ""
            lines.append(f"since step {entry['since']} {entry['verdict']} (said at step {entry['step']}){evidence}")
    return lines


def write_summary(folder):
    """Writes `diagnosis.txt`, the lines of `diagnose`, into a run folder that has looks to tell of."""
    try:
        lines = diagnose(folder)
    except ValueError:
        return
    with atomic.write_file(RunFolder(folder).diagnosis_file) as partial:
        partial.write_text("".join(line + "\n" for line in lines), "utf-8")


def _held_out(source, number, model):
    """Held-out examples and their labels, or `None` for both."""
    if source is None:
        return None, None
    found = source if isinstance(source, Source) else data.open_source(source)
    if model.num_classes is not None and (found.num_classes is None or found.num_classes > model.num_classes):
        return None, None
    return _examples(found, number, model)[:2]


def _examples(source, number, model):
    """Examples as in training, their labels if the model has classes, and the names of the classes."""
    found = source if isinstance(source, Source) else data.open_source(source)
    conditional = model.num_classes is not None
    number = min(number, found.num_examples)
    batches, _ = data.load(found, batch_size=number, labels=conditional, seed=0)
    first = next(iter(batches))
    images, labels = first if conditional else (first, None)
    return images.numpy(), None if labels is None else labels.numpy(), found.class_names
