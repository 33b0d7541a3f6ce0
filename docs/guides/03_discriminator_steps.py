# %% [markdown]
# # How many discriminator steps, and why gradients vanish
#
# [The theory](02_the_game.ipynb) wants the *best* discriminator before each step of the generator. So should it be
# trained for a hundred steps in between? Practice answers "mostly one". Between the two lies the oldest trap of GANs:
# with the loss of the theory, a perfect discriminator teaches the generator nothing.
#
# ## Two losses for the same wish
#
# Let $v$ be the discriminator's logit of a generated example, and $D = \sigma(v)$. The generator can
#
# - minimize $\log(1 - D)$, its part of the value function: the **minimax** loss; or
# - minimize $-\log D$: the **non-saturating** loss.
#
# Both want $D$ to grow. They differ in how strongly they want it.

# %%
import keras
import numpy as np
import tensorflow as tf
from matplotlib import pyplot as plt

import keras_gan

logit = tf.linspace(-8.0, 8.0, 200)
figure, (left, right) = plt.subplots(1, 2)
for name in ("minimax", "non_saturating"):
    loss = keras_gan.losses.get(name)
    with tf.GradientTape() as tape:
        tape.watch(logit)
        values = loss.generator_loss(None, logit)
    left.plot(tf.sigmoid(logit), values, label=name)
    right.plot(logit, -tape.gradient(values, logit), label=name)
left.set(xlabel="D(G(z))", title="generator's loss", ylim=(-5, 5))
right.set(xlabel="logit of a generated example", title="how strongly it is pushed up")
right.legend()
plt.show()

# %% [markdown]
# Look at the left end of the right picture. There the discriminator is sure that the example is fake, which is where
# every generator begins. The minimax loss pushes with almost no force; the non-saturating one pushes with full force.
#
# ## Measured
#
# Take points on a ring of eight Gaussians and a generator that has not learned anything. Train the discriminator alone,
# and after every few steps ask how large the generator's gradient would be under either loss.

# %%
ring = keras_gan.data.toy.get("ring")
points, _ = keras_gan.data.load("toy:ring", batch_size=256, repeat=True)


def networks(seed=0, units=64):
    keras.utils.set_random_seed(seed)
    hidden = {"hidden_units": (units, units), "kernel_initializer": "he_normal"}
    generator = keras_gan.networks.MLPGenerator((2,), latent_dim=2, **hidden)
    return generator, keras_gan.networks.MLPDiscriminator((2,), **hidden)


generator, discriminator = networks()
optimizer = keras.optimizers.Adam(1e-3)
optimizer.build(discriminator.trainable_variables)
objective = keras_gan.losses.Minimax()
latents = tf.random.stateless_normal((256, 2), seed=(0, 1))
# Near the middle, where a generator that has learned nothing puts its points, and where there are no data.
fake = 0.2 * generator(latents)


@tf.function
def improve(real):
    with tf.GradientTape() as tape:
        cost = tf.reduce_mean(objective.discriminator_loss(discriminator(real)[:, 0], discriminator(fake)[:, 0]))
    optimizer.apply(tape.gradient(cost, discriminator.trainable_variables), discriminator.trainable_variables)
    return cost


@tf.function
def gradient_norms():
    norms = []
    for name in ("minimax", "non_saturating"):
        with tf.GradientTape() as tape:
            answers = discriminator(0.2 * generator(latents))[:, 0]
            cost = tf.reduce_mean(keras_gan.losses.get(name).generator_loss(None, answers))
        norms.append(tf.linalg.global_norm(tape.gradient(cost, generator.trainable_variables)))
    return norms


looks = 30  # short: 3
history = []
batches = iter(points)
for look in range(looks):
    history.append([float(norm) for norm in gradient_norms()])
    for _ in range(20):
        cost = improve(next(batches))

# %% tags=["thumbnail"]
steps = 20 * np.arange(looks)
minimax, non_saturating = np.array(history).T
plt.semilogy(steps, minimax, label="minimax")
plt.semilogy(steps, non_saturating, label="non-saturating")
plt.xlabel("steps of the discriminator alone")
plt.title("norm of the generator's gradient")
plt.legend()
plt.show()
print(f"after {steps[-1]} steps the minimax gradient is {minimax[-1] / minimax.max():.1e} of its largest,")
print(f"the non-saturating one {non_saturating[-1] / non_saturating.max():.1e}")

# %% [markdown]
# The better the discriminator, the less the minimax loss has to say, on a logarithmic scale. That is the *vanishing
# gradient*. It is not a fault of optimizers: the two distributions hardly overlap, and where they do not, $V$ is flat.
#
# ## The number of steps, k
#
# `discriminator_steps=k` splits each batch into k parts: the discriminator learns from each once, then the generator
# takes `generator_steps`. Four ratios, equally many updates of the generator, the non-saturating loss.

# %%
updates = 1500  # short: 10
ratios = [(1, 5), (1, 1), (5, 1)]


def play(discriminator_steps, generator_steps, seed=1):
    gan = keras_gan.GAN(*networks(seed), seed=seed)
    adam = keras_gan.optimizers.Adam
    gan.compile(
        adam(1e-3, 0.5),
        adam(1e-3, 0.5),
        discriminator_steps=discriminator_steps,
        generator_steps=generator_steps,
    )
    data, _ = keras_gan.data.load("toy:ring", batch_size=128 * discriminator_steps, repeat=True)
    gan.fit(data, steps_per_epoch=max(1, updates // generator_steps), verbose=0)
    return gan.sample(2000, seed=0)


figure, axes = plt.subplots(1, 4, figsize=(8, 2.3), sharex=True, sharey=True)
axes[0].scatter(*ring.sample(2000, seed=0).T, s=1, color="black")
axes[0].set_title("data")
for axis, (d, g) in zip(axes[1:], ratios):
    made = play(d, g)
    found = keras_gan.metrics.collapse.mixture_statistics(made, ring)
    axis.scatter(*made.T, s=1, color="#009E73")
    axis.set_title(f"{d} : {g}")
    print(f"D:G = {d}:{g}   modes {found['modes']} of 8, within 3 deviations {100 * found['high_quality']:.0f} %")
for axis in axes:
    axis.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal")
plt.show()

# %% [markdown]
# What to look at: with 1 : 5 the generator runs ahead. All its points go to wherever the discriminator is highest at
# the moment, and move on when it notices: collapse. With 1 : 1 the ring appears, with 5 : 1 sooner, for three times the
# work in each step. One seed is an anecdote. The stored experiment with three seeds, longer trainings and 15 : 1 is in
# [the results](../results/toy.md): there the divergence was the same within noise from 1 : 1 on.
#
# ## So
#
# - With the non-saturating loss begin with one step each; if modes are missing, try more, or a penalty.
# - With a Wasserstein loss take about five: its discriminator estimates a distance, and has to keep up.
# - Never repair a generator that learns nothing by training the discriminator more with the minimax loss.
#
# ## Where it breaks
#
# The ratio is not the strength. A large discriminator with one step can be as far ahead as a small one with ten. The
# number to watch is whether it can tell at all: `real_logits` and `fake_logits` in the log
# ([logged quantities](../quantities.md)).
#
# The experiment as a command: `python -m trainers.toy --experiment=k_sweep`.
#
# ## What to read next
#
# - [Mode collapse and convergence](05_convergence.ipynb).
# - [Stabilisers since 2017](09_stabilisers.ipynb): penalties, which make a strong discriminator harmless.
