"""Adversarial losses: what the discriminator and the generator minimize, as functions of the logits."""

import functools
import math

import keras
import tensorflow as tf

from keras_gan import serialization

_LOG_2 = math.log(2.0)

# For each f-divergence, the output activation g_f(v) and the composition f*(g_f(v)). Composed by hand, the
# logarithms of exponentials cancel, which keeps large logits exact.
_DIVERGENCES = {
    "kl": (lambda v: v, lambda v: tf.exp(v - 1.0)),
    "reverse_kl": (lambda v: -tf.exp(-v), lambda v: v - 1.0),
    "pearson_chi_squared": (lambda v: v, lambda v: v * v / 4.0 + v),
    "squared_hellinger": (lambda v: -tf.math.expm1(-v), tf.math.expm1),
    "jensen_shannon": (lambda v: _LOG_2 - tf.nn.softplus(-v), lambda v: tf.nn.softplus(v) - _LOG_2),
    "gan": (lambda v: -tf.nn.softplus(-v), tf.nn.softplus),
}


def per_example(values: tf.Tensor) -> tf.Tensor:
    """Averages what there is for each patch of an example: an image counts the same whatever the number of its patches.

    Args:
        values: Floats of shape `(batch,)` or `(batch, rows, columns)`.

    Returns:
        Tensor of shape `(batch,)`.

    Example:

    >>> keras_gan.losses.per_example(tf.constant([[[1.0, 2.0]], [[3.0, 7.0]]])).numpy().tolist()
    [1.5, 5.0]
    """
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


def _as_logits(*logits):
    """The logits as float32, after a check that they cannot broadcast: (batch, 1) against (batch,) would."""
    logits = [tf.cast(values, tf.float32) for values in logits]
    shapes = [values.shape for values in logits]
    ranks = {shape.rank for shape in shapes}
    if not ranks <= {None, 1, 3} or not all(shape.is_compatible_with(shapes[0]) for shape in shapes):
        raise ValueError(
            "Logits must have the shape (batch,), or (batch, rows, columns) of patches, the same for real and fake "
            "ones; flatten what the discriminator returns. "
            f"Received: shapes={[str(shape) for shape in shapes]}"
        )
    return logits


def _global_mean(values):
    """Mean over the batches of all replicas, which are of one size; its gradient crosses replicas too."""
    mean = tf.reduce_mean(values)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return mean
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)


class AdversarialLoss:
    """Base class of adversarial losses: one loss for the discriminator and one for the generator.

    Both are to be minimized. They take logits, real numbers that are larger for "real", and return one value
    per example, unreduced: the discriminator's at index i adds what the i-th real and the i-th fake example
    cost. All arithmetic is float32, whatever the dtype of the logits and the global policy. Where the discriminator
    judges patches, each logit has its loss, and an example's is the mean over its patches.

    A subclass implements `_discriminator_loss(real, fake)` and `_generator_loss(real, fake)`, which receive
    checked float32 logits, and adds its constructor's arguments to `get_config()`. If its generator's loss
    depends on the real logits, it sets the class attribute `uses_real_logits` to `True`; otherwise the `real`
    of `_generator_loss` is `None`.

    Example:

    >>> class Linear(keras_gan.losses.AdversarialLoss):
    ...     def _discriminator_loss(self, real, fake):
    ...         return fake - real
    ...     def _generator_loss(self, real, fake):
    ...         return -fake
    >>> Linear().discriminator_loss([3.0, 1.0], [-1.0, 2.0]).numpy().tolist()
    [-4.0, 1.0]
    """

    uses_real_logits = False

    def discriminator_loss(self, real_logits, fake_logits):
        """The discriminator's objective, per example.

        Args:
            real_logits: Logits of real examples, floats of shape `(batch,)`, or `(batch, rows, columns)` of patches.
            fake_logits: Logits of generated examples, of the same shape.

        Returns:
            float32 tensor of shape `(batch,)`.

        Raises:
            ValueError: If the logits are of another shape.
        """
        return per_example(self._discriminator_loss(*_as_logits(real_logits, fake_logits)))

    def generator_loss(self, real_logits, fake_logits):
        """The generator's objective, per example.

        Args:
            real_logits: Logits of real examples, of the shape of the others; ignored, and may be `None`, unless
                `uses_real_logits`.
            fake_logits: Logits of generated examples, floats of shape `(batch,)`, or `(batch, rows, columns)` of
                patches.

        Returns:
            float32 tensor of shape `(batch,)`.

        Raises:
            ValueError: If the logits are of another shape, or real ones are needed and missing.
        """
        if not self.uses_real_logits:
            return per_example(self._generator_loss(None, *_as_logits(fake_logits)))
        if real_logits is None:
            raise ValueError(
                f"The generator's loss of {type(self).__name__} depends on the real logits: pass them too. "
                "Received: real_logits=None"
            )
        return per_example(self._generator_loss(*_as_logits(real_logits, fake_logits)))

    def _discriminator_loss(self, real, fake):
        raise NotImplementedError(f"{type(self).__name__} must implement `_discriminator_loss(real, fake)`.")

    def _generator_loss(self, real, fake):
        raise NotImplementedError(f"{type(self).__name__} must implement `_generator_loss(real, fake)`.")

    def get_config(self):
        """The constructor's arguments, as a dictionary."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The loss that `get_config` described."""
        return cls(**config)


@keras.saving.register_keras_serializable("keras_gan")
class Minimax(AdversarialLoss):
    """The zero-sum game of the first GAN, whose generator saturates.

    With D = sigmoid(logit), the value function is V = E[log D(real)] + E[log(1 - D(fake))]; the discriminator
    maximizes it and the generator minimizes the term that depends on it:

        discriminator: -log D(real) - log(1 - D(fake))
        generator:     log(1 - D(fake))

    The generator's gradient vanishes where the discriminator rejects a sample with confidence, which is why
    `NonSaturating` is the form in use.

    Args:
        label_smoothing: One-sided label smoothing: the discriminator's target for real examples is
            `1 - label_smoothing` instead of 1. In [0, 1).

    Raises:
        ValueError: If `label_smoothing` is out of range.

    Example: an undecided discriminator has V = -log 4.

    >>> loss = keras_gan.losses.Minimax()
    >>> bool(np.isclose(-loss.discriminator_loss([0.0], [0.0])[0], -np.log(4.0)))
    True

    Reference:
        - Goodfellow et al., "Generative Adversarial Nets", 2014, equation 1.
        - Salimans et al., "Improved Techniques for Training GANs", 2016, section 3.4 (label smoothing).
    """

    def __init__(self, label_smoothing=0.0):
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(f"`label_smoothing` must lie in [0, 1). Received: label_smoothing={label_smoothing}")
        self.label_smoothing = float(label_smoothing)

    def _discriminator_loss(self, real, fake):
        # (1 - s) softplus(-x) + s softplus(x) = softplus(-x) + s x
        return tf.nn.softplus(-real) + self.label_smoothing * real + tf.nn.softplus(fake)

    def _generator_loss(self, real, fake):
        return -tf.nn.softplus(fake)

    def get_config(self):
        return {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("keras_gan")
class NonSaturating(Minimax):
    """The discriminator of `Minimax` with a generator whose gradient does not vanish.

    With D = sigmoid(logit):

        discriminator: -log D(real) - log(1 - D(fake))
        generator:     -log D(fake)

    Args:
        label_smoothing: One-sided label smoothing: the discriminator's target for real examples is
            `1 - label_smoothing` instead of 1. In [0, 1).

    Raises:
        ValueError: If `label_smoothing` is out of range.

    Example: rejected with confidence, the generator still has a slope of -1.

    >>> loss = keras_gan.losses.NonSaturating()
    >>> loss.generator_loss(None, [-100.0, -99.0]).numpy().tolist()
    [100.0, 99.0]

    Reference:
        - Goodfellow et al., "Generative Adversarial Nets", 2014, section 3.
        - Salimans et al., "Improved Techniques for Training GANs", 2016, section 3.4 (label smoothing).
    """

    def _generator_loss(self, real, fake):
        return tf.nn.softplus(-fake)


@keras.saving.register_keras_serializable("keras_gan")
class LeastSquares(AdversarialLoss):
    """LSGAN: regression of the logits on 1 for real and 0 for fake.

        discriminator: (real - 1)^2 / 2 + fake^2 / 2
        generator:     (fake - 1)^2 / 2

    It acts on the raw logits, with no sigmoid: here the decision boundary is 1/2, not 0.

    Example:

    >>> loss = keras_gan.losses.LeastSquares()
    >>> loss.discriminator_loss([1.0, 3.0], [0.0, 1.0]).numpy().tolist()
    [0.0, 2.5]

    Reference:
        - Mao et al., "Least Squares Generative Adversarial Networks", 2017, equation 9.
    """

    def _discriminator_loss(self, real, fake):
        return 0.5 * tf.square(real - 1.0) + 0.5 * tf.square(fake)

    def _generator_loss(self, real, fake):
        return 0.5 * tf.square(fake - 1.0)


@keras.saving.register_keras_serializable("keras_gan")
class Wasserstein(AdversarialLoss):
    """WGAN: the dual form of the Wasserstein-1 distance between real and generated examples.

        discriminator: fake - real
        generator:     -fake

    Minus the discriminator's mean loss estimates the distance only while the discriminator is 1-Lipschitz.
    Nothing here makes it so: add a gradient penalty or spectral normalization.

    Example:

    >>> loss = keras_gan.losses.Wasserstein()
    >>> loss.discriminator_loss([3.0, 1.0], [-1.0, 2.0]).numpy().tolist()
    [-4.0, 1.0]

    Reference:
        - Arjovsky et al., "Wasserstein GAN", 2017, equation 2 and algorithm 1.
    """

    def _discriminator_loss(self, real, fake):
        return fake - real

    def _generator_loss(self, real, fake):
        return -fake


@keras.saving.register_keras_serializable("keras_gan")
class Hinge(AdversarialLoss):
    """The hinge loss: examples that the discriminator judges right by a margin of 1 no longer count.

        discriminator: max(0, 1 - real) + max(0, 1 + fake)
        generator:     -fake

    Example:

    >>> loss = keras_gan.losses.Hinge()
    >>> loss.discriminator_loss([0.5, 7.0], [-2.0, 1.0]).numpy().tolist()
    [0.5, 2.0]

    Reference:
        - Lim & Ye, "Geometric GAN", 2017.
        - Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018, equations 16, 17.
    """

    def _discriminator_loss(self, real, fake):
        return tf.nn.relu(1.0 - real) + tf.nn.relu(1.0 + fake)

    def _generator_loss(self, real, fake):
        return -fake


@keras.saving.register_keras_serializable("keras_gan")
class Relativistic(AdversarialLoss):
    """RpGAN: the logistic loss of the difference between paired logits, the i-th real and the i-th fake one.

        discriminator: softplus(-(real - fake))
        generator:     softplus(-(fake - real))

    Only differences count, so a generator cannot win by pushing all of its samples past one fixed boundary.
    On its own the game need not converge; R3GAN adds the penalties R1 and R2.

    Example:

    >>> loss = keras_gan.losses.Relativistic()
    >>> loss.discriminator_loss([300.0, 200.0], [200.0, 300.0]).numpy().tolist()
    [0.0, 100.0]

    Reference:
        - Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN",
          2018.
        - Huang et al., "The GAN is dead; long live the GAN! A Modern Baseline GAN", 2024, equation 2.
    """

    uses_real_logits = True

    def _discriminator_loss(self, real, fake):
        return tf.nn.softplus(fake - real)

    def _generator_loss(self, real, fake):
        return tf.nn.softplus(real - fake)


@keras.saving.register_keras_serializable("keras_gan")
class RelativisticAverage(AdversarialLoss):
    """RaGAN: the logistic loss of each logit relative to the mean logit of the other kind.

        discriminator: softplus(-(real - mean(fake))) + softplus(fake - mean(real))
        generator:     softplus(real - mean(fake)) + softplus(-(fake - mean(real)))

    The means are over the global batch: under `tf.distribute` they are taken across replicas, with equally
    many examples on each, so that any number of replicas gives the value and the gradient of one device.
    Both losses are as in the paper, without the factor 1/2 of the author's code.

    Example: the mean of the real logits is 200, that of the fake ones 0.

    >>> loss = keras_gan.losses.RelativisticAverage()
    >>> loss.discriminator_loss([300.0, 100.0], [400.0, -400.0]).numpy().tolist()
    [200.0, 0.0]

    Reference:
        - Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN",
          2018.
    """

    uses_real_logits = True

    def _discriminator_loss(self, real, fake):
        return tf.nn.softplus(_global_mean(fake) - real) + tf.nn.softplus(fake - _global_mean(real))

    def _generator_loss(self, real, fake):
        return self._discriminator_loss(fake, real)


@keras.saving.register_keras_serializable("keras_gan")
class FDivergence(AdversarialLoss):
    """f-GAN: the variational bound of an f-divergence, tight at the optimal discriminator.

    For a convex f, the divergence D_f(P || Q) = E_Q[f(p/q)] of the real distribution P from the generated Q is
    the largest value of E_P[g_f(v)] - E_Q[f*(g_f(v))] over all logits v(x). Here f* is the convex conjugate of f,
    and g_f maps logits onto its domain, increasing: a large logit says "real". For P = Q it is f(1), 0 of all f
    below but that of "gan", where it is -2 log 2.

        discriminator: -g_f(real) + f*(g_f(fake))
        generator:     -f*(g_f(fake)), or -g_f(fake) if `non_saturating`

    | divergence          | f(u)                               | g_f(v)               | f*(t)            |
    |---------------------|------------------------------------|----------------------|------------------|
    | kl                  | u log u                            | v                    | exp(t - 1)       |
    | reverse_kl          | -log u                             | -exp(-v)             | -1 - log(-t)     |
    | pearson_chi_squared | (u - 1)^2                          | v                    | t^2 / 4 + t      |
    | squared_hellinger   | (sqrt(u) - 1)^2                    | 1 - exp(-v)          | t / (1 - t)      |
    | jensen_shannon      | u log u - (u + 1) log((u + 1) / 2) | log 2 - softplus(-v) | -log(2 - exp(t)) |
    | gan                 | u log u - (u + 1) log(u + 1)       | -softplus(-v)        | -log(1 - exp(t)) |

    These f make "pearson_chi_squared" the integral of (p - q)^2 / q, and "jensen_shannon" twice the
    Jensen-Shannon divergence; "gan" is less than that by log 4, and its losses are those of `Minimax`.

    The losses of "kl", "reverse_kl" and "squared_hellinger" keep an exponential of a logit, which is infinite
    in float32 where the exponent exceeds 88. It is not clipped: the worst-judged examples would have no
    gradient.

    Args:
        divergence: A name from the table.
        non_saturating: Whether the generator minimizes -g_f(fake) instead, as `NonSaturating` does.

    Raises:
        ValueError: If there is no divergence of that name.

    Example: with equal logits of 1, the optimum for P = Q, the estimate of KL(P || Q) is 0.

    >>> loss = keras_gan.losses.FDivergence("kl")
    >>> loss.discriminator_loss([1.0], [1.0]).numpy().tolist()
    [0.0]

    Reference:
        - Nowozin et al., "f-GAN: Training Generative Neural Samplers using Variational Divergence
          Minimization", 2016, tables 1 and 2, and section 3.2 for `non_saturating`.
    """

    def __init__(self, divergence, non_saturating=False):
        if divergence not in _DIVERGENCES:
            raise ValueError(f"`divergence` must be one of {sorted(_DIVERGENCES)}. Received: divergence={divergence!r}")
        self.divergence = divergence
        self.non_saturating = bool(non_saturating)
        self._activation, self._conjugate = _DIVERGENCES[divergence]

    def _discriminator_loss(self, real, fake):
        return self._conjugate(fake) - self._activation(real)

    def _generator_loss(self, real, fake):
        return -self._activation(fake) if self.non_saturating else -self._conjugate(fake)

    def get_config(self):
        return {"divergence": self.divergence, "non_saturating": self.non_saturating}


_LOSSES = {
    "minimax": Minimax,
    "non_saturating": NonSaturating,
    "least_squares": LeastSquares,
    "wasserstein": Wasserstein,
    "hinge": Hinge,
    "relativistic": Relativistic,
    "relativistic_average": RelativisticAverage,
    **{divergence: functools.partial(FDivergence, divergence) for divergence in _DIVERGENCES},
}


def names() -> list[str]:
    """The names that `get` knows, in the order of the registry."""
    return list(_LOSSES)


def get(identifier: str | dict | AdversarialLoss) -> AdversarialLoss:
    """Resolves an identifier to an adversarial loss.

    Args:
        identifier: An `AdversarialLoss`; a configuration made by `serialize`; or a name: a class in
            snake_case, such as `"non_saturating"`, or one of the divergences of `FDivergence`, such as
            `"reverse_kl"`.

    Returns:
        An `AdversarialLoss`.

    Raises:
        ValueError: If the identifier names no adversarial loss.

    Example:

    >>> type(keras_gan.losses.get("relativistic")).__name__
    'Relativistic'
    >>> keras_gan.losses.get("reverse_kl").get_config()
    {'divergence': 'reverse_kl', 'non_saturating': False}
    """
    return serialization.get(identifier, AdversarialLoss, _LOSSES)


def serialize(loss: AdversarialLoss) -> dict:
    """The configuration of an adversarial loss, from which `deserialize` makes an equal one.

    Args:
        loss: An `AdversarialLoss`.

    Returns:
        Dictionary that JSON can hold.

    Example:

    >>> keras_gan.losses.serialize(keras_gan.losses.Minimax(label_smoothing=0.1))["config"]
    {'label_smoothing': 0.1}
    """
    return keras.saving.serialize_keras_object(loss)


def deserialize(config: dict) -> AdversarialLoss:
    """The adversarial loss that a configuration describes.

    Args:
        config: Dictionary made by `serialize`.

    Returns:
        An `AdversarialLoss`.

    Raises:
        ValueError: If the configuration is of something else.

    Example:

    >>> config = keras_gan.losses.serialize(keras_gan.losses.Minimax(label_smoothing=0.1))
    >>> keras_gan.losses.deserialize(config).label_smoothing
    0.1
    """
    return get(config)
