"""Checks an exported SavedModel of a translator against Keras, in a process without Keras."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gan.export.checks import c_api, parity, processes, signatures, verification
from keras_gan.export.publishing import warmup
from keras_gan.files import pictures

# A byte at the edge between two levels may fall on either side of it.
MAX_DIFFERENCE = {"serving_default": 1e-5, "translate": 1e-5, "translate_png": 1}
UNITS = {
    "serving_default": "images in [-1, 1]",
    "translate": "images in [-1, 1]",
    "translate_png": "levels in 0 ... 255",
}


def _file(image, format="PNG"):
    """A picture, uint8, as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, format=format)
    return buffer.getvalue()


def _strings(contents):
    return np.array(contents, object)


def warmup_requests(translator, folder):
    """One request of one row for each signature of a SavedModel: a list of `(signature, inputs)`."""
    images = parity.ImageSampler(translator.source_shape).draw(0, 1)["images"]
    given = {"images": images, "image_bytes": _strings([_file(pictures.to_uint8(images)[0])])}
    definitions = signatures.signature_defs(folder)
    return [(name, {key: given[key] for key in definitions[name].inputs}) for name in sorted(definitions)]


def check(translator, folder, thorough=False):
    """Compares a SavedModel with the translator that it was made from.

    Args:
        translator: A `keras_gan.networks.Translator`.
        folder: Path of its SavedModel.
        thorough: Whether it is also run by TensorFlow's C library, where TensorFlow comes with one.

    Returns:
        Dictionary of `parity` and `latency`, as of `keras_gan.export.checks.verification.check`.

    Raises:
        ValueError: If a signature differs by more than `MAX_DIFFERENCE`, an image depends on the rest of its batch, bad
            inputs are accepted, or a warm-up request fails.
    """
    available = signatures.signature_defs(folder)
    cases = [case for batch in (1, verification.CHECK_BATCH) for case in _cases(translator, batch)]
    cases = [case for case in cases if case[0] in available]
    bad = [(name, inputs) for name, inputs in _bad_inputs(translator) if name in available]
    good = [(name, inputs) for name, inputs, _ in cases] + warmup.read(folder)
    other_sizes = _other_files(translator) if "translate_png" in available else []
    calls = [(folder, name, inputs) for name, inputs in good + other_sizes + bad]
    timed = [index for index, (name, *_) in enumerate(cases) if name != "serving_default"]
    answers, seconds, _ = processes.run_timed(calls, timed)
    counts = len(good) + len(other_sizes)
    rows = _compare(verification.PYTHON, translator, cases, counts, calls, answers)
    if thorough and c_api.library() is not None:
        rows += _compare(verification.C_API, translator, cases, counts, calls, c_api.run(calls))
    latency = [
        {"signature": cases[index][0], "batch": _rows(cases[index]), "milliseconds": round(1000 * second, 3)}
        for index, second in zip(timed, seconds, strict=True)
    ]
    median = {"processor": verification.processor(), "threads": verification.threads(), "median": latency}
    return {"parity": rows, "latency": median}


def _rows(case):
    return len(next(iter(case[1].values())))


def _compare(way, translator, cases, num_good, calls, answers):
    """The rows of the parity table for one way of running the export."""
    for (_, name, _), answer in zip(calls[:num_good], answers, strict=False):
        if isinstance(answer, str):
            raise ValueError(f"The SavedModel's `{name}` failed ({way}): {' '.join(answer.split())}")
    for (_, name, _), answer in zip(calls[num_good:], answers[num_good:], strict=True):
        if not isinstance(answer, str):
            raise ValueError(f"The SavedModel must refuse bad inputs ({way}). Received: images of `{name}`")
    rows, firsts = [], {}
    for case, answer in zip(cases, answers, strict=False):
        name, _, expected = case
        [actual] = answer.values()
        if name == "translate_png":
            actual = np.stack([_decode(contents) for contents in actual])
        difference = processes.max_difference(expected, actual)
        if not difference <= MAX_DIFFERENCE[name]:
            raise ValueError(
                f"The SavedModel's `{name}` must agree with Keras to {MAX_DIFFERENCE[name]:g} ({way}). "
                f"Received: a difference of {difference:.3g}"
            )
        alone = firsts.setdefault(name, actual[:1])
        if not processes.max_difference(alone, actual[:1]) <= MAX_DIFFERENCE[name]:
            raise ValueError(f"The first image of `{name}` must not depend on the others ({way}).")
        row = {"run": way, "signature": name, "batch": _rows(case), "max_difference": difference}
        rows.append(row | {"unit": UNITS[name]})
    for (_, name, _), answer in zip(calls, answers[:num_good], strict=False):
        if name == "translate_png":
            shapes = {_decode(contents).shape for contents in answer["image_bytes"]}
            if shapes != {tuple(translator.image_shape)}:
                raise ValueError(f"Every picture must become one of {translator.image_shape}. Received: {shapes}")
    return rows


def _decode(contents):
    image = np.asarray(Image.open(io.BytesIO(contents)))
    return image[..., None] if image.ndim == 2 else image


def _cases(translator, batch):
    """Triples `(signature, inputs, expected output)` for one batch size."""
    quantized = pictures.to_uint8(parity.ImageSampler(translator.source_shape).draw(0, batch)["images"])
    images = pictures.from_uint8(quantized)
    with tf.device("CPU"):  # The processes that run the export have no GPU: like is compared with like.
        made = np.asarray(translator(images, training=False))
    yield from ((name, {"images": images}, made) for name in ("serving_default", "translate"))
    if translator.source_shape[-1] in (1, 3, 4):
        files = _strings([_file(image) for image in quantized])
        yield "translate_png", {"image_bytes": files}, pictures.to_uint8(made)


def _other_files(translator):
    """Calls with pictures of another size, aspect and format."""
    rng = np.random.default_rng(0)
    height, width, channels = translator.source_shape
    image = rng.integers(0, 256, (2 * height + 3, width + 1, channels), np.uint8)
    files = [_file(image)] + ([_file(image, "JPEG")] if channels in (1, 3) else [])
    return [("translate_png", {"image_bytes": _strings([file])}) for file in files]


def _bad_inputs(translator):
    """Pairs `(signature, inputs)` that must be refused."""
    images = np.zeros((1, *translator.source_shape), "float32")
    whole = _file(np.zeros(translator.source_shape, np.uint8)) if translator.source_shape[-1] in (1, 3, 4) else b""
    yield "translate", {"images": images * np.nan}
    yield "translate", {"images": images + 2.0}
    for contents in (b"", b"no picture", b"GIF89a", whole[: len(whole) // 2]):
        yield "translate_png", {"image_bytes": _strings([contents])}
