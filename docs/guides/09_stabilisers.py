# %% [markdown]
# # Stabilisers since 2017, each switched on and measured
#
# Between 2017 and today dozens of papers made GANs train more steadily. Most come down to five ideas: another distance,
# a smooth discriminator, seeing several samples at once, an average of the generator, and relative judgements. Switch
# each on alone, on one problem whose answer is known, and measure.
#
# ## Why a game needs damping
#
# The smallest GAN of all has one number on each side: the generator makes the number $\theta$, the data are 0, and the
# discriminator is $D(x) = \psi x$. Mescheder, Geiger and Nowozin 2018
# ([arXiv:1801.04406](https://arxiv.org/abs/1801.04406)) showed with it that the unregularized game does not converge:
# the gradients go *around* the equilibrium at (0, 0). R1, the square of the discriminator's slope at real data, pulls
# inwards.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_gan


def spiral(gamma, steps=400, rate=0.1):
    """Simultaneous gradient steps of the one-number GAN with the non-saturating loss."""
    theta, psi, path = 1.0, 1.0, []
    for _ in range(steps):
        path.append((theta, psi))
        slope = 1.0 / (1.0 + np.exp(psi * theta))  # of -log(sigmoid(psi theta)), up to its sign
        push = 1.0 / (1.0 + np.exp(-psi * theta))
        theta, psi = theta + rate * psi * slope, psi - rate * (theta * push + gamma * psi)
    return np.array(path).T


figure, axes = plt.subplots(1, 3, figsize=(8, 2.6), sharex=True, sharey=True)
for axis, gamma in zip(axes, (0.0, 0.1, 1.0)):
    axis.plot(*spiral(gamma), color="#0072B2", lw=0.8)
    axis.plot(0, 0, "o", color="#D55E00")
    axis.set(title=f"R1 weight {gamma}", xlabel="generator", xlim=(-2, 2), ylim=(-2, 2))
axes[0].set_ylabel("discriminator")
plt.show()

# %% [markdown]
# What to look at: without the penalty the path ends up going round and round the dot; with it, it falls in.
#
# ## The candidates

# %%
ring = keras_gan.data.toy.get("ring")
updates = 1500  # short: 5
adam = keras_gan.optimizers.Adam


def networks(packing=1, spectral=False):
    keras.utils.set_random_seed(5)
    hidden = {"hidden_units": (64, 64), "kernel_initializer": "he_normal"}
    generator = keras_gan.networks.MLPGenerator((2,), latent_dim=2, **hidden)
    if not spectral:
        return generator, keras_gan.networks.MLPDiscriminator((2,), packing=packing, **hidden)
    normalized = keras_gan.layers.SpectralNormalization
    layers = [normalized(keras.layers.Dense(64, "leaky_relu", kernel_initializer="he_normal")) for _ in range(2)]
    return generator, keras.Sequential([keras.Input((2,)), *layers, normalized(keras.layers.Dense(1))])


def r1(weight=0.1):
    return keras_gan.regularizers.R1(weight)


candidates = {
    "nothing (2014)": ({}, {}),
    "Wasserstein, gradient penalty": (
        {},
        {
            "loss": "wasserstein",
            "discriminator_regularizers": [keras_gan.regularizers.GradientPenalty(0.1)],
            "discriminator_steps": 5,
        },
    ),
    "spectral normalization, hinge": ({"spectral": True}, {"loss": "hinge", "discriminator_steps": 5}),
    "packing of 2": ({"packing": 2}, {}),
    "R1": ({}, {"discriminator_regularizers": [r1()]}),
    "relativistic, R1 and R2": (
        {},
        {"loss": "relativistic", "discriminator_regularizers": [r1(), keras_gan.regularizers.R2(0.1)]},
    ),
    "two time scales": ({}, {"rates": (5e-4, 2e-3)}),
}

# %% [markdown]
# Each gets as many updates of its generator. Two rows of numbers: from the weights of the last step, and from an
# average of the weights, which every one of them can have for nothing.

# %%
import time

results = {}
for name, (form, objective) in candidates.items():
    objective = dict(objective)
    rates = objective.pop("rates", (1e-3, 1e-3))
    gan = keras_gan.GAN(*networks(**form), ema_momentum=0.99, seed=5)
    gan.compile(adam(rates[0], 0.5, 0.99), adam(rates[1], 0.5, 0.99), **objective)
    data, _ = keras_gan.data.load(
        "toy:ring", batch_size=64 * objective.get("discriminator_steps", 1), seed=5, repeat=True
    )
    started = time.monotonic()
    gan.fit(data, steps_per_epoch=updates, verbose=0)
    seconds = time.monotonic() - started
    last = keras_gan.latents.sample(gan.generator, 2000)
    averaged = gan.sample(2000)
    results[name] = averaged
    rows = [keras_gan.metrics.collapse.mixture_statistics(made, ring) for made in (last, averaged)]
    text = "   ".join(f"{row['modes']} modes, {100 * row['high_quality']:3.0f} % within 3 deviations" for row in rows)
    print(f"{name:32} {text}   {seconds:4.0f} s")

# %% tags=["thumbnail"]
figure, axes = plt.subplots(1, len(results), figsize=(11, 1.9), sharex=True, sharey=True)
for axis, (name, made) in zip(axes, results.items()):
    axis.scatter(*made.T, s=1, color="#009E73")
    axis.set_title(name.replace(", ", ",\n"), fontsize=7)
    axis.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
plt.show()

# %% [markdown]
# What to look at: compare the two halves of each line first. The average is the cheapest stabiliser there is. Then the
# seconds: five discriminator steps are paid for. The order of the rest is that of **one seed and a short training**,
# and a longer one may turn it round. [The stored measurements](../results/mixtures.md) have five seeds, two problems
# and the published numbers beside them.
#
# ## On pictures
#
# | idea | how to switch it on |
# |---|---|
# | gradient penalty (WGAN-GP, 2017) | `python -m trainers.wgan_gp` |
# | spectral normalization (2018), self-attention (2019) | `python -m trainers.sngan`, `--preset=sagan` |
# | R1 (2018) | the default of `python -m trainers.dcgan`, `--r1_gamma` |
# | relativistic, R1 and R2 (R3GAN, 2024) | `python -m trainers.r3gan`, or `dcgan --loss=relativistic --r2_gamma=1` |
# | augmentation (2020) | `GAN(..., augmenter="diff_augment")` or `"ada"` |
# | consistency (2020), LeCam (2021) | `discriminator_regularizers=["lecam"]`, `ConsistencyRegularization(augmenter)` |
# | average of weights | `ema_momentum=0.998` |
#
# ## Where it breaks
#
# - Penalties on gradients and batch normalization in the discriminator do not go together
#   ([DCGAN](04_dcgan.ipynb)).
# - Penalties computed every few steps only ("lazy", `interval=`) are cheaper, and can fail where the full ones do not.
# - A stabiliser that a paper found necessary may be idle in your setting. Switch off what you cannot see working.
#
# ## What to read next
#
# - [Mode collapse and convergence](05_convergence.ipynb).
# - [Results](../results/recipes.md): recipes on MNIST at equal time.
