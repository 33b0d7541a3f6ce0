"""Cheap signals of a GAN in training, from a few fixed examples and latents; training goes on as without."""

import math
import typing

import keras
import numpy as np
import tensorflow as tf

from keras_gan import latents, losses
from keras_gan.files import pictures
from keras_gan.metrics import features as networks
from keras_gan.models.critic import Critic

_SEED = (-(2**62), 7)  # of the latents; no training step draws from it
LEAST = 4  # examples: the radius of one is the distance to its third neighbour
_DIMENSIONS = 128  # into which longer vectors are projected
SKETCH = 64  # numbers that stand for all weights of the generator
_PAIRS = 30  # of one class, from which variety within classes is told


class Memory(typing.NamedTuple):
    """Memory of a look for the next: generated examples as distances see them, and a sketch of the weights."""

    rows: np.ndarray
    sketch: np.ndarray | None


class Signals:
    """Looks at both networks through a fixed batch: two forward passes, one backward pass of each network.

    Layers behave as in training, with batch statistics and dropout, but nothing that they update is kept.

    Args:
        gan: A compiled `GAN`.
        real: float32 real examples as in training, `(n, ...)`; as many latents are drawn.
        labels: int32 `(n,)` for a conditional model.
        held_out: Real examples that are not trained on, float32 `(m, ...)`, with `m <= n`, or `None`.
        held_out_labels: int32 `(m,)` for a conditional model.
        batch: How many of the examples the discriminator and the gradients see.
        classes: What tells classes or modes apart: `None`; what `keras_gan.metrics.features.get` takes, where a network
            of one channel looks at the channels of colour images one by one, as Stacked MNIST needs; or an object with
            `modes`, float centres `(k, d)`, and their shares `weights` `(k,)`, such as a density of
            `keras_gan.data.toy`.
        class_names: Names for the classes in messages; by default their numbers.

    Raises:
        ValueError: If there are fewer than 4 examples, or they do not fit the model or the classifier.
    """

    def __init__(
        self, gan, real, labels=None, held_out=None, held_out_labels=None, batch=64, classes=None, class_names=None
    ):
        if len(real) < LEAST or tuple(real.shape[1:]) != tuple(gan.image_shape):
            raise ValueError(
                f"The watchdog needs at least {LEAST} real examples of shape {tuple(gan.image_shape)}. "
                f"Received: {len(real)} of shape {tuple(real.shape[1:])}"
            )
        self._gan = gan
        self._batch = min(batch, len(real))
        self._codes = latents.stateless((len(real), gan.latent_dim), _SEED, gan.latent_prior)
        self._real = tf.constant(real[: self._batch], tf.float32)
        self._labels = None if gan.num_classes is None else tf.constant(labels, tf.int32)
        self._held_out = None if held_out is None else tf.constant(held_out[: self._batch], tf.float32)
        self._held_out_labels = None
        if held_out is not None and gan.num_classes is not None:
            self._held_out_labels = tf.constant(held_out_labels[: self._batch], tf.int32)
        self._classes = _Classes(classes, real, class_names)
        self._seen_real = self._classes.look(np.asarray(real, np.float32))
        self._real_scale = _mean_distance(_squared_distances(self._seen_real.rows, self._seen_real.rows))
        self._certain, self._undecided, self._saturates = _ends(gan)
        self._function = tf.function(self._on_replicas, autograph=False)

    @property
    def movable(self):
        """Shape of the rows of `Memory`."""
        return self._seen_real.rows.shape

    def measure(self, before):
        """The signals at this moment.

        Args:
            before: What the last call returned third, or `None`.

        Returns:
            Triple of a dictionary from names of `keras_gan.callbacks.watchdog.rules.SIGNALS` to floats, or `None`
            where they do not apply; the names of classes or modes that are hardly generated; and the `Memory` for the
            next call.
        """
        scalars, fake, sketch, size = self._function()
        signals = {name: float(value) for name, value in scalars.items()}
        fake, sketch = fake.numpy(), sketch.numpy().astype(np.float64)
        if before is not None and before.sketch is not None:
            signals["weight_change"] = float(np.linalg.norm(sketch - before.sketch) / max(float(size), 1e-12))
        # A model whose saturation has no meaning, or without held-out data, has no such signal.
        bad = sum(not math.isfinite(value) for value in signals.values()) + int(not np.isfinite(fake).all())
        signals = {name: value if math.isfinite(value) else None for name, value in signals.items()}
        norms = signals["generator_gradient"], signals["discriminator_gradient"]
        signals["gradient_ratio"] = norms[0] / norms[1] if norms[0] is not None and norms[1] else None
        missing, rows = [], np.zeros(self.movable, np.float32)
        if np.isfinite(fake).all():
            seen = self._classes.look(fake)
            rows = seen.rows
            signals |= self._compare(seen.rows) | self._agreement(seen)
            if before is not None:
                moved = np.sqrt(((rows.astype(np.float64) - before.rows) ** 2).sum(axis=1)).mean()
                signals["movement"] = float(moved / self._real_scale) if self._real_scale else None
            if seen.shares is not None:
                present = seen.shares[seen.shares > 0]
                signals["entropy"] = float(-np.sum(present * np.log(present)))
                missing, signals["missing_share"] = self._classes.missing(seen.shares)
        signals["not_finite"] = float(bad)
        return signals, missing, Memory(rows, sketch)

    def _agreement(self, seen):
        """Shares of generated and of real examples in which a classifier sees the class that was asked for."""
        if self._labels is None or seen.found is None or self._classes.number != self._gan.num_classes:
            return {}
        labels = self._labels.numpy()
        asked = np.bincount(labels, minlength=self._gan.num_classes) / len(labels)
        return {
            "label_agreement": float(np.mean(seen.found == labels)),
            "label_chance": float(asked @ seen.shares),
            "real_label_agreement": float(np.mean(self._seen_real.found == labels)),
        }

    def _compare(self, fake):
        """Signals from distances between real and generated examples."""
        real = self._seen_real.rows
        rr, ff, rf = (_squared_distances(*pair) for pair in ((real, real), (fake, fake), (real, fake)))
        ratio = _mean_distance(ff) / self._real_scale if self._real_scale else None
        within = None if self._labels is None else _ratio_within(ff, rr, self._labels.numpy())
        for own in (rr, ff):
            np.fill_diagonal(own, np.inf)
        # Of equally near neighbours either kind is as good.
        shares = [
            np.mean(np.where(own.min(axis=1) == other, 0.5, own.min(axis=1) < other))
            for own, other in ((rr, rf.min(axis=1)), (ff, rf.min(axis=0)))
        ]
        radii = np.partition(rr, 2, axis=1)[:, 2]
        return {
            "distance_ratio": ratio,
            "class_distance_ratio": within,
            "neighbour_accuracy": float(np.mean(shares)),
            "precision": float(np.mean((rf <= radii[:, None]).any(axis=0))),
            "coverage": float(np.mean((rf <= radii[:, None]).any(axis=1))),
        }

    def _on_replicas(self):
        # Every replica computes the same, on whichever it is read.
        strategy = self._gan.distribute_strategy
        results = strategy.run(self._compute)
        return tf.nest.map_structure(lambda value: strategy.experimental_local_results(value)[0], results)

    def _compute(self):
        gan, n = self._gan, self._batch
        loss = gan.adversarial_loss
        labels = None if self._labels is None else self._labels[:n]
        # What layers update is dropped with the scope.
        with keras.StatelessScope():
            with tf.GradientTape(persistent=True) as tape:
                fake = self._generate(self._codes[:n], labels)
                critic = Critic(gan.discriminator, labels)
                real_logits, fake_logits = critic(self._real), critic(fake)
                d_loss = tf.reduce_mean(loss.discriminator_loss(real_logits, fake_logits))
                g_loss = tf.reduce_mean(loss.generator_loss(real_logits, fake_logits))
            d_norm = _global_norm(tape.gradient(d_loss, gan.discriminator.trainable_variables))
            g_norm = _global_norm(tape.gradient(g_loss, gan.generator.trainable_variables))
            # An image's logit is the mean of its patches'.
            real_logits, fake_logits = losses.per_example(real_logits), losses.per_example(fake_logits)
            inputs = [tf.norm(critic.input_gradients(x)) / math.sqrt(n) for x in (self._real, fake)]
            samples = self._generate(self._codes, self._labels)
            gap = tf.reduce_mean(real_logits) - tf.reduce_mean(fake_logits)
            higher = tf.cast(real_logits[:, None] > fake_logits, tf.float32)
            equal = tf.cast(real_logits[:, None] == fake_logits, tf.float32)
            scalars = {
                "accuracy": tf.reduce_mean(higher + 0.5 * equal),
                "logit_gap": gap,
                "logit_deviation": tf.math.reduce_std(tf.concat([real_logits, fake_logits], axis=0)),
                "discriminator_gradient": d_norm,
                "generator_gradient": g_norm,
                "real_input_gradient": inputs[0],
                "fake_input_gradient": inputs[1],
            }
            if self._saturates:
                scalars["saturation"] = (d_loss - self._certain) / (self._undecided - self._certain)
            if self._held_out is not None:
                held_out = losses.per_example(Critic(gan.discriminator, self._held_out_labels)(self._held_out))
                moved = tf.reduce_mean(real_logits) - tf.reduce_mean(held_out)
                variances = [tf.math.reduce_variance(logits) for logits in (real_logits, held_out)]
                error = tf.sqrt(variances[0] / n + variances[1] / self._held_out.shape[0])
                scalars["overfitting"] = tf.math.divide_no_nan(moved, gap)
                scalars["overfitting_deviations"] = tf.math.divide_no_nan(moved, error)
            return scalars, samples, *_sketch(gan.generator.trainable_variables)

    def _generate(self, codes, labels):
        inputs = codes if labels is None else [codes, labels]
        return tf.cast(self._gan.generator(inputs, training=True), tf.float32)


def _global_norm(gradients):
    return tf.linalg.global_norm([tf.cast(gradient, tf.float32) for gradient in gradients if gradient is not None])


def _sketch(variables):
    """Sums of weights with random signs, whose differences are as long as those of all weights, and the weights' norm.

    Reference: Charikar et al. 2002, "Finding frequent items in data streams": a count sketch.
    """
    sums = tf.zeros((SKETCH,), tf.float32)
    for i, variable in enumerate(variables):
        values = tf.reshape(tf.cast(variable, tf.float32), [-1])
        bits = tf.random.stateless_uniform(values.shape, (i, 11), 0, 2, tf.int32, alg="philox")
        signed = tf.where(bits > 0, values, -values)
        sums += tf.reduce_sum(tf.reshape(tf.pad(signed, [[0, -values.shape[0] % SKETCH]]), [-1, SKETCH]), axis=0)
    return sums, _global_norm(variables)


def _ends(gan):
    """The discriminator's loss at certainty and where it cannot tell, and whether certainty ends its learning."""

    def at(logit):
        return gan.adversarial_loss.discriminator_loss(tf.constant([logit]), tf.constant([-logit]))[0]

    strategy = gan.distribute_strategy
    values = tf.function(lambda: strategy.run(lambda: [at(logit) for logit in (0.0, 20.0, 40.0)]), autograph=False)()
    undecided, certain, more_certain = (float(strategy.experimental_local_results(value)[0]) for value in values)
    fall = undecided - certain
    return certain, undecided, fall > 0 and abs(more_certain - certain) < 1e-3 * fall


class _Seen:
    """Examples as distances see them, the shares of classes or modes among them, and the class of each, or `None`."""

    def __init__(self, rows, shares, found=None):
        self.rows, self.shares, self.found = rows, shares, found


class _Classes:
    """The space in which examples are compared, and their classes or modes.

    That is the features of a classifier where there is one, and else the examples themselves; those with more than 128
    numbers in a random projection, which keeps distances to about 10 %.
    """

    def __init__(self, classes, real, class_names):
        self._network = self._modes = self._projection = None
        self._channels = 1
        if hasattr(classes, "modes") and classes.modes is not None:
            self._modes, self._truth = np.asarray(classes.modes, np.float64), np.asarray(classes.weights, np.float64)
        elif classes is not None and not hasattr(classes, "modes"):
            self._network = networks.get(classes)
            if self._network.image_shape[2] == 1 and len(real.shape) == 4:
                self._channels = real.shape[3]
            self._network.check((*real.shape[1:-1], real.shape[-1] // self._channels))
        size = math.prod(real.shape[1:])
        if self._network is None and size > _DIMENSIONS:
            self._projection = np.random.default_rng(0).normal(size=(size, _DIMENSIONS)).astype(np.float32)
            self._projection /= math.sqrt(_DIMENSIONS)
        if self._network is not None:
            self._truth = self.look(np.asarray(real, np.float32)).shares
        self._least = 8 / (len(real) * self._channels)
        self._names = class_names

    def look(self, examples):
        if self._network is not None:
            images = pictures.to_uint8(examples)
            if self._channels > 1:
                images = np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3], 1)
            rows, probabilities = self._network.both(images)
            rows = rows.reshape(len(examples), -1)
            if probabilities is None:
                return _Seen(rows, None)
            # The same class in another channel is another one.
            number = probabilities.shape[1]
            found = probabilities.argmax(axis=1).reshape(-1, self._channels) + number * np.arange(self._channels)
            shares = np.bincount(found.ravel(), minlength=number * self._channels) / found.size
            return _Seen(rows, shares, found[:, 0] if self._channels == 1 else None)
        rows = examples.reshape(len(examples), -1)
        if self._projection is not None:
            return _Seen(rows @ self._projection, None)
        if self._modes is None:
            return _Seen(rows, None)
        nearest = _squared_distances(rows, self._modes).argmin(axis=1)
        return _Seen(rows, np.bincount(nearest, minlength=len(self._modes)) / len(rows), nearest)

    @property
    def number(self):
        """Number of classes or modes that are told apart, or `None`."""
        return None if self._network is None and self._modes is None else len(self._truth)

    def missing(self, shares):
        """Names of what has less than a tenth of its share, and the data's share of it.

        Classes that a perfect generator would show fewer than 8 times are not judged.
        """
        lost = np.flatnonzero((shares < 0.1 * self._truth) & (self._truth >= self._least))
        return [self._name(i) for i in lost], float(self._truth[lost].sum())

    def _name(self, i):
        if self._channels > 1:
            channel, number = divmod(i, len(self._truth) // self._channels)
            return f"{number} in channel {channel}"
        return str(self._names[i]) if self._names else str(i)


def _squared_distances(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    centre = b.mean(axis=0)
    a, b = a - centre, b - centre
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
    return np.maximum(squares, 0.0)


def _ratio_within(fake, real, labels):
    """The mean distance of generated examples of one class over that of real ones; `None` of too few pairs."""
    same = (labels[:, None] == labels) & ~np.eye(len(labels), dtype=bool)
    scale = np.sqrt(real[same]).mean() if same.sum() >= 2 * _PAIRS else 0.0
    return float(np.sqrt(fake[same]).mean() / scale) if scale else None


def _mean_distance(squares):
    """The mean over all pairs of different examples."""
    n = len(squares)
    return float(np.sqrt(squares).sum() / (n * (n - 1)))
