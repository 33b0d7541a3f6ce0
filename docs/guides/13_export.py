# %% [markdown]
# # Export: SavedModel, TensorFlow Serving, LiteRT, ONNX, a web page
#
# A trained generator is of use to somebody who has neither Keras nor this package: a server, a phone, a web page. What
# they need is a file that makes the *same* pictures, and a description of how to call it. Every export here is run in
# a process without Keras and compared with the original before it is written.
#
# ## A generator
#
# A few steps are enough: an export is right or wrong, however the pictures look.

# %%
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_gan

steps = 300  # short: 2
dataset, spec = keras_gan.data.load("mnist5k", batch_size=64, repeat=True)
keras.utils.set_random_seed(0)
gan = keras_gan.GAN(
    keras_gan.networks.DCGANGenerator(spec.image_shape, latent_dim=64, filters=16),
    keras_gan.networks.DCGANDiscriminator(spec.image_shape, filters=16, normalization=None),
    ema_momentum=0.99,
)
adam = keras_gan.optimizers.Adam
gan.compile(adam(2e-3, 0.5, 0.99), adam(2e-3, 0.5, 0.99), discriminator_regularizers=["r1"])
gan.fit(dataset, steps_per_epoch=steps, verbose=0)

# %% [markdown]
# ## A SavedModel
#
# What TensorFlow Serving, and TensorFlow in any language, reads. Its signatures make pictures from latents, or right
# from seeds, as floats, bytes or PNG files.

# %%
card = gan.export("digits")
for name, signature in card["signatures"].items():
    print(f"{name:16} {', '.join(signature['inputs'])} -> {', '.join(signature['outputs'])}")
for row in card["parity"]:
    print("compared with Keras:", json.dumps(row))

# %% [markdown]
# The card lies in the export, as `assets.extra/generator.json`. Use it in a process that has only TensorFlow:

# %%
program = """
import sys, tensorflow as tf
sample = tf.saved_model.load("digits").signatures["sample_png"]
made = sample(seed=tf.constant([7], tf.int64), truncation=tf.constant([1.0]))
open("seven.png", "wb").write(made["image_bytes"][0].numpy())
print("keras imported:", "keras" in sys.modules, "  keras_gan imported:", "keras_gan" in sys.modules)
"""
environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
print(done.stdout.strip())

picture = plt.imread("seven.png")
own = keras_gan.files.pictures.to_uint8(gan.sample(1, seed=7))[0, :, :, 0]
print("largest difference in bytes:", int(np.abs((picture * 255).round().astype(int) - own.astype(int)).max()))

# %% [markdown]
# TensorFlow brings Keras along by itself; what that process did not have is this package.
#
# **One seed is one picture**, in Keras, on the server and on a phone. That makes a bug report possible: "seed 7 looks
# odd".
#
# ## A server
#
# `publish` adds the next numbered version to a folder, staged beside the others and renamed once, so that a server
# never sees half of one. TensorFlow Serving takes the newest by itself.

# %%
gan.save_generator("generator.keras")
version, _, removed = keras_gan.export.saved_model.publish("generator.keras", "models/digits", keep=3)
print(version)
print(Path("models/digits/models.config").read_text())

# %% [markdown]
# Start TensorFlow Serving as the card says, or the stand-in for development, which answers at the same addresses and
# has a page of samples for the browser:
#
# ```bash
# docker run -p 8501:8501 -v "$PWD/models:/models" tensorflow/serving --model_config_file=/models/digits/models.config
# pip install 'keras_gan[serve]' && python -m export.serve --models=models/digits
# ```
#
# A request, to either: `POST /v1/models/digits:predict` with `{"signature_name": "sample", "inputs": {"seed": [7],
# "truncation": [1.0]}}`. [Serving](../serving.md) has the client, errors, and what a server checks.
#
# ## A phone: LiteRT
#
# 32, 16 or 8 bits. Small files are only written if every picture stays close to what Keras makes; the card says how
# close.

# %%
kinds = ("float32", "float16", "int8")  # short: ("float32", "int8")
for precision in kinds:
    path = f"digits_{precision}.tflite"
    card = keras_gan.export.tflite.export("generator.keras", path, format=precision)
    print(f"{precision:8} {Path(path).stat().st_size / 1e3:7.0f} kB")

# %% tags=["thumbnail"]
from ai_edge_litert.interpreter import Interpreter

latents = keras_gan.latents.draw(gan, 12, seed=0)
rows = [gan.sample(12, seed=0)]
for precision in ("float32", "int8"):
    runner = Interpreter(f"digits_{precision}.tflite").get_signature_runner("serving_default")
    rows.append(np.concatenate([runner(latent=latent[None])["images"] for latent in latents]))
plt.figure(figsize=(7, 2))
plt.imshow(keras_gan.files.pictures.grid(np.concatenate(rows), columns=12).squeeze())
plt.axis("off")
plt.title("Keras; LiteRT in 32 bits; in 8 bits")
plt.show()

# %% [markdown]
# What to look at: nothing should differ between the first two rows, and next to nothing in the third.
#
# ## Anywhere: ONNX
#
# Needs `pip install 'keras_gan[onnx]'`. ONNX Runtime exists for processors, GPUs and browsers.

# %%
try:
    card = keras_gan.export.onnx.export("generator.keras", "digits.onnx")
    print(
        f"{Path('digits.onnx').stat().st_size / 1e3:.0f} kB, operators: {', '.join(sorted(card['operators'])[:8])} ..."
    )
except ImportError as error:
    print(error)

# %% [markdown]
# ## A web page
#
# The stand-in server has one: `python -m export.serve --models=models/digits`, then open the address that it prints. A
# page without a server runs the ONNX file in the browser with `onnxruntime-web`: create a session from the file, fill a
# `Float32Array` with normal numbers, and draw `images` to a canvas.
# [Running exported files](../tflite_onnx.md) has inputs and outputs.
#
# ## Where it breaks
#
# - int8 needs networks without layers that LiteRT cannot quantize; the check says which class or picture is off, and
#   writes nothing.
# - Labels out of range are refused by the SavedModel with an error. The two small formats do not check latents.
# - `gan.generator.export(path)` is Keras' own: weights as they were trained rather than averaged, and unchecked.
#
# ## What to read next
#
# - [Serving](../serving.md), for whoever runs the server.
# - [Results](../results/exports.md): latency and size of each form.
