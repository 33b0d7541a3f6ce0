"""Evaluation during training, as a callback."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import distribution
from keras_gan.files import history
from keras_gan.files.run_folder import RunFolder
from keras_gan.metrics import features as networks
from keras_gan.metrics import records, registry
from keras_gan.metrics.evaluate import evaluate, network_for, open_real

SAMPLES = 2500
SLOW_SAMPLES = 250  # through networks that take milliseconds an image: a tenth of the time of small trainings


class Evaluate(keras.callbacks.Callback):
    """Evaluates the sampling generator every few epochs or steps, and remembers the best.

    The values are put into `logs` under the metrics' names, for callbacks that come after this one: Keras'
    `ModelCheckpoint(save_best_only=True)` and `EarlyStopping` work with `monitor="fcd", mode="min"`. At the end
    of an epoch without an evaluation the last values stand there, and before the first evaluation none.

    Training goes on as if there had been no evaluation, bit for bit: images come from seeds of their own. With
    several replicas the generator runs on one; of several workers each generates a share of the images, and all go by
    the mean of what they found, so that none stops or saves alone.

    Args:
        real: Real images, as for `keras_gan.metrics.evaluate`.
        features: As `keras_gan.metrics.evaluate` takes them.
        metrics: Names of metrics; the first decides what is best. By default the Frechet distance alone; through
            `efficientnet_lite0` the kernel distance, which few images suffice for.
        epochs: Epochs between evaluations.
        steps: Training steps between evaluations instead, counted over the life of the model: then evaluations are
            at its multiples.
        num_samples: Number of images to generate; by default 2,500, and 250 for networks that take milliseconds an
            image.
        folder: Run folder, or `None`: values are appended to `metrics.jsonl` there, and TensorBoard's files are in
            `logs/`.
        say: Function of a line of text that is called with the result of every evaluation, or `None`.
        **options: Further arguments of `keras_gan.metrics.evaluate`, by default without intervals and floors.

    Attributes:
        records: What the last evaluation returned.
        values: Dictionary from the metrics' names to their last values; empty before the first evaluation.
        best_value: The best value of the first metric so far, or `None`.
        best_step: The model's step at that value, or `None`.

    Raises:
        ValueError: If the arguments do not fit each other or the model; before training.

    Example:

    >>> gan = keras_gan.GAN(
    ...     keras_gan.networks.MLPGenerator(image_shape=(28, 28, 1), latent_dim=4, hidden_units=(8,)),
    ...     keras_gan.networks.MLPDiscriminator(image_shape=(28, 28, 1), hidden_units=(8,)),
    ... )
    >>> gan.compile()
    >>> dataset, _ = keras_gan.data.load("mnist5k", batch_size=100)
    >>> evaluate = keras_gan.callbacks.Evaluate(
    ...     "mnist5k", "mnist_classifier", num_samples=100, num_real=200, progress=False
    ... )
    >>> history = gan.fit(dataset.take(2), epochs=2, callbacks=[evaluate], verbose=0)
    >>> len(history.history["fcd"]), evaluate.best_value == min(history.history["fcd"])
    (2, True)
    """

    phase = "evaluate"

    def __init__(
        self,
        real,
        features="auto",
        metrics=None,
        epochs=1,
        steps=None,
        num_samples=None,
        folder=None,
        say=None,
        **options,
    ):
        dataset = options.setdefault("dataset", real if isinstance(real, str) else "")
        self.real = real
        if features == "auto":
            self.real = open_real(real, options.get("split", "train"))
            features = network_for(features, self.real, dataset)
        self.features = networks.get(features)
        named = registry.names_for(self.features.name, metrics)
        metrics = named[:1] if metrics is None else named
        if num_samples is None:
            num_samples = SLOW_SAMPLES if self.features.is_slow else SAMPLES
        self.num_samples = num_samples
        self.options = {"intervals": False, "floor": False, **options}
        self._schedule(metrics, registry.METRICS[metrics[0]].better, epochs, steps, folder, say)

    def _schedule(self, metrics, better, epochs, steps, folder, say):
        """Sets what is measured, which way the first of it is better, how often, and where that goes."""
        super().__init__()
        for name, value in (("epochs", epochs), ("steps", 1 if steps is None else steps)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
        self.metrics = metrics
        self.epochs, self.steps = epochs, steps
        self.folder = None if folder is None else RunFolder(folder)
        self.say = say or (lambda line: None)
        self.records, self.values = [], {}
        self._sign = 1.0 if better == "lower" else -1.0
        self._variables = None
        self._writer = None
        self._explained = False

    def measure(self):
        """Measures the model now: a dictionary from the metrics' names to values."""
        self.records = evaluate(
            self.model,
            self.real,
            self.features,
            self.metrics,
            self.num_samples,
            strategy=self.model.distribute_strategy,
            **self.options,
        )
        return {record.name: record.value for record in self.records}

    def set_model(self, model):
        super().set_model(model)
        if self._variables is None:
            if self.features is not None:
                self.features.check(model.image_shape)
            self._variables = {
                "last": tf.Variable(np.full(len(self.metrics), np.nan), trainable=False),
                "best": tf.Variable(np.inf, dtype=tf.float64, trainable=False),
                "step": tf.Variable(-1, dtype=tf.int64, trainable=False),
            }
            for name, network in self._kept(model).items():
                self._variables[name] = [tf.Variable(value, trainable=False) for value in network.get_weights()]

    @staticmethod
    def _kept(model):
        """The networks that are kept as they were at their best, by the names of their weights in a checkpoint."""
        first, *others = model.samplers.items()
        return {"weights": first[1], **{f"{name}_weights": network for name, network in others}}

    def state(self, model):
        """State that a checkpoint has to hold for a resumed run to have the same last values and the same best.

        Args:
            model: The `GAN`.

        Returns:
            Dictionary of `tf.Variable`s and lists of them.
        """
        self.set_model(model)
        return self._variables

    def old_state(self, model):
        """The variables of a checkpoint of version 0.1.0 in their order, and what to call once they are restored."""
        return tf.nest.flatten(self.state(model)), lambda: None

    @property
    def best_value(self):
        if self._variables is None or self._variables["step"] < 0:
            return None
        return self._sign * float(self._variables["best"])

    @property
    def best_step(self):
        return None if self.best_value is None else int(self._variables["step"])

    @property
    def best_weights(self):
        """The weights of the sampling generator at `best_step`, as its `get_weights` returned them, or `None`."""
        return self.best_weights_of("weights")

    def best_weights_of(self, name):
        """The weights of one of several sampling generators at `best_step`, or `None`.

        Args:
            name: `"weights"` for the first, `"generator_backward_weights"` for the other of a `CycleGAN`.

        Returns:
            List of arrays.
        """
        return None if self.best_value is None else [weight.numpy() for weight in self._variables[name]]

    def on_train_begin(self, logs=None):
        last = self._variables["last"].numpy()
        self.values = {} if np.isnan(last).any() else dict(zip(self.metrics, last.tolist(), strict=True))
        if self.folder is not None:
            step = int(self.model.step.numpy())
            history.forget(
                self.folder.evaluations_file, lambda each: each <= step and (self.steps is None or self.is_due(each))
            )

    def is_due(self, step):
        """Tells whether `steps` puts an evaluation after this step."""
        return self.steps is not None and step % self.steps < self.model.steps_per_execution

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.step.numpy())
        if self.is_due(step):
            self.at_step(step)
            logs.update(self.values)

    def on_epoch_end(self, epoch, logs=None):
        if self.steps is None and (epoch + 1) % self.epochs == 0:
            self.at_step(int(self.model.step.numpy()))
        logs.update(self.values)

    def at_step(self, step):
        """Evaluates now, and logs and remembers the result."""
        strategy = self.model.distribute_strategy
        self.values = {name: distribution.mean_over_workers(strategy, value) for name, value in self.measure().items()}
        self._variables["last"].assign(list(self.values.values()))
        first = self.values[self.metrics[0]]
        better = self._sign * first < float(self._variables["best"])
        if better:
            self._variables["best"].assign(self._sign * first)
            self._variables["step"].assign(step)
            for name, network in self._kept(self.model).items():
                for kept, value in zip(self._variables[name], network.get_weights(), strict=True):
                    kept.assign(value)
        if self.folder is not None:
            # No checkpoint holds the last evaluation of a run: a process that goes on after it makes it again.
            history.forget(self.folder.evaluations_file, lambda each: each < step)
            history.append(self.folder.evaluations_file, {"step": step, **self.values})
            self._writer = self._writer or tf.summary.create_file_writer(str(self.folder.logs))
            with self._writer.as_default(step):
                for name, value in self.values.items():
                    tf.summary.scalar(f"metrics/{name}", value)
            self._writer.flush()
        values = "  ".join(f"{name} {value:.4g}" for name, value in self.values.items())
        best = "the best so far" if better else f"best {self.best_value:.4g} at step {self.best_step}"
        self.say(f"step {step}  {values}  ({best})")
        for name in () if self._explained else self.values:
            self.say(self.explain(name))
        self._explained = True

    def explain(self, name):
        """A metric in a clause: one line."""
        return records.explain(name)

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Closes TensorBoard's file; another evaluation opens a new one."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None
