"""Versions of a small generator as `export.saved_model --publish` writes them, made once a process."""

import functools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import serving as benchmark
from export.stand_in import watching
from keras_gan import latents
from keras_gan.export import saved_model
from keras_gan.export.checks import signatures
from keras_gan.export.publishing import serving
from keras_gan.files import pictures
from tests.keras_gan.export import networks

CLASSES = ("zero", "one", "<two>", "three")


@functools.cache
def _folder():
    return tempfile.TemporaryDirectory()


@functools.cache
def generator():
    return networks.mlp((4, 4, 1), num_classes=4, class_names=CLASSES)


@functools.cache
def versions():
    """The paths of two: one with the weights of `generator`, and one with the opposite of its weights."""
    paths = benchmark.write_versions(generator(), _folder().name, 2)
    for path in paths:
        (path / signatures.CARD).write_text(json.dumps(saved_model.describe(generator())), encoding="utf-8")
    return paths


def publish(base, index=0):
    """Copies one of `versions` into a folder of versions, as the next, and returns its number."""
    with serving.stage(base) as folder:
        shutil.copytree(versions()[index], folder)
        return int(serving.release(folder, base).name)


def publish_broken(base):
    """Publishes a version that cannot be loaded, and returns its number."""
    with serving.stage(base) as folder:
        folder.mkdir()
        (folder / "saved_model.pb").write_bytes(b"broken")
        return int(serving.release(folder, base).name)


@functools.cache
def model():
    """A `watching.Model` named `digits` that has loaded version 1, with the weights of `generator`."""
    base = Path(_folder().name, "digits")
    publish(base)
    found = watching.Model("digits", base)
    found.look()
    return found


def images(seeds, label, truncation=1.0):
    """What version 1 answers, as integers, for one label."""
    codes = truncation * latents.from_seeds(seeds, 6)
    return pictures.to_uint8(generator()([codes, np.full(len(seeds), label, "int32")])).astype(int)
