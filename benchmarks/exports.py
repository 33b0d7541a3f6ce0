"""Size, fidelity and speed of every form in which a generator is exported.

    python -m benchmarks.exports --model=RUN/generator.keras

Files of `export.tflite` in four formats, of `export.onnx` and of `export.saved_model`, as their cards have it: bytes;
the peak signal-to-noise ratio to Keras and the levels of 255 that 99.9 % of all bytes stay within, each of the worst
signature and class; milliseconds of one image, for files on one thread. A form that does not pass the gate of its
command is an error, as there."""

import dataclasses
import sys
import tempfile
from pathlib import Path

import tqdm

from benchmarks import tables
from keras_gan.cli import option
from keras_gan.export import loading, onnx, saved_model, tflite


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    model: str = option(
        "", "The saved generator or GAN, a .keras file; a trained one, as formats differ by its weights."
    )
    formats: str = option("float32,float16,dynamic,int8,onnx,saved_model", "Forms, with commas.")


def main(argv=None):
    """Exports, measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Exports a generator in every form.

    Returns:
        Dictionary of the number of `parameters` and of `files`, a list of dictionaries.
    """
    known = [*tflite.FORMATS, "onnx", "saved_model"]
    formats = config.formats.split(",")
    if any(form not in known for form in formats):
        raise ValueError(f"--formats are of {known}, with commas. Received: --formats={config.formats}")
    if not config.model:
        raise ValueError("expected --model=FILE, the saved generator (see --help)")
    generator = loading.load_generator(config.model)
    with tempfile.TemporaryDirectory() as folder:
        files = [export(generator, form, Path(folder)) for form in tqdm.tqdm(formats, leave=False, disable=None)]
    return {"parameters": generator.count_params(), "files": files}


def export(generator, form, folder):
    """Exports a generator in one form.

    Returns:
        Dictionary of the `form`, its `bytes`, `milliseconds` of one image by signature and, of files, `psnr` in
        decibels and `levels`.
    """
    if form == "saved_model":
        card = saved_model.export(generator, folder / form)
        size = sum(path.stat().st_size for path in (folder / form).rglob("*") if path.is_file())
    elif form == "onnx":
        card = onnx.export(generator, folder / "generator.onnx")
    else:
        card = tflite.export(generator, folder / f"{form}.tflite", form)
    if form == "saved_model":
        rows = [row for row in card["latency"]["median"] if row["batch"] == 1]
        return {"form": form, "bytes": size, "milliseconds": {row["signature"]: row["milliseconds"] for row in rows}}
    rows = card["parity"]["rows"]
    levels = [row["level_error"] for row in rows if row["level_error"] is not None]
    return {
        "form": form,
        "bytes": card["file"]["bytes"],
        "psnr": min(row["psnr"] for row in rows),
        "levels": max(levels, default=None),
        "milliseconds": {call["signature"]: call["milliseconds"] for call in card["latency"]["calls"]},
    }


def render(run):
    """Tables of what was measured, as Markdown."""
    rows = [
        [
            each["form"],
            f"{each['bytes']:,}",
            tables.digits(each.get("psnr"), "{:.0f}"),
            tables.digits(each.get("levels"), "{:g}"),
            signature,
            f"{milliseconds:.2f}",
        ]
        for each in run["files"]
        for signature, milliseconds in each["milliseconds"].items()
    ]
    columns = ["form", "bytes", "PSNR, dB", "99.9 % of bytes within", "signature", "ms an image"]
    return f"{run['parameters']:,} parameters.\n\n{tables.table(columns, rows)}"


if __name__ == "__main__":
    main()
