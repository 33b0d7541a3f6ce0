"""Marks that a person made on samples of a generator: the file between `trainers.label` and `trainers.unlearn`."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from keras_gan import latents, serialization
from keras_gan.files import atomic, schema


@dataclasses.dataclass(frozen=True)
class Marks:
    """Samples of one generator, and which of them have a feature; those that are not marked lack it.

    Attributes:
        model: SHA-256 of the generator's weights: a copy of the file, or the same generator saved again, is the same.
        seed: Seed of the first sample; sample i is `generator.sample(n, seed=seed)[i]`.
        n: Number of samples.
        labels: Of a conditional generator the class of each sample, otherwise `None`.
        marked: Indices in `[0, n)` of those that have the feature, in rising order.
    """

    model: str
    seed: int
    n: int
    labels: list | None
    marked: list

    @classmethod
    def of(cls, generator, seed, n, marked=()):
        """Marks of a generator's samples, with its classes in turn."""
        labels = latents.sample_labels(n, generator.num_classes)
        labels = None if labels is None else labels.tolist()
        return cls(serialization.weights_digest(generator), seed, n, labels, check_marked(list(marked), n))

    def write(self, path):
        """Writes the file, whole or not at all."""
        Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(Path(path), json.dumps(dataclasses.asdict(self)) + "\n")


_FORM = schema.table(
    model=schema.text,
    seed=schema.integer(-(2**62), 2**62),
    n=schema.integer(1, 10**6),
    labels=schema.optional(schema.array(schema.integer())),
    marked=schema.array(schema.integer()),
)


def check_marked(marked, n):
    """Indices in rising order, if they are integers in `[0, n)`, each once; otherwise raises `ValueError`."""
    right = isinstance(marked, list) and all(type(index) is int and 0 <= index < n for index in marked)
    if not right or len(set(marked)) < len(marked):
        raise ValueError(f"Marked samples must be different integers in [0, {n}). Received: {str(marked)[:60]}")
    return sorted(marked)


def read(path, generator):
    """Reads a file that `Marks.write` wrote.

    Args:
        path: The file.
        generator: The generator whose samples were marked.

    Returns:
        `Marks`.

    Raises:
        ValueError: If there is no such file, it holds no marks, or they are of another generator's samples.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"Expected a file of marked samples, made by python -m trainers.label. Received: {path}")
    try:
        found = schema.read(path, _FORM)
        marks = Marks(**{field.name: found.get(field.name) for field in dataclasses.fields(Marks)})
        marks = dataclasses.replace(marks, marked=check_marked(marks.marked, marks.n))
    except ValueError as error:
        raise ValueError(f"{path} holds no marked samples, as python -m trainers.label writes them: {error}") from None
    if marks.model not in (serialization.weights_digest(generator), _digest_with_names(generator)):
        raise ValueError(f"{path} holds marks of another model: mark this one's samples with python -m trainers.label.")
    expected = latents.sample_labels(marks.n, generator.num_classes)
    if marks.labels != (None if expected is None else np.asarray(expected).tolist()):
        raise ValueError(f"{path} holds marks of samples of other classes than the model makes in turn.")
    return marks


def _digest_with_names(model):
    """The digest in files of version 0.1.0, which enters the names of weights too."""
    digest = hashlib.sha256()
    for variable in model.weights:
        value = np.ascontiguousarray(variable)
        digest.update(repr((variable.name, value.shape, str(value.dtype))).encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
