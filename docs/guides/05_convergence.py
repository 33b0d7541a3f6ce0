# %% [markdown]
# # Mode collapse, and how to tell convergence
#
# In ordinary training the loss falls, and when it stops falling you stop. The loss of a GAN does nothing of the kind:
# it is the score of a game between two players that both get better. What can one look at instead?
#
# Train five GANs on a ring of eight Gaussians, four of which have something wrong on purpose. The **watchdog** is a
# callback that looks at both networks every few steps, from outside of training, and says in plain words what it sees.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_gan

ring = keras_gan.data.toy.get("ring")


def train(steps, generator_rate=1e-3, discriminator_rate=1e-3, shift=0.0, average=None, **objective):
    """Trains a small GAN under the watchdog: the GAN, its history, and what was said."""
    keras.utils.set_random_seed(3)
    hidden = {"hidden_units": (64, 64), "kernel_initializer": "he_normal"}
    gan = keras_gan.GAN(
        keras_gan.networks.MLPGenerator((2,), latent_dim=2, **hidden),
        keras_gan.networks.MLPDiscriminator((2,), **hidden),
        ema_momentum=average,
        seed=3,
    )
    adam = keras_gan.optimizers.Adam
    gan.compile(adam(generator_rate, 0.5), adam(discriminator_rate, 0.5), **objective)
    real = ring.sample(20_000, seed=0) + np.float32(shift)
    said = []
    watchdog = keras_gan.callbacks.Watchdog(
        real, every=max(1, steps // 20), classes=None if shift else ring, say=said.append
    )
    batch = 64 * objective.get("discriminator_steps", 1)
    data, _ = keras_gan.data.load(real, batch_size=batch, repeat=True)
    done = gan.fit(data, epochs=20, steps_per_epoch=max(1, steps // 20), verbose=0, callbacks=[watchdog])
    return gan, done.history, said


scale = 1.0  # short: 0.02
runs = {}
penalty = keras_gan.regularizers.R1(0.1)
runs["healthy: R1"] = train(int(2000 * scale), average=0.99, discriminator_regularizers=[penalty])
runs["generator too fast"] = train(int(1000 * scale), 5e-3, 5e-4)
runs["data far away, minimax"] = train(int(300 * scale), 1e-4, 1e-3, shift=10.0, loss="minimax", discriminator_steps=5)
runs["learning rates of 0.5"] = train(int(400 * scale), 0.5, 0.5)
runs["discriminator frozen"] = train(int(600 * scale), 1e-3, 0.0)

# %% [markdown]
# ## What was said

# %%
for name, (_, _, said) in runs.items():
    print(f"== {name}")
    for line in said:
        print("  ", line[:230])

# %% [markdown]
# A verdict stands only when three looks in a row agree, so it comes late but does not flicker. Each says which numbers
# it follows from and what to try. The same text is in the `diagnosis.txt` of every run, and `python -m
# trainers.diagnose RUN` prints it.
#
# ## What the loss says

# %%
figure, axes = plt.subplots(1, 5, figsize=(10, 2.2), sharex=True)
for axis, (name, (_, history, _)) in zip(axes, runs.items()):
    for key, colour in (("d_loss", "#0072B2"), ("g_loss", "#E69F00")):
        axis.plot(np.clip(history[key], -20, 20), color=colour, label=key)
    axis.axhline(np.log(4), color="#999999", ls=":", lw=0.8)
    axis.set_title(name, fontsize=8)
axes[0].legend()
plt.show()

# %% [markdown]
# The dotted line is $\log 4$, the discriminator's loss at equilibrium. Can you tell the healthy run from the one with
# the fast generator by these curves? Hardly: **a flat loss is what both an equilibrium and a collapse look like.** What
# a loss does show is the two extremes: a discriminator that wins outright ($d\_loss \to 0$), and numbers that explode.
#
# ## What the samples say

# %% tags=["thumbnail"]
figure, axes = plt.subplots(1, 5, figsize=(10, 2.3))
for axis, (name, (gan, _, _)) in zip(axes, runs.items()):
    made = gan.sample(1000, seed=0)
    shift = 10.0 if "far" in name else 0.0
    axis.scatter(*(ring.sample(1000, seed=1) + shift).T, s=1, color="#bbbbbb")
    axis.scatter(*np.clip(made, -3, 13).T, s=2, color="#009E73")
    axis.set_title(name, fontsize=8)
    axis.set_aspect("equal")
plt.show()

# %% [markdown]
# Grey is the data, green the generator.
#
# - **Mode collapse** (fast generator): whole modes are missing, and samples lie in streaks. The generator finds a place
#   that the discriminator believes in, goes there, and moves on when it is found out. `missing_share` and `entropy`
#   show it. When it passes over more modes than before, the verdict may be taken back, as a rule of thumb may.
# - **The discriminator wins** (data far away): it tells every pair apart, and the minimax loss has no slope left there
#   ([vanishing gradients](03_discriminator_steps.ipynb)).
# - **Divergence** (rates of 0.5): logits or samples run away.
# - **The generator wins** (frozen discriminator): the discriminator is at chance although a nearest-neighbour rule
#   tells the two apart at once. Accuracy alone would say "converged".
#
# ## How to tell convergence
#
# Equilibrium needs *two* witnesses: the discriminator cannot tell real from generated, **and** neither can somebody who
# took no part in the game. The watchdog asks a nearest-neighbour rule; for pictures, metrics ask a fixed classifier.
# Both are in the signals that it measures:

# %%
gan, _, _ = runs["healthy: R1"]
found = keras_gan.metrics.collapse.mixture_statistics(gan.sample(5000, seed=0), ring)
print({name: found[name] for name in ("modes", "total")}, f"within 3 deviations {100 * found['high_quality']:.0f} %")
for name in ("accuracy", "neighbour_accuracy", "distance_ratio", "missing_share", "generator_gradient"):
    print(f"{name:20} {keras_gan.callbacks.watchdog.rules.SIGNALS[name]}")

# %% [markdown]
# "Healthy" is not "finished": the healthy run covers the ring and is not sharp yet.
#
# ## What to do
#
# | verdict | try first |
# |---|---|
# | mode collapse | a penalty (`"r1"`), the relativistic loss, a slower generator, larger batches |
# | discriminator winning | the non-saturating loss, a penalty, fewer discriminator steps |
# | discriminator overfitting | stop earlier, augmentation (`augmenter="diff_augment"`), more data |
# | generator winning | a larger or faster discriminator, less penalty |
# | oscillating | alternating updates, `beta_1` of 0.5 or 0, an average of the weights (`ema_momentum`) |
# | diverged | lower learning rates, a stronger penalty |
#
# With `on_collapse="rollback"` the trainers go back to before the first signs by themselves.
#
# ## Where it breaks
#
# The verdicts are rules of thumb over samples of a few hundred. [The benchmark](../results/watchdog.md) made 28
# trainings fail on seeds that no rule was tuned on, and lists every miss and every false alarm.
#
# ## What to read next
#
# - [Logged quantities](../quantities.md): every number of a run, when all is well and when not.
# - [Evaluating honestly](10_evaluation.ipynb): which of two generators is better?
# - [Resume](12_resume.ipynb): going back to a checkpoint.
