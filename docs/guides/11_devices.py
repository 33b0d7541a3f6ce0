# %% [markdown]
# # Precision, several devices, workers, TPU
#
# A GPU is fast in 16 bits, two GPUs are faster than one, and ten machines are faster than two. Each of these can change
# what is being trained without telling you: a batch that is silently ten times as large, statistics of a tenth of a
# batch, gradients that round to zero. What stays the same here, and what does not?
#
# ## What would it cost?
#
# Before anything: `--dry_run` builds the networks, times some steps, and writes nothing.

# %%
import subprocess
import sys
from pathlib import Path

import numpy as np


def run(*flags, program="trainers.dcgan", code=0):
    """Runs a command; its output, of which a guide shows a part."""
    done = subprocess.run([sys.executable, "-m", program, *flags], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + (done.stderr if code else "")


print(run("--dry_run", "--filters=16").strip()[-1500:])

# %% [markdown]
# ## Several devices, the same algorithm
#
# `--strategy=mirrored` uses all devices of a machine. `--batch_size` stays the size of *one update over all of them*;
# latents are slices of one global draw; batch statistics are global; losses are means over all examples. To see that
# without a second GPU, split the processor into two devices and compare weights with those of one:

# %%
steps = 10  # short: 2
common = [f"--steps={steps}", "--filters=8", "--evaluate_every=0", "--watchdog=false", "--precision=float32"]
run("--out=one", *common)
said = run("--out=two", "--strategy=mirrored", "--cpu_devices=2", *common)

import keras

import keras_gan

one, two = (keras.models.load_model(f"{name}/gan.keras") for name in ("one", "two"))
largest = max(np.abs(a - b).max() for a, b in zip(one.get_weights(), two.get_weights()))
print(f"{steps} steps on one device and on two: largest difference of a weight {largest:.1e}")

# %% [markdown]
# Not 0: two halves of a sum are added in another order, and Adam divides small gradients by small numbers. But it is
# the same training, and a checkpoint of one goes on under the other.
#
# ## 16 bits
#
# `--precision=auto`, the default, times a few steps of the model itself in float32 and in bfloat16, in turn, and takes
# the latter where it is at least 1.15 times as fast. The choice and both times are kept in the run's `config.json`, so
# that a resumed run never changes it.

# %%
import json

run("--out=half", "--precision=bfloat16", *[flag for flag in common if "precision" not in flag])
print(json.loads(Path("half/config.json").read_text())["precision"])
half = keras.models.load_model("half/gan.keras")
print(
    "computes in", half.generator.upsamplings[0].compute_dtype, "and keeps weights in", half.generator.weights[0].dtype
)

# %% [markdown]
# Losses, logits and penalties stay in float32, whatever the networks compute in. `float16` has less range: both
# optimizers then scale their losses, and updates that overflow are skipped on all devices and logged as
# `generator_overflows` and `discriminator_overflows`. In Python it is Keras' own switch:
# `keras.mixed_precision.set_dtype_policy("mixed_bfloat16")` before the networks are made.
#
# ## Workers
#
# On several machines each process runs the same command, with the cluster in the environment variable `TF_CONFIG`:
#
# ```bash
# export TF_CONFIG='{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
# python -m trainers.dcgan --strategy=multiworker --out=/shared/run
# ```
#
# They compare flags, data and checkpoints before they start. A signal to one ends all after the same step; when one is
# killed the others end with one line, and starting all again goes on from the last checkpoint.
#
# On one machine a command starts all of them, ends all with one Ctrl+C, and with `--restarts` starts all again after
# one died; with `--template=slurm` or `--template=kubernetes` it prints a batch file instead:
#
# ```bash
# python -m trainers.launch --workers=4 --restarts=3 -- dcgan --out=runs/four
# ```
#
# Workers that are missing are waited for `--join_timeout` minutes, and then named. Without the variable:

# %%
print(run("--strategy=multiworker", "--steps=1", code=1).strip().splitlines()[-1])

# %% [markdown]
# ## TPU
#
# `--tpu` on a TPU machine with `tensorflow-tpu` in TensorFlow's place. The whole step of every network, loss and
# penalty compiles with XLA with shapes that are known in advance, which is what a TPU needs and what the tests check.
# **Nothing in this package was ever run on a TPU.** On a machine without one:

# %%
print(run("--tpu", "--steps=1", code=1).strip().splitlines()[-1][:230])

# %% [markdown]
# ## In Python
#
# Strategies are Keras' own: make and compile the GAN within the scope.

# %%
import tensorflow as tf

strategy = tf.distribute.get_strategy()  # MirroredStrategy() with several devices
with strategy.scope():
    gan = keras_gan.GAN(
        keras_gan.networks.DCGANGenerator((28, 28, 1), latent_dim=16, filters=8),
        keras_gan.networks.DCGANDiscriminator((28, 28, 1), filters=8, normalization=None),
    )
    gan.compile("adam", "adam", jit_compile=False)
print(gan.distribute_strategy.num_replicas_in_sync, "replica")

# %% [markdown]
# ## Where it breaks
#
# - A global batch must be divisible by the number of devices times `discriminator_steps`; if not, the run ends before
#   the first step, with numbers that would do.
# - Small networks on many devices wait for each other more than they compute: [scaling](../results/scaling.md).
# - XLA (`jit_compile=True`) does not span several replicas of one process.
#
# ## What to read next
#
# - [Resume](12_resume.ipynb).
# - [Training speed](../results/training_speed.md), measured beside other packages.
