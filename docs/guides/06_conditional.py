# %% [markdown]
# # Conditional generation: a digit that you ask for
#
# A GAN draws *some* digit. To ask for a seven, both networks have to be told the class: the generator, so that it
# knows what to draw, and the discriminator, so that it can refuse a good picture of the wrong thing. Without the second
# the generator would be free to ignore the label.
#
# ## Data with labels
#
# `labels=True` makes batches of pairs. `spec` knows how many classes there are and what they are called.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_gan

dataset, spec = keras_gan.data.load("mnist5k", batch_size=64, labels=True)
print(spec.num_classes, spec.class_names)

# %% [markdown]
# ## How a label enters
#
# - **Concatenation** (Mirza and Osindero 2014): the label is one more input, a one-hot vector beside the latent, and
#   planes of zeros and ones beside the picture.
# - **Projection** (Miyato and Koyama 2018, [arXiv:1802.05637](https://arxiv.org/abs/1802.05637)): the logit is
#   $w \cdot h(x) + e_y \cdot h(x)$: one term asks "is it a good picture", the other "does it fit the class", with a
#   learned vector $e_y$ for each class. The generator gets a gain and an offset of its own for each class in every
#   batch normalization.
# - **An auxiliary classifier** (AC-GAN, Odena et al. 2017): the discriminator also says which class it sees, and both
#   networks are rewarded if that is right.
#
# Projection is the default of `trainers.conditional_gan`, and what is used here.

# %%
shared = {"filters": 16, "num_classes": spec.num_classes, "class_names": spec.class_names, "conditioning": "projection"}
keras.utils.set_random_seed(0)
gan = keras_gan.GAN(
    keras_gan.networks.DCGANGenerator(spec.image_shape, latent_dim=64, **shared),
    keras_gan.networks.DCGANDiscriminator(spec.image_shape, normalization=None, **shared),
    ema_momentum=0.99,
)
adam = keras_gan.optimizers.Adam
gan.compile(adam(2e-3, 0.5, 0.99), adam(2e-3, 0.5, 0.99), discriminator_regularizers=["r1"])
epochs = 18  # short: 1
batches = 70  # short: 3
gan.fit(dataset.repeat(), epochs=epochs, steps_per_epoch=batches, verbose=0)
print(f"{int(gan.step)} steps")

# %% [markdown]
# ## One row a class, one column a latent
#
# `sample` takes one class for all pictures, or a class for each. Give the same ten latents to every class:

# %% tags=["thumbnail"]
codes = keras_gan.latents.draw(gan, 10, seed=0)
images = np.concatenate(
    [keras_gan.latents.generate(gan.sampler, codes, np.full(10, digit, "int32")) for digit in range(10)]
)
plt.figure(figsize=(5, 5))
plt.imshow(keras_gan.files.pictures.grid(images, columns=10).squeeze())
plt.axis("off")
plt.show()

# %% [markdown]
# What to look at: down a column the class changes and something else stays: slant, thickness, size. Nobody told the
# network that there is such a thing as a hand. What the label explains it takes from the label, and the latent is left
# with the rest.
#
# ## Does it draw what it was asked for?
#
# A classifier that was trained on real digits can say. Ask for every class equally often and count.

# %%
per_class = 100  # short: 10
classifier = keras_gan.metrics.features.get("mnist_classifier")
asked = np.repeat(np.arange(10), per_class)
made = gan.sample(len(asked), labels=asked, seed=1000)
seen = classifier.probabilities(keras_gan.files.pictures.to_uint8(made)).argmax(axis=1)
table = np.zeros((10, 10), int)
np.add.at(table, (asked, seen), 1)
plt.figure(figsize=(3.6, 3.2))
plt.imshow(table, cmap="Blues")
plt.grid(False)
plt.xticks(range(10))
plt.yticks(range(10))
plt.xlabel("the classifier sees")
plt.ylabel("asked for")
plt.show()
print(f"as asked: {100 * (asked == seen).mean():.1f} %; worst class: {(table.diagonal() / per_class).argmin()}")

# %% [markdown]
# The weakest rows show which classes the generator confuses. A high number does not mean variety: a generator that drew
# the same perfect seven each time would score 100 %. For that, train a classifier on *generated* digits and test it on
# real ones (`keras_gan.metrics.conditional.evaluate`); `python -m trainers.conditional_gan` does so at its end, beside
# a classifier that learned from as many real digits.
#
# ## Where it breaks
#
# - A class with few examples is drawn from few examples: look at its row for copies.
# - Labels must be integers from 0. Wrong ones are refused before training:

# %%
images, _ = next(iter(dataset))
try:
    gan.fit(images, np.full(len(images), 10), verbose=0)
except ValueError as error:
    print(error)

# %% [markdown]
# ## What to read next
#
# - `python -m trainers.conditional_gan --conditioning=concat`, or `auxiliary`, to compare the three.
# - [Your own pictures](07_your_own_pictures.ipynb): subfolders become classes.
# - [Feature unlearning](14_unlearning.ipynb): the opposite, a generator that can *not* draw a seven any more.
