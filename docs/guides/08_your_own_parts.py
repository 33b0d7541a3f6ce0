# %% [markdown]
# # Your own loss, penalty, network and training step
#
# Research is changing one thing and keeping the rest. A GAN here is made of parts with small contracts, and each can be
# yours. One problem serves for all: points on a ring of eight Gaussians, where a training takes seconds.

# %%
import keras
import numpy as np
import tensorflow as tf
from matplotlib import pyplot as plt

import keras_gan

ring = keras_gan.data.toy.get("ring")
points, _ = keras_gan.data.load("toy:ring", batch_size=128, repeat=True)
steps = 1000  # short: 5
results = {}


def networks():
    keras.utils.set_random_seed(0)
    hidden = {"hidden_units": (64, 64), "kernel_initializer": "he_normal"}
    generator = keras_gan.networks.MLPGenerator((2,), latent_dim=2, **hidden)
    return generator, keras_gan.networks.MLPDiscriminator((2,), **hidden)


def train(name, gan, **objective):
    """Trains and remembers what came of it."""
    adam = keras_gan.optimizers.Adam
    gan.compile(adam(1e-3, 0.5), adam(1e-3, 0.5), **objective)
    history = gan.fit(points, steps_per_epoch=steps, verbose=0).history
    made = gan.sample(2000, seed=0)
    found = keras_gan.metrics.collapse.mixture_statistics(made, ring)
    results[name] = made
    logged = ", ".join(f"{key} {values[-1]:.3f}" for key, values in sorted(history.items()) if key != "loss")
    print(f"{name}: modes {found['modes']} of 8, within 3 deviations {100 * found['high_quality']:.0f} %\n   {logged}")


train("as it comes", keras_gan.GAN(*networks()))

# %% [markdown]
# ## A loss
#
# A loss is a pair of functions of the logits of real and generated examples, one value per example, both to be
# minimized. Here is the exponential loss of boosting; register it, and a saved GAN finds it again.


# %%
@keras.saving.register_keras_serializable("guide")
class Exponential(keras_gan.losses.AdversarialLoss):
    """What is judged wrong costs exponentially: exp(-real / 2) + exp(fake / 2)."""

    def _discriminator_loss(self, real, fake):
        return tf.exp(-real / 2) + tf.exp(fake / 2)

    def _generator_loss(self, real, fake):
        return tf.exp(-fake / 2)


print("undecided:", Exponential().discriminator_loss([0.0], [0.0]).numpy())
train("own loss", keras_gan.GAN(*networks()), loss=Exponential())

# %% [markdown]
# Check a loss at a point where you know the answer, as above: an undecided discriminator pays 1 + 1. If the generator's
# loss needs the real logits too, set `uses_real_logits = True`.
#
# ## A penalty
#
# A regularizer gets a *critic*, the discriminator within this step, and both batches, and returns one number per
# example. The critic remembers what it has computed: asking for logits that the loss needed anyway costs nothing.


# %%
@keras.saving.register_keras_serializable("guide")
class Drift(keras_gan.regularizers.Regularizer):
    """The square of real logits, which keeps them from drifting away from 0."""

    name = "drift"

    def __call__(self, critic, real, fake):
        return tf.square(critic(real))


train("own penalty", keras_gan.GAN(*networks()), discriminator_regularizers=[Drift(weight=0.01)])

# %% [markdown]
# Its mean is logged under its name, without the weight. A penalty on gradients asks `critic.input_gradients(real)` and
# says `uses_input_gradients = True`; layers that TensorFlow differentiates wrongly are then refused, by name.
#
# ## A network
#
# Any Keras model will do. A plain `Sequential` from latents to examples is a generator:

# %%
keras.utils.set_random_seed(0)
plain = keras.Sequential(
    [
        keras.Input((4,)),
        *(keras.layers.Dense(64, "gelu", kernel_initializer="he_normal") for _ in range(2)),
        keras.layers.Dense(2),
    ]
)
train("plain Keras model", keras_gan.GAN(plain, networks()[1]))

# %% [markdown]
# A subclass of `Generator` can declare more: classes, another prior, arguments that are saved. Create layers in the
# constructor, call `build()` at its end, and return float32.


# %%
@keras.saving.register_keras_serializable("guide")
class Polar(keras_gan.networks.Generator):
    """Angle and radius from a small network; points are made of them."""

    def __init__(self, image_shape=(2,), latent_dim=2, units=64, **kwargs):
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, **kwargs)
        self.units = units
        self.hidden = [keras.layers.Dense(units, "relu", kernel_initializer="he_normal") for _ in range(2)]
        self.last = keras.layers.Dense(2)
        self.build()

    def call(self, inputs, training=None):
        x, _ = self.unpack(inputs)
        for layer in self.hidden:
            x = layer(x)
        angle, radius = keras.ops.split(keras.ops.cast(self.last(x), "float32"), 2, axis=-1)
        return radius * keras.ops.concatenate([keras.ops.cos(angle), keras.ops.sin(angle)], axis=-1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


keras.utils.set_random_seed(0)
polar = keras_gan.GAN(Polar(), networks()[1])
train("own generator", polar)
polar.save("polar.keras")
again = keras.models.load_model("polar.keras")
print("saved and loaded:", np.array_equal(again.sample(5, seed=0), polar.sample(5, seed=0)))

# %% [markdown]
# ## A training step
#
# `GAN` is a Keras model, and `train_step` may be overridden. Call the parent for the usual step, or write all of it.
# This one adds noise to what the discriminator sees, less and less of it (*instance noise*).


# %%
@keras.saving.register_keras_serializable("guide")
class InstanceNoise(keras_gan.GAN):
    """A GAN whose data are blurred by noise that dies out over 1,000 steps."""

    def train_step(self, data):
        step = tf.cast(self.step.value, tf.float32)
        scale = 0.2 * tf.maximum(0.0, 1.0 - step / 1000.0)
        noise = tf.random.stateless_normal(tf.shape(data), seed=tf.stack([self.seed, tf.cast(step, tf.int32)]))
        return super().train_step(data + scale * noise)


train("own step", InstanceNoise(*networks()))

# %% tags=["thumbnail"]
figure, axes = plt.subplots(1, len(results), figsize=(10, 2), sharex=True, sharey=True)
for axis, (name, made) in zip(axes, results.items()):
    axis.scatter(*made.T, s=1, color="#009E73")
    axis.set_title(name, fontsize=8)
    axis.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal")
plt.show()

# %% [markdown]
# What to look at: nothing here shows which is *better*. One seed of a short training is an anecdote; what it shows is
# that the part is in use and nothing explodes. Noise of the step is a function of the seed and the step, not of a
# generator's state: that is what makes a resumed training equal to one that was never stopped. Keep it so.
#
# ## Where it breaks
#
# - A class that is not registered cannot be loaded from a file.
# - A loss that broadcasts `(batch, 1)` against `(batch,)` would train on nonsense. Shapes are checked before your
#   function sees them.
# - Batch normalization, layer normalization and bilinear resizing of Keras have wrong second derivatives in TensorFlow;
#   with penalties on gradients use those of `keras_gan.layers`.
#
# ## What to read next
#
# - [How to add a part](../contributing.md) to the package itself: which files, which test.
# - [Stabilisers since 2017](09_stabilisers.ipynb): the parts that are already there.
