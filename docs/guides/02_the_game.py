# %% [markdown]
# # The game: value function and equilibrium
#
# Why should two networks that fight end with good pictures? The answer of Goodfellow et al. 2014
# ([arXiv:1406.2661](https://arxiv.org/abs/1406.2661)) is a game with a known end. Here the data are numbers instead of
# pictures, drawn from a density that we know, so that every claim can be checked with a ruler.
#
# ## The value function
#
# The discriminator $D$ says how likely it thinks an example is real. It maximizes, and the generator $G$ minimizes,
#
# $$V(D, G) = \mathbb{E}_{x \sim p}[\log D(x)] + \mathbb{E}_{x \sim q}[\log(1 - D(x))],$$
#
# where $p$ is the density of the data and $q$ the density of what the generator makes.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_gan
from keras_gan.metrics import divergence

density = keras_gan.data.toy.get("two_gaussians")
cells = density.cells(per_std=8)
edges = cells.edges[0]
x = cells.centres()[:, 0]
p = cells.masses / cells.volume

# %% [markdown]
# ## The best discriminator
#
# For a fixed generator the best answer at $x$ is $D^*(x) = p(x) / (p(x) + q(x))$: the share of real examples among all
# that lie there. Put that into $V$, and what is left is a distance between the densities:
#
# $$V(D^*, G) = -\log 4 + 2\,\mathrm{JSD}(p \,\|\, q).$$
#
# The Jensen-Shannon divergence JSD is 0 if the densities are equal, and at most $\log 2$. Check it: let the
# "generator" be a fixed normal distribution.

# %%
q = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
q /= (q * cells.volume).sum()
best = divergence.optimal_discriminator(p, q)
logits = np.log(np.maximum(best, 1e-12)) - np.log(np.maximum(1 - best, 1e-12))
value = divergence.value_function(logits, logits, p * cells.volume, q * cells.volume)
jsd = divergence.exact_jensen_shannon(p * cells.volume, q * cells.volume)
print(f"V(D*, G) = {value:.4f},   -log 4 + 2 JSD = {-np.log(4) + 2 * jsd:.4f},   -log 4 = {-np.log(4):.4f}")

figure, axis = plt.subplots()
axis.fill_between(x, p, alpha=0.15, color="black", label="data p")
axis.plot(x, q, color="#009E73", label="generator q")
axis.plot(x, best, color="#D55E00", label="D* = p / (p + q)")
axis.axhline(0.5, color="#999999", lw=0.8)
axis.set(xlim=(-3, 3), xlabel="x")
axis.legend()
plt.show()

# %% [markdown]
# Look at where the orange line crosses 1/2: exactly where the two densities cross. Above it the discriminator says
# "real" because there *are* more real examples, not because it knows anything about them.
#
# ## A discriminator learns it
#
# Nobody gives the discriminator $p$ and $q$. It sees samples, and climbs. Freeze the generator and watch $V$ rise
# towards the bound from below. That is why a trained discriminator gives a *lower bound* of the divergence.

# %%
steps = 400  # short: 20
keras.utils.set_random_seed(0)
judge = keras_gan.networks.MLPDiscriminator((1,), hidden_units=(64, 64), kernel_initializer="he_normal")
optimizer = keras.optimizers.Adam(2e-3)
optimizer.build(judge.trainable_variables)
loss = keras_gan.losses.Minimax()

import tensorflow as tf


@tf.function
def climb(real, fake):
    with tf.GradientTape() as tape:
        answers = judge(real)[:, 0], judge(fake)[:, 0]
        objective = tf.reduce_mean(loss.discriminator_loss(*answers))
    optimizer.apply(tape.gradient(objective, judge.trainable_variables), judge.trainable_variables)


random = np.random.default_rng(0)
values = []
for step in range(steps):
    climb(tf.constant(density.sample(256, seed=step)), tf.constant(random.normal(size=(256, 1)).astype("float32")))
    logit = np.asarray(judge(x[:, None].astype("float32")))[:, 0]
    values.append(divergence.value_function(logit, logit, p * cells.volume, q * cells.volume))

figure, (left, right) = plt.subplots(1, 2)
left.plot(values, color="#0072B2", label="V(D, G)")
left.axhline(value, color="#D55E00", label="bound V(D*, G)")
left.axhline(-np.log(4), color="#999999", ls=":", label="-log 4")
left.set(xlabel="discriminator step")
left.legend()
right.plot(x, 1 / (1 + np.exp(-logit)), "--", color="#0072B2", label="D learned")
right.plot(x, best, color="#D55E00", label="D*")
right.set(xlim=(-3, 3), xlabel="x")
right.legend()
plt.show()
print(f"bound {value:.3f}, reached {values[-1]:.3f}")

# %% [markdown]
# It starts near $-\log 4$, where a discriminator that knows nothing is, and never passes the bound.
#
# ## Now both play
#
# The generator is a small network from a number in $(-1, 1)$ to a number. With one latent dimension its density can be
# computed without drawing a single sample: `push_forward` bends two thousand intervals of equal probability.
#
# Three discriminator steps for each of the generator, and a larger learning rate, keep $D$ close to $D^*$, as the
# theory wants it. A small penalty (R1) and an average of the generator's weights keep the two from circling around the
# equilibrium; why they would is [another guide](09_stabilisers.ipynb).

# %%
keras.utils.set_random_seed(1)
gan = keras_gan.GAN(
    keras_gan.networks.MLPGenerator(
        (1,), latent_dim=1, latent_prior="uniform", hidden_units=(64, 64), kernel_initializer="he_normal"
    ),
    keras_gan.networks.MLPDiscriminator((1,), hidden_units=(64, 64), kernel_initializer="he_normal"),
    ema_momentum=0.99,
    seed=1,
)
gan.compile(
    keras_gan.optimizers.Adam(5e-4, 0.5),
    keras_gan.optimizers.Adam(2e-3, 0.5),
    loss="non_saturating",
    discriminator_regularizers=[keras_gan.regularizers.R1(0.05)],
    discriminator_steps=3,
    steps_per_execution=5,
)
points, _ = keras_gan.data.load("toy:two_gaussians", batch_size=3 * 256, repeat=True)
line = np.linspace(-1, 1, 2001, dtype="float32")[:, None]


def measure():
    """Density of the generator, what the discriminator says, and V, bound and divergence."""
    masses, outside = keras_gan.data.toy.push_forward(np.asarray(gan.sampler(line))[:, 0], edges)
    logit = np.asarray(gan.discriminator(x[:, None].astype("float32")))[:, 0]
    value = divergence.value_function(logit, logit, p * cells.volume, masses / masses.sum())
    jsd = divergence.exact_jensen_shannon(np.append(p * cells.volume, 0), np.append(masses, outside))
    return masses / cells.volume, 1 / (1 + np.exp(-logit)), value, jsd


frames, numbers = [], []


def look(*_):
    made, answer, value, jsd = measure()
    numbers.append((int(gan.step), value, -np.log(4) + 2 * jsd, jsd))
    frames.append((int(gan.step), made, answer))


rounds = 40  # short: 2
look()
gan.fit(
    points,
    epochs=rounds,
    steps_per_epoch=50,
    verbose=0,
    callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=look)],
)

# %% tags=["thumbnail"]
figure, axes = plt.subplots(2, 3, figsize=(8, 4.2), sharex=True, sharey=True)
chosen = np.linspace(0, len(frames) - 1, 6).astype(int)
for axis, (step, made, answer) in zip(axes.flat, [frames[i] for i in chosen]):
    axis.fill_between(x, p, alpha=0.15, color="black", label="data")
    axis.plot(x, made, color="#009E73", label="generator")
    axis.plot(x, answer, "--", color="#0072B2", label="D")
    axis.plot(x, divergence.optimal_discriminator(p, made), color="#D55E00", lw=0.8, label="D*")
    axis.set(title=f"step {step}", xlim=(-3, 3), ylim=(0, 1.3))
axes[0, 0].legend(fontsize=7)
plt.show()

# %% [markdown]
# What to look at: the generator's density (green) moves to places where the discriminator (dashed) is high, and the
# discriminator falls there as soon as generated examples arrive. The better green covers the grey area, the closer the
# dashed line comes to 1/2: there is less and less to tell apart. The orange line, the best answer to this very
# generator, still finds the last differences, which a small network with a penalty does not resolve.

# %%
at, values, bounds, divergences = np.array(numbers).T
figure, (left, right) = plt.subplots(1, 2)
left.plot(at, values, color="#0072B2", label="V(D, G)")
left.plot(at, bounds, color="#D55E00", label="V(D*, G)")
left.axhline(-np.log(4), color="#999999", ls=":", label="-log 4")
left.set(xlabel="training step", ylim=(-1.6, 0))
left.legend()
right.semilogy(at, divergences, color="black")
right.set(xlabel="training step", title="true Jensen-Shannon divergence")
plt.show()
late = slice(-max(1, len(values) // 4), None)
print(f"-log 4 = {-np.log(4):.3f}; mean V over the last quarter {values[late].mean():.3f}")
print(f"JSD: {divergences[0]:.3f} at the start, {divergences[late].mean():.3f} over the last quarter")

# %% [markdown]
# $V$ settles at $-\log 4 \approx -1.386$, the value of the equilibrium, and stays there, while the bound above it does
# not quite reach it: the small distance between the two lines is what $D$ misses. So **a discriminator at 1/2 is
# necessary for equilibrium, not sufficient**. A bad discriminator is at $-\log 4$ from the beginning. That is why the
# package measures generators with networks that did not take part in the game.
#
# ## Where it breaks
#
# The theorem moves densities; we move weights, a few steps at a time, and the discriminator is never quite $D^*$.
# It says nothing about whether alternating gradient steps arrive.
#
# The same with frames, curves and an animation: `python -m trainers.toy --preset=plain --data=two_gaussians`.
#
# ## What to read next
#
# - [How many discriminator steps](03_discriminator_steps.ipynb): what if $D$ is far from $D^*$, or too close?
# - [Mode collapse and convergence](05_convergence.ipynb).
