# %% [markdown]
# # DCGAN by its guidelines, and transposed convolutions
#
# Fully connected GANs drew blurred digits and little else until Radford et al. 2015
# ([arXiv:1511.06434](https://arxiv.org/abs/1511.06434)) found convolutional networks that train stably. Their section 3
# is a list of five guidelines. What are they for, and which of them still hold?
#
# | guideline of 2015 | here |
# |---|---|
# | strided convolutions instead of pooling, transposed ones to go up | both networks |
# | batch normalization in both networks | `normalization="batch"`; in the discriminator not together with a penalty |
# | no hidden fully connected layers | one linear map at either end |
# | ReLU in the generator, tanh at its end | yes |
# | LeakyReLU in the discriminator | slope 0.2 |
#
# ## Transposed convolutions, drawn
#
# A convolution with stride 2 makes a map half as large. Its transpose goes the other way: every input pixel *writes* a
# copy of the kernel, scaled by its value, and where copies overlap they are added. From $n$ rows it makes
#
# $$(n - 1) \cdot \text{stride} + \text{kernel} - 2 \cdot \text{padding} + \text{output padding}$$
#
# rows. Feed in ones and let all weights be one: the picture then shows how many copies each output pixel received.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_gan

figure, axes = plt.subplots(1, 4, figsize=(8, 2.4))
ones = np.ones((1, 4, 4, 1), "float32")
for axis, kernel in zip(axes, (2, 3, 4, 5)):
    layer = keras.layers.Conv2DTranspose(1, kernel, 2, padding="valid", kernel_initializer="ones")
    counts = np.asarray(layer(ones))[0, :, :, 0]
    axis.imshow(counts, cmap="viridis")
    axis.set_title(f"kernel {kernel}: {len(counts)} rows")
    axis.axis("off")
    print(f"kernel {kernel}: 4 rows become {(4 - 1) * 2 + kernel}, copies in the middle {sorted(set(counts[4, 3:6]))}")
plt.show()

# %% [markdown]
# With kernels of 3 and 5 and a stride of 2 some pixels get more copies than their neighbours, in a checkerboard. A
# network can learn to undo that, but it has to. **A kernel that the stride divides**, 2 or 4, is even in the middle.
# That is why the networks here have 4x4 kernels where the paper's code has 5x5.
#
# With padding 1 the 4x4 kernel doubles exactly: $(n - 1) \cdot 2 + 4 - 2 = 2n$. These are the sizes that a DCGAN goes
# through:

# %%
for shape in ((28, 28, 1), (64, 64, 3), (30, 45, 3)):
    generator = keras_gan.networks.DCGANGenerator(shape, filters=16)
    maps = [generator.reshape.target_shape[:2]]
    for layer, size in zip(generator.upsamplings, reversed(generator.sizes)):
        maps.append(tuple(size))
    print(f"{shape}: " + " -> ".join(f"{height}x{width}" for height, width in maps))

# %% [markdown]
# Where a size is odd, as 15, 23 and 45 in the last row, the map is doubled to one row more, and that row is dropped. No
# picture is ever cropped or resized.
#
# ## What the guidelines are worth
#
# Four small GANs on digits, 300 steps each with the same learning rate, that differ in where they normalize: in both
# networks, as the paper has it; only in the discriminator; only in the generator; and the last one with a gradient
# penalty (R1) besides, today's way.

# %%
import time

steps = 300  # short: 2
variants = {
    "both normalized": ("batch", "batch", []),
    "only the discriminator": (None, "batch", []),
    "only the generator": ("batch", None, []),
    "only the generator, R1": ("batch", None, ["r1"]),
}
samples = 1000  # short: 100
dataset, spec = keras_gan.data.load("mnist5k", batch_size=64, repeat=True)
pictures = {}
for name, (in_generator, in_discriminator, penalties) in variants.items():
    keras.utils.set_random_seed(0)
    gan = keras_gan.GAN(
        keras_gan.networks.DCGANGenerator(spec.image_shape, 64, filters=16, normalization=in_generator),
        keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=16, normalization=in_discriminator),
        ema_momentum=0.99,
    )
    adam = keras_gan.optimizers.Adam
    gan.compile(adam(2e-3, 0.5, 0.99), adam(2e-3, 0.5, 0.99), discriminator_regularizers=penalties)
    started = time.monotonic()
    gan.fit(dataset, steps_per_epoch=steps, verbose=0)
    seconds = time.monotonic() - started
    (record,) = keras_gan.metrics.evaluate(
        gan, "mnist5k", "mnist_classifier", ["fcd"], num_samples=samples, intervals=False, progress=False
    )
    print(f"{name:26} fcd {record.value:6.1f} (floor {record.floor:.2f}), {seconds:.0f} s")
    pictures[name] = gan.sample(12, seed=0)

# %% tags=["thumbnail"]
figure, axes = plt.subplots(4, 1, figsize=(6, 4.2))
for axis, (name, images) in zip(axes, pictures.items()):
    axis.imshow(keras_gan.files.pictures.grid(images, columns=12).squeeze())
    axis.set_title(name)
    axis.axis("off")
plt.show()

# %% [markdown]
# What to look at: the second row. A normalized discriminator learns so fast that a generator without normalization
# never gets anywhere: that is the guideline of 2015, and it holds. But then look at the last two: without normalization
# in the *discriminator* digits come sooner, at least here. The penalty of the last row shows its worth later in a
# training, when the discriminator begins to know its examples by heart. One seed and 300 steps are a look, not a
# measurement.
#
# ## Why batch normalization and penalties do not mix
#
# A gradient penalty asks how the logit of *one* picture changes with *that* picture. With batch normalization the logit
# depends on the whole batch, and the question has no answer for one picture. The trainer refuses that combination:

# %%
from trainers import dcgan

try:
    dcgan.build(dcgan.Config(discriminator_normalization="batch"), spec)
except ValueError as error:
    print(error)

# %% [markdown]
# ## What to read next
#
# - `python -m trainers.dcgan` is the default recipe, `--preset=paper` the one of 2015.
# - [Conditional generation](06_conditional.ipynb) asks these networks for a class.
# - [Your own loss, network, step](08_your_own_parts.ipynb) builds a network that is not here.
