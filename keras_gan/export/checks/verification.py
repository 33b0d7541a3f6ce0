"""Checks an exported SavedModel: against Keras, in processes without Keras and without Python's TensorFlow."""

import io
import os
import platform
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gan import latents
from keras_gan.export.checks import c_api, processes, signatures
from keras_gan.export.publishing import warmup
from keras_gan.files import pictures

CHECK_BATCH = 8
TRUNCATION = 0.5
# Bytes: a value at the edge between two levels may fall on either side of it. Logits have no bound, and may differ
# in proportion to the largest.
MAX_DIFFERENCE = {"serving_default": 1e-5, "sample": 1, "sample_png": 1, "latents": 1e-6, "discriminate": 1e-5}
UNITS = {
    "serving_default": "images in [-1, 1]",
    "sample": "levels in 0 ... 255",
    "sample_png": "levels in 0 ... 255",
    "latents": "latents",
    "discriminate": "logits, divided by the largest if that is above 1",
}
TIMED = ("serving_default", "sample", "sample_png")
PYTHON, C_API = "Python, without Keras", "C API, without Python's TensorFlow"


def warmup_requests(generator, folder):
    """One request of one row for each signature of a SavedModel.

    A server prepares each signature when it is first called, whatever the number of rows.

    Args:
        generator: The `keras_gan.networks.Generator` that it was made from.
        folder: Path of the SavedModel.

    Returns:
        List of `(signature, inputs)`.
    """
    given = _inputs(generator, 1)
    requests = []
    for name, definition in sorted(signatures.signature_defs(folder).items()):
        requests.append((name, {key: given[key] for key in definition.inputs}))
    return requests


def check(generator, folder, discriminator=None, thorough=False):
    """Compares a SavedModel with the networks that it was made from.

    It is run by Python's TensorFlow in a process that cannot import Keras, with the warm-up requests too.

    Args:
        generator: A `keras_gan.networks.Generator`.
        folder: Path of its SavedModel.
        discriminator: The discriminator of its signature `discriminate`, or `None`.
        thorough: Whether it is also run by TensorFlow's C library, where TensorFlow comes with one, in a process that
            imports no TensorFlow.

    Returns:
        Dictionary of `parity`, a list with one row per way, signature and batch size, with the largest difference
        and its unit, and `latency`, the median time of calls from Python by signature and batch size with the
        processor and its number of threads.

    Raises:
        ValueError: If a signature differs by more than `MAX_DIFFERENCE`, an image depends on the rest of its
            batch, bad inputs are accepted, or a warm-up request fails.
    """
    cases = [case for batch in (1, CHECK_BATCH) for case in _cases(generator, discriminator, batch)]
    bad = _bad_inputs(generator, discriminator)
    good = [(signature, inputs) for signature, inputs, _ in cases] + warmup.read(folder)
    calls = [(folder, signature, inputs) for signature, inputs in good + bad]
    timed = [index for index, (signature, *_) in enumerate(cases) if signature in TIMED]
    answers, seconds, _ = processes.run_timed(calls, timed)
    parity = _compare(PYTHON, cases, len(good), calls, answers)
    if thorough and c_api.library() is not None:
        parity += _compare(C_API, cases, len(good), calls, c_api.run(calls))
    rows = [
        {"signature": cases[index][0], "batch": _rows(cases[index][1]), "milliseconds": round(1000 * second, 3)}
        for index, second in zip(timed, seconds, strict=True)
    ]
    return {"parity": parity, "latency": {"processor": processor(), "threads": threads(), "median": rows}}


def _compare(way, cases, num_good, calls, answers):
    """The rows of the parity table for one way of running the export."""
    for (_, signature, _), answer in zip(calls[:num_good], answers, strict=False):
        if isinstance(answer, str):
            raise ValueError(f"The SavedModel's `{signature}` failed ({way}): {' '.join(answer.split())}")
    for (_, signature, inputs), answer in zip(calls[num_good:], answers[num_good:], strict=True):
        if not isinstance(answer, str):
            value = {name: np.unique(value).tolist()[:1] for name, value in inputs.items()}
            raise ValueError(f"The SavedModel must refuse bad inputs of `{signature}` ({way}). Received: {value}")
    parity, first_rows = [], {}
    for (signature, inputs, expected), answer in zip(cases, answers, strict=False):
        ((_, actual),) = answer.items()
        if signature == "sample_png":
            actual = np.stack([_decode_png(image) for image in actual])
        scale = max(1.0, float(np.abs(expected).max())) if signature == "discriminate" else 1.0
        difference = processes.max_difference(expected, actual) / scale
        if not difference <= MAX_DIFFERENCE[signature]:
            raise ValueError(
                f"The SavedModel's `{signature}` must agree with Keras to {MAX_DIFFERENCE[signature]:g} ({way}). "
                f"Received: a difference of {difference:.3g}"
            )
        if signature != "discriminate":  # Some discriminators judge an image by the others beside it.
            alone = first_rows.setdefault(signature, actual[:1])
            if not processes.max_difference(alone, actual[:1]) <= MAX_DIFFERENCE[signature]:
                raise ValueError(
                    f"The first row of `{signature}` must not depend on the others ({way}). Received: a difference "
                    f"of {processes.max_difference(alone, actual[:1]):.3g} between batches of 1 and {CHECK_BATCH}"
                )
        parity.append(
            {
                "run": way,
                "signature": signature,
                "batch": _rows(inputs),
                "max_difference": difference,
                "unit": UNITS[signature],
            }
        )
    return parity


def _rows(inputs):
    return len(next(iter(inputs.values())))


def _decode_png(contents):
    image = np.asarray(Image.open(io.BytesIO(contents)))
    return image[..., None] if image.ndim == 2 else image


def _inputs(generator, batch):
    """Good inputs of all signatures, by name."""
    seeds = np.arange(batch)
    truncation = np.full(batch, TRUNCATION, "float32")
    codes = latents.from_seeds(seeds, generator.latent_dim, generator.latent_prior, truncation).numpy()
    labels = latents.sample_labels(batch, generator.num_classes)
    with tf.device("CPU"):  # The processes that run the export have no GPU: like is compared with like.
        images = np.asarray(generator(codes if labels is None else [codes, labels], training=False))
    return {"seed": seeds, "truncation": truncation, "latent": codes, "images": images, "label": labels}


def _cases(generator, discriminator, batch):
    """Triples `(signature, inputs, expected output)` for one batch size."""
    given = _inputs(generator, batch)
    label = {} if given["label"] is None else {"label": given["label"]}

    def inputs(*names):
        return {**{name: given[name] for name in names}, **label}

    cases = [
        ("serving_default", inputs("latent"), given["images"]),
        ("latents", {name: given[name] for name in ("seed", "truncation")}, given["latent"]),
    ]
    if len(generator.image_shape) == 3:
        with tf.device("CPU"):
            images = generator.sample(batch, given["label"], seed=0, truncation=TRUNCATION)
        cases.append(("sample", inputs("seed", "truncation"), pictures.to_uint8(images)))
        if generator.image_shape[-1] <= 4:
            cases.append(("sample_png", inputs("seed", "truncation"), pictures.to_uint8(images)))
    if discriminator is not None:
        with tf.device("CPU"):
            pair = [given["images"], given["label"]] if label else given["images"]
            logits = np.asarray(discriminator(pair, training=False)).reshape(-1)
        cases.append(("discriminate", inputs("images"), logits))
    return cases


def _bad_inputs(generator, discriminator):
    """Pairs `(signature, inputs)` that must be refused."""
    given = {name: value for name, value in _inputs(generator, 1).items() if value is not None}
    label = {"label": given["label"]} if "label" in given else {}
    bad = [("serving_default", {"latent": np.full_like(given["latent"], np.nan), **label})]
    bad += [
        ("latents", {"seed": given["seed"], "truncation": np.float32([truncation])})
        for truncation in (-0.5, 1.5, np.nan)
    ]
    if label:
        bad += [
            ("serving_default", {"latent": given["latent"], "label": np.int32([number])})
            for number in (-1, generator.num_classes)
        ]
    if discriminator is not None:
        bad.append(("discriminate", {"images": np.full_like(given["images"], np.inf), **label}))
    return bad


def processor():
    """The name that the processor gives itself."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text("utf-8", errors="replace").splitlines() if file.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def threads():
    """The processor threads that TensorFlow uses unless told otherwise."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def summary(card):
    """Lines that say what was checked.

    Args:
        card: The contents of `generator.json`.

    Returns:
        List of strings.
    """
    differences = {}
    for row in card["parity"]:
        worst = max(differences.get(row["signature"], 0.0), row["max_difference"])
        differences[row["signature"]] = worst
    ways = sorted({row["run"] for row in card["parity"]})
    times = ", ".join(
        f"{row['signature']} {row['milliseconds']:.3g} ms" for row in card["latency"]["median"] if row["batch"] == 1
    )
    return [
        f"Checked in {len(ways)} {'process' if len(ways) == 1 else 'processes'} ({'; '.join(ways)}).",
        "Largest difference from Keras: " + ", ".join(f"{name} {value:.2g}" for name, value in differences.items()),
        f"One image takes: {times}, on {card['latency']['threads']} threads of {card['latency']['processor']}.",
    ]
