"""Divergences: exact for known distributions, and from below by a discriminator trained for it; the duality gap."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_gan import latents, losses, networks, random, serialization
from keras_gan.metrics import arrays

LOG_2 = math.log(2.0)

# How large a divergence of `keras_gan.losses.FDivergence` can be.
_LARGEST = {"jensen_shannon": 2.0 * LOG_2, "squared_hellinger": 2.0, "gan": 0.0}


def exact(divergence, p, q):
    """An f-divergence of two discrete distributions.

    Args:
        divergence: A name of `keras_gan.losses.FDivergence`, which defines f; its "jensen_shannon" is twice the
            Jensen-Shannon divergence, and its "gan" less than that by log 4.
        p: Masses of the real distribution, of sum 1.
        q: Masses of the generated one, of the same shape.

    Returns:
        `sum q f(p / q)` in nats, a float, which may be infinite.

    Raises:
        ValueError: If the shapes differ, masses are not finite, negative or do not sum to 1, or there is no such
            divergence.

    Example: disjoint distributions.

    >>> round(keras_gan.metrics.divergence.exact("jensen_shannon", [1.0, 0.0], [0.0, 1.0]) / 2, 4)
    0.6931
    """
    p, q = np.asarray(p, np.float64).ravel(), np.asarray(q, np.float64).ravel()
    for name, masses in (("p", p), ("q", q)):
        arrays.finite(name, masses)
        if masses.shape != p.shape or (masses < 0).any() or abs(masses.sum() - 1.0) > 1e-6:
            raise ValueError(
                f"`{name}` must hold masses of sum 1, as many as `p`. Received: {masses.shape} of sum {masses.sum()}"
            )
    if divergence not in _EXACT:
        raise ValueError(f"`divergence` must be one of {sorted(_EXACT)}. Received: divergence={divergence!r}")
    return _EXACT[divergence](p, q)


def _kl(p, q):
    support = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[support] * np.log(p[support] / q[support])))


def _twice_jensen_shannon(p, q):
    # Not by way of (p + q) / 2, which is 0 for the smallest positive numbers.
    halves = [x[x > 0] * np.log(2.0 * (x[x > 0] / (p + q)[x > 0])) for x in (p, q)]
    return float(np.maximum(halves[0].sum() + halves[1].sum(), 0.0))


def _pearson(p, q):
    with np.errstate(divide="ignore"):
        return float(np.sum(np.square(p - q)[p != q] / q[p != q]))


_EXACT = {
    "kl": _kl,
    "reverse_kl": lambda p, q: _kl(q, p),
    "pearson_chi_squared": _pearson,
    "squared_hellinger": lambda p, q: float(np.sum(np.square(np.sqrt(p) - np.sqrt(q)))),
    "jensen_shannon": _twice_jensen_shannon,
    "gan": lambda p, q: _twice_jensen_shannon(p, q) - 2.0 * LOG_2,
}


def exact_jensen_shannon(p, q):
    """The Jensen-Shannon divergence of two discrete distributions, in [0, log 2] nats; see `exact`.

    Example:

    >>> keras_gan.metrics.divergence.exact_jensen_shannon([0.5, 0.5], [0.5, 0.5])
    0.0
    """
    return exact("jensen_shannon", p, q) / 2.0


def optimal_discriminator(p, q):
    """`p / (p + q)`, what a perfect discriminator answers; 1/2 where both are 0.

    Args:
        p: Densities or masses of the real distribution.
        q: Those of the generated one, in the same places.

    Returns:
        float64 array of their shape.

    Raises:
        ValueError: If one is not finite.

    Example:

    >>> keras_gan.metrics.divergence.optimal_discriminator([0.3, 0.0], [0.1, 0.0]).round(2).tolist()
    [0.75, 0.5]

    Reference: Goodfellow et al. 2014, proposition 1.
    """
    p, q = (arrays.finite(name, np.asarray(x, np.float64)) for name, x in (("p", p), ("q", q)))
    return np.where(p + q > 0, p / np.maximum(p + q, np.finfo(np.float64).tiny), 0.5)


def value_function(real_logits, fake_logits, real_weights=None, fake_weights=None):
    """`V(D, G) = E log D(real) + E log(1 - D(fake))`, with `D = sigmoid(logit)`.

    Its largest value over all D is -log 4 + 2 JSD, so `(V + log 4) / 2` is a lower bound of the Jensen-Shannon
    divergence, and -log 4 = -1.386 the value of the equilibrium.

    Args:
        real_logits: Floats `(n,)`.
        fake_logits: Floats `(m,)`.
        real_weights: Masses of sum 1 to average with, or `None` for equal ones.
        fake_weights: The same.

    Returns:
        A float, at most 0.

    Raises:
        ValueError: If a logit or mass is not finite.

    Example: where nothing can be told.

    >>> round(keras_gan.metrics.divergence.value_function([0.0], [0.0, 0.0]), 4)
    -1.3863

    Reference: Goodfellow et al. 2014, equation 1 and theorem 1.
    """
    given = {"real_logits": real_logits, "fake_logits": fake_logits}
    given |= {"real_weights": real_weights, "fake_weights": fake_weights}
    real, fake, *weights = (
        None if x is None else arrays.finite(name, np.asarray(x, np.float64).ravel()) for name, x in given.items()
    )
    means = [
        np.average(-np.logaddexp(0.0, negated), weights=masses)
        for negated, masses in zip((-real, fake), weights, strict=True)
    ]
    return float(sum(means))


def lower_bound(
    real,
    fake,
    divergence="jensen_shannon",
    discriminator=None,
    steps=1000,
    batch_size=256,
    learning_rate=1e-3,
    patience=5,
    seed=0,
):
    """A lower bound of an f-divergence between two sets of samples, by a discriminator trained for nothing else.

    `D_f(P || Q) >= E_P[g_f(v)] - E_Q[f*(g_f(v))]` for every function v. One is trained on half of the examples of
    either set, stops when the bound on a quarter no longer grows, and the bound on the last quarter, which no decision
    has seen, is the estimate. In expectation it is never too large; it is too small by as much as the discriminator is
    worse than the best possible one, and that grows with the dimension. Where P and Q do not overlap any good
    discriminator reaches the largest value, however near or far the two are.

    Args:
        real: Floats `(n, ...)`, at least 8, images in [-1, 1] or vectors.
        fake: Floats `(m, ...)` of the same shape. Of the larger set as many examples are used as the other has.
        divergence: A name of `keras_gan.losses.FDivergence`, which says what is estimated. The bounds of "kl",
            "reverse_kl" and "pearson_chi_squared" have means of heavy tails, and large errors where P and Q differ.
        discriminator: A freshly initialized `keras_gan.networks.Discriminator` or Keras model to one logit, which
            is trained in place; by default two hidden layers of 128 rectified units.
        steps: Largest number of training steps.
        batch_size: Examples of each kind in a step.
        learning_rate: Adam's.
        patience: After how many looks without progress, a twentieth of `steps` apart, training ends.
        seed: Determines the split, the batches, and the weights of the default discriminator.

    Returns:
        Dictionary of `divergence`; `estimate` in nats, clipped to what the divergence can be; `standard_error` of
        the test quarter; `unclipped`; `training_estimate`, on the first half, where overfitting shows; `steps` at
        which the bound was best; and `test_examples`, their number of each kind.

    Raises:
        ValueError: If there are too few examples, their shapes differ, or one is not finite.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(400, 2)).astype("float32")
    >>> found = keras_gan.metrics.divergence.lower_bound(x[:200], x[200:] + 9.0, steps=20)
    >>> bool(found["estimate"] <= 2 * np.log(2))
    True

    Reference: Nowozin et al. 2016, "f-GAN", equation 4.
    """
    loss = losses.FDivergence(divergence)
    real, fake = np.asarray(real, np.float32), np.asarray(fake, np.float32)
    if real.shape[1:] != fake.shape[1:] or min(len(real), len(fake)) < 8:
        raise ValueError(
            "Expected at least 8 real and 8 generated examples of one shape. "
            f"Received: arrays of shapes {real.shape} and {fake.shape}"
        )
    for name, examples in (("real", real), ("fake", fake)):
        arrays.finite(name, examples)
    count = min(len(real), len(fake))
    real, fake = (_parts(x, count, seed + i) for i, x in enumerate((real, fake)))
    if discriminator is None:
        discriminator = _default_discriminator(real[0].shape[1:], seed)
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=1.0)
    optimizer.build(discriminator.trainable_variables)
    pools = [tf.constant(x[0]) for x in (real, fake)]

    @tf.function(autograph=False)
    def train(step):
        batch = [_draw(pool, batch_size, (seed + i, step)) for i, pool in enumerate(pools)]
        with tf.GradientTape() as tape:
            logits = [tf.reshape(tf.cast(discriminator(x, training=True), tf.float32), [-1]) for x in batch]
            objective = tf.reduce_mean(loss.discriminator_loss(*logits))
        variables = discriminator.trainable_variables
        optimizer.apply(tape.gradient(objective, variables), variables)

    def bound(part):
        """The contribution of each pair of examples to the bound."""
        logits = [_logits(discriminator, x[part]) for x in (real, fake)]
        return -loss.discriminator_loss(*logits).numpy().astype(np.float64)

    best, best_weights, best_step, waited = -math.inf, discriminator.get_weights(), 0, 0
    every = max(1, steps // 20)
    for step in range(1, steps + 1):
        train(tf.constant(step, tf.int64))
        if step % every == 0:
            value = float(bound(1).mean())
            waited = 0 if value > best else waited + 1
            if value > best:
                best, best_weights, best_step = value, discriminator.get_weights(), step
            if waited >= patience or not math.isfinite(value):
                break
    discriminator.set_weights(best_weights)
    values = bound(2)
    unclipped = float(values.mean())
    low = -2.0 * LOG_2 if divergence == "gan" else 0.0
    return {
        "divergence": divergence,
        "estimate": float(np.clip(unclipped, low, _LARGEST.get(divergence, math.inf))),
        "standard_error": float(values.std() / math.sqrt(len(values))),
        "unclipped": unclipped,
        "training_estimate": float(bound(0).mean()),
        "steps": best_step,
        "test_examples": len(values),
    }


def jensen_shannon(real, fake, **kwargs):
    """A lower bound of the Jensen-Shannon divergence of two sets of samples, in [0, log 2] nats; see `lower_bound`.

    `JSD >= log 2 + (E log D(real) + E log(1 - D(fake))) / 2`, the mean of both terms on held-out examples.

    Args:
        real: As for `lower_bound`.
        fake: As for `lower_bound`.
        **kwargs: The other arguments of `lower_bound`.

    Returns:
        As of `lower_bound`, with the values halved: there "jensen_shannon" is f-GAN's, twice the divergence.

    Example: samples of one distribution.

    >>> x = np.random.default_rng(0).normal(size=(400, 1)).astype("float32")
    >>> found = keras_gan.metrics.divergence.jensen_shannon(x[:200], x[200:], steps=5)
    >>> 0.0 <= found["estimate"] < 0.2
    True
    """
    found = lower_bound(real, fake, "jensen_shannon", **kwargs)
    return found | {
        name: found[name] / 2.0 for name in ("estimate", "standard_error", "unclipped", "training_estimate")
    }


def duality_gap(
    generator, discriminator, real, steps=300, batch_size=100, learning_rate=1e-3, perturbation=0.0, seed=0
):
    """Distance of a generator and a discriminator from an equilibrium of the minimax game.

    With `M(D, G) = (E log D(x) + E log(1 - D(G(z)))) / 2`,
    `gap = max over D' of M(D', G) - min over G' of M(D, G')`. Both are approached by Adam from copies of the two
    networks, trained on one half of the real examples and compared on the other. The gap is 0 at an equilibrium and
    not negative elsewhere; as the copies fall short of the best possible ones, and are compared on other data than
    they were trained on, the estimate is too small, and can be below 0. It is about networks that play this game:
    for a critic without a sigmoid, such as that of a Wasserstein GAN, it means nothing.

    Args:
        generator: A `keras_gan.networks.Generator`, unconditional; it stays as it is.
        discriminator: The discriminator it was trained with; it stays as it is.
        real: Floats `(n, ...)`, at least 4, in the generator's range.
        steps: Training steps of each copy.
        batch_size: Examples in a step.
        learning_rate: Adam's.
        perturbation: Standard deviation of normal noise that is added to the copies' weights first, so that they leave
            stationary points that are no equilibria; the paper of the perturbed gap uses 0.5.
        seed: Determines split, batches, latents and perturbation.

    Returns:
        Dictionary of `gap`, `value` (M of the two networks as they are, at equilibrium -log 2), `worst_generator`
        (the minimum) and `worst_discriminator` (the maximum), all in nats.

    Raises:
        ValueError: If the generator is conditional, there are too few examples, or an example or what a network makes
            of one is not finite.

    Example:

    >>> generator = keras_gan.networks.MLPGenerator((1,), latent_dim=1, hidden_units=(4,))
    >>> discriminator = keras_gan.networks.MLPDiscriminator((1,), hidden_units=(4,))
    >>> found = keras_gan.metrics.divergence.duality_gap(generator, discriminator, np.ones((8, 1)), steps=2)
    >>> sorted(found)
    ['gap', 'value', 'worst_discriminator', 'worst_generator']

    Reference: Grnarova et al. 2019, "A domain agnostic measure for monitoring and evaluating GANs"; Sidheekh et al.
    2021, "On duality gap as a measure for monitoring GAN training", for `perturbation`.
    """
    if getattr(generator, "num_classes", None) is not None or len(real) < 4:
        raise ValueError(
            "The duality gap takes an unconditional generator and at least 4 real examples. "
            f"Received: num_classes={getattr(generator, 'num_classes', None)}, {len(real)} examples"
        )
    real = arrays.finite("real", np.asarray(real, np.float32))[np.random.default_rng(seed).permutation(len(real))]
    train, test = np.split(real, [len(real) // 2])
    noise = latents.stateless((len(test), generator.latent_dim), (seed, -1), _prior(generator))
    game = losses.Minimax()

    def payoff(judge, maker):
        fake = np.asarray(_in_batches(maker, noise))
        return 0.5 * value_function(_logits(judge, test), _logits(judge, fake))

    def descend(network, objective, kind):
        copy = serialization.copy_network(network, name=f"{network.name}_{kind}")
        if perturbation:
            for i, weight in enumerate(copy.trainable_variables):
                weight.assign_add(perturbation * latents.stateless(tuple(weight.shape), (seed, -2 - i)))
        optimizer = keras.optimizers.Adam(learning_rate, 0.5)
        optimizer.build(copy.trainable_variables)
        pool = tf.constant(train)

        @tf.function(autograph=False)
        def step(number):
            x = _draw(pool, batch_size, (seed, 2 * number))
            z = latents.stateless((batch_size, generator.latent_dim), _key(seed, 2 * number + 1), _prior(generator))
            with tf.GradientTape() as tape:
                value = tf.reduce_mean(objective(copy, x, z))
            optimizer.apply(tape.gradient(value, copy.trainable_variables), copy.trainable_variables)

        for number in range(steps):
            step(tf.constant(number, tf.int64))
        return copy

    def flat(logits):
        return tf.reshape(tf.cast(logits, tf.float32), [-1])

    def against_generator(judge, x, z):
        fake = generator(z, training=False)
        return game.discriminator_loss(flat(judge(x, training=True)), flat(judge(fake, training=True)))

    def against_discriminator(maker, x, z):
        return game.generator_loss(None, flat(discriminator(maker(z, training=True), training=False)))

    highest = payoff(descend(discriminator, against_generator, "worst"), generator)
    lowest = payoff(discriminator, descend(generator, against_discriminator, "worst"))
    return {
        "gap": highest - lowest,
        "value": payoff(discriminator, generator),
        "worst_generator": lowest,
        "worst_discriminator": highest,
    }


def _prior(generator):
    return getattr(generator, "latent_prior", "normal")


def _key(seed, number):
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(number, tf.int64)])


def _parts(x, count, seed):
    """A half, a quarter and a quarter of `count` rows, in a random order."""
    order = np.random.default_rng(seed).permutation(len(x))[:count]
    return np.split(x[order], [count // 2, 3 * count // 4])


def _draw(pool, n, key):
    """Random rows, with repetition."""
    u = random.uniform((n,), _key(*key))
    count = pool.shape[0]
    return tf.gather(pool, tf.minimum(tf.cast(u * count, tf.int64), count - 1))


def _in_batches(model, x, size=1000):
    return np.concatenate([np.asarray(model(x[i : i + size], training=False)) for i in range(0, len(x), size)])


def _logits(discriminator, x):
    return _in_batches(discriminator, x).astype(np.float32).ravel()


def _default_discriminator(shape, seed):
    discriminator = networks.MLPDiscriminator(shape, hidden_units=(128, 128), activation="leaky_relu")
    for i, weight in enumerate(discriminator.trainable_variables):
        if len(weight.shape) == 2:
            weight.assign(keras.initializers.HeNormal(seed=seed + i)(weight.shape))
    return discriminator
