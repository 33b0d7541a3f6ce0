"""What is asked of something that was saved, of whatever version: its digest, and what comes of training on."""

import hashlib
import os
import platform
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

# Four short trainings on a line.
TOY = (
    "--experiment=k_sweep", "--data=gaussian", "--steps=20", "--measure_every=20", "--batch_size=16", "--seeds=1",
    "--units=4",
)  # fmt: skip
OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer", "optimizer")


def machine():
    """What equal bits depend on: the processor, how many of it, and who computes on it."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    first = sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return {
        "processor": hashlib.sha256("\n".join([platform.machine(), *first]).encode()).hexdigest()[:16],
        "cores": os.cpu_count(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def state(model):
    """Everything that training depends on, as arrays: all variables of a model, then those of its optimizers."""
    found = [getattr(model, name, None) for name in OPTIMIZERS]
    # One may have two names.
    optimizers = {id(optimizer): optimizer for optimizer in found if optimizer is not None}.values()
    variables = [variable for optimizer in optimizers for variable in optimizer.variables]
    return [np.asarray(variable) for variable in [*model.variables, *variables]]


def digest(model):
    """SHA-256 of `state`: types, shapes and values, in order."""
    found = hashlib.sha256()
    for array in state(model):
        found.update(f"{array.dtype} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def sample(model, n=2, seed=5):
    """Images of a generator, or of a model that has one; plain Keras networks need their model for it."""
    return np.asarray(model.sample(n, seed=seed))


def examples(shape, rows, num_classes=None, seed=7):
    """Images, or latents, that depend on nothing but this function; and labels, where there are classes."""
    # RandomState, whose numbers never change.
    images = np.random.RandomState(seed).uniform(-1.0, 1.0, (rows, *shape)).astype(np.float32)
    return images, None if num_classes is None else np.arange(rows) % num_classes


def train(model, steps, rows):
    """Trains on one batch, `steps` times.

    Returns:
        Dictionary from the names of what is logged to its values, a step each.
    """
    shape = (model.latent_dim,) if hasattr(model, "feature") else model.image_shape
    images, labels = examples(shape, rows, model.num_classes)
    history = model.fit(images, labels, batch_size=rows, epochs=steps, shuffle=False, verbose=0).history
    return {name: [float(value) for value in values] for name, values in history.items()}


def run_exports(folder):
    """What exports of a generator of latents of length 3 and ten classes make of given inputs, without its package.

    Args:
        folder: With `served/1`, a SavedModel, and `digits.tflite`, of batches of two.

    Returns:
        Dictionary of arrays.
    """
    latent, label = examples((3,), 2)[0], np.array([2, 9], np.int32)
    loaded = tf.saved_model.load(str(Path(folder, "served", "1")))
    given = {"seed": np.array([5, 6], np.int64), "truncation": np.array([1.0, 0.5], np.float32), "label": label}
    calls = {
        "sample": given,
        "serving_default": {"latent": latent, "label": label},
        "discriminate": {"images": examples((8, 8, 1), 2)[0], "label": label},
    }
    found = {}
    for name, inputs in calls.items():
        inputs = {key: tf.constant(value) for key, value in inputs.items()}
        found |= {f"served {name}": value.numpy() for value in loaded.signatures[name](**inputs).values()}
    interpreter = Interpreter(str(Path(folder, "digits.tflite")))
    found["tflite"] = interpreter.get_signature_runner("serving_default")(latent=latent, label=label)["images"]
    return found
