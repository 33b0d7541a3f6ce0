"""Pictures from a saved generator.

    python -m trainers.sample --model=runs/dcgan-mnist5k-001/generator.keras --n=64 --seed=1 --out=more.png

Image i is made from the seed `seed + i`, here and in every exported form of the same generator.
"""

import dataclasses
from pathlib import Path

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.data import sources
from keras_gan.export import loading
from keras_gan.files import atomic, pictures


@dataclasses.dataclass(frozen=True)
class Config:
    model: str = option("", "generator.keras or gan.keras of a run, or preset:NAME.")
    n: int = option(64, "Number of images.", low=1, below=10**6)
    seed: int = option(0, "Seed of the first image.")
    label: str = option("", "Class of all images, by number or name; all classes in turn if empty.")
    truncation: float = option(1.0, "Factor in [0, 1] on the latents: less variety, often better pictures.")
    out: str = option("samples.png", "A .png file for one grid, or a folder for one PNG file per image.")
    overwrite: bool = option(False, "Whether an existing file may be replaced.")


def _label(text, generator):
    """The class that the flag names, or `None`."""
    if not text:
        return None
    if generator.class_names and text in generator.class_names:
        return generator.class_names.index(text)
    classes = range(generator.num_classes or 0)
    if not (text.isdecimal() and int(text) in classes):
        known = generator.class_names or list(classes) or "it has none"
        raise ValueError(f"--label must be a class of this generator: {known}. Received: --label={text}")
    return int(text)


def _sample(config):
    if not config.model:
        raise ValueError("--model is needed: the generator.keras of a run.")
    out = Path(config.out)
    grid = out.suffix.lower() == ".png"
    if not config.out or (out.suffix.lower() in sources.EXTENSIONS and not grid):
        raise ValueError(f"--out must be a .png file, or a folder. Received: --out={config.out}")
    digits = len(str(config.seed + config.n - 1))
    files = [out] if grid else [out / f"seed-{config.seed + i:0{digits}d}.png" for i in range(config.n)]
    existing = [file for file in files if file.exists()]
    if existing and not config.overwrite:
        raise ValueError(f"{existing[0]} exists: choose another --out, or pass --overwrite.")
    if existing and existing[0].is_dir():
        raise ValueError(f"{existing[0]} is a folder: choose another --out.")
    atomic.nearest_folder(files[0])
    generator = loading.load_generator(config.model)
    images = generator.sample(
        config.n, labels=_label(config.label, generator), seed=config.seed, truncation=config.truncation
    )
    if images.ndim != 4:
        raise ValueError(f"{config.model} generates vectors, which have no picture. Received: shape {images.shape[1:]}")
    if grid:
        pictures.write_png(out, pictures.grid(images))
    else:
        for file, image in zip(files, images, strict=True):
            pictures.write_png(file, pictures.to_uint8(image))
    print(f"{config.n} images of seeds {config.seed} to {config.seed + config.n - 1}: {out}")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and draws."""
    config, _ = cli.parse(Config, "python -m trainers.sample", __doc__, argv)
    cli.run(lambda: _sample(config))


if __name__ == "__main__":
    main()
