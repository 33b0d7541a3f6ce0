"""Features in latent space with a curved boundary, which was no better than a plane: `unlearning_detectors`."""

import dataclasses
import math

import keras
import numpy as np
import scipy
import tensorflow as tf

from keras_gan.unlearning.features import LatentFeature

# What is removed goes towards the boundary in steps of at most this length, in units of latents.
_STEPS, _LONGEST = 24, 0.5


@keras.saving.register_keras_serializable("keras_gan")
@dataclasses.dataclass(frozen=True, eq=False)
class LatentBoundary(LatentFeature):
    """A feature of images as the latents with log-odds `h(z) = <v, tanh(W z + b)> + c` of at least t.

    What a `LatentDirection` takes for the feature on its side of a plane is here bounded by a curved surface.

    Args:
        kernel: W, floats `(hidden, latent_dim)`.
        bias: b, floats `(hidden,)`.
        weights: v, floats `(hidden,)`.
        offset: c.
        threshold: t, log-odds.

    Raises:
        ValueError: If shapes do not fit each other, or numbers are not finite.

    Example:

    >>> feature = latent_boundary.LatentBoundary([[2.0, 0.0]], [0.0], [4.0], 0.0, threshold=0.0)
    >>> feature.present([[1.0, 3.0], [-1.0, 0.0]]).tolist()
    [True, False]
    >>> np.abs(feature.remove([[1.0, 3.0], [-1.0, 0.0]])).round(2).tolist()
    [[0.0, 3.0], [1.0, 0.0]]
    """

    kernel: np.ndarray
    bias: np.ndarray
    weights: np.ndarray
    offset: float
    threshold: float

    def __post_init__(self):
        for name in ("kernel", "bias", "weights"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float32))
        for name in ("offset", "threshold"):
            object.__setattr__(self, name, float(getattr(self, name)))
        shapes = [self.kernel.shape, self.bias.shape, self.weights.shape]
        if len(shapes[0]) != 2 or 0 in shapes[0] or any(shape != shapes[0][:1] for shape in shapes[1:]):
            raise ValueError(
                "`kernel` must be of shape (hidden, latent_dim), `bias` and `weights` of shape (hidden,). "
                f"Received: shapes {shapes}"
            )
        numbers = [self.kernel, self.bias, self.weights, [self.offset, self.threshold]]
        if not all(np.isfinite(each).all() for each in numbers):
            raise ValueError(f"A boundary must be of finite numbers. Received: threshold={self.threshold!r}")

    @classmethod
    def from_latents(cls, positive, negative, threshold=None, hidden=64, seed=0):
        """The boundary between two sets of latents, by maximum likelihood.

        A tenth of both is held out, and the weights are those of which that is most likely. By default t is the
        log-odds of the feature among all latents, at which both kinds of errors are as likely as in the default
        threshold of a direction.

        Args:
            positive: Floats `(m, latent_dim)`, latents of images that have the feature.
            negative: Floats `(n, latent_dim)`, latents of images that lack it.
            threshold: Another t.
            hidden: Units of the network.
            seed: Seed of its first weights and of what is held out.

        Returns:
            A `LatentBoundary`.

        Raises:
            ValueError: If a set has fewer than 10 latents, has values that are not finite, or widths differ.

        Example:

        >>> codes = np.random.default_rng(0).normal(size=(2000, 2))
        >>> inside = (codes**2).sum(axis=1) < 1.0
        >>> feature = latent_boundary.LatentBoundary.from_latents(codes[inside], codes[~inside])
        >>> feature.quality(codes, inside)["auc"] > 0.99
        True
        """
        sets = [np.asarray(rows, np.float64) for rows in (positive, negative)]
        shapes = [rows.shape for rows in sets]
        if any(len(shape) != 2 for shape in shapes) or shapes[0][1] != shapes[1][1] or min(map(len, sets)) < 10:
            raise ValueError(
                "`positive` and `negative` must hold at least 10 latents each, as (n, latent_dim) of one latent_dim. "
                f"Received: shapes {shapes[0]} and {shapes[1]}"
            )
        if not all(np.isfinite(rows).all() for rows in sets):
            raise ValueError("Latents must be finite. Received: latents with NaN or infinity")
        random = np.random.default_rng(seed)
        parts = [np.array_split(random.permutation(rows), [max(1, len(rows) // 10)]) for rows in sets]
        held_out, used = ([part[i] for part in parts] for i in (0, 1))
        start = _Weights.first(sets[0].shape[1], hidden, random)
        found = _Weights.fit(start, _labelled(used), _labelled(held_out))
        if threshold is None:
            threshold = math.log(len(sets[0]) / len(sets[1]))
        return cls(found.kernel, found.bias, found.weights, found.offset, threshold)

    @property
    def latent_dim(self):
        return self.kernel.shape[1]

    def remove(self, latents):
        """Latents without the feature: those beyond the boundary go to it against the gradient of h, others stay.

        Args:
            latents: float32 `(n, latent_dim)`.

        Returns:
            float32 `(n, latent_dim)`, a tensor of a tensor and otherwise an array.
        """
        codes = self._check(latents)
        for _ in range(_STEPS):
            activity = self._activity(codes)
            excess = tf.maximum(self._log_odds(activity) - self.threshold, 0.0)
            gradient = ((1.0 - tf.square(activity)) * self.weights) @ self.kernel
            length = tf.maximum(tf.norm(gradient, axis=1), 1e-6)
            codes -= (tf.minimum(excess / length, _LONGEST) / length)[:, None] * gradient
        return self._like(latents, codes)

    def _project(self, codes):
        return self._log_odds(self._activity(codes))

    def _activity(self, codes):
        return tf.tanh(tf.matmul(codes, self.kernel, transpose_b=True) + self.bias)

    def _log_odds(self, activity):
        return tf.reduce_sum(activity * self.weights, axis=1) + self.offset

    def get_config(self):
        arrays = {name: getattr(self, name).astype(float).tolist() for name in ("kernel", "bias", "weights")}
        return {**arrays, "offset": self.offset, "threshold": self.threshold}


def _labelled(sets):
    """Latents of both sets, and +1 or -1 for each."""
    return np.concatenate(sets), np.repeat([1.0, -1.0], [len(rows) for rows in sets])


@dataclasses.dataclass
class _Weights:
    """The weights of h, in double precision."""

    kernel: np.ndarray
    bias: np.ndarray
    weights: np.ndarray
    offset: float

    @classmethod
    def first(cls, width, hidden, random):
        return cls(
            random.normal(scale=1.0 / math.sqrt(width), size=(hidden, width)),
            random.normal(size=hidden),
            random.normal(scale=0.1 / math.sqrt(hidden), size=hidden),
            0.0,
        )

    @classmethod
    def of_vector(cls, vector, width):
        hidden = (len(vector) - 1) // (width + 2)
        kernel, bias, weights, offset = np.split(vector, np.cumsum([hidden * width, hidden, hidden]))
        return cls(kernel.reshape(hidden, width), bias, weights, float(offset[0]))

    @classmethod
    def fit(cls, start, used, held_out, most=200, patience=10):
        """The weights on the way of L-BFGS from `start` of which what is held out is most likely."""
        width = start.kernel.shape[1]
        best, least, waited = start, math.inf, 0

        def look(vector):
            nonlocal best, least, waited
            weights = cls.of_vector(np.copy(vector), width)
            loss = weights.loss(*held_out)[0]
            waited += 1
            if loss < least:
                best, least, waited = weights, loss, 0
            if waited > patience:
                raise StopIteration

        scipy.optimize.minimize(
            lambda vector: cls.of_vector(vector, width).loss(*used), start.vector(), jac=True, method="L-BFGS-B",
            callback=look, options={"maxiter": most},
        )  # fmt: skip
        return best

    def vector(self):
        return np.concatenate([self.kernel.ravel(), self.bias, self.weights, [self.offset]])

    def loss(self, codes, signs):
        """The mean negative log-likelihood, and its gradient as a vector."""
        activity = np.tanh(codes @ self.kernel.T + self.bias)
        margins = signs * (activity @ self.weights + self.offset)
        slopes = -signs * scipy.special.expit(-margins) / len(codes)
        inner = slopes[:, None] * self.weights * (1.0 - activity**2)
        gradient = [(inner.T @ codes).ravel(), inner.sum(axis=0), activity.T @ slopes, [slopes.sum()]]
        return np.logaddexp(0.0, -margins).mean(), np.concatenate(gradient)
