# %% [markdown]
# # Resume, checkpoints, and what survives what
#
# A training of hours will be interrupted: a machine goes down, a time limit ends the job, a laptop is closed. What is
# lost then? Here the answer is: the steps since the last checkpoint, which are computed again **to the same bits**.
# This guide interrupts a training on purpose and compares.

# %%
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np

import keras_gan

total = 30  # short: 4
every = 10  # short: 2
flags = [f"--steps={total}", f"--checkpoint_every={every}", f"--sample_every={every}", f"--log_every={every}"]
flags += ["--filters=8", "--evaluate_every=0", "--watchdog=false", "--precision=float32"]


def command(*arguments):
    return [sys.executable, "-m", "trainers.dcgan", *arguments]


# %% [markdown]
# The precision is named, because `auto` measures which one is faster, and on a busy machine might decide otherwise for
# the second run. A run that is resumed never decides again: its choice is in its `config.json`.
#
# ## One run without interruption, one that is stopped
#
# Ctrl-C, SIGTERM and a closed terminal all mean the same: finish this step, save, end with one line.

# %%
subprocess.run(command("--out=whole", *flags), check=True, capture_output=True)

process = subprocess.Popen(
    command("--out=stopped", *flags), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
)
while process.poll() is None and not list(Path("stopped").glob("checkpoints/*.index")):
    time.sleep(0.2)
process.send_signal(signal.SIGTERM)
said, _ = process.communicate()
print(said.strip().splitlines()[-1][:200])

# %% [markdown]
# Nothing but the folder is needed to go on: the flags are in its `config.json`.

# %%
done = subprocess.run(command("--out=stopped"), check=True, capture_output=True, text=True)
print(next(line for line in done.stdout.splitlines() if "Trained" in line))

whole, stopped = (keras.models.load_model(f"{name}/gan.keras") for name in ("whole", "stopped"))
equal = all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), stopped.get_weights()))
print("all weights equal, bit for bit:", equal)
print("sample grids equal:", Path("whole/samples.png").read_bytes() == Path("stopped/samples.png").read_bytes())

# %% [markdown]
# And to look at: the sample grids of both, of the same latents. So early they are of no beauty, but of the same one.

# %% tags=["thumbnail"]
from matplotlib import pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(7, 3.6))
for axis, name in zip(axes, ("whole", "stopped")):
    axis.imshow(plt.imread(f"{name}/samples.png"))
    axis.set_title(name)
    axis.axis("off")
plt.show()

# %% [markdown]
# How can that be? No random generator has a state that could get lost. Every draw of a step, latents, dropout,
# augmentation, is a function of the seed and the number of the step; and the order of the data is one of the seed and
# the epoch. With the weights, both optimizers and the step a checkpoint holds everything.
#
# ## What a run leaves

# %%
for path in sorted(Path("whole").iterdir()):
    print(f"{path.name:20} {'folder' if path.is_dir() else f'{path.stat().st_size:,} bytes'}")

# %% [markdown]
# | what happens | what is lost |
# |---|---|
# | Ctrl-C, SIGTERM, terminal closed | nothing: the present step is saved |
# | the process is killed, power fails | steps since the last checkpoint, computed again to the same bits |
# | the disk is full while saving | nothing: files are written whole or not at all, the old ones stay |
# | a checkpoint is damaged | found by its checksum; the one before is used |
# | a loss is NaN or infinite | back to the last checkpoint with other noise, at most `--max_rollbacks` times |
# | the number of devices changes | nothing: a checkpoint goes on under any strategy |
# | flags that define the training change | the run refuses to go on, and says which |
# | you want more steps | `--out=RUN --steps=6000` makes a finished run longer |
#
# ## In Python
#
# With `fit` the same callback keeps checkpoints. Or save the whole GAN, both optimizers and the step included, and go
# on with it in another process:

# %%
dataset, spec = keras_gan.data.load("mnist5k", batch_size=64, repeat=True)
keras.utils.set_random_seed(0)
gan = keras_gan.GAN(
    keras_gan.networks.DCGANGenerator(spec.image_shape, latent_dim=16, filters=8),
    keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=8, normalization=None),
)
gan.compile("adam", "adam")
gan.fit(dataset, steps_per_epoch=6, verbose=0)
reference = gan.get_weights()

keras.utils.set_random_seed(0)
first = keras_gan.GAN(
    keras_gan.networks.DCGANGenerator(spec.image_shape, latent_dim=16, filters=8),
    keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=8, normalization=None),
)
first.compile("adam", "adam")
first.fit(dataset, steps_per_epoch=4, verbose=0)
first.save("half.keras")

second = keras.models.load_model("half.keras")
rest, _ = keras_gan.data.load("mnist5k", batch_size=64, repeat=True, start_batch=int(second.step))
second.fit(rest, steps_per_epoch=2, verbose=0)
same = all(np.array_equal(a, b) for a, b in zip(reference, second.get_weights()))
print(f"4 steps, saved, loaded, 2 more: equal to 6 in one go: {same}")

# %% [markdown]
# Mind `start_batch`: a new dataset begins with the first batch, and only you know that four were used.
#
# ## Where it breaks
#
# - Equal bits need equal software and the same kind of processor. On another machine sums have another order, and the
#   last digits differ; on GPUs add `--deterministic`.
# - A custom part with random numbers of its own (`keras.random`, NumPy) has a state that nobody saves. Draw from the
#   step, as [the guide to own parts](08_your_own_parts.ipynb) does.
#
# ## What to read next
#
# - [Precision, devices, workers](11_devices.ipynb).
# - [Export](13_export.ipynb).
