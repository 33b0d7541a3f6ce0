# %% [markdown]
# # From picture to picture
#
# What a generator is conditioned on need not be a class. It may be another picture: a sketch to fill in, a grey
# photograph to colour, a small one to enlarge. If there are pairs, the same scene in both kinds, `Pix2Pix` (Isola
# et al. 2017, [arXiv:1611.07004](https://arxiv.org/abs/1611.07004)) learns from them what is wanted of every
# picture. If there are two collections and no pairs, `CycleGAN` (Zhu et al. 2017,
# [arXiv:1703.10593](https://arxiv.org/abs/1703.10593)) learns both ways at once, and holds on to what a picture
# shows because the way back has to lead to where it came from.
#
# ## Pairs that you need not collect
#
# Any images make pairs with what is left of them: `condition="edges"`, `"gray"`, `"lowres:4"`, `"mask"` or
# `"noise"`. A batch is then `(sources, targets)`.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_gan

pairs, spec = keras_gan.data.load("mnist5k", batch_size=16, condition="lowres:4")
held_out, _ = keras_gan.data.load("mnist5k", split="test", batch_size=100, condition="lowres:4")
print(spec.source_shape, "to", spec.image_shape)

# %% [markdown]
# ## A regression, and a judge
#
# The generator is a U-Net: it goes down to a small map and back up, and hands every size across, so that a stroke
# stays where it was. Its loss has two terms,
#
# $$\text{adversarial}(D(x, G(x))) + \lambda \, \lVert y - G(x) \rVert_1.$$
#
# The second alone is a regression. Where several targets are possible, its best answer is their median, a blur. The
# first asks a discriminator that sees source and output together, and judges patches, whether that looks like a
# pair. Train both, the one with the judge and the one without:

# %%
adam = keras_gan.optimizers.Adam


def train(adversarial_weight, steps):
    keras.utils.set_random_seed(0)
    model = keras_gan.Pix2Pix(
        keras_gan.networks.UNetGenerator(spec.source_shape, spec.image_shape, filters=12),
        keras_gan.networks.PatchDiscriminator(spec.image_shape, spec.source_shape, filters=12, downsamplings=2),
    )
    model.compile(adam(1e-3, 0.5), adam(1e-3, 0.5), reconstruction_weight=100.0, adversarial_weight=adversarial_weight)
    model.fit(pairs.repeat(), steps_per_epoch=steps, verbose=0)
    return model


steps = 600  # short: 3
models = {"with the judge": train(1.0, steps), "regression alone": train(0.0, steps)}

# %% tags=["thumbnail"]
sources, targets = next(iter(held_out))
columns = 10


def show(rows, names):
    picture = keras_gan.files.pictures.grid(np.concatenate(rows), columns=len(rows[0])).squeeze()
    plt.figure(figsize=(6, 0.65 * len(rows)))
    plt.imshow(picture)
    plt.yticks((np.arange(len(rows)) + 0.5) * len(picture) / len(rows), names)
    plt.xticks([])
    plt.grid(False)
    plt.show()


rows = [
    sources[:columns],
    *(model.translate(sources[:columns].numpy()) for model in models.values()),
    targets[:columns],
]
show(rows, ["source", *models, "target"])

# %% [markdown]
# What to look at: 49 grey squares are enough to draw a digit. Where the regression is not sure, at ends and crossings
# of strokes, it greys; the judge makes the generator decide, and at times wrongly. By eye the difference is small after
# so short a training, and the numbers below show it.
#
# ## How good it is
#
# On pairs that were not shown in training, beside what needs no network: the source itself, and its bilinear
# enlargement. An output that is no nearer to the target than these was not worth a network.

# %%
measured = {"source": sources.numpy(), "bilinear": keras_gan.metrics.translation.enlarged(sources.numpy(), 4)}
measured |= {name: model.translate(sources.numpy()) for name, model in models.items()}
for name, images in measured.items():
    found = keras_gan.metrics.translation.paired(images, targets.numpy())
    print(f"{name:<17}", ", ".join(f"{each} {value.mean():.3g}" for each, value in found.items()))

# %% [markdown]
# PSNR, SSIM and the mean difference compare pixel by pixel, and reward caution: the regression wins or draws.
# Whether outputs look like targets is asked by the Frechet distance between both, in features of a classifier.
# `python -m trainers.evaluate` prints both kinds, on any run of `trainers.pix2pix` or `trainers.cyclegan`.

# %%
classifier = keras_gan.metrics.features.get("mnist_classifier")
many = 10  # short: 1
batches = list(held_out.take(many))
wanted = classifier(keras_gan.files.pictures.to_uint8(np.concatenate([y for _, y in batches])))
for name, model in models.items():
    made = np.concatenate([model.translate(x.numpy()) for x, _ in batches])
    features = classifier(keras_gan.files.pictures.to_uint8(made))
    distance = keras_gan.metrics.frechet_distance(wanted, features)
    print(f"{name:<17} Frechet distance {distance:.2f}, on {len(made)} held-out pairs")

# %% [markdown]
# ## Two collections, no pairs
#
# Threes and eights: nobody knows which three belongs to which eight. `domains:A,B` takes any two sources, or
# classes of one. There are four networks: a generator each way, and a discriminator for each collection. A three
# that was made an eight and back has to be the three that it was (`cycle_weight`), and an eight that is already one
# has to stay (`identity_weight`).

# %%
domains, spec_of_two = keras_gan.data.load("domains:mnist5k#3,mnist5k#8", batch_size=8)
shape = spec_of_two.image_shape
keras.utils.set_random_seed(0)
cycle = keras_gan.CycleGAN(
    keras_gan.networks.ResNetTranslator(shape, shape, filters=8, blocks=2),
    keras_gan.networks.ResNetTranslator(shape, shape, filters=8, blocks=2),
    keras_gan.networks.PatchDiscriminator(shape, filters=8, downsamplings=2),
    keras_gan.networks.PatchDiscriminator(shape, filters=8, downsamplings=2),
)
cycle.compile(adam(1e-3, 0.5), adam(1e-3, 0.5))
turns = 400  # short: 2
cycle.fit(domains.repeat(), steps_per_epoch=turns, verbose=0)

# %%
threes = next(iter(domains))[0].numpy()
there = cycle.translate(threes)
rows = [threes, there, cycle.translate(there, backward=True)]
show(rows, ["three", "as an eight", "and back"])

# %% [markdown]
# What to look at: slant and thickness are kept, loops are closed. The last row is close to the first from early on:
# that the way back works says nothing about the middle row. A network may hide in an eight, in a pattern that
# nobody sees, which three it was.
#
# ## Pictures of your own
#
# | what you have | flags of `trainers.pix2pix` |
# |---|---|
# | images | `--dataset=folder:PHOTOS --source=gray --image_size=64x64` |
# | two folders, same file names | `--dataset=pairs:A,B --source=` |
# | the same, below `train` and `test` | `--dataset=pairs:data/{split}/A,data/{split}/B --source=` |
# | both pictures side by side in a file | `--dataset=side_by_side:FOLDER --source= --direction=BtoA` |
#
# `--image_size=286x286 --crop=256x256 --flip` cuts the same window out of both, at random, and mirrors both or
# neither. Two collections are `python -m trainers.cyclegan --domain_a=folder:PHOTOS --domain_b=folder:PAINTINGS`,
# or classes of one, `folder:ANIMALS#horse`.
#
# ## Where it breaks
#
# Names without a partner, and partners of different sizes, are named before anything is trained. So are sizes that
# a network cannot take:

# %%
try:
    keras_gan.networks.UNetGenerator((30, 45, 1), (28, 28, 1))
except ValueError as error:
    print(error)

# %% [markdown]
# There is no `sample`: there are no latents to sample. Everything else is as for a `GAN`: validation data,
# callbacks, saving, resuming, precision, several devices.
#
# ## Giving it away
#
# `python -m trainers.translate --model=RUN/generator.keras --input=FOLDER --out=FOLDER` translates a folder.
# `export.saved_model`, `export.tflite` and `export.onnx` write what they write of any generator; a server then
# takes PNG and JPEG files (`translate_png`), and the page of `python -m export.serve` takes them by drag and drop.
#
# ## What to read next
#
# - [Conditional generation](06_conditional.ipynb), where the condition is a class.
# - [Export](13_export.ipynb): what a file for a server holds.
# - `docs/results/translation.md`: what the adversarial loss adds and costs, measured.
