# %% [markdown]
# # Your own pictures: from a folder to a model
#
# You have a folder of pictures: of different sizes, some in colour, some broken, and no labels or at most subfolders.
# This guide takes such a folder to a trained generator, and asks how good it is although no classifier of such pictures
# exists.
#
# ## A folder
#
# To have one that everybody can make, draw icons: discs, squares and triangles in any colour, from 40 to 90 pixels
# wide, and put two common accidents among them.

# %%
import colorsys
import warnings
from pathlib import Path

import keras
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image, ImageDraw

import keras_gan

random = np.random.default_rng(0)
count = 1200  # short: 90


def icon(kind):
    """An icon as a Pillow image."""
    size = int(random.integers(40, 90))
    shades = [tuple(int(255 * c) for c in colorsys.hsv_to_rgb(random.random(), 0.75, v)) for v in (0.25, 1.0)]
    picture = Image.new("RGB", (size, size), shades[0])
    draw = ImageDraw.Draw(picture)
    r = size * random.uniform(0.25, 0.4)
    x, y = size * random.uniform(0.42, 0.58, size=2)
    if kind == "triangle":
        draw.regular_polygon((x, y, r), 3, rotation=0, fill=shades[1])
    else:
        (draw.ellipse if kind == "disc" else draw.rectangle)((x - r, y - r, x + r, y + r), fill=shades[1])
    return picture


kinds = ("disc", "square", "triangle")
for kind in kinds:
    Path("icons", kind).mkdir(parents=True)
for number in range(count):
    kind = kinds[number % 3]
    icon(kind).save(Path("icons", kind, f"{number:04d}.png"))
Path("icons", "disc", "broken.png").write_bytes(b"not a picture")
Path("icons", "notes.txt").write_text("not a picture either")

# %% [markdown]
# ## Reading it
#
# `folder:PATH` finds pictures at any depth, of all formats that Pillow reads, and checks every file before anything is
# trained. `image_size` crops to the middle and resizes, with a filter that does not alias; `channels=3` makes all
# colour.

# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    icons = keras_gan.data.open_source("folder:icons", image_size="32x32", channels=3)
    dataset, spec = keras_gan.data.load(icons, batch_size=64, repeat=True)
print(spec.num_examples, "pictures of", spec.image_shape, "in the classes", spec.class_names)
for warning in caught:
    print("warning:", str(warning.message)[:200])

# %% [markdown]
# What could not be read is named and left out; it does not end a training after an hour. Without `image_size` pictures
# of different sizes would be an error that says so.
#
# ## Training
#
# The same ten lines as for digits, only `spec.image_shape` is another. The watchdog looks on.
#
# With a few hundred pictures add `augmenter="diff_augment"`: the discriminator then sees every picture, real or
# generated, shifted and recoloured, so that it cannot learn them by heart. The generator does not learn to make shifted
# pictures, because both sides are shifted alike.

# %%
import time

steps = 800  # short: 3
keras.utils.set_random_seed(0)
gan = keras_gan.GAN(
    keras_gan.networks.DCGANGenerator(spec.image_shape, latent_dim=32, filters=16),
    keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=16, normalization=None),
    ema_momentum=0.99,
)
adam = keras_gan.optimizers.Adam
gan.compile(adam(2e-3, 0.5, 0.99), adam(2e-3, 0.5, 0.99), discriminator_regularizers=["r1"])
watchdog = keras_gan.callbacks.Watchdog(icons, every=max(1, steps // 20))
started = time.monotonic()
gan.fit(dataset, steps_per_epoch=steps, verbose=0, callbacks=[watchdog])
print(f"{steps} steps, {time.monotonic() - started:.0f} s; {watchdog.verdict}")

# %% tags=["thumbnail"]
real = next(iter(dataset))[:12].numpy()
made = gan.sample(24, seed=0)
plt.figure(figsize=(7, 2))
plt.imshow(keras_gan.files.pictures.grid(np.concatenate([real, made]), columns=12))
plt.axis("off")
plt.title("first row real, the others generated")
plt.show()

# %% [markdown]
# What to look at: are there all shapes? All colours? Corners as sharp as the real ones? Icons that are half one shape
# and half another are what a generator makes between its modes; more steps make them rarer.
#
# ## How good is it, without a ready classifier?
#
# Metrics compare *features* of real and generated pictures. For digits the package brings a network that makes them,
# and for pictures of any kind one of photographs, EfficientNet-Lite0, which evaluation takes by default (`lkd`). Icons
# are no photographs; there are three more ways.
#
# **1. A classifier of your own.** If your folder has classes, any Keras classifier that tells them apart will do; its
# layer before the last one makes the features. It is the judge, so train it once and keep it: numbers of different
# classifiers cannot be compared.

# %%
labelled, _ = keras_gan.data.load(icons, batch_size=64, labels=True)
classifier = keras.Sequential(
    [
        keras.Input(spec.image_shape),
        keras.layers.Rescaling(1 / 127.5, offset=-1.0),
        keras.layers.Conv2D(16, 3, 2, activation="relu"),
        keras.layers.Conv2D(32, 3, 2, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
classifier.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
rounds = 12  # short: 1
history = classifier.fit(
    labelled.map(lambda images, labels: ((images + 1.0) * 127.5, labels)), epochs=rounds, verbose=0
)
print(f"accuracy of the judge on what it was trained on: {history.history['accuracy'][-1]:.3f}")
classifier.save("judge.keras")

samples = 400  # short: 60
records = keras_gan.metrics.evaluate(
    gan, icons, "judge.keras", ["fcd", "precision", "recall"], num_samples=samples, progress=False
)
for record in records:
    print(f"{record.name:10} {record.value:8.2g}   real against real: {record.floor:.2g}")

# %% [markdown]
# Read every value beside its floor. High precision with low recall would be pretty pictures of few kinds.
#
# **2. Copies.** A small folder can be learned by heart, and then every metric is excellent. Hold some pictures back,
# and ask whether generated pictures lie closer to the training pictures than held-out ones do.

# %%
pixels = keras_gan.data.load(icons, batch_size=spec.num_examples, shuffle=False)[0]
real = next(iter(pixels)).numpy()[::4].reshape(-1, np.prod(spec.image_shape))
train, test = real[::2], real[1::2]
copies = keras_gan.metrics.data_copying(train, test, made.reshape(len(made), -1))
print(f"share of pairs in which the generated picture is farther away: {copies.score:.2f} (copies: near 0)")

# %% [markdown]
# Here a half of the pictures that were trained on stands in for held-out ones, so the answer is only good enough to
# show the call; keep a folder `test` beside `train` for an honest one: `folder:PATH` with `split="test"` reads it.
#
# **3. The watchdog**, which needs no classifier at all: it compared variety and nearest neighbours above.
#
# ## The same as a command
#
# ```bash
# python -m trainers.dcgan --dataset=folder:icons --image_size=32x32 --channels=3
# python -m trainers.evaluate --model=RUN/generator.keras --features=judge.keras
# ```
#
# The first leaves a run folder with pictures, checkpoints, an animation and the watchdog's diagnosis. `--dry_run` says
# beforehand what it would cost. For many or large pictures write TFRecords once, which is faster to read:
# `python -m keras_gan.data.write_tfrecords icons records`, then `--dataset=tfrecord:records`. With few pictures add
# `--augmentation=color,translation,cutout`, which is `augmenter="diff_augment"`.
#
# ## Where it breaks
#
# - Fewer than a few hundred pictures: the discriminator knows them by heart. Watch for "discriminator overfitting"; use
#   `augmenter="ada"`, a smaller discriminator, a stronger penalty.
# - Pictures that have nothing in common: a GAN learns what pictures share. Crop and sort first.
# - 256 pixels and more on a processor: hours. Begin with 32x32, see that it works, and move to a GPU.
#
# ## What to read next
#
# - [Conditional generation](06_conditional.ipynb): subfolders as classes.
# - [Evaluating honestly](10_evaluation.ipynb).
# - [Export](13_export.ipynb): give the generator to somebody else.
