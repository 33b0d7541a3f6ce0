# %% [markdown]
# # Evaluating honestly
#
# "The distance fell from 5.1 to 4.8." Is that an improvement, or would the same generator score 4.8 tomorrow with other
# samples? Is 4.8 good? Did it learn digits, or learn *the* digits by heart? A number alone answers none of these.
#
# Train two small generators, one for longer than the other.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_gan

dataset, spec = keras_gan.data.load("mnist5k", batch_size=64, repeat=True)


def train(steps, seed):
    keras.utils.set_random_seed(seed)
    gan = keras_gan.GAN(
        keras_gan.networks.DCGANGenerator(spec.image_shape, latent_dim=64, filters=16),
        keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=16, normalization=None),
        ema_momentum=0.99,
        seed=seed,
    )
    adam = keras_gan.optimizers.Adam
    gan.compile(adam(2e-3, 0.5, 0.99), adam(2e-3, 0.5, 0.99), discriminator_regularizers=["r1"])
    gan.fit(dataset, steps_per_epoch=steps, verbose=0)
    return gan


few = 250  # short: 2
more = 500  # short: 4
a, b = train(few, seed=0), train(more, seed=1)

# %% [markdown]
# ## A number with its interval and its floor
#
# `evaluate` returns records. The **interval** says where the value would lie with other samples of the same generator.
# The **floor** is what real digits that were held out get: nobody can be told from real data below it.

# %%
n = 1000  # short: 100
held_out = keras_gan.data.open_source("mnist5k", split="test")


def measure(gan, n=n, metrics=None, seed=0):
    return keras_gan.metrics.evaluate(
        gan, "mnist5k", "mnist_classifier", metrics, num_samples=n, held_out=held_out, seed=seed, progress=False
    )


for name, gan in (("a", a), ("b", b)):
    print(f"{name}, {int(gan.step)} steps")
    print(keras_gan.metrics.records.table(measure(gan)))

# %% [markdown]
# What to look at: how wide the intervals of precision and recall are; two values of a thousand samples seldom differ by
# more. Precision and recall are two numbers on purpose: a generator of one perfect digit has a precision of 1 and a
# recall near 0.
#
# ## The same generator, other numbers of samples
#
# The Frechet distance is biased: with few samples it is too large, whatever the generator. Comparing a value at 1,000
# samples with one at 10,000 compares nothing.

# %% tags=["thumbnail"]
sizes = [100, 200, 400, 800, 1600, 3200]  # short: [100, 200]
found = [measure(b, size, ["fcd"])[0] for size in sizes]
low, high = [record.low for record in found], [record.high for record in found]
plt.semilogx(sizes, [record.value for record in found], "o-", color="#0072B2", label="generator b")
plt.fill_between(sizes, low, high, alpha=0.2, color="#0072B2")
plt.semilogx(sizes, [record.floor for record in found], "s--", color="#999999", label="floor: real digits")
plt.xlabel("number of samples")
plt.ylabel("fcd")
plt.ylim(bottom=0)
plt.legend()
plt.show()
print(f"{sizes[0]} samples: {found[0].value:.2f}; {sizes[-1]} samples: {found[-1].value:.2f}")

# %% [markdown]
# Not only the value, the floor rises with fewer samples too. That is why records say how many there were, which network
# saw them, and a digest of its weights.
#
# ## Two models compared
#
# If the intervals of two values overlap much, nothing follows. If they do not, the two *files* differ. Whether the two
# *ways of training* differ is another question: a third training with another seed may come out anywhere. For that,
# train several on each side:
#
# ```bash
# python -m trainers.evaluate --compare='runs/a-*/generator.keras,runs/b-*/generator.keras'
# ```

# %%
records = [measure(gan, metrics=["fcd"])[0] for gan in (a, b)]
apart = records[0].low > records[1].high or records[1].low > records[0].high
for name, record in zip("ab", records):
    print(f"{name}: {record.low:.2f} to {record.high:.2f}")
print("the files differ" if apart else "cannot be told apart")

# %% [markdown]
# ## Did it copy?
#
# Look at the nearest training digit of each generated one, then count: copies lie closer to the training data than
# held-out digits do. The score is the share of pairs in which the generated one is farther away; 1/2 or more is fine.

# %%
classifier = keras_gan.metrics.features.get("mnist_classifier")
to_bytes = keras_gan.files.pictures.to_uint8
train_images = keras_gan.data.open_source("mnist5k").images
train_features, test_features = classifier(train_images), classifier(held_out.images)
made = b.sample(n, seed=0)
made_features = classifier(to_bytes(made))
honest = keras_gan.metrics.data_copying(train_features, test_features, made_features)
random = np.random.default_rng(0)
chosen = random.permutation(len(train_images))[:n]
copied = np.clip(train_images[chosen] + random.normal(scale=2.0, size=(n, 28, 28, 1)), 0, 255).astype("uint8")
cheat = keras_gan.metrics.data_copying(train_features, test_features, classifier(copied))
print(f"generator b:            score {honest.score:.2f}, z {honest.z_score:.1f}")
print(f"copies with some noise: score {cheat.score:.2f}, z {cheat.z_score:.1f}")
print("and what the Frechet distance says of the copies:")
print(keras_gan.metrics.evaluate(copied, "mnist5k", "mnist_classifier", ["fcd"], held_out=held_out, progress=False)[0])

# %% [markdown]
# The last line is the point: **copies have an excellent Frechet distance**, better than any generator in these guides.
# No distance between distributions can see that they are copies of the data it compares with. (A score far above 1/2,
# as that of generator b, says something else: its digits lie farther from the data than real ones do. It is not good
# yet.)

# %%
order = honest.fake.distances.argsort()[:12]
pairs = keras_gan.metrics.nearest(made_features[order], train_features)
near = keras_gan.files.pictures.from_uint8(train_images[pairs.indices])
plt.figure(figsize=(7, 1.4))
plt.imshow(keras_gan.files.pictures.grid(np.concatenate([made[order], near]), columns=12).squeeze())
plt.axis("off")
plt.title("the generated digits closest to the data, and below what they are closest to")
plt.show()

# %% [markdown]
# ## Where it breaks
#
# - The classifier that measures was trained on the same kind of data. Choose models by one network and report another:
#   `mnist_classifier_b` is there for that.
# - None of these numbers is the FID of papers, which needs Inception: `--inception=FILE` where you have it.
#
# ## What to read next
#
# - [Logged quantities](../quantities.md), for formulas.
# - `python -m trainers.evaluate --model=RUN/generator.keras` writes all of this as a card, one HTML page.
