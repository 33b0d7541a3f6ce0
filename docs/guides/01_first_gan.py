# %% [markdown]
# # Your first GAN
#
# You want a program that draws digits nobody has written. All it is given are pictures of real ones: no labels, no
# rule of what a seven is, no measure of how good a drawing is. A *generative adversarial network* learns that measure
# at the same time as it learns to draw.
#
# There are two networks. The **generator** turns a vector of random numbers, the *latent*, into a picture. The
# **discriminator** is shown pictures, half of them real and half of them generated, and says which is which. Each is
# trained against the other: the discriminator to tell the two apart, the generator to be mistaken for real.
#
# ## Ten lines
#
# 4,500 handwritten digits come with the package, so there is nothing to download.

# %%
import keras_gan

dataset, spec = keras_gan.data.load("mnist5k", batch_size=64)
gan = keras_gan.GAN(
    keras_gan.networks.DCGANGenerator(spec.image_shape, latent_dim=16, filters=16),
    keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=16, normalization=None, hidden_units=(256,)),
    ema_momentum=0.99,
)
adam = keras_gan.optimizers.Adam
gan.compile(adam(2e-3, 0.5, 0.99), adam(2e-3, 0.5, 0.99), discriminator_regularizers=["r1"])

# %% [markdown]
# `gan` is a Keras model: `fit`, `save`, callbacks and everything else that you know works. Four choices are not
# obvious:
#
# - `hidden_units=(256,)` gives the discriminator a dense layer before its verdict. It costs little, because the picture
#   has become a small map there, and digits come much sooner ([measured](../results/race.md)).
# - `discriminator_regularizers=["r1"]` keeps the discriminator smooth, so that the generator always has a slope to
#   climb ([stabilisers](09_stabilisers.ipynb)).
# - `ema_momentum` keeps an average of the generator's weights over the last steps. Pictures are drawn with that
#   average, which is steadier than the weights of any one moment.
# - Adam's first momentum is 0.5 instead of the usual 0.9: the target moves, and old gradients point to where it was.
#
# Train, and look at the same sixteen latents after 1, 2, 5, 10 and 22 passes over the data.

# %%
import time

import numpy as np
from matplotlib import pyplot as plt

looks = [1, 2, 5, 10, 22]  # short: [1]
rows, seconds, epoch = [], 0.0, 0
for until in looks:
    started = time.monotonic()
    gan.fit(dataset, initial_epoch=epoch, epochs=until, verbose=0)
    seconds += time.monotonic() - started
    epoch = until
    rows.append(gan.sample(16, seed=0))

real = next(iter(dataset))[:16].numpy()
print(f"{int(gan.step)} training steps, {seconds:.0f} s")


# %% tags=["thumbnail"]
def show(images, columns, title=None):
    """Pictures in a grid: [-1, 1] is black to white."""
    picture = keras_gan.files.pictures.grid(images, columns=columns)
    plt.figure(figsize=(7, 7 * picture.shape[0] / picture.shape[1] + (0.3 if title else 0)))
    plt.imshow(picture.squeeze())
    plt.axis("off")
    plt.title(title or "")
    plt.show()


show(np.concatenate([*rows, real]), 16, f"after {', '.join(map(str, looks))} epochs; the last row is real")

# %% [markdown]
# What to look at: every column is one latent. First come blobs at the right place, then strokes, then the strokes join.
# A column may change its digit on the way: nothing ties a latent to a class, the generator finds its own map.
#
# ## How good is it?
#
# Your eyes are a good judge of single pictures and a bad one of a thousand. The package brings a small classifier of
# digits that was trained on real ones. The *classifier Frechet distance*, `fcd`, compares the statistics of what that
# classifier sees in real and in generated pictures: 0 is perfect, and the **floor** is what other real pictures get.

# %%
samples = 1000  # short: 100
(record,) = keras_gan.metrics.evaluate(gan, "mnist5k", "mnist_classifier", ["fcd"], num_samples=samples, progress=False)
print(record)

# %% [markdown]
# A longer training comes closer to the floor. `python -m trainers.dcgan` is the same GAN with wider networks: in 8,000
# steps, with pictures, curves, checkpoints and evaluations along the way.
#
# ## Walk between two digits
#
# The generator is a continuous function, so there is a picture for every point between two latents. In each row only
# the first and the last picture belong to a seed.

# %%
show(keras_gan.latents.interpolations(gan, rows=4, steps=12), 12)

# %% [markdown]
# Look for the moment at which one digit stops being itself and is not yet another. A generator that had learned
# its training pictures by heart would jump there.
#
# ## Keep it
#
# The generator alone is all that is needed to draw. In the file it is the averaged one.

# %%
import keras

gan.save_generator("generator.keras")
generator = keras.models.load_model("generator.keras")
print(np.abs(generator.sample(16, seed=0) - rows[-1]).max())

# %% [markdown]
# ## Where it breaks
#
# The ten lines depend on the balance between the two networks. Remove the penalty, or multiply one learning rate by
# ten, and the discriminator wins, or the generator draws the same digit again and again. [Mode collapse and
# convergence](05_convergence.ipynb) is about seeing that in time.
#
# ## What to read next
#
# - [The game](02_the_game.ipynb): why this works at all, on a problem whose answer is known.
# - [Your own pictures](07_your_own_pictures.ipynb): the same from a folder of files.
# - [Conditional generation](06_conditional.ipynb): a digit that you ask for.
